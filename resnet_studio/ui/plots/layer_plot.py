"""What is measured by layer: a map of depth and iteration for each run, and the profile by depth at the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Slot
from PySide6.QtWidgets import QLabel, QWidget

from resnet_studio.text import _
from resnet_studio.ui.plots.axes import BottomValueAxis, LayerAxis, ValueAxis
from resnet_studio.ui.plots.cursor_values import Reading
from resnet_studio.ui.plots.curve_data import CurveBook
from resnet_studio.ui.plots.layer_colours import coloured
from resnet_studio.ui.plots.layer_grid import (
    Profile,
    colour_span,
    fitting_columns,
    layer_grid,
    layer_profile,
)
from resnet_studio.ui.plots.layer_map import NAME, TITLE, LayerMap, entitle, quiet, title_over_all
from resnet_studio.ui.plots.legend import value_text
from resnet_studio.ui.plots.panels import ITERATIONS_BY_AXIS, Panel, PlotOptions, PlottedRun
from resnet_studio.ui.plots.ranges import count_text
from resnet_studio.ui.plots.run_plot import RunPlot
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.layouts import in_stack

FRAME_MS = 100
LEAST_NAMED = 64.0  # pixels of a map's height below which the names of the axes give way to it
_MARGINS = (0, 2, 4, 4)  # left, top, right, bottom, in pixels as what follows
_GAP = 14.0  # between two maps, for half of the last number below
_TICKS = 22.0  # height of labels below
_LAYERS, _THOUSAND_LAYERS = 34.0, 46.0  # widths of the labels of layers
_PROFILE = (0.2, 150.0, 340.0)  # share of the width; at least, at most
_SCALE = 80.0


class LayerPlot(RunPlot):
    """Draws a series of layers of ``book`` whenever it has changed and the plot can be seen.

    The maps of all shown runs have one colour scale. The cursor cuts them: beside the maps stand the values by depth
    there, those of the newest measurement without a cursor.
    """

    def __init__(
        self, theme: Theme, book: CurveBook, panel: Panel, parent: QWidget | None = None, *, legend: bool = True
    ) -> None:
        super().__init__(theme, book, panel, parent, frame_ms=FRAME_MS, legend=legend)
        self._series = panel.series[0]
        self._maps: list[LayerMap] = []
        self._columns, self._title_room = 1, 0.0
        self._layer = 1
        self.span: tuple[float, float] | None = None
        self._build()
        theme.changed.connect(self.on_theme_changed)
        self.on_theme_changed()

    def _build(self) -> None:
        self._view = pg.GraphicsLayoutWidget(self)
        self._view.ci.layout.setContentsMargins(*_MARGINS)
        self._view.ci.layout.setSpacing(_GAP)
        self._profile_values, self._profile_layers = BottomValueAxis(), LayerAxis()
        self._profile = pg.PlotItem(
            axisItems={"bottom": self._profile_values, "left": self._profile_layers}, enableMenu=False
        )
        title_over_all(self._profile)
        self._profile.getViewBox().invertY(True)
        self._profile.showGrid(x=True, y=True, alpha=0.18)
        self._scale_values = ValueAxis()
        self._scale_values.set_log(True)
        self._scale = pg.PlotItem(axisItems={"left": self._scale_values}, enableMenu=False)
        self._scale.hideAxis("bottom")
        self._shades = pg.ImageItem(axisOrder="row-major")
        self._scale.addItem(self._shades)
        self._level = pg.InfiniteLine(angle=0, movable=False)
        self._profile.addItem(self._level, ignoreBounds=True)
        for item in (self._profile, self._scale):
            quiet(item)
        self._lines: list[pg.PlotDataItem] = []
        self._nothing = QLabel(
            _(
                "Nothing is measured by layer here yet. Training measures the layers at its first iteration and at "
                "every so many after it, as “Measure layers every” of the recipe says; runs of earlier versions have "
                "no such measurements, and groups of nets of different depth no mean of them."
            )
        )
        self._nothing.setProperty("role", "muted")
        self._nothing.setWordWrap(True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = in_stack(self._nothing, self._view)
        self._lay_out(self._view, content=self.stack)

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
        columns = fitting_columns(len(runs), lambda columns: self._map_size(columns, named=True)) if runs else 1
        if [each.run for each in self._maps] != list(runs) or columns != self._columns:
            self._arrange(runs, columns)
        for each in self._maps:
            each.grid = layer_grid(self.book, each.run.run_id, self._series, axis)
        grids = [each.grid for each in self._maps if each.grid is not None]
        self.span = colour_span(grids)
        self.stack.setCurrentWidget(self._view if self.span else self._nothing)
        right = max((grid.right for grid in grids), default=1.0)
        self._place_items()
        for each in self._maps:
            each.draw(self.span, right)
        if self.span is not None:
            low, high = self.span
            self._shades.setImage(coloured(np.linspace(low, high, 256)[:, None], self.span), levels=(0, 255))
            self._shades.setRect(QRectF(0.0, low, 1.0, high - low))
            self._scale.getViewBox().setRange(xRange=(0.0, 1.0), yRange=self.span, padding=0)
        self.frames += 1

    def _rows(self, columns: int) -> int:
        return max(1, -(-len(self.shown_runs) // columns))

    @property
    def _profile_width(self) -> float:
        share, least, most = _PROFILE
        return min(max(share * float(self._view.width()), least), most)

    @property
    def _labels(self) -> float:
        """Width of the labels of layers, in pixels."""
        return _LAYERS if all(run.depth < 1000 for run in self.shown_runs) else _THOUSAND_LAYERS

    def _map_size(self, columns: int, *, named: bool) -> tuple[float, float]:
        """Width and height of a map, in pixels, without titles and labels."""
        left, top, right, bottom = _MARGINS
        rows, name = self._rows(columns), NAME if named else 0.0
        width = self._view.width() - left - right - self._profile_width - _SCALE - name - (columns + 1) * _GAP
        height = self._view.height() - top - bottom - _TICKS - name - (rows - 1) * _GAP
        return width / columns - self._labels, height / rows - TITLE

    def _arrange(self, runs: Sequence[PlottedRun], columns: int) -> None:
        """Maps row by row, right of them profile and colour scale over the whole height."""
        self._view.ci.clear()
        self._columns = columns
        self._maps = [LayerMap(run) for run in runs]
        for place, each in enumerate(self._maps):
            self._view.ci.addItem(each.item, row=place // columns, col=place % columns)
        self._view.ci.addItem(self._profile, row=0, col=columns, rowspan=self._rows(columns))
        self._view.ci.addItem(self._scale, row=0, col=columns + 1, rowspan=self._rows(columns))
        for line in self._lines:
            self._profile.removeItem(line)
        self._lines = []
        for run in runs:
            pen = self._theme.run_pen(run.paint(self._theme).name(), residual=run.residual, bold=True)
            line = pg.PlotDataItem(pen=pen, connect="finite")
            self._profile.addItem(line)
            self._lines.append(line)
        self.on_theme_changed(redraw=False)

    def _place_items(self) -> None:
        """Every map of one size: labels below those that have no map below them, names where there is room."""
        columns, rows = self._columns, self._rows(self._columns)
        named = self._map_size(columns, named=True)[1] >= LEAST_NAMED
        width, height = self._map_size(columns, named=named)
        below = _TICKS + (NAME if named else 0.0)
        self._title_room = width + self._labels
        grid = self._view.ci.layout
        for column in range(columns):
            wider = NAME if named and column == 0 else 0.0
            grid.setColumnFixedWidth(column, max(1.0, width + self._labels + wider))
        grid.setColumnFixedWidth(columns, self._profile_width)
        grid.setColumnFixedWidth(columns + 1, _SCALE)
        for column in range(columns + 2, grid.columnCount()):  # of an arrangement before
            grid.setColumnFixedWidth(column, 0.0)
        for row in range(rows):
            grid.setRowFixedHeight(row, max(1.0, height + TITLE + (below if row == rows - 1 else 0.0)))
        for row in range(rows, grid.rowCount()):
            grid.setRowFixedHeight(row, 0.0)
        for place, each in enumerate(self._maps):
            last = place + columns >= len(self._maps)
            each.bottom.set_kind(self.options.axis)
            each.bottom.setLabel(ITERATIONS_BY_AXIS[self.options.axis])
            each.left.setLabel(_("layer"))
            each.place(ticks=last, named=named, first=place % columns == 0, height=below, layers=self._labels)
        self._profile_values.setLabel(self.panel.axis_title)
        self._profile_values.showLabel(named)
        self._profile_values.setHeight(below)
        self._profile_layers.setLabel(_("layer"))
        self._profile_layers.showLabel(named)
        self._profile_layers.setWidth(self._labels + (NAME if named else 0.0))
        self._scale_values.setLabel(self.panel.axis_title)
        self._scale_values.setWidth(58)
        self._scale.layout.setContentsMargins(1, TITLE, 1, below)

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
        self._level.setVisible(self._cursor is not None)
        self._level.setValue(self._layer)
        self._show_titles(profiles)
        found = [
            Reading(run, (profiles[run.run_id].at(self._layer) if run.run_id in profiles else None,))
            for run in self._runs
        ]
        self.legend.show_readings(_("layer {layer}", layer=self._layer), found, [])

    def _show_titles(self, profiles: dict[str, Profile]) -> None:
        """Names, with the values at the cursor where no legend shows those; where the profile was measured."""
        for each in self._maps:
            profile = profiles.get(each.run.run_id)
            value = profile.at(self._layer) if profile is not None and self._cursor is not None else None
            number = "" if value is None or not self.legend.isHidden() else value_text(value, None, self.panel.unit)
            entitle(each.item, self._title_room, each.run.name, number, each.run.paint(self._theme))
        place = self._place_text(profiles)
        if self._cursor is not None:
            place = _("{place}, layer {layer}", place=place, layer=self._layer)
        entitle(self._profile, self._profile_width, place, "", self._theme.colour(Role.MUTED))

    def _place_text(self, profiles: dict[str, Profile]) -> str:
        """Where the profile was measured, or that each run's newest is shown."""
        iterations = {profile.iteration for profile in profiles.values()}
        if len(iterations) != 1:
            return _("latest") if self._cursor is None else self._cursor_text(self._cursor)
        return _("iteration {place}", place=count_text(iterations.pop()))

    @Slot()
    def on_theme_changed(self, *, redraw: bool = True) -> None:
        theme = self._theme
        self._view.setBackground(theme.colour(Role.PANEL))
        cursor = self._line_pen(Role.TEXT)
        axes: list[Any] = [self._profile_values, self._profile_layers, self._scale_values]
        for each in self._maps:
            each.line.setPen(cursor)
            axes += [each.bottom, each.left]
        self._paint_axes(axes)
        self._level.setPen(cursor)
        for each, line in zip(self._maps, self._lines, strict=True):
            colour = each.run.paint(theme).name()
            line.setPen(theme.run_pen(colour, residual=each.run.residual, bold=True))
        if redraw:
            self._drawn = None
        self._read = None

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
            self._cursor = self._stepped((left, right), direction * (right - left) / 100)

    def _drop_cursor(self) -> None:
        self._cursor, self._layer = None, 1

    def _press_key(self, key: int) -> bool:
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            layers = max((each.grid.layers for each in self._maps if each.grid is not None), default=1)
            self._layer = max(1, min(self._layer + (1 if key == Qt.Key.Key_Down else -1), layers))
            return True
        return super()._press_key(key)
