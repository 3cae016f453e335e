"""What is measured while a run trains: one row a series. Whatever lists series walks these rows."""

from __future__ import annotations

from enum import StrEnum

from resnet_studio.text import _

TRAINING_ERROR_WINDOW = 50
"""Iterations whose mean is a run's training error: one batch alone is too noisy to read."""


class Per(StrEnum):
    """How often a series is measured.

    At each weight update; at each pass over the test images; or in every weighted layer, at the first weight update and
    each ``layers_every``-th after it.
    """

    ITERATION = "iteration"
    TEST = "test"
    LAYER = "layer"


class Series(StrEnum):
    """A measured series: the name under which it is stored, its quantity, its unit, and how often it is measured.

    Series of one quantity, of training batches and of test images, share a plot. The values of a row of layers have
    the shape (points, layers) and are stored together; one layer's, ``Series.GRADIENT_NORM.of_layer(3)``, is named
    ``gradient_norm/3`` and not listed.

    Attributes:
        quantity: As it heads a plot.
        unit: Empty for a plain number.
        layer: Place of a layer among those that count towards the network's depth; None for a whole row.
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
    GRADIENT_NORM = "gradient_norm", _("Gradient norm by depth"), "", Per.LAYER  # of the weights, before the update
    UPDATE_RATIO = "update_ratio", _("Relative update by depth"), "", Per.LAYER  # its size over that of the weights

    def __new__(
        cls, name: str, quantity: str = "", unit: str = "", per: Per = Per.ITERATION, layer: int | None = None
    ) -> Series:
        member = str.__new__(cls, name)
        member._value_ = name
        member.quantity, member.unit, member.per, member.layer = quantity, unit, per, layer
        return member

    @property
    def layered(self) -> bool:
        """Whether each point has a value for every layer."""
        return self.per is Per.LAYER and self.layer is None

    @property
    def row(self) -> Series:
        """The row of one layer's series; of others themselves."""
        return self if self.layer is None else Series(self.rpartition("/")[0])

    def of_layer(self, layer: int) -> Series:
        """One layer of a row of layers, counted from 0.

        Raises:
            ValueError: If it is no row of layers, or the index is negative.
        """
        if not self.layered or layer < 0:
            raise ValueError(
                _(
                    "a layer's index must be 0 or more, given once, and for what is measured by layer; got {layer} for "
                    "{self_}",
                    layer=layer,
                    self_=self,
                )
            )
        return Series(f"{self}/{layer}")

    @classmethod
    def _missing_(cls, value: object) -> Series | None:
        """A row's name, a slash and a layer's index; made once."""
        name, _unused, index = str(value).rpartition("/")
        if name not in cls._value2member_map_ or not (index.isascii() and index.isdecimal()):
            return None
        row = cls(name)
        if not row.layered or index != str(int(index)):
            return None
        member = cls.__new_member__(cls, str(value), row.quantity, row.unit, row.per, int(index))  # type: ignore[attr-defined]
        member._name_ = f"{row.name}/{index}"
        return cls._value2member_map_.setdefault(member.value, member)  # type: ignore[return-value]


CURVES = tuple(series for series in Series if not series.layered)
"""One value a point."""

LAYERED = tuple(series for series in Series if series.layered)
"""A value for each layer a point."""

ERRORS = (Series.TRAINING_ERROR, Series.TEST_ERROR)
"""What runs are compared by."""
