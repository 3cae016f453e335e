"""The table of runs: a model over records, sorted there, filtered by a proxy."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QSortFilterProxyModel, Qt, Signal

from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.models.record_table import Index, RecordTableModel
from resnet_studio.ui.models.run_columns import COLUMNS, INDEX, ORDER, Column
from resnet_studio.ui.models.run_filter import RunFilter, searchable


class RunsTableModel(RecordTableModel[RunRecord]):
    """Rows are stored runs, the newest first until another order is chosen.

    ``edit_requested(run id, column, text)`` asks for a change of a name, of tags or of a note; whoever stores it hands
    the new record back with :meth:`update_records`.
    """

    edit_requested = Signal(str, object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__([COLUMNS[column] for column in ORDER], key=run_id, parent=parent)
        self.editable = False
        self.sort(INDEX[Column.CREATED], Qt.SortOrder.DescendingOrder)

    def edit(self, record: RunRecord, column: int, text: str) -> bool:
        self.edit_requested.emit(record.id, ORDER[column], text)
        return True


def run_id(run: RunRecord) -> str:
    return run.id


class RunsProxy(QSortFilterProxyModel):
    """Lets through what the filter matches; sorting is the source's."""

    def __init__(self, source: RecordTableModel[RunRecord], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self._filter = RunFilter()
        self._searchable: dict[str, tuple[RunRecord, str]] = {}  # by run id, made once per record
        self.setDynamicSortFilter(False)
        self.setSourceModel(source)
        source.dataChanged.connect(self._on_data_changed)

    def set_filter(self, conditions: RunFilter) -> None:
        if not hasattr(self, "beginFilterChange"):  # Qt before 6.9
            self._filter = conditions
            self.invalidateRowsFilter()
            return
        self.beginFilterChange()
        self._filter = conditions
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def _on_data_changed(self) -> None:
        """Without dynamic sorting a changed row is not looked at again."""
        if not self._filter.empty:
            self.set_filter(self._filter)

    def run_at(self, row: int) -> RunRecord:
        return self._source.record_at(self.mapToSource(self.index(row, 0)).row())

    def index_of(self, run_id: str, column: Column = Column.NAME) -> QModelIndex:
        """Not valid if the run is not shown."""
        row = self._source.row_of(run_id)
        return QModelIndex() if row is None else self.mapFromSource(self._source.index(row, INDEX[column]))

    def _text(self, run: RunRecord) -> str:
        """What plain words of a filter are looked for in."""
        kept = self._searchable.get(run.id)
        if kept is None or kept[0] is not run:
            kept = self._searchable[run.id] = (run, searchable(run))
        return kept[1]

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        del source_parent  # a table has no children
        run = self._source.record_at(source_row)
        return self._filter.empty or self._filter.matches(run, self._text(run))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._source.sort(column, order)
