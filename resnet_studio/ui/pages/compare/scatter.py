"""The Scatter part of the Compare page: any field of the ticked runs against any result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPen
from PySide6.QtWidgets import QComboBox, QLabel, QMenu, QPushButton, QWidget

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.grouping import LEVEL, Statistic
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import FieldKind, RunField, run_fields
from resnet_studio.domain.scatter import Scatter, scatter
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.plots.plot_item import without_menu
from resnet_studio.ui.plots.run_colours import line_colour
from resnet_studio.ui.plots.scatter_export import SUFFIXES, ScatterFigure
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.save_file import ask_for_file
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, framed_panel, in_column, in_row
from resnet_studio.ui.widgets.plain_tip import set_tip

_X_FIRST = ("depth", "parameters", "multiply_adds", "learning_rate", "iteration", "seconds", "block", "shortcut")
_NEAR = 14  # pixels
_EDGE = 0.06  # of a range, on each side of what is shown
_DOT = 8


def _cosmetic(colour: QColor, width: float) -> QPen:
    """A pen whose width is in pixels: another would be as wide as the data are, and so would the plot's range."""
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    return pen


class ScatterView(QWidget):
    """A dot a run; lines join the means of plain and of residual nets, with the 95 % interval of each mean.

    ``export_requested(figure, path)`` after the file dialog.
    """

    export_requested = Signal(object, object)

    def __init__(self, preferences: Preferences, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences, self._theme = preferences, theme
        self._runs: tuple[RunRecord, ...] = ()
        self._steps: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self.shown: Scatter | None = None
        fields = run_fields()
        numbers = [field for field in fields.values() if field.kind is FieldKind.NUMBER]
        words = [field for field in fields.values() if field.kind is FieldKind.WORD or field.key in ("data", "study")]
        first = [fields[key] for key in _X_FIRST]
        self.x_choice = self._choice(
            "scatter_x", _("What lies along x"), dict.fromkeys([*first, *numbers, *words]), "depth"
        )
        results = [field for field in numbers if field.is_result]
        self.y_choice = self._choice(
            "scatter_y", _("What lies along y"), dict.fromkeys([*results, *numbers]), "test_error"
        )
        self.log = QPushButton(_("Log x"))
        self.log.setObjectName("scatter_log")
        self.log.setCheckable(True)
        self.log.setChecked(preferences.value("compare/scatter_log", False, bool))
        set_tip(self.log, _("x as powers of ten: parameters and multiply-adds grow by factors"))
        self.read_out = named(QLabel(textFormat=Qt.TextFormat.PlainText), "scatter_read_out", role="muted")
        self.read_out.setWordWrap(True)
        self._view = named(
            pg.PlotWidget(self, useOpenGL=False, enableMenu=False), accessible=_("Scatter of the ticked runs")
        )
        self._view.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        item = self._view.getPlotItem()
        without_menu(item)
        item.showGrid(x=True, y=True, alpha=0.18)
        for name in ("bottom", "left"):
            item.getAxis(name).enableAutoSIPrefix(False)
        item.getViewBox().setMouseMode(pg.ViewBox.RectMode)
        self._view.viewport().installEventFilter(self)
        self._view.viewport().setMouseTracking(True)
        row = in_row(self.y_choice, QLabel(_("against")), self.x_choice, self.log, STRETCH)
        fit = named(QPushButton(_("Fit")), "scatter_fit", tip=_("Show all dots; drag a box to see a part"))
        fit.clicked.connect(self.fit)
        row.addWidget(fit)
        self.export = named(QPushButton(_("Export")), "scatter_export_button", tip=_("Write what is shown to a file"))
        menu = QMenu(self)
        for suffix, text in SUFFIXES.items():
            menu.addAction(text).triggered.connect(partial(self._on_export, suffix))
        self.export.setMenu(menu)
        row.addWidget(self.export)
        head = QWidget()
        row.setContentsMargins(0, 0, 0, 0)
        head.setLayout(row)
        in_column(framed_panel(head, self._view, self.read_out), of=self, margins=0)
        self.x_choice.currentIndexChanged.connect(self._on_changed)
        self.y_choice.currentIndexChanged.connect(self._on_changed)
        self.log.toggled.connect(self._on_changed)
        theme.changed.connect(self.draw)

    def _choice(self, name: str, tip: str, fields: Mapping[RunField, None], default: str) -> QComboBox:
        choice = named(QComboBox(), name, tip=tip, accessible=tip)
        choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        choice.setMaxVisibleItems(20)
        for field in fields:
            choice.addItem(field.title, field.key)
        stored = choice.findData(self._preferences.value(f"compare/{name}", default, str))
        choice.setCurrentIndex(stored if stored >= 0 else choice.findData(default))
        return choice

    @property
    def fields(self) -> tuple[RunField, RunField]:
        """x and y."""
        fields = run_fields()
        return fields[self.x_choice.currentData()], fields[self.y_choice.currentData()]

    def set_fields(self, x: str, y: str) -> None:
        """By their keys; unknown ones are passed over."""
        for choice, key in ((self.x_choice, x), (self.y_choice, y)):
            if choice.findData(key) >= 0:
                choice.setCurrentIndex(choice.findData(key))

    def set_runs(self, runs: Sequence[RunRecord], steps: Mapping[str, int]) -> None:
        """``steps`` in lightness by run id, as the curves have them."""
        self._runs, self._steps = tuple(runs), dict(steps)
        self._names = display_names(runs)
        self.draw()

    @Slot()
    def _on_changed(self) -> None:
        self._preferences.set_value("compare/scatter_x", self.x_choice.currentData())
        self._preferences.set_value("compare/scatter_y", self.y_choice.currentData())
        self._preferences.set_value("compare/scatter_log", self.log.isChecked())
        self.draw()

    @Slot()
    def draw(self) -> None:
        """Everything anew."""
        x, y = self.fields
        found = self.shown = scatter(self._runs, x, y)
        self.export.setEnabled(bool(found.runs))
        item, theme = self._view.getPlotItem(), self._theme
        item.clear()
        self._view.setBackground(theme.colour(Role.PANEL))
        for name, field in (("bottom", x), ("left", y)):
            axis = item.getAxis(name)
            axis.setPen(QPen(theme.colour(Role.FIELD_BORDER), 1))
            axis.setTextPen(QPen(theme.colour(Role.MUTED)))
            axis.setLabel(field.label)
        log = self.log.isChecked() and found.numeric and bool(found.xs) and min(found.xs) > 0
        item.setLogMode(x=log, y=False)
        item.getAxis("bottom").setTicks([list(enumerate(found.words))] if found.words else None)
        for line in found.lines:
            self._draw_line(line.residual, self._drawn(line.xs), line.means)
        self._draw_dots(found, self._drawn(found.xs))
        self.fit()
        self._say(None)

    def _drawn(self, xs: Sequence[float]) -> np.ndarray:
        """Where values of x lie on the axis as it is."""
        return np.log10(xs) if self._view.getPlotItem().getAxis("bottom").logMode else np.asarray(xs)

    def _draw_dots(self, found: Scatter, xs: np.ndarray) -> None:
        """One item for each colour and kind, so that thousands of dots are drawn as quickly as a few."""
        looks: dict[tuple[str, bool], list[int]] = {}
        for place, run in enumerate(found.runs):
            looks.setdefault((run.colour, run.residual), []).append(place)
        ys = np.asarray(found.ys)
        for (colour, residual), places in looks.items():
            shade = line_colour(self._theme, colour, 0)
            brush = QColor(shade) if residual else self._theme.colour(Role.PANEL)
            pen = _cosmetic(shade, 1.6)
            dots = pg.ScatterPlotItem(
                xs[places], ys[places], size=_DOT, symbol="o", pen=pen, brush=brush, pxMode=True, antialias=True
            )
            dots.setZValue(2)
            self._view.getPlotItem().addItem(dots)

    def _draw_line(self, residual: bool, xs: np.ndarray, means: Sequence[Statistic]) -> None:
        ink = QColor(self._theme.colour(Role.TEXT))
        ink.setAlphaF(0.75)
        pen = _cosmetic(ink, 1.5)
        if not residual:
            pen.setStyle(Qt.PenStyle.DashLine)
        centre = np.array([mean.mean for mean in means])
        plot = self._view.getPlotItem()
        plot.addItem(pg.PlotCurveItem(xs, centre, pen=pen, antialias=True))
        known = [(x, mean) for x, mean in zip(xs, means, strict=True) if mean.high is not None]
        if known:
            half = np.array([(mean.high or 0.0) - mean.mean for _x, mean in known])
            bars = pg.ErrorBarItem(
                x=np.array([x for x, _mean in known]), y=np.array([mean.mean for _x, mean in known]),
                top=half, bottom=half, beam=0.0, pen=_cosmetic(ink, 1.0),
            )  # fmt: skip
            plot.addItem(bars)

    @Slot()
    def fit(self) -> None:
        """Show all dots and bars, by their values: pyqtgraph counts the size of dots too, in the scale of before."""
        box = self._view.getPlotItem().getViewBox()
        if self.shown is None or not self.shown.runs:
            box.autoRange()
            return
        means = [mean for line in self.shown.lines for mean in line.means]
        ends = [end for mean in means for end in (mean.low, mean.high) if end is not None]
        box.setRange(xRange=_span(self._drawn(self.shown.xs)), yRange=_span([*self.shown.ys, *ends]), padding=_EDGE)

    @property
    def figure(self) -> ScatterFigure | None:
        """What an export writes; None without a dot."""
        if self.shown is None or not self.shown.runs:
            return None
        return ScatterFigure(self.shown, *self.fields, self._view.getPlotItem().getAxis("bottom").logMode)

    def _on_export(self, suffix: str) -> None:
        figure = self.figure
        if figure is None:
            return
        name = f"{figure.y.key}-{figure.x.key}{suffix}".replace("_", "-")
        kinds = {suffix: SUFFIXES[suffix]}
        if path := ask_for_file(self, _("Export the scatter"), name, kinds, self._preferences, "compare/folder"):
            self.export_requested.emit(figure, path)

    def _say(self, place: int | None) -> None:
        """The run of a dot; without one what is drawn."""
        found = self.shown
        if found is None:
            return
        x, y = self.fields
        if place is not None:
            run = found.runs[place]
            self.read_out.setText(
                _(
                    "{name}: {x} {x_value}, {y} {y_value}",
                    name=self._names.get(run.id, run.name),
                    x=x.title.lower(),
                    x_value=x.text(x.read(run)),
                    y=y.title.lower(),
                    y_value=y.text(y.read(run)),
                )
            )
            return
        if not self._runs:
            self.read_out.setText(_("Tick runs at the left."))
            return
        parts = [_n("{count} run", "{count} runs", len(found.runs), count=formats.count(len(found.runs)))]
        if found.lines:
            parts.append(
                _(
                    "lines join means over runs at one x, plain dashed and hollow, residual solid and filled; "
                    "bars: {level:.0%} interval of the mean by Student's t",
                    level=LEVEL,
                )
            )
        if found.left_out:
            parts.append(
                _n(
                    "{count} has no such value",
                    "{count} have no such value",
                    found.left_out,
                    count=formats.count(found.left_out),
                )
            )
        self.read_out.setText("; ".join(parts))

    def nearest(self, x: float, y: float) -> int | None:
        """The dot at most some pixels away, by its place among the shown runs; coordinates of the widget."""
        found = self.shown
        if found is None or not found.xs:
            return None
        box = self._view.getPlotItem().getViewBox()
        xs = self._drawn(found.xs)
        (left, right), (low, high) = box.viewRange()
        area = box.sceneBoundingRect()
        px = area.left() + (xs - left) / (right - left) * area.width()
        py = area.bottom() - (np.asarray(found.ys) - low) / (high - low) * area.height()
        distances = np.hypot(px - x, py - y)
        place = int(np.argmin(distances))
        return place if distances[place] <= _NEAR else None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            scene = self._view.mapToScene(event.position().toPoint())
            self._say(self.nearest(scene.x(), scene.y()))
        elif event.type() is QEvent.Type.Leave:
            self._say(None)
        elif event.type() is QEvent.Type.MouseButtonDblClick:
            self.fit()
            return True
        return super().eventFilter(watched, event)


def _span(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """From the least to the greatest; of a single value some of its neighbourhood."""
    low, high = float(min(values)), float(max(values))
    around = (0.05 * abs(low) or 0.5) if low == high else 0.0
    return low - around, high + around
