"""What is measured while a run trains: one row a series. Whatever lists series walks these rows."""

from __future__ import annotations

from enum import StrEnum

from resnet_studio.text import _

TRAINING_ERROR_WINDOW = 50
"""Iterations whose mean is a run's training error: one batch alone is too noisy to read."""


class Per(StrEnum):
    """How often a series is measured: at each weight update, or at each pass over the test images."""

    ITERATION = "iteration"
    TEST = "test"


class Series(StrEnum):
    """A measured series: the name under which it is stored, its quantity, its unit, and how often it is measured.

    Series of one quantity, of training batches and of test images, share a plot. A row has a series for each layer
    too, ``Series.LEARNING_RATE.of_layer(3)``, stored as ``learning_rate/3``; those are not listed.

    Attributes:
        quantity: As it heads a plot.
        unit: Empty for a plain number.
        layer: Index of a layer in the network's blueprint; None for a series of the whole network.
    """

    quantity: str
    unit: str
    per: Per
    layer: int | None

    TRAINING_ERROR = "training_error", _("Error"), "%", Per.ITERATION
    TRAINING_LOSS = "training_loss", _("Loss"), "nats", Per.ITERATION  # mean cross-entropy
    TEST_ERROR = "test_error", _("Error"), "%", Per.TEST
    TEST_LOSS = "test_loss", _("Loss"), "nats", Per.TEST
    LEARNING_RATE = "learning_rate", _("Learning rate"), "", Per.ITERATION
    SECONDS = "seconds", _("Training time"), "s", Per.ITERATION  # of training alone, without tests and checkpoints

    def __new__(
        cls, name: str, quantity: str = "", unit: str = "", per: Per = Per.ITERATION, layer: int | None = None
    ) -> Series:
        member = str.__new__(cls, name)
        member._value_ = name
        member.quantity, member.unit, member.per, member.layer = quantity, unit, per, layer
        return member

    def of_layer(self, layer: int) -> Series:
        """The same measured in one layer, counted from 0."""
        if self.layer is not None or layer < 0:
            raise ValueError(
                _("a layer's index must be 0 or more and given once, got {layer} for {self_}", layer=layer, self_=self)
            )
        return Series(f"{self}/{layer}")

    @classmethod
    def _missing_(cls, value: object) -> Series | None:
        """A row's name, a slash and a layer's index; made once."""
        name, _unused, index = str(value).rpartition("/")
        if name not in cls._value2member_map_ or not (index.isascii() and index.isdecimal()):
            return None
        row = cls(name)
        if row.layer is not None or index != str(int(index)):
            return None
        member = cls.__new_member__(cls, str(value), row.quantity, row.unit, row.per, int(index))  # type: ignore[attr-defined]
        member._name_ = f"{row.name}/{index}"
        return cls._value2member_map_.setdefault(member.value, member)  # type: ignore[return-value]


ERRORS = (Series.TRAINING_ERROR, Series.TEST_ERROR)
"""What runs are compared by."""
