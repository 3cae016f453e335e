"""The plot that Train and Compare share: long curves, drawn on a clock, read under the cursor."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal, Slot
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from resnet_studio.domain.text_numbers import percent
from resnet_studio.text import _
from resnet_studio.ui.plots.autorange import RangeFollower, Span
from resnet_studio.ui.plots.axes import LevelLine, PositionAxis, ValueAxis
from resnet_studio.ui.plots.cursor_values import extent, gaps_at, readings
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.curve_layers import RunLayers, View
from resnet_studio.ui.plots.legend import key_of, value_text
from resnet_studio.ui.plots.panels import ERROR, ITERATIONS_BY_AXIS, Panel, PlotOptions, PlottedRun
from resnet_studio.ui.plots.plot_item import without_menu
from resnet_studio.ui.plots.run_plot import RunPlot
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named

FRAME_MS = 50
FADED = 0.2
COMPACT_HEIGHT = 220  # below it the name of the axis gives way to the curves

KEY_HEIGHT = 300  # below it the curves need the room
ONE_ZOOM_SECONDS = 0.6  # steps of a wheel that come closer are one zoom


class CurvePlot(RunPlot):
    """Draws ``book`` whenever it has changed and the plot can be seen, at most every 50 ms.

    It follows the data until the mouse zooms or pans; :meth:`fit` follows again. ``following_changed``
    tells whether the plot follows the data, ``zoom_changed`` whether there is an earlier view to go back to. Dragging
    draws the box that is zoomed to; with the middle button or Shift it moves the view.
    """

    following_changed, zoom_changed = Signal(bool), Signal(bool)

    _drawn_at = 0.0  # when any of them was drawn last

    def __init__(
        self,
        theme: Theme,
        book: CurveBook | None = None,
        panel: Panel = ERROR,
        parent: QWidget | None = None,
        *,
        legend: bool = True,
        whole: bool = False,
    ) -> None:
        """``whole``: the values' axis shows all there can be, 0 to 100 %, until the mouse zooms."""
        super().__init__(theme, book or CurveBook(), panel, parent, frame_ms=FRAME_MS, legend=legend)
        self._layers: list[RunLayers] = []
        self._following = True
        self._follower = RangeFollower(self.book, panel, whole=whole)
        self._level: float | None = None  # value under the mouse, as the plot places it
        self._scale_runs: tuple[PlottedRun, ...] = ()
        self._zooms: list[tuple[Span, Span]] = []  # what was seen before each zoom, as coordinates
        self._before: tuple[Span, Span] | None = None  # what was seen when the last frame was drawn
        self._zoomed_at = 0.0
        self._build()
        self._gave_way = False
        theme.changed.connect(self.on_theme_changed)
        self.on_theme_changed()

    def _build(self) -> None:
        self._bottom, self._left = PositionAxis(), ValueAxis()
        self._view = pg.PlotWidget(
            self, axisItems={"bottom": self._bottom, "left": self._left}, useOpenGL=False, enableMenu=False
        )
        item = self._view.getPlotItem()
        without_menu(item)
        item.layout.setContentsMargins(0, 8, 26, 0)  # room for the labels at the ends
        item.showGrid(x=True, y=True, alpha=0.18)
        box = item.getViewBox()
        box.disableAutoRange()
        box.setDefaultPadding(0.0)
        box.setMouseMode(pg.ViewBox.RectMode)
        box.sigRangeChangedManually.connect(self._on_zoomed)
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._line.setVisible(False)
        item.addItem(self._line, ignoreBounds=True)
        self._level_line = LevelLine(position=0.0)
        item.addItem(self._level_line, ignoreBounds=True)
        self._chance: float | None = None
        self._chance_line = LevelLine(position=0.99)
        item.addItem(self._chance_line, ignoreBounds=True)
        self.legend.pointed_at.connect(self._on_pointed_at)
        self.key = named(QLabel(key_of(())), "plot_key", role="muted")
        self.key.setVisible(False)
        self._lay_out(self._view, self.key)
        self._name_axes()

    @property
    def following(self) -> bool:
        return self._following

    @property
    def zoomed(self) -> bool:
        """Whether there is an earlier view to go back to."""
        return bool(self._zooms)

    @property
    def spans(self) -> tuple[Span, Span]:
        """Edges of the view: positions, values."""
        x, y = self._view.getPlotItem().getViewBox().viewRange()
        return (x[0], x[1]), (10.0 ** y[0], 10.0 ** y[1]) if self.options.log else (y[0], y[1])

    def set_runs(self, runs: Sequence[PlottedRun]) -> None:
        """Show these runs, in this order; what the book knows of them is drawn."""
        if tuple(runs) == self._runs:
            return
        same = [run.run_id for run in runs] == [run.run_id for run in self._runs]
        self._runs = tuple(runs)
        self._hidden &= {run.run_id for run in runs}
        for layer in self._layers:
            layer.remove()
        self._layers = [RunLayers(run, self.panel, self._theme, self._view.getPlotItem()) for run in runs]
        self.legend.set_runs(self._runs, self._hidden)
        self.key.setText(key_of(self._runs))
        self._show_key()
        self._drawn = self._read = None
        if not same:
            self.fit()

    def set_options(self, options: PlotOptions) -> None:
        if options == self.options:
            return
        refit = (options.axis, options.log) != (self.options.axis, self.options.log)
        self.options = options
        self._bottom.set_kind(options.axis)
        self._left.set_log(options.log)
        self._name_axes()
        self._follower.forget_values()
        if options.axis is not XAxis.ITERATION or refit:
            self._cursor = None
        if refit:
            self.set_chance(self._chance)
            self.fit()

    @property
    def chance(self) -> float | None:
        """Error in percent of a guess, as it is marked."""
        return self._chance

    def set_chance(self, error: float | None) -> None:
        """Mark the error of a guess, in percent, by a thin line with its name; None: no line."""
        self._chance = error
        self._chance_line.setVisible(error is not None)
        if error is not None:
            self._chance_line.setValue(math.log10(error) if self.options.log else error)
            self._chance_line.label.setFormat(_("chance {error}", error=percent(error, digits=1)))

    def _on_hidden(self) -> None:
        self._follower.forget_values()

    def set_scale_runs(self, runs: Sequence[PlottedRun]) -> None:
        """Let the axes fit these runs instead of the own ones: plots beside each other then have one scale."""
        if tuple(runs) != self._scale_runs:
            self._scale_runs = tuple(runs)
            self._follower.reset()
            self._drawn = None

    @Slot()
    def back(self) -> None:
        """To what was seen before the last zoom; from the first one back to following."""
        if not self._zooms:
            return
        x, y = self._zooms.pop()
        if not self._zooms:
            self.zoom_changed.emit(False)
            self.fit()
            return
        self._view.getPlotItem().getViewBox().setRange(xRange=x, yRange=y, padding=0)
        self._before = (x, y)
        self._drawn = None

    @Slot()
    def fit(self) -> None:
        """Show everything and follow the data again."""
        self._follower.reset()
        if self._zooms:
            self._zooms.clear()
            self.zoom_changed.emit(False)
        if not self._following:
            self._following = True
            self.following_changed.emit(True)
        self._drawn = None

    @Slot()
    def _on_frame(self) -> None:
        """Two plots are not painted in one go, which the window's other work would wait for; each gives way once."""
        now = time.monotonic()
        self._gave_way = not self._gave_way and now - CurvePlot._drawn_at < FRAME_MS / 2000
        if not self._gave_way:
            frames = self.frames
            self.draw_if_dirty()
            if self.frames > frames:
                CurvePlot._drawn_at = now

    @Slot()
    def draw_if_dirty(self) -> None:
        """Nothing is done for a plot that nobody sees or that is up to date."""
        if not self.isVisible():
            return
        state = (self.book.revision, self.options, tuple(self._hidden), self._following, self._view.width(), self.spans)
        if state != self._drawn:
            self.draw()
            self._drawn = (*state[:5], self.spans)
        cursor = (self._cursor, self._level)
        reading = (self.book.revision, self.options, tuple(self._hidden), cursor, self._view.size())
        if reading != self._read:
            self._read = reading
            self._show_readings()

    def draw(self) -> None:
        """Bring range and lines up to date now."""
        if self._following:
            self._follow()
        box = self._view.getPlotItem().getViewBox()
        (left, right), (low, high) = box.viewRange()
        self._before = ((left, right), (low, high))
        view = View(left, right, max(int(box.width()), 16))
        for layer in self._layers:
            layer.draw(self.book, self.options, view, layer.run.run_id not in self._hidden)
        self.frames += 1

    def read_at(self, position: float | None) -> None:
        """Put the cursor at a position (None: take it away, and read the ends)."""
        self._cursor = position
        self._show_readings()

    def _follow(self) -> None:
        """Ranges in steps: they grow when the data leaves them, and only then."""
        runs = self._scale_runs or self.shown_runs
        known = self._follower.knows_positions(runs, self.options.axis)
        x_range, y_range = self._follower.ranges(runs, self.options)
        self._view.getPlotItem().getViewBox().setRange(xRange=x_range, yRange=y_range, padding=0)
        self._bottom.setStyle(showValues=known)
        self._left.setStyle(showValues=self._follower.knows_values)

    def _show_readings(self) -> None:
        shown, place = self.shown_runs, self._cursor
        ends = extent(self.book, shown, self.panel, self.options.axis)
        if place is not None and ends is not None:
            place = min(max(place, ends[0]), ends[1])
        found = readings(self.book, self._runs, self.panel, self.options, place)
        words = _("latest") if place is None else self._cursor_text(place)
        self.legend.show_readings(words, found, gaps_at(self.book, shown, self.panel, self.options, place))
        self._line.setVisible(place is not None and ends is not None)
        if place is not None:
            self._line.setValue(place)
        level = self._level if place is not None and ends is not None else None
        self._level_line.setVisible(level is not None)
        if level is not None:
            self._level_line.setValue(level)
            value = 10.0**level if self.options.log else level
            self._level_line.label.setFormat(value_text(value, None, self.panel.unit))

    def _name_axes(self) -> None:
        name = ITERATIONS_BY_AXIS[self.options.axis]
        self._bottom.setLabel(name)
        self._bottom.showLabel(self.height() > COMPACT_HEIGHT)
        self._left.setLabel(self.panel.axis_title)
        self._left.setWidth(58)

    @Slot()
    def _on_zoomed(self) -> None:
        if self._following:
            self._following = False
            self.following_changed.emit(False)
        now = time.monotonic()
        if self._before is not None and (not self._zooms or now - self._zoomed_at > ONE_ZOOM_SECONDS):
            self._zooms.append(self._before)  # turning the wheel is one zoom
            self.zoom_changed.emit(True)
        self._zoomed_at = now

    @Slot(str)
    def _on_pointed_at(self, run_id: str) -> None:
        """The other runs fade, so that one stands out among many."""
        for layer in self._layers:
            layer.emphasise(1.0 if run_id in ("", layer.run.run_id) else FADED)

    @Slot()
    def on_theme_changed(self) -> None:
        theme = self._theme
        self._view.setBackground(theme.colour(Role.PANEL))
        self._paint_axes((self._bottom, self._left))
        self._line.setPen(self._line_pen(Role.MUTED))
        for line, style in ((self._level_line, Qt.PenStyle.DashLine), (self._chance_line, Qt.PenStyle.DotLine)):
            line.setPen(self._line_pen(Role.MUTED, style))
            line.label.setColor(theme.colour(Role.MUTED))
        self._drawn = None

    def _move_cursor(self, position: QPointF) -> None:
        box = self._view.getPlotItem().getViewBox()
        scene = self._view.mapToScene(position.toPoint())
        inside = box.sceneBoundingRect().contains(scene)
        point = box.mapSceneToView(scene)
        self._cursor, self._level = (float(point.x()), float(point.y())) if inside else (None, None)

    def _step_cursor(self, direction: int) -> None:
        (left, right), _unused = self.spans
        ends = extent(self.book, self.shown_runs, self.panel, self.options.axis)
        if ends is not None:
            self._level = None
            self._cursor = self._stepped(ends, direction * (right - left) / 100)

    def _drop_cursor(self) -> None:
        self._cursor = self._level = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind is QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            pan = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            mode = pg.ViewBox.PanMode if pan else pg.ViewBox.RectMode
            self._view.getPlotItem().getViewBox().setMouseMode(mode)
        elif kind is QEvent.Type.MouseButtonDblClick:
            self.fit()
            return True
        return super().eventFilter(watched, event)

    def _show_key(self) -> None:
        """What thin and bold, hollow and filled mean, where there is room and both are drawn."""
        drawn = self.panel.thin is not None and self.panel.bold is not None and bool(self._runs)
        roomy = self.height() > KEY_HEIGHT and self.width() > self.key.sizeHint().width()
        self.key.setVisible(drawn and roomy and self.legend.isVisibleTo(self))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._bottom.showLabel(self.height() > COMPACT_HEIGHT)
        self._show_key()
        self._read = None
