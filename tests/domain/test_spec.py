"""When a field is read: what refuses, resets and follows from it."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from resnet_studio.domain.documents import sentences
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.spec import (
    AnyOf,
    ReadWhen,
    Spec,
    is_read,
    replace_and_reset,
    spec_field,
    unit_of,
    unread_values,
)
from resnet_studio.domain.spec_changes import changed_values, followers
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec

VGG = "a VGG net is plain, layer by layer; choose block plain, branch single, activation post"
GAMMA = (
    "zero_last_gamma needs residual branches that end in batch norm; leave it out, or choose a residual net with "
    "activation post"
)


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        (RecipeSpec, {"schedule": "cosine", "milestones": (3,)},
         "a cosine schedule has no milestones; leave them out, or choose milestones"),
        (RecipeSpec, {"plateau_patience": 7}, "plateau_patience is read only with schedule plateau; leave it out"),
        (RecipeSpec, {"plateau_margin": 0.7}, "plateau_margin is read only with schedule plateau; leave it out"),
        (RecipeSpec, {"warmup_error": 70.0}, "warmup_error is read only with a warmup_rate; leave it out"),
        (RecipeSpec, {"augmentation": "none", "pad_with": "black"},
         "pad_with is read only with augmentation pad-crop-flip; leave it out"),
        (RecipeSpec, {"scale_min": 300}, "scale_min is read only with augmentation scale-crop-flip; leave it out"),
        (RecipeSpec, {"scale_max": 600}, "scale_max is read only with augmentation scale-crop-flip; leave it out"),
        (RecipeSpec, {"colour_std": 0.7}, "colour_std is read only with colour pca; leave it out"),
        (NetworkSpec, {"stride_place": "3x3"},
         "only bottlenecks have a choice of stride; set stride_place to first-1x1"),
        (NetworkSpec, {"shortcut": "B", "zero_padding": "both"},
         "only option A pads with zeros; set zero_padding to end"),
        (NetworkSpec, {"family": "vgg", "depth": 16, "activation": "pre"}, VGG),
        (NetworkSpec, {"family": "vgg", "depth": 16, "block": "basic"}, VGG),
        (DataSpec, {"source": "cifar10", "seed": 1},
         "cifar10 has a fixed test set, so a data draw would change nothing; leave it at 0"),
        (DataSpec, {"test_on": "held-out"},
         "no images are held out, so none can be tested on; set held_out, or test_on to test"),
        (Protocol, {"kind": "single", "resize": 40},
         "resize is read only by centre-crop and ten-crop, not by single; leave it out"),
        (Protocol, {"kind": "ten-crop", "scales": (224,)},
         "scales and flip are read only by multi-scale, not by ten-crop; leave them out"),
        (Protocol, {"kind": "single", "flip": True},
         "scales and flip are read only by multi-scale, not by single; leave them out"),
        (RunSpec, {"network": {"block": "plain"}, "recipe": {"zero_last_gamma": True}}, GAMMA),
        (RunSpec, {"network": {"activation": "pre"}, "recipe": {"zero_last_gamma": True}}, GAMMA),
        (RunSpec, {"network": {"family": "vgg", "depth": 16}, "recipe": {"bn_images": 32}},
         "a VGG net has no batch norm, so nothing reads bn_images; leave it at 0"),
        (RecipeSpec, {"bn_images": 1}, "batch norm needs at least 2 images; set bn_images to 0, or to 2 and more"),
        (RecipeSpec, {"bn_images": 48},
         "bn_images 48 does not divide a batch of 128; choose a number that does, or 0 for the whole batch"),
        (RecipeSpec, {"bn_images": 256},
         "bn_images 256 does not divide a batch of 128; choose a number that does, or 0 for the whole batch"),
    ],
)  # fmt: skip
def test_a_field_that_nobody_reads_is_refused_with_its_sentence(
    kind: type[Spec], values: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(values)
    assert sentences(caught.value)[""] == sentence


def test_what_follows_from_a_change_comes_from_the_fields_themselves() -> None:
    """A field of which another hangs alone takes it along; a data draw hangs of two fields and stays."""
    assert followers(RecipeSpec, "schedule") == ("milestones", "plateau_patience", "plateau_margin")
    assert followers(RecipeSpec, "warmup_rate") == ("warmup_error",)
    assert followers(RecipeSpec, "augmentation") == ("pad_with", "scale_min", "scale_max")
    assert followers(RecipeSpec, "colour") == ("colour_std",)
    assert followers(DataSpec, "held_out") == ("test_on",)
    assert set(followers(NetworkSpec, "block")) == {"branch", "shortcut", "stride_place", "zero_padding"}
    assert followers(NetworkSpec, "branch") == ("stride_place",)
    assert followers(NetworkSpec, "shortcut") == ("zero_padding",)
    assert followers(NetworkSpec, "stages") == ("depth", "widths")
    assert (followers(NetworkSpec, "width"), followers(NetworkSpec, "widths")) == (("widths",), ("width",))
    kept = changed_values(DataSpec(seed=3), {"held_out": 10})
    assert DataSpec(**kept) == DataSpec(seed=3, held_out=10)


def test_another_family_leaves_behind_what_it_does_not_read() -> None:
    shared = RunSpec(network=NetworkSpec(family="imagenet"), recipe=RecipeSpec(bn_images=32))
    for family, images in (("vgg", 0), ("cifar", 32)):
        assert RunSpec(**changed_values(shared, {"network.family": family})).recipe.bn_images == images
    with pytest.raises(ValidationError, match="has no batch norm"):
        RunSpec(**changed_values(shared, {"network.family": "vgg", "recipe.bn_images": 32}))


def test_a_batch_that_shares_do_not_divide_is_seen_whole() -> None:
    shared = RecipeSpec(batch_size=256, bn_images=32)
    for batch, images in ((64, 32), (100, 0), (16, 0)):
        assert RecipeSpec(**changed_values(shared, {"batch_size": batch})).bn_images == images
    with pytest.raises(ValidationError, match="does not divide a batch of 100"):
        RecipeSpec(**changed_values(shared, {"batch_size": 100, "bn_images": 32}))


def test_a_reset_leaves_alone_what_is_still_read() -> None:
    recipe = RecipeSpec(schedule="plateau", plateau_patience=3, pad_with="black", warmup_rate=0.01, warmup_error=70)
    cosine = replace_and_reset(recipe, schedule="cosine")
    assert (cosine.plateau_patience, cosine.milestones) == (5, ())
    assert (cosine.pad_with, cosine.warmup_error) == ("black", 70)
    assert replace_and_reset(recipe, augmentation="none").pad_with == "mean"
    gamma = RecipeSpec(zero_last_gamma=True)
    assert replace_and_reset(gamma).zero_last_gamma, "of the network nothing is known here"
    assert not replace_and_reset(gamma, {"network.block": "plain"}).zero_last_gamma


def test_conditions_take_typed_texts_and_unknown_fields() -> None:
    assert is_read(RecipeSpec, "warmup_error", {"warmup_rate": "0.01"})
    assert is_read(DataSpec, "test_on", {"held_out": "5 000"})
    for text in ("", "0", "0.0", "none", "-1", "nan"):
        assert not is_read(RecipeSpec, "warmup_error", {"warmup_rate": text})
    assert is_read(RecipeSpec, "warmup_error", {})
    assert is_read(RecipeSpec, "momentum", {"warmup_rate": 0})
    drawn = AnyOf((ReadWhen("source", unless=("cifar10",)), ReadWhen("held_out")))
    found = [
        drawn.holds({"source": source, "held_out": count}) for source in ("cifar10", "builtin") for count in (0, 1)
    ]
    assert found == [False, True, True, True]


def test_a_new_field_needs_nothing_but_itself() -> None:
    class Soup(Spec):
        kind: str = Field("clear")
        cream: float = spec_field(
            "Cream", "How much.", unit="ml", default=10.0, read_when=ReadWhen("kind", ("thick",)), unread=0.0
        )

    assert (Soup().cream, Soup(kind="thick").cream, Soup(kind="thick", cream=3).cream) == (0.0, 10.0, 3.0)
    assert unread_values(Soup, {"kind": "clear"}) == {"cream": 0.0}
    assert unit_of(Soup.model_fields["cream"]) == "ml"
    assert Soup(cream=5).unread_fault() == "cream is read only with kind thick; leave it out"
    assert Soup(kind="thick", cream=5).unread_fault() == ""
