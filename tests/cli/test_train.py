"""train and resume: from options and run files to stored runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio.cli.spec_arguments import cohort_from_options
from resnet_studio.data.datasets import paths
from resnet_studio.domain.documents import cohort_from_toml
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from .conftest import CLASSES, TINY, Said, Trained

At = Callable[..., Said]
PROMISED = (
    "id name status reason depth block shortcut data seed iteration iterations train_error test_error best_test_error "
    "parameters multiply_adds weights_sha256 created_at seconds"
)


def test_a_trained_twin_as_json(original: Trained, images: Path) -> None:
    plain, residual = original.runs
    for run in (plain, residual):
        assert set(PROMISED.split()) <= set(run)
        assert (run["status"], run["iteration"], run["iterations"], run["seed"]) == ("finished", 60, 60, 3)
        assert run["data"] == f"folder:{images}"
        assert run["class_names"] == list(CLASSES)
        assert run["spec"]["network"]["classes"] == 3
        assert len(run["weights_sha256"]) == 64
        assert 0 <= run["test_error"] <= 100
    assert (plain["block"], residual["block"]) == ("plain", "basic")
    assert plain["parameters"] == residual["parameters"]
    assert plain["weights_sha256"] != residual["weights_sha256"]


def test_the_same_command_gives_the_same_weights(at_home: At, original: Trained, images: Path) -> None:
    """And a member of a twin is the run that it would have been alone. One run's JSON is an object."""
    said = at_home(
        "train", *TINY, "--data", f"folder:{images}", "--iterations", 60, "--test-every", 30, "--seed", 3, "--json"
    )
    assert said.json["weights_sha256"] == original.runs[1]["weights_sha256"]


def test_plain_lines_in_a_pipe_and_a_closing_table(at_home: At, images: Path) -> None:
    said = at_home("train", *TINY, "--data", f"folder:{images}", "--iterations", 5, "--name", "five")
    assert said.code == 0
    assert "iteration" in said.out
    assert "finished" in said.out
    assert "five" in said.out
    assert "\x1b" not in said.out
    assert said.err == ""


def test_a_dry_run_prints_a_run_file_and_stores_nothing(at_home: At, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    said = at_home("train", *TINY, "--seed", 9, "--dry-run", "--save", file)
    assert said.code == 0
    (run,) = cohort_from_toml(said.out).runs
    assert (run.network.depth, run.recipe.milestones) == (8, ())
    assert (run.recipe.init_seed, run.recipe.data_seed) == (9, 9)
    assert cohort_from_toml(file.read_text()).runs == (run,)
    again = at_home("train", file, "--dry-run")
    assert again.out == said.out
    as_json = at_home("train", file, "--dry-run", "--json").json
    assert CohortSpec.model_validate(as_json).runs == (run,)
    assert at_home("runs", "list", "--json").json == []


def test_a_twin_from_a_run_file(at_home: At, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[network]\ndepth = 8\nblock = "plain"\n')
    cohort = cohort_from_toml(at_home("train", file, "--twin", "--dry-run").out)
    assert [run.label for run in cohort.runs] == ["plain-8", "ResNet-8"]
    (tmp_path / "twin.toml").write_text(at_home("train", file, "--twin", "--dry-run").out)
    refused = at_home("train", tmp_path / "twin.toml", "--twin")
    assert (refused.code, refused.out) == (2, "")
    longer = at_home("train", tmp_path / "twin.toml", "--iterations", 7, "--dry-run")
    assert {run.recipe.iterations for run in cohort_from_toml(longer.out).runs} == {7}


def test_a_run_file_is_trained(at_home: At, images: Path, tmp_path: Path) -> None:
    folder = images.relative_to(tmp_path.parent) if images.is_relative_to(tmp_path.parent) else images
    file = tmp_path / "run.toml"
    file.write_text(
        '[network]\ndepth = 8\nwidth = 4\nimage_size = 8\n'
        f'[data]\nsource = "folder:../{folder}"\n'
        '[recipe]\niterations = 4\nbatch_size = 16\ndevice = "cpu"\nprecision = "float32"\n'
    )  # fmt: skip
    said = at_home("train", file, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["status"] == "finished"
    assert said.json["data"] == f"folder:{images.resolve()}"


def test_separate_seeds_win_over_the_common_one(home: Home) -> None:
    cohort = cohort_from_options(None, {"recipe.data_seed": 4}, 1, False, home)
    assert (cohort.runs[0].recipe.init_seed, cohort.runs[0].recipe.data_seed) == (1, 4)


def test_classes_given_by_hand_are_kept(home: Home, images: Path) -> None:
    source = {"data.source": f"folder:{images}"}
    assert cohort_from_options(None, source, None, False, home).runs[0].network.classes == 3
    assert cohort_from_options(None, {**source, "network.classes": 5}, None, False, home).runs[0].network.classes == 5


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ({"data.source": "cifar100"}, 100),
        ({"data.source": "stl10"}, 10),
        ({"data.source": "cifar100", "network.family": "imagenet", "network.depth": 18}, 100),
        ({"data.source": "cifar100", "network.classes": 7}, 7),
        ({"network.family": "imagenet", "network.depth": 18}, 1000),
    ],
)
def test_a_named_data_set_gives_the_number_of_classes(home: Home, monkeypatch, values, classes: int) -> None:
    monkeypatch.setattr(paths, "obstacle", lambda home, row: "")  # as if it had been downloaded
    assert cohort_from_options(None, values, None, False, home).runs[0].network.classes == classes


def test_wrong_classes_are_refused_with_a_reason(at_home: At, images: Path) -> None:
    said = at_home("train", *TINY, "--data", f"folder:{images}", "--classes", 5, "--iterations", 3)
    assert said.code == 2
    assert "3 classes" in said.err


def test_what_was_queued_or_stopped_is_resumed_as_a_cohort(at_home: At, images: Path, home: Home) -> None:
    """The home of ``at_home`` is the one of the store."""
    asked = {"data.source": f"folder:{images}", "network.depth": 8, "network.width": 4, "network.image_size": 8,
             "recipe.iterations": 4, "recipe.batch_size": 16, "recipe.device": "cpu"}  # fmt: skip
    with RunStore.open(home) as store:
        first, second = store.create_cohort(cohort_from_options(None, asked, None, True, home))
    said = at_home("resume", "--cohort", first.id[:10], "--json")
    assert said.code == 0
    assert [(run["id"], run["status"]) for run in said.json] == [(first.id, "finished"), (second.id, "finished")]
    again = at_home("resume", first.id)
    assert again.code == 2
    assert "finished" in again.err
    assert at_home("resume", "--cohort", first.id).code == 2


@pytest.mark.parametrize("value", ["none", "", " None "])
def test_no_milestones(at_home: At, value: str) -> None:
    (run,) = cohort_from_toml(at_home("train", "--dry-run", "--milestones", value).out).runs
    assert run.recipe.milestones == ()
