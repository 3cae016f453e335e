"""Table models of the Compare page: results with their distance to a baseline, and the fields that differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QIcon

from resnet_studio.domain.comparison import Curves, Difference, Quantity, comparison_rows, deltas, display_names, result
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.studies.seeds import SeedGroup, seed_groups
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.models.runs_table import run_id
from resnet_studio.ui.plots.line_sample import sample_icon
from resnet_studio.ui.plots.panels import PlottedRun
from resnet_studio.ui.plots.run_colours import plain_tip
from resnet_studio.ui.theme import Theme

_QUANTITIES: dict[Quantity, tuple[str, str, Callable[[float], str]]] = {
    Quantity.TRAINING_ERROR: (
        _("Training error"),
        _("Mean over the last {training_error_window} iterations", training_error_window=TRAINING_ERROR_WINDOW),
        formats.percent,
    ),
    Quantity.TEST_ERROR: (_("Test error"), _("The last one measured: the headline figure"), formats.percent),
    Quantity.EVALUATED_ERROR: (
        _("Evaluated"),
        _("The newest evaluation of the present weights; the tip of a cell names all of them"),
        formats.percent,
    ),
    Quantity.BEST_TEST_ERROR: (
        _("Best test error *"),
        _(
            "* The lowest of all measurements. It was picked by looking at the test set, so it is not the headline "
            "figure."
        ),
        formats.percent,
    ),
    Quantity.ITERATION: (_("Iterations"), _("Weight updates done"), formats.whole),
    Quantity.SECONDS: (_("Time"), _("Spent in training"), formats.duration),
    Quantity.PARAMETERS: (_("Parameters"), _("Weights that training changes"), formats.whole),
    Quantity.MULTIPLY_ADDS: (_("Multiply-adds"), _("For one image"), formats.whole),
}
_DELTA_TIP = _("Difference to the baseline in percentage points, at the last iteration both have reached")
_SEEDS_TIP = _(
    "Mean and sample standard deviation of the last test errors of the finished runs shown that differ in their seeds "
    "alone, and how many they are"
)


class ResultsModel(RecordTableModel[RunRecord]):
    """One row a run."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(self._result_columns(), key=run_id, parent=parent)
        self._theme = theme
        self._names: dict[str, str] = {}
        self._plotted: dict[str, PlottedRun] = {}
        self._baseline = ""
        self._deltas: dict[str, dict[Quantity, float | None]] = {}
        self._groups: dict[str, SeedGroup] = {}
        theme.changed.connect(self.refresh)

    def set_runs(
        self,
        runs: Sequence[RunRecord],
        baseline: str,
        curves: Curves | None = None,
        steps: Mapping[str, int] | None = None,
    ) -> None:
        """``baseline`` is the id of one of the runs, or empty; ``steps`` in lightness by run id, or counted."""
        self._names, self._baseline = display_names(runs), baseline
        self._plotted = {run.run_id: run for run in PlottedRun.of_all(runs, steps)}
        reference = next((run for run in runs if run.id == baseline), None)
        self._deltas = deltas(runs, reference, curves) if reference else {}
        self._groups = {run.id: group for group in seed_groups(runs) for run in group.runs}
        self.set_records(runs)
        self.refresh()

    def _result_columns(self) -> list[TableColumn[RunRecord]]:
        columns = [TableColumn(_("Run"), self._name, cell_tip=self._tip, icon=self._icon)]
        for quantity, (title, tip, text) in _QUANTITIES.items():
            columns.append(_number(title, tip, partial(_result, quantity), text))
            if quantity in (Quantity.TRAINING_ERROR, Quantity.TEST_ERROR):
                columns.append(self._delta_column(quantity))
            if quantity is Quantity.TEST_ERROR:
                columns.append(_number(_("Over seeds"), _SEEDS_TIP, self._group, _seeds_text, sort=self._mean))
        return columns

    def _delta_column(self, quantity: Quantity) -> TableColumn[RunRecord]:
        def delta(run: RunRecord) -> float | None:
            return self._deltas.get(run.id, {}).get(quantity)

        def value(run: RunRecord) -> float | str | None:
            return "baseline" if run.id == self._baseline else delta(run)

        return _number("Δ", _DELTA_TIP, value, _delta_text, sort=delta)

    def _name(self, run: RunRecord) -> str:
        return self._names.get(run.id, run.name)

    def _icon(self, run: RunRecord) -> QIcon:
        plotted = self._plotted.get(run.id) or PlottedRun.of(run)  # of one that is about to go
        return sample_icon(plotted.paint(self._theme), run.residual)

    def _tip(self, run: RunRecord) -> str:
        reason = f": {run.reason}" if run.reason else ""
        return plain_tip(
            _(
                "{name}: {label}, id {short_id}, {status}{reason}",
                name=self._name(run),
                label=run.spec.network.label,
                short_id=run.short_id,
                status=run.status,
                reason=reason,
            )
        )

    def _group(self, run: RunRecord) -> SeedGroup | None:
        group = self._groups.get(run.id)
        return group if group is not None and group.deviation is not None else None

    def _mean(self, run: RunRecord) -> float | None:
        group = self._group(run)
        return None if group is None else group.mean


def _number(
    title: str,
    tip: str,
    value: Callable[[RunRecord], object],
    text: Callable[..., str],
    sort: Callable[[RunRecord], float | None] | None = None,
) -> TableColumn[RunRecord]:
    return TableColumn(title, value, text, tip, number=True, sort=sort, cell_tip=lambda _run: tip)


def _result(quantity: Quantity, run: RunRecord) -> float | None:
    return result(run, quantity)


def _delta_text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:+.2f}"


def _seeds_text(group: SeedGroup) -> str:
    return f"{group.mean:.2f} ± {group.deviation:.2f} ({len(group.last)})"


class DifferencesModel(RecordTableModel[Difference]):
    """One row a field that is not the same everywhere, one column a run."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(key=lambda difference: difference.field, parent=parent)

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        """Nothing happens where the same is shown already."""
        columns = [TableColumn(_("Field"), lambda row: row.title, cell_tip=_field)]
        for place, name in enumerate(display_names(runs).values()):
            columns.append(TableColumn(name, partial(_value, place), cell_tip=_field))
        rows = comparison_rows(runs)
        titles = [[column.title for column in table] for table in (columns, self.columns)]
        if titles[0] != titles[1] or tuple(rows) != self.records:
            self.set_table(columns, rows)


def _value(place: int, difference: Difference) -> str:
    return difference.values[place]


def _field(difference: Difference) -> str:
    return difference.field
