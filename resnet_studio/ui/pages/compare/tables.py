"""Table models of the Compare page: results with their distance to a baseline, and the fields that differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Slot

from resnet_studio.domain.comparison import Curves, Difference, Quantity, comparison_rows, deltas, display_names, result
from resnet_studio.domain.enums import TRAINING_ERROR_WINDOW
from resnet_studio.domain.records import RunRecord
from resnet_studio.studies.seeds import SeedGroup, seed_groups
from resnet_studio.ui.models import formats
from resnet_studio.ui.plots.line_sample import sample_icon
from resnet_studio.ui.plots.panels import PlottedRun
from resnet_studio.ui.plots.run_colours import plain_tip
from resnet_studio.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A quantity, with ``delta`` its distance to the baseline, or with ``seeds`` its mean over runs of other seeds."""

    quantity: Quantity
    title: str
    tip: str
    delta: bool = False
    seeds: bool = False


_ERROR_TIPS = {
    Quantity.TRAINING_ERROR: ("Training error", f"Mean over the last {TRAINING_ERROR_WINDOW} iterations"),
    Quantity.TEST_ERROR: ("Test error", "The last one measured: the headline figure"),
    Quantity.BEST_TEST_ERROR: (
        "Best test error *",
        "* The lowest of all measurements. It was picked by looking at the test set, so it is not the headline figure.",
    ),
}


_SEEDS_TIP = (
    "Mean and sample standard deviation of the last test errors of the finished runs shown that differ in their seeds "
    "alone, and how many they are"
)


def _columns() -> tuple[ResultColumn, ...]:
    columns: list[ResultColumn] = []
    for quantity, (title, tip) in _ERROR_TIPS.items():
        columns.append(ResultColumn(quantity, title, tip))
        if quantity is not Quantity.BEST_TEST_ERROR:
            tip = "Difference to the baseline in percentage points, at the last iteration both have reached"
            columns.append(ResultColumn(quantity, "Δ", tip, delta=True))
        if quantity is Quantity.TEST_ERROR:
            columns.append(ResultColumn(quantity, "Over seeds", _SEEDS_TIP, seeds=True))
    return (
        *columns,
        ResultColumn(Quantity.ITERATION, "Iterations", "Weight updates done"),
        ResultColumn(Quantity.SECONDS, "Time", "Spent in training"),
        ResultColumn(Quantity.PARAMETERS, "Parameters", "Weights that training changes"),
        ResultColumn(Quantity.MULTIPLY_ADDS, "Multiply-adds", "For one image"),
    )


RESULT_COLUMNS = _columns()
_TEXTS: dict[Quantity, Callable[[float], str]] = {
    Quantity.ITERATION: lambda value: formats.count(round(value)),
    Quantity.SECONDS: formats.duration,
    Quantity.PARAMETERS: lambda value: formats.count(round(value)),
    Quantity.MULTIPLY_ADDS: lambda value: formats.count(round(value)),
}


class ResultsModel(QAbstractTableModel):
    """One row a run; ``SORT_ROLE`` gives numbers."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._runs: tuple[RunRecord, ...] = ()
        self._names: dict[str, str] = {}
        self._paint: dict[str, PlottedRun] = {}
        self._baseline = ""
        self._deltas: dict[str, dict[Quantity, float | None]] = {}
        self._groups: dict[str, SeedGroup] = {}
        theme.changed.connect(self.on_theme_changed)

    def set_runs(
        self,
        runs: Sequence[RunRecord],
        baseline: str,
        curves: Curves | None = None,
        shades: Mapping[str, int] | None = None,
    ) -> None:
        """``baseline`` is the id of one of the runs, or empty; ``shades`` by run id as in the plots, or counted."""
        same = [run.id for run in runs] == [run.id for run in self._runs]
        if not same:
            self.beginResetModel()
        self._runs, self._names, self._baseline = tuple(runs), display_names(runs), baseline
        self._paint = {run.run_id: run for run in PlottedRun.of_all(runs, shades)}
        reference = next((run for run in runs if run.id == baseline), None)
        self._deltas = deltas(runs, reference, curves) if reference else {}
        self._groups = {run.id: group for group in seed_groups(runs) for run in group.runs}
        if not same:
            self.endResetModel()
        elif runs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(runs) - 1, len(RESULT_COLUMNS)))

    @Slot()
    def on_theme_changed(self) -> None:
        if self._runs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._runs) - 1, 0))

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else 1 + len(RESULT_COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        run = self._runs[index.row()]
        if index.column() == 0:
            return self._name_data(run, role)
        column = RESULT_COLUMNS[index.column() - 1]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip
        if role not in (Qt.ItemDataRole.DisplayRole, SORT_ROLE):
            return None
        value = self._value(run, column)
        if role == SORT_ROLE:
            return float("inf") if value is None else value
        return self._text(run, column, value)

    def _name_data(self, run: RunRecord, role: int) -> object:
        if role in (Qt.ItemDataRole.DisplayRole, SORT_ROLE):
            return self._names[run.id]
        if role == Qt.ItemDataRole.DecorationRole:
            return sample_icon(self._paint[run.id].paint(self._theme), run.residual)
        if role == Qt.ItemDataRole.ToolTipRole:
            reason = f": {run.reason}" if run.reason else ""
            return plain_tip(
                f"{self._names[run.id]}: {run.spec.network.label}, id {run.short_id}, {run.status}{reason}"
            )
        return None

    def _value(self, run: RunRecord, column: ResultColumn) -> float | None:
        if column.delta:
            return self._deltas.get(run.id, {}).get(column.quantity)
        if column.seeds:
            group = self._groups.get(run.id)
            return group.mean if group is not None and group.deviation is not None else None
        return result(run, column.quantity)

    def _text(self, run: RunRecord, column: ResultColumn, value: float | None) -> str:
        if column.delta:
            if run.id == self._baseline:
                return "baseline"
            return formats.NONE if value is None else f"{value:+.2f}"
        if value is None:
            return formats.NONE
        if column.seeds:
            group = self._groups[run.id]
            return f"{value:.2f} ± {group.deviation:.2f} ({len(group.last)})"
        return formats.percent(value) if column.quantity.is_error else _TEXTS[column.quantity](value)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section <= len(RESULT_COLUMNS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return RESULT_COLUMNS[section - 1].title if section else "Run"
        if role == Qt.ItemDataRole.ToolTipRole and section:
            return RESULT_COLUMNS[section - 1].tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section else _LEFT
        return None


class DifferencesModel(QAbstractTableModel):
    """One row a field that is not the same everywhere, one column a run."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._rows: list[Difference] = []

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        names, rows = list(display_names(runs).values()), comparison_rows(runs)
        if (names, rows) != (self._names, self._rows):
            self.beginResetModel()
            self._names, self._rows = names, rows
            self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else 1 + len(self._names)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.field
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return row.title if index.column() == 0 else row.values[index.column() - 1]

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section <= len(self._names):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._names[section - 1] if section else "Field"
        return _LEFT if role == Qt.ItemDataRole.TextAlignmentRole else None
