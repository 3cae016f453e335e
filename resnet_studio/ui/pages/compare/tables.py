"""Table models of the Compare page: results with their distance to a baseline, and the fields that differ."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QIcon

from resnet_studio.domain.comparison import Curves, Difference, Quantity, comparison_rows, deltas, display_names, result
from resnet_studio.domain.grouping import RunGroup
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import RunField, run_fields
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.domain.text_numbers import signed
from resnet_studio.studies.conformity import Conformity, State, of_run
from resnet_studio.studies.seeds import SeedGroup, seed_groups
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.group_columns import group_columns, group_key
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.models.run_columns import evaluated_text
from resnet_studio.ui.models.runs_table import run_id
from resnet_studio.ui.plots.line_sample import sample_icon
from resnet_studio.ui.plots.panels import PlottedRun
from resnet_studio.ui.plots.run_colours import group_lightness_steps, line_colour, plain_tip
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
_MOST_FIELDS = 8
_DELTA_TIP = _("Difference to the baseline in percentage points, at the last iteration both have reached")
_GROUP_DELTA_TIP = _("Difference of the means to the baseline group's, in percentage points")
_SEEDS_TIP = _(
    "Mean and sample standard deviation of the last test errors of the finished runs shown that differ in their seeds "
    "alone, and how many they are"
)


_PAPER_TIP = _("The paper's error for this very network; the tip of a cell says where it stands, and what differs")


class PaperColumn:
    """What the paper printed for a network, looked up once a run."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Conformity] = {}

    def of(self, run: RunRecord) -> Conformity:
        key = (run.id, run.status)
        if key not in self._found:
            self._found[key] = of_run(run)
        return self._found[key]

    def error(self, run: RunRecord) -> float | None:
        """The first that it printed."""
        return next((figure.top1 for figure in self.of(run).figures if figure.top1 is not None), None)

    def tip(self, run: RunRecord) -> str:
        """Every figure, and each point in which the run is not as the paper has it."""
        found = self.of(run)
        differs = [check.topic for check in found.of(State.DIFFERS)]
        lines = [figure.sentence for figure in found.figures] or [found.remark or _("The paper has no figure for it.")]
        if found.figures and differs:
            lines.append(_("Other than in the paper: {differs}", differs=", ".join(differs)))
        return plain_tip("\n".join(lines))


class ResultsModel(RecordTableModel[RunRecord]):
    """One row a run; after the results the fields in which the runs differ."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        self.paper = PaperColumn()
        super().__init__(self._result_columns(), key=run_id, parent=parent)
        self._theme = theme
        self._differing: dict[str, dict[str, str]] = {}  # by field, by run id
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
        fields = [row for row in comparison_rows(runs) if not row.field.startswith("environment.")][:_MOST_FIELDS]
        self._differing = {
            row.field: {run.id: value for run, value in zip(runs, row.values, strict=True)} for row in fields
        }
        columns = [*self._result_columns(), *map(self._field_column, fields)]
        if [column.title for column in columns] != [column.title for column in self.columns]:
            self.set_table(columns, runs)
        self.set_records(runs)
        self.refresh()

    def _field_column(self, row: Difference) -> TableColumn[RunRecord]:
        tip = _("{field}: shown because the runs differ in it", field=row.field)
        title = f"{row.title} ({row.unit})" if row.unit else row.title
        return TableColumn(
            title,
            partial(self.differing, row.field),
            tip=tip,
            sort=lambda run: _sortable(self.differing(row.field, run)),
        )

    def _result_columns(self) -> list[TableColumn[RunRecord]]:
        columns = [TableColumn(_("Run"), self._name, cell_tip=self._tip, icon=self._icon)]
        for quantity, (title, tip, text) in _QUANTITIES.items():
            if quantity is Quantity.EVALUATED_ERROR:
                columns.append(
                    TableColumn(
                        title, lambda run: run.evaluated_error, evaluated_text, tip, number=True,
                        sort=partial(_result, quantity), cell_tip=_evaluated_tip,
                    )
                )  # fmt: skip
                continue
            columns.append(_number(title, tip, partial(_result, quantity), text))
            if quantity in (Quantity.TRAINING_ERROR, Quantity.TEST_ERROR):
                columns.append(self._delta_column(quantity))
            if quantity is Quantity.TEST_ERROR:
                columns.append(_number(_("Over seeds"), _SEEDS_TIP, self._group, _seeds_text, sort=self._mean))
                columns.append(
                    TableColumn(
                        _("Paper"), self.paper.error, formats.percent, _PAPER_TIP, number=True, cell_tip=self.paper.tip
                    )
                )
        return columns

    def differing(self, field: str, run: RunRecord) -> str | None:
        """The run's value of a field that is shown because runs differ in it."""
        return self._differing.get(field, {}).get(run.id)

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


def _sortable(text: str | None) -> tuple[bool, float, str] | None:
    """Numbers as numbers, before words."""
    if text is None:
        return None
    try:
        return False, float(text), ""
    except ValueError:
        return True, 0.0, text.casefold()


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


def _evaluated_tip(run: RunRecord) -> str | None:
    return plain_tip("\n".join(found.sentence for found in run.evaluated)) or None


def _delta_text(value: float | str) -> str:
    return value if isinstance(value, str) else signed(value, digits=2)


def _seeds_text(group: SeedGroup) -> str:
    return f"{group.mean:.2f} ± {group.deviation:.2f} ({len(group.last)})"


class GroupResultsModel(RecordTableModel[RunGroup]):
    """One row a group: statistics of its results, and the distance of the means to those of a baseline group."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        self._theme = theme
        self._steps: dict[Hashable, int] = {}
        self._baseline: RunGroup | None = None
        self._paper = PaperColumn()
        errors = {field.title: field for field in (run_fields()["training_error"], run_fields()["test_error"])}
        columns: list[TableColumn[RunGroup]] = []
        for column in group_columns(theme):
            columns.append(replace(column, icon=self._icon) if column.icon is not None else column)
            if column.title in errors:
                columns.append(self._delta_column(errors[column.title]))
            if column.title == run_fields()["evaluated_error"].title:
                columns.append(
                    TableColumn(
                        _("Paper"), lambda group: self._paper.error(group.first), formats.percent, _PAPER_TIP,
                        number=True, cell_tip=lambda group: self._paper.tip(group.first),
                    )
                )  # fmt: skip
        super().__init__(columns, key=group_key, parent=parent)
        theme.changed.connect(self.refresh)

    def set_groups(self, groups: Sequence[RunGroup], baseline: str) -> None:
        """``baseline`` is the id of a group, or empty for the first."""
        self._steps = group_lightness_steps(groups)
        self._baseline = next((group for group in groups if group.id == baseline), groups[0] if groups else None)
        self.set_records(groups)
        self.refresh()

    @property
    def baseline(self) -> str:
        return "" if self._baseline is None else self._baseline.id

    def _icon(self, group: RunGroup) -> QIcon:
        colour = line_colour(self._theme, group.first.colour, self._steps.get(group.key, 0))
        return sample_icon(colour, group.first.residual)

    def _delta_column(self, field: RunField) -> TableColumn[RunGroup]:
        def delta(group: RunGroup) -> float | None:
            base = None if self._baseline is None else self._baseline.statistic(field)
            found = group.statistic(field)
            return None if base is None or found is None else found.mean - base.mean

        def value(group: RunGroup) -> float | str | None:
            is_base = self._baseline is not None and group.key == self._baseline.key
            return "baseline" if is_base else delta(group)

        return TableColumn("Δ", value, _delta_text, _GROUP_DELTA_TIP, number=True, sort=delta)


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
