"""The cohorts that wait for their turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListView, QPushButton, QVBoxLayout, QWidget

from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.widgets.text import counted

ROW_PIXELS = 26
MOST_ROWS = 4


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A cohort and its place in the queue, counted from 1."""

    place: int
    runs: tuple[RunRecord, ...]

    @property
    def names(self) -> str:
        return " + ".join(run.name for run in self.runs)

    @property
    def about(self) -> str:
        return _(
            "{names}: {iterations} on {label}",
            names=self.names,
            iterations=counted(self.runs[0].iterations, "iteration", "iterations"),
            label=self.runs[0].spec.data.label,
        )


class QueueModel(RecordTableModel[QueueRow]):
    """One row a cohort, the next one first."""

    def __init__(self) -> None:
        column: TableColumn[QueueRow] = TableColumn(
            _("Cohort"), lambda row: f"{row.place}.  {row.names}", cell_tip=lambda row: row.about
        )
        super().__init__([column], key=lambda row: row.runs[0].cohort_id)

    def set_cohorts(self, cohorts: Sequence[Sequence[RunRecord]]) -> None:
        self.set_records(QueueRow(place, tuple(runs)) for place, runs in enumerate(cohorts, 1))


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
        self.view.setAccessibleName(_("Waiting cohorts"))
        title = QLabel(_("Waiting"))
        title.setProperty("role", "heading")
        self.remove_button = QPushButton(_("Remove"))
        self.remove_button.setObjectName("queue_remove_button")
        self.remove_button.setProperty("role", "flat")
        self.remove_button.setToolTip(
            _("Take the chosen cohort out of the queue; what it has trained already stays in the history (Delete)")
        )
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
            self.view.setCurrentIndex(self.model.index(0, 0))
        self._on_selection()

    @Slot()
    def on_remove(self) -> None:
        index = self.view.currentIndex()
        if index.isValid():
            self.remove_requested.emit([run.id for run in self.model.record_at(index.row()).runs])

    @Slot()
    def _on_selection(self) -> None:
        self.remove_button.setEnabled(self.view.currentIndex().isValid())
