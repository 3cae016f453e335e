"""The table model under every table: cells, headings, order, and what points at rows that move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from PySide6.QtCore import QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QTableView

from resnet_studio.ui.models.formats import NONE
from resnet_studio.ui.models.record_table import RecordRole, RecordTableModel, TableColumn

Role = Qt.ItemDataRole


@dataclass(frozen=True)
class Ship:
    name: str
    crew: int | None = None
    afloat: bool = True


COLUMNS: tuple[TableColumn[Ship], ...] = (
    TableColumn(
        "Name", lambda ship: ship.name, tip="As painted", sort=lambda ship: ship.name.casefold(),
        edit=lambda ship: ship.name, cell_tip=lambda ship: f"The {ship.name}", checked=lambda ship: ship.afloat,
        accessible=lambda ship: f"{ship.name}, {'afloat' if ship.afloat else 'sunk'}",
    ),
    TableColumn(
        "Crew", lambda ship: ship.crew, "{} people".format, number=True,
        icon=lambda ship: QIcon(QPixmap(4, 4)), colour=lambda ship: None if ship.crew else QColor("red"),
    ),
)  # fmt: skip
FLEET = [Ship("b", 3), Ship("A", 20), Ship("c"), Ship("d", 1, afloat=False)]


class Fleet(RecordTableModel[Ship]):
    def __init__(self) -> None:
        super().__init__(COLUMNS, key=lambda ship: ship.name)
        self.asked: list[object] = []

    def check(self, record: Ship, checked: bool) -> bool:
        self.update_records([replace(record, afloat=checked)])
        return True

    def edit(self, record: Ship, column: int, text: str) -> bool:
        self.asked.append((record.name, column, text))
        return True


@pytest.fixture
def model(qapp) -> Fleet:
    model = Fleet()
    model.set_records(FLEET)
    return model


def names(model: Fleet) -> list[str]:
    return [ship.name for ship in model.records]


def test_the_model_keeps_qts_rules(model, qtmodeltester):
    qtmodeltester.check(model)
    model.sort(1)
    qtmodeltester.check(model)


def test_a_cell_answers_every_role(model):
    name, crew, unknown = model.index(3, 0), model.index(0, 1), model.index(2, 1)
    assert (name.data(), crew.data(), unknown.data()) == ("d", "3 people", NONE)
    assert (crew.data(RecordRole.VALUE), unknown.data(RecordRole.VALUE)) == (3, None)  # numbers stay numbers
    assert name.data(RecordRole.RECORD) is FLEET[3]
    assert name.data(Role.ToolTipRole) == "The d"
    assert name.data(Role.AccessibleTextRole) == "d, sunk"
    assert name.data(Role.EditRole) == "d"
    assert crew.data(Role.EditRole) is None
    assert Qt.CheckState(name.data(Role.CheckStateRole)) is Qt.CheckState.Unchecked
    assert crew.data(Role.CheckStateRole) is None
    assert not crew.data(Role.DecorationRole).isNull()
    assert (crew.data(Role.ForegroundRole), unknown.data(Role.ForegroundRole)) == (None, QColor("red"))
    right = int(Qt.AlignmentFlag.AlignRight)
    assert crew.data(Role.TextAlignmentRole) & right
    assert not name.data(Role.TextAlignmentRole) & right


def test_headings(model):
    horizontal = Qt.Orientation.Horizontal
    assert [model.headerData(column, horizontal) for column in range(3)] == ["Name", "Crew", None]
    assert model.headerData(0, horizontal, Role.ToolTipRole) == "As painted"
    assert model.headerData(1, horizontal, Role.ToolTipRole) is None
    assert model.headerData(0, Qt.Orientation.Vertical) is None


def test_rows_are_sorted_by_value_and_unknown_ones_come_last(model):
    model.sort(1, Qt.SortOrder.AscendingOrder)
    assert names(model) == ["d", "b", "A", "c"]
    model.sort(1, Qt.SortOrder.DescendingOrder)
    assert names(model) == ["A", "b", "d", "c"]
    model.sort(0)
    assert names(model) == ["A", "b", "c", "d"]
    model.sort(-1)
    assert names(model) == ["b", "A", "c", "d"]
    proxy = QSortFilterProxyModel()
    proxy.setSourceModel(model)
    proxy.setSortRole(RecordRole.SORT)
    proxy.sort(1)
    assert [proxy.index(row, 0).data() for row in range(4)] == ["d", "b", "A", "c"]


def test_a_new_order_given_moves_the_rows(model):
    model.set_records(FLEET[::-1])
    assert names(model) == ["d", "c", "A", "b"]


def test_what_points_at_a_row_follows_it(model):
    resets = []
    model.modelReset.connect(lambda: resets.append(1))
    chosen = QPersistentModelIndex(model.index(1, 1))  # A
    model.sort(1)
    model.set_records([FLEET[1], Ship("e", 2)])
    assert names(model) == ["e", "A"]
    assert chosen.isValid()
    assert chosen.data(RecordRole.RECORD) == FLEET[1]
    model.update_records([Ship("A", 0), Ship("nobody", 1)])
    assert names(model) == ["A", "e"]
    assert chosen.data() == "0 people"
    assert resets == []
    model.set_records([Ship(f"{number:03}", number) for number in range(200)])  # another table
    assert resets == [1]
    assert model.row_of("199") == 199
    assert model.row_of("A") is None


def test_only_what_changed_is_told(model):
    rows = []
    model.dataChanged.connect(lambda first, last, _roles: rows.append((first.row(), last.row())))
    model.set_records([FLEET[0], replace(FLEET[1], crew=21), *FLEET[2:]])
    assert rows == [(1, 1)]
    model.refresh()
    assert rows[1:] == [(0, 3)]


def test_boxes_and_editors_ask(model):
    name, crew = model.index(0, 0), model.index(0, 1)
    assert model.setData(name, Qt.CheckState.Unchecked, Role.CheckStateRole)
    assert not model.record_at(0).afloat
    assert not model.setData(crew, Qt.CheckState.Checked, Role.CheckStateRole)
    assert model.flags(name) & Qt.ItemFlag.ItemIsEditable
    assert not model.flags(crew) & Qt.ItemFlag.ItemIsEditable
    assert model.setData(name, "x")
    assert not model.setData(name, "b")  # as it was
    assert not model.setData(crew, "7")
    model.editable = False
    assert not model.flags(name) & Qt.ItemFlag.ItemIsEditable
    assert not model.setData(name, "y")
    assert model.asked == [("b", 0, "x")]


def test_other_columns_are_another_table(model, qtmodeltester):
    model.sort(1, Qt.SortOrder.DescendingOrder)
    model.set_table(COLUMNS[1:], FLEET[:2])
    assert (model.rowCount(), model.columnCount()) == (2, 1)
    assert names(model) == ["b", "A"]
    qtmodeltester.check(model)


def test_the_sort_arrow_stands_beside_its_heading(qtbot, services, model):
    """It stood above the words, where Qt puts it without a style sheet."""
    services.theme.set_mode("light")
    view = QTableView()
    qtbot.addWidget(view)
    view.setModel(model)
    view.resize(600, 200)
    view.setSortingEnabled(True)
    header = view.horizontalHeader()
    header.resizeSection(0, 200)
    header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    view.show()
    bare = header.grab().toImage()
    header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
    sorted_by_name = header.grab().toImage()
    changed = [
        (x, y)
        for x in range(header.sectionSize(0))
        for y in range(bare.height())
        if bare.pixelColor(x, y) != sorted_by_name.pixelColor(x, y)
    ]
    assert changed
    left, right = min(x for x, _y in changed), max(x for x, _y in changed)
    top, bottom = min(y for _x, y in changed), max(y for _x, y in changed)
    assert right - left < 20  # the words stay where they are
    assert abs((top + bottom) / 2 - bare.height() / 2) <= 4
    assert left > header.fontMetrics().horizontalAdvance("Name")
