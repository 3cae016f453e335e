"""How the form is ordered, and which fields mean something beside the others' values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from resnet_studio.domain.data_sets import is_drawn
from resnet_studio.domain.enums import Augmentation, Block, Branch, Colour, Family, Schedule, Shortcut
from resnet_studio.domain.specs import DataSpec, RecipeSpec

Texts = Mapping[str, str]  # dotted name of a field -> what the form shows

# Group, heading, fields in their order. Fields that stand nowhere come last in their group.
SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("", "", ("name",)),
    ("network", "Network", ("family", "block", "depth", "shortcut")),
    ("network", "Shape", ("branch", "stages", "width", "widths", "stem", "image_size", "classes")),
    ("network", "Variations", ("stride_place", "zero_padding", "activation")),
    ("data", "Data", ("source", "seed", "held_out", "test_on")),
    ("recipe", "Recipe", ("iterations", "batch_size", "learning_rate", "test_every", "init_seed")),
    (
        "recipe",
        "Learning rate",
        ("schedule", "milestones", "plateau_patience", "plateau_margin", "warmup_rate", "warmup_error"),
    ),
    (
        "recipe",
        "Updates",
        (
            "momentum", "momentum_form", "weight_decay", "decay", "label_smoothing", "zero_last_gamma",
            "bn_statistics",
        ),
    ),
    (
        "recipe",
        "Images",
        (
            "augmentation", "pad_with", "scale_min", "scale_max", "colour", "colour_std", "normalisation", "data_seed",
        ),
    ),
    ("recipe", "This machine", ("loading", "precision", "layout", "engine", "exact", "device")),
)  # fmt: skip


def _is(path: str, *values: str) -> Callable[[Texts], bool]:
    return lambda texts: texts.get(path) in values


def _positive(path: str) -> Callable[[Texts], bool]:
    def rule(texts: Texts) -> bool:
        try:
            return float("".join(texts.get(path, "").split())) > 0
        except ValueError:
            return False

    return rule


def _plain_with_counterpart(texts: Texts) -> bool:
    return texts.get("network.block") == Block.PLAIN and texts.get("network.family") != Family.VGG


def _drawn(texts: Texts) -> bool:
    """Something is drawn by the data seed: the program's images, a split, or what is held out."""
    return is_drawn(texts.get("data.source", "")) or _positive("data.held_out")(texts)


def _ends_in_batch_norm(texts: Texts) -> bool:
    return texts.get("network.block") != Block.PLAIN and texts.get("network.activation") == "post"


_not_vgg = _is("network.family", Family.CIFAR, Family.IMAGENET)
_RULES: Mapping[str, Callable[[Texts], bool]] = {
    "network.branch": _plain_with_counterpart,
    "network.stem": _not_vgg,
    "network.activation": _not_vgg,
    "network.stride_place": _is("network.branch", Branch.BOTTLENECK),
    "network.zero_padding": _is("network.shortcut", Shortcut.A),
    "data.seed": _drawn,
    "data.test_on": _positive("data.held_out"),
    "recipe.milestones": _is("recipe.schedule", Schedule.MILESTONES),
    "recipe.plateau_patience": _is("recipe.schedule", Schedule.PLATEAU),
    "recipe.plateau_margin": _is("recipe.schedule", Schedule.PLATEAU),
    "recipe.warmup_error": _positive("recipe.warmup_rate"),
    "recipe.zero_last_gamma": _ends_in_batch_norm,
    "recipe.pad_with": _is("recipe.augmentation", Augmentation.PAD_CROP_FLIP),
    "recipe.scale_min": _is("recipe.augmentation", Augmentation.SCALE_CROP_FLIP),
    "recipe.scale_max": _is("recipe.augmentation", Augmentation.SCALE_CROP_FLIP),
    "recipe.colour_std": _is("recipe.colour", Colour.PCA),
}
_DEFAULTS: Mapping[str, object] = {
    f"{group}.{name}": info.default
    for group, kind in (("data", DataSpec), ("recipe", RecipeSpec))
    for name, info in kind.model_fields.items()
}


def applies(path: str, texts: Texts) -> bool:
    """Whether anybody reads the field; the specification refuses a value of one that nobody does."""
    rule = _RULES.get(path)
    return rule is None or rule(texts)


def unread(texts: Texts) -> dict[str, object]:
    """The fields of data and recipe that nobody reads now, with the value that they must have then."""
    found = {path: _DEFAULTS[path] for path in _RULES if path in _DEFAULTS and not applies(path, texts)}
    if "recipe.milestones" in found:
        found["recipe.milestones"] = ()
    return found


def default_of(path: str) -> object:
    """Of a field of data or recipe."""
    return _DEFAULTS[path]
