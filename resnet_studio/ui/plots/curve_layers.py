"""One run's lines in a plot: its raw training curve, its smoothed one, and its test points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from resnet_studio.domain.series import Series
from resnet_studio.ui.plots.curve_data import CurveBook, CurveBuffer
from resnet_studio.ui.plots.group_curves import band
from resnet_studio.ui.plots.panels import Panel, PlotOptions, PlottedRun
from resnet_studio.ui.plots.thinning import thin
from resnet_studio.ui.theme import Role, Theme

MAX_WIDE_POINTS = 500  # a pen of width 2 is up to a hundred times slower than one of width 1
MAX_FINE_POINTS = 100  # antialiasing multiplies the cost of a wide pen again
MARKERS = 40  # at most twice as many are drawn
RAW_UNDER_SMOOTH_ALPHA = 0.2
SMOOTH_WIDTH = 1.5
SEED_ALPHA = 0.4  # of a group's single runs
BAND_ALPHA = 0.16

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class View:
    """What the plot shows: edges in the plot's coordinates, width in pixels."""

    left: float
    right: float
    columns: int


class Band:
    """The area between two lines, in the colour of its group."""

    def __init__(self) -> None:
        self._low, self._high = pg.PlotCurveItem(), pg.PlotCurveItem()
        self.item = pg.FillBetweenItem(self._low, self._high)
        self.item.setZValue(-1)

    def clear(self) -> None:
        self._low.setData([], [])
        self._high.setData([], [])

    def set_edges(self, x: Floats, low: Floats, high: Floats, colour: QColor) -> None:
        known = np.isfinite(low) & np.isfinite(high)
        self._low.setData(x[known], low[known])
        self._high.setData(x[known], high[known])
        shade = QColor(colour)
        shade.setAlphaF(BAND_ALPHA)
        self.item.setBrush(shade)


def _places(x: Floats, view: View, window: int) -> npt.NDArray[np.intp]:
    """Indexes of the points that are drawn of a smooth curve: those in sight, few enough for a wide pen."""
    begin, end = np.searchsorted(x, (view.left, view.right))
    begin, end = max(int(begin) - 1, 0), min(int(end) + 1, len(x))
    stride = max(1, -(-(end - begin) // (MAX_WIDE_POINTS - 4))) if window > 1 else 1
    places = np.arange(begin, end, stride)
    return np.append(places, end - 1) if len(places) and places[-1] != end - 1 else places


def _sampled(x: Floats, y: Floats, view: View, window: int) -> tuple[Floats, Floats]:
    if window <= 1:
        return thin(x, y, view.left, view.right, view.columns)
    places = _places(x, view, window)
    return x[places], y[places]


class RunLayers:
    """The items of one run in one plot. Drawing them costs what the screen shows, not what was measured."""

    def __init__(self, run: PlottedRun, panel: Panel, theme: Theme, plot: pg.PlotItem) -> None:
        self.run, self._panel, self._theme, self._plot = run, panel, theme, plot
        self._raw, self._smooth = pg.PlotCurveItem(connect="finite"), pg.PlotCurveItem(connect="finite")
        self._test, self._markers = pg.PlotCurveItem(connect="finite"), pg.ScatterPlotItem(pxMode=True, antialias=True)
        self._first = pg.ScatterPlotItem(pxMode=True, antialias=True)  # of a curve that is no line yet
        self._bands = [Band() for _series in panel.series] if run.members else []
        self._seeds = [pg.PlotCurveItem(connect="finite") for _each in range(len(run.members) * len(panel.series))]
        for z, item in enumerate(self.items):
            item.setZValue(z)
            plot.addItem(item, ignoreBounds=True)
        for shade in self._bands:
            plot.addItem(shade.item, ignoreBounds=True)
        self._banded: object = None

    @property
    def _colour_name(self) -> str:
        return self.run.paint(self._theme).name()

    @property
    def items(self) -> tuple[pg.GraphicsObject, ...]:
        return (*self._seeds, self._raw, self._smooth, self._test, self._markers, self._first)

    def emphasise(self, strength: float) -> None:
        """0..1: how strongly this run is drawn beside the one that the legend points at."""
        for item in (*self.items, *(shade.item for shade in self._bands)):
            item.setOpacity(strength)

    def remove(self) -> None:
        for item in (*self.items, *(shade.item for shade in self._bands)):
            self._plot.removeItem(item)

    def draw(self, book: CurveBook, options: PlotOptions, view: View, shown: bool) -> None:
        """Bring the lines up to date with the buffers."""
        for item in (*self.items, *(shade.item for shade in self._bands)):
            item.setVisible(shown)
        if not shown:
            return
        if self._bands:
            self._draw_group(book, options, view)
        training, tests = (self._points(book, series, options) for series in (self._panel.thin, self._panel.bold))
        if training is None:
            self._raw.setData([], [])
            self._smooth.setData([], [])
            self._first.setData([], [])
        else:
            x, buffer = training
            self._draw_line(self._raw, x, buffer.values, view, options, self._raw_pen(options), options.draws_raw)
            self._draw_smooth(x, buffer.smoothed(options.window), view, options)
            self._draw_first(x, buffer.values, options)
        if tests is None:
            self._test.setData([], [])
            self._markers.setData([], [])
        else:
            self._draw_test(tests[0], tests[1].values, options, view)

    def _draw_group(self, book: CurveBook, options: PlotOptions, view: View) -> None:
        """The runs as thin lines, and one standard deviation to either side of their mean as a band."""
        state = (book.revision, options, view, self._colour_name)
        if state == self._banded:
            return
        self._banded = state
        colour = self.run.paint(self._theme)
        lines = iter(self._seeds)
        for series, shade in zip(self._panel.series, self._bands, strict=True):
            window = options.window_of(series)
            for run_id in self.run.members:
                x, buffer = book.positions(run_id, series, options.axis), book.get(run_id, series)
                line = next(lines)
                if x is None or buffer is None:
                    line.setData([], [])
                    continue
                thin_x, thin_y = _sampled(x, buffer.smoothed(window), view, window)
                pen = self._theme.run_pen(self._colour_name, residual=self.run.residual, bold=False)
                faint = QColor(colour)
                faint.setAlphaF(SEED_ALPHA)
                pen.setColor(faint)
                line.setData(
                    thin_x, self._coordinates(thin_y, options), pen=pen, antialias=len(thin_x) < MAX_WIDE_POINTS
                )
            x, edges = book.positions(self.run.run_id, series, options.axis), band(book, self.run, series, window)
            if x is None or edges is None or len(x) != len(edges[0]):
                shade.clear()
                continue
            places = _places(x, view, window)
            low, high = (self._coordinates(edge[places], options) for edge in edges)
            shade.set_edges(x[places], low, high, colour)

    def _points(
        self, book: CurveBook, series: Series | None, options: PlotOptions
    ) -> tuple[Floats, CurveBuffer] | None:
        """Positions and values of a series, None where there is nothing to draw."""
        if series is None:
            return None
        x, buffer = book.positions(self.run.run_id, series, options.axis), book.get(self.run.run_id, series)
        return None if x is None or buffer is None else (x, buffer)

    def _draw_line(
        self, item: pg.PlotCurveItem, x: Floats, y: Floats, view: View, options: PlotOptions, pen: QPen, wanted: bool
    ) -> None:
        if not wanted:
            item.setData([], [])
            return
        x, y = thin(x, y, view.left, view.right, view.columns, ends=item is not self._raw)
        item.setData(x, self._coordinates(y, options), pen=pen, antialias=len(x) < MAX_WIDE_POINTS)

    def _draw_smooth(self, x: Floats, y: Floats, view: View, options: PlotOptions) -> None:
        """A curve whose windows overlap from one drawn point to the next is sampled, so that its pen can be wider."""
        begin, end = np.searchsorted(x, (view.left, view.right))
        stride = -(-(end - begin) // (MAX_WIDE_POINTS - 4))
        pen = self._smooth_pen()
        if options.smooth and 1 <= stride <= options.window:
            places = np.arange(max(begin - 1, 0) // stride * stride, min(end + stride, len(x)), stride)
            if len(x) and end >= len(x) and places[-1] != len(x) - 1:
                places = np.append(places, len(x) - 1)
            x, y = x[places], y[places]
            pen.setWidthF(SMOOTH_WIDTH)
        self._draw_line(self._smooth, x, y, view, options, pen, options.smooth)

    def _draw_first(self, x: Floats, y: Floats, options: PlotOptions) -> None:
        """One point makes no line: it is drawn as a dot."""
        alone = len(x) == 1 and bool(np.isfinite(y[0]))
        colour = self.run.paint(self._theme)
        self._first.setData(
            x if alone else [],
            self._coordinates(y, options) if alone else [],
            size=5,
            pen=None,
            brush=colour,
            symbol="o",
        )

    def _draw_test(self, x: Floats, y: Floats, options: PlotOptions, view: View) -> None:
        x, y = thin(x, y, view.left, view.right, view.columns)
        y = self._coordinates(y, options)
        few = len(x) < MAX_WIDE_POINTS
        self._test.setData(x, y, pen=self._test_pen(few), antialias=len(x) < MAX_FINE_POINTS)
        marked = np.flatnonzero(np.isfinite(y))
        marked = marked[:: max(1, len(marked) // MARKERS)]
        colour = self.run.paint(self._theme)
        brush = colour if self.run.residual else self._theme.colour(Role.PANEL)
        pen = QPen(colour, 1.6)
        pen.setCosmetic(True)
        self._markers.setData(x[marked], y[marked], size=7, pen=pen, brush=brush, symbol="o")

    def _coordinates(self, values: Floats, options: PlotOptions) -> Floats:
        """Values as the plot places them: on a logarithmic axis zero lies at the panel's floor."""
        return np.log10(np.maximum(values, self._panel.floor)) if options.log else values

    def _raw_pen(self, options: PlotOptions) -> QPen:
        """Under a smoothed curve the raw one is a faint solid line: dashes would drown in the noise."""
        pen = self._theme.run_pen(self._colour_name, residual=options.smooth or self.run.residual, bold=False)
        if options.smooth:
            colour = pen.color()
            colour.setAlphaF(RAW_UNDER_SMOOTH_ALPHA)
            pen.setColor(colour)
        return pen

    def _smooth_pen(self) -> QPen:
        pen = self._theme.run_pen(self._colour_name, residual=self.run.residual, bold=False)
        colour = pen.color()
        colour.setAlphaF(1.0)
        pen.setColor(colour)
        return pen

    def _test_pen(self, few: bool) -> QPen:
        pen = self._theme.run_pen(self._colour_name, residual=self.run.residual, bold=True)
        if not few:
            pen.setWidthF(1.0)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        return pen
