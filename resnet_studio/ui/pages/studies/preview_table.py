"""The table of a study before anything starts: a row a net, with what its runs take."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QTableView, QWidget

from resnet_studio.domain.text_numbers import file_size
from resnet_studio.studies.estimate import Estimate
from resnet_studio.studies.preview import Preview, PreviewRow
from resnet_studio.text import _
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.text import count_text, short_count

_ROWS_SHOWN = 12


def _columns() -> list[TableColumn[PreviewRow]]:
    return [
        TableColumn(
            _("Net"), lambda row: row.arm.label, cell_tip=lambda row: row.arm.key, tip=_("Its values: in the tip")
        ),
        TableColumn(_("Seeds"), lambda row: row.seeds, count_text, number=True),
        TableColumn(_("Iterations"), lambda row: row.arm.spec.recipe.iterations, count_text, number=True),
        TableColumn(
            _("Cohort"), lambda row: row.cohort, count_text, number=True,
            tip=_("Of the first seed: nets with one number share their batches and train together"),
        ),
        TableColumn(
            _("Time"), lambda row: row.time, _words, number=True, sort=lambda row: row.time and row.time.seconds,
            tip=_("Of all its runs, on this machine"),
        ),
        TableColumn(_("Disk"), lambda row: row.disk_bytes, file_size, number=True, tip=_("About, of all its runs")),
        TableColumn(_("Parameters"), lambda row: row.parameters, count_text, number=True),
        TableColumn(_("Multiply-adds"), lambda row: row.multiply_adds, short_count, number=True),
    ]  # fmt: skip


def _words(time: Estimate) -> str:
    return time.words


class PreviewTable(QTableView):
    """Shows one preview, of any number of nets."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: RecordTableModel[PreviewRow] = RecordTableModel(_columns(), key=lambda row: row.arm.key, parent=self)
        named(self, "preview_table", accessible=_("What will be trained"))
        self.setModel(self.rows)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(26)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)

    def show_preview(self, preview: Preview | None) -> None:
        self.rows.set_records(() if preview is None else preview.rows)
        self.resizeColumnsToContents()

    def fit_height(self) -> None:
        """As high as its rows, up to a dozen; the rest scrolls."""
        shown = min(self.rows.rowCount(), _ROWS_SHOWN)
        height = self.horizontalHeader().sizeHint().height() + shown * self.verticalHeader().defaultSectionSize()
        self.setFixedHeight(height + 2 * self.frameWidth() + self.horizontalScrollBar().sizeHint().height())
