"""How training goes: everything that is neither the network nor the data."""

from __future__ import annotations

import itertools
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from resnet_studio.domain.data_spec import MAX_SEED
from resnet_studio.domain.enums import (
    Activation,
    Augmentation,
    BatchNormStatistics,
    Block,
    Colour,
    Decay,
    Device,
    Engine,
    Family,
    Loading,
    MemoryLayout,
    MomentumForm,
    Normalisation,
    PadWith,
    Precision,
)
from resnet_studio.domain.glossary import find_term
from resnet_studio.domain.schedules import Schedule, schedules_help
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.domain.spec import AllOf, ReadWhen, Spec, replace, spec_field
from resnet_studio.text import N_, _

Iteration = Annotated[int, Field(ge=1, le=10_000_000)]

_PLATEAU = ReadWhen("schedule", (Schedule.PLATEAU,))
_SCALE_CROP_FLIP = ReadWhen("augmentation", (Augmentation.SCALE_CROP_FLIP,))

# What the batches of a cohort depend on, and what all its members do at the same time.
SHARED = (
    "iterations", "batch_size", "bn_images", "augmentation", "pad_with", "scale_min", "scale_max", "colour",
    "colour_std", "normalisation", "layers_every", "data_seed", "loading", "precision", "layout", "engine", "exact",
    "device",
)  # fmt: skip


SEEDS = ("init_seed", "data_seed")  # initial weights; sample order, crops and flips


class RecipeSpec(Spec):
    """Everything about training that is neither the network nor the data. Defaults: the paper's CIFAR-10 recipe."""

    iterations: int = spec_field(
        N_("Iterations"),
        N_("Weight updates in all; the paper trains for 64 000."),
        unit=N_("iterations"),
        simple=True,
        default=64_000,
        ge=1,
        le=10_000_000,
    )
    batch_size: int = spec_field(
        N_("Batch size"),
        N_("Images per iteration; the paper has 128."),
        unit=N_("images"),
        simple=True,
        default=128,
        ge=2,
        le=4096,
    )
    learning_rate: float = spec_field(
        N_("Learning rate"),
        N_("At the start; the paper has 0.1."),
        simple=True,
        default=0.1,
        gt=0,
        le=10,
    )
    schedule: Schedule = spec_field(
        N_("Schedule"),
        schedules_help(),
        default=Schedule.MILESTONES,
    )
    milestones: tuple[Iteration, ...] = spec_field(
        N_("Milestones"),
        N_("Iterations after which the learning rate is divided by ten; the paper: 32 000 and 48 000."),
        unit=N_("iterations"),
        default=(32_000, 48_000),
        max_length=20,
        read_when=ReadWhen("schedule", (Schedule.MILESTONES,)),
        unread=(),
        refusal=N_("a {schedule} schedule has no milestones; leave them out, or choose milestones"),
    )
    plateau_patience: int = spec_field(
        N_("Plateau patience"),
        N_("plateau: tests without a better error before the rate is divided by ten."),
        unit=N_("tests"),
        default=5,
        ge=1,
        le=10_000,
        read_when=_PLATEAU,
    )
    plateau_margin: float = spec_field(
        N_("Plateau margin"),
        N_("plateau: how much lower an error must be to count as better."),
        unit=N_("points"),
        default=0.1,
        ge=0,
        le=100,
        read_when=_PLATEAU,
    )
    warmup_rate: float = spec_field(
        N_("Warm-up rate"),
        N_(
            "Learning rate until the training error is below the next field; 0: no warm-up. The paper has 0.01 for "
            "ResNet-110."
        ),
        default=0.0,
        ge=0,
        le=10,
    )
    warmup_error: float = spec_field(
        N_("Warm-up until"),
        _(
            "Training error, mean of {training_error_window} iterations, below which the warm-up ends; the paper has "
            "80 %.",
            training_error_window=TRAINING_ERROR_WINDOW,
        ),
        unit="%",
        default=80.0,
        gt=0,
        le=100,
        read_when=ReadWhen("warmup_rate"),
    )
    momentum: float = spec_field(
        N_("Momentum"), N_("Share of the last step that goes on; the paper has 0.9."), default=0.9, ge=0, lt=1
    )
    momentum_form: MomentumForm = spec_field(
        N_("Form of momentum"),
        _(
            "torch: {torch}. authors: {authors}. They part when the rate falls.",
            torch=find_term("momentum").formula,
            authors=find_term("momentum-authors").formula,
        ),
        default=MomentumForm.TORCH,
    )
    weight_decay: float = spec_field(
        N_("Weight decay"),
        N_("L2 penalty; the paper has 0.0001."),
        default=1e-4,
        ge=0,
        le=1,
    )
    decay: Decay = spec_field(
        N_("Weight decay on"),
        N_(
            "all: every parameter. weights: convolutions and fully connected layers, without batch norm and biases. "
            "The "
            "paper does not say which."
        ),
        default=Decay.ALL,
    )
    label_smoothing: float = spec_field(
        N_("Label smoothing"),
        N_("Share of each label spread over all classes; the paper has none."),
        default=0.0,
        ge=0,
        lt=1,
    )
    zero_last_gamma: bool = spec_field(
        N_("Zero last gamma"),
        N_(
            "The last batch norm of each residual branch starts at zero, so that each block starts as its shortcut; "
            "the "
            "paper does not."
        ),
        default=False,
        read_when=AllOf(
            (
                ReadWhen("network.block", unless=(Block.PLAIN,)),
                ReadWhen("network.activation", (Activation.POST,)),
            )
        ),
        refusal=N_(
            "zero_last_gamma needs residual branches that end in batch norm; leave it out, or choose a residual "
            "net with activation post"
        ),
    )
    bn_statistics: BatchNormStatistics = spec_field(
        N_("Batch norm in tests"),
        N_(
            "moving: averages kept while training. recomputed: measured over the training set when training has ended, "
            "as the authors did."
        ),
        default=BatchNormStatistics.MOVING,
    )
    bn_images: int = spec_field(
        N_("Images a batch norm sees"),
        N_(
            "Batch norm normalises so many images of a batch together, one share after the other, as devices do that "
            "divide a batch; 0: the whole batch. The authors' nets on ImageNet saw 32, one GPU's share."
        ),
        unit=N_("images"),
        default=0,
        ge=0,
        le=4096,
        read_when=ReadWhen("network.family", unless=(Family.VGG,)),
        refusal=N_("a VGG net has no batch norm, so nothing reads bn_images; leave it at 0"),
    )
    augmentation: Augmentation = spec_field(
        N_("Augmentation"),
        N_(
            "pad-crop-flip: 4 pixels around the image, a random crop, a horizontal flip half the time (CIFAR-10). "
            "scale-crop-flip: the shorter side resized at random, a random crop, a flip (ImageNet)."
        ),
        default=Augmentation.PAD_CROP_FLIP,
    )
    pad_with: PadWith = spec_field(
        N_("Padding"),
        N_("pad-crop-flip: mean pads after the mean is subtracted, black before. The paper does not say which."),
        default=PadWith.MEAN,
        read_when=ReadWhen("augmentation", (Augmentation.PAD_CROP_FLIP,)),
    )
    scale_min: int = spec_field(
        N_("Shorter side from"),
        N_("scale-crop-flip: the paper has 256."),
        unit=N_("pixels"),
        default=256,
        ge=8,
        le=4096,
        read_when=_SCALE_CROP_FLIP,
    )
    scale_max: int = spec_field(
        N_("Shorter side to"),
        N_("scale-crop-flip: the paper has 480."),
        unit=N_("pixels"),
        default=480,
        ge=8,
        le=4096,
        read_when=_SCALE_CROP_FLIP,
    )
    colour: Colour = spec_field(
        N_("Colour augmentation"),
        N_(
            "pca: each image shifted at random along the principal components of the training set's colours (ImageNet)."
        ),
        default=Colour.NONE,
    )
    colour_std: float = spec_field(
        N_("Colour strength"),
        N_("pca: standard deviation of the random factors; the usual is 0.1."),
        default=0.1,
        gt=0,
        le=10,
        read_when=ReadWhen("colour", (Colour.PCA,)),
    )
    normalisation: Normalisation = spec_field(
        N_("Normalisation"),
        N_(
            "pixel-mean: the training set's mean image is subtracted (the paper). channel-mean-std: one "
            "mean and one standard deviation per colour."
        ),
        default=Normalisation.PIXEL_MEAN,
    )
    test_every: int = spec_field(
        N_("Test every"),
        N_("Iterations between two measurements of the test error; one more is taken at the end."),
        unit=N_("iterations"),
        simple=True,
        default=500,
        ge=1,
        le=10_000_000,
    )
    layers_every: int = spec_field(
        N_("Measure layers every"),
        N_(
            "Iterations between two measurements of each weighted layer: the norm of its gradient, and the size of its "
            "update over that of its weights. The first iteration is measured too; 0: never. It changes no bit of "
            "training and takes less than 1 % of its time at the default."
        ),
        unit=N_("iterations"),
        default=25,
        ge=0,
        le=10_000_000,
    )
    init_seed: int = spec_field(
        N_("Initial weights"), N_("Seed of the initial weights."), simple=True, default=0, ge=0, le=MAX_SEED
    )
    data_seed: int = spec_field(
        N_("Sample order"), N_("Seed of sample order, crops and flips."), default=0, ge=0, le=MAX_SEED
    )
    loading: Loading = spec_field(
        N_("Loading"),
        N_(
            "resident: all images decoded in memory. streamed: decoded when needed, by several processes. auto: "
            "resident "
            "where the images fit. The batches are the same."
        ),
        default=Loading.AUTO,
    )
    precision: Precision = spec_field(
        N_("Precision"),
        N_(
            "auto: bfloat16 where a short probe finds it faster on this machine, else float32. tf32: products of "
            "10 bits, CUDA only. Weights and batch-norm statistics are always float32."
        ),
        default=Precision.AUTO,
    )
    layout: MemoryLayout = spec_field(
        N_("Memory layout"),
        N_(
            "channels-last: the values of a pixel lie together; channels-first: those of a feature map. auto: the "
            "faster "
            "one on this machine, by a short probe."
        ),
        default=MemoryLayout.AUTO,
    )
    engine: Engine = spec_field(
        N_("Engine"),
        N_(
            "eager: one operation at a time. compiled: by torch's compiler, from a fixed iteration on. graphed: CUDA "
            "graphs of whole steps. auto: the fastest that this machine has and the run is long enough for."
        ),
        default=Engine.AUTO,
    )
    exact: bool = spec_field(
        N_("Exact on CUDA"),
        N_(
            "The same bits every time on CUDA: deterministic operations and float32, at a price in speed. On the CPU "
            "that "
            "holds anyway."
        ),
        default=False,
    )
    device: Device = spec_field(N_("Device"), N_("auto: CUDA, else Apple's MPS, else the CPU."), default=Device.AUTO)

    @field_validator("milestones")
    @classmethod
    def _milestones_rise(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if any(b <= a for a, b in itertools.pairwise(milestones)):
            raise ValueError(_("milestones must rise, like 32000, 48000"))
        return milestones

    @model_validator(mode="after")
    def _choices_are_read(self) -> Self:
        """An option that nobody reads is refused."""
        if fault := self.unread_fault():
            raise ValueError(fault)
        if self.exact and self.precision not in (Precision.AUTO, Precision.FLOAT32):
            raise ValueError(
                _("exact needs float32, not {precision}; leave precision at auto", precision=self.precision)
            )
        if self.bn_images == 1:
            raise ValueError(_("batch norm needs at least 2 images; set bn_images to 0, or to 2 and more"))
        if self.bn_images and self.batch_size % self.bn_images:
            raise ValueError(
                _(
                    "bn_images {bn_images} does not divide a batch of {batch_size}; choose a number that does, or 0 "
                    "for the whole batch",
                    bn_images=self.bn_images,
                    batch_size=self.batch_size,
                )
            )
        if self.scale_min > self.scale_max:
            raise ValueError(
                _(
                    "scale_min {scale_min} is above scale_max {scale_max}; swap them",
                    scale_min=self.scale_min,
                    scale_max=self.scale_max,
                )
            )
        return self

    @property
    def pass_size(self) -> int:
        """Images that go through the network together: a share of the batch where batch norm sees no more."""
        return self.bn_images or self.batch_size

    @property
    def shares(self) -> int:
        """Into how many equal shares a batch is divided for batch norm."""
        return self.batch_size // self.pass_size

    @property
    def seeds(self) -> tuple[int, int]:
        """Of the initial weights and of the sample order."""
        return self.init_seed, self.data_seed

    def with_seeds(self, init_seed: int, data_seed: int) -> Self:
        """The same recipe; raises pydantic's ValidationError for seeds out of bounds."""
        return replace(self, init_seed=init_seed, data_seed=data_seed)
