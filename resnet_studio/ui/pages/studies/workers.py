"""Who trains for this history, and which workers wait, as a table that follows them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QAbstractItemView, QLabel, QTableView, QWidget

from resnet_studio.domain.queue import QueueEntry, WorkerRecord
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column

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

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
