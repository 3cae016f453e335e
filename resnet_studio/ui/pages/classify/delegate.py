"""One network's view of one image: its first five classes as bars."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from resnet_studio.text import _
from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.models.record_table import RecordRole
from resnet_studio.ui.pages.classify.cells import Cell
from resnet_studio.ui.pages.classify.headers import ROW_HEIGHT, tick
from resnet_studio.ui.pages.classify.maps import ClassMaps
from resnet_studio.ui.pages.classify.results import HeadingRole
from resnet_studio.ui.theme import Role, Theme

Index = QModelIndex | QPersistentModelIndex

_LINE = 18.0  # logical pixels, as all that follow
_NARROW = 240.0  # a cell below this width has its bars under the words
_TWO_LINES, _WORDS = 23.0, 16.0
_GAP = 8.0
_SIGN = 16.0
_PICTURE = 88.0
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class BarsDelegate(QStyledItemDelegate):
    """Bars have the run's colour: filled for residual nets, outlined and hatched for plain ones.

    Where the true class is known, its line bears a check mark, and a wrong first guess a cross.
    """

    def __init__(
        self, theme: Theme, waiting: Callable[[], str], maps: ClassMaps, parent: QWidget | None = None
    ) -> None:
        """``waiting`` gives the word for a cell without a result yet."""
        super().__init__(parent)
        self._theme, self._waiting, self._maps = theme, waiting, maps
        self._widths: dict[tuple[str, ...], int] = {}
        theme.changed.connect(self._widths.clear)

    def _widest(self, cell: Cell, metrics: QFontMetrics) -> int:
        """Of the names of all classes, so that the bars of a column begin at one place."""
        names = cell.run.class_names
        if names not in self._widths:
            self._widths[names] = max((metrics.horizontalAdvance(name) for name in names), default=0)
        return self._widths[names]

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(240, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = index.data(RecordRole.VALUE)
        if not isinstance(cell, Cell):
            return
        area = QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.fillRect(area, self._theme.colour(Role.ACCENT_SOFT if selected else Role.PANEL))
        painter.setPen(self._theme.colour(Role.GRID))
        painter.drawLine(area.bottomLeft() - QPointF(0, 1), area.bottomRight() - QPointF(0, 1))
        painter.drawLine(area.topLeft(), area.bottomLeft())
        if cell.predictions:
            left = 12.0
            if self._maps.on:
                image = index.model().headerData(index.row(), Qt.Orientation.Vertical, HeadingRole.IMAGE)
                self._paint_map(painter, QPointF(area.left() + left, area.center().y() - _PICTURE / 2), cell, image)
                left += _PICTURE + _GAP
            self._paint_bars(painter, area.adjusted(left, 0, -12, 0), cell)
        else:
            painter.setPen(self._theme.colour(Role.MUTED))
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), self._waiting())
        painter.restore()

    def _paint_map(self, painter: QPainter, corner: QPointF, cell: Cell, image: object) -> None:
        """Where the network looks, or an empty frame until that is known."""
        frame = QRectF(corner.x(), corner.y(), _PICTURE, _PICTURE)
        picture = self._maps.picture(cell.run, image) if isinstance(image, ImageRow) else None
        if picture is None or picture.isNull():
            painter.fillRect(frame, self._theme.colour(Role.RAISED))
            painter.setPen(self._theme.colour(Role.MUTED))
            painter.drawText(frame, int(Qt.AlignmentFlag.AlignCenter), "…" if picture is None else _("no map"))
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(frame, picture, QRectF(picture.rect()))

    def _paint_bars(self, painter: QPainter, area: QRectF, cell: Cell) -> None:
        narrow = area.width() < _NARROW
        height = _TWO_LINES if narrow else _LINE
        plain = QFont(painter.font())
        bold = QFont(plain)
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        mark_width = 16.0  # also where the truth is not known: bars stand below each other
        percent_width = painter.fontMetrics().horizontalAdvance(_percent(1.0)) + _GAP
        shared = area.width() - percent_width - mark_width
        label_width = shared if narrow else min(self._widest(cell, painter.fontMetrics()) + 12.0, shared / 2)
        shown = cell.predictions
        if cell.sign:
            shown = shown[: int((area.height() - _SIGN) / height)]  # room for the sign
            _paint_sign(painter, area, cell, self._theme)
        top = area.center().y() - (height * len(shown) + (_SIGN if cell.sign else 0.0)) / 2
        for rank, prediction in enumerate(shown):
            line = QRectF(area.left(), top + rank * height, area.width(), height)
            words = QRectF(line.left(), line.top(), line.width(), _WORDS if narrow else height)
            is_true = bool(cell.truth) and prediction.label == cell.truth
            if is_true or (cell.right is False and rank == 0):
                tick(painter, QRectF(line.left(), words.center().y() - 5, 10, 10), self._theme, right=is_true)
            painter.setFont(bold if rank == 0 or is_true else plain)
            painter.setPen(self._theme.colour(Role.TEXT if rank == 0 or is_true else Role.MUTED))
            label = QRectF(line.left() + mark_width, words.top(), label_width, words.height())
            text = painter.fontMetrics().elidedText(
                prediction.label, Qt.TextElideMode.ElideMiddle, int(label_width) - 4
            )
            painter.drawText(label, _LEFT, text)
            painter.drawText(words, _RIGHT, _percent(prediction.probability))
            if narrow:
                bar = QRectF(label.left(), words.bottom(), area.right() - label.left(), 5)
            else:
                bar = QRectF(label.right(), line.top() + 4, shared - label_width, height - 8)
            colour = self._theme.run_colour(cell.run.colour)
            _paint_bar(painter, bar, prediction.probability, colour, faint=rank > 0, hatched=not cell.run.residual)


def _paint_sign(painter: QPainter, area: QRectF, cell: Cell, theme: Theme) -> None:
    """How many views the answer is the mean of so far, in words and as a line that grows."""
    words = QRectF(area.left(), area.bottom() - _SIGN - 3, area.width(), _SIGN)
    painter.setPen(theme.colour(Role.ACCENT))
    painter.drawText(words, _LEFT, cell.sign)
    line = QRectF(area.left(), area.bottom() - 4, area.width(), 2)
    painter.fillRect(line, theme.colour(Role.GRID))
    line.setWidth(line.width() * cell.views / cell.of)
    painter.fillRect(line, theme.colour(Role.ACCENT))


def _paint_bar(
    painter: QPainter, area: QRectF, probability: float, colour: QColor, *, faint: bool, hatched: bool
) -> None:
    painter.save()
    shade = QColor(colour)
    shade.setAlphaF(0.55 if faint else 1.0)
    filled = QRectF(area.left(), area.top(), max(1.5, area.width() * probability), area.height())
    if hatched:
        ground = QColor(shade)
        ground.setAlphaF(shade.alphaF() * 0.18)
        painter.fillRect(filled, ground)
        painter.fillRect(filled, QBrush(shade, Qt.BrushStyle.BDiagPattern))
        painter.setPen(QPen(shade, 1))
        painter.drawRect(filled.adjusted(0.5, 0.5, -0.5, -0.5))
    else:
        painter.fillRect(filled, shade)
    painter.restore()


def _percent(probability: float) -> str:
    percent = 100.0 * probability
    return "< 0.1 %" if 0 < percent < 0.05 else f"{percent:.1f} %"
