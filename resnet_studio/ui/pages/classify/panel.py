"""Which networks look at the images: the list at the left side of the page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_filter import parse_filter
from resnet_studio.text import _
from resnet_studio.ui.models.record_table import RecordRole
from resnet_studio.ui.models.run_columns import data_name
from resnet_studio.ui.pages.classify.run_choice import RunChoiceModel
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.elided import keep_end
from resnet_studio.ui.widgets.plain_tip import plain_tip, set_tip
from resnet_studio.ui.widgets.protocol_form import ProtocolForm

LINE_SEPARATOR = "\N{LINE SEPARATOR}"


class _ChoiceDelegate(QStyledItemDelegate):
    """Two lines that keep their ends; the style's frame around a check mark cannot be seen on dark ground."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        lines = index.data(RecordRole.VALUE)
        widget = option.widget
        if lines is None or widget is None or option.rect.width() <= 0:
            return
        style = widget.style()
        area = style.subElementRect(QStyle.SubElement.SE_ItemViewItemText, option, widget)
        margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, option, widget) + 1
        width = area.width() - 2 * margin - 2
        metrics = option.fontMetrics
        option.text = LINE_SEPARATOR.join(keep_end(metrics, start, end, width) for start, end in lines)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """As wide as the list, never wider: nothing scrolls sideways here."""
        return QSize(0, super().sizeHint(option, index).height())

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        item = QStyleOptionViewItem(option)
        self.initStyleOption(item, index)
        if item.widget is None:
            return
        box = item.widget.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, item, item.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.colour(Role.FIELD_BORDER))
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        painter.restore()


class NetworksPanel(QFrame):
    """A filter, the runs with check marks, and whose classes they know."""

    def __init__(self, model: RunChoiceModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        named(self, "classify_networks_panel", role="panel")
        heading = named(QLabel(_("Networks"), self), role="heading")
        self.filter_field = QLineEdit(self)
        named(self.filter_field, "classify_filter_field", accessible=_("Filter the networks"))
        self.filter_field.setPlaceholderText(_("Filter"))
        set_tip(self.filter_field, _("As on the Runs page: words, tag:x, depth:>20"))
        self.filter_field.setClearButtonEnabled(True)
        self.filter_field.textChanged.connect(self._on_filter)
        self.list = named(QListView(self, uniformItemSizes=True), "classify_runs", accessible=_("Runs with weights"))
        self.list.setModel(model)
        self.list.setItemDelegate(_ChoiceDelegate(theme, self.list))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setStyleSheet("QListView { border: 0; }")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.activated.connect(self._on_activated)
        self.protocol = ProtocolForm(column=True, parent=self)
        views = named(QLabel(_("Views of each image"), self), role="heading")
        self._note = named(QLabel(self, wordWrap=True), "classify_classes_note", role="muted")
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        for widget in (heading, self.filter_field, self.list, views, self.protocol, self._note):
            column.addWidget(widget, 1 if widget is self.list else 0)
        model.chosen_changed.connect(self._on_chosen)
        self._on_chosen()

    @property
    def note(self) -> str:
        return self._note.text()

    def _on_filter(self, text: str) -> None:
        self._model.set_filter(parse_filter(text))

    def _on_activated(self, index: QModelIndex) -> None:
        """Enter or a double click changes the check mark, as Space does."""
        checked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        self._model.setData(
            index, Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole
        )

    def _on_chosen(self) -> None:
        chosen = self._model.chosen
        if chosen:
            self.protocol.set_image_sizes(run.spec.network.image_size for run in chosen)
        self._note.setText(classes_note(chosen))
        runs = {run.class_names: run for run in chosen}.values()
        set_tip(self._note, plain_tip("\n".join(_answers(run, ", ".join(run.class_names)) for run in runs)))


def classes_note(runs: Sequence[RunRecord]) -> str:
    """What the chosen networks can answer at all."""
    if not runs:
        return _("Choose at least one network.")
    groups: dict[tuple[str, ...], RunRecord] = {}
    for run in runs:
        groups.setdefault(run.class_names, run)
    parts = [_answers(run, _few(names)) for names, run in groups.items()]
    return _("A network answers with one of its own classes, whatever the image shows. ") + "; ".join(parts) + "."


def _answers(run: RunRecord, names: str) -> str:
    """The classes, and whose they are where that is known."""
    return f"{data_name(run)}: {names}" if run.data_known else names


def _few(names: Sequence[str]) -> str:
    return (
        ", ".join(names)
        if len(names) <= 12
        else _("{names} and {names_2} more", names=", ".join(names[:10]), names_2=len(names) - 10)
    )
