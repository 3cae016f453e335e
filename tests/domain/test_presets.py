"""The presets against the numbers of the paper."""

import pytest
from pydantic import ValidationError

from resnet_studio.domain.documents import from_toml, to_toml
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.presets import FIELD_HELP, PRESETS, RUN_FIELDS, apply, find_preset, preset_for
from resnet_studio.domain.spec import is_read
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace, twin

PAPER = {
    "cifar10": {
        "iterations": 64_000, "batch_size": 128, "learning_rate": 0.1, "schedule": "milestones",
        "milestones": (32_000, 48_000), "warmup_rate": 0.0, "bn_images": 0, "momentum": 0.9, "weight_decay": 1e-4,
        "augmentation": "pad-crop-flip", "normalisation": "pixel-mean", "colour": "none",
    },
    "cifar10-110": {"iterations": 64_000, "warmup_rate": 0.01, "warmup_error": 80.0, "learning_rate": 0.1},
    "imagenet": {
        "iterations": 600_000, "batch_size": 256, "bn_images": 32, "learning_rate": 0.1, "schedule": "plateau",
        "momentum": 0.9, "weight_decay": 1e-4, "augmentation": "scale-crop-flip", "scale_min": 256, "scale_max": 480,
        "colour": "pca", "colour_std": 0.1, "normalisation": "pixel-mean",
    },
}  # fmt: skip
EXTRAS = {"label_smoothing": 0.0, "zero_last_gamma": False, "momentum_form": "authors", "bn_statistics": "recomputed"}


def test_each_preset_has_the_papers_numbers_and_no_extras():
    assert [preset.key for preset in PRESETS] == list(PAPER)
    for preset in PRESETS:
        for field, value in {**PAPER[preset.key], **EXTRAS}.items():
            assert preset.fields[field] == value, (preset.key, field)


def test_there_is_a_word_of_the_paper_on_each_field():
    assert set(FIELD_HELP) == set(RecipeSpec.model_fields)


@pytest.mark.parametrize(
    ("network", "key"),
    [
        ({"depth": 56}, "cifar10"),
        ({"depth": 110, "block": "plain"}, "cifar10-110"),
        ({"depth": 1202}, "cifar10-110"),
        ({"depth": 164, "block": "bottleneck"}, "cifar10-110"),
        ({"family": "imagenet", "depth": 152}, "imagenet"),
        ({"family": "vgg", "depth": 19}, "imagenet"),
    ],
)
def test_the_recipe_of_a_network(network, key):
    assert preset_for(NetworkSpec(**network)) == key
    spec = apply(find_preset(key), RunSpec(network=NetworkSpec(**network)))
    assert spec.network == NetworkSpec(**network), "a network of the right family stays as it is"
    assert [preset.key for preset in PRESETS if preset.is_of(spec)] == [key]
    assert not find_preset(key).is_of(replace(spec, recipe=replace(spec.recipe, momentum=0.8)))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
def test_applying_keeps_what_is_the_runs_own(preset):
    mine = replace(
        RunSpec(),
        name="mine",
        data=DataSpec(source="cifar10", held_out=5000),
        recipe=RecipeSpec(
            init_seed=3, data_seed=4, precision="float32", device="cpu", loading="streamed", schedule="cosine",
            label_smoothing=0.1, zero_last_gamma=True,
        ),
    )  # fmt: skip
    spec = apply(preset, mine)
    assert (spec.name, spec.data) == (mine.name, mine.data)
    assert all(getattr(spec.recipe, name) == getattr(mine.recipe, name) for name in RUN_FIELDS)
    assert all(getattr(spec.recipe, name) == value for name, value in preset.fields.items())
    assert spec.network.family is preset.families[0]
    assert apply(preset, spec) == spec
    assert from_toml(RunSpec, to_toml(spec)) == spec
    assert len(twin(spec).runs) == 2


def test_a_field_counts_as_read_exactly_where_the_specification_takes_it():
    other = {
        "plateau_patience": 7, "plateau_margin": 0.7, "warmup_error": 70.0, "pad_with": "black", "scale_min": 300,
        "scale_max": 600, "colour_std": 0.7,
    }  # fmt: skip
    for preset in PRESETS:
        for field, value in other.items():
            if is_read(RecipeSpec, field, preset.recipe.own_values()):
                assert getattr(replace(preset.recipe, **{field: value}), field) == value
            else:
                with pytest.raises(ValidationError, match="is read only with"):
                    replace(preset.recipe, **{field: value})


def test_a_recipe_that_does_not_fit_the_network_is_refused():
    large = RunSpec(network=NetworkSpec(family="imagenet", image_size=320))
    with pytest.raises(ValidationError, match="does not fit"):
        apply(find_preset("imagenet"), large)


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(UserError, match="choose cifar10, cifar10-110 or imagenet"):
        find_preset("cifar100")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("cifar10", ("section 4.2", "0.1, divided by 10 at 32 000 and at 48 000", "64 000", "128")),
        (
            "cifar10-110",
            ("section 4.2", "0.01 until the training error is below 80 %", "about 400 iterations", "110-layer"),
        ),
        ("imagenet", ("section 3.4", "256", "plateaus", "600 000", "480")),
    ],
)
def test_each_recipe_says_what_it_does_and_where_the_paper_has_it(key: str, words: tuple[str, ...]) -> None:
    text = find_preset(key).help
    assert [word for word in words if word not in text] == []
