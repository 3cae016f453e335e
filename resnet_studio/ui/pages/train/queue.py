"""The queue beside the curves: entries with study, seeds, progress and time, in an order that can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QMimeData, QModelIndex, QObject, QPoint, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QFont, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QLabel,
    QListView,
    QMenu,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from resnet_studio.domain.queue import QueueEntry, QueueRequest, QueueStatus
from resnet_studio.platform.queue_time import QueueTime, TimeLeft
from resnet_studio.studies.study_titles import is_named_by, study_title
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import ROOT, Index, RecordRole, RecordTableModel, TableColumn
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column, in_row
from resnet_studio.ui.widgets.plain_tip import set_tip

ROW_PIXELS = 44
MOST_ROWS = 5
_MIME = "application/x-resnet-studio-queue-entry"
_ROLES = {
    QueueStatus.WAITING: Role.MUTED, QueueStatus.RUNNING: Role.ACCENT, QueueStatus.PAUSED: Role.WARNING,
    QueueStatus.STOPPED: Role.WARNING, QueueStatus.FINISHED: Role.OK, QueueStatus.FAILED: Role.ERROR,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueRow:
    """An entry, what it is expected to take yet, and whether the page shows it."""

    entry: QueueEntry
    left: TimeLeft | None = None
    shown: bool = False

    @property
    def title(self) -> str:
        place = f"{self.entry.place}.  " if self.entry.place else ""
        return f"{place}{self.entry.title}"

    @property
    def progress(self) -> str:
        """How far it is, or the time that it took."""
        if self.entry.status.ended:
            return formats.duration(sum(run.seconds for run in self.entry.runs))
        return formats.progress(self.entry.iteration, self.entry.iterations)

    @property
    def facts(self) -> str:
        """Status, time left, seeds, and the study unless the title names it."""
        entry = self.entry
        parts = [entry.state]
        if self.left is not None and not entry.status.ended:
            parts.append(self.left.words)
        if entry.seeds:
            seeds = ", ".join(map(str, entry.seeds))
            parts.append(_n("seed {seeds}", "seeds {seeds}", len(entry.seeds), seeds=seeds))
        if entry.study and not is_named_by(entry.title, entry.study):
            parts.append(study_title(entry.study))
        return " · ".join(parts)

    @property
    def about(self) -> str:
        names = ", ".join(run.name for run in self.entry.runs)
        lines = [f"{names}: {self.facts}, {self.progress}"]
        if self.entry.runs:
            lines.append(self.entry.runs[0].spec.data.label)
        if self.entry.host:
            lines.append(_("on {host}", host=self.entry.host))
        return "\n".join([*lines, *filter(None, (self.entry.reason,))])


class QueueModel(RecordTableModel[QueueRow]):
    """One row an entry. ``moved(entry id, place)`` when one was dropped between others."""

    moved = Signal(str, int)

    def __init__(self, parent: QObject | None = None) -> None:
        column: TableColumn[QueueRow] = TableColumn(
            _("Cohort"),
            lambda row: row.title,
            cell_tip=lambda row: row.about,
            accessible=lambda row: f"{row.title}, {row.facts}, {row.progress}",
        )
        super().__init__([column], key=lambda row: row.entry.id, parent=parent)

    def place_at(self, row: int, entry_id: str) -> int:
        """The place that an entry gets which is dropped before ``row``."""
        above = [record.entry for record in self.records[:row] if record.entry.id != entry_id]
        return 1 + sum(bool(entry.place) for entry in above)

    # Qt

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if not index.isValid():
            return flags | Qt.ItemFlag.ItemIsDropEnabled
        return flags | Qt.ItemFlag.ItemIsDragEnabled if can_move(self.record_at(index.row()).entry) else flags

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        mime = QMimeData()
        if indexes:
            mime.setData(_MIME, QByteArray(self.record_at(indexes[0].row()).entry.id.encode()))
        return mime

    def dropMimeData(
        self, mime: QMimeData, action: Qt.DropAction, row: int, _column: int, parent: Index = ROOT
    ) -> bool:
        """The rows move once the history has moved the entry, so Qt is not to do it."""
        if action is Qt.DropAction.MoveAction and mime.hasFormat(_MIME):
            entry_id = bytes(mime.data(_MIME).data()).decode("ascii", "replace")
            if row < 0:
                row = parent.row() if parent.isValid() else self.rowCount()
            if self.row_of(entry_id) is not None:
                self.moved.emit(entry_id, self.place_at(row, entry_id))
        return False


def can_move(entry: QueueEntry) -> bool:
    return not entry.claimed and not entry.status.ended


class _Delegate(QStyledItemDelegate):
    """Two lines and how far it is; the entry that the page shows is bold."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = QStyleOptionViewItem(option)
        self.initStyleOption(cell, index)
        cell.text = ""
        style = cell.widget.style() if cell.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, cell, painter, cell.widget)
        row = index.data(RecordRole.RECORD)
        if not isinstance(row, QueueRow):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(cell.rect).adjusted(8, 3, -8, -4)
        colour = self._theme.colour(_ROLES[row.entry.status])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(area.left(), area.top() + 5, 7, 7))
        words = area.adjusted(14, 0, 0, 0)
        font = QFont(cell.font)
        font.setBold(row.shown)
        painter.setFont(font)
        painter.setPen(self._theme.colour(Role.MUTED if row.entry.status.ended else Role.TEXT))
        half = words.height() / 2
        self._write(painter, words.adjusted(0, 0, 0, -half), row.title)
        painter.setFont(cell.font)
        painter.setPen(self._theme.colour(Role.MUTED))
        below, far = words.adjusted(0, half - 2, 0, -3), 0
        if row.entry.begun or row.entry.status.ended:
            far = cell.fontMetrics.horizontalAdvance(row.progress) + 8
            painter.drawText(below, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), row.progress)
        self._write(painter, below.adjusted(0, 0, -far, 0), row.facts)
        if row.entry.begun and not row.entry.status.ended:
            line = QRectF(words.left(), area.bottom() - 1, words.width(), 2)
            painter.fillRect(line, self._theme.colour(Role.BORDER))
            line.setWidth(line.width() * row.entry.progress)
            painter.fillRect(line, colour)
        painter.restore()

    def _write(self, painter: QPainter, area: QRectF, text: str) -> None:
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(area.width()))
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter), shown)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(super().sizeHint(option, index).width(), ROW_PIXELS)


class QueuePanel(QWidget):
    """Hidden while there is nothing to choose from. It shows, and says what a person wants; ids are the entries'."""

    show_requested = Signal(str)
    move_requested, step_requested = Signal(str, int), Signal(str, int)
    remove_requested = Signal(str)
    repeat_requested = Signal(str)
    ask_requested = Signal(str, object)  # a QueueRequest
    resume_requested = Signal(list)  # run ids
    go_on_requested, hold_requested, clear_requested = Signal(), Signal(), Signal()
    notify_chosen = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("queue_panel")
        self._writable = True
        self._held = False
        self.notifies = True
        self.model = QueueModel(self)
        self.view = named(QListView(), "queue_list", accessible=_("Queue of cohorts"))
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(theme, self.view))
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.view.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.view.setDragDropOverwriteMode(False)
        self.view.setDropIndicatorShown(True)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.title = named(QLabel(_("Queue")), "queue_title", role="heading")
        self.summary = named(QLabel(wordWrap=True), "queue_summary", role="muted")
        self.hold_button = named(QPushButton(), "queue_hold_button", role="flat")
        self.menu_button = named(QPushButton("⋯"), "queue_menu_button", role="flat", tip=_("What can be done"))
        self.menu_button.setAccessibleName(_("What can be done with the chosen entry"))
        head = in_row((self.title, 1), self.hold_button, self.menu_button)
        in_column(head, self.summary, self.view, of=self, margins=0, spacing=4)
        self._connect()
        theme.changed.connect(self.view.viewport().update)
        self.show_queue((), QueueTime({}, TimeLeft(), 0), (), held=False, writable=True)

    def _connect(self) -> None:
        self.model.moved.connect(self.move_requested)
        self.view.clicked.connect(self._on_chosen)
        self.view.activated.connect(self._on_chosen)
        self.view.customContextMenuRequested.connect(self._on_menu_at)
        self.menu_button.clicked.connect(self._on_menu)
        self.hold_button.clicked.connect(lambda: (self.go_on_requested if self._held else self.hold_requested).emit())
        for keys, slot in (
            ("Delete", self.on_remove),
            ("Alt+Up", self.on_up),
            ("Alt+Down", self.on_down),
        ):
            shortcut = QShortcut(QKeySequence(keys), self.view, context=Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(slot)

    @property
    def chosen(self) -> QueueEntry | None:
        index = self.view.currentIndex()
        return self.model.record_at(index.row()).entry if index.isValid() else None

    def choose(self, entry_id: str) -> None:
        row = self.model.row_of(entry_id)
        if row is not None:
            self.view.setCurrentIndex(self.model.index(row, 0))

    def show_queue(
        self, entries: Sequence[QueueEntry], time: QueueTime, shown: Sequence[str], *, held: bool, writable: bool
    ) -> None:
        """``shown``: ids of the runs that the page shows."""
        self._held, self._writable = held, writable
        runs = set(shown)
        self.model.set_records(
            QueueRow(entry, time.by_entry.get(entry.id), bool(runs & set(entry.run_ids))) for entry in entries
        )
        going = [entry for entry in entries if not entry.status.ended]
        waiting = [entry for entry in going if entry.status is QueueStatus.WAITING]
        idle = [entry for entry in going if not entry.claimed]
        self.setVisible(len(entries) > 1 or bool(idle))
        self.view.setFixedHeight(ROW_PIXELS * min(max(len(entries), 1), MOST_ROWS) + 8)
        self.summary.setText(_summary(len(waiting), time, held=held))
        self.summary.setVisible(bool(self.summary.text()))
        self.hold_button.setVisible(bool(waiting) and writable)
        self.hold_button.setText(_("Go on") if held else _("Hold"))
        set_tip(
            self.hold_button,
            _("Begin what waits, one after the other")
            if held
            else _("What trains now trains on; nothing begins after it until you say so"),
        )

    def actions_for(self, entry: QueueEntry | None) -> list[QAction]:
        """What can be done, for the menu: with ``entry``, and with the whole queue."""
        found = []
        if entry is not None:
            found += self._of_entry(entry)
        separator = QAction(self)
        separator.setSeparator(True)
        found.append(separator)
        clear = self._action(_("Clear what has ended from the list"), "queue_clear_action", self.clear_requested.emit)
        clear.setEnabled(self._writable and any(row.entry.status.ended for row in self.model.records))
        notify = self._action(_("Notify when the queue has ended"), "queue_notify_action", None)
        notify.setCheckable(True)
        notify.setChecked(self.notifies)
        notify.toggled.connect(self.notify_chosen)
        return [*found, clear, notify]

    def _of_entry(self, entry: QueueEntry) -> list[QAction]:
        entry_id, movable = entry.id, can_move(entry)
        show = self._action(_("Show"), "queue_show_action", lambda: self.show_requested.emit(entry_id))
        up = self._action(_("Move up"), "queue_up_action", self.on_up, "Alt+Up")
        down = self._action(_("Move down"), "queue_down_action", self.on_down, "Alt+Down")
        for action in (up, down):
            action.setEnabled(movable)
        going = not entry.status.ended
        goes_on = entry.status in (QueueStatus.PAUSED, QueueStatus.STOPPED)
        pause = self._action(
            _("Continue") if goes_on else _("Pause"),
            "queue_pause_action",
            lambda: self.ask_requested.emit(entry_id, QueueRequest.GO_ON if goes_on else QueueRequest.PAUSE),
        )
        pause.setEnabled(going)
        stop = self._action(
            _("Stop and save"), "queue_stop_action", lambda: self.ask_requested.emit(entry_id, QueueRequest.STOP)
        )
        stop.setEnabled(entry.claimed)
        first = self._action(
            _("Train now"), "queue_now_action", lambda: self.resume_requested.emit(list(_resumable(entry)))
        )
        first.setEnabled(self._writable and goes_on and not entry.claimed and bool(_resumable(entry)))
        again = self._action(_("Repeat"), "queue_repeat_action", lambda: self.repeat_requested.emit(entry_id))
        remove = self._action(_("Remove"), "queue_remove_action", self.on_remove, "Delete")
        remove.setEnabled(not entry.claimed)
        return [show, up, down, pause, first, stop, again, remove]

    def _action(self, text: str, name: str, slot: object, keys: str = "") -> QAction:
        action = QAction(text, self)
        action.setObjectName(name)
        if keys:  # shown beside the text; the list has the shortcut itself
            action.setText(f"{text}\t{QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)}")
        if slot is not None:
            action.triggered.connect(slot)
        return action

    @Slot()
    def on_remove(self) -> None:
        entry = self.chosen
        if entry is not None and not entry.claimed:
            self.remove_requested.emit(entry.id)

    @Slot()
    def on_up(self) -> None:
        self._move_by(-1)

    @Slot()
    def on_down(self) -> None:
        self._move_by(1)

    def _move_by(self, step: int) -> None:
        entry = self.chosen
        if entry is not None and can_move(entry):
            self.step_requested.emit(entry.id, step)

    @Slot(QModelIndex)
    def _on_chosen(self, index: QModelIndex) -> None:
        self.show_requested.emit(self.model.record_at(index.row()).entry.id)

    @Slot()
    def _on_menu(self) -> None:
        self._open_menu(self.menu_button.mapToGlobal(self.menu_button.rect().bottomLeft()))

    @Slot(QPoint)
    def _on_menu_at(self, place: QPoint) -> None:
        self._open_menu(self.view.viewport().mapToGlobal(place))

    def _open_menu(self, place: QPoint) -> None:
        menu = named(QMenu(self), "queue_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        actions = self.actions_for(self.chosen)
        for action in actions:
            action.setParent(menu)
        menu.addActions(actions)
        menu.popup(place)


def _resumable(entry: QueueEntry) -> tuple[str, ...]:
    return tuple(run.id for run in entry.runs if run.resumable)


def _summary(waiting: int, time: QueueTime, *, held: bool) -> str:
    """How much waits, and how long all of it takes."""
    if not waiting:
        return ""
    parts = [_n("{count} waits", "{count} wait", waiting)]
    if time.words:
        parts.append(time.words)
    if held:
        parts.append(_("nothing begins until you say so"))
    return " · ".join(parts)
