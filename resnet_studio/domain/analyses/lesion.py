"""The lesion's result: a network's error without some of its blocks, or with blocks in another order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from pydantic import model_validator

from resnet_studio.domain.analyses.block_axis import BlockAxis, block_place
from resnet_studio.domain.analyses.charts import Figure, Line, LineChart
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.domain.text_numbers import signed
from resnet_studio.domain.word_lists import all_of
from resnet_studio.text import N_, _, _n

_SHORT = 3  # so many blocks are listed below the axis
_ROOM, _SPACED = 0.15, 4  # of the axis for a short name, and of how many there is room for each


class LesionSettings(AnalysisSettings):
    """With the blocks, and their order."""

    images: int = spec_field(
        N_("Images"),
        N_("How many are looked at, drawn by the seed; all of the test images give this checkpoint's test error."),
        unit=N_("images"),
        simple=True,
        default=2000,
        ge=1,
        le=1_000_000,
    )
    blocks: tuple[str, ...] = spec_field(
        N_("Blocks"),
        N_("Names such as stage1.block2, in the order in which they are taken out. Empty: every block, none together."),
        default=(),
        max_length=600,
    )
    together: bool = spec_field(
        N_("Together"), N_("The blocks are taken out at once, not each on its own."), default=False
    )
    order: tuple[str, ...] = spec_field(
        N_("Order"),
        N_("Names of all blocks as they follow one another; they change places within a stage. Empty: as built."),
        default=(),
        max_length=600,
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.together and not self.blocks:
            raise ValueError(_("name the blocks that are to be taken out together"))
        return self


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to every network that has these blocks.

    Attributes:
        blocks: Taken out, all at once.
        swaps: Pairs that change places, one pair after another.
    """

    blocks: tuple[str, ...] = ()
    swaps: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every block that it is about."""
        return frozenset(self.blocks).union(*self.swaps)

    @property
    def title(self) -> str:
        """As people see it: a single block's own name."""
        swapped = ", ".join(_("{one} and {other} swapped", one=one, other=other) for one, other in self.swaps)
        if not swapped and len(self.blocks) == 1:
            return self.blocks[0]
        without = taken_out(self.blocks) if self.blocks else ""
        return ", ".join(filter(None, (swapped, without)))

    def order(self, built: Sequence[str]) -> tuple[str, ...]:
        """Of blocks that were ``built`` in this order; empty where none change places."""
        order = list(built)
        for one, other in self.swaps:
            a, b = order.index(one), order.index(other)
            order[a], order[b] = other, one
        return tuple(order) if self.swaps else ()


def taken_out(blocks: Sequence[str]) -> str:
    """Several at once, as people see it."""
    return _("without {blocks}", blocks=", ".join(blocks))


@dataclass(frozen=True, slots=True)
class Altered:
    """The error of an altered network on the images seen so far, in percent.

    Attributes:
        name: Of the block that is taken out, or what was done in words.
        deleted: Names of the blocks whose branches are taken out.
        order: Names of all blocks as they follow one another; empty: as they were built.
        error: Top-1.
        low: The lower end of the 95 % interval: the whole network's error plus that of the paired difference.
        high: The upper end.
        whole: The whole network's error on the same images.
        only_altered: Images that the altered network alone gets wrong.
        only_whole: Images that the whole network alone gets wrong.
        p_value: Of McNemar's exact test that both errors are equal.
        images: Seen so far.
        of: To be seen.
    """

    name: str
    deleted: tuple[str, ...]
    order: tuple[str, ...]
    error: float
    low: float
    high: float
    whole: float
    only_altered: int
    only_whole: int
    p_value: float
    images: int
    of: int

    @property
    def final(self) -> bool:
        return self.images == self.of

    @property
    def alone(self) -> bool:
        """One block is taken out, and nothing else is done."""
        return self.deleted == (self.name,)

    @property
    def difference(self) -> float:
        """Percentage points above the whole network."""
        return self.error - self.whole

    @property
    def words(self) -> str:
        """What was done, with the names of all blocks."""
        parts = []
        if swaps := _swaps(self.order):
            parts.append(", ".join(_("{one} and {other} swapped", one=one, other=other) for one, other in swaps))
        elif self.order:
            parts.append(_("in another order"))
        if self.deleted:
            parts.append(_("without {blocks}", blocks=all_of(self.deleted)))
        return ", ".join(parts) or self.name

    @property
    def short(self) -> str:
        """Likewise below an axis, stage and block as numbers: ``1.2+1.3``, ``2.1↔2.3``."""
        swaps = _swaps(self.order)
        parts = ["{}↔{}".format(*map(_number, pair)) for pair in swaps[:_SHORT]]
        if self.order and not 0 < len(swaps) <= _SHORT:
            parts = [_("order")]
        if self.deleted:
            few = "+".join(map(_number, self.deleted))
            parts.append(
                few if len(self.deleted) <= _SHORT else _n("{count} block", "{count} blocks", len(self.deleted))
            )
        return " ".join(parts) or self.name


@dataclass(frozen=True, eq=False)
class Lesion(AnalysisResult):
    """One network, whole and altered.

    Attributes:
        error: Of the whole network on ``images`` images, in percent.
        blocks: What was done to it, in the order in which it was done.
    """

    net: Net
    error: float
    images: int
    blocks: tuple[Altered, ...]

    def to_json(self) -> dict[str, Any]:
        plain = super().to_json()
        for entry, block in zip(plain["blocks"], self.blocks, strict=True):
            entry["difference"] = block.difference
        return plain

    @property
    def differences(self) -> np.ndarray:
        """Percentage points above the whole network, (alterations,)."""
        return np.array([block.difference for block in self.blocks])

    @property
    def median_rise(self) -> float:
        """Of those without one block; where there are none, of all that was done."""
        single = [block.difference for block in self.blocks if block.alone]
        return float(np.median(single or self.differences)) if self.blocks else float("nan")

    @classmethod
    def merged(cls, results: Sequence[Lesion]) -> tuple[Lesion, ...]:
        """One result a network, in the order of the networks.

        Blocks from the first to the last, then what was done to several at once; of what was measured twice the later
        one.
        """
        found: dict[Net, dict[str, Altered]] = {}
        for one in results:
            found.setdefault(one.net, {}).update({each.name: each for each in one.blocks})
        newest = {one.net: one for one in results}
        return tuple(
            Lesion(net, newest[net].error, newest[net].images, tuple(sorted(altered.values(), key=_place)))
            for net, altered in found.items()
        )

    @classmethod
    def table(cls, results: Sequence[Lesion]) -> Table:
        return Table(
            (_("network"), _("block"), _("error"), _("low"), _("high"), _("difference"), _("p")),
            tuple(
                (one.net.label, _named(each), each.error, each.low, each.high, each.difference, each.p_value)
                for one in results
                for each in one.blocks
            ),
        )

    @classmethod
    def summary(cls, results: Sequence[Lesion]) -> Table:
        rows = []
        for one in results:
            worst = max(one.blocks, key=lambda each: each.error, default=None)
            rows.append(
                (
                    one.net.label, one.net.iteration, one.error, one.median_rise,
                    worst.difference if worst else float("nan"), _named(worst),
                )
            )  # fmt: skip
        return Table(
            (_("network"), _("iteration"), _("error"), _("median rise"), _("largest rise"), _("what was changed")),
            tuple(rows),
        )

    @classmethod
    def figure(cls, results: Sequence[Lesion]) -> Figure:
        drawn = NetLines.of(results)
        changes = {block.name: block for one in results for block in one.blocks}  # in the order of their coming
        axis = BlockAxis.of([block.name for block in one.blocks if block.alone] for one in results)
        others = [block for block in changes.values() if block.name not in axis.names]
        places = {name: place for place, name in enumerate(axis.names, start=1)}
        step = _step(len(axis.names), len(others))
        places |= {block.name: len(axis.names) + step * n for n, block in enumerate(others, start=1)}
        lines: list[Line] = []
        for one in filter(lambda one: one.blocks, results):
            error, low, high = (
                np.array([getattr(block, name) for block in one.blocks]) for name in ("error", "low", "high")
            )
            place = np.array([places[block.name] for block in one.blocks], np.float64)
            names = tuple(_named(block) for block in one.blocks)
            ends, whole = np.array([0.5, max(places.values()) + 0.5]), np.full(2, one.error)
            lines.append(drawn.line(one.net, ends, whole, bare=True))
            lines.append(drawn.line(one.net, place, error, named=False, points=True, low=low, high=high, names=names))
        ticks = (*axis.ticks, *((float(places[block.name]), block.short) for block in others))
        return Figure(
            _title(results, axis.names, others),
            (
                LineChart(
                    _("Error without a block (marks), and whole (line)"),
                    _("block taken out") if not others else _("what was changed"),
                    _("top-1 error, %"),
                    tuple(lines),
                    ticks=ticks,
                ),
            ),
        )


def _title(results: Sequence[Lesion], singles: Sequence[str], others: Sequence[Altered]) -> str:
    """A single change by its name; of several the median."""
    found = ", ".join(
        _("{points} points in {network}", points=signed(one.median_rise, digits=1), network=name)
        for name, one in zip(short_names(results), results, strict=True)
        if one.blocks
    )
    counted = [one.images for one in results if one.blocks]
    if counted and max(counted) == 1:
        return _("One image tells nothing of an error; choose more images")
    if len(singles) == 1:
        return _("Without {block} the error changes by: {found}", block=singles[0], found=found)
    if singles:
        return _("Taking out one block changes the error by (median): {found}", found=found)
    if len(others) == 1:
        words = others[0].words
        return _("{change}: {found}", change=words[:1].upper() + words[1:], found=found)
    return _n(
        "{count} change of several blocks; the error changes by (median): {found}",
        "{count} changes of several blocks; the error changes by (median): {found}",
        len(others),
        found=found,
    )


def _step(singles: int, others: int) -> int:
    """From one change of several blocks to the next, in places of single blocks: there is room for its short name."""
    return max(1, math.ceil(_ROOM * singles / (1 - _ROOM * min(others, _SPACED))))


def _place(altered: Altered) -> tuple[bool, tuple[int, ...]]:
    """What is no single block comes last, as it came."""
    return not altered.alone, block_place(altered.name) if altered.alone else ()


def _swaps(order: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs that have changed places, where that is all there is to an order; else none."""
    built = sorted(order, key=block_place)
    stands = dict(zip(built, order, strict=True))
    if any(stands[stands[name]] != name for name in built):
        return ()
    return tuple((name, other) for name, other in stands.items() if block_place(name) < block_place(other))


def _named(altered: Altered | None) -> str:
    if altered is None:
        return ""
    return altered.name if altered.alone else altered.words


def _number(block: str) -> str:
    """``2.10`` for stage2.block10."""
    return ".".join(map(str, block_place(block)))
