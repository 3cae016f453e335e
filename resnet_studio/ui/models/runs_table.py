"""The table of runs: a model over records, sorted there, filtered by a proxy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from PySide6.QtCore import QModelIndex, QObject, Qt, Signal, Slot

from resnet_studio.domain.identity import same_objects
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import find_field
from resnet_studio.domain.run_filter import FilteredRuns, RunFilter
from resnet_studio.ui.models.record_table import RecordTableModel
from resnet_studio.ui.models.run_columns import COLUMNS, INDEX, ORDER, Column, field_column


class RunsTableModel(RecordTableModel[RunRecord]):
    """Rows are stored runs, the newest first until another order is chosen.

    ``edit_requested(run id, column, text)`` asks for a change of a name, of tags or of a note; whoever stores it hands
    the new record back with :meth:`update_records`.
    """

    edit_requested = Signal(str, object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        self._fields: tuple[str, ...] = ()
        self._sizes: dict[str, tuple[datetime, int]] = {}  # by run id: of which state, and bytes
        columns = [COLUMNS[column] for column in ORDER]
        columns[INDEX[Column.SIZE]] = replace(COLUMNS[Column.SIZE], value=self._size)
        super().__init__(columns, key=run_id, parent=parent)
        self._total: int | None = None
        self._summed = False  # whether the total is that of these rows
        for changed in (self.rowsInserted, self.rowsRemoved, self.modelReset):
            changed.connect(self._on_other_rows)
        self.editable = False
        self.sort(INDEX[Column.CREATED], Qt.SortOrder.DescendingOrder)

    @property
    def fields(self) -> tuple[str, ...]:
        """Keys of the fields that have a column after the usual ones."""
        return self._fields

    def set_fields(self, keys: Iterable[str]) -> None:
        """Columns for these fields of a run; unknown keys are passed over, rows and their order stay."""
        known = tuple(key for key in dict.fromkeys(keys) if find_field(key) is not None)
        if known == self._fields:
            return
        self._fields, before, runs = known, self._sorted, self.records
        self.set_table([*self.columns[: len(ORDER)], *(field_column(key) for key in known)], runs)
        if before is not None and before[0] < len(self.columns):
            self.sort(before[0], Qt.SortOrder.DescendingOrder if before[1] else Qt.SortOrder.AscendingOrder)

    def _size(self, run: RunRecord) -> int | None:
        found = self._sizes.get(run.id)
        return None if found is None else found[1]

    def unsized(self) -> list[RunRecord]:
        """Runs whose folders were not looked at since they changed."""
        return [run for run in self.records if self._sizes.get(run.id, (None, 0))[0] != run.updated_at]

    def set_sizes(self, sizes: Iterable[tuple[RunRecord, int]]) -> None:
        """What the folders of runs take, in bytes."""
        self._summed = False
        self._sizes.update({run.id: (run.updated_at, size) for run, size in sizes})
        if self.rowCount():  # the column alone: an editor that is open in another keeps what was typed
            column = INDEX[Column.SIZE]
            self.dataChanged.emit(self.index(0, column), self.index(self.rowCount() - 1, column))
            if self.sorted_by == column:
                self.update_records(())

    @property
    def total_bytes(self) -> int | None:
        """Of all runs listed; None until each was looked at."""
        if not self._summed:
            sizes = [self._size(run) for run in self.records]
            known = [size for size in sizes if size is not None]
            self._total, self._summed = (sum(known) if len(known) == len(sizes) else None), True
        return self._total

    @Slot()
    def _on_other_rows(self) -> None:
        self._summed = False

    def edit(self, record: RunRecord, column: int, text: str) -> bool:
        self.edit_requested.emit(record.id, ORDER[column], text)
        return True


def run_id(run: RunRecord) -> str:
    return run.id


class RunsProxy(RecordTableModel[RunRecord]):
    """The runs of ``source`` that the filter matches, in its order; sorting, ticking and editing are the source's."""

    def __init__(self, source: RecordTableModel[RunRecord], parent: QObject | None = None) -> None:
        super().__init__(source.columns, key=run_id, parent=parent)
        self._source = source
        self._filter = RunFilter()
        self._runs = FilteredRuns()
        for changed in (source.rowsInserted, source.rowsRemoved, source.layoutChanged, source.modelReset):
            changed.connect(self._on_source_changed)
        source.dataChanged.connect(self._on_data_changed)
        self._on_source_changed()

    def set_filter(self, conditions: RunFilter) -> None:
        self._filter = conditions
        self._show()

    @Slot()
    def prepare(self) -> None:
        """Read what words are looked for in now, so that the first key does not wait for it."""
        self._runs.prepare()

    def run_at(self, row: int) -> RunRecord:
        return self.record_at(row)

    def index_of(self, run_id: str, column: Column = Column.NAME) -> QModelIndex:
        """Not valid if the run is not shown."""
        row = self.row_of(run_id)
        return QModelIndex() if row is None else self.index(row, INDEX[column])

    def _show(self) -> None:
        all_runs = self._source.records
        self.set_records(all_runs if self._filter.empty else self._runs.matching(self._filter))

    @Slot()
    def _on_source_changed(self) -> None:
        if self.columns != self._source.columns:
            self.set_table(self._source.columns, ())
        self._runs.set_runs(self._source.records)
        self._show()

    @Slot(QModelIndex, QModelIndex)
    def _on_data_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        """What stands in the cells may have changed although the records have not."""
        records = self._source.records
        if not same_objects(records, self._runs.runs):
            self._on_source_changed()
        if len(records) == last.row() - first.row() + 1:
            rows: Sequence[int] = range(self.rowCount())
        else:
            changed = [self.row_of(record.id) for record in records[first.row() : last.row() + 1]]
            rows = [row for row in changed if row is not None]
        if rows:
            self.dataChanged.emit(self.index(min(rows), first.column()), self.index(max(rows), last.column()))

    def check(self, record: RunRecord, checked: bool) -> bool:
        return self._source.check(record, checked)

    def edit(self, record: RunRecord, column: int, text: str) -> bool:
        return self._source.edit(record, column, text)

    @property
    def editable(self) -> bool:
        return self._source.editable

    @editable.setter
    def editable(self, editable: bool) -> None:
        """As the source is."""

    # Qt

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._source.sort(column, order)
