"""The field's words as enums: their values are what files, tables and the command line show."""

from __future__ import annotations

from enum import StrEnum

from resnet_studio.text import N_


class Family(StrEnum):
    """Which stem and which stages a network has.

    He et al. 2015, sections 3.3 (ImageNet) and 4.2 (CIFAR-10); VGG is the reference column of Figure 3.
    """

    CIFAR = "cifar"
    IMAGENET = "imagenet"
    VGG = "vgg"


class Branch(StrEnum):
    """The weighted layers of one block: what an addition spans in a residual net.

    basic: two 3x3. bottleneck: 1x1, 3x3, 1x1. single: one 3x3, an experiment; the paper saw no advantage in it.
    """

    BASIC = "basic"
    BOTTLENECK = "bottleneck"
    SINGLE = "single"

    @property
    def layers(self) -> int:
        """Weighted layers, 1 to 3."""
        return {Branch.SINGLE: 1, Branch.BASIC: 2, Branch.BOTTLENECK: 3}[self]

    @property
    def expansion(self) -> int:
        """Filters that leave a block, as a multiple of the stage's width."""
        return 4 if self is Branch.BOTTLENECK else 1


class Block(StrEnum):
    """What a stage is made of. plain: no additions; the others: a shortcut around each such branch."""

    PLAIN = "plain"
    BASIC = "basic"
    BOTTLENECK = "bottleneck"
    SINGLE = "single"

    @property
    def residual(self) -> bool:
        return self is not Block.PLAIN


class Shortcut(StrEnum):
    """Section 3.3: zero-padding (A), projection where dimensions change (B), projection everywhere (C)."""

    NONE = "none"
    A = "A"
    B = "B"
    C = "C"


class Stem(StrEnum):
    """The layers before the first stage."""

    SMALL = "3x3"
    LARGE = "7x7"
    NONE = "none"


class StridePlace(StrEnum):
    """Which convolution of a bottleneck halves the size: the paper's, or the one torchvision moved it to."""

    FIRST = "first-1x1"
    MIDDLE = "3x3"


class ZeroPadding(StrEnum):
    """Where option A puts its zero channels: all after the input's, or half before and half after."""

    END = "end"
    BOTH = "both"


class Activation(StrEnum):
    """post: BN after each convolution, ReLU after the addition (2015). pre: BN and ReLU before (arXiv:1603.05027)."""

    POST = "post"
    PRE = "pre"


class Augmentation(StrEnum):
    NONE = "none"
    PAD_CROP_FLIP = "pad-crop-flip"
    SCALE_CROP_FLIP = "scale-crop-flip"


class PadWith(StrEnum):
    """What lies around an image before it is cropped: its mean (zero after subtraction), or black."""

    MEAN = "mean"
    BLACK = "black"


class Colour(StrEnum):
    """Colour augmentation along the principal components of the training set's RGB values."""

    NONE = "none"
    PCA = "pca"


class Normalisation(StrEnum):
    """What is subtracted from (and divides) each image before it enters the network."""

    PIXEL_MEAN = "pixel-mean"
    CHANNEL = "channel-mean-std"


class Loading(StrEnum):
    """resident: all images decoded in memory. streamed: decoded when they are needed, by several processes."""

    AUTO = "auto"
    RESIDENT = "resident"
    STREAMED = "streamed"


class TestOn(StrEnum):
    """Which images the test error is measured on."""

    __test__ = False

    TEST = "test"
    HELD_OUT = "held-out"


class MomentumForm(StrEnum):
    """torch: v = m v + g, w = w - lr v. authors: v = m v + lr g, w = w - v. They part when the rate changes."""

    TORCH = "torch"
    AUTHORS = "authors"


class Decay(StrEnum):
    """What weight decay acts on: every parameter, or convolution and fully connected weights alone."""

    ALL = "all"
    WEIGHTS = "weights"


class BatchNormStatistics(StrEnum):
    """What batch norm uses in tests: moving averages of training, or statistics measured anew when it has ended."""

    MOVING = "moving"
    RECOMPUTED = "recomputed"


class Precision(StrEnum):
    AUTO = "auto"
    FLOAT32 = "float32"
    TF32 = "tf32"
    BFLOAT16 = "bfloat16"


class MemoryLayout(StrEnum):
    """In which order the values of an image lie in memory."""

    AUTO = "auto"
    CHANNELS_LAST = "channels-last"
    CHANNELS_FIRST = "channels-first"


class Engine(StrEnum):
    """How a step is carried out; the arithmetic agrees to rounding.

    eager: one operation at a time. compiled: by torch's compiler. graphed: replayed from CUDA graphs.
    """

    AUTO = "auto"
    EAGER = "eager"
    COMPILED = "compiled"
    GRAPHED = "graphed"


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class RunStatus(StrEnum):
    QUEUED = N_("queued")
    RUNNING = N_("running")
    PAUSED = N_("paused")
    FINISHED = N_("finished")
    STOPPED = N_("stopped")
    INTERRUPTED = N_("interrupted")
    DIVERGED = N_("diverged")
    FAILED = N_("failed")
    IMPORTED = N_("imported")

    @property
    def active(self) -> bool:
        """Some process is working on it now; after a crash this is how it is still written down."""
        return self in (RunStatus.RUNNING, RunStatus.PAUSED)

    @property
    def ended(self) -> bool:
        """Training has come to an end of its own; it counts for verdicts."""
        return self in (RunStatus.FINISHED, RunStatus.DIVERGED)

    @property
    def resumable(self) -> bool:
        return self in (RunStatus.QUEUED, RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED)


class Phase(StrEnum):
    """What the program is busy with, for progress displays."""

    LOADING = N_("loading data")
    PROBING = N_("probing precision")
    BUILDING = N_("building networks")
    TRAINING = N_("training")
    COMPILING = N_("training, compiling in the background")
    AWAITING = N_("waiting for the compiler")
    RECOMPUTING = N_("recomputing batch-norm statistics")
    TESTING = N_("testing")
    SAVING = N_("saving")
    PAUSED = N_("paused")
    WAITING = N_("waiting for room on the disk")
