"""The studies as cards in a list: question, place in the paper, state."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from resnet_studio.studies.rule import Outcome
from resnet_studio.studies.study import Study
from resnet_studio.text import _
from resnet_studio.ui.pages.studies.work import Card
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named

Index = QModelIndex | QPersistentModelIndex
CARD_HEIGHT = 100
OUTCOME_ROLES = {
    Outcome.SHOWN: Role.OK, Outcome.NO_DIFFERENCE: Role.OK, Outcome.OPPOSITE: Role.ERROR,
    Outcome.NOT_DISTINGUISHABLE: Role.WARNING, Outcome.NOT_ENOUGH: Role.MUTED,
}  # fmt: skip


def card_title(card: Card) -> str:
    return f"{card.study.number}  {card.title}" if isinstance(card.study, Study) else card.title


class CardsModel(QAbstractListModel):
    """One row a card; the card itself under ``UserRole``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: tuple[Card, ...] = ()

    def set_cards(self, cards: Sequence[Card]) -> None:
        if [card.key for card in cards] == [card.key for card in self.cards]:
            self.cards = tuple(cards)
            self.dataChanged.emit(self.index(0), self.index(len(cards) - 1))
            return
        self.beginResetModel()
        self.cards = tuple(cards)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.cards)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        card = self.cards[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return card
        if role == Qt.ItemDataRole.DisplayRole:
            return card_title(card)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(filter(None, (card.title, card.question, card.where, card.fault or card.headline)))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ". ".join(filter(None, (card_title(card), card.question, card.fault or card.headline)))
        return None


class CardDelegate(QStyledItemDelegate):
    """Paints one card: title, question in two lines, place in the paper, state."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del index
        return QSize(option.rect.width(), CARD_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        card = index.data(Qt.ItemDataRole.UserRole)
        colour = self._theme.colour
        rect: QRect = option.rect
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = rect.adjusted(3, 2, -3, -2)
        painter.setPen(colour(Role.ACCENT if chosen else Role.BORDER))
        painter.setBrush(colour(Role.ACCENT_SOFT if chosen else Role.RAISED if hovered else Role.PANEL))
        painter.drawRoundedRect(box, 8, 8)
        inside = box.adjusted(10, 7, -10, -6)
        font = option.font
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        metrics = QFontMetrics(font)
        painter.setPen(colour(Role.TEXT))
        title = metrics.elidedText(card_title(card), Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(inside, Qt.AlignmentFlag.AlignTop, title)
        font.setWeight(font.Weight.Normal)
        font.setPointSizeF(font.pointSizeF() * 0.9)
        painter.setFont(font)
        small = QFontMetrics(font)
        middle = inside.adjusted(0, metrics.height() + 1, 0, -2 * small.height() - 2)
        painter.setPen(colour(Role.TEXT))
        painter.drawText(
            middle, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop, _cut(card.question, small, middle)
        )
        state_text = _("cannot be read") if card.fault else card.headline
        role = Role.ERROR if card.fault else OUTCOME_ROLES.get(card.outcome, Role.MUTED)
        bottom = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft
        right = Qt.TextElideMode.ElideRight
        painter.setPen(colour(role))
        painter.drawText(inside, bottom, small.elidedText(state_text, right, inside.width()))
        painter.setPen(colour(Role.MUTED))
        above = inside.adjusted(0, 0, 0, -small.height())
        painter.drawText(above, bottom, small.elidedText(card.where, right, inside.width()))
        painter.restore()


def _cut(text: str, metrics: QFontMetrics, box: QRect) -> str:
    """``text`` with an ellipsis where it needs more than the box holds."""
    flags = Qt.TextFlag.TextWordWrap
    words = text.split()
    while words:
        now = " ".join(words) + ("" if len(" ".join(words)) == len(text) else "…")
        if metrics.boundingRect(QRect(0, 0, box.width(), 10_000), flags, now).height() <= box.height() + 2:
            return now
        words.pop()
    return ""


class StudyList(QListView):
    """``chosen(card)`` when another card is the current one."""

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        named(self, "studies_list", accessible=_("Studies"))
        self.cards = CardsModel(self)
        self.setModel(self.cards)
        self.setItemDelegate(CardDelegate(theme, self))
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(250)
        self._key = ""
        self.selectionModel().currentChanged.connect(self._on_current)
        theme.changed.connect(self.viewport().update)

    def show_cards(self, cards: Sequence[Card]) -> None:
        """The current card stays the current one."""
        self.cards.set_cards(cards)
        self.choose(self._key)

    def choose(self, key: str) -> bool:
        """Whether there is such a card; it is the current one now."""
        for row, card in enumerate(self.cards.cards):
            if card.key == key:
                self.setCurrentIndex(self.cards.index(row))
                return True
        return False

    @Slot()
    def show_current(self) -> None:
        """Scroll to the current card."""
        self.scrollTo(self.currentIndex())

    @property
    def current(self) -> Card | None:
        index = self.currentIndex()
        return self.cards.cards[index.row()] if index.isValid() else None

    @Slot()
    def _on_current(self) -> None:
        card = self.current
        if card is not None and card.key != self._key:
            self._key = card.key
            self.chosen.emit(card)
