"""The numbers under the cursor: each run's errors there, and how far the plain nets lie above their residual twins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.grouping import Statistic, statistic
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.panels import Panel, PlotOptions, PlottedRun
from resnet_studio.ui.plots.thinning import running_mean


@dataclass(frozen=True, slots=True)
class Reading:
    """One run at one place: a value for each series of the panel, None where it has none there."""

    run: PlottedRun
    values: tuple[float | None, ...]
    statistics: tuple[Statistic | None, ...] = ()  # of a group's runs


@dataclass(frozen=True, slots=True)
class Gap:
    """Plain minus residual at one depth, for each series in the panel's unit (percentage points for errors)."""

    depth: int
    values: tuple[float | None, ...]


def value_at(positions: npt.NDArray[np.float64], values: npt.NDArray[np.float32], x: float) -> float | None:
    """The last finite value at or before ``x``; None before the first point or where the value is not finite."""
    index = int(np.searchsorted(positions, x, "right")) - 1
    if index < 0 or not math.isfinite(values[index]):
        return None
    return float(values[index])


def extent(book: CurveBook, runs: Iterable[PlottedRun], panel: Panel, axis: XAxis) -> tuple[float, float] | None:
    """First and last position of anything drawn, None without points."""
    found = [book.positions(run.run_id, series, axis) for run in runs for series in panel.series]
    ends = [(float(x[0]), float(x[-1])) for x in found if x is not None]
    return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None


def readings(
    book: CurveBook,
    runs: Sequence[PlottedRun],
    panel: Panel,
    options: PlotOptions,
    x: float | None,
    *,
    as_an_end: bool = False,
) -> list[Reading]:
    """What each run has at ``x``, smoothed where the plot is, or at its own end where ``x`` is None.

    The training error at the end, and ``as_an_end`` also at ``x``, is the mean of the last batches that tables and
    sentences have too.

    A test's value holds until the next test. Past a run's end there is nothing to read.
    """
    result = []
    for run in runs:
        ends = extent(book, (run,), panel, options.axis)
        if ends is None or (x is not None and x > ends[1]):
            result.append(Reading(run, (None,) * len(panel.series)))
            continue
        place = ends[1] if x is None else x
        at = partial(_read_end if x is None or as_an_end else _read, book)
        values = tuple(at(run.run_id, series, options, place) for series in panel.series)
        members = [[at(each, series, options, place) for each in run.members] for series in panel.series]
        result.append(Reading(run, values, tuple(map(_statistic, members)) if run.members else ()))
    return result


def _read(book: CurveBook, run_id: str, series: Series, options: PlotOptions, x: float) -> float | None:
    positions, buffer = book.positions(run_id, series, options.axis), book.get(run_id, series)
    if positions is None or buffer is None:
        return None
    return value_at(positions, buffer.smoothed(options.window_of(series)), x)


def _read_end(book: CurveBook, run_id: str, series: Series, options: PlotOptions, x: float) -> float | None:
    buffer = book.get(run_id, series)
    if series is not Series.TRAINING_ERROR or buffer is None:
        return _read(book, run_id, series, options, x)
    positions = book.positions(run_id, series, options.axis)
    if positions is None or (index := int(np.searchsorted(positions, x, "right")) - 1) < 0:
        return None
    (last,) = running_mean(buffer.values[: index + 1], TRAINING_ERROR_WINDOW, index)
    return float(last) if math.isfinite(last) else None


def _statistic(values: Sequence[float | None]) -> Statistic | None:
    return statistic([value for value in values if value is not None])


def gaps(found: Iterable[Reading]) -> list[Gap]:
    """One per depth that shows a single pair of twins, shallow first: for more runs no one number holds.

    Imported runs have no twins and take no part.
    """
    found = [reading for reading in found if not reading.run.imported]
    result = []
    for depth in sorted({reading.run.depth for reading in found}):
        alike = [reading for reading in found if reading.run.depth == depth]
        plain, residual = ([r for r in alike if r.run.residual is kind] for kind in (False, True))
        if len(plain) == len(residual) == 1 and plain[0].run.twin == residual[0].run.twin:
            pairs = zip(plain[0].values, residual[0].values, strict=True)
            result.append(Gap(depth, tuple(_difference(*pair) for pair in pairs)))
    return result


def gaps_at(
    book: CurveBook, runs: Sequence[PlottedRun], panel: Panel, options: PlotOptions, x: float | None
) -> list[Gap]:
    """:func:`gaps` at ``x``, or where that is None at the last place that both twins have reached."""
    result = []
    for depth in dict.fromkeys(run.depth for run in runs):
        pair = [run for run in runs if run.depth == depth and not run.imported]
        ends = [extent(book, (run,), panel, options.axis) for run in pair]
        common = min((end[1] for end in ends if end is not None), default=None)
        place = common if x is None else x
        result += gaps(readings(book, pair, panel, options, place, as_an_end=x is None))
    return sorted(result, key=lambda gap: gap.depth)


def _difference(plain: float | None, residual: float | None) -> float | None:
    return None if plain is None or residual is None else plain - residual
