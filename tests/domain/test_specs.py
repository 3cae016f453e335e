"""Specifications: bounds, sentences, and what belongs together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from resnet_studio.domain.documents import parse, sentences
from resnet_studio.domain.enums import Block, Shortcut
from resnet_studio.domain.errors import SpecError
from resnet_studio.domain.schedules import schedule_of
from resnet_studio.domain.specs import (
    MAX_DEPTH,
    CohortSpec,
    DataSpec,
    NetworkSpec,
    RecipeSpec,
    RunSpec,
    counterpart,
    nearest_depths,
    replace,
    twin,
)


@pytest.mark.parametrize(
    ("depth", "nearest"), [(21, (20, 26)), (20, (20, 26)), (3, (8,)), (-5, (8,)), (1201, (1196, 1202)), (5000, (1202,))]
)
def test_the_nearest_depths_stay_within_the_family(depth: int, nearest: tuple[int, ...]) -> None:
    assert nearest_depths(depth) == nearest
    assert all((d - 2) % 6 == 0 and 8 <= d <= MAX_DEPTH for d in nearest)


def test_a_depth_that_is_not_6n_plus_2_names_its_neighbours() -> None:
    with pytest.raises(SpecError) as caught:
        parse(RunSpec, {"network": {"depth": 21}})
    assert caught.value.fields == {"network.depth": "depth 21 is not 6n + 2; choose 20 or 26"}
    assert str(caught.value) == "network.depth: depth 21 is not 6n + 2; choose 20 or 26"


def test_a_plain_net_needs_no_word_about_shortcuts() -> None:
    assert parse(NetworkSpec, {"depth": 20, "block": "plain"}).shortcut is Shortcut.NONE
    assert NetworkSpec(block=Block.PLAIN).label == "plain-20"


@pytest.mark.parametrize(("block", "shortcut"), [("plain", "A"), ("plain", "C"), ("basic", "none")])
def test_block_and_shortcut_must_fit(block: str, shortcut: str) -> None:
    with pytest.raises(SpecError, match="choose"):
        parse(NetworkSpec, {"block": block, "shortcut": shortcut})


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("batch_size", 1, "must be at least 2, got 1"),
        ("iterations", 0, "must be at least 1, got 0"),
        ("iterations", "many", "must be a whole number, got 'many'"),
        ("iterations", 1.5, "must be a whole number, got 1.5"),
        ("learning_rate", 0, "must be greater than 0.0, got 0"),
        ("learning_rate", float("nan"), "must be a finite number, got nan"),
        ("momentum", 1, "must be less than 1.0, got 1"),
        ("milestones", [5, 5], "milestones must rise, like 32000, 48000"),
        ("precision", "float8", "must be 'auto', 'float32', 'tf32' or 'bfloat16', got 'float8'"),
    ],
)
def test_each_bound_has_its_sentence(field: str, value: object, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(RecipeSpec, {field: value})
    assert caught.value.fields[field] == sentence


def test_an_option_that_nobody_reads_is_refused() -> None:
    with pytest.raises(SpecError, match=r"network\.dept: is not a field"):
        parse(RunSpec, {"network": {"dept": 20}})
    with pytest.raises(SpecError, match="would change nothing"):
        parse(DataSpec, {"source": "cifar10", "seed": 1})


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse(RunSpec, {"network": {"depth": 7, "width": 0}, "recipe": {"batch_size": 0}})
    assert set(caught.value.fields) == {"network.depth", "network.width", "recipe.batch_size"}


@pytest.mark.parametrize("source", ["", "folder:", "folder:  ", "cifar", "imagenet", "Builtin"])
def test_unknown_data_is_refused(source: str) -> None:
    with pytest.raises(SpecError):
        parse(DataSpec, {"source": source})


def test_specs_are_frozen_and_hashable() -> None:
    spec = RunSpec()
    with pytest.raises(ValidationError):
        spec.name = "other"  # type: ignore[misc]
    assert hash(spec) == hash(RunSpec())
    assert {spec: 1}[RunSpec()] == 1


def test_the_default_recipe_is_the_papers() -> None:
    """Section 4.2: batch 128, rate 0.1 divided at 32k and 48k, 64k iterations, momentum 0.9, weight decay 1e-4."""
    recipe = RecipeSpec()
    assert (recipe.batch_size, recipe.iterations, recipe.momentum, recipe.weight_decay) == (128, 64_000, 0.9, 1e-4)
    rates = [schedule_of(recipe).rate(i) for i in (1, 32_000, 32_001, 48_000, 48_001, 64_000)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_a_twin_is_plain_first_and_shares_all_but_the_block() -> None:
    residual = RunSpec(network=NetworkSpec(depth=56))
    cohort = twin(residual)
    assert [run.network.label for run in cohort.runs] == ["plain-56", "ResNet-56"]
    assert cohort.runs[0].recipe == cohort.runs[1].recipe
    assert twin(cohort.runs[0]).runs == cohort.runs
    assert counterpart(counterpart(residual.network)) == residual.network


def test_a_named_run_names_its_counterpart() -> None:
    assert [run.name for run in twin(RunSpec(name="mine")).runs] == ["mine (plain)", "mine"]


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": {"iterations": 5}},
        {"recipe": {"batch_size": 5}},
        {"recipe": {"data_seed": 5}},
        {"data": {"seed": 5}},
        {"network": {"classes": 5}},
        {"network": {"image_size": 16}},
    ],
)
def test_runs_that_cannot_share_batches_are_no_cohort(change: dict[str, dict[str, int]]) -> None:
    first = RunSpec()
    second = RunSpec.model_validate(
        {**first.model_dump(), **{k: {**first.model_dump()[k], **v} for k, v in change.items()}}
    )
    with pytest.raises(ValidationError) as caught:
        CohortSpec(runs=(first, second))
    assert next(iter(sentences(caught.value).values())).startswith("runs of one cohort must")


def test_members_may_differ_in_network_seed_and_rate() -> None:
    first = RunSpec()
    second = replace(first, network=NetworkSpec(depth=56), recipe=RecipeSpec(init_seed=4, learning_rate=0.2))
    assert CohortSpec(runs=(first, second)).label == "ResNet-20 + ResNet-56"


def test_every_field_says_what_it_is() -> None:
    """Forms and the command line show titles and descriptions: none may be missing."""
    for kind in (NetworkSpec, RecipeSpec, DataSpec):
        for name, field in kind.model_fields.items():
            assert field.title, f"{kind.__name__}.{name} has no title"
            assert field.description, f"{kind.__name__}.{name} has no description"
            assert isinstance(field.json_schema_extra, dict)
            assert {"unit", "simple"} <= set(field.json_schema_extra)


@pytest.mark.parametrize(
    ("given", "label", "stages", "shortcut"),
    [
        ({"family": "imagenet"}, "ResNet-18 A", (2, 2, 2, 2), "A"),
        ({"family": "imagenet", "depth": 152}, "ResNet-152", (3, 8, 36, 3), "B"),
        ({"family": "imagenet", "depth": "50", "block": "plain"}, "plain-50", (3, 4, 6, 3), "none"),
        ({"family": "imagenet", "block": "bottleneck"}, "ResNet-50", (3, 4, 6, 3), "B"),
        ({"family": "imagenet", "depth": 34, "shortcut": "C"}, "ResNet-34 C", (3, 4, 6, 3), "C"),
        ({"family": "vgg", "depth": 19}, "VGG-19", (2, 2, 4, 4, 4), "none"),
        ({"block": "bottleneck", "depth": 164}, "ResNet-164 bottleneck", (18, 18, 18), "A"),
        ({"block": "single"}, "ResNet-20 single", (6, 6, 6), "A"),
        ({"stages": [2, 1]}, "ResNet-8 2-1", (2, 1), "A"),
        ({"stages": [3, 3, 3]}, "ResNet-20", (3, 3, 3), "A"),
        ({"activation": "pre", "shortcut": "C"}, "pre-ResNet-20 C", (3, 3, 3), "C"),
    ],
)
def test_what_is_not_given_follows_from_what_is(
    given: dict[str, object], label: str, stages: tuple[int, ...], shortcut: str
) -> None:
    network = parse(NetworkSpec, given)
    assert (network.label, network.stage_blocks, str(network.shortcut)) == (label, stages, shortcut)
    assert NetworkSpec.model_validate(network.model_dump(mode="json")) == network
    if network.family != "vgg":
        other = counterpart(network)
        assert (other.residual, other.depth, other.stage_blocks) == (not network.residual, network.depth, stages)


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"family": "imagenet", "depth": 20}, "depth", "is none of imagenet with basic blocks; choose 18 or 34"),
        ({"family": "imagenet", "depth": 51, "block": "bottleneck"}, "depth", "choose 50 or 101"),
        ({"block": "bottleneck", "depth": 32}, "depth", "is not 9n [+] 2; choose 29 or 38"),
        ({"stages": [1, 2], "depth": 20}, "depth", "1-2 blocks make 8 layers, not 20"),
        ({"stages": [1, 0]}, "stages.1", "at least 1"),
        ({"family": "vgg", "image_size": 16}, "", "max pools leave nothing"),
        ({"family": "vgg", "block": "basic"}, "", "VGG net is plain"),
        ({"stem": "none"}, "", "stem none does not go with family cifar; choose 3x3"),
        ({"zero_padding": "both", "shortcut": "B"}, "", "only option A pads"),
        ({"stride_place": "3x3"}, "", "only bottlenecks"),
        ({"block": "bottleneck", "branch": "basic", "depth": 20}, "", "leave branch out"),
        ({"widths": [8, 4, 2]}, "", "cannot drop channels"),
        ({"widths": [8, 16]}, "", "3 stages but 2 widths"),
        ({"widths": [8, 16, 32], "width": 16}, "", "not the first of the widths"),
        ({"family": "resnext"}, "family", "must be 'cifar', 'imagenet' or 'vgg'"),
        ({"block": "dense"}, "block", "must be"),
        ({"depth": "deep"}, "depth", "whole number"),
    ],
)
def test_each_wrong_network_has_its_sentence(given: dict[str, object], field: str, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence) as caught:
        parse(NetworkSpec, given)
    assert set(caught.value.fields) == {field}


@pytest.mark.parametrize(
    "recipe",
    [
        {"scale_min": 300},
        {"colour_std": 0.2},
        {"plateau_patience": 3},
        {"warmup_error": 50},
        {"pad_with": "black", "augmentation": "none"},
        {"schedule": "cosine", "milestones": [3]},
        {"augmentation": "scale-crop-flip", "scale_min": 400, "scale_max": 300},
    ],
)
def test_a_choice_that_nobody_reads_is_refused(recipe: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        parse(RecipeSpec, recipe)


def test_parts_of_a_run_must_fit() -> None:
    with pytest.raises(SpecError, match="does not fit into a shorter side of 256"):
        parse(RunSpec, {"network": {"image_size": 300}, "recipe": {"augmentation": "scale-crop-flip"}})
    with pytest.raises(SpecError, match="zero_last_gamma"):
        parse(RunSpec, {"network": {"block": "plain"}, "recipe": {"zero_last_gamma": True}})
    with pytest.raises(SpecError, match="no images are held out"):
        parse(DataSpec, {"test_on": "held-out"})
    gamma = parse(RunSpec, {"recipe": {"zero_last_gamma": True}})
    assert [run.recipe.zero_last_gamma for run in twin(gamma).runs] == [False, True]


def test_another_schedule_brings_no_milestones() -> None:
    assert RecipeSpec(schedule="plateau").milestones == ()
    cosine = RecipeSpec(schedule="cosine", iterations=100)
    assert schedule_of(cosine).rate(1) == 0.1
    assert schedule_of(cosine).rate(51) == pytest.approx(0.05)
