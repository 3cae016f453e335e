"""One network's view of one image: its first five classes as bars."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QHelpEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from resnet_studio.domain.analyses.cam import ALL_RANDOM, CHECK_SAYS, TRUE_MAP
from resnet_studio.text import _
from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.models.record_table import RecordRole
from resnet_studio.ui.pages.classify.cells import Cell
from resnet_studio.ui.pages.classify.headers import GAP, MARGIN, ROW_HEIGHT, map_side, tick
from resnet_studio.ui.pages.classify.maps import ClassMaps
from resnet_studio.ui.pages.classify.results import HeadingRole
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.plain_tip import broken_tip

Index = QModelIndex | QPersistentModelIndex

_LINE = 18.0  # logical pixels, as all that follow
_NARROW = 240.0  # a cell below this width has its bars under the words
_TWO_LINES, _WORDS = 23.0, 16.0
_SIGN = 16.0
_SMALL = 11  # height of a caption's letters
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
            frames = self._frames(area)
            if frames:
                self._paint_maps(painter, frames, cell, _image_of(index))
            left = frames[-1].right() + GAP if frames else area.left() + MARGIN
            self._paint_bars(painter, QRectF(left, area.top(), area.right() - MARGIN - left, area.height()), cell)
        else:
            painter.setPen(self._theme.colour(Role.MUTED))
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), self._waiting())
        painter.restore()

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        """Over the maps: what the randomised-weights check found."""
        cell, image = index.data(RecordRole.VALUE), _image_of(index)
        if event.type() is QEvent.Type.ToolTip and isinstance(cell, Cell) and image is not None and cell.predictions:
            over = any(frame.contains(QPointF(event.pos())) for frame in self._frames(QRectF(option.rect)))
            if over and (tip := self.check_tip(cell, image)):
                QToolTip.showText(event.globalPos(), tip, view)
                return True
        return super().helpEvent(event, view, option, index)

    def check_tip(self, cell: Cell, image: ImageRow) -> str:
        """What the check found in one network and image; empty while it is off or under way."""
        likeness = self._maps.likeness(cell.run, image) if self._maps.pictures > 1 else None
        if likeness is None:
            return ""
        colours = _("The map of random weights is drawn from its lowest value to its highest.")
        return broken_tip("\n".join([likeness.sentence, _(CHECK_SAYS), colours]))

    def _frames(self, area: QRectF) -> list[QRectF]:
        """Of the maps in a cell: the true one, and the one of random weights."""
        side = map_side(self._maps.pictures)
        lefts = [area.left() + MARGIN + place * (side + GAP) for place in range(self._maps.pictures)]
        return [QRectF(left, area.center().y() - side / 2, side, side) for left in lefts]

    def _paint_maps(self, painter: QPainter, frames: list[QRectF], cell: Cell, image: ImageRow | None) -> None:
        for place in reversed(range(len(frames))):  # what is asked for last comes first: the true map
            picture = self._maps.picture(cell.run, image, random=place > 0) if image is not None else None
            self._paint_map(painter, frames[place], picture)
        if len(frames) < 2:
            return
        small = QFont(painter.font())
        small.setPixelSize(_SMALL)
        painter.save()
        painter.setFont(small)
        painter.setPen(self._theme.colour(Role.MUTED))
        for frame, words in zip(frames, (_(TRUE_MAP), _(ALL_RANDOM)), strict=True):
            painter.drawText(QRectF(frame.left(), frame.top() - 17, frame.width(), 15), _LEFT, words)
        likeness = None if image is None else self._maps.likeness(cell.run, image)
        if likeness is not None:
            painter.setPen(self._theme.colour(Role.TEXT))
            under = QRectF(frames[0].left(), frames[0].bottom() + 2, frames[1].right() - frames[0].left(), 15)
            painter.drawText(under, _RIGHT, likeness.short)
        painter.restore()

    def _paint_map(self, painter: QPainter, frame: QRectF, picture: QPixmap | None) -> None:
        """Where the network looks, or an empty frame until that is known."""
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
        percent_width = painter.fontMetrics().horizontalAdvance(_percent(1.0)) + GAP
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


def _image_of(index: Index) -> ImageRow | None:
    found = index.model().headerData(index.row(), Qt.Orientation.Vertical, HeadingRole.IMAGE)
    return found if isinstance(found, ImageRow) else None


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
