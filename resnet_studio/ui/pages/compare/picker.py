"""The list at the left of the Compare page: every stored run, to tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.run_filter import RunFilter, parse_filter, searchable
from resnet_studio.ui.plots.line_sample import sample_icon
from resnet_studio.ui.plots.run_colours import plain_tip, shaded
from resnet_studio.ui.theme import Role, Theme

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
NARROW = 240  # pixels
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class PickModel(QAbstractTableModel):
    """Runs with a tick and their test error. ``ticked(list of ids)`` comes when the user ticks, in order of ticking."""

    ticked = Signal(list)

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._runs: list[RunRecord] = []
        self._chosen: list[str] = []
        self._shades: dict[str, int] = {}
        self._names: dict[str, str] = {}
        theme.changed.connect(self.on_theme_changed)

    def run_at(self, row: int) -> RunRecord:
        return self._runs[row]

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        return tuple(self._runs)

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        self._names = display_names(runs)
        if [run.id for run in runs] == [run.id for run in self._runs]:
            self._runs = list(runs)
            self._changed()
        else:
            self.beginResetModel()
            self._runs = list(runs)
            self.endResetModel()

    def set_chosen(self, run_ids: Iterable[str], shades: Mapping[str, int]) -> None:
        """Tick these without a word to anyone; ``shades`` by run id, as the plots have them."""
        self._chosen = list(dict.fromkeys(run_ids))
        self._shades = dict(shades)
        self._changed()

    def toggle(self, row: int) -> None:
        run_id = self._runs[row].id
        self.choose([run_id], run_id not in self._chosen)

    def choose(self, run_ids: Iterable[str], wanted: bool) -> None:
        """Tick or untick for the user."""
        if wanted:
            chosen = list(dict.fromkeys([*self._chosen, *run_ids]))
        else:
            gone = set(run_ids)
            chosen = [run_id for run_id in self._chosen if run_id not in gone]
        if chosen != self._chosen:
            self._chosen = chosen
            self._changed()
            self.ticked.emit(list(chosen))

    def _changed(self) -> None:
        if self._runs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._runs) - 1, 1))

    @Slot()
    def on_theme_changed(self) -> None:
        self._changed()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        run = self._runs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return formats.percent(run.test_error) if index.column() else self._names[run.id]
        if role == Qt.ItemDataRole.ToolTipRole:
            trained = f"{formats.run_progress(run)} iterations on {run.spec.data.label}"
            seed = f"seed {run.spec.recipe.init_seed}, "
            return plain_tip(
                f"{run.name} ({run.spec.network.label}), id {run.short_id}\n"
                f"{run.status}, {'trained elsewhere' if run.imported else trained}\n"
                f"{'' if run.imported else seed}{formats.moment(run.created_at)}"
            )
        if index.column():
            return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole else None
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if run.id in self._chosen else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole:
            return sample_icon(self._colour(run), run.residual)
        return None

    def _colour(self, run: RunRecord) -> QColor:
        """As it is drawn in the plot."""
        colour = self._theme.run_colour(run.colour)
        return shaded(colour, self._shades.get(run.id, 0), self._theme.colour(Role.PANEL))

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid() or index.column() or role != Qt.ItemDataRole.CheckStateRole:
            return False
        ticked = value in (Qt.CheckState.Checked, Qt.CheckState.Checked.value)
        self.choose([self._runs[index.row()].id], ticked)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.isValid() and not index.column() else flags


class _PickProxy(QSortFilterProxyModel):
    def __init__(self, source: PickModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source, self._filter = source, RunFilter()
        self.setDynamicSortFilter(False)
        self.setSourceModel(source)

    def set_filter(self, wanted: RunFilter) -> None:
        self._filter = wanted
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        del source_parent  # a table has no children
        run = self._source.run_at(source_row)
        return self._filter.empty or self._filter.matches(run, searchable(run))


class RunPicker(QWidget):
    """Filter, list, and two buttons. ``chosen_changed(list of run ids)``."""

    chosen_changed = Signal(list)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_picker")
        self.model = PickModel(theme, self)
        self.proxy = _PickProxy(self.model, self)
        self.filter = QLineEdit()
        self.filter.setObjectName("compare_filter")
        self.filter.setPlaceholderText("Filter, for example: depth:>20")
        self.filter.setAccessibleName("Filter the runs to compare")
        self.filter.setToolTip("Words must all occur; tag:demo, status:finished, depth:20..56, -plain (Ctrl+F)")
        self.filter.setClearButtonEnabled(True)
        self.view = QTableView()
        self.view.setObjectName("compare_runs")
        self.view.setAccessibleName("Runs to compare")
        self.view.setModel(self.proxy)
        self.view.setShowGrid(False)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.view.setWordWrap(False)  # or a name's last word goes to a line that nobody sees
        self.view.setIconSize(QSize(34, 14))
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setTabKeyNavigation(False)
        self.view.setToolTip("Tick the runs to draw; a double click or the space key does it too")
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(28)
        header = self.view.horizontalHeader()
        header.hide()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.count = QLabel()
        self.count.setProperty("role", "muted")
        self.all = self._button("tick_all_button", "Tick shown", "Tick every run that the filter lets through")
        self.none = self._button("tick_none_button", "Clear", "Untick every run")
        head = QLabel("Runs")
        head.setProperty("role", "heading")
        top, foot = QHBoxLayout(), QHBoxLayout()
        top.addWidget(head)
        top.addStretch(1)
        top.addWidget(self.count)
        foot.addWidget(self.all)
        foot.addWidget(self.none)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.filter)
        layout.addWidget(self.view, 1)
        layout.addLayout(foot)
        self.filter.textChanged.connect(self._on_filter)
        self.view.doubleClicked.connect(self._on_double_click)
        self.all.clicked.connect(self._on_all)
        self.none.clicked.connect(self._on_none)
        self.model.ticked.connect(self.chosen_changed)
        self.model.ticked.connect(self._show_count)

    @staticmethod
    def _button(name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setProperty("role", "flat")
        button.setToolTip(tip)
        return button

    def show_runs(self, runs: Sequence[RunRecord], chosen: Sequence[str], shades: Mapping[str, int]) -> None:
        self.model.set_runs(runs)
        self.model.set_chosen(chosen, shades)
        self._show_count(list(chosen))

    @Slot(list)
    def _show_count(self, chosen: list[str]) -> None:
        self.count.setText(f"{len(chosen)} of {formats.count(self.model.rowCount())}")

    @Slot(str)
    def _on_filter(self, text: str) -> None:
        wanted = parse_filter(text)
        self.proxy.set_filter(wanted)
        self.filter.setToolTip(
            wanted.problem or "Words must all occur; tag:demo, status:finished, depth:20..56 (Ctrl+F)"
        )

    @Slot(QModelIndex)
    def _on_double_click(self, index: QModelIndex) -> None:
        self.model.toggle(self.proxy.mapToSource(index).row())

    @Slot()
    def _on_all(self) -> None:
        rows = (self.proxy.mapToSource(self.proxy.index(row, 0)).row() for row in range(self.proxy.rowCount()))
        self.model.choose([self.model.run_at(row).id for row in rows], True)

    @Slot()
    def _on_none(self) -> None:
        self.model.choose([run.id for run in self.model.runs], False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is narrow the names take the errors' room; the tables have those too."""
        super().resizeEvent(event)
        self.view.setColumnHidden(1, self.width() < NARROW)
