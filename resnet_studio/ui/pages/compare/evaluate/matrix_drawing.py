"""A confusion matrix drawn with QPainter, for the window and for files: headings, cells, numbers, scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from resnet_studio.text import _
from resnet_studio.ui.pages.compare.evaluate.matrix_colours import (
    Counts,
    MatrixColours,
    cell_colours,
    ink_on,
    picture,
    shares,
)
from resnet_studio.ui.widgets.text import count_text, counted

ALL = -1  # in place of a class: the whole row or column
Place = tuple[int, int]  # true class, answer

LEAST_CELL = 3.0  # pixels; below it a matrix scrolls
_WIDEST_HEADING, _LEAST_HEADING = 118.0, 44.0
_HEADING_SHARE = 0.25  # of the height, for turned headings
_GAP = 5.0
_WIDE, _HIGH = 1.7, 1.25  # a cell is at most so much wider than high, higher than wide
_TIGHT = 0.75  # of a line's height: headings may come so near to each other
_NUMBER, _LEAST_NUMBER = 13, 8  # pixels of the font
_MOST_CELL = 64.0


class Matrix:
    """Class names and how often each was taken for which: rows are true classes, columns answers."""

    def __init__(self, names: tuple[str, ...], confusion: Counts) -> None:
        if confusion.shape != (len(names), len(names)):
            raise ValueError(f"confusion must be {len(names)} x {len(names)}, got {confusion.shape}")
        self.names, self.confusion = names, confusion
        self.totals = confusion.sum(1)
        self._coloured: tuple[MatrixColours, npt.NDArray[np.uint8]] | None = None

    def cell_colours(self, colours: MatrixColours) -> npt.NDArray[np.uint8]:
        """RGB of each cell, shape (classes, classes, 3); those of a thousand classes take longer than drawing them."""
        if self._coloured is None or self._coloured[0] != colours:
            self._coloured = (colours, cell_colours(self.confusion, colours))
        return self._coloured[1]

    def __len__(self) -> int:
        return len(self.names)

    def count(self, place: Place) -> int:
        """Images in a cell; for a whole row or column, the wrong ones."""
        true, answer = place
        if true == ALL:
            return int(self.confusion[:, answer].sum() - self.confusion[answer, answer])
        if answer == ALL:
            return int(self.totals[true] - self.confusion[true, true])
        return int(self.confusion[true, answer])

    def sentence(self, place: Place) -> str:
        """What a cell, a row heading or a column heading says."""
        true, answer = place
        count = count_text(self.count(place))
        if true == ALL:
            what = counted(self.count(place), "image of other classes was", "images of other classes were")
            return _("{names}: {what} taken for it", names=self.names[answer], what=what)
        total = int(self.totals[true])
        share = _("{count} of {total}", count=count, total=counted(total, "image", "images"))
        if total:
            share += f" ({100 * self.count(place) / total:.2f} %)"
        name = self.names[true]
        if answer == ALL:
            return _("{name}: {share} were taken for another class", name=name, share=share)
        if answer == true:
            return _("{name}, recognised: {share}", name=name, share=share)
        return _("{name}, taken for {names}: {share}", name=name, names=self.names[answer], share=share)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things lie: cells of ``width`` by ``height`` pixels below and right of the headings."""

    left: float
    top: float
    width: float
    height: float
    turned: bool
    classes: int
    heading: float = _WIDEST_HEADING  # the longest turned one, before its middle is left out

    @property
    def right(self) -> float:
        return self.left + self.classes * self.width

    @property
    def bottom(self) -> float:
        return self.top + self.classes * self.height

    def cell(self, place: Place) -> QRectF:
        true, answer = place
        return QRectF(self.left + answer * self.width, self.top + true * self.height, self.width, self.height)

    def at(self, x: float, y: float) -> Place | None:
        """Class numbers under a point; a heading gives :data:`ALL` for the other."""
        answer = math.floor((x - self.left) / self.width) if x >= self.left else ALL
        true = math.floor((y - self.top) / self.height) if y >= self.top else ALL
        if (answer, true) == (ALL, ALL) or answer >= self.classes or true >= self.classes:
            return None
        return true, answer


def framed(
    names: tuple[str, ...], metrics: QFontMetricsF, width: float, height: float, heading: float = _WIDEST_HEADING
) -> Frame:
    """Headings and cells of ``width`` by ``height``; column headings that are wider than a cell are turned.

    ``heading``: the most that turned ones may take.
    """
    widest, line = _widest(names, metrics), metrics.height()
    turned = widest + 6 > width
    top = line + 4 + (min(widest, heading) if turned else line) + _GAP
    return Frame(line + 4 + widest + _GAP, top, width, height, turned, max(1, len(names)), heading)


def fit(names: tuple[str, ...], metrics: QFontMetricsF, width: float, height: float, zoom: float = 1.0) -> Frame:
    """The frame that fills ``width`` x ``height``; with ``zoom`` above 1 or very many classes it is larger."""
    classes, most = max(1, len(names)), _MOST_CELL * max(1.0, zoom)
    widest, line = _widest(names, metrics), metrics.height()
    left = line + 4 + widest + _GAP  # the axis title stands beside the headings
    across = min(max(zoom * (width - left - 2) / classes, LEAST_CELL), most)
    heading = min(_WIDEST_HEADING, max(_LEAST_HEADING, height * _HEADING_SHARE))
    for turned in (False, True):
        top = line + 4 + (min(widest, heading) if turned else line) + _GAP
        down = min(max(zoom * (height - top - 2) / classes, LEAST_CELL), most)
        frame = framed(names, metrics, min(across, down * _WIDE), min(down, across * _HIGH), heading)
        if frame.turned == turned:
            return frame
    return frame


def _widest(names: tuple[str, ...], metrics: QFontMetricsF) -> float:
    return min(max((metrics.horizontalAdvance(name) for name in names), default=0.0), _WIDEST_HEADING)


def draw(
    painter: QPainter,
    matrix: Matrix,
    frame: Frame,
    colours: MatrixColours,
    *,
    view: QRectF,
    offset: QPointF | None = None,
    percent: bool = False,
    current: Place | None = None,
    hovered: Place | None = None,
    vector: bool = False,
) -> None:
    """Draw what is visible.

    Args:
        painter: Texts have its font, at sizes of their own.
        matrix: Images by true class and answer.
        frame: Where things lie.
        colours: Of cells, marks and numbers.
        view: The room there is; headings stay at its left and upper edge.
        offset: How far the cells are scrolled.
        percent: Numbers are percent of the true class instead of images.
        current: The cell that is marked, (true class, answer).
        hovered: The cell under the mouse, likewise.
        vector: Each cell a rectangle of its own, for drawings that are enlarged later.
    """
    offset = offset or QPointF()
    body = QRectF(frame.left, frame.top, view.right() - frame.left, view.bottom() - frame.top)
    body = body.intersected(QRectF(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top))
    painter.save()
    painter.setClipRect(body.adjusted(-1, -1, 1, 1))
    painter.translate(-offset)
    rows = _span(frame.top, frame.height, frame.classes, body.top() + offset.y(), body.bottom() + offset.y())
    columns = _span(frame.left, frame.width, frame.classes, body.left() + offset.x(), body.right() + offset.x())
    cells = matrix.cell_colours(colours)
    _draw_cells(painter, matrix, frame, cells, rows, columns, vector=vector)
    _draw_lines(painter, frame, colours, rows, columns)
    _draw_numbers(painter, matrix, frame, cells, rows, columns, percent=percent)
    if current is not None:
        _mark(painter, frame, colours, current)
    painter.restore()
    painter.setPen(QPen(colours.frame, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(body)
    _draw_headings(painter, matrix, frame, colours, body, offset, (rows, columns), hovered or current)


def _span(start: float, size: float, count: int, low: float, high: float) -> range:
    """The cells that a stretch of pixels touches."""
    first = max(0, math.floor((low - start) / size))
    return range(first, min(count, max(first, math.ceil((high - start) / size))))


def _draw_cells(
    painter: QPainter, matrix: Matrix, frame: Frame, cells: np.ndarray, rows: range, columns: range, *, vector: bool
) -> None:
    if not rows or not columns:
        return
    if not vector:
        part = picture(cells[rows.start : rows.stop, columns.start : columns.stop])
        whole = frame.cell((rows.start, columns.start)).united(frame.cell((rows.stop - 1, columns.stop - 1)))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(whole, part, QRectF(part.rect()))
        return
    for true, answer in np.argwhere(matrix.confusion).tolist():
        painter.fillRect(frame.cell((true, answer)), QColor(*cells[true, answer].tolist()))


def _draw_lines(painter: QPainter, frame: Frame, colours: MatrixColours, rows: range, columns: range) -> None:
    """A grid, where it does not hide the cells."""
    if min(frame.width, frame.height) < 8:
        return
    painter.setPen(QPen(colours.line, 1))
    for row in rows:
        y = frame.top + row * frame.height
        painter.drawLine(QPointF(frame.left, y), QPointF(frame.right, y))
    for column in columns:
        x = frame.left + column * frame.width
        painter.drawLine(QPointF(x, frame.top), QPointF(x, frame.bottom))


def _draw_numbers(
    painter: QPainter,
    matrix: Matrix,
    frame: Frame,
    cells: np.ndarray,
    rows: range,
    columns: range,
    *,
    percent: bool,
) -> None:
    size = min(_NUMBER, frame.height * 0.62)
    painter.save()
    font = QFont(painter.font())
    font.setPixelSize(_NUMBER)
    longest = "100" if percent else str(int(matrix.confusion.max()))
    size = math.floor(min(size, _NUMBER * (frame.width - 2) / max(1.0, QFontMetricsF(font).horizontalAdvance(longest))))
    if frame.height < _LEAST_NUMBER + 3:
        painter.restore()
        return
    font.setPixelSize(max(size, _LEAST_NUMBER))
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    share = shares(matrix.confusion)
    for row in rows:
        for column in columns:
            count = int(matrix.confusion[row, column])
            if not count:
                continue
            text = _percent(share[row, column]) if percent else str(count)
            if metrics.horizontalAdvance(text) <= frame.width:
                painter.setPen(ink_on(QColor(*cells[row, column].tolist())))
                painter.drawText(frame.cell((row, column)), int(Qt.AlignmentFlag.AlignCenter), text)
    painter.restore()


def _percent(share: float) -> str:
    return "<1" if share < 0.005 else f"{100 * share:.0f}"


def _mark(painter: QPainter, frame: Frame, colours: MatrixColours, place: Place) -> None:
    true, answer = place
    area = frame.cell((max(true, 0), max(answer, 0)))
    if true == ALL:
        area.setBottom(frame.bottom)
    if answer == ALL:
        area.setRight(frame.right)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((colours.ground, 4.0), (colours.mark, 2.0)):
        painter.setPen(QPen(colour, width))
        painter.drawRect(area.adjusted(1, 1, -1, -1))


def _draw_headings(
    painter: QPainter,
    matrix: Matrix,
    frame: Frame,
    colours: MatrixColours,
    body: QRectF,
    offset: QPointF,
    spans: tuple[range, range],
    lit: Place | None,
) -> None:
    metrics = QFontMetricsF(painter.font())
    line, (rows, columns) = metrics.height(), spans
    painter.setPen(colours.muted)
    painter.drawText(QRectF(body.left(), 0, max(body.width(), 60), line), int(Qt.AlignmentFlag.AlignCenter), "answer")
    _draw_turned(painter, QRectF(0, body.top(), line, body.height()), _("true class"), Qt.AlignmentFlag.AlignCenter)
    lit_row, lit_column = lit or (ALL, ALL)
    side = QRectF(0, body.top() - line, body.left(), body.height() + 2 * line)
    above = QRectF(body.left() - line, 0, body.width() + 2 * line, body.top())
    for numbers, lit_number, clip in ((rows, lit_row, side), (columns, lit_column, above)):
        painter.save()
        painter.setClipRect(clip)
        across = clip is above
        for number in _chosen(numbers, frame.width if across else frame.height, line, lit_number):
            painter.setPen(colours.mark if number == lit_number else colours.ink)
            room = frame.heading if across and frame.turned else _WIDEST_HEADING
            name = metrics.elidedText(matrix.names[number], Qt.TextElideMode.ElideMiddle, room)
            if not across:
                middle = frame.top + (number + 0.5) * frame.height - offset.y()
                area = QRectF(line + 4, middle - line / 2, body.left() - line - 4 - _GAP, line)
                painter.drawText(area, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), name)
                continue
            middle = frame.left + (number + 0.5) * frame.width - offset.x()
            if frame.turned:
                area = QRectF(middle - line / 2, line + 4, line, body.top() - line - 4 - _GAP)
                _draw_turned(painter, area, name, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            else:
                area = QRectF(middle - frame.width / 2, line + 4, frame.width, line)
                painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), name)
        painter.restore()


def _chosen(numbers: range, size: float, line: float, lit: int) -> list[int]:
    """Headings that do not run into each other; the lit one pushes its neighbours away."""
    near = _TIGHT * line / size
    step = max(1, math.ceil(near))
    shown = [number for number in numbers if number % step == 0 and (lit < 0 or abs(number - lit) >= near)]
    return [*shown, lit] if lit in numbers else shown


def _draw_turned(painter: QPainter, area: QRectF, text: str, flags: Qt.AlignmentFlag) -> None:
    """From bottom to top."""
    painter.save()
    painter.translate(area.left(), area.bottom())
    painter.rotate(-90)
    painter.drawText(QRectF(0, 0, area.height(), area.width()), int(flags), text)
    painter.restore()
