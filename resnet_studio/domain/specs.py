"""What can be asked for: network, data, recipe, run and cohort, as frozen values that know their bounds.

Forms, command-line options, run files and validation messages all read these fields: ``title`` and ``description`` are
what people see, ``json_schema_extra`` holds the unit, and ``simple`` marks what a beginner's form shows.
"""

from __future__ import annotations

import itertools
import unicodedata
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from resnet_studio.domain.terms import (
    Augmentation,
    Block,
    Device,
    Family,
    Normalisation,
    Precision,
    Shortcut,
)

SCHEMA_VERSION = 1
MAX_DEPTH = 1202
MAX_SEED = 2**31 - 1


def _shown(title: str, text: str, *, unit: str = "", simple: bool = False, default: Any = ..., **bounds: Any) -> Any:
    return Field(default, title=title, description=text, json_schema_extra={"unit": unit, "simple": simple}, **bounds)


class Spec(BaseModel):
    """Frozen, hashable, and strict about names: a key nobody reads is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


S = TypeVar("S", bound=Spec)


def nearest_depths(depth: int) -> tuple[int, ...]:
    """The one or two depths of the form 6n + 2 around ``depth``, within 8 to 1202."""
    n = (depth - 2) // 6
    return tuple(sorted({min(max(6 * k + 2, 8), MAX_DEPTH) for k in (n, n + 1)}))


class NetworkSpec(Spec):
    """One network. CIFAR family (He et al. 2015, section 4.2): 6n + 2 weighted layers in three stages."""

    family: Family = _shown("Family", "Stem and stages of the paper's CIFAR-10 networks.", default=Family.CIFAR)
    depth: int = _shown(
        "Depth",
        "Weighted layers: 6n + 2, so 8, 14, 20, 32, 44, 56, 110, ... 1202.",
        unit="layers",
        simple=True,
        default=20,
        ge=8,
        le=MAX_DEPTH,
    )
    block: Block = _shown(
        "Block",
        "plain: no shortcuts. basic: a shortcut around every two 3x3 layers.",
        simple=True,
        default=Block.BASIC,
    )
    shortcut: Shortcut = _shown(
        "Shortcut",
        "A: identity, zero-padding where dimensions change. B: projection where dimensions change. "
        "C: projection everywhere. none: for plain nets.",
        simple=True,
        default=Shortcut.A,
    )
    classes: int = _shown("Classes", "Outputs of the last layer.", default=10, ge=2, le=10_000)
    width: int = _shown(
        "Width",
        "Filters in the first stage, doubled in each later one; the paper has 16.",
        unit="filters",
        default=16,
        ge=1,
        le=256,
    )
    image_size: int = _shown(
        "Image size",
        "Height and width of the input; images of other sizes are resized.",
        unit="pixels",
        default=32,
        ge=8,
        le=256,
    )

    @model_validator(mode="before")
    @classmethod
    def _shortcut_follows_block(cls, values: Any) -> Any:
        """A plain net without a word about shortcuts has none."""
        if isinstance(values, dict) and "shortcut" not in values and values.get("block") == Block.PLAIN:
            return {**values, "shortcut": Shortcut.NONE}
        return values

    @field_validator("depth")
    @classmethod
    def _depth_is_6n_plus_2(cls, depth: int) -> int:
        if (depth - 2) % 6:
            choices = " or ".join(str(d) for d in nearest_depths(depth))
            raise ValueError(f"depth {depth} is not 6n + 2; choose {choices}")
        return depth

    @model_validator(mode="after")
    def _shortcut_fits_block(self) -> Self:
        if self.block is Block.PLAIN and self.shortcut is not Shortcut.NONE:
            raise ValueError("a plain net has no shortcuts; choose shortcut none, or block basic")
        if self.block.residual and self.shortcut is Shortcut.NONE:
            raise ValueError(f"a net of {self.block} blocks needs a shortcut; choose A, B or C, or block plain")
        return self

    @property
    def residual(self) -> bool:
        return self.block.residual

    @property
    def blocks_per_stage(self) -> int:
        """n of 6n + 2: two-layer blocks in each of the three stages."""
        return (self.depth - 2) // 6

    @property
    def label(self) -> str:
        """As the paper writes it: ``plain-20``, ``ResNet-20``; options B and C are named."""
        if not self.residual:
            return f"plain-{self.depth}"
        return f"ResNet-{self.depth}" + ("" if self.shortcut is Shortcut.A else f" {self.shortcut}")


class DataSpec(Spec):
    """Where images and labels come from."""

    source: str = _shown(
        "Data",
        "builtin: images the program draws itself. cifar10: the real CIFAR-10. folder:PATH: your own images in class "
        "folders.",
        simple=True,
        default="builtin",
        min_length=1,
        max_length=4096,
    )
    seed: int = _shown(
        "Data draw",
        "builtin: which images are drawn. A single folder of classes: which images are held out for testing.",
        default=0,
        ge=0,
        le=MAX_SEED,
    )

    @field_validator("source")
    @classmethod
    def _known_source(cls, source: str) -> str:
        if source in ("builtin", "cifar10"):
            return source
        if source.startswith("folder:"):
            if not source.removeprefix("folder:").strip():
                raise ValueError("folder: needs a path; write folder:PATH")
            return source
        raise ValueError(f"data {source!r} is not known; choose builtin, cifar10 or folder:PATH")

    @model_validator(mode="after")
    def _seed_is_read(self) -> Self:
        if self.seed and self.source == "cifar10":
            raise ValueError("cifar10 has a fixed test set, so a data draw would change nothing; leave it at 0")
        return self

    @property
    def folder(self) -> str | None:
        """The path of ``folder:PATH``, else None."""
        return self.source.removeprefix("folder:") if self.source.startswith("folder:") else None

    @property
    def label(self) -> str:
        return self.source


Iteration = Annotated[int, Field(ge=1, le=10_000_000)]


class RecipeSpec(Spec):
    """Everything about training that is neither the network nor the data. Defaults: the paper's CIFAR-10 recipe."""

    iterations: int = _shown(
        "Iterations",
        "Weight updates in all; the paper trains for 64 000.",
        unit="iterations",
        simple=True,
        default=64_000,
        ge=1,
        le=10_000_000,
    )
    batch_size: int = _shown(
        "Batch size",
        "Images per iteration; the paper has 128.",
        unit="images",
        simple=True,
        default=128,
        ge=2,
        le=4096,
    )
    learning_rate: float = _shown(
        "Learning rate",
        "At the start; the paper has 0.1.",
        simple=True,
        default=0.1,
        gt=0,
        le=10,
    )
    milestones: tuple[Iteration, ...] = _shown(
        "Milestones",
        "Iterations after which the learning rate is divided by ten; the paper: 32 000 and 48 000.",
        unit="iterations",
        default=(32_000, 48_000),
        max_length=20,
    )
    momentum: float = _shown("Momentum", "v = m v + g, w = w - lr v; the paper has 0.9.", default=0.9, ge=0, lt=1)
    weight_decay: float = _shown(
        "Weight decay",
        "L2 penalty on every parameter; the paper has 0.0001.",
        default=1e-4,
        ge=0,
        le=1,
    )
    augmentation: Augmentation = _shown(
        "Augmentation",
        "pad-crop-flip: 4 pixels of mean on each side, a random crop, a horizontal flip half the time.",
        default=Augmentation.PAD_CROP_FLIP,
    )
    normalisation: Normalisation = _shown(
        "Normalisation",
        "pixel-mean: the training set's mean image is subtracted (the paper). channel-mean-std: one "
        "mean and one standard deviation per colour.",
        default=Normalisation.PIXEL_MEAN,
    )
    test_every: int = _shown(
        "Test every",
        "Iterations between two measurements of the test error; one more is taken at the end.",
        unit="iterations",
        simple=True,
        default=500,
        ge=1,
        le=10_000_000,
    )
    init_seed: int = _shown(
        "Initial weights", "Seed of the initial weights.", simple=True, default=0, ge=0, le=MAX_SEED
    )
    data_seed: int = _shown("Sample order", "Seed of sample order, crops and flips.", default=0, ge=0, le=MAX_SEED)
    precision: Precision = _shown(
        "Precision",
        "auto: bfloat16 where a short probe finds it faster on this machine, else float32; weights are always float32.",
        default=Precision.AUTO,
    )
    device: Device = _shown("Device", "auto: CUDA, else Apple's MPS, else the CPU.", default=Device.AUTO)

    @field_validator("milestones")
    @classmethod
    def _milestones_rise(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if any(b <= a for a, b in itertools.pairwise(milestones)):
            raise ValueError("milestones must rise, like 32000, 48000")
        return milestones

    def learning_rate_at(self, iteration: int) -> float:
        """Rate used by the ``iteration``-th update, counted from 1; a milestone's own update has the old rate."""
        return self.learning_rate * 0.1 ** sum(iteration > milestone for milestone in self.milestones)


class RunSpec(Spec):
    """One network, one recipe, one data set."""

    schema_version: int = Field(SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION, title="Schema version")
    name: str = _shown("Name", "A label of your own; empty for one made from the network.", default="", max_length=200)
    network: NetworkSpec = Field(default_factory=NetworkSpec, title="Network")
    recipe: RecipeSpec = Field(default_factory=RecipeSpec, title="Recipe")
    data: DataSpec = Field(default_factory=DataSpec, title="Data")

    @field_validator("name")
    @classmethod
    def _name_is_printable(cls, name: str) -> str:
        if any(unicodedata.category(character) == "Cc" for character in name):
            raise ValueError("a name holds no control characters, line breaks or tabs")
        return name

    @property
    def label(self) -> str:
        return self.name or self.network.label


_SHARED_RECIPE = ("iterations", "batch_size", "augmentation", "normalisation", "data_seed", "precision", "device")


class CohortSpec(Spec):
    """Runs that train in lock-step on the very same batches; they share data, batches and length."""

    schema_version: int = Field(SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION, title="Schema version")
    name: str = _shown("Name", "A label for the whole cohort.", default="", max_length=200)
    study: str = _shown("Study", "Key of the study these runs answer, or empty.", default="", max_length=100)
    runs: tuple[RunSpec, ...] = Field(title="Runs", min_length=1, max_length=32)

    @model_validator(mode="after")
    def _runs_share_their_batches(self) -> Self:
        first = self.runs[0]
        for run in self.runs[1:]:
            if run.data != first.data:
                raise ValueError("runs of one cohort must use the same data")
            for field in ("classes", "image_size"):
                if getattr(run.network, field) != getattr(first.network, field):
                    raise ValueError(f"runs of one cohort must have the same {field}")
            for field in _SHARED_RECIPE:
                if getattr(run.recipe, field) != getattr(first.recipe, field):
                    raise ValueError(f"runs of one cohort must have the same {field}")
        return self

    @property
    def label(self) -> str:
        return self.name or " + ".join(run.label for run in self.runs)


def counterpart(network: NetworkSpec) -> NetworkSpec:
    """The other half of the twin: a residual net's plain counterpart, or a plain net's residual one (option A)."""
    if network.residual:
        return replace(network, block=Block.PLAIN, shortcut=Shortcut.NONE)
    return replace(network, block=Block.BASIC, shortcut=Shortcut.A)


def twin(spec: RunSpec) -> CohortSpec:
    """The plain and the residual net of one depth as a cohort of two, plain first; ``spec`` may be either of them."""
    other = replace(spec, network=counterpart(spec.network), name="")
    if spec.name:
        other = replace(other, name=f"{spec.name} ({'plain' if spec.network.residual else 'residual'})")
    plain, residual = (other, spec) if spec.network.residual else (spec, other)
    return CohortSpec(name=f"Twin of depth {spec.network.depth}", runs=(plain, residual))


def replace(spec: S, **changes: Any) -> S:
    """A validated copy with some fields changed; raises pydantic's ValidationError as the constructor does."""
    values = {name: getattr(spec, name) for name in type(spec).model_fields}
    return type(spec)(**{**values, **changes})
