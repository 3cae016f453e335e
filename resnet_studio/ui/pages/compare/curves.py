"""The Curves part of the Compare page: overlaid curves, and below them what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QPushButton, QSplitter, QStackedWidget, QWidget

from resnet_studio.domain.comparison import as_of
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CohortStarted, CurvesGrew, StatusChanged
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.run_fields import run_fields
from resnet_studio.domain.series import Series
from resnet_studio.studies.more_seeds import more_seeds, more_seeds_sentence
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.pages.compare.export import Export, ExportButton, Shown, exporting
from resnet_studio.ui.pages.compare.facets import FACET_FIELDS, Facets
from resnet_studio.ui.pages.compare.results import ResultTables
from resnet_studio.ui.plots.controls import PlotControls
from resnet_studio.ui.plots.curve_data import CurveBook
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.group_curves import put_group_curves
from resnet_studio.ui.plots.layer_plot import LayerPlot
from resnet_studio.ui.plots.loading import CurveLoader
from resnet_studio.ui.plots.panels import ERROR, LAYER_PANELS, PANELS, PlottedRun, grouped_runs, set_epoch_lengths
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.group_choice import GroupChoice
from resnet_studio.ui.widgets.layouts import framed_panel, in_row, in_splitter, in_stack, remember_sizes
from resnet_studio.ui.widgets.plain_tip import set_tip

TABLES_MS = 500
MOST_RUNS = 100  # more lines tell nothing apart, and each costs a few milliseconds in every view


class CurvesView(QWidget):
    """Records come from the page, curves from a background job; runs in training go on growing.

    ``status_message`` is for the status bar; ``failed`` should not be missed, and is empty when it is over.
    """

    status_message = Signal(str)
    failed = Signal(str)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._store = services, services.store
        self._book = CurveBook()
        self._runs: tuple[RunRecord, ...] = ()
        self._shades: dict[str, int] = {}
        self._plotted: list[PlottedRun] = []
        self._hidden: set[str] = set()  # ids that a legend hides, in every plot
        self._loaded: set[str] = set()
        self._baseline = self._wanted_baseline = ""
        self._shown_revision = -1
        self._loader = CurveLoader(services.store, services.jobs, self)
        self._build()
        self._connect()
        self._timer = QTimer(self, interval=TABLES_MS)
        self._timer.timeout.connect(self._refresh_tables)
        self._timer.start()

    def _build(self) -> None:
        services = self._services
        rows = QSplitter(self)
        above, below = QFrame(rows), QFrame(rows)
        self.controls = PlotControls(services.preferences, "compare", above)
        self._plot_stack = QStackedWidget(above)
        self.plots: tuple[CurvePlot | LayerPlot, ...] = (
            *(CurvePlot(services.theme, self._book, panel, self._plot_stack) for panel in PANELS),
            *(LayerPlot(services.theme, self._book, panel, self._plot_stack) for panel in LAYER_PANELS),
        )
        self.plots[0].setObjectName("compare_plot")
        self.quantity = named(QComboBox(), "quantity_choice", tip=_("What is drawn (Q)"), accessible=_("Quantity"))
        self.quantity.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.quantity.setMinimumContentsLength(max(len(plot.panel.title) for plot in self.plots))
        for plot in self.plots:
            self.quantity.addItem(plot.panel.title, plot.panel.key)
        self.tables = ResultTables(services.theme, below)
        self.facets = Facets(services.theme, self._book)
        self.facet_choice = named(
            QComboBox(), "facet_choice", tip=_("One plot, or a panel for each value of a field"), accessible=_("Panels")
        )
        self.facet_choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.facet_choice.setMinimumContentsLength(len(_("One panel")))
        self.facet_choice.addItem(_("One panel"), "")
        for key in FACET_FIELDS:
            self.facet_choice.addItem(_("By {field}", field=run_fields()[key].title.lower()), key)
        stored = self.facet_choice.findData(services.preferences.value("compare/facets", "", str))
        self.facet_choice.setCurrentIndex(max(stored, 0))
        self.same_scale = QPushButton(_("Same y"))
        self.same_scale.setObjectName("same_scale_toggle")
        self.same_scale.setCheckable(True)
        self.same_scale.setChecked(services.preferences.value("compare/same_scale", True, bool))
        set_tip(self.same_scale, _("All panels have one scale, so that they can be compared"))
        self.controls.add(self.facet_choice, self.same_scale)
        self.group_choice = GroupChoice(services.preferences, "compare")
        self.export_button = ExportButton(self, services.preferences, self.shown)
        self._no_curves = QLabel(
            _("These runs were trained elsewhere and brought no curves along. Evaluate measures their errors."),
            wordWrap=True,
            alignment=Qt.AlignmentFlag.AlignCenter,
        )
        named(self._no_curves, "no_curves_label", role="muted")
        self.left_out = named(QLabel(wordWrap=True), "curves_left_out", role="muted")
        self.left_out.hide()
        in_stack(*self.plots, self.facets, self._no_curves, of=self._plot_stack)
        framed_panel(self.controls, self.left_out, self._plot_stack, of=above)
        framed_panel(self.tables, of=below)
        in_splitter((above, 3), (below, 2), of=rows, sizes=(430, 290), upright=True)
        remember_sizes(rows, services.preferences, "compare/rows-2")
        in_row(rows, of=self, margins=0)

    def _connect(self) -> None:
        self._services.controller.happened.connect(self._on_happened)
        self._loader.loaded.connect(self._on_loaded)
        self._loader.failed.connect(self.failed)
        self.group_choice.changed.connect(self._on_grouping)
        self.facet_choice.currentIndexChanged.connect(self._on_facets)
        self.same_scale.toggled.connect(self._on_facets)
        self.controls.options_changed.connect(self._show_plot)
        self.controls.legend_toggled.connect(self._show_plot)
        self.controls.fit_requested.connect(self.facets.fit)
        self.controls.back_requested.connect(self.facets.back)
        self.tables.baseline_changed.connect(self._on_baseline)
        self.tables.more_seeds_requested.connect(self._on_more_seeds)
        self.export_button.chosen.connect(self.export_to)
        self.quantity.currentIndexChanged.connect(self._show_plot)
        self.quantity.currentIndexChanged.connect(self._on_zoom)
        for plot in self.plots:
            plot.set_options(self.controls.options)
            plot.legend.setVisible(self.controls.legend.isChecked())
            self.controls.options_changed.connect(plot.set_options)
            self.controls.fit_requested.connect(plot.fit)
            if isinstance(plot, CurvePlot):
                self.controls.back_requested.connect(plot.back)
                plot.zoom_changed.connect(self._on_zoom)
            self.controls.legend_toggled.connect(plot.legend.setVisible)
            plot.hidden_changed.connect(self._on_hidden)
        QShortcut(QKeySequence("Q"), self).activated.connect(self._on_next_quantity)

    @property
    def book(self) -> CurveBook:
        return self._book

    @property
    def loading(self) -> bool:
        return self._loader.loading

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(run.id for run in self._runs)

    def set_runs(self, runs: Sequence[RunRecord], shades: Mapping[str, int]) -> None:
        """Draw these, ``shades`` by run id telling those of one colour apart; curves not here yet are loaded.

        Of more than :data:`MOST_RUNS` the first are shown, and it is said.
        """
        self._runs, self._shades = tuple(runs[:MOST_RUNS]), dict(shades)
        self.left_out.setVisible(len(runs) > MOST_RUNS)
        self.left_out.setText(
            _(
                "The first {most} of the {count} runs that are ticked stand here. Tick fewer, or see all in Scatter.",
                most=MOST_RUNS,
                count=formats.count(len(runs)),
            )
        )
        ids = self.run_ids
        self._baseline = self._wanted_baseline if self._wanted_baseline in ids else ids[0] if ids else ""
        self._loaded &= set(ids)
        self._book.keep_only([*ids, *(run.run_id for run in self._plotted if run.members)])
        set_epoch_lengths(self._book, self._runs)
        missing = [run_id for run_id in ids if run_id not in self._loaded]
        if missing:
            self._loader.load(missing)
        else:
            self._loader.stop()
        self._show_plotted()
        self._show_tables()
        self.export_button.setEnabled(bool(self._runs))

    def _show_plotted(self) -> None:
        """Runs, or the means of groups of two and more; a group of one is drawn as its run."""
        grouping = self.group_choice.grouping
        self._plotted = grouped_runs(self._runs, grouping) if grouping else PlottedRun.of_all(self._runs, self._shades)
        self._update_groups()
        self._hidden &= {run.run_id for run in self._plotted}
        self._show_plot()

    def _update_groups(self) -> None:
        put_group_curves(self._book, [run for run in self._plotted if run.members])

    @Slot()
    def _show_plot(self) -> None:
        """The plot of the quantity; words where all runs were trained elsewhere.

        Maps by layer have a panel for each run as they are, and none for each value of a field.
        """
        elsewhere = bool(self._runs) and all(run.imported for run in self._runs)
        plot = self.plots[self.quantity.currentIndex()]
        plot.set_runs(self._plotted)  # the others follow when they are looked at
        plot.set_hidden(self._hidden)
        self.facet_choice.setEnabled(isinstance(plot, CurvePlot))
        facets = str(self.facet_choice.currentData()) if isinstance(plot, CurvePlot) else ""
        self.same_scale.setVisible(bool(facets))
        if facets and not elsewhere:
            self.facets.show_runs(
                self._plotted,
                {run.id: run for run in self._runs},
                facets,
                plot.panel,
                self.controls.options,
                same_scale=self.same_scale.isChecked(),
                legend=self.controls.legend.isChecked(),
            )
        self._plot_stack.setCurrentWidget(self._no_curves if elsewhere else self.facets if facets else plot)

    @Slot()
    def _on_facets(self) -> None:
        self._services.preferences.set_value("compare/facets", self.facet_choice.currentData())
        self._services.preferences.set_value("compare/same_scale", self.same_scale.isChecked())
        self._show_plot()

    @Slot()
    def _on_grouping(self) -> None:
        self._show_plotted()
        self._show_tables()

    def _show_tables(self) -> None:
        """Results as the curves have them, so that both go on together while runs train."""
        self._update_groups()
        self._shown_revision = self._book.revision
        curves = {}
        for run_id in self.run_ids:
            for series in ERROR.series:
                buffer = self._book.get(run_id, series)
                if buffer is not None:
                    curves[run_id, series] = Curve(run_id, series, buffer.iterations, buffer.values)
        runs = []
        for run in self._runs:
            training = curves.get((run.id, Series.TRAINING_ERROR))
            ahead = training is not None and run.id in self._loaded and training.iterations[-1] > run.iteration
            runs.append(as_of(run, curves, int(training.iterations[-1])) if ahead and training is not None else run)
        self.tables.show_runs(runs, self._baseline, curves, self._shades, self.group_choice.grouping)

    @Slot()
    def _refresh_tables(self) -> None:
        if self.isVisible() and self._shown_revision != self._book.revision:
            self._show_tables()

    def shown(self) -> Shown:
        """What an export writes: the runs that the legend does not hide."""
        plot = self.plots[self.quantity.currentIndex()]
        visible = {run_id for run in plot.shown_runs for run_id in (run.members or (run.run_id,))}
        baseline = next((run for run in self._runs if run.id == self._baseline), None)
        runs = tuple(run for run in self._runs if run.id in visible)
        options = replace(plot.options, lightness_steps=self._shades)
        shown = {run.run_id for run in plot.shown_runs}
        groups = tuple(group for group in self.tables.groups.records if group.id in shown)
        return Shown(runs, options, plot.panel, baseline, plot.shown_runs, groups, self.tables.groups.baseline)

    @Slot(object, object)
    def export_to(self, kind: Export, path: Path) -> None:
        """Write what is shown, in the background; the status bar tells the end."""
        work = exporting(kind, self.shown(), self._store, path)
        self._services.jobs.start(work, on_done=self._on_exported, on_failed=self._on_failed)

    @Slot(object)
    def _on_more_seeds(self, runs: Sequence[RunRecord]) -> None:
        cohorts = more_seeds(runs, self._store.list_runs())
        for cohort in cohorts:
            self._services.navigator.train(cohort)
        self.status_message.emit(more_seeds_sentence(cohorts))

    @Slot(object)
    def _on_exported(self, path: object) -> None:
        self.failed.emit("")
        self.status_message.emit(_("Written to {path}", path=path))

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        shown = set(self.run_ids)
        if isinstance(event, CurvesGrew):
            self._book.extend(chunk for chunk in event.chunks if chunk.run_id in shown)
        elif isinstance(event, CohortStarted):
            for run_id in shown.intersection(event.run_ids):
                self._book.set_batches_per_epoch(run_id, event.batches_per_epoch)
        elif (
            isinstance(event, StatusChanged)
            and event.run_id in shown
            and event.status is RunStatus.RUNNING
            and event.iteration is not None
        ):
            self._book.truncate(event.run_id, event.iteration)  # it goes on from its checkpoint
            self._loaded.discard(event.run_id)

    @Slot(object)
    def _on_loaded(self, curves: object) -> None:
        wanted = [curve for curve in curves if curve.run_id in self.run_ids]  # type: ignore[attr-defined]
        self._loaded |= {curve.run_id for curve in wanted}
        self._book.load(wanted)

    @Slot(str)
    def _on_baseline(self, run_id: str) -> None:
        self._baseline = self._wanted_baseline = run_id
        self._show_tables()

    @Slot(object)
    def _on_hidden(self, hidden: object) -> None:
        self._hidden = set(hidden)  # type: ignore[call-overload]

    @Slot()
    def _on_zoom(self) -> None:
        plot = self.plots[self.quantity.currentIndex()]
        self.controls.back.setVisible(isinstance(plot, CurvePlot) and plot.zoomed)

    @Slot()
    def _on_next_quantity(self) -> None:
        if self.isVisible():
            self.quantity.setCurrentIndex((self.quantity.currentIndex() + 1) % self.quantity.count())
