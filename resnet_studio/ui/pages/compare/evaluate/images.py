"""The images of a cell: small pictures with what they are, what they were taken for, and how sure the network was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QObject, QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from resnet_studio.text import _
from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.images.thumbnails import Thumbnails
from resnet_studio.ui.models.record_table import Index, RecordRole, RecordTableModel, TableColumn
from resnet_studio.ui.plots.run_colours import plain_tip
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column, in_row
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import THIN_SPACE

_PICTURE, _SMALL = 72, 64  # logical pixels; pictures below the second are shown pixel by pixel
_TILE = 104


@dataclass(frozen=True, slots=True)
class CellImage:
    """``confidence`` 0..1 of the answer."""

    row: ImageRow
    true: str
    answer: str
    confidence: float

    @property
    def right(self) -> bool:
        return self.true == self.answer

    @property
    def answer_text(self) -> str:
        return _(
            "answer {answer}, {confidence:.1f}{thin_space}% sure",
            answer=self.answer,
            confidence=100 * self.confidence,
            thin_space=THIN_SPACE,
        )


class CellImagesModel(RecordTableModel[CellImage]):
    """Images in the order they were given."""

    def __init__(self, parent: QObject | None = None) -> None:
        column: TableColumn[CellImage] = TableColumn(
            _("Image"),
            lambda image: f"{image.true}: {image.answer_text}",
            cell_tip=lambda image: plain_tip(
                _(
                    "{key}\ntrue class {true}\n{answer_text}",
                    key=image.row.key,
                    true=image.true,
                    answer_text=image.answer_text,
                )
            ),
        )
        super().__init__([column], key=lambda image: image.row.key, parent=parent)


class _TileDelegate(QStyledItemDelegate):
    def __init__(self, thumbnails: Thumbnails, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._thumbnails, self._theme = thumbnails, theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del index
        return QSize(_TILE, _PICTURE + 3 * option.fontMetrics.height() + 16)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        image = index.data(RecordRole.RECORD)
        if not isinstance(image, CellImage):
            return
        area: QRect = option.rect.adjusted(2, 2, -2, -2)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, self._theme.colour(Role.ACCENT_SOFT))
        frame = QRect(QPoint(area.center().x() - _PICTURE // 2, area.top() + 4), QSize(_PICTURE, _PICTURE))
        self._paint_picture(painter, frame, image.row)
        line = painter.fontMetrics().height()
        lines = (
            (image.true, Role.TEXT),
            (image.answer, Role.OK if image.right else Role.ERROR),
            (f"{100 * image.confidence:.1f}{THIN_SPACE}%", Role.MUTED),
        )
        for number, (text, role) in enumerate(lines):
            painter.setPen(self._theme.colour(role))
            if number == 1:
                text = f"→ {text}"
            words = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, area.width() - 4)
            place = QRect(area.left() + 2, frame.bottom() + 3 + number * line, area.width() - 4, line)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), words)
        painter.restore()

    def _paint_picture(self, painter: QPainter, frame: QRect, row: ImageRow) -> None:
        picture = self._thumbnails.picture(row)
        if picture is None or picture.isNull():
            painter.fillRect(frame, self._theme.colour(Role.RAISED))
            return
        area = QRect(QPoint(), picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio))
        area.moveCenter(frame.center())
        small = max(picture.width(), picture.height()) < _SMALL
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not small)
        painter.drawPixmap(area, picture)


class CellImages(QWidget):
    """``classify_wanted(list of CellImage)``: the chosen ones, or all of them."""

    classify_wanted = Signal(list)

    def __init__(self, thumbnails: Thumbnails, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = CellImagesModel(self)
        self._title = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "cell_title")
        self._note = named(QLabel(wordWrap=True), "cell_note", role="muted")
        self.view = named(QListView(uniformItemSizes=True), "cell_images", accessible=_("Images of the chosen cell"))
        self.view.setModel(self.model)
        self.view.setItemDelegate(_TileDelegate(thumbnails, theme, self.view))
        self.view.setViewMode(QListView.ViewMode.IconMode)
        self.view.setResizeMode(QListView.ResizeMode.Adjust)
        self.view.setMovement(QListView.Movement.Static)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.button = named(QPushButton(_("Show in Classify")), "cell_classify")
        set_tip(self.button, _("Let the evaluated networks look at the chosen images, or at all of these (Return)"))
        foot = in_row((self._note, 1), self.button)
        in_column(self._title, (self.view, 1), foot, of=self, margins=(0, 4, 0, 0), spacing=4)
        self.view.activated.connect(self._on_activated)
        self.button.clicked.connect(lambda: self.classify_wanted.emit(self.chosen or list(self.model.records)))
        thumbnails.ready.connect(self.view.viewport().update)
        self.show_images("", [], _("Click a cell, or a heading for all its errors."))

    def show_images(self, title: str, images: Sequence[CellImage], note: str = "") -> None:
        self.model.set_records(images)
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._note.setText(note)
        self.button.setEnabled(bool(images))
        self.view.scrollToTop()

    @property
    def chosen(self) -> list[CellImage]:
        rows = sorted(index.row() for index in self.view.selectionModel().selectedIndexes())
        return [self.model.record_at(row) for row in rows]

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        self.classify_wanted.emit(self.chosen or [self.model.record_at(index.row())])
