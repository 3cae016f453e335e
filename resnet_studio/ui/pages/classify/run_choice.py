"""Which networks look: a list of the runs that have weights, with check marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.run_columns import data_name
from resnet_studio.ui.models.run_filter import RunFilter, searchable
from resnet_studio.ui.plots.line_sample import sample_icon
from resnet_studio.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


def column_order(runs: Iterable[RunRecord]) -> list[RunRecord]:
    """Plain next to residual, by depth; within that the older one first."""
    return sorted(runs, key=lambda run: (run.spec.network.depth, run.residual, run.created_at, run.name))


class ChoiceRole(IntEnum):
    LINES = Qt.ItemDataRole.UserRole + 1
    """Both lines of a row as (start, end): where room is short the start is cut, never the end."""


class RunChoiceModel(QAbstractListModel):
    """Runs with weights, the newest cohort first. ``chosen_changed`` when a check mark comes or goes."""

    chosen_changed = Signal()

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._all: list[RunRecord] = []
        self._shown: list[RunRecord] = []
        self._chosen: set[str] = set()
        self._names: dict[str, str] = {}
        self._filter = RunFilter()
        theme.changed.connect(self._on_theme)

    @property
    def chosen(self) -> tuple[RunRecord, ...]:
        """In the order of the columns, those that the filter hides too."""
        return tuple(column_order(run for run in self._all if run.id in self._chosen))

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """Every run with weights."""
        return tuple(self._all)

    @property
    def names(self) -> dict[str, str]:
        """By run id; runs that share a name have a mark behind it that tells them apart."""
        return self._names

    def run_at(self, row: int) -> RunRecord:
        return self._shown[row]

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        """Newest first, as the store lists them; those without weights are left out. Check marks stay."""
        before = self.chosen
        self._all = [run for run in runs if run.weights_sha256]
        self._chosen &= {run.id for run in self._all}
        self._names = display_names(self._all)
        self._show()
        if self.chosen != before:
            self.chosen_changed.emit()

    def choose(self, run_ids: Iterable[str]) -> None:
        known = {run.id for run in self._all}
        wanted = {run_id for run_id in run_ids if run_id in known}
        if wanted != self._chosen:
            self._chosen = wanted
            self._retell([Qt.ItemDataRole.CheckStateRole])
            self.chosen_changed.emit()

    def choose_newest(self) -> None:
        """The newest cohort that has weights."""
        if self._all:
            newest = self._all[0].cohort_id
            self.choose(run.id for run in self._all if run.cohort_id == newest)

    def set_filter(self, wanted: RunFilter) -> None:
        self._filter = wanted
        self._show()

    def _show(self) -> None:
        shown = [run for run in self._all if self._filter.empty or self._filter.matches(run, searchable(run))]
        if [run.id for run in shown] == [run.id for run in self._shown]:
            self._shown = shown
            self._retell([])
            return
        self.beginResetModel()
        self._shown = shown
        self.endResetModel()

    def _retell(self, roles: list[Qt.ItemDataRole]) -> None:
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1), roles)

    def _on_theme(self) -> None:
        self._retell([Qt.ItemDataRole.DecorationRole])

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        run = self._shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return "\n".join(start + end for start, end in self._lines(run))
        if role == ChoiceRole.LINES:
            return self._lines(run)
        if role == Qt.ItemDataRole.DecorationRole:
            return sample_icon(self._theme.run_colour(run.colour), run.residual)
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if run.id in self._chosen else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.ToolTipRole:
            seed = "imported" if run.imported else f"seed {run.spec.recipe.init_seed}"
            source = data_name(run) if run.imported else run.spec.data.source
            about = f"({run.spec.network.label}), {seed}, id {run.short_id}"
            return f"{run.name} {about}, {formats.moment(run.created_at)}, {source}"
        return None

    def _lines(self, run: RunRecord) -> tuple[tuple[str, str], tuple[str, str]]:
        untested = "imported" if run.imported else "not tested"
        error = untested if run.test_error is None else f"error {formats.percent(run.test_error)}"
        return (run.name, self._names[run.id].removeprefix(run.name)), (data_name(run), f", {error}")

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid() or role != Qt.ItemDataRole.CheckStateRole:
            return False
        run_id = self._shown[index.row()].id
        if Qt.CheckState(value) is Qt.CheckState.Checked:
            self._chosen.add(run_id)
        else:
            self._chosen.discard(run_id)
        self.dataChanged.emit(index, index, [role])
        self.chosen_changed.emit()
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
