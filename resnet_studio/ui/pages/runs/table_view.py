"""The table itself: which columns show, how wide, in which order; remembered between starts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QItemSelection, QItemSelectionModel, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import run_fields
from resnet_studio.text import _
from resnet_studio.ui.models.run_columns import COLUMNS, INDEX, ORDER, Column
from resnet_studio.ui.models.runs_table import RunsProxy
from resnet_studio.ui.pages.runs.delegates import LineDelegate, StatusDelegate
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named

_LAYOUT = f"runs/columns-{len(ORDER)}"  # another number of columns is another layout
_FIELDS = "runs/fields"
_CHOSEN = "runs/columns_chosen"
_HAVE_COLUMNS = frozenset({"depth", "block", "shortcut", "data"})
_SAVE_MS = 400
_ALWAYS = Column.NAME
_LESS_IMPORTANT = (  # the most important first
    Column.SEED, Column.EVALUATED_ERROR, Column.ITERATION, Column.DATA, Column.CREATED, Column.SHORTCUT, Column.TAGS,
    Column.BEST_TEST_ERROR, Column.PARAMETERS, Column.DURATION, Column.NOTE, Column.SIZE,
)  # fmt: skip


class RunsView(QTableView):
    """Whole rows are chosen, several at a time. ``opened`` is a double click on a row."""

    opened = Signal()
    fields_chosen = Signal(object)
    menu_requested = Signal(QPoint)

    def __init__(self, proxy: RunsProxy, theme: Theme, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._proxy, self._preferences = proxy, preferences
        self._default: bool = True  # nobody has changed the columns
        self._chosen: set[Column] = set()  # of the less important ones: shown or hidden by a person, whatever the room
        named(self, "runs_table", accessible=_("Stored runs"))
        self.setModel(proxy)
        self.setItemDelegateForColumn(INDEX[Column.LINE], LineDelegate(theme, self))
        self.setItemDelegateForColumn(INDEX[Column.STATUS], StatusDelegate(theme, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAlternatingRowColors(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self.menu_requested)
        self.doubleClicked.connect(self.opened)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(34)
        header = self.horizontalHeader()
        header.setSectionsMovable(True)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        self._set_default_layout()
        self.setSortingEnabled(True)
        self._restore_layout()
        self._saving = QTimer(self, interval=_SAVE_MS, singleShot=True)
        self._saving.timeout.connect(self.save_layout)
        for changed in (header.sectionResized, header.sectionMoved, header.sortIndicatorChanged):
            changed.connect(self._saving.start)

    @property
    def chosen(self) -> tuple[RunRecord, ...]:
        """From top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self._proxy.run_at(row) for row in rows)

    def choose(self, run_ids: Sequence[str]) -> None:
        """Select these runs as far as they are shown, and bring the first one into sight."""
        selection = QItemSelection()
        first = None
        for run_id in run_ids:
            index = self._proxy.index_of(run_id)
            if index.isValid():
                selection.select(index, index)
                first = first or index
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flag.ClearAndSelect | flag.Rows)
        if first is not None:
            self.selectionModel().setCurrentIndex(first, flag.NoUpdate)
            self.scrollTo(first)

    def edit_name(self, run_id: str) -> None:
        """Open the editor of the run's name."""
        index = self._proxy.index_of(run_id)
        if not index.isValid() or not index.flags() & Qt.ItemFlag.ItemIsEditable:
            return
        if self.state() == self.State.EditingState and self.currentIndex() == index:
            return  # Qt would warn that a second editor fails
        self.scrollTo(index)
        self.setCurrentIndex(index)  # closes the editor of another name
        self.edit(index)

    def columns_menu(self) -> QMenu:
        """A check box for each column, and the way back; also the menu of the header."""
        menu = QMenu(self)
        for column in ORDER:
            facts = COLUMNS[column]
            action = QAction(facts.title or _("Colour and line"), menu, checkable=True)
            action.setChecked(not self.isColumnHidden(INDEX[column]))
            action.setEnabled(column is not _ALWAYS)
            action.setData(INDEX[column])
            action.toggled.connect(self._on_column_toggled)
            menu.addAction(action)
        menu.addSeparator()
        for prefix, title in (("network.", _("Network")), ("recipe.", _("Recipe")), ("data.", _("Data"))):
            part = QMenu(title, menu)
            for field in run_fields().values():
                if field.path.startswith(prefix) and field.key not in _HAVE_COLUMNS:
                    action = QAction(field.title, part, checkable=True)
                    action.setChecked(field.key in self.fields)
                    action.setData(field.key)
                    action.toggled.connect(self._on_field_toggled)
                    part.addAction(action)
            menu.addMenu(part)
        menu.addSeparator()
        menu.addAction(_("Default columns"), self.reset_layout)
        return menu

    @property
    def fields(self) -> tuple[str, ...]:
        """Keys of the fields that have a column of their own."""
        return tuple(self._preferences.value(_FIELDS, [], list))

    def _on_field_toggled(self, shown: bool) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            key = str(action.data())
            self._set_fields([*(each for each in self.fields if each != key), *([key] if shown else [])])

    def _set_fields(self, keys: Sequence[str]) -> None:
        self._preferences.set_value(_FIELDS, list(keys))
        self.fields_chosen.emit(tuple(keys))
        for index in range(len(ORDER), self._proxy.columnCount()):
            self.setColumnWidth(index, self._proxy.columns[index].width)

    def reset_layout(self) -> None:
        self._set_fields(())
        self._set_default_layout()
        self._preferences.remove(self._layout_key)
        self._preferences.remove(_CHOSEN)

    def save_layout(self) -> None:
        """A layout of a person's own; only the less important columns that nobody chose still follow the width."""
        if self._default and self._is_default():
            return
        self._default = False
        self._preferences.set_value(self._layout_key, self.horizontalHeader().saveState())
        self._preferences.set_value(_CHOSEN, [column.value for column in _LESS_IMPORTANT if column in self._chosen])

    def _is_default(self) -> bool:
        """Whether nobody has changed widths, places, columns or order; the last column takes what room is left."""
        header = self.horizontalHeader()
        shown = [index for index in range(len(ORDER)) if not self.isColumnHidden(index)]
        as_usual = all(self.columnWidth(index) == COLUMNS[ORDER[index]].width for index in shown[:-1])
        in_place = all(header.visualIndex(index) == index for index in range(len(ORDER)))
        return as_usual and in_place and {ORDER[i] for i in range(len(ORDER)) if i not in shown} == self._unfitting()

    @property
    def _layout_key(self) -> str:
        """Other columns are another layout."""
        return "-".join((_LAYOUT, *self.fields))

    def _restore_layout(self) -> None:
        stored = self._preferences.value(self._layout_key, QByteArray(), QByteArray)
        header = self.horizontalHeader()
        if stored.isEmpty() or not header.restoreState(stored) or header.count() != self._proxy.columnCount():
            self._set_default_layout()
        else:
            self._default = False
            every = [
                column.value for column in _LESS_IMPORTANT
            ]  # of layouts from before it was remembered which were chosen
            chosen = self._preferences.value(_CHOSEN, every, list)
            self._chosen = {column for column in _LESS_IMPORTANT if column.value in chosen}
        header.setSectionHidden(INDEX[_ALWAYS], False)

    @property
    def _following(self) -> list[Column]:
        """Columns that show where there is room, the most important first."""
        return [column for column in _LESS_IMPORTANT if column not in self._chosen]

    def _unfitting(self) -> set[Column]:
        """Of the columns that follow the width, those that would need scrolling."""
        room, unfitting, following = self.viewport().width(), set(), self._following
        others = [column for column in ORDER if column not in following and not self.isColumnHidden(INDEX[column])]
        width = sum(COLUMNS[column].width for column in others)
        for column in following:
            width += COLUMNS[column].width
            if width > room:
                unfitting.add(column)
        return unfitting

    def _fit(self) -> None:
        unfitting = self._unfitting()
        for column in self._following:
            self.setColumnHidden(INDEX[column], column in unfitting)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _set_default_layout(self) -> None:
        self._default = True
        self._chosen = set()
        header = self.horizontalHeader()
        for index, column in enumerate(ORDER):
            header.moveSection(header.visualIndex(index), index)
            header.setSectionHidden(index, False)
            header.resizeSection(index, COLUMNS[column].width)
        header.setSortIndicator(INDEX[Column.CREATED], Qt.SortOrder.DescendingOrder)
        self._fit()

    def _on_column_toggled(self, shown: bool) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            index = action.data()
            if ORDER[index] in _LESS_IMPORTANT:
                self._chosen.add(ORDER[index])
            self.setColumnHidden(index, not shown)
            if shown and self.columnWidth(index) < 20:
                self.setColumnWidth(index, COLUMNS[ORDER[index]].width)
            self.save_layout()

    def _on_header_menu(self, place: QPoint) -> None:
        self.columns_menu().popup(self.horizontalHeader().mapToGlobal(place))
