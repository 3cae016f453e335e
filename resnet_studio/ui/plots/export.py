"""The curves of one panel as a figure for slides and papers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log10
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.text import _
from resnet_studio.ui.figures import FAMILY, write_figure
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.line_sample import paint_sample
from resnet_studio.ui.plots.panels import ERROR, ITERATIONS_BY_AXIS, Panel, PlotOptions, set_epoch_lengths
from resnet_studio.ui.plots.ranges import count_text, log_ticks, nice_span, nice_step, time_step, time_text
from resnet_studio.ui.plots.run_colours import at_lightness, lightness_steps
from resnet_studio.ui.plots.thinning import thin

FIGURE_SIZE = QSize(1000, 640)  # points
_GAP = 70.0  # between labels
_LEFT, _TOP, _RIGHT, _BOTTOM = 70.0, 24.0, 24.0, 62.0
_SAMPLE = 50.0  # a line's sample and the gap after it
_INK, _FAINT = QColor("#1b2330"), QColor("#dfe4ec")

CurveMap = Mapping[tuple[str, Series], Curve]


@dataclass
class _Frame:
    """The plot area and its scales: positions and values (as coordinates, logarithms included) to points."""

    area: QRectF
    right: float
    low: float
    high: float
    lines: dict[tuple[str, Series], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def x(self, position: Any) -> Any:
        return self.area.left() + position / self.right * self.area.width()

    def y(self, value: Any) -> Any:
        return self.area.bottom() - (value - self.low) / (self.high - self.low) * self.area.height()


def export_figure(
    curves: CurveMap,
    runs: Sequence[RunRecord],
    path: Path,
    options: PlotOptions | None = None,
    panel: Panel = ERROR,
    description: str = "",
) -> Path:
    """Draw the runs' curves and write them as the ending of ``path`` says; a PNG has 2000 x 1280 pixels.

    Training curves are thin (smoothed as ``options`` say), test curves bold, plain nets dashed, residual nets solid, in
    the runs' colours on white.

    Args:
        curves: What the store's ``curves`` returns; series that are missing are left out.
        runs: In the legend's order.
        path: As :func:`~resnet_studio.ui.figures.write_figure` takes it.
        description: Words that go with the figure, unseen.

    Raises:
        UserError: Without runs, and as :func:`~resnet_studio.ui.figures.write_figure` does.
    """
    if not runs:
        raise UserError(_("There are no runs to draw; choose at least one."))
    options = options or PlotOptions()
    book = CurveBook()
    book.load(curve for curve in curves.values() if len(curve))
    set_epoch_lengths(book, runs)
    return write_figure(
        path,
        lambda painter: _draw(painter, book, runs, options, panel),
        FIGURE_SIZE,
        title=_("ResNet Studio: ") + ", ".join(run.name for run in runs),
        description=description,
    )


def _draw(painter: QPainter, book: CurveBook, runs: Sequence[RunRecord], options: PlotOptions, panel: Panel) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = QFont(FAMILY)
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(15)
    painter.setFont(font)
    legend = _Legend.of(runs, panel, QFontMetricsF(painter.font()))
    frame = _frame(book, runs, options, panel, _TOP / 2 + legend.height)
    _draw_axes(painter, frame, options, panel)
    painter.save()
    painter.setClipRect(frame.area)
    steps = options.lightness_steps or lightness_steps(runs)
    for run in runs:
        for series in panel.series:
            if (run.id, series) in frame.lines:
                _draw_line(painter, frame, run, *frame.lines[run.id, series], steps[run.id], bold=series is panel.bold)
    painter.restore()
    legend.draw(painter, runs, steps)


def _frame(book: CurveBook, runs: Sequence[RunRecord], options: PlotOptions, panel: Panel, top: float) -> _Frame:
    """Everything is shown, from position 0 to the last point of any run; the plot area begins at ``top``."""
    lines: dict[tuple[str, Series], tuple[np.ndarray, np.ndarray]] = {}
    for run in runs:
        for series in panel.series:
            x, buffer = book.positions(run.id, series, options.axis), book.get(run.id, series)
            if x is not None and buffer is not None:
                y = buffer.smoothed(options.window_of(series))
                y = np.where(np.isfinite(y), y, np.nan).astype(np.float64)
                lines[run.id, series] = (x, np.log10(np.maximum(y, panel.floor)) if options.log else y)
    right = max((float(x[-1]) for x, _unused in lines.values()), default=0.0) or 1.0
    finite = [y[np.isfinite(y)] for _unused, y in lines.values()]
    ends = [(float(y.min()), float(y.max())) for y in finite if len(y)]
    low, high = (min(a for a, _unused in ends), max(b for _unused, b in ends)) if ends else (0.0, 100.0)
    if not options.log:
        low, high = nice_span(low, high)
    elif high - low < 0.1:
        low, high = low - 0.1, high + 0.1
    size = FIGURE_SIZE
    area = QRectF(_LEFT, top, size.width() - _LEFT - _RIGHT, size.height() - top - _BOTTOM)
    return _Frame(area, right, low, high, lines)


def _draw_line(
    painter: QPainter, frame: _Frame, run: RunRecord, x: np.ndarray, y: np.ndarray, lightness_step: int, *, bold: bool
) -> None:
    x, y = thin(x, y, 0.0, frame.right, int(frame.area.width()))
    colour = _colour(run, lightness_step)
    pen = QPen(colour, 2.6 if bold else 1.0)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if not run.residual:
        pen.setDashPattern([4.0, 2.4] if bold else [6.0, 4.0])
    painter.setPen(pen)
    for piece in _pieces(frame.x(x), frame.y(y)):
        if piece.size() > 1:
            painter.drawPolyline(piece)
        elif not bold:  # one point makes no line
            painter.setBrush(colour)
            painter.drawEllipse(piece.at(0), 1.6, 1.6)
            painter.setBrush(Qt.BrushStyle.NoBrush)
    if bold and np.isfinite(y).sum() <= 60:
        painter.setPen(QPen(colour, 1.8))
        painter.setBrush(colour if run.residual else Qt.GlobalColor.white)
        for px, py in zip(frame.x(x), frame.y(y), strict=True):
            if np.isfinite(py):
                painter.drawEllipse(QPointF(px, py), 3.2, 3.2)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _colour(run: RunRecord, lightness_step: int) -> QColor:
    """On white."""
    return at_lightness(QColor(run.colour), lightness_step, QColor("white"))


def _pieces(x: np.ndarray, y: np.ndarray) -> Iterable[QPolygonF]:
    """The line between its gaps."""
    finite = np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(np.int8)))
    for begin, end in edges.reshape(-1, 2):
        yield QPolygonF([QPointF(a, b) for a, b in zip(x[begin:end].tolist(), y[begin:end].tolist(), strict=True)])


def _draw_axes(painter: QPainter, frame: _Frame, options: PlotOptions, panel: Panel) -> None:
    area, metrics = frame.area, QFontMetricsF(painter.font())
    for position, text in _x_ticks(frame, options.axis):
        x = float(frame.x(position))
        painter.setPen(QPen(_FAINT, 1))
        painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
        painter.setPen(_INK)
        half = metrics.horizontalAdvance(text) / 2
        place = min(x - half, area.right() + _RIGHT - 2 * half - 2)
        painter.drawText(QPointF(place, area.bottom() + metrics.height() + 2), text)
    for value, text in _y_ticks(frame, options):
        y = float(frame.y(value))
        painter.setPen(QPen(_FAINT, 1))
        painter.drawLine(QLineF(area.left(), y, area.right(), y))
        painter.setPen(_INK)
        painter.drawText(QPointF(area.left() - metrics.horizontalAdvance(text) - 8, y + metrics.ascent() * 0.36), text)
    painter.setPen(QPen(_INK, 1.2))
    painter.drawRect(area)
    below = QRectF(area.left(), area.bottom() + 30, area.width(), metrics.height() + 4)
    name = ITERATIONS_BY_AXIS[options.axis]
    painter.drawText(
        below, Qt.AlignmentFlag.AlignHCenter, _("{name} (h:min:s)", name=name) if options.axis is XAxis.TIME else name
    )
    painter.save()
    painter.translate(18, area.center().y())
    painter.rotate(-90)
    side = QRectF(-area.height() / 2, -metrics.height() / 2, area.height(), metrics.height() + 4)
    painter.drawText(side, Qt.AlignmentFlag.AlignHCenter, panel.axis_title)
    painter.restore()


def _x_ticks(frame: _Frame, axis: XAxis) -> list[tuple[float, str]]:
    least = frame.right * _GAP / frame.area.width()
    step = time_step(least) if axis is XAxis.TIME else nice_step(least)
    places = [i * step for i in range(int(frame.right / step + 1e-9) + 1)]
    if axis is XAxis.TIME:
        return [(place, time_text(place, step)) for place in places]
    return [(place, count_text(place) if step >= 1 else f"{place:g}") for place in places]


def _y_ticks(frame: _Frame, options: PlotOptions) -> list[tuple[float, str]]:
    if options.log:
        return [(log10(value), f"{value:.3g}") for value in log_ticks(10**frame.low, 10**frame.high)[0]]
    step = nice_step((frame.high - frame.low) * 40 / frame.area.height())
    first = int(np.ceil(frame.low / step - 1e-9))
    return [(i * step, f"{i * step:.10g}") for i in range(first, int(frame.high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class _Legend:
    """Above the plot area, never on the curves: samples with names in columns, and what bold and thin mean."""

    texts: tuple[str, ...]
    columns: int
    cell: float  # width of a column, in points
    row: float  # height of a line, in points

    @classmethod
    def of(cls, runs: Sequence[RunRecord], panel: Panel, metrics: QFontMetricsF) -> _Legend:
        note = _("bold: test, thin: training") if panel.bold and panel.thin else ""
        texts = (*display_names(runs).values(), *([note] if note else []))
        width = FIGURE_SIZE.width() - _LEFT - _RIGHT
        longest = max(metrics.horizontalAdvance(text) for text in texts) + _SAMPLE + 24
        columns = max(1, min(len(texts), int(width // longest)))
        return cls(texts, columns, width / columns, metrics.height() + 3)

    @property
    def rows(self) -> int:
        return -(-len(self.texts) // self.columns)

    @property
    def height(self) -> float:
        return self.rows * self.row + 8

    def draw(self, painter: QPainter, runs: Sequence[RunRecord], steps: Mapping[str, int]) -> None:
        metrics = QFontMetricsF(painter.font())
        for i, text in enumerate(self.texts):
            place = QPointF(_LEFT + i // self.rows * self.cell, _TOP / 2 + i % self.rows * self.row)
            beside = _SAMPLE if i < len(runs) else 0.0
            if i < len(runs):
                where = QRectF(place.x(), place.y(), 40, self.row)
                paint_sample(painter, where, _colour(runs[i], steps[runs[i].id]), runs[i].residual)
            painter.setPen(_INK if i < len(runs) else QColor("#5a6578"))
            room = self.cell - beside - 8
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
            words = QRectF(place.x() + beside, place.y(), room, self.row)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, shown)
