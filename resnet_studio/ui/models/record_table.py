"""The table model under every table: records are rows, and a column is a row of its own that says what a cell holds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QIcon

from resnet_studio.domain.identity import same_objects
from resnet_studio.ui.models.formats import NONE
from resnet_studio.ui.widgets.plain_tip import plain_tip

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
Record = TypeVar("Record")
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_MANY = 60  # more rows than this that come or go are a new table


class RecordRole(IntEnum):
    RECORD = Qt.ItemDataRole.UserRole + 1
    VALUE = Qt.ItemDataRole.UserRole + 2  # numbers as numbers, None where there is none
    SORT = Qt.ItemDataRole.UserRole + 3


_READ: dict[int, str] = {  # by role, the attribute of a column that answers it
    Qt.ItemDataRole.DecorationRole: "icon",
    Qt.ItemDataRole.ForegroundRole: "colour",
    Qt.ItemDataRole.ToolTipRole: "cell_tip",
    Qt.ItemDataRole.AccessibleTextRole: "accessible",
    Qt.ItemDataRole.EditRole: "edit",
}


@dataclass(frozen=True, slots=True)
class TableColumn(Generic[Record]):
    """One column.

    Attributes:
        title: Of the heading.
        value: Of a record; None where it has none.
        text: Of a value that is not None.
        tip: Of the heading.
        number: Stands to the right.
        width: Pixels, where the view keeps a layout.
        unknown: Text where there is no value.
        sort: What rows are compared by, the value itself where this is None; a record without one comes last.
        cell_tip, icon, colour, accessible: Of a cell: its tool tip, what stands before its text, the text's colour, and
            what a screen reader says.
        edit: The text that an editor begins with; a column without it cannot be edited.
        checked: Whether a record's box is ticked; a column without it has no boxes.
    """

    title: str
    value: Callable[[Record], Any]
    text: Callable[[Any], str] = str
    tip: str = ""
    number: bool = False
    width: int = 90
    unknown: str = NONE
    sort: Callable[[Record], Any] | None = None
    cell_tip: Callable[[Record], str | None] | None = None
    icon: Callable[[Record], QIcon] | None = None
    colour: Callable[[Record], QColor | None] | None = None
    accessible: Callable[[Record], str] | None = None
    edit: Callable[[Record], str] | None = None
    checked: Callable[[Record], bool] | None = None

    def shown(self, record: Record) -> str:
        value = self.value(record)
        return self.unknown if value is None else self.text(value)

    def sort_key(self, record: Record) -> Any:
        return (self.sort or self.value)(record)

    @property
    def alignment(self) -> int:
        return _RIGHT if self.number else _LEFT

    def data(self, record: Record, role: int) -> object:
        """What Qt asks of a cell."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self.shown(record)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment
        if role == Qt.ItemDataRole.CheckStateRole and self.checked is not None:
            return Qt.CheckState.Checked if self.checked(record) else Qt.CheckState.Unchecked
        if role == RecordRole.RECORD:
            return record
        if role == RecordRole.VALUE:
            return self.value(record)
        if role == RecordRole.SORT:
            return self.sort_key(record)
        read: Callable[[Record], object] | None = getattr(self, _READ.get(role, ""), None)
        found = None if read is None else read(record)
        return plain_tip(found) if role == Qt.ItemDataRole.ToolTipRole and isinstance(found, str) else found

    def heading(self, role: int) -> object:
        """What Qt asks of the heading."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self.tip) if self.tip else None
        return self.alignment if role == Qt.ItemDataRole.TextAlignmentRole else None


def sorted_records(records: Iterable[Record], column: TableColumn[Record], descending: bool) -> list[Record]:
    """Stable; records without a value come last in either direction."""
    known, unknown = [], []
    for record in records:
        value = column.sort_key(record)
        if value is None:
            unknown.append(record)
        else:
            known.append((value, record))
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [record for _, record in known] + unknown


def _itself(record: Any) -> Hashable:
    return record  # type: ignore[no-any-return]


class RecordTableModel(QAbstractTableModel, Generic[Record]):
    """Rows are records, each told from the others by its ``key``; in the order given, or as :meth:`sort` says.

    A record that stays keeps its row's selection, whatever comes, goes or moves around it.
    """

    def __init__(
        self,
        columns: Sequence[TableColumn[Record]] = (),
        key: Callable[[Record], Hashable] = _itself,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.editable = True
        self._columns, self._key = tuple(columns), key
        self._records: list[Record] = []
        self._rows: dict[Hashable, int] | None = None  # by key, made when it is asked for
        self._places: dict[Hashable, int] = {}  # by key: the order given
        self._sorted: tuple[int, bool] | None = None  # column, descending

    @property
    def columns(self) -> tuple[TableColumn[Record], ...]:
        return self._columns

    @property
    def records(self) -> tuple[Record, ...]:
        """In the order of the rows."""
        return tuple(self._records)

    @property
    def sorted_by(self) -> int | None:
        """The column that the rows are in the order of; None: the order given."""
        return None if self._sorted is None else self._sorted[0]

    def record_at(self, row: int) -> Record:
        return self._records[row]

    def row_of(self, key: Hashable) -> int | None:
        return self._row_by_key.get(key)

    @property
    def _row_by_key(self) -> dict[Hashable, int]:
        if self._rows is None:
            self._rows = {self._key(record): row for row, record in enumerate(self._records)}
        return self._rows

    def set_table(self, columns: Sequence[TableColumn[Record]], records: Iterable[Record]) -> None:
        """Other columns, and the records in them."""
        self.beginResetModel()
        self._columns, self._sorted = tuple(columns), None
        self._put(list(records))
        self.endResetModel()

    def set_records(self, records: Iterable[Record]) -> None:
        """Show these."""
        given = {self._key(record): record for record in records}
        present = {self._key(record) for record in self._records}
        gone = [row for row, record in enumerate(self._records) if self._key(record) not in given]
        new = [record for key, record in given.items() if key not in present]
        if len(gone) + len(new) > _MANY:
            self.beginResetModel()
            self._put(list(given.values()))
            self.endResetModel()
            return
        for row in reversed(gone):
            self.beginRemoveRows(ROOT, row, row)
            del self._records[row]
            self._rows = None
            self.endRemoveRows()
        self._append(new)
        self._places = {key: place for place, key in enumerate(given)}
        self.update_records(given.values())

    def add_records(self, records: Iterable[Record]) -> int:
        """Append those whose keys are not there yet; returns how many."""
        new = list({self._key(record): record for record in records if self._key(record) not in self._places}.values())
        self._append(new)
        self._places.update({self._key(record): len(self._places) + n for n, record in enumerate(new)})
        self._arrange()
        return len(new)

    def _append(self, new: Sequence[Record]) -> None:
        if new:
            self.beginInsertRows(ROOT, len(self._records), len(self._records) + len(new) - 1)
            self._records.extend(new)
            self._rows = None
            self.endInsertRows()

    def update_records(self, records: Iterable[Record]) -> None:
        """New values of records that are shown; others are passed over."""
        for record in records:
            row = self.row_of(self._key(record))
            if row is not None and self._records[row] is not record and self._records[row] != record:
                self._records[row] = record
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(self._columns) - 1))
        self._arrange()

    def refresh(self) -> None:
        """What the columns make of the records has changed."""
        if self._records and self._columns:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._records) - 1, len(self._columns) - 1))
            self._arrange()

    def check(self, record: Record, checked: bool) -> bool:
        """A person ticks or unticks a record's box; False refuses."""
        del record, checked
        return False

    def edit(self, record: Record, column: int, text: str) -> bool:
        """A person has changed the text of a cell; False refuses."""
        del record, column, text
        return False

    def _put(self, records: list[Record]) -> None:
        self._places = {self._key(record): place for place, record in enumerate(records)}
        self._records, self._rows = self._ordered(records), None

    def _ordered(self, records: list[Record]) -> list[Record]:
        if self._sorted is None:
            return sorted(records, key=lambda record: self._places[self._key(record)])
        column, descending = self._sorted
        return sorted_records(records, self._columns[column], descending)

    def _arrange(self) -> None:
        """Bring the rows into order; selections and open editors follow theirs."""
        ordered = self._ordered(self._records)
        if same_objects(ordered, self._records):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        keys = [self._key(self._records[index.row()]) for index in before]
        self._records, self._rows = ordered, None
        rows = self._row_by_key
        after = [self.index(rows[key], index.column()) for key, index in zip(keys, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    # Qt

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._records)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        return self._columns[index.column()].data(self._records[index.row()], role)

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid():
            return False
        column, record = self._columns[index.column()], self._records[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and column.checked is not None:
            return self.check(record, value in (Qt.CheckState.Checked, Qt.CheckState.Checked.value))
        if role != Qt.ItemDataRole.EditRole or column.edit is None or not self.editable:
            return False
        return isinstance(value, str) and value != column.edit(record) and self.edit(record, index.column(), value)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid():
            column = self._columns[index.column()]
            if column.checked is not None:
                flags |= Qt.ItemFlag.ItemIsUserCheckable
            if column.edit is not None and self.editable:
                flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        return self._columns[section].heading(role)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; -1 brings back the order given."""
        known = 0 <= column < len(self._columns)
        self._sorted = (column, order is Qt.SortOrder.DescendingOrder) if known else None
        self._arrange()
