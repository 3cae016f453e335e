"""How the form is ordered, and which fields mean something beside the others' values."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.spec import Spec, is_read, unread_values
from resnet_studio.domain.specs import RunSpec
from resnet_studio.text import _
from resnet_studio.ui.widgets.spec_fields import GROUPS, values

Texts = Mapping[str, str]  # dotted name of a field -> what the form shows

# Group, heading, fields in their order. Fields that stand nowhere come last in their group.
SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("", "", ("name",)),
    ("network", _("Network"), ("family", "block", "depth", "shortcut")),
    ("network", _("Shape"), ("branch", "stages", "width", "widths", "stem", "image_size", "classes")),
    ("network", _("Variations"), ("stride_place", "zero_padding", "activation")),
    ("data", _("Data"), ("source", "seed", "held_out", "test_on")),
    ("recipe", _("Recipe"), ("iterations", "batch_size", "learning_rate", "test_every", "init_seed")),
    (
        "recipe",
        _("Learning rate"),
        ("schedule", "milestones", "plateau_patience", "plateau_margin", "warmup_rate", "warmup_error"),
    ),
    (
        "recipe",
        _("Updates"),
        (
            "momentum", "momentum_form", "weight_decay", "decay", "label_smoothing", "zero_last_gamma",
            "bn_images", "bn_statistics",
        ),
    ),
    (
        "recipe",
        _("Images"),
        (
            "augmentation", "pad_with", "scale_min", "scale_max", "colour", "colour_std", "normalisation", "data_seed",
        ),
    ),
    ("recipe", _("This machine"), ("loading", "precision", "layout", "engine", "exact", "device", "layers_every")),
)  # fmt: skip


_PARTS: Mapping[str, type[Spec]] = {key: kind for key, _title, kind in GROUPS}


def _values(group: str, texts: Texts) -> dict[str, str]:
    """The form's texts as a condition of a field in ``group`` names them: the group's own without their prefix."""
    own = {path.removeprefix(f"{group}."): text for path, text in texts.items() if path.startswith(f"{group}.")}
    return {**texts, **own}


def applies(path: str, texts: Texts) -> bool:
    """Whether anybody reads the field; the specification refuses a value of one that nobody does."""
    group, _unused, name = path.rpartition(".")
    return group not in _PARTS or is_read(_PARTS[group], name, _values(group, texts))


def unread(texts: Texts) -> dict[str, object]:
    """The fields of data and recipe that nobody reads now, with the value that they must have then."""
    return {
        f"{group}.{name}": value
        for group in ("data", "recipe")
        for name, value in unread_values(_PARTS[group], _values(group, texts)).items()
    }


_NAMES_A_NETWORK = ("family", "block", "depth", "shortcut")


def usual(texts: Texts) -> dict[str, str]:
    """Every field's default as the form shows it; a network's are those of its family, block, depth and shortcut."""
    given = {name: texts[f"network.{name}"] for name in _NAMES_A_NETWORK}
    try:
        network = NetworkSpec.model_validate(given)
    except ValidationError:
        network = NetworkSpec()
    return values(RunSpec(network=network))


def default_of(path: str) -> object:
    """Of a field of data or recipe."""
    group, _unused, name = path.rpartition(".")
    return _PARTS[group].model_fields[name].default
