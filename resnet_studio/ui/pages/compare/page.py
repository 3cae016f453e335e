"""Compare: stored runs side by side: their curves, their results, and how they do under the test protocols."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QLabel, QPushButton, QSplitter, QStackedWidget, QWidget

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.compare.curves import CurvesView
from resnet_studio.ui.pages.compare.evaluate.panel import EvaluatePanel
from resnet_studio.ui.pages.compare.scatter import ScatterView
from resnet_studio.ui.pages.compare.views import SavedView, ViewsButton
from resnet_studio.ui.plots.curve_data import XAxis
from resnet_studio.ui.plots.panels import PlotOptions
from resnet_studio.ui.plots.run_colours import kept_lightness_steps
from resnet_studio.ui.plots.scatter_export import ScatterFigure, export_scatter
from resnet_studio.ui.run_picker import RunPicker
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.banner import Banner
from resnet_studio.ui.widgets.empty_state import EmptyState
from resnet_studio.ui.widgets.layouts import Gap, framed_panel, in_column, in_row, in_splitter, in_stack, remember_sizes
from resnet_studio.ui.widgets.text import duration_text


def _age(run: RunRecord) -> tuple[datetime, str]:
    return run.created_at, run.name


CURVES, EVALUATE, SCATTER = range(3)


class ComparePage(Page):
    """Which runs, chosen at the left, and three parts that show them: Curves, Scatter and Evaluate."""

    def __init__(self, services: Services, row: PageRow, parent: QWidget | None = None) -> None:
        super().__init__(services, row, parent)
        self._store, self._controller = services.store, services.controller
        self._runs: tuple[RunRecord, ...] = ()
        self._stale, self._chosen_once = True, False
        self._stored: dict[str, RunRecord] | None = None  # by id, as they were read last
        self._shades: dict[str, int] = {}  # of every run that was ever ticked here: it keeps its own
        self._build()
        self._connect()
        self._refresh()

    def _build(self) -> None:
        services = self.services
        self.stack = QStackedWidget(self)
        content = QWidget(self.stack)
        columns = QSplitter(content)
        left = QFrame(columns)
        self.parts = QStackedWidget(columns)
        self.picker = RunPicker(services.theme, left)
        self.curves = CurvesView(services, self.parts)
        self.evaluate = EvaluatePanel(services, self.parts)
        self.scatter = ScatterView(services.preferences, services.theme, self.parts)
        self.banner = named(Banner(), "compare_banner")
        self._count = named(QLabel(), role="muted")
        title = named(QLabel(self.row.title), role="title")
        self.switches = QButtonGroup(self)
        head = in_row(title, (self._count, 0, Qt.AlignmentFlag.AlignBottom), Gap(18))
        for part in (self.curves, self.evaluate, self.scatter):  # in the order of their numbers
            self.parts.addWidget(part)
        for number, text, tip in (
            (CURVES, _("Curves"), _("How the runs trained")),
            (SCATTER, _("Scatter"), _("Any field against any result: error against depth, parameters, multiply-adds")),
            (EVALUATE, _("Evaluate"), _("Test protocols, ensembles and confusion matrices")),
        ):
            button = named(QPushButton(text), f"{text.lower()}_switch", tip=tip)
            button.setCheckable(True)
            self.switches.addButton(button, number)
            head.addWidget(button)
        head.addStretch(1)
        self.views = ViewsButton(services.preferences, self.present_view)
        head.addWidget(self.views)
        head.addWidget(self.curves.group_choice)
        head.addWidget(self.curves.quantity)
        head.addWidget(self.curves.export_button)
        framed_panel(self.picker, of=left)
        left.setMinimumWidth(215)
        in_splitter((left, 0), (self.parts, 1), of=columns, sizes=(325, 865))
        remember_sizes(columns, services.preferences, "compare/columns")
        in_column(head, self.banner, (columns, 1), of=content, margins=(16, 12, 16, 12), spacing=8)
        self.empty = EmptyState(
            _("There is nothing to compare yet"),
            _(
                "Every run that trains is kept. Train some on the Design page, and lay their curves over each other "
                "here."
            ),
            _("Go to Design"),
        )
        in_stack(self.empty, content, of=self.stack)
        in_row(self.stack, of=self, margins=0)
        self.show_part(services.preferences.value("compare/part", 0, int))

    def _connect(self) -> None:
        self._controller.runs_changed.connect(self._on_runs_changed)
        self.picker.chosen_changed.connect(self._on_chosen)
        self.switches.idClicked.connect(self.show_part)
        self.views.chosen.connect(self.show_view)
        self.empty.pressed.connect(self._on_design)
        for part in (self.curves, self.evaluate):
            part.status_message.connect(self.message)
            part.failed.connect(self._on_failed)
        self.scatter.export_requested.connect(self._on_export_scatter)
        self.evaluate.session.changed.connect(self._on_evaluating)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.picker.filter.setFocus)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Of the runs that are compared, in order."""
        return tuple(run.id for run in self._runs)

    @Slot(int)
    def show_part(self, number: int) -> None:
        """0: Curves, 1: Evaluate, 2: Scatter."""
        number = number if number in (CURVES, EVALUATE, SCATTER) else CURVES
        self.parts.setCurrentIndex(number)
        self.switches.button(number).setChecked(True)
        for widget in (self.curves.group_choice, self.curves.quantity, self.curves.export_button):
            widget.setVisible(number == CURVES)
        self.services.preferences.set_value("compare/part", number)

    def show_runs(self, run_ids: Sequence[str]) -> None:
        """Compare these runs; those that are no longer stored are left out, with a word about it."""
        self._chosen_once = True
        self.banner.withdraw("gone")
        self._choose(run_ids)

    def present_view(self, name: str) -> SavedView:
        """What is shown now, under a name."""
        curves, options = self.curves, self.curves.controls.options
        return SavedView(
            name,
            self.run_ids,
            self.parts.currentIndex(),
            self.picker.filter.text(),
            curves.group_choice.grouping,
            str(curves.quantity.currentData()),
            options.axis.value,
            options.window,
            options.raw,
            options.log,
            options.outliers,
            str(curves.facet_choice.currentData()),
            curves.same_scale.isChecked(),
            tuple(field.key for field in self.scatter.fields),
        )

    @Slot(object)
    def show_view(self, view: SavedView) -> None:
        """Show what was saved, as far as it is still there."""
        curves = self.curves
        axis = XAxis(view.axis) if view.axis in list(XAxis) else XAxis.ITERATION
        curves.controls.set_options(PlotOptions(axis, view.window, view.raw, view.log, view.outliers))
        for choice, value in ((curves.quantity, view.quantity), (curves.facet_choice, view.facets)):
            if (place := choice.findData(value)) >= 0:
                choice.setCurrentIndex(place)
        curves.same_scale.setChecked(view.same_scale)
        if len(view.scatter) == 2:
            self.scatter.set_fields(*view.scatter)
        self.picker.filter.setText(view.filter)
        curves.group_choice.set_grouping(view.grouping)
        self.show_part(view.part)
        self.show_runs(view.runs)

    def activate(self) -> None:
        if self._stale:
            self._refresh()

    def _choose(self, run_ids: Sequence[str]) -> None:
        stored = self._stored
        if stored is None or self._stale or not stored.keys() >= set(run_ids):
            stored = self._read_runs()
        if stored is None:
            return
        wanted = dict.fromkeys(run_ids)
        found = [stored[run_id] for run_id in wanted if run_id in stored]
        if len(found) < len(wanted):
            gone = len(wanted) - len(found)
            text = _n("{count} run was", "{count} runs were", gone)
            self.banner.show_notice("gone", _("{text} deleted meanwhile and left out.", text=text), kind="warning")
        self._runs = tuple(found)
        oldest_first: list[RunRecord] = sorted(found, key=_age)  # of strangers, the oldest has the colour itself
        seen = [run for run in stored.values() if run.id in self._shades and run.id not in wanted]
        self._shades |= kept_lightness_steps([*seen, *oldest_first], self._shades)
        shades = dict(self._shades)
        self.curves.set_runs(found, shades)
        self.scatter.set_runs(found, shades)
        self.evaluate.set_runs(found, list(stored.values()), shades)
        self.picker.show_runs(list(stored.values()), self.run_ids, shades)
        self.stack.setCurrentIndex(1 if stored else 0)
        self._count.setText(_("tick runs at the left") if not self._runs else formats.runs(len(self._runs)))

    def _read_runs(self) -> dict[str, RunRecord] | None:
        """From the store; None, and a word about it, where it cannot be read."""
        try:
            self._stored = {run.id: run for run in self._store.list_runs()}
        except UserError as error:
            self._stored = None
            self._on_failed(str(error))
        self._stale = False
        return self._stored

    def _refresh(self) -> None:
        """Everything anew from the store; the first time, the cohort that was worked on last is chosen."""
        stored, ids = self._read_runs(), self.run_ids
        if stored is None:
            return
        if not self._chosen_once:
            measured = [run for run in stored.values() if run.iteration]
            if measured:
                self._chosen_once = True
                last = max(measured, key=lambda run: run.updated_at).cohort_id
                ids = tuple(run.id for run in measured if run.cohort_id == last)
        self._choose(ids)

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        """A sentence that should not be missed; an empty one takes the last away."""
        if sentence:
            self.banner.show_notice("error", sentence, kind="error")
        else:
            self.banner.withdraw("error")

    @Slot(object, object)
    def _on_export_scatter(self, figure: ScatterFigure, path: Path) -> None:
        self.services.jobs.start(
            lambda _emit, _should_stop: export_scatter(figure, path),
            on_done=self._on_exported,
            on_failed=self._on_failed,
        )

    @Slot(object)
    def _on_exported(self, path: Path) -> None:
        self._on_failed("")
        self.message.emit(_("Written to {path}", path=path))

    @Slot()
    def _on_design(self) -> None:
        self.services.navigator.design()

    @Slot()
    def _on_evaluating(self) -> None:
        session = self.evaluate.session
        left = session.seconds_left
        words = _("Evaluating…") if left is None else _("Evaluating, {left} left", left=duration_text(left))
        self.working.emit(words if session.running else "")

    @Slot()
    def _on_runs_changed(self) -> None:
        self._stale = True
        if self.isVisible():
            self._refresh()

    @Slot(list)
    def _on_chosen(self, run_ids: list[str]) -> None:
        self.show_runs(run_ids)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.activate()
