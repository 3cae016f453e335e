"""The table of runs: a model over records, sorted here, filtered by a proxy."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)

from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.models.run_columns import COLUMNS, INDEX, ORDER, Column, sorted_runs
from resnet_studio.ui.models.run_filter import RunFilter, searchable

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_MANY = 60  # more rows than this that come or go are a new table


class RunRole(IntEnum):
    RECORD = Qt.ItemDataRole.UserRole + 1


class RunsTableModel(QAbstractTableModel):
    """Rows are stored runs, in the order of the chosen column.

    ``edit_requested(run id, column, text)`` asks for a change of a name, of tags or of a note; whoever stores it hands
    the new record back with :meth:`update_runs`.
    """

    edit_requested = Signal(str, object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.editable = False
        self._runs: list[RunRecord] = []
        self._haystacks: dict[str, tuple[RunRecord, str]] = {}
        self._column, self._descending = Column.CREATED, True

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """In the order of the rows."""
        return tuple(self._runs)

    def run_at(self, row: int) -> RunRecord:
        return self._runs[row]

    def row_of(self, run_id: str) -> int | None:
        return next((row for row, run in enumerate(self._runs) if run.id == run_id), None)

    def haystack(self, row: int) -> str:
        """What plain words of a filter are looked for in."""
        run = self._runs[row]
        kept = self._haystacks.get(run.id)
        if kept is None or kept[0] is not run:
            kept = self._haystacks[run.id] = (run, searchable(run))
        return kept[1]

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        """Show these; rows of runs that stay keep their selection, and the view its place."""
        wanted = {run.id: run for run in runs}
        self._haystacks = {run_id: kept for run_id, kept in self._haystacks.items() if run_id in wanted}
        present = {run.id for run in self._runs}
        gone = [row for row, run in enumerate(self._runs) if run.id not in wanted]
        new = [run for run in runs if run.id not in present]
        if len(gone) + len(new) > _MANY:
            self.beginResetModel()
            self._runs = sorted_runs(list(runs), self._column, self._descending)
            self.endResetModel()
            return
        for row in reversed(gone):
            self.beginRemoveRows(_ROOT, row, row)
            del self._runs[row]
            self.endRemoveRows()
        if new:
            self.beginInsertRows(_ROOT, len(self._runs), len(self._runs) + len(new) - 1)
            self._runs.extend(new)
            self.endInsertRows()
        self.update_runs([wanted[run.id] for run in self._runs])

    def update_runs(self, runs: Sequence[RunRecord]) -> None:
        """New records of runs that are shown; others are passed over."""
        rows = {run.id: row for row, run in enumerate(self._runs)}
        for run in runs:
            row = rows.get(run.id)
            if row is not None and self._runs[row] != run:
                self._runs[row] = run
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(ORDER) - 1))
        self._arrange()

    def _arrange(self) -> None:
        """Bring the rows into order; selections and open editors follow theirs."""
        ordered = sorted_runs(self._runs, self._column, self._descending)
        if all(a is b for a, b in zip(ordered, self._runs, strict=True)):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        ids = [self._runs[index.row()].id for index in before]
        self._runs = ordered
        rows = {run.id: row for row, run in enumerate(self._runs)}
        after = [self.index(rows[run_id], index.column()) for run_id, index in zip(ids, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(ORDER)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        run, column = self._runs[index.row()], ORDER[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[column].text(run)
        if role == RunRole.RECORD:
            return run
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if COLUMNS[column].number else _LEFT
        if role == Qt.ItemDataRole.EditRole:
            return run.note if column is Column.NOTE else COLUMNS[column].text(run)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(run, column)
        if role == Qt.ItemDataRole.AccessibleTextRole and column is Column.LINE:
            return "residual, solid line" if run.residual else "plain, dashed line"
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid() or role != Qt.ItemDataRole.EditRole or not self.editable:
            return False
        column, run = ORDER[index.column()], self._runs[index.row()]
        if not COLUMNS[column].editable or not isinstance(value, str) or value == self.data(index, role):
            return False
        self.edit_requested.emit(run.id, column, value)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and self.editable and COLUMNS[ORDER[index.column()]].editable:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(ORDER):
            return None
        facts = COLUMNS[ORDER[section]]
        if role == Qt.ItemDataRole.DisplayRole:
            return facts.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return facts.tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if facts.number else _LEFT
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(ORDER):
            self._column, self._descending = ORDER[column], order is Qt.SortOrder.DescendingOrder
            self._arrange()


def _tip(run: RunRecord, column: Column) -> str | None:
    if column is Column.STATUS:
        return run.reason or None
    if column is Column.NOTE:
        return run.note or None
    if column is Column.DATA:
        return "Trained elsewhere: its data are not known." if run.imported else run.spec.data.source
    if column is Column.NAME:
        return f"{run.name} ({run.spec.network.label}), id {run.short_id}"
    return None


class RunsProxy(QSortFilterProxyModel):
    """Lets through what the filter matches; sorting is the source's."""

    def __init__(self, source: RunsTableModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self._filter = RunFilter()
        self.setDynamicSortFilter(False)
        self.setSourceModel(source)
        source.dataChanged.connect(self._on_data_changed)

    def set_filter(self, wanted: RunFilter) -> None:
        if not hasattr(self, "beginFilterChange"):  # Qt before 6.9
            self._filter = wanted
            self.invalidateRowsFilter()
            return
        self.beginFilterChange()
        self._filter = wanted
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def _on_data_changed(self) -> None:
        """Without dynamic sorting a changed row is not looked at again."""
        if not self._filter.empty:
            self.set_filter(self._filter)

    def run_at(self, row: int) -> RunRecord:
        return self._source.run_at(self.mapToSource(self.index(row, 0)).row())

    def index_of(self, run_id: str, column: Column = Column.NAME) -> QModelIndex:
        """Not valid if the run is not shown."""
        row = self._source.row_of(run_id)
        return QModelIndex() if row is None else self.mapFromSource(self._source.index(row, INDEX[column]))

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        del source_parent  # a table has no children
        return self._filter.empty or self._filter.matches(
            self._source.run_at(source_row), self._source.haystack(source_row)
        )

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._source.sort(column, order)
