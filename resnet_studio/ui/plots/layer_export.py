"""Maps of depth and iteration, and the newest profile by depth, as a figure for slides and papers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.figures import FAMILY, write_figure
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.export import CurveMap
from resnet_studio.ui.plots.figure_axes import FAINT, INK
from resnet_studio.ui.plots.layer_colours import coloured
from resnet_studio.ui.plots.layer_grid import (
    LayerGrid,
    Profile,
    colour_span,
    layer_grid,
    layer_profile,
    layer_ticks,
    map_columns,
)
from resnet_studio.ui.plots.panels import ITERATIONS_BY_AXIS, Panel, PlotOptions, set_epoch_lengths
from resnet_studio.ui.plots.ranges import count_text, log_ticks, nice_step, time_step, time_text, value_label
from resnet_studio.ui.plots.run_colours import at_lightness, lightness_steps

_MAP, _PROFILE_WIDTH, _SCALE_WIDTH = QSize(330, 300), 210.0, 18.0  # points
_LEFT, _TOP, _BOTTOM, _GAP, _MARGIN = 62.0, 34.0, 54.0, 20.0, 14.0
_BETWEEN_LABELS = 70.0
_SCALE_LEFT = 78.0  # numbers such as 2.5e-5, and the name


def export_layers(
    curves: CurveMap, runs: Sequence[RunRecord], path: Path, options: PlotOptions, panel: Panel, description: str = ""
) -> Path:
    """Draw a series of layers of ``runs`` and write it as the ending of ``path`` says.

    Arguments as of :func:`~resnet_studio.ui.plots.export.export_figure`.

    Raises:
        UserError: Without anything measured, and as :func:`~resnet_studio.ui.figures.write_figure` does.
    """
    book = CurveBook()
    book.load(curve for curve in curves.values() if len(curve))
    set_epoch_lengths(book, runs)
    series, axis = panel.series[0], options.axis
    grids = {run.id: layer_grid(book, run.id, series, axis) for run in runs}
    found = [
        _Found(run, name, grid, profile)
        for run, name in zip(runs, display_names(runs).values(), strict=True)
        if (grid := grids[run.id]) is not None
        and (profile := layer_profile(book, run.id, series, axis, None)) is not None
    ]
    span = colour_span(each.grid for each in found)
    if span is None:
        raise UserError(_("Nothing is measured by layer in these runs, so there is nothing to draw."))
    steps = options.lightness_steps or lightness_steps(runs)
    drawing = _Drawing(tuple(found), span, axis, panel, {run.id: steps[run.id] for run in runs})
    title = _("ResNet Studio: ") + ", ".join(run.name for run in runs)
    return write_figure(path, drawing.paint, drawing.size, title=title, description=description)


@dataclass(frozen=True, eq=False)
class _Found:
    run: RunRecord
    name: str
    grid: LayerGrid
    profile: Profile


class _Drawing:
    def __init__(
        self, found: tuple[_Found, ...], span: tuple[float, float], axis: XAxis, panel: Panel, steps: dict[str, int]
    ) -> None:
        self._found, self._span, self._axis, self._panel, self._steps = found, span, axis, panel, steps
        self._right = max(each.grid.right for each in found)
        self._columns = map_columns(found)
        self._rows = -(-len(found) // self._columns)
        self._cell = QSize(int(_LEFT + _MAP.width() + _GAP), int(_TOP + _MAP.height() + _BOTTOM))
        width = (
            self._columns * self._cell.width() + _LEFT + _PROFILE_WIDTH + _GAP + _SCALE_LEFT + _SCALE_WIDTH + _MARGIN
        )
        self.size = QSize(int(width), self._rows * self._cell.height() + int(_MARGIN))

    def paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(FAMILY)
        font.setStyleHint(QFont.StyleHint.SansSerif)
        font.setPixelSize(14)
        painter.setFont(font)
        for place, each in enumerate(self._found):
            left = place % self._columns * self._cell.width() + _LEFT
            top = place // self._columns * self._cell.height() + _TOP
            self._paint_map(painter, each, QRectF(left, top, _MAP.width(), _MAP.height()))
        height = self._rows * self._cell.height() - _TOP - _BOTTOM
        left = self._columns * self._cell.width() + _LEFT
        self._paint_profile(painter, QRectF(left, _TOP, _PROFILE_WIDTH, height))
        left += _PROFILE_WIDTH + _GAP + _SCALE_LEFT
        self._paint_scale(painter, QRectF(left, _TOP, _SCALE_WIDTH, height))

    def _paint_map(self, painter: QPainter, each: _Found, area: QRectF) -> None:
        pixels = np.ascontiguousarray(coloured(each.grid.values, self._span))
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        scale = area.width() / self._right
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        place = QRectF(area.left() + each.grid.left * scale, area.top(), 0.0, area.height())
        place.setRight(area.left() + each.grid.right * scale)
        painter.drawImage(place, image)
        _frame(painter, area)
        _write(painter, QRectF(area.left(), 0.0, area.width(), _TOP - 6).translated(0, area.top() - _TOP), each.name)
        _layer_labels(painter, area, each.grid.layers)
        step, text = _step(self._axis, self._right * _BETWEEN_LABELS / area.width())
        for number in range(int(self._right / step) + 1):
            _below(painter, area, area.left() + number * step * scale, text(number * step))
        _name_below(painter, area, ITERATIONS_BY_AXIS[self._axis])

    def _paint_profile(self, painter: QPainter, area: QRectF) -> None:
        low, high = self._span
        layers = max(each.grid.layers for each in self._found)
        scale = area.width() / (high - low)
        labelled = log_ticks(10.0**low, 10.0**high)[0]
        while len(labelled) * 44 > area.width() and len(labelled) > 2:
            labelled = labelled[::2]
        for value in labelled:
            x = area.left() + (np.log10(value) - low) * scale
            painter.setPen(QPen(FAINT, 1))
            painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
            _below(painter, area, x, value_label(float(f"{value:.3g}")))
        for each in self._found:
            pen = QPen(at_lightness(QColor(each.run.colour), self._steps[each.run.id], QColor("white")), 2.0)
            if not each.run.residual:
                pen.setDashPattern([4.0, 2.4])
            painter.setPen(pen)
            powers = each.profile.powers
            y = area.top() + (np.arange(len(powers)) + 0.5) / layers * area.height()
            x = area.left() + (powers - low) * scale
            good = np.isfinite(powers)
            points = zip(x[good].tolist(), y[good].tolist(), strict=True)
            painter.drawPolyline(QPolygonF([QPointF(*point) for point in points]))
        _frame(painter, area)
        _layer_labels(painter, area, layers)
        _name_below(painter, area, self._panel.axis_title)
        iterations = {each.profile.iteration for each in self._found}
        words = _("iteration {place}", place=count_text(iterations.pop())) if len(iterations) == 1 else _("latest")
        _write(painter, QRectF(area.left(), area.top() - _TOP, area.width(), _TOP - 6), words)

    def _paint_scale(self, painter: QPainter, area: QRectF) -> None:
        low, high = self._span
        pixels = np.ascontiguousarray(coloured(np.linspace(high, low, 256)[:, None], self._span))
        painter.drawImage(area, QImage(pixels.data, 1, 256, 4, QImage.Format.Format_RGBA8888))
        _frame(painter, area)
        for value in log_ticks(10.0**low, 10.0**high)[0]:
            y = area.bottom() - (np.log10(value) - low) / (high - low) * area.height()
            _beside(painter, area, y, value_label(float(f"{value:.3g}")))
        _name_beside(painter, area, self._panel.axis_title, _SCALE_LEFT)


def _step(axis: XAxis, least: float) -> tuple[float, Callable[[float], str]]:
    """Between two labels of positions, at least ``least``; and how a position is written."""
    if axis is XAxis.TIME:
        step = time_step(least)
        return step, lambda place: time_text(place, step)
    step = nice_step(least)
    return step, lambda place: count_text(place) if step >= 1 else f"{place:g}"


def _frame(painter: QPainter, area: QRectF) -> None:
    painter.setPen(QPen(INK, 1.2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(area)


def _write(painter: QPainter, area: QRectF, text: str) -> None:
    shown = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
    painter.setPen(INK)
    painter.drawText(area, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, shown)


def _below(painter: QPainter, area: QRectF, x: float, text: str) -> None:
    painter.setPen(INK)
    metrics = QFontMetricsF(painter.font())
    half = metrics.horizontalAdvance(text) / 2
    painter.drawText(QPointF(x - half, area.bottom() + metrics.height() + 2), text)


def _beside(painter: QPainter, area: QRectF, y: float, text: str) -> None:
    painter.setPen(INK)
    metrics = QFontMetricsF(painter.font())
    painter.drawText(QPointF(area.left() - metrics.horizontalAdvance(text) - 6, y + metrics.ascent() * 0.36), text)


def _layer_labels(painter: QPainter, area: QRectF, layers: int) -> None:
    for layer in layer_ticks(layers, int(area.height() // 26)):
        _beside(painter, area, area.top() + (layer - 0.5) / layers * area.height(), count_text(layer))
    _name_beside(painter, area, _("layer"))


def _name_below(painter: QPainter, area: QRectF, text: str) -> None:
    below = QRectF(area.left() - _LEFT / 2, area.bottom() + 28, area.width() + _LEFT, 20)
    painter.setPen(INK)
    painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, text)


def _name_beside(painter: QPainter, area: QRectF, text: str, away: float = _LEFT) -> None:
    painter.save()
    painter.setPen(INK)
    painter.translate(area.left() - away + 14, area.center().y())
    painter.rotate(-90)
    painter.drawText(QRectF(-area.height() / 2, -10, area.height(), 20), Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
