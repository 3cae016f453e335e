"""A line chart, heat map or picture drawn into a rectangle, on paper or in the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from resnet_studio.domain.analyses.charts import HeatMap, Line, LineChart, Panel, Picture, belongs
from resnet_studio.domain.text_numbers import short_count, true_minus
from resnet_studio.ui.figures import FAMILY
from resnet_studio.ui.plots.ranges import log_ticks, nice_span, nice_step

LINE = 20.0  # height of a line of writing
TITLE = 28.0  # of a panel's title
_TITLE_LINE = 13.0  # of one that takes several lines
_LEFT, _BOTTOM, _TOP, _SCALE = 62.0, 46.0, TITLE, 62.0  # of a panel, around what is plotted


@dataclass(frozen=True)
class Ink:
    """What is drawn with.

    Attributes:
        text, quiet, faint: Writing, lesser writing, lines of the grid.
        ground: Behind everything.
        mark: Of the marked block.
        line: From a line's ``#rrggbb`` to what it is drawn in.
        family: Of the writing; the application's where it is empty.
    """

    text: QColor
    quiet: QColor
    faint: QColor
    ground: QColor
    mark: QColor
    line: Callable[[str], QColor] = QColor
    family: str = ""


PAPER = Ink(
    QColor("#1b2330"), QColor("#5a6578"), QColor("#dfe4ec"), QColor("#ffffff"), QColor("#2456c9"), family=FAMILY
)
_BAND, _BAND_ALPHA = 13.0, 60  # pixels; of 255: of what marks a place
# Dark to light, as viridis goes: lightness rises evenly, so grey prints and colour-blind eyes read it.
_COLOURS = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], np.float64)


def font_of(ink: Ink, size: int, *, bold: bool = False) -> QFont:
    font = QFont(ink.family) if ink.family else QFont()
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(size)
    font.setBold(bold)
    return font


def line_pen(ink: Ink, line: Line, width: float) -> QPen:
    """A plain net's line is dashed, an untrained one's dotted where trained ones stand beside it."""
    pen = QPen(ink.line(line.colour), width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if line.dashed or line.dotted:
        pen.setDashPattern(
            [4.0, 1.6, 1.0, 1.6] if line.dashed and line.dotted else [1.0, 1.6] if line.dotted else [4.0, 2.4]
        )
    return pen


def paint_panel(p: QPainter, ink: Ink, panel: Panel, where: QRectF, marked: str = "", head: float = TITLE) -> None:
    """``head``: height of a picture's title, at least :func:`head_height` where all of it is to be seen."""
    p.setPen(ink.text)
    _paint_title(p, ink, panel.title, where, int(head // _TITLE_LINE))
    p.setFont(font_of(ink, 12))
    if isinstance(panel, Picture):
        _paint_picture(p, ink, panel, where.adjusted(0, head, 0, 0), marked)
        return
    area = _area(panel, where)
    if isinstance(panel, HeatMap):
        _paint_heat(p, ink, panel, area, marked)
    else:
        _paint_lines(p, ink, panel, area, marked)
    p.setPen(ink.text)
    wide = p.fontMetrics().horizontalAdvance(panel.x_title) > area.width()
    under = QRectF(area.left(), area.bottom() + 24, area.width(), LINE).adjusted(24 - _LEFT if wide else 0, 0, 0, 0)
    p.drawText(under, Qt.AlignmentFlag.AlignHCenter, _fitted(p, ink, panel.x_title, under.width()))
    p.setFont(font_of(ink, 12))
    p.save()
    p.translate(where.left() + 10, area.center().y())
    p.rotate(-90)
    long = p.fontMetrics().horizontalAdvance(panel.y_title) > area.height()
    below = _BOTTOM - 4 if long else 0.0  # a long one goes on beside the ticks' numbers
    room = area.height() + below
    side = QRectF(-area.height() / 2 - below, -10, room, LINE)
    p.drawText(side, Qt.AlignmentFlag.AlignHCenter, _fitted(p, ink, panel.y_title, room))
    p.restore()


def head_height(ink: Ink, picture: Picture, width: float) -> float:
    """What a picture's title takes: as many lines as it needs, four at most."""
    return max(TITLE, _TITLE_LINE * len(title_lines(ink, picture.title, width, 4)[1]) + 2)


def title_lines(ink: Ink, title: str, width: float, most: int = 2) -> tuple[QFont, tuple[str, ...]]:
    """A panel's title in letters so small that it fits: one line, or up to ``most`` where it is long."""
    for size in (13, 12, 11):
        font = font_of(ink, size, bold=True)
        if QFontMetricsF(font).horizontalAdvance(title) <= width:
            return font, (title,)
    font = font_of(ink, 10, bold=True)
    metrics, words = QFontMetricsF(font), title.split(" ")
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or len(lines) == most or metrics.horizontalAdvance(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return font, tuple(metrics.elidedText(line, Qt.TextElideMode.ElideRight, width) for line in lines)


def _paint_title(p: QPainter, ink: Ink, title: str, where: QRectF, most: int) -> None:
    font, lines = title_lines(ink, title, where.width(), most)
    p.setFont(font)
    tall = (_TOP - 6) if len(lines) == 1 else _TITLE_LINE
    for number, line in enumerate(lines):
        place = QRectF(where.left(), where.top() + number * tall, where.width(), tall)
        p.drawText(place, Qt.AlignmentFlag.AlignVCenter, line)


def _fitted(p: QPainter, ink: Ink, text: str, room: float, sizes: Sequence[int] = (12, 11, 10)) -> str:
    """``text`` in letters so small that it fits, cut where the smallest are too large."""
    for size in sizes:
        p.setFont(font_of(ink, size))
        if QFontMetricsF(p.font()).horizontalAdvance(text) <= room:
            return text
    return QFontMetricsF(p.font()).elidedText(text, Qt.TextElideMode.ElideRight, room)


def _area(panel: Panel, where: QRectF) -> QRectF:
    """What is plotted, within the whole panel."""
    if isinstance(panel, Picture):
        return where.adjusted(0, _TOP, 0, 0)
    return where.adjusted(_LEFT, _TOP, -(_SCALE if isinstance(panel, HeatMap) else 8.0), -_BOTTOM)


def _paint_picture(p: QPainter, ink: Ink, panel: Picture, area: QRectF, marked: str) -> None:
    height, width = panel.pixels.shape[:2]
    scale = min(area.width() / width, area.height() / height)
    p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    place = QRectF(area.left(), area.top(), width * scale, height * scale)
    p.drawImage(place, _image(panel.pixels))
    if belongs(panel.block, marked):
        p.setPen(QPen(ink.mark, 2.5))
        p.drawRect(place)


def _image(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels)
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


@dataclass(frozen=True, slots=True)
class Axes:
    """From values (logarithms where the axis has them) to points of ``area``."""

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


def _line_axes(chart: LineChart, area: QRectF) -> Axes:
    shown = [part for line in chart.lines for part in (line.y, line.low, line.high) if part is not None]
    left, right = _ends([np.asarray(line.x, np.float64) for line in chart.lines], (0.0, 1.0))
    low, high = _ends([_on_axis(part, chart.log) for part in shown], (0.0, 1.0))
    if chart.level is not None:
        level = float(_on_axis(np.array([chart.level]), chart.log)[0])
        low, high = min(low, level), max(high, level)
    if chart.from_zero:
        low, high = min(low, 0.0), high if high > min(low, 0.0) else 1.0
    if chart.log:
        low, high = (low - 0.1, high + 0.1) if high - low < 0.2 else (low - 0.02 * (high - low), high)
    else:
        low, high = nice_span(low, high)
    if any(line.points or len(line.x) == 1 for line in chart.lines):  # marks on the frame look like none
        room = 0.03 * (right - left) or 1.0
        left, right = left - room, right + room
    left, right = chart.x_range or (left, right)
    low, high = chart.y_range or (low, high)
    return Axes(area, left, right if right > left else left + 1.0, low, high)


def axes_of(chart: LineChart, where: QRectF) -> Axes:
    """Those of a panel that fills ``where``, for who draws over it."""
    return _line_axes(chart, _area(chart, where))


def _paint_lines(p: QPainter, ink: Ink, chart: LineChart, area: QRectF, marked: str) -> None:
    axes = _line_axes(chart, area)
    counted = all(np.equal(np.mod(line.x, 1), 0).all() for line in chart.lines)  # layers, blocks, iterations
    _paint_ticks(p, ink, axes, chart.log, chart.ticks, counted=counted)
    if chart.level is not None:
        level = float(_on_axis(np.array([chart.level]), chart.log)[0])
        p.setPen(QPen(ink.quiet, 1.2, Qt.PenStyle.DotLine))
        y = float(axes.y(level))
        p.drawLine(QLineF(area.left(), y, area.right(), y))
    p.save()
    p.setClipRect(area.adjusted(-4, -4, 4, 4))
    _mark_places(p, ink, chart, axes, marked)
    for line in chart.lines:
        _paint_line(p, ink, line, axes, chart.log)
    for line in chart.lines if marked else ():
        _mark_points(p, ink, line, axes, chart.log, marked)
    p.restore()


def _mark_places(p: QPainter, ink: Ink, chart: LineChart, axes: Axes, marked: str) -> None:
    """A band behind the lines at each place of the marked block: an interval there stays in sight."""
    places = {
        float(x) for line in chart.lines for x, name in zip(line.x, line.names, strict=False) if belongs(name, marked)
    }
    colour = QColor(ink.mark)
    colour.setAlpha(_BAND_ALPHA)
    for place in sorted(places):
        x = float(axes.x(place))
        p.fillRect(QRectF(x - _BAND / 2, axes.area.top(), _BAND, axes.area.height()), colour)


def _mark_points(p: QPainter, ink: Ink, line: Line, axes: Axes, log: bool, marked: str) -> None:
    """A ring around each point of the marked block."""
    chosen = [place for place, name in enumerate(line.names) if belongs(name, marked)]
    x, y = axes.x(np.asarray(line.x, np.float64)), axes.y(_on_axis(line.y, log))
    p.setPen(QPen(ink.mark, 2.2))
    for place in chosen:
        if np.isfinite(y[place]):
            p.drawEllipse(QPointF(x[place], y[place]), 5.5, 5.5)


def name_at(panel: Panel, where: QRectF, point: QPointF) -> tuple[str, str]:
    """The layer, block or line whose value is drawn at ``point``, and that value in words.

    ``point`` lies in a panel that fills ``where``. Both are empty where there is none.
    """
    area = _area(panel, where)
    if not area.adjusted(-6, -6, 6, 6).contains(point):
        return "", ""
    if isinstance(panel, Picture):
        return panel.block, panel.title
    if isinstance(panel, HeatMap):
        row = int((point.y() - area.top()) / area.height() * len(panel.values))
        column = int((point.x() - area.left()) / area.width() * panel.values.shape[1])
        if not (0 <= row < len(panel.values) and 0 <= column < panel.values.shape[1]):
            return "", ""
        names = [names[at] for names, at in ((panel.rows, row), (panel.columns, column)) if names]
        return (names or [""])[-1], ": ".join([", ".join(names), true_minus(f"{panel.values[row, column]:.4g}")])
    axes, best, found = _line_axes(panel, area), 18.0, ("", "")
    for line in panel.lines:
        x, y = axes.x(np.asarray(line.x, np.float64)), axes.y(_on_axis(line.y, panel.log))
        far = np.nan_to_num(np.hypot(x - point.x(), y - point.y()), nan=np.inf)
        if len(far) and float(far.min()) < best:
            place = int(far.argmin())
            best = float(far[place])
            name = line.names[place] if line.names else ""
            words = [part for part in (line.label, name or f"{line.x[place]:.6g}") if part]
            found = name, f"{', '.join(words)}: {true_minus(f'{line.y[place]:.4g}')}"
    return found


def _paint_line(p: QPainter, ink: Ink, line: Line, axes: Axes, log: bool) -> None:
    x, y = axes.x(np.asarray(line.x, np.float64)), axes.y(_on_axis(line.y, log))
    if line.low is not None and line.high is not None:
        p.setPen(QPen(ink.line(line.colour), 1.0))
        for place, a, b in zip(x, axes.y(_on_axis(line.low, log)), axes.y(_on_axis(line.high, log)), strict=True):
            if np.isfinite(a) and np.isfinite(b):
                p.drawLine(QLineF(place, a, place, b))
    p.setPen(line_pen(ink, line, line.width))
    if not line.points:
        finite = np.isfinite(y)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(np.int8)))
        for begin, end in edges.reshape(-1, 2):
            pairs = zip(x[begin:end].tolist(), y[begin:end].tolist(), strict=True)
            p.drawPolyline(QPolygonF([QPointF(a, b) for a, b in pairs]))
    if line.points or (not line.bare and np.isfinite(y).sum() <= 40):
        p.setPen(QPen(ink.line(line.colour), 1.4))
        p.setBrush(ink.ground if line.dashed else ink.line(line.colour))
        for a, b in zip(x.tolist(), y.tolist(), strict=True):
            if np.isfinite(b):
                p.drawEllipse(QPointF(a, b), 2.6, 2.6)
        p.setBrush(Qt.BrushStyle.NoBrush)


def _paint_ticks(
    p: QPainter, ink: Ink, axes: Axes, log: bool, words: Sequence[tuple[float, str]] = (), *, counted: bool = False
) -> None:
    """``counted``: what lies along the axis is whole, and so are its numbers."""
    area, metrics = axes.area, QFontMetricsF(p.font())
    places = _ticks(axes.left, axes.right, area.width() / 70, whole=counted)
    marks = words or [(value, true_minus(f"{value:.6g}")) for value in places]
    free = area.left() - _LEFT  # from here to the right nothing is written yet
    for value, text in marks:
        x = float(axes.x(value))
        p.setPen(QPen(ink.faint, 1))
        p.drawLine(QLineF(x, area.top(), x, area.bottom()))
        wide = metrics.horizontalAdvance(text)
        left = min(x - wide / 2, area.right() + 8 - wide) if words else x - wide / 2
        if words and left < free:
            continue
        p.setPen(ink.text)
        p.drawText(QPointF(left, area.bottom() + metrics.height()), text)
        free = left + wide + 6
    for value, text in _value_ticks(axes, log):
        y = float(axes.y(value))
        p.setPen(QPen(ink.faint, 1))
        p.drawLine(QLineF(area.left(), y, area.right(), y))
        p.setPen(ink.text)
        p.drawText(QPointF(area.left() - metrics.horizontalAdvance(text) - 6, y + metrics.ascent() * 0.36), text)
    p.setPen(QPen(ink.text, 1.2))
    p.drawRect(area)


def _ticks(low: float, high: float, most: float, *, whole: bool = False) -> list[float]:
    """Two at least where they fit: one alone is no scale."""
    found: list[float] = []
    for finer in (1.0, 2.0, 4.0):
        step = nice_step((high - low) / max(finer * most, 1.0))
        if whole:
            step = max(1.0, step if step != 2.5 else 5.0)
        found = [place * step for place in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]
        if len(found) > 1:
            break
    return found


def _in_short(value: float) -> str:
    return short_count(value, space="\u202f") if 1e3 <= value < 1e12 else f"{value:.3g}"


def _value_ticks(axes: Axes, log: bool) -> list[tuple[float, str]]:
    if log:
        marks = log_ticks(10**axes.low, 10**axes.high)[0]
        while len(marks) * 24 > axes.area.height() and len(marks) > 2:
            marks = marks[::2]
        return [(log10(value), _in_short(value)) for value in marks]
    return [(value, true_minus(f"{value:.6g}")) for value in _ticks(axes.low, axes.high, axes.area.height() / 36)]


def _paint_heat(p: QPainter, ink: Ink, heat: HeatMap, area: QRectF, marked: str) -> None:
    low, high = _ends([np.asarray(heat.values, np.float64).ravel()], (0.0, 1.0))
    low, high = low if heat.low is None else heat.low, high if heat.high is None else heat.high
    high = high if high > low else low + 1.0
    rows, columns = heat.values.shape
    p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    p.drawImage(area, _image(_coloured(heat.values, low, high)))
    x, y = heat.x or (1.0, float(columns)), heat.y or (1.0, float(rows))
    wide, tall = (x[1] - x[0]) / max(columns - 1, 1) / 2 or 0.5, (y[1] - y[0]) / max(rows - 1, 1) / 2 or 0.5
    # Row 0 is at the top: the vertical axis runs downwards.
    axes = Axes(area, x[0] - wide, x[1] + wide, y[1] + tall, y[0] - tall)
    metrics = QFontMetricsF(p.font())
    p.setPen(ink.text)
    for value in _ticks(min(axes.left, axes.right), max(axes.left, axes.right), area.width() / 70):
        text = true_minus(f"{value:.6g}")
        place = QPointF(float(axes.x(value)) - metrics.horizontalAdvance(text) / 2, area.bottom() + metrics.height())
        p.drawText(place, text)
    for value in _ticks(min(axes.low, axes.high), max(axes.low, axes.high), area.height() / 36):
        text = true_minus(f"{value:.6g}")
        where = QPointF(
            area.left() - metrics.horizontalAdvance(text) - 6, float(axes.y(value)) + metrics.ascent() * 0.36
        )
        p.drawText(where, text)
    p.setPen(QPen(ink.text, 1.2))
    p.drawRect(area)
    if marked:
        _mark_heat(p, ink, heat, area, marked)
        p.setPen(ink.text)
    bar = QRectF(area.right() + 12, area.top(), 12, area.height())
    p.drawImage(bar, _image(_coloured(np.linspace(1.0, 0.0, 128)[:, None], 0.0, 1.0)))
    for value in _ticks(low, high, area.height() / 48):
        down = bar.bottom() - (value - low) / (high - low) * bar.height()
        p.drawText(QPointF(bar.right() + 4, down + metrics.ascent() * 0.36), true_minus(f"{value:.3g}"))


def _mark_heat(p: QPainter, ink: Ink, heat: HeatMap, area: QRectF, marked: str) -> None:
    """Frames around the marked block's rows and columns."""
    p.setPen(QPen(ink.mark, 2.0))
    tall, wide = area.height() / heat.values.shape[0], area.width() / heat.values.shape[1]
    if rows := [place for place, name in enumerate(heat.rows) if belongs(name, marked)]:
        p.drawRect(QRectF(area.left(), area.top() + rows[0] * tall, area.width(), (rows[-1] - rows[0] + 1) * tall))
    if columns := [place for place, name in enumerate(heat.columns) if belongs(name, marked)]:
        across = (columns[-1] - columns[0] + 1) * wide
        p.drawRect(QRectF(area.left() + columns[0] * wide, area.top(), across, area.height()))


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
