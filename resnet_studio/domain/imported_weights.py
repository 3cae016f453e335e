"""What can be said of weights that another program trained, and what was found out about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from resnet_studio.domain.data_sets import DATA_SETS, Colour
from resnet_studio.domain.enums import Block, Shortcut, StridePlace, ZeroPadding
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RunSpec, replace
from resnet_studio.text import _

_ADVICE = re.compile(r"; (?:else say so|name them) with --[^.;]*(?=\.(?:\s|$))")
# Longest first: of ``.pth.tar`` the last suffix alone is an archive's.
WEIGHTS_SUFFIXES = (".safetensors", ".pth.tar", ".ckpt", ".pth", ".bin", ".pt", ".th")


def is_weights_name(name: str) -> bool:
    """Whether a file of that name is taken for weights, in capitals or not."""
    return name.lower().endswith(WEIGHTS_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Preset:
    """Mean and standard deviation of each colour, of values in 0..1; ``title`` says where they are usual."""

    title: str
    mean: Colour
    std: Colour


def colour_text(colour: Colour) -> str:
    """As ``--mean`` and ``--std`` take it: ``0.4914,0.4822,0.4465``."""
    return ",".join(f"{value:g}" for value in colour)


IMAGENET = "imagenet"
PRESETS = {
    IMAGENET: Preset(_("ImageNet, as torchvision's"), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    **{row.key: Preset(row.title, row.mean, row.std) for row in DATA_SETS if row.downloads and row.mean and row.std},
    "unit": Preset(_("None: values in 0..1 as they are"), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True, slots=True)
class StructureHints:
    """What a person says of the structure; None where nothing was said."""

    block: Block | None = None
    shortcut: Shortcut | None = None
    zero_padding: ZeroPadding | None = None
    stride_place: StridePlace | None = None
    image_size: int | None = None


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """All that a person may say about a weights file; what is None or empty is found out or assumed.

    Attributes:
        mean: Of each colour, in 0..1; needs ``std``.
        pixel_mean: A file with the mean image; instead of ``mean`` and ``std``.
        mean_of: Data whose training images' mean image is measured and used; instead of all of these.
        classes: A text file with a class name a line, or a JSON list of them, in the order of the outputs.
        name: Of the new run.
        weights_key: Which set of weights is meant where a file holds several, such as ``state_dict_ema``; empty for
            what lies at the top, None for the usual one.
    """

    hints: StructureHints = field(default_factory=StructureHints)
    mean: Colour | None = None
    std: Colour | None = None
    pixel_mean: Path | None = None
    mean_of: DataSpec | None = None
    classes: Path | None = None
    name: str = ""
    weights_key: str | None = None


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a weights file was found to hold.

    Attributes:
        spec: The network; the likeliest one while ``question`` is not empty.
        alternatives: Every network with these shapes that the hints allow.
        notes: Sentences on what shapes and statistics say.
        assumed: Sentences on what they do not say and is taken to be as usual.
        question: What must be said before the import, as a sentence that names the options; else empty.
        carries_preprocessing: Mean and std came with the file.
        preset: Key of the usual mean and std for such a network; empty where none are usual.
        class_names: That came with the file, else those assumed; empty when nothing is known of them.
        sets: The key of each set of weights in the file and what tells it from the others, the one that was taken
            first; the key of what lies at the top is empty.
    """

    file_name: str
    sha256: str
    naming: str
    spec: NetworkSpec
    alternatives: tuple[NetworkSpec, ...]
    notes: tuple[str, ...]
    assumed: tuple[str, ...]
    question: str
    carries_preprocessing: bool
    preset: str
    class_names: tuple[str, ...]
    sets: tuple[tuple[str, str], ...] = ()


def without_options(text: str) -> str:
    """Sentences on what was assumed, without the options of the command line that would have said otherwise."""
    return _ADVICE.sub("", text)


def fine_tuning(parent: RunRecord) -> RunSpec:
    """A proposal for a run that goes on from ``parent``: its network, a tenth of the paper's rate, a short end."""
    recipe = replace(parent.spec.recipe, learning_rate=0.01, milestones=(), iterations=2000, test_every=200)
    return RunSpec(network=parent.spec.network, recipe=recipe, start_from=parent.id)
