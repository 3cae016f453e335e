"""The cohorts that wait for their turn."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListView, QPushButton, QVBoxLayout, QWidget

from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.widgets.text import counted

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
ROW_PIXELS = 26
MOST_ROWS = 4


class QueueModel(QAbstractListModel):
    """One row a cohort, the next one first."""

    def __init__(self) -> None:
        super().__init__()
        self._cohorts: tuple[tuple[RunRecord, ...], ...] = ()

    def set_cohorts(self, cohorts: Sequence[Sequence[RunRecord]]) -> None:
        new = tuple(tuple(runs) for runs in cohorts)
        if new != self._cohorts:
            self.beginResetModel()
            self._cohorts = new
            self.endResetModel()

    def cohort(self, row: int) -> tuple[RunRecord, ...]:
        return self._cohorts[row]

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._cohorts)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        runs = self._cohorts[index.row()]
        names = " + ".join(run.name for run in runs)
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{index.row() + 1}.  {names}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{names}: {counted(runs[0].iterations, 'iteration')} on {runs[0].spec.data.label}" if runs else None
        return None


class QueueList(QWidget):
    """Hidden while nothing waits. ``remove_requested(list of run ids)``."""

    remove_requested = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue_panel")
        self.model = QueueModel()
        self.view = QListView()
        self.view.setObjectName("queue_list")
        self.view.setModel(self.model)
        self.view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName("Waiting cohorts")
        title = QLabel("Waiting")
        title.setProperty("role", "heading")
        self.remove_button = QPushButton("Remove")
        self.remove_button.setObjectName("queue_remove_button")
        self.remove_button.setProperty("role", "flat")
        self.remove_button.setToolTip("Take the chosen cohort out of the queue; it stays in the history (Delete)")
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.remove_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.view)
        self.remove_button.clicked.connect(self.on_remove)
        shortcut = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.view)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self.on_remove)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.show_queue(())

    def show_queue(self, cohorts: Sequence[Sequence[RunRecord]]) -> None:
        self.model.set_cohorts(cohorts)
        self.setVisible(bool(cohorts))
        self.view.setFixedHeight(ROW_PIXELS * min(max(len(cohorts), 1), MOST_ROWS) + 8)
        if len(cohorts) == 1:
            self.view.setCurrentIndex(self.model.index(0))
        self._on_selection()

    @Slot()
    def on_remove(self) -> None:
        index = self.view.currentIndex()
        if index.isValid():
            self.remove_requested.emit([run.id for run in self.model.cohort(index.row())])

    @Slot()
    def _on_selection(self) -> None:
        self.remove_button.setEnabled(self.view.currentIndex().isValid())
