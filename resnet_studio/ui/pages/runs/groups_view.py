"""The table of groups of runs: choosing a group chooses its runs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QTableView, QWidget

from resnet_studio.domain.grouping import RunGroup
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.models.group_columns import group_columns, group_key
from resnet_studio.ui.models.record_table import RecordTableModel
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named


class GroupsView(QTableView):
    """Whole rows are chosen, several at a time."""

    menu_requested = Signal(QPoint)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.groups: RecordTableModel[RunGroup] = RecordTableModel(group_columns(theme), key=group_key, parent=self)
        named(self, "groups_table", accessible=_("Groups of runs"))
        self.setModel(self.groups)
        self.setIconSize(QSize(34, 14))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self.menu_requested)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(34)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        for index, column in enumerate(self.groups.columns):
            header.resizeSection(index, column.width)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        theme.changed.connect(self.groups.refresh)

    def show_groups(self, groups: Sequence[RunGroup]) -> None:
        self.groups.set_records(groups)

    @property
    def chosen(self) -> tuple[RunRecord, ...]:
        """The runs of the selected groups, from top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(run for row in rows for run in self.groups.record_at(row).runs)
