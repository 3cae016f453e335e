"""Means and deviations of the curves of a group's runs, where all of them have points. No Qt here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.series import Series
from resnet_studio.ui.plots.curve_data import CurveBook, CurveBuffer
from resnet_studio.ui.plots.panels import PlottedRun

Floats = npt.NDArray[np.floating]


def put_group_curves(book: CurveBook, groups: Iterable[PlottedRun]) -> None:
    """Store the mean of each group's curves in ``book``, for every series that all its runs have.

    Nets of different depth have no mean by layer.
    """
    for group in groups:
        for series in Series:
            buffers = [book.get(run_id, series) for run_id in group.members]
            known = [buffer for buffer in buffers if buffer is not None]
            if not known or len(known) < len(buffers):
                continue
            if not _same_layers(known):
                if book.get(group.run_id, series) is not None:  # of other runs of the group, before
                    book.put(group.run_id, series, known[0].iterations[:0], known[0].values[:0])
                continue
            iterations = common_iterations(known)
            values = _stacked(known, iterations, 1)
            if len(iterations):
                book.put(group.run_id, series, iterations, values.mean(axis=0).astype(np.float32))
        book.take_scales(group.run_id, group.members[0])


def _same_layers(buffers: list[CurveBuffer]) -> bool:
    return len({buffer.values.shape[1:] for buffer in buffers}) == 1


def common_iterations(buffers: list[CurveBuffer]) -> npt.NDArray[np.int64]:
    """Where all of them have a point."""
    first = buffers[0].iterations
    if all(np.array_equal(first, other.iterations) for other in buffers[1:]):
        return first.copy()
    return reduce(np.intersect1d, (buffer.iterations for buffer in buffers))


def _stacked(buffers: list[CurveBuffer], iterations: npt.NDArray[np.int64], window: int) -> Floats:
    """Smoothed values, shape (runs, iterations)."""
    rows = []
    for buffer in buffers:
        values = buffer.smoothed(window)
        rows.append(values[np.searchsorted(buffer.iterations, iterations)])
    return np.stack(rows).astype(np.float64)


def band(book: CurveBook, group: PlottedRun, series: Series, window: int) -> tuple[Floats, Floats] | None:
    """One sample standard deviation below and above the mean at each point of the group's own curve.

    Returns:
        Lower and upper edge, each of shape (N,) as the group's curve; None without two runs that have points.
    """
    mean = book.get(group.run_id, series)
    buffers = [found for run_id in group.members if (found := book.get(run_id, series)) is not None]
    if mean is None or len(buffers) < 2 or len(buffers) < len(group.members):
        return None
    iterations = mean.iterations
    if any(buffer.iterations[-1] < iterations[-1] for buffer in buffers):
        return None  # the mean is about to be made anew
    values = _stacked(buffers, iterations, window)
    middle, deviation = values.mean(axis=0), values.std(axis=0, ddof=1)
    return middle - deviation, middle + deviation
