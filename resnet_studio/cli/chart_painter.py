"""What was found inside networks, drawn: lines, heat maps and pictures, panel beside panel. Loaded only to draw."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from resnet_studio.domain.analyses.charts import Figure, HeatMap, Line, LineChart, Panel, Picture
from resnet_studio.text import _
from resnet_studio.ui.figures import FAMILY, write_figure
from resnet_studio.ui.offscreen import application
from resnet_studio.ui.plots.ranges import log_ticks, nice_span, nice_step

_SAMPLE = 240.0  # of the legend: a line's sample and its label, at least
_PANEL = QSize(520, 380)  # points
_MARGIN, _GAP, _LINE = 20.0, 16.0, 20.0
_LEFT, _BOTTOM, _TOP, _SCALE = 62.0, 46.0, 28.0, 62.0  # of a panel, around what is plotted
_INK, _FAINT, _QUIET = QColor("#1b2330"), QColor("#dfe4ec"), QColor("#5a6578")
# Dark to light, as viridis goes: lightness rises evenly, so grey prints and colour-blind eyes read it.
_COLOURS = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], np.float64)


def export_found(found: Figure, path: Path, definition: str) -> Path:
    """Write as the ending of ``path`` says; ``definition`` stands below.

    Raises:
        UserError: As :func:`~resnet_studio.ui.figures.write_figure` does.
    """
    drawing = _Drawing(found, definition)
    return write_figure(
        path, drawing.paint, drawing.size, title=_("ResNet Studio: ") + found.title, description=definition
    )


class _Drawing:
    def __init__(self, found: Figure, definition: str) -> None:
        self.found = found
        self.columns = max(1, min(found.columns, len(found.panels)))
        rows = ceil(len(found.panels) / self.columns)
        width = self.columns * _PANEL.width() + (self.columns - 1) * _GAP + 2 * _MARGIN
        application()  # letters are measured
        room = width - 2 * _MARGIN
        self.head = _wrapped(found.title, _font(15, bold=True), room)
        self.foot = _wrapped(definition, _font(13), room)
        self.legend = _legend(found)
        self.across = max(1, int(room // _SAMPLE))
        self.legend_rows = ceil(len(self.legend) / self.across)
        self.top = _MARGIN + _LINE * (len(self.head) + self.legend_rows) + 8
        height = self.top + rows * (_PANEL.height() + _GAP) + _LINE * len(self.foot) + _MARGIN
        self.size = QSize(ceil(width), ceil(height))

    def paint(self, p: QPainter) -> None:
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = self.size.width() - 2 * _MARGIN
        p.setFont(_font(15, bold=True))
        p.setPen(_INK)
        for row, text in enumerate(self.head):
            p.drawText(QRectF(_MARGIN, _MARGIN + row * _LINE, width, _LINE), Qt.AlignmentFlag.AlignVCenter, text)
        p.setFont(_font(13))
        self._paint_legend(p, _MARGIN + len(self.head) * _LINE, width)
        for place, panel in enumerate(self.found.panels):
            left = _MARGIN + place % self.columns * (_PANEL.width() + _GAP)
            top = self.top + place // self.columns * (_PANEL.height() + _GAP)
            p.save()
            _paint_panel(p, panel, QRectF(left, top, _PANEL.width(), _PANEL.height()))
            p.restore()
        p.setPen(_QUIET)
        below = self.size.height() - _MARGIN - _LINE * len(self.foot)
        for row, text in enumerate(self.foot):
            p.drawText(QRectF(_MARGIN, below + row * _LINE, width, _LINE), Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_legend(self, p: QPainter, top: float, width: float) -> None:
        across, cell = self.across, width / self.across
        metrics = QFontMetricsF(p.font())
        for place, line in enumerate(self.legend):
            left, y = _MARGIN + place % across * cell, top + place // across * _LINE + _LINE / 2
            p.setPen(_pen(line, 2.2))
            p.drawLine(QLineF(left, y, left + 36, y))
            p.setPen(_INK)
            text = metrics.elidedText(line.label, Qt.TextElideMode.ElideMiddle, cell - 56)
            p.drawText(QRectF(left + 44, y - _LINE / 2, cell - 50, _LINE), Qt.AlignmentFlag.AlignVCenter, text)


def _wrapped(text: str, font: QFont, width: float) -> list[str]:
    """Lines that are no wider; a word that alone is wider has one of its own."""
    metrics, lines = QFontMetricsF(font), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if metrics.horizontalAdvance(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _legend(found: Figure) -> list[Line]:
    """Each label once."""
    lines = [line for panel in found.panels if isinstance(panel, LineChart) for line in panel.lines if line.label]
    return list({line.label: line for line in reversed(lines)}.values())[::-1]


def _font(size: int, *, bold: bool = False) -> QFont:
    font = QFont(FAMILY)
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(size)
    font.setBold(bold)
    return font


def _pen(line: Line, width: float) -> QPen:
    pen = QPen(QColor(line.colour), width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if line.dashed:
        pen.setDashPattern([4.0, 2.4])
    return pen


def _paint_panel(p: QPainter, panel: Panel, where: QRectF) -> None:
    p.setFont(_font(13, bold=True))
    p.setPen(_INK)
    title = QFontMetricsF(p.font()).elidedText(panel.title, Qt.TextElideMode.ElideMiddle, where.width())
    p.drawText(QRectF(where.left(), where.top(), where.width(), _TOP - 6), Qt.AlignmentFlag.AlignVCenter, title)
    p.setFont(_font(12))
    if isinstance(panel, Picture):
        _paint_picture(p, panel, where.adjusted(0, _TOP, 0, 0))
        return
    right = _SCALE if isinstance(panel, HeatMap) else 8.0
    area = where.adjusted(_LEFT, _TOP, -right, -_BOTTOM)
    if isinstance(panel, HeatMap):
        _paint_heat(p, panel, area)
    else:
        _paint_lines(p, panel, area)
    p.setPen(_INK)
    below = QRectF(area.left(), area.bottom() + 24, area.width(), _LINE)
    p.drawText(below, Qt.AlignmentFlag.AlignHCenter, panel.x_title)
    p.save()
    p.translate(where.left() + 10, area.center().y())
    p.rotate(-90)
    p.drawText(QRectF(-area.height() / 2, -10, area.height(), _LINE), Qt.AlignmentFlag.AlignHCenter, panel.y_title)
    p.restore()


def _paint_picture(p: QPainter, panel: Picture, area: QRectF) -> None:
    height, width = panel.pixels.shape[:2]
    scale = min(area.width() / width, area.height() / height)
    p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    p.drawImage(QRectF(area.left(), area.top(), width * scale, height * scale), _image(panel.pixels))


def _image(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels)
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


@dataclass(frozen=True, slots=True)
class _Axes:
    """From values (logarithms where the axis has them) to points."""

    area: QRectF
    left: float
    right: float
    low: float
    high: float

    def x(self, value: Any) -> Any:
        return self.area.left() + (value - self.left) / (self.right - self.left) * self.area.width()

    def y(self, value: Any) -> Any:
        return self.area.bottom() - (value - self.low) / (self.high - self.low) * self.area.height()


def _ends(values: list[np.ndarray], otherwise: tuple[float, float]) -> tuple[float, float]:
    finite = np.concatenate([part[np.isfinite(part)] for part in values]) if values else np.empty(0)
    return (float(finite.min()), float(finite.max())) if len(finite) else otherwise


def _on_axis(values: np.ndarray, log: bool) -> np.ndarray:
    wide = np.asarray(values, np.float64)
    if not log:
        return np.where(np.isfinite(wide), wide, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(wide) & (wide > 0), np.log10(wide), np.nan)


def _paint_lines(p: QPainter, chart: LineChart, area: QRectF) -> None:
    shown = [part for line in chart.lines for part in (line.y, line.low, line.high) if part is not None]
    left, right = _ends([np.asarray(line.x, np.float64) for line in chart.lines], (0.0, 1.0))
    low, high = _ends([_on_axis(part, chart.log) for part in shown], (0.0, 1.0))
    if chart.level is not None:
        level = float(_on_axis(np.array([chart.level]), chart.log)[0])
        low, high = min(low, level), max(high, level)
    if chart.from_zero:
        low = min(low, 0.0)
    if chart.log:
        low, high = (low - 0.1, high + 0.1) if high - low < 0.2 else (low - 0.02 * (high - low), high)
    else:
        low, high = nice_span(low, high)
    axes = _Axes(area, left, right if right > left else left + 1.0, low, high)
    _paint_ticks(p, axes, chart.log)
    if chart.level is not None:
        p.setPen(QPen(_QUIET, 1.2, Qt.PenStyle.DotLine))
        y = float(axes.y(level))
        p.drawLine(QLineF(area.left(), y, area.right(), y))
    p.save()
    p.setClipRect(area.adjusted(-4, -4, 4, 4))
    for line in chart.lines:
        _paint_line(p, line, axes, chart.log)
    p.restore()


def _paint_line(p: QPainter, line: Line, axes: _Axes, log: bool) -> None:
    x, y = axes.x(np.asarray(line.x, np.float64)), axes.y(_on_axis(line.y, log))
    if line.low is not None and line.high is not None:
        p.setPen(QPen(QColor(line.colour), 1.0))
        for place, a, b in zip(x, axes.y(_on_axis(line.low, log)), axes.y(_on_axis(line.high, log)), strict=True):
            if np.isfinite(a) and np.isfinite(b):
                p.drawLine(QLineF(place, a, place, b))
    p.setPen(_pen(line, 2.0))
    if not line.points:
        finite = np.isfinite(y)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(np.int8)))
        for begin, end in edges.reshape(-1, 2):
            pairs = zip(x[begin:end].tolist(), y[begin:end].tolist(), strict=True)
            p.drawPolyline(QPolygonF([QPointF(a, b) for a, b in pairs]))
    if line.points or np.isfinite(y).sum() <= 40:
        p.setPen(QPen(QColor(line.colour), 1.4))
        p.setBrush(Qt.GlobalColor.white if line.dashed else QColor(line.colour))
        for a, b in zip(x.tolist(), y.tolist(), strict=True):
            if np.isfinite(b):
                p.drawEllipse(QPointF(a, b), 2.6, 2.6)
        p.setBrush(Qt.BrushStyle.NoBrush)


def _paint_ticks(p: QPainter, axes: _Axes, log: bool) -> None:
    area, metrics = axes.area, QFontMetricsF(p.font())
    for value in _ticks(axes.left, axes.right, area.width() / 70):
        x = float(axes.x(value))
        p.setPen(QPen(_FAINT, 1))
        p.drawLine(QLineF(x, area.top(), x, area.bottom()))
        text = f"{value:.6g}"
        p.setPen(_INK)
        p.drawText(QPointF(x - metrics.horizontalAdvance(text) / 2, area.bottom() + metrics.height()), text)
    for value, text in _value_ticks(axes, log):
        y = float(axes.y(value))
        p.setPen(QPen(_FAINT, 1))
        p.drawLine(QLineF(area.left(), y, area.right(), y))
        p.setPen(_INK)
        p.drawText(QPointF(area.left() - metrics.horizontalAdvance(text) - 6, y + metrics.ascent() * 0.36), text)
    p.setPen(QPen(_INK, 1.2))
    p.drawRect(area)


def _ticks(low: float, high: float, most: float) -> list[float]:
    step = nice_step((high - low) / max(most, 1.0))
    return [place * step for place in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _value_ticks(axes: _Axes, log: bool) -> list[tuple[float, str]]:
    if log:
        marks = log_ticks(10**axes.low, 10**axes.high)[0]
        while len(marks) * 24 > axes.area.height() and len(marks) > 2:
            marks = marks[::2]
        return [(log10(value), f"{value:.3g}") for value in marks]
    return [(value, f"{value:.6g}") for value in _ticks(axes.low, axes.high, axes.area.height() / 36)]


def _paint_heat(p: QPainter, heat: HeatMap, area: QRectF) -> None:
    low, high = _ends([np.asarray(heat.values, np.float64).ravel()], (0.0, 1.0))
    low, high = low if heat.low is None else heat.low, high if heat.high is None else heat.high
    high = high if high > low else low + 1.0
    rows, columns = heat.values.shape
    p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    p.drawImage(area, _image(_coloured(heat.values, low, high)))
    x, y = heat.x or (1.0, float(columns)), heat.y or (1.0, float(rows))
    wide, tall = (x[1] - x[0]) / max(columns - 1, 1) / 2 or 0.5, (y[1] - y[0]) / max(rows - 1, 1) / 2 or 0.5
    # Row 0 is at the top: the vertical axis runs downwards.
    axes = _Axes(area, x[0] - wide, x[1] + wide, y[1] + tall, y[0] - tall)
    metrics = QFontMetricsF(p.font())
    p.setPen(_INK)
    for value in _ticks(min(axes.left, axes.right), max(axes.left, axes.right), area.width() / 70):
        text = f"{value:.6g}"
        place = QPointF(float(axes.x(value)) - metrics.horizontalAdvance(text) / 2, area.bottom() + metrics.height())
        p.drawText(place, text)
    for value in _ticks(min(axes.low, axes.high), max(axes.low, axes.high), area.height() / 36):
        text = f"{value:.6g}"
        where = QPointF(
            area.left() - metrics.horizontalAdvance(text) - 6, float(axes.y(value)) + metrics.ascent() * 0.36
        )
        p.drawText(where, text)
    p.setPen(QPen(_INK, 1.2))
    p.drawRect(area)
    bar = QRectF(area.right() + 12, area.top(), 12, area.height())
    p.drawImage(bar, _image(_coloured(np.linspace(1.0, 0.0, 128)[:, None], 0.0, 1.0)))
    for value in _ticks(low, high, area.height() / 48):
        down = bar.bottom() - (value - low) / (high - low) * bar.height()
        p.drawText(QPointF(bar.right() + 4, down + metrics.ascent() * 0.36), f"{value:.3g}")


def _coloured(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 (rows, columns, 3); NaN is white."""
    share = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0.0, 1.0) * (len(_COLOURS) - 1)
    known = np.nan_to_num(share)
    below = np.minimum(known.astype(np.int64), len(_COLOURS) - 2)
    part = (known - below)[..., None]
    mixed: np.ndarray = _COLOURS[below] * (1 - part) + _COLOURS[below + 1] * part
    mixed[~np.isfinite(share)] = 255.0
    pixels: np.ndarray = mixed.round().astype(np.uint8)
    return pixels
