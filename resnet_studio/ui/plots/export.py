"""The curves of one panel as a figure for slides and papers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from math import log10
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.text import _
from resnet_studio.ui.figures import FAMILY, write_figure
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.figure_axes import INK, RIGHT, paint_axes
from resnet_studio.ui.plots.group_curves import band, put_group_curves
from resnet_studio.ui.plots.line_sample import paint_sample
from resnet_studio.ui.plots.panels import ERROR, ITERATIONS_BY_AXIS, Panel, PlotOptions, PlottedRun, set_epoch_lengths
from resnet_studio.ui.plots.ranges import count_text, log_ticks, nice_span, nice_step, time_step, time_text
from resnet_studio.ui.plots.run_colours import at_lightness
from resnet_studio.ui.plots.thinning import thin
from resnet_studio.ui.theme import set_dashes

FIGURE_SIZE = QSize(1000, 640)  # points
_GAP = 70.0  # between labels
_LEFT, _TOP, _BOTTOM = 70.0, 24.0, 62.0
_SAMPLE = 50.0  # a line's sample and the gap after it
_TEN_THOUSAND = 10_000

CurveMap = Mapping[tuple[str, Series], Curve]


@dataclass
class _Frame:
    """The plot area and its scales: positions and values (as coordinates, logarithms included) to points."""

    area: QRectF
    right: float
    low: float
    high: float
    lines: dict[tuple[str, Series], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    unit: int = 1  # positions are written in
    ticks: tuple[float, ...] = ()  # values that are labelled, where they are fixed

    def x(self, position: Any) -> Any:
        return self.area.left() + position / self.right * self.area.width()

    def y(self, value: Any) -> Any:
        return self.area.bottom() - (value - self.low) / (self.high - self.low) * self.area.height()


class FigureStyle(Enum):
    """How a figure is drawn.

    OWN: as on the page. PAPER: as Figure 6 of the paper: errors from 0 to 20 %, dashed training curves, bold test
    curves, iterations in ten thousands.
    """

    OWN = "own"
    PAPER = "paper"


PAPER_HIGHEST = 20.0  # percent
ABOVE_THE_PAPER = _(
    "All of these errors lie above {highest:.0f} %, where the paper's axis ends; the figure with axes of its own shows "
    "them.", highest=PAPER_HIGHEST
)  # fmt: skip
PAPER_TICKS = (0.0, 5.0, 10.0, 15.0, 20.0)


def export_figure(
    curves: CurveMap,
    runs: Sequence[RunRecord],
    path: Path,
    options: PlotOptions | None = None,
    panel: Panel = ERROR,
    description: str = "",
    *,
    style: FigureStyle = FigureStyle.OWN,
    plotted: Sequence[PlottedRun] = (),
) -> Path:
    """Draw the runs' curves and write them as the ending of ``path`` says; a PNG has 2000 x 1280 pixels.

    Training curves are thin (smoothed as ``options`` say), test curves bold, plain nets dashed, residual nets solid, in
    the runs' colours on white. A group is its mean with a band of one standard deviation and its runs as thin lines.

    Args:
        curves: What the store's ``curves`` returns; series that are missing are left out.
        runs: In the legend's order.
        path: As :func:`~resnet_studio.ui.figures.write_figure` takes it.
        options: Horizontal axis, scale and smoothing; the defaults if left out.
        panel: The series to draw.
        description: Words that go with the figure, unseen.
        style: As on the page or as in the paper, where axis, scale and panel are the paper's.
        plotted: The lines, where they are not one a run: groups, whose members are among ``runs``.

    Raises:
        UserError: Without runs, and as :func:`~resnet_studio.ui.figures.write_figure` does.
    """
    if not runs:
        raise UserError(_("There are no runs to draw; choose at least one."))
    options = options or PlotOptions()
    if style is FigureStyle.PAPER:
        options, panel = replace(options, axis=XAxis.ITERATION, log=False), ERROR
    book = CurveBook()
    book.load(curve for curve in curves.values() if len(curve))
    set_epoch_lengths(book, runs)
    shown = list(plotted) or PlottedRun.of_all(runs, options.lightness_steps or None)
    put_group_curves(book, [run for run in shown if run.members])
    return write_figure(
        path,
        lambda painter: _draw_parts(painter, book, shown, options, panel, style),
        FIGURE_SIZE,
        title=_("ResNet Studio: ") + ", ".join(run.name for run in shown),
        description=description,
    )


def _draw_parts(
    painter: QPainter,
    book: CurveBook,
    runs: Sequence[PlottedRun],
    options: PlotOptions,
    panel: Panel,
    style: FigureStyle,
) -> None:
    """One plot, or as in the paper plain nets at the left and residual nets at the right, where both are there."""
    plain, residual, mixed = ([run for run in runs if run.residual is kind] for kind in (False, True, None))
    if style is FigureStyle.OWN or mixed or not plain or not residual:
        _draw(painter, book, runs, options, panel, style, FIGURE_SIZE)
        return
    half = QSize(FIGURE_SIZE.width() // 2, FIGURE_SIZE.height())
    for place, part in enumerate((plain, residual)):
        painter.save()
        painter.translate(place * half.width(), 0)
        _draw(painter, book, part, options, panel, style, half)
        painter.restore()


def _draw(
    painter: QPainter,
    book: CurveBook,
    runs: Sequence[PlottedRun],
    options: PlotOptions,
    panel: Panel,
    style: FigureStyle,
    size: QSize,
) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = QFont(FAMILY)
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(15)
    painter.setFont(font)
    legend = _Legend.of(runs, panel, QFontMetricsF(painter.font()), style, size)
    frame = _frame(book, runs, options, panel, _TOP / 2 + legend.height, style, size)
    _draw_axes(painter, frame, options, panel)
    painter.save()
    painter.setClipRect(frame.area)
    for run in runs:
        for series in panel.series if run.members else ():
            _draw_band(painter, frame, book, run, series, options, panel)
    for run in runs:
        for series in panel.series:
            bold = series is panel.bold
            for member in run.members:
                if (member, series) in frame.lines:
                    pen = _pen(run, style, bold=False)
                    faint = QColor(pen.color())
                    faint.setAlphaF(0.35)
                    pen.setColor(faint)
                    _draw_line(painter, frame, pen, *frame.lines[member, series])
            if (run.run_id, series) in frame.lines:
                x, y = frame.lines[run.run_id, series]
                _draw_line(painter, frame, _pen(run, style, bold=bold), x, y)
                if bold and style is FigureStyle.OWN:
                    _draw_marks(painter, frame, run, x, y)
    painter.restore()
    if style is FigureStyle.PAPER and above_the_paper(y for _unused, y in frame.lines.values()):
        painter.setPen(INK)
        centre = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(frame.area.adjusted(20, 0, -20, 0), int(centre), ABOVE_THE_PAPER)
    legend.draw(painter, runs)


def above_the_paper(errors: Iterable[np.ndarray]) -> bool:
    """Whether there are ``errors``, in percent, and Figure 6's axes would show none of them."""
    finite = [values[np.isfinite(values)] for values in errors]
    least = min((float(values.min()) for values in finite if len(values)), default=0.0)
    return least > PAPER_HIGHEST


def _frame(
    book: CurveBook,
    runs: Sequence[PlottedRun],
    options: PlotOptions,
    panel: Panel,
    top: float,
    style: FigureStyle,
    size: QSize,
) -> _Frame:
    """Everything is shown, from position 0 to the last point of any run; the plot area begins at ``top``."""
    lines: dict[tuple[str, Series], tuple[np.ndarray, np.ndarray]] = {}
    for run_id in [each for run in runs for each in (run.run_id, *run.members)]:
        for series in panel.series:
            x, buffer = book.positions(run_id, series, options.axis), book.get(run_id, series)
            if x is not None and buffer is not None:
                y = buffer.smoothed(options.window_of(series))
                y = np.where(np.isfinite(y), y, np.nan).astype(np.float64)
                lines[run_id, series] = (x, np.log10(np.maximum(y, panel.floor)) if options.log else y)
    right = max((float(x[-1]) for x, _unused in lines.values()), default=0.0) or 1.0
    finite = [y[np.isfinite(y)] for _unused, y in lines.values()]
    ends = [(float(y.min()), float(y.max())) for y in finite if len(y)]
    low, high = (min(a for a, _unused in ends), max(b for _unused, b in ends)) if ends else (0.0, 100.0)
    if style is FigureStyle.PAPER:
        low, high = 0.0, PAPER_HIGHEST
    elif not options.log:
        low, high = nice_span(low, high)
    elif high - low < 0.1:
        low, high = low - 0.1, high + 0.1
    area = QRectF(_LEFT, top, size.width() - _LEFT - RIGHT, size.height() - top - _BOTTOM)
    unit = _TEN_THOUSAND if style is FigureStyle.PAPER and right >= _TEN_THOUSAND else 1
    return _Frame(area, right, low, high, lines, unit, PAPER_TICKS if style is FigureStyle.PAPER else ())


def _pen(run: PlottedRun, style: FigureStyle, *, bold: bool) -> QPen:
    pen = QPen(_colour(run), 2.6 if bold else 1.0)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    set_dashes(pen, bold if style is FigureStyle.PAPER else run.residual, *((4.0, 2.4) if bold else (6.0, 4.0)))
    return pen


def _draw_band(
    painter: QPainter, frame: _Frame, book: CurveBook, run: PlottedRun, series: Series, options: PlotOptions,
    panel: Panel,
) -> None:  # fmt: skip
    edges, x = band(book, run, series, options.window_of(series)), book.positions(run.run_id, series, options.axis)
    if edges is None or x is None:
        return
    low, high = (np.log10(np.maximum(edge, panel.floor)) if options.log else edge for edge in edges)
    known = np.isfinite(low) & np.isfinite(high)
    places = np.flatnonzero(known)[:: max(1, int(known.sum()) // int(frame.area.width()))]
    points = [*zip(frame.x(x[places]), frame.y(low[places]), strict=True)]
    points += reversed([*zip(frame.x(x[places]), frame.y(high[places]), strict=True)])
    shade = _colour(run)
    shade.setAlphaF(0.16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(shade)
    painter.drawPolygon(QPolygonF([QPointF(float(a), float(b)) for a, b in points]))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _draw_line(painter: QPainter, frame: _Frame, pen: QPen, x: np.ndarray, y: np.ndarray) -> None:
    x, y = thin(x, y, 0.0, frame.right, int(frame.area.width()))
    painter.setPen(pen)
    for piece in _pieces(frame.x(x), frame.y(y)):
        if piece.size() > 1:
            painter.drawPolyline(piece)
        elif pen.widthF() < 2:  # one point makes no line
            painter.setBrush(pen.color())
            painter.drawEllipse(piece.at(0), 1.6, 1.6)
            painter.setBrush(Qt.BrushStyle.NoBrush)


def _draw_marks(painter: QPainter, frame: _Frame, run: PlottedRun, x: np.ndarray, y: np.ndarray) -> None:
    """The tests as dots, filled for residual nets, where they are few."""
    if np.isfinite(y).sum() > 60:
        return
    colour = _colour(run)
    painter.setPen(QPen(colour, 1.8))
    painter.setBrush(colour if run.residual else Qt.GlobalColor.white)
    for px, py in zip(frame.x(x), frame.y(y), strict=True):
        if np.isfinite(py):
            painter.drawEllipse(QPointF(px, py), 3.2, 3.2)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _colour(run: PlottedRun) -> QColor:
    """On white."""
    return at_lightness(QColor(run.colour), run.lightness_step, QColor("white"))


def _pieces(x: np.ndarray, y: np.ndarray) -> Iterable[QPolygonF]:
    """The line between its gaps."""
    finite = np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(np.int8)))
    for begin, end in edges.reshape(-1, 2):
        yield QPolygonF([QPointF(a, b) for a, b in zip(x[begin:end].tolist(), y[begin:end].tolist(), strict=True)])


def _draw_axes(painter: QPainter, frame: _Frame, options: PlotOptions, panel: Panel) -> None:
    name = ITERATIONS_BY_AXIS[options.axis] if frame.unit == 1 else "iter. (1e4)"
    paint_axes(
        painter,
        frame.area,
        [(float(frame.x(position)), text) for position, text in _x_ticks(frame, options.axis)],
        [(float(frame.y(value)), text) for value, text in _y_ticks(frame, options)],
        _("{name} (h:min:s)", name=name) if options.axis is XAxis.TIME else name,
        panel.axis_title,
    )


def _x_ticks(frame: _Frame, axis: XAxis) -> list[tuple[float, str]]:
    least = frame.right * _GAP / frame.area.width()
    step = time_step(least) if axis is XAxis.TIME else nice_step(least)
    places = [i * step for i in range(int(frame.right / step + 1e-9) + 1)]
    if axis is XAxis.TIME:
        return [(place, time_text(place, step)) for place in places]
    if frame.unit > 1:
        return [(place, f"{place / frame.unit:g}") for place in places]
    return [(place, count_text(place) if step >= 1 else f"{place:g}") for place in places]


def _y_ticks(frame: _Frame, options: PlotOptions) -> list[tuple[float, str]]:
    if frame.ticks:
        return [(value, f"{value:g}") for value in frame.ticks]
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
    style: FigureStyle

    @classmethod
    def of(
        cls, runs: Sequence[PlottedRun], panel: Panel, metrics: QFontMetricsF, style: FigureStyle, size: QSize
    ) -> _Legend:
        notes = []
        if panel.bold and panel.thin:
            paper = style is FigureStyle.PAPER
            notes.append(_("dashed: training, bold: test") if paper else _("bold: test, thin: training"))
        if any(run.members for run in runs):
            notes.append(_("band: one standard deviation of the runs"))
        texts = (*(run.name for run in runs), *notes)
        width = size.width() - _LEFT - RIGHT
        longest = max(metrics.horizontalAdvance(text) for text in texts) + _SAMPLE + 24
        columns = max(1, min(len(texts), int(width // longest)))
        return cls(texts, columns, width / columns, metrics.height() + 3, style)

    @property
    def rows(self) -> int:
        return -(-len(self.texts) // self.columns)

    @property
    def height(self) -> float:
        return self.rows * self.row + 8

    def draw(self, painter: QPainter, runs: Sequence[PlottedRun]) -> None:
        metrics = QFontMetricsF(painter.font())
        for i, text in enumerate(self.texts):
            place = QPointF(_LEFT + i // self.rows * self.cell, _TOP / 2 + i % self.rows * self.row)
            beside = _SAMPLE if i < len(runs) else 0.0
            if i < len(runs):
                where = QRectF(place.x(), place.y(), 40, self.row)
                paint_sample(painter, where, _colour(runs[i]), self.style is FigureStyle.PAPER or runs[i].residual)
            painter.setPen(INK if i < len(runs) else QColor("#5a6578"))
            room = self.cell - beside - 8
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
            words = QRectF(place.x() + beside, place.y(), room, self.row)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, shown)
