"""Who trains for this history, and which workers wait, as a table that follows them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QAbstractItemView, QLabel, QTableView, QWidget

from resnet_studio.domain.queue import QueueEntry, WorkerRecord
from resnet_studio.history.store import RunStore
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.threads.jobs import Job, Jobs
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column

log = logging.getLogger(__name__)

EVERY_MS = 1000
_ROWS_SHOWN = 8


def _columns() -> list[TableColumn[WorkerRecord]]:
    return [
        TableColumn(_("Host"), lambda worker: worker.host, cell_tip=lambda worker: worker.name),
        TableColumn(_("Device"), lambda worker: worker.device or None),
        TableColumn(_("Cohort"), lambda worker: worker.entry.title if worker.entry else None),
        TableColumn(_("State"), lambda worker: worker.state),
        TableColumn(
            _("Iterations"), lambda worker: worker.entry, _progress, number=True,
            sort=lambda worker: worker.entry.progress if worker.entry else None,
        ),
        TableColumn(_("A second"), lambda worker: worker.speed, _speed, number=True, tip=_("Iterations a second")),
        TableColumn(
            _("Last heard"), lambda worker: round(worker.heard_seconds), _ago, number=True,
            tip=_("By the history's clock; after a minute a worker counts as gone, and another takes its cohort over"),
        ),
    ]  # fmt: skip


def _progress(entry: QueueEntry) -> str:
    return formats.progress(entry.iteration, entry.iterations)


def _speed(iterations: float) -> str:
    return f"{iterations:.1f}"


def _ago(seconds: int) -> str:
    return _("{seconds} s ago", seconds=seconds)


class WorkersPanel(QWidget):
    """Hidden while there is nobody to show."""

    def __init__(self, store: RunStore, jobs: Jobs) -> None:
        super().__init__()
        self._store, self._jobs = store, jobs
        self._asking: Job | None = None
        self.timer = QTimer(self, interval=EVERY_MS)
        self.timer.timeout.connect(self._ask)
        self.setObjectName("workers_panel")
        self.title = named(QLabel(), "workers_title", role="heading")
        self.model: RecordTableModel[WorkerRecord] = RecordTableModel(
            _columns(), key=lambda worker: worker.name, parent=self
        )
        self.table = named(QTableView(showGrid=False), "workers_table", accessible=_("Workers of this history"))
        self.table.setModel(self.model)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        self.table.horizontalHeader().setHighlightSections(False)
        in_column(self.title, self.table, of=self, margins=0, spacing=4)
        self.hide()

    def follow(self) -> None:
        """Look now and from now on, until :meth:`rest`."""
        self._ask()
        self.timer.start()

    def rest(self) -> None:
        """Nobody looks."""
        self.timer.stop()

    @Slot()
    def _ask(self) -> None:
        """Where other programs may train for this history."""
        store = self._store
        if self._asking is None and (store.shared or not store.writable):
            self._asking = self._jobs.start(
                lambda _emit, _should_stop: store.workers(),
                on_done=self.show_workers,
                on_failed=partial(log.info, "the workers cannot be listed: %s"),  # the window says so itself
                on_end=self._on_asked,
            )

    @Slot()
    def _on_asked(self) -> None:
        self._asking = None

    def show_workers(self, workers: Sequence[WorkerRecord]) -> None:
        rows = len(self.model.records)
        self.model.set_records(workers)
        self.title.setText(_n("{count} worker", "{count} workers", len(workers)))
        if rows != len(workers):
            self._fit()
        self.setVisible(bool(workers))

    def _fit(self) -> None:
        """As high as its rows, up to some; the rest scrolls."""
        self.table.resizeColumnsToContents()
        shown = min(self.model.rowCount(), _ROWS_SHOWN)
        height = self.table.horizontalHeader().sizeHint().height()
        height += shown * self.table.verticalHeader().defaultSectionSize() + 2 * self.table.frameWidth()
        self.table.setFixedHeight(height + self.table.horizontalScrollBar().sizeHint().height())
