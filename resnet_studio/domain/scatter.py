"""Any fact of runs against any other: points, and the means over seeds that lines join. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from resnet_studio.domain.grouping import Statistic, statistic
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import FieldKind, RunField


@dataclass(frozen=True, slots=True)
class ScatterLine:
    """Plain or residual nets of one kind: the mean of y at each x, from left to right."""

    residual: bool
    key: Hashable
    colour: str
    xs: tuple[float, ...]
    means: tuple[Statistic, ...]


@dataclass(frozen=True, slots=True)
class Scatter:
    """Points in the order of ``runs``, and the words that stand for 0, 1, ... along x where x is no number."""

    runs: tuple[RunRecord, ...]
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    words: tuple[str, ...]
    lines: tuple[ScatterLine, ...]
    left_out: int  # runs without one of the two values

    @property
    def numeric(self) -> bool:
        return not self.words


def scatter(runs: Sequence[RunRecord], x: RunField, y: RunField) -> Scatter:
    """``y`` must be a number. Runs without one of the two values are counted, not drawn.

    Lines join the means of runs that differ in ``x``, depth and seeds alone: of plain nets, and of residual ones with
    one kind of shortcut.
    """
    found: list[tuple[RunRecord, object, float]] = []
    for run in runs:
        a, b = x.read(run), y.read(run)
        if a is None or a == () or not isinstance(b, int | float) or not math.isfinite(b):
            continue
        if isinstance(a, int | float) and not math.isfinite(a):
            continue
        found.append((run, a, float(b)))
    numeric = x.kind is FieldKind.NUMBER
    words: tuple[str, ...] = ()
    if not numeric:
        words = tuple(sorted({x.text(a) for _run, a, _b in found}))  # type: ignore[arg-type]
        place = {word: float(index) for index, word in enumerate(words)}
        xs = tuple(place[x.text(a)] for _run, a, _b in found)  # type: ignore[arg-type]
    else:
        xs = tuple(float(a) for _run, a, _b in found)  # type: ignore[arg-type]
    shown, ys = tuple(run for run, _a, _b in found), tuple(b for _run, _a, b in found)
    return Scatter(shown, xs, ys, words, _lines(shown, xs, ys) if numeric else (), len(runs) - len(found))


def _lines(runs: Sequence[RunRecord], xs: Sequence[float], ys: Sequence[float]) -> tuple[ScatterLine, ...]:
    kinds: dict[tuple[bool, Hashable], dict[float, list[float]]] = {}
    colours: dict[tuple[bool, Hashable], str] = {}
    for run, x, y in zip(runs, xs, ys, strict=True):
        network = run.spec.network
        key = (run.residual, (str(network.family), str(network.block), str(network.shortcut), run.imported))
        kinds.setdefault(key, {}).setdefault(x, []).append(y)
        colours.setdefault(key, run.colour)
    lines = []
    for (residual, kind), places in kinds.items():
        ordered = tuple(sorted(places))
        means = tuple(found for place in ordered if (found := statistic(places[place])) is not None)
        if len(ordered) > 1:
            lines.append(ScatterLine(residual, kind, colours[residual, kind], ordered, means))
    return tuple(lines)
