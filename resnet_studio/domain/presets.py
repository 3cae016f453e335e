"""The paper's recipes as specifications: He, Zhang, Ren, Sun, arXiv:1512.03385, sections 3.4 and 4.2.

Where the paper is silent and the authors' own code is known, theirs is taken; where both are silent, the field's usual
value stays. What belongs to a run rather than to a recipe (seeds, device, precision, loading) is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resnet_studio.domain.enums import (
    Augmentation,
    BatchNormStatistics,
    Colour,
    Family,
    MomentumForm,
)
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.glossary import find_term
from resnet_studio.domain.schedules import Schedule
from resnet_studio.domain.spec import is_read, replace_and_reset, unread_values
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec, RunSpec, beside, replace
from resnet_studio.domain.word_lists import any_of
from resnet_studio.text import _

RUN_FIELDS = (  # of a run, not of a recipe
    "init_seed", "data_seed", "loading", "precision", "layout", "engine", "exact", "device", "layers_every",
)  # fmt: skip
WARM_UP_FROM = 110  # layers, section 4.2


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe of the paper.

    Attributes:
        families: The networks it was made for; one of another family gives way to the first one's usual network.
        does: What it sets, with the paper's section, in sentences.
        wants: What it expects of data and network, as a sentence.
        recipe: Every field; those in ``RUN_FIELDS`` are not applied.
    """

    key: str
    title: str
    source: str
    does: str
    wants: str
    families: tuple[Family, ...]
    recipe: RecipeSpec

    @property
    def help(self) -> str:
        """What it is, does and wants, for a tool tip."""
        return _(
            "{title}, {source} of the paper. {does}\n\nFor: {wants}",
            title=self.title,
            source=self.source,
            does=self.does,
            wants=self.wants,
        )

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that are applied, by name, without those that this recipe does not read."""
        values = self.recipe.own_values()
        read = (name for name in values if name not in RUN_FIELDS and is_read(RecipeSpec, name, values))
        return {name: values[name] for name in read}

    def is_of(self, spec: RunSpec) -> bool:
        """Whether ``spec`` has all that is applied to a network like its own."""
        unread = unread_values(RecipeSpec, {**spec.recipe.own_values(), **beside(spec.network)})
        return all(getattr(spec.recipe, name) == unread.get(name, value) for name, value in self.fields.items())


_AUTHORS = {"momentum_form": MomentumForm.AUTHORS, "bn_statistics": BatchNormStatistics.RECOMPUTED}
_CIFAR = RecipeSpec(**_AUTHORS)
_OWN_CODE = _("Where the paper is silent: momentum and batch norm's statistics as in the authors' code.")

PRESETS = (
    Preset(
        "cifar10",
        "CIFAR-10",
        _("section 4.2"),
        _(
            "Batches of 128, momentum 0.9, weight decay 0.0001; a rate of 0.1, divided by 10 at 32 000 and at 48 000 "
            "iterations, the end at 64 000; 4 pixels of padding, a random 32 x 32 crop, a flip; the mean of each pixel "
            "subtracted. {own_code}",
            own_code=_OWN_CODE,
        ),
        _(
            "A net of the cifar family, trained on the 50 000 images of CIFAR-10 (or 45 000, with 5 000 held out), "
            "tested "
            "on the single 32 x 32 view."
        ),
        (Family.CIFAR,),
        _CIFAR,
    ),
    Preset(
        "cifar10-110",
        _("CIFAR-10, warm-up"),
        _("section 4.2"),
        _(
            "As the CIFAR-10 recipe, but with a warm-up: the rate is 0.01 until the training error is below 80 %, "
            "which "
            "takes about 400 iterations, and 0.1 from there on. The paper does so for its 110-layer net alone, for "
            "which "
            "0.1 is a little too much to begin with."
        ),
        _(
            "A net of the cifar family with 110 layers; of others the paper tells no warm-up, so for deeper ones it is "
            "this program's choice."
        ),
        (Family.CIFAR,),
        replace(_CIFAR, warmup_rate=0.01, warmup_error=80.0),
    ),
    Preset(
        "imagenet",
        "ImageNet",
        _("section 3.4"),
        _(
            "Batches of 256, momentum 0.9, weight decay 0.0001; a rate of 0.1, divided by 10 when the error plateaus, "
            "for "
            "up to 600 000 iterations; the shorter side resized at random to 256 to 480 pixels, a random 224 x 224 "
            "crop, a "
            "flip, AlexNet's colours; the mean of each pixel subtracted; batch norm over 32 images, as on each of the "
            "authors' GPUs. {own_code}",
            own_code=_OWN_CODE,
        ),
        _(
            "A net of the imagenet or vgg family with 224 x 224 crops, trained on images whose shorter side may be "
            "resized "
            "to between 256 and 480 pixels."
        ),
        (Family.IMAGENET, Family.VGG),
        RecipeSpec(
            **_AUTHORS,
            iterations=600_000,
            batch_size=256,
            bn_images=32,
            schedule=Schedule.PLATEAU,
            augmentation=Augmentation.SCALE_CROP_FLIP,
            scale_min=256,
            scale_max=480,
            colour=Colour.PCA,
            colour_std=0.1,
            test_every=5_000,
        ),
    ),
)

FIELD_HELP: dict[str, str] = {
    "iterations": _("Section 4.2: 64 000 on CIFAR-10. Section 3.4: up to 600 000 on ImageNet, which are 120 epochs."),
    "batch_size": _("Section 4.2: batch 128 on CIFAR-10. Section 3.4: batch 256 on ImageNet."),
    "learning_rate": _("Sections 3.4 and 4.2: 0.1 at the start, on both data sets."),
    "milestones": _("Section 4.2: the rate is divided by 10 at 32 000 and at 48 000 iterations."),
    "schedule": _(
        "Section 4.2: divided by 10 at fixed iterations, found on a split of 45 000 and 5 000 images. "
        "Section 3.4: divided by 10 when the error plateaus. A cosine is not in the paper."
    ),
    "plateau_patience": _("Section 3.4 has the plateau; how long to wait for a better error, the paper does not say."),
    "plateau_margin": _("Section 3.4 has the plateau; how much better an error must be, the paper does not say."),
    "warmup_rate": _(
        "Section 4.2: 0.01 for the 110-layer net, whose training starts badly at 0.1; none for the others."
    ),
    "warmup_error": _(
        "Section 4.2: the 110-layer net goes over to 0.1 once its training error is below 80 %, after some "
        "400 iterations."
    ),
    "momentum": _("Sections 3.4 and 4.2: 0.9."),
    "momentum_form": _(
        "The paper gives no formula; the authors' code has the rate inside: {formula}.",
        formula=find_term("momentum-authors").formula,
    ),
    "weight_decay": _("Sections 3.4 and 4.2: 0.0001."),
    "decay": _("The paper does not say whether batch norm and biases decay too."),
    "label_smoothing": _("The paper has none."),
    "zero_last_gamma": _("The paper has nothing of the kind: it came later."),
    "bn_statistics": _(
        "The paper does not say; the authors measured the statistics over the training set once training had ended."
    ),
    "bn_images": _(
        "The paper does not say. The authors' published ImageNet nets: 32, one GPU's share of the batch of 256."
    ),
    "augmentation": _(
        "Section 4.2: 4 pixels on each side, a random 32 x 32 crop, a flip half the time. Section 3.4: the "
        "shorter side resized at random, a random 224 x 224 crop, a flip."
    ),
    "pad_with": _("Section 4.2 pads; whether before or after the mean is subtracted, the paper does not say."),
    "scale_min": _("Section 3.4: the shorter side is drawn from 256 to 480 pixels."),
    "scale_max": _("Section 3.4: the shorter side is drawn from 256 to 480 pixels."),
    "colour": _("Section 3.4: AlexNet's colour augmentation, on ImageNet; none on CIFAR-10."),
    "colour_std": _("Section 3.4 names AlexNet's augmentation, whose random factors have a standard deviation of 0.1."),
    "normalisation": _("Sections 3.4 and 4.2: the mean of each pixel over the training set is subtracted."),
    "test_every": _("The paper does not say how often it tested."),
    "layers_every": _("Not a part of the recipe: it measures and changes nothing."),
    "init_seed": _("The paper has no seeds. Table 6: the 110-layer net was trained five times."),
    "data_seed": _("The paper has no seeds. Table 6: the 110-layer net was trained five times."),
    "loading": _("Not a part of the recipe: the batches are the same either way."),
    "precision": _("The paper does not say."),
    "layout": _("Not a part of the recipe: the arithmetic is the same to rounding."),
    "engine": _("Not a part of the recipe: the arithmetic is the same to rounding."),
    "exact": _("Not a part of the recipe: it fixes the last bits on CUDA."),
    "device": _("Not a part of the recipe: it decides how fast training is, and its last bits."),
}


def find_preset(key: str) -> Preset:
    """The preset of that key.

    Raises:
        UserError: If there is none, naming those there are.
    """
    for preset in PRESETS:
        if preset.key == key:
            return preset
    keys = any_of(preset.key for preset in PRESETS)
    raise UserError(_("There is no recipe {key!r}; choose {keys}.", key=key, keys=keys))


def preset_for(network: NetworkSpec) -> str:
    """The key of the recipe that the paper trains such a network with."""
    if network.family is not Family.CIFAR:
        return "imagenet"
    return "cifar10-110" if network.depth >= WARM_UP_FROM else "cifar10"


def apply(preset: Preset, spec: RunSpec) -> RunSpec:
    """``spec`` trained by ``preset``: its data, seeds, device, precision and loading stay.

    Its network stays too if the recipe was made for that family.

    Raises:
        pydantic.ValidationError: If the recipe does not fit the network, such as an input larger than the crops.
    """
    network = spec.network
    if network.family not in preset.families:
        network = NetworkSpec(family=preset.families[0])
    own = {name: getattr(spec.recipe, name) for name in RUN_FIELDS}
    recipe = replace_and_reset(RecipeSpec(**{**preset.fields, **own}), beside(network))
    return replace(spec, network=network, recipe=recipe)
