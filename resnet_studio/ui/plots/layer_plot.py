"""What is measured by layer: a map of depth and iteration for each run, and the profile by depth at the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, QMouseEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.text import _
from resnet_studio.ui.plots.axes import BottomValueAxis, LayerAxis, PositionAxis, ValueAxis
from resnet_studio.ui.plots.cursor_values import Reading
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.layer_colours import coloured
from resnet_studio.ui.plots.layer_grid import (
    LayerGrid,
    Profile,
    colour_span,
    layer_grid,
    layer_profile,
    map_columns,
)
from resnet_studio.ui.plots.legend import Legend
from resnet_studio.ui.plots.panels import ITERATIONS_BY_AXIS, Panel, PlotOptions, PlottedRun
from resnet_studio.ui.plots.ranges import count_text, time_text
from resnet_studio.ui.theme import Role, Theme

FRAME_MS = 100
LEGEND_SHARE = 0.42  # of the height, at most
COMPACT_HEIGHT = 260  # below it the names of the axes give way to the maps
_PROFILE_SHARE = 0.3  # of the width of a row of maps


class _Map:
    """One run's heat map."""

    def __init__(self, run: PlottedRun) -> None:
        self.run = run
        self.grid: LayerGrid | None = None
        self.bottom, self.left = PositionAxis(), LayerAxis()
        self.item = pg.PlotItem(axisItems={"bottom": self.bottom, "left": self.left})
        self.image = pg.ImageItem(axisOrder="row-major")
        self.line = pg.InfiniteLine(angle=90, movable=False)
        self.line.setVisible(False)
        _quiet(self.item)
        self.item.addItem(self.image)
        self.item.addItem(self.line, ignoreBounds=True)
        self.item.getViewBox().invertY(True)

    def draw(self, span: tuple[float, float] | None, right: float) -> None:
        grid = self.grid
        self.image.setVisible(grid is not None and span is not None)
        layers = self.run.depth if grid is None else grid.layers
        self.left.set_layers(layers)
        if grid is not None and span is not None:
            self.image.setImage(coloured(grid.values, span), autoLevels=False, levels=(0, 255))
            self.image.setRect(QRectF(grid.left, 0.5, grid.right - grid.left, layers))
        self.item.getViewBox().setRange(xRange=(0.0, right), yRange=(0.5, layers + 0.5), padding=0)


def _quiet(item: pg.PlotItem) -> None:
    item.setMenuEnabled(False)
    item.hideButtons()
    box = item.getViewBox()
    box.disableAutoRange()
    box.setMouseEnabled(False, False)
    box.setDefaultPadding(0.0)


class LayerPlot(QWidget):
    """Draws a series of layers of ``book`` whenever it has changed and the plot can be seen.

    The maps of all shown runs have one colour scale. The cursor, under the mouse or moved by the arrow keys, cuts them:
    beside the maps stand the values by depth there, those of the newest measurement without a cursor.
    ``hidden_changed`` tells which runs the legend hides.
    """

    hidden_changed = Signal(object)

    def __init__(
        self, theme: Theme, book: CurveBook, panel: Panel, parent: QWidget | None = None, *, legend: bool = True
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{panel.key}_plot")
        self._theme, self.book, self.panel = theme, book, panel
        self._series = panel.series[0]
        self.options = PlotOptions()
        self._runs: tuple[PlottedRun, ...] = ()
        self._hidden: set[str] = set()
        self._maps: list[_Map] = []
        self._cursor: float | None = None
        self._layer = 1
        self._drawn: object = None
        self._read: object = None
        self.span: tuple[float, float] | None = None
        self.frames = 0
        self._build(legend)
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self.draw_if_dirty)
        theme.changed.connect(self.on_theme_changed)
        self.on_theme_changed()

    def _build(self, legend: bool) -> None:
        self._view = pg.GraphicsLayoutWidget(self)
        self._view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._view.setFrameShape(pg.GraphicsView.Shape.NoFrame)
        self._view.setAccessibleName(_("{title} plot", title=self.panel.title))
        self._view.ci.layout.setContentsMargins(0, 8, 4, 8)
        self._view.ci.layout.setSpacing(4)
        self._view.viewport().setMouseTracking(True)
        self._view.viewport().installEventFilter(self)
        self._view.installEventFilter(self)
        self._profile_values, self._profile_layers = BottomValueAxis(), LayerAxis()
        self._profile = pg.PlotItem(axisItems={"bottom": self._profile_values, "left": self._profile_layers})
        self._profile.getViewBox().invertY(True)
        self._profile.showGrid(x=True, y=True, alpha=0.18)
        self._scale_values = ValueAxis()
        self._scale_values.set_log(True)
        self._scale = pg.PlotItem(axisItems={"left": self._scale_values})
        self._scale.hideAxis("bottom")
        self._shades = pg.ImageItem(axisOrder="row-major")
        self._scale.addItem(self._shades)
        for item in (self._profile, self._scale):
            _quiet(item)
        self._lines: list[pg.PlotDataItem] = []
        self._nothing = QLabel(
            _(
                "Nothing is measured by layer here yet. Training measures the layers at its first iteration and at "
                "every so many after it, as “Measure layers every” of the recipe says; runs of earlier versions have "
                "no such measurements."
            )
        )
        self._nothing.setProperty("role", "muted")
        self._nothing.setWordWrap(True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self._nothing)
        self.stack.addWidget(self._view)
        self.legend = Legend(self._theme, self.panel)
        self.legend.setVisible(legend)
        self.legend.toggled.connect(self._on_legend_toggled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.legend)
        layout.addWidget(self.stack, 1)
        self.setMinimumSize(240, 110)

    @property
    def runs(self) -> tuple[PlottedRun, ...]:
        return self._runs

    @property
    def shown_runs(self) -> tuple[PlottedRun, ...]:
        return tuple(run for run in self._runs if run.run_id not in self._hidden)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw, and a sentence says so."""
        return self.stack.currentWidget() is self._nothing

    @property
    def profiles(self) -> dict[str, Profile]:
        """By run id: what is shown by depth."""
        found = {
            run.run_id: layer_profile(self.book, run.run_id, self._series, self.options.axis, self._cursor)
            for run in self.shown_runs
        }
        return {run_id: profile for run_id, profile in found.items() if profile is not None}

    def set_runs(self, runs: Sequence[PlottedRun]) -> None:
        """Show these runs, in this order."""
        if tuple(runs) != self._runs:
            self._runs = tuple(runs)
            self._hidden &= {run.run_id for run in runs}
            self.legend.set_runs(self._runs, self._hidden)
            self._drawn = None

    def set_options(self, options: PlotOptions) -> None:
        """Of these only the axis below counts: colours are always logarithmic, and nothing is smoothed."""
        if options.axis is not self.options.axis:
            self._cursor = None
        self.options = options

    def set_hidden(self, run_ids: Iterable[str]) -> None:
        """Hide these runs; the legend keeps their rows."""
        hidden = set(run_ids) & {run.run_id for run in self._runs}
        if hidden != self._hidden:
            self._hidden = hidden
            for run in self._runs:
                self.legend.row(run.run_id).setChecked(run.run_id not in hidden)

    @Slot()
    def fit(self) -> None:
        """Everything is always shown."""

    def read_at(self, position: float | None, layer: int = 1) -> None:
        """Put the cursor at a position and a layer (None: take it away, and read the newest)."""
        self._cursor, self._layer = position, layer
        self.draw_if_dirty()

    @Slot()
    def draw_if_dirty(self) -> None:
        """Nothing is done for a plot that nobody sees or that is up to date."""
        if not self.isVisible():
            return
        state = (self.book.revision, self.options.axis, tuple(self._hidden), self._view.size())
        if state != self._drawn:
            self._drawn = state
            self._draw_maps()
            self._read = None
        reading = (self._cursor, self._layer)
        if reading != self._read:
            self._read = reading
            self._draw_profile()

    def _draw_maps(self) -> None:
        runs, axis = self.shown_runs, self.options.axis
        if [each.run for each in self._maps] != list(runs):
            self._arrange(runs)
        for each in self._maps:
            each.grid = layer_grid(self.book, each.run.run_id, self._series, axis)
        grids = [each.grid for each in self._maps if each.grid is not None]
        self.span = colour_span(grids)
        self.stack.setCurrentWidget(self._view if self.span else self._nothing)
        right = max((grid.right for grid in grids), default=1.0)
        for each in self._maps:
            each.draw(self.span, right)
        if self.span is not None:
            low, high = self.span
            self._shades.setImage(coloured(np.linspace(low, high, 256)[:, None], self.span), levels=(0, 255))
            self._shades.setRect(QRectF(0.0, low, 1.0, high - low))
            self._scale.getViewBox().setRange(xRange=(0.0, 1.0), yRange=self.span, padding=0)
        self._name_axes()
        self.frames += 1

    def _arrange(self, runs: Sequence[PlottedRun]) -> None:
        """Maps row by row, right of them profile and colour scale over the whole height."""
        self._view.ci.clear()
        self._maps = [_Map(run) for run in runs]
        columns = map_columns(runs)
        for place, each in enumerate(self._maps):
            self._view.ci.addItem(each.item, row=place // columns, col=place % columns)
        rows = max(1, -(-len(runs) // max(columns, 1)))
        self._view.ci.addItem(self._profile, row=0, col=columns, rowspan=rows)
        self._view.ci.addItem(self._scale, row=0, col=columns + 1, rowspan=rows)
        grid = self._view.ci.layout
        for column in range(columns):
            grid.setColumnStretchFactor(column, 10)
        grid.setColumnStretchFactor(columns, max(4, round(10 * columns * _PROFILE_SHARE)))
        grid.setColumnStretchFactor(columns + 1, 0)
        self._scale.setFixedWidth(76)
        for line in self._lines:
            self._profile.removeItem(line)
        self._lines = []
        for run in runs:
            pen = self._theme.run_pen(run.paint(self._theme).name(), residual=run.residual, bold=True)
            line = pg.PlotDataItem(pen=pen, connect="finite")
            self._profile.addItem(line)
            self._lines.append(line)
        self.on_theme_changed(redraw=False)

    def _draw_profile(self) -> None:
        profiles = self.profiles
        for each, line in zip(self._maps, self._lines, strict=True):
            profile = profiles.get(each.run.run_id)
            each.line.setVisible(profile is not None and self._cursor is not None)
            if profile is None:
                line.setData([], [])
                continue
            each.line.setValue(profile.place if self._cursor is None else self._cursor)
            line.setData(profile.powers, np.arange(1, len(profile.values) + 1))
        layers = max((len(profile.values) for profile in profiles.values()), default=1)
        self._profile_layers.set_layers(layers)
        if self.span is not None:
            box = self._profile.getViewBox()
            edge = (self.span[1] - self.span[0]) * 0.03
            box.setRange(xRange=(self.span[0] - edge, self.span[1] + edge), yRange=(0.5, layers + 0.5), padding=0)
        self._profile.setTitle(self._place_text(profiles), color=self._theme.colour(Role.MUTED), size="9pt")
        found = [
            Reading(run, (profiles[run.run_id].at(self._layer) if run.run_id in profiles else None,))
            for run in self._runs
        ]
        self.legend.show_readings(_("layer {layer}", layer=self._layer), found, [])

    def _place_text(self, profiles: dict[str, Profile]) -> str:
        """Where the profile was measured, or that each run's newest is shown."""
        iterations = {profile.iteration for profile in profiles.values()}
        if len(iterations) != 1:
            return _("latest") if self._cursor is None else self._cursor_text(self._cursor)
        return _("iteration {place}", place=count_text(iterations.pop()))

    def _cursor_text(self, place: float) -> str:
        axis = self.options.axis
        if axis is XAxis.TIME:
            return _("after {place}", place=time_text(place))
        return f"{ITERATIONS_BY_AXIS[axis]} {count_text(place) if axis is XAxis.ITERATION else f'{place:.2f}'}"

    def _name_axes(self) -> None:
        named = self._view.height() > COMPACT_HEIGHT
        for each in self._maps:
            each.bottom.set_kind(self.options.axis)
            each.bottom.setLabel(ITERATIONS_BY_AXIS[self.options.axis])
            each.bottom.showLabel(named)
            each.left.setLabel(_("layer"))
            each.left.showLabel(named)
            each.left.setWidth(52 if named else 36)
        self._profile_values.setLabel(self.panel.axis_title)
        self._profile_layers.setLabel(_("layer"))
        self._scale_values.setLabel(self.panel.axis_title)
        for axis in (self._profile_values, self._profile_layers, self._scale_values):
            axis.showLabel(named)
        self._profile_layers.setWidth(52 if named else 36)
        self._scale_values.setWidth(58 if named else 42)

    @Slot(str, bool)
    def _on_legend_toggled(self, run_id: str, shown: bool) -> None:
        hidden = self._hidden - {run_id} if shown else self._hidden | {run_id}
        if hidden != self._hidden:
            self._hidden = hidden
            self.hidden_changed.emit(frozenset(hidden))

    @Slot()
    def on_theme_changed(self, *, redraw: bool = True) -> None:
        theme = self._theme
        self._view.setBackground(theme.colour(Role.PANEL))
        cursor = QPen(theme.colour(Role.TEXT), 1, Qt.PenStyle.DashLine)
        cursor.setCosmetic(True)
        axes: list[Any] = [self._profile_values, self._profile_layers, self._scale_values]
        for each in self._maps:
            each.line.setPen(cursor)
            each.item.setTitle(_title(each.run), color=each.run.paint(theme), size="9pt")
            axes += [each.bottom, each.left]
        for axis in axes:
            axis.setPen(QPen(theme.colour(Role.FIELD_BORDER), 1))
            axis.setTextPen(QPen(theme.colour(Role.MUTED)))
        for each, line in zip(self._maps, self._lines, strict=True):
            colour = each.run.paint(theme).name()
            line.setPen(theme.run_pen(colour, residual=each.run.residual, bold=True))
        if redraw:
            self._drawn = None

    def _move_cursor(self, position: QPointF) -> None:
        scene = self._view.mapToScene(position.toPoint())
        for each in self._maps:
            box = each.item.getViewBox()
            if each.grid is not None and box.sceneBoundingRect().contains(scene):
                place = box.mapSceneToView(scene)
                self._cursor, self._layer = float(place.x()), max(1, min(round(place.y()), each.grid.layers))
                return
        self._cursor, self._layer = None, 1

    def _step_cursor(self, direction: int) -> None:
        grids = [each.grid for each in self._maps if each.grid is not None]
        if grids:
            left, right = min(grid.left for grid in grids), max(grid.right for grid in grids)
            place = right if self._cursor is None else self._cursor + direction * (right - left) / 100
            self._cursor = min(max(place, left), right)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind is QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._move_cursor(event.position())
        elif kind is QEvent.Type.Leave:
            self._cursor, self._layer = None, 1
        elif kind is QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and watched is self._view:
            if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
                self._step_cursor(1 if event.key() == Qt.Key.Key_Right else -1)
                return True
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                layers = max((each.grid.layers for each in self._maps if each.grid is not None), default=1)
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                self._layer = max(1, min(self._layer + step, layers))
                return True
            if event.key() == Qt.Key.Key_Escape and self._cursor is not None:
                self._cursor = None
                return True
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.legend.set_room(int(LEGEND_SHARE * self.height()))


def _title(run: PlottedRun) -> str:
    """pyqtgraph takes titles for HTML."""
    return escape(run.name)
