"""Which networks look: a list of the runs that have weights, with check marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Signal

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_filter import RunFilter, searchable
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.models.run_columns import data_name
from resnet_studio.ui.models.runs_table import run_id
from resnet_studio.ui.plots.line_sample import sample_icon
from resnet_studio.ui.theme import Theme


def column_order(runs: Iterable[RunRecord]) -> list[RunRecord]:
    """Plain next to residual, by depth; within that the older one first."""
    return sorted(runs, key=lambda run: (run.spec.network.depth, run.residual, run.created_at, run.name))


Lines = tuple[tuple[str, str], tuple[str, str]]
"""Both lines of a row as (start, end): where room is short the start is cut, never the end."""


class RunChoiceModel(RecordTableModel[RunRecord]):
    """Runs with weights, the newest cohort first. ``chosen_changed`` when a check mark comes or goes."""

    chosen_changed = Signal()

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        column = TableColumn(
            _("Network"), self._lines, _text, cell_tip=_tip, checked=lambda run: run.id in self._chosen,
            icon=lambda run: sample_icon(theme.run_colour(run.colour), run.residual),
        )  # fmt: skip
        super().__init__([column], key=run_id, parent=parent)
        self._all: list[RunRecord] = []
        self._chosen: set[str] = set()
        self._names: dict[str, str] = {}
        self._filter = RunFilter()
        theme.changed.connect(self.refresh)

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
            self.refresh()
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
        self.set_records(run for run in self._all if self._filter.empty or self._filter.matches(run, searchable(run)))
        self.refresh()

    def check(self, record: RunRecord, checked: bool) -> bool:
        (self._chosen.add if checked else self._chosen.discard)(record.id)
        self.refresh()
        self.chosen_changed.emit()
        return True

    def _lines(self, run: RunRecord) -> Lines:
        untested = "imported" if run.imported else _("not tested")
        error = untested if run.test_error is None else _("error {percent}", percent=formats.percent(run.test_error))
        name = self._names.get(run.id, run.name)
        return (run.name, name.removeprefix(run.name)), (data_name(run), f", {error}")


def _text(lines: Lines) -> str:
    return "\n".join(start + end for start, end in lines)


def _tip(run: RunRecord) -> str:
    seed = "imported" if run.imported else _("seed {init_seed}", init_seed=run.spec.recipe.init_seed)
    source = data_name(run) if run.imported else run.spec.data.source
    about = _("({label}), {seed}, id {short_id}", label=run.spec.network.label, seed=seed, short_id=run.short_id)
    return f"{run.name} {about}, {formats.moment(run.created_at)}, {source}"
