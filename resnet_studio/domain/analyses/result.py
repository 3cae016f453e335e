"""What every analysis hands back: plain frozen values that know their plain form, their table and their figure."""

from __future__ import annotations

import io
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Self, cast

import numpy as np
import numpy.typing as npt
from pydantic import PlainValidator, TypeAdapter, ValidationError

from resnet_studio.domain.analyses.charts import Array, Figure, Line
from resnet_studio.domain.colours import colour_for_depth, paler
from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.text_numbers import grouped, three_figures
from resnet_studio.text import _

Numbers = Annotated[npt.NDArray[np.float64], PlainValidator(lambda values: np.asarray(values, np.float64))]
"""A field that holds an array of numbers; its plain form is nested lists."""

_PALE = 0.4  # of the way to white: an untrained net beside trained ones

Pixels = Annotated[npt.NDArray[np.uint8], PlainValidator(lambda values: np.asarray(values, np.uint8))]
"""A field that holds an image or several, 0..255; likewise."""


@dataclass(frozen=True, slots=True)
class Net:
    """Which network was looked into, with which weights.

    Attributes:
        label: What people call it: a run's name, or a design's.
        depth: Weighted layers.
        run_id: Empty for an untrained design.
        iteration: Of the checkpoint; 0 for initial weights.
        weights_sha256: Of the checkpoint's weights; empty for an untrained design.
        init_seed: Of an untrained design's weights; None for a run.
        colour: ``#rrggbb``, the run's own or the depth's.
    """

    label: str
    depth: int
    residual: bool
    run_id: str = ""
    iteration: int = 0
    weights_sha256: str = ""
    init_seed: int | None = None
    colour: str = ""

    @property
    def trained(self) -> bool:
        """Whether these are a stored run's weights: then batch norm has statistics of its own."""
        return bool(self.run_id)

    @property
    def title(self) -> str:
        """In legends: checkpoints of one run are told apart; imported weights have no iterations."""
        if not self.trained or not self.iteration:
            return self.label
        return _("{label}, iteration {iteration}", label=self.label, iteration=grouped(self.iteration))

    @property
    def ink(self) -> str:
        return self.colour or colour_for_depth(self.depth)

    def to_json(self) -> dict[str, Any]:
        """The first keys of what is printed of a result."""
        return {
            "network": self.label,
            "depth": self.depth,
            "residual": self.residual,
            "run": self.run_id or None,
            "iteration": self.iteration,
            "weights_sha256": self.weights_sha256 or None,
            "init_seed": self.init_seed,
            "colour": self.ink,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Net:
        return cls(
            str(values["network"]),
            int(values["depth"]),
            bool(values["residual"]),
            values["run"] or "",
            int(values["iteration"]),
            values["weights_sha256"] or "",
            values["init_seed"],
            values["colour"],
        )


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers stay numbers: who shows them rounds them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def as_csv(self) -> str:
        out = io.StringIO(newline="")
        writer = CsvWriter(out)
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return out.getvalue()


class AnalysisResult(ABC):
    """Base of the results: a frozen dataclass whose first field is ``net``.

    Fields are numbers, texts, tuples, mappings, dataclasses of these, :data:`Numbers` or :data:`Pixels`; never a
    tensor. A result about two networks has the second as a field of its own and overrides :attr:`nets`.
    """

    net: Net

    @property
    def nets(self) -> tuple[Net, ...]:
        """Every network it is about."""
        return (self.net,)

    def to_json(self) -> dict[str, Any]:
        """The plain form: what ``--json`` prints and the history stores. NaN stays NaN.

        Keys of the network come first, then one a field; a class adds what follows from its fields.
        """
        own = {field.name: plain(getattr(self, field.name)) for field in fields(cast(Any, self)) if field.name != "net"}
        return {**self.net.to_json(), **own}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The result of a plain form.

        Raises:
            StoreError: If ``values`` are no such result.
        """
        try:
            return TypeAdapter(cls).validate_python({**values, "net": Net.from_json(values)})
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise StoreError(
                _("A stored analysis cannot be read ({error}); look into the networks again.", error=_first(error))
            ) from error

    @classmethod
    def merged(cls, results: Sequence[Self]) -> tuple[Self, ...]:
        """Parts of one whole put together, for a kind that is measured part by part; else the results as they are."""
        return tuple(results)

    @classmethod
    @abstractmethod
    def table(cls, results: Sequence[Self]) -> Table:
        """Every number of the networks side by side, one line a block, layer or point."""

    @classmethod
    @abstractmethod
    def summary(cls, results: Sequence[Self]) -> Table:
        """One line a network: what one looks at first."""

    @classmethod
    @abstractmethod
    def figure(cls, results: Sequence[Self]) -> Figure:
        """The networks in one drawing, on one scale; its title is the finding in numbers."""


@dataclass(frozen=True, slots=True)
class NetLines:
    """How each network is drawn and called in a legend.

    A plain net's line is dashed. Where there are trained nets too, untrained ones are paler, dotted, and called so.
    """

    mixed: bool

    @classmethod
    def of(cls, results: Sequence[AnalysisResult]) -> NetLines:
        return cls(len({net.trained for one in results for net in one.nets}) > 1)

    def called(self, net: Net, label: str) -> str:
        """``label`` with what tells this network from trained ones."""
        return _("{label}, untrained", label=label) if self.mixed and not net.trained else label

    def ink(self, net: Net) -> str:
        return paler(net.ink, _PALE) if self.mixed and not net.trained else net.ink

    def line(self, net: Net, x: Array, y: Array, *, named: bool = True, **more: Any) -> Line:
        """``named``: it stands in the legend; ``more``: as :class:`Line` has them."""
        return Line(
            x,
            y,
            self.called(net, net.title) if named else "",
            self.ink(net),
            dashed=not net.residual,
            dotted=self.mixed and not net.trained,
            **more,
        )


def names_of(results: Sequence[AnalysisResult]) -> dict[Net, str]:
    """For findings and small panels: without the iteration where one network has only one."""
    nets, lines = {net for one in results for net in one.nets}, NetLines.of(results)
    labels = Counter(lines.called(net, net.label) for net in nets)
    return {
        net: lines.called(net, net.title if labels[lines.called(net, net.label)] > 1 else net.label) for net in nets
    }


def short_names(results: Sequence[AnalysisResult]) -> list[str]:
    """Likewise, one a result."""
    names = names_of(results)
    return [names[one.net] for one in results]


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]


def rounded(value: float) -> str:
    """Three figures of a number that is not negative; a dash for one that is not finite."""
    return three_figures(value) if math.isfinite(value) else "–"


def plain(value: Any) -> Any:
    """Lists, mappings, numbers and texts alone; Python's own numbers for numpy's."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Net):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
