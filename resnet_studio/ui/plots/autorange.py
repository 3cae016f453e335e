"""Which part of the plane a plot shows while it follows its curves. No Qt here."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from resnet_studio.ui.plots.cursor_values import extent
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.panels import Panel, PlotOptions, PlottedRun
from resnet_studio.ui.plots.ranges import nice_end, nice_span, settled

Span = tuple[float, float]
OUTERMOST = (1.0, 99.0)  # percentiles that the axis ends at without outliers
FEW = 20  # values, of which none is an outlier


class RangeFollower:
    """Ranges in steps: they grow when the data leaves them, and only then."""

    def __init__(self, book: CurveBook, panel: Panel, *, whole: bool = False) -> None:
        """``whole``: a linear axis shows every value there can be, where the panel knows the highest."""
        self._book, self._panel, self._whole = book, panel, whole
        self._x_end = 0.0
        self._values: Span | None = None

    def reset(self) -> None:
        """Begin anew: fit what there is."""
        self._x_end, self._values = 0.0, None

    def forget_values(self) -> None:
        """Fit the values anew; positions stay."""
        self._values = None

    def ranges(self, runs: Sequence[PlottedRun], options: PlotOptions) -> tuple[Span, Span]:
        """Positions and, as coordinates, values to show, with a little room at the edges."""
        total = self._total(runs, options.axis)
        ends = extent(self._book, runs, self._panel, options.axis)
        end = ends[1] if ends else 0.0
        if end > self._x_end:
            self._x_end = nice_end(end, total, time=options.axis is XAxis.TIME)
        right = self._x_end or total or 1.0
        span = self._value_span(runs, options)
        if span is not None:
            self._values = settled(self._values, span)
        low, high = self._values or self._empty_span(options)
        edge = (high - low) * 0.015
        return (-0.004 * right, 1.006 * right), (low - edge, high + edge)

    def knows_positions(self, runs: Sequence[PlottedRun], axis: XAxis) -> bool:
        """Whether the positions mean anything: there are points, or an end that is known."""
        return self._total(runs, axis) is not None or extent(self._book, runs, self._panel, axis) is not None

    @property
    def knows_values(self) -> bool:
        """Whether the values mean anything: some were measured, or the highest is known."""
        return self._values is not None or self._panel.highest is not None

    def _total(self, runs: Sequence[PlottedRun], axis: XAxis) -> float | None:
        """The position where the longest run will end, None where that is not known; imported runs never train."""
        runs = [run for run in runs if not run.imported]
        if axis is XAxis.TIME or not runs:
            return None
        scales = [(run.iterations, self._book.iterations_per_unit(run.run_id, axis)) for run in runs]
        return max(iterations / scale if scale else 0.0 for iterations, scale in scales) or None

    def _value_span(self, runs: Sequence[PlottedRun], options: PlotOptions) -> Span | None:
        """Lowest and highest value worth showing, as coordinates; the noise of raw curves may reach beyond."""
        ends = []
        for run_id in [each for run in runs for each in (run.run_id, *run.members)]:
            for series in self._panel.series:
                buffer = self._book.get(run_id, series)
                if buffer is None or not self._book.knows(run_id, options.axis):
                    continue
                values = buffer.smoothed(options.window_of(series))
                values = values[np.isfinite(values)]
                if options.log:
                    values = values[values > self._panel.floor]
                if len(values) and (options.outliers or len(values) < FEW):
                    ends.append((float(values.min()), float(values.max())))
                elif len(values):
                    low_end, high_end = np.percentile(values, OUTERMOST)
                    ends.append((float(low_end), float(high_end)))
        if not ends:
            return None
        lowest, highest = min(low for low, _ in ends), max(high for _, high in ends)
        if options.log:
            low, high = math.log10(lowest), math.log10(highest)
            room = max(0.04, (high - low) * 0.04)
            return low - room, high + room
        low, high = nice_span(lowest, highest)
        most = self._panel.highest
        if self._whole and most is not None:
            low, high = min(low, 0.0), max(high, most)
        return low, (high if most is None or highest > most else min(high, most))

    def _empty_span(self, options: PlotOptions) -> Span:
        high = self._panel.highest or 1.0
        return (math.log10(high) - 2, math.log10(high)) if options.log else (0.0, high)
