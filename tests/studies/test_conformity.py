"""Conformity: every point of the paper, before training and after, against specs and records made by hand."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from dataclasses import replace as with_fields
from datetime import UTC, datetime
from typing import Any

import pytest

from resnet_studio.domain.documents import to_toml
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.presets import apply, find_preset, preset_for
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.studies.conformity import Conformity, State, Yardstick, of_run, of_spec
from resnet_studio.studies.conformity.texts import as_csv, as_json, as_remarks, as_text, csv_columns

from ..waiting import thread_seconds

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
AUTHORS_OWN = {"momentum_form": "authors", "bn_statistics": "recomputed"}
CIFAR = RunSpec(data=DataSpec(source="cifar10"), recipe=RecipeSpec(**AUTHORS_OWN))
WORDNET = tuple(f"n{number:08d}" for number in range(1000))
IMAGENET = RunSpec(
    network=NetworkSpec(family="imagenet", depth=50),
    recipe=RecipeSpec(
        batch_size=256, bn_images=32, iterations=600_000, schedule="plateau", augmentation="scale-crop-flip",
        colour="pca", **AUTHORS_OWN,
    ),
    data=DataSpec(source="folder:/images/ilsvrc"),
)  # fmt: skip


def imagenet(spec: RunSpec = IMAGENET) -> Conformity:
    return of_spec(spec, 1_281_167 - spec.data.held_out, 50_000, WORDNET)


def changed(spec: RunSpec, part: str, fields: dict[str, Any]) -> RunSpec:
    if part == "network":
        own = {name: getattr(spec.network, name) for name in ("family", "depth", "block", "branch", "shortcut")}
        return replace(spec, network=NetworkSpec(**{**own, **fields}))
    return replace(spec, **{part: replace(getattr(spec, part), **fields)})


def record(spec: RunSpec, number: int = 0, **fields: Any) -> RunRecord:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    run = RunRecord(
        id=f"run{number}", cohort_id="c", name=spec.label, status=RunStatus.FINISHED, reason="", spec=spec,
        iteration=spec.recipe.iterations, training_error=0.1, test_error=9.0, best_test_error=8.5, parameters=1,
        multiply_adds=1, weights_sha256=None, created_at=moment, updated_at=moment, seconds=0.0, colour="#0072B2",
    )  # fmt: skip
    return with_fields(run, **fields)


def seeded(*errors: float, spec: RunSpec = CIFAR) -> list[RunRecord]:
    return [
        record(changed(spec, "recipe", {"init_seed": seed, "data_seed": seed}), seed, test_error=error)
        for seed, error in enumerate(errors)
    ]


def keys(found: Conformity, state: State) -> set[str]:
    return {check.key for check in found.of(state)}


def summary(protocol: Protocol, *run_ids: str, outdated: bool = False) -> EvaluationSummary:
    return EvaluationSummary(
        id="e", run_ids=run_ids or ("run0",), protocol=protocol, data="folder:/images/ilsvrc", data_seed=0,
        data_sha256="", images=50_000, classes=1000, top1_error=22.9, top5_error=6.7, member_errors=(),
        weights=("ab",), iterations=(600_000,), outdated=(outdated,), created_at=datetime(2024, 5, 1, tzinfo=UTC),
        seconds=1.0,
    )  # fmt: skip


def test_the_papers_own_cifar_run_differs_in_nothing() -> None:
    found = of_spec(CIFAR)
    assert found.yardstick is Yardstick.CIFAR
    assert keys(found, State.DIFFERS) == keys(found, State.UNKNOWN) == set()
    assert keys(found, State.OPEN) == {
        "zero_padding", "decay", "bn_images", "precision", "machine", "padding", "epoch",
    }  # fmt: skip
    assert len({check.key for check in found.checks}) == len(found.checks)
    assert found.sentence == "Conforms in 30 points, differs in none; the paper leaves 7 open."


def test_the_papers_own_imagenet_run_differs_in_its_one_view_alone() -> None:
    found = imagenet()
    assert found.yardstick is Yardstick.IMAGENET
    assert keys(found, State.DIFFERS) == {"test_view"}
    assert not found.check("bn_images").in_paper
    assert found.check("bn_images").run == "32: the batch in 8 shares"
    assert keys(found, State.UNKNOWN) == set()
    whole = imagenet(changed(IMAGENET, "recipe", {"bn_images": 0})).check("bn_images")
    assert (whole.state, whole.run) == (State.DIFFERS, "256: the whole batch")
    one_share = {"batch_size": 32, "bn_images": 0}
    assert imagenet(changed(IMAGENET, "recipe", one_share)).check("bn_images").state is State.CONFORMS


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110, 1202])
def test_the_cifar_preset_conforms_for_every_network_of_table_6(depth: int) -> None:
    spec = RunSpec(network=NetworkSpec(depth=depth), data=DataSpec(source="cifar10"))
    found = of_spec(apply(find_preset(preset_for(spec.network)), spec))
    assert keys(found, State.DIFFERS) == keys(found, State.UNKNOWN) == set()
    assert found.paper


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_the_imagenet_preset_differs_in_one_view_alone(depth: int) -> None:
    network = NetworkSpec(family="imagenet", depth=depth)
    spec = RunSpec(network=network, data=DataSpec(source="folder:/images/ilsvrc"))
    found = imagenet(apply(find_preset("imagenet"), spec))
    assert keys(found, State.DIFFERS) == {"test_view"}
    assert found.paper


@pytest.mark.parametrize(
    ("part", "fields", "differing"),
    [
        ("network", {"shortcut": "B"}, {"shortcut"}),
        ("network", {"shortcut": "C"}, {"shortcut"}),
        ("network", {"widths": (32, 64, 128)}, {"widths"}),
        ("network", {"width": 32}, {"widths"}),
        ("network", {"stem": "7x7"}, {"stem"}),
        ("network", {"image_size": 40}, {"image_size", "test_view"}),
        ("network", {"classes": 100}, {"classes"}),
        ("network", {"activation": "pre"}, {"activation"}),
        ("network", {"block": "single", "branch": "single"}, {"block", "depth"}),
        ("network", {"block": "bottleneck", "branch": "bottleneck", "depth": 29}, {"block", "depth"}),
        (
            "network",
            {"block": "bottleneck", "branch": "bottleneck", "depth": 29, "stride_place": "3x3"},
            {"block", "depth", "stride_place"},
        ),
        ("recipe", {"batch_size": 64}, {"batch_size"}),
        ("recipe", {"learning_rate": 0.05}, {"learning_rate"}),
        ("recipe", {"iterations": 63_999}, {"iterations"}),
        ("recipe", {"milestones": (32_000, 48_001)}, {"schedule"}),
        ("recipe", {"milestones": (), "schedule": "cosine"}, {"schedule"}),
        ("recipe", {"milestones": (), "schedule": "plateau"}, {"schedule"}),
        ("recipe", {"warmup_rate": 0.01}, {"warm_up"}),
        ("recipe", {"momentum": 0.8}, {"momentum"}),
        ("recipe", {"momentum_form": "torch"}, {"momentum_form"}),
        ("recipe", {"weight_decay": 5e-4}, {"weight_decay"}),
        ("recipe", {"label_smoothing": 0.1}, {"label_smoothing"}),
        ("recipe", {"zero_last_gamma": True}, {"last_gamma"}),
        ("recipe", {"bn_statistics": "moving"}, {"bn_statistics"}),
        ("recipe", {"augmentation": "none"}, {"augmentation"}),
        ("recipe", {"augmentation": "scale-crop-flip"}, {"augmentation", "scales"}),
        ("recipe", {"colour": "pca"}, {"colour"}),
        ("recipe", {"normalisation": "channel-mean-std"}, {"mean"}),
        ("data", {"source": "builtin"}, {"data"}),
        ("data", {"held_out": 5_000}, set()),
        ("data", {"held_out": 4_000}, {"training_images"}),
        ("data", {"held_out": 5_000, "test_on": "held-out"}, {"test_images"}),
    ],
)
def test_one_change_of_the_cifar_run_is_one_difference(part: str, fields: dict[str, Any], differing: set[str]) -> None:
    assert keys(of_spec(changed(CIFAR, part, fields)), State.DIFFERS) == differing


@pytest.mark.parametrize(
    ("part", "fields", "differing"),
    [
        ("network", {"shortcut": "A"}, {"shortcut"}),
        ("network", {"stride_place": "3x3"}, {"stride_place"}),
        ("network", {"stages": (3, 4, 7, 3), "depth": 53}, {"depth"}),
        ("network", {"image_size": 192}, {"image_size"}),
        ("network", {"activation": "pre"}, {"activation"}),
        ("recipe", {"scale_min": 224}, {"scales"}),
        ("recipe", {"scale_max": 400}, {"scales"}),
        ("recipe", {"colour": "none"}, {"colour"}),
        ("recipe", {"colour_std": 0.2}, {"colour"}),
        ("recipe", {"augmentation": "pad-crop-flip"}, {"augmentation", "scales"}),
        ("recipe", {"schedule": "milestones", "milestones": (300_000,)}, {"schedule"}),
        ("recipe", {"batch_size": 128}, {"batch_size"}),
        ("recipe", {"bn_images": 64}, {"bn_images"}),
        ("recipe", {"iterations": 500_000}, {"iterations"}),
        ("recipe", {"warmup_rate": 0.01}, {"warm_up"}),
        ("data", {"held_out": 50_000}, {"training_images"}),
    ],
)
def test_one_change_of_the_imagenet_run_is_one_difference(
    part: str, fields: dict[str, Any], differing: set[str]
) -> None:
    found = imagenet(changed(IMAGENET, part, fields))
    assert keys(found, State.DIFFERS) - {"test_view"} == differing


@pytest.mark.parametrize(
    ("part", "fields", "key", "words"),
    [
        ("network", {"zero_padding": "both"}, "zero_padding", "half before"),
        ("recipe", {"pad_with": "black"}, "padding", "black"),
        ("recipe", {"decay": "weights"}, "decay", "fully connected"),
        ("recipe", {"precision": "bfloat16"}, "precision", "bfloat16"),
    ],
)
def test_what_the_paper_leaves_open_is_named_and_no_difference(
    part: str, fields: dict[str, Any], key: str, words: str
) -> None:
    check = of_spec(changed(CIFAR, part, fields)).check(key)
    assert check.state is State.OPEN
    assert words in check.run
    assert check.run != of_spec(CIFAR).check(key).run


def test_resnet_110_wants_its_warm_up_and_others_none() -> None:
    deep = changed(CIFAR, "network", {"depth": 110})
    assert of_spec(deep).check("warm_up").state is State.DIFFERS
    warmed = changed(deep, "recipe", {"warmup_rate": 0.01})
    assert keys(of_spec(warmed), State.DIFFERS) == set()
    assert of_spec(changed(warmed, "recipe", {"warmup_error": 70.0})).check("warm_up").state is State.DIFFERS
    assert of_spec(changed(CIFAR, "network", {"depth": 1202})).check("warm_up").state is State.OPEN
    plain = changed(CIFAR, "network", {"depth": 110, "block": "plain", "shortcut": "none"})
    assert of_spec(plain).check("warm_up").state is State.OPEN


def test_both_forms_of_momentum_are_one_while_the_rate_stands_still() -> None:
    short = changed(CIFAR, "recipe", {"momentum_form": "torch", "iterations": 500})
    assert of_spec(short).check("momentum_form").state is State.CONFORMS
    assert of_spec(changed(short, "recipe", {"warmup_rate": 0.01})).check("momentum_form").state is State.DIFFERS


@pytest.mark.parametrize(
    ("network", "errors"),
    [
        ({"depth": 20}, [("Table 6", 8.75, None)]),
        ({"depth": 110}, [("Table 6", 6.43, None)]),
        ({"depth": 20, "shortcut": "B"}, []),
        ({"depth": 20, "block": "plain"}, []),
        ({"depth": 26}, []),
        ({"depth": 20, "activation": "pre"}, []),
        ({"depth": 20, "width": 32}, []),
        ({"depth": 56, "block": "bottleneck"}, []),
        ({"family": "imagenet", "depth": 18, "shortcut": "A"}, [("Table 2", 27.88, None)]),
        ({"family": "imagenet", "depth": 18, "shortcut": "B"}, []),
        ({"family": "imagenet", "depth": 18, "block": "plain"}, [("Table 2", 27.94, None)]),
        (
            {"family": "imagenet", "depth": 34, "block": "plain"},
            [("Table 2", 28.54, None), ("Table 3", 28.54, 10.02)],
        ),
        (
            {"family": "imagenet", "depth": 34, "shortcut": "A"},
            [("Table 2", 25.03, None), ("Table 3", 25.03, 7.76)],
        ),
        (
            {"family": "imagenet", "depth": 34, "shortcut": "C"},
            [("Table 3", 24.19, 7.40), ("Table 4", 21.53, 5.60)],
        ),
        ({"family": "imagenet", "depth": 152}, [("Table 3", 21.43, 5.71), ("Table 4", 19.38, 4.49)]),
        (
            {"family": "imagenet", "depth": 50, "stride_place": "3x3"},
            [("Table 3", 22.85, 6.71), ("Table 4", 20.74, 5.25)],
        ),
        ({"family": "imagenet", "depth": 50, "shortcut": "A"}, []),
        ({"family": "imagenet", "depth": 50, "classes": 10}, []),
        ({"family": "imagenet", "depth": 50, "block": "plain"}, []),
        ({"family": "imagenet", "depth": 34, "branch": "single", "block": "single"}, []),
        ({"family": "vgg", "depth": 16}, [("Table 3", 28.07, 9.33)]),
        ({"family": "vgg", "depth": 19}, []),
    ],
)  # fmt: skip
def test_the_papers_figure_is_that_of_the_very_network_or_none(
    network: dict[str, Any], errors: list[tuple[str, float, float | None]]
) -> None:
    found = of_spec(RunSpec(network=NetworkSpec(**network)))
    assert [(figure.table, figure.top1, figure.top5) for figure in found.figures] == errors
    assert bool(found.paper) is bool(errors)
    if errors:  # builtin images are not the paper's
        assert "this design's data are others (builtin)" in found.remark


def test_the_best_of_five_is_told_with_the_mean() -> None:
    found = of_spec(changed(CIFAR, "network", {"depth": 110}))
    assert found.paper == "Table 6 (single view, test set): error 6.43 % best of 5 (6.61 ± 0.16 %)."


def test_vgg_is_a_reference_whose_dropout_is_left_out() -> None:
    recipe = replace(IMAGENET.recipe, bn_images=0)
    found = imagenet(replace(IMAGENET, network=NetworkSpec(family="vgg", depth=19), recipe=recipe))
    assert keys(found, State.DIFFERS) == {"dropout", "test_view"}
    assert "left out" in found.check("dropout").run
    assert {"head", "stem", "block", "activation", "bn_images", "bn_statistics"} <= keys(found, State.NOT_APPLICABLE)


def test_cifar_10_in_a_folder_is_known_by_classes_and_counts() -> None:
    spec = changed(CIFAR, "data", {"source": "folder:/images/cifar"})
    assert of_spec(spec).check("data").state is State.UNKNOWN
    assert of_spec(spec, 50_000, 10_000, CIFAR_CLASSES).check("data").state is State.CONFORMS
    numbered = tuple(f"{number}-{name}" for number, name in enumerate(CIFAR_CLASSES))
    assert of_spec(spec, 50_000, 10_000, numbered).check("data").state is State.CONFORMS
    assert of_spec(spec, 2_000, 10_000, CIFAR_CLASSES).check("data").state is State.DIFFERS
    other = of_spec(spec, 50_000, 10_000, ("cat", "dog"))
    assert (other.check("data").state, other.yardstick) == (State.DIFFERS, Yardstick.CIFAR)
    environment = {"training_images": "45000", "test_images": "10000", "data_sha256": "ab"}
    split = record(changed(spec, "data", {"held_out": 5_000}), class_names=CIFAR_CLASSES, environment=environment)
    assert of_run(split).check("data").state is State.CONFORMS
    assert "45 000" in of_run(split).check("training_images").run
    left_out = with_fields(split, environment={**environment, "files_left_out": "3"})
    assert "3 files left out" in of_run(left_out).check("data").run


def test_the_data_choose_the_yardstick_and_else_the_family() -> None:
    large = replace(CIFAR, network=NetworkSpec(family="imagenet", depth=18, classes=10))
    assert of_spec(large).yardstick is Yardstick.CIFAR
    assert {"depth", "widths", "stem", "image_size"} <= keys(of_spec(large), State.DIFFERS)
    assert of_spec(replace(large, data=DataSpec())).yardstick is Yardstick.IMAGENET


def test_after_training_the_environment_and_the_end_are_told() -> None:
    environment = {
        "precision": "bfloat16", "device": "cpu", "device_name": "a processor", "torch": "2.15", "engine": "eager",
        "training_images": "50000", "test_images": "10000",
    }  # fmt: skip
    found = of_run(record(CIFAR, environment=environment))
    assert "bfloat16" in found.check("precision").run
    assert "chosen by a probe" in found.check("precision").run
    assert found.check("machine").run == "a processor, torch 2.15, engine eager"
    assert keys(found, State.DIFFERS) == set()
    for status in (RunStatus.STOPPED, RunStatus.DIVERGED, RunStatus.INTERRUPTED, RunStatus.FAILED):
        ended = of_run(record(CIFAR, status=status, iteration=1200)).check("iterations")
        assert (ended.state, ended.run) == (State.DIFFERS, f"{status} after 1 200 of 64 000")
    going = of_run(record(CIFAR, status=RunStatus.RUNNING, iteration=1200)).check("iterations")
    assert (going.state, going.run) == (State.CONFORMS, "64 000 iterations, now at 1 200")


def test_fine_tuning_is_named() -> None:
    check = of_spec(replace(CIFAR, start_from="0123abcd")).check("initial")
    assert check.state is State.DIFFERS
    assert "0123abcd" in check.run


def test_of_imported_weights_the_recipe_is_not_known() -> None:
    spec = replace(CIFAR, data=DataSpec(source="none"))
    found = of_run(record(spec, status=RunStatus.IMPORTED, iteration=0, environment={"source_file": "a.pth"}))
    known = {check.key for check in found.checks if check.state is State.CONFORMS}
    assert known == {
        "depth", "block", "widths", "stem", "head", "image_size", "classes", "shortcut", "activation", "dropout",
        "mean",
    }  # fmt: skip
    assert {"batch_size", "momentum_form", "augmentation", "data", "training_images", "epoch"} <= keys(
        found, State.UNKNOWN
    )
    assert not keys(found, State.DIFFERS)
    assert "is not known" in found.remark
    assert found.check("batch_size").run == "imported from a.pth: nobody wrote it down here"


def test_evaluations_of_the_papers_protocols_count_and_others_do_not() -> None:
    run = record(IMAGENET, class_names=WORDNET, environment={"training_images": "1281167", "test_images": "50000"})

    def view(*evaluations: EvaluationSummary) -> State:
        return of_run(run, evaluations=evaluations).check("test_view").state

    assert view() is State.DIFFERS
    assert view(summary(Protocol(kind="ten-crop"))) is State.CONFORMS
    assert view(summary(Protocol(kind="ten-crop", resize=300))) is State.DIFFERS
    assert view(summary(Protocol(kind="multi-scale"))) is State.CONFORMS
    assert view(summary(Protocol(kind="multi-scale", scales=(224,)))) is State.DIFFERS
    assert view(summary(Protocol(kind="centre-crop"))) is State.DIFFERS
    assert view(summary(Protocol(kind="ten-crop"), "run0", "run1")) is State.DIFFERS
    assert view(summary(Protocol(kind="ten-crop"), outdated=True)) is State.DIFFERS
    assert (
        "10-crop on /images/ilsvrc: top-1 22.90 %" in of_run(run, evaluations=[summary(Protocol(kind="ten-crop"))]).own
    )


def test_five_runs_of_110_layers_are_the_papers_count() -> None:
    deep = changed(changed(CIFAR, "network", {"depth": 110}), "recipe", {"warmup_rate": 0.01})
    runs = seeded(6.4, 6.6, 6.7, 6.5, 6.8, spec=deep)
    assert of_run(runs[0], runs).check("runs").state is State.CONFORMS
    assert of_run(runs[0], runs[:3]).check("runs").state is State.DIFFERS
    assert of_run(record(CIFAR)).check("runs").state is State.OPEN


def test_text_json_table_and_remarks_say_the_same() -> None:
    runs = seeded(9.0, 9.2)
    found = of_run(runs[0], runs)
    assert found.own == "test error last 9.10 ± 0.14 % over 2 seeds (best 8.50 %)"
    text = as_text(found)
    for check in found.checks:
        assert check.topic in text
        assert check.run in text
    assert "Table 6 (single view, test set): error 8.75 %" in text
    told = json.loads(json.dumps(as_json(found)))
    assert told["counts"]["conforms"] == len(found.of(State.CONFORMS))
    assert told["result"]["seeds"] == 2
    assert told["result"]["mean_test_error"] == pytest.approx(9.1)
    assert told["paper"][0]["top1"] == 8.75
    assert [check["key"] for check in told["checks"]] == [check.key for check in found.checks]
    rows = list(csv.DictReader(io.StringIO(as_csv([(runs[0], found)]))))
    assert [row["topic"] for row in rows] == [check.topic for check in found.checks]
    assert {row["run"] for row in rows} == {"run0"}
    assert csv_columns([found])["conformity"] == [found.sentence]
    remarks = as_remarks(of_spec(changed(CIFAR, "recipe", {"batch_size": 64})))
    assert "# Batch: 64 images (paper: 128 images)" in remarks
    assert tomllib.loads(remarks + to_toml(CIFAR)) == tomllib.loads(to_toml(CIFAR))


def test_only_differences_leaves_the_rest_out() -> None:
    text = as_text(of_spec(changed(CIFAR, "recipe", {"batch_size": 64})), only_differences=True)
    assert "≠ Batch (differs): 64 images" in text
    assert "Momentum" not in text


def test_a_list_is_made_at_each_keystroke() -> None:
    spec = changed(CIFAR, "network", {"depth": 1202})
    assert thread_seconds(lambda: of_spec(spec), 5) < 0.01
