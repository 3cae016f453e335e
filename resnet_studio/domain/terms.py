"""The field's words as enums: their values are what files, tables and the command line show."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """Which stem and which stages: He et al. 2015, section 4.2 (CIFAR-10)."""

    CIFAR = "cifar"


class Block(StrEnum):
    """What a stage is made of: the weighted layers between two additions."""

    PLAIN = "plain"
    BASIC = "basic"

    @property
    def residual(self) -> bool:
        return self is not Block.PLAIN


class Shortcut(StrEnum):
    """Section 3.3: zero-padding (A), projection where dimensions change (B), projection everywhere (C)."""

    NONE = "none"
    A = "A"
    B = "B"
    C = "C"


class Augmentation(StrEnum):
    NONE = "none"
    PAD_CROP_FLIP = "pad-crop-flip"


class Normalisation(StrEnum):
    """What is subtracted from (and divides) each image before it enters the network."""

    PIXEL_MEAN = "pixel-mean"
    CHANNEL = "channel-mean-std"


class Precision(StrEnum):
    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        """Some process is working on it now; after a crash this is how it is still written down."""
        return self in (RunStatus.RUNNING, RunStatus.PAUSED)

    @property
    def resumable(self) -> bool:
        return self in (RunStatus.QUEUED, RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED)


class Phase(StrEnum):
    """What the program is busy with, for progress displays."""

    LOADING = "loading data"
    PROBING = "probing precision"
    BUILDING = "building networks"
    TRAINING = "training"
    TESTING = "testing"
    SAVING = "saving"
    PAUSED = "paused"


class Series(StrEnum):
    """Measured quantities. Errors are in percent, loss is mean cross-entropy in nats, seconds count training alone."""

    TRAINING_ERROR = "training_error"
    TRAINING_LOSS = "training_loss"
    TEST_ERROR = "test_error"
    TEST_LOSS = "test_loss"
    LEARNING_RATE = "learning_rate"
    SECONDS = "seconds"
