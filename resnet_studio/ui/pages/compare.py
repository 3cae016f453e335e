"""Compare: stored runs side by side: their curves, their results, and what they do not have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CohortStarted, CurvesGrew, StatusChanged
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.tables import as_of
from resnet_studio.domain.terms import RunStatus, Series
from resnet_studio.ui.compare.export import Export, Shown, exporting
from resnet_studio.ui.compare.export_button import ExportButton
from resnet_studio.ui.compare.picker import RunPicker
from resnet_studio.ui.compare.results import ResultTables
from resnet_studio.ui.models import formats
from resnet_studio.ui.pages.base import Page
from resnet_studio.ui.plots.buffers import CurveBook
from resnet_studio.ui.plots.controls import PlotControls
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.loading import CurveLoader
from resnet_studio.ui.plots.panels import ERROR, LOSS, RATE, PlottedRun, tell_epochs
from resnet_studio.ui.runs.empty import EmptyState
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.banner import Banner

TABLES_MS = 500
_PANELS = (ERROR, LOSS, RATE)


class ComparePage(Page):
    """Records come from the store at once, curves from a background job; runs in training go on growing."""

    key, title, icon = "compare", "Compare", "ph.chart-line"

    design_requested = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._store, self._controller = services.store, services.controller
        self._book = CurveBook()
        self._runs: tuple[RunRecord, ...] = ()
        self._loaded: set[str] = set()
        self._baseline = self._wanted_baseline = ""
        self._stale, self._chosen_once = True, False
        self._loader = CurveLoader(services.store, services.jobs, self)
        self._told_revision = -1
        self._build()
        self._connect()
        self._timer = QTimer(self, interval=TABLES_MS)
        self._timer.timeout.connect(self._refresh_tables)
        self._timer.start()
        self._refresh()

    def _build(self) -> None:
        services = self.services
        self.picker = RunPicker(services.theme)
        self.controls = PlotControls(services.preferences, "compare")
        self.plots = tuple(CurvePlot(services.theme, self._book, panel) for panel in _PANELS)
        self.plots[0].setObjectName("compare_plot")
        self.quantity = QComboBox()
        self.quantity.setObjectName("quantity_choice")
        self.quantity.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.quantity.setToolTip("What is drawn (Q)")
        self.quantity.setAccessibleName("Quantity")
        self.quantity.setMinimumContentsLength(max(len(panel.title) for panel in _PANELS))
        for panel in _PANELS:
            self.quantity.addItem(panel.title, panel.key)
        self.tables = ResultTables(services.theme)
        self.banner = Banner()
        self.banner.setObjectName("compare_banner")
        self._count = QLabel()
        self._count.setProperty("role", "muted")
        self.export_button = ExportButton(self, services.preferences, self.shown)
        title = QLabel(self.title)
        title.setProperty("role", "title")
        head = QHBoxLayout()
        head.addWidget(title)
        head.addWidget(self._count, 0, Qt.AlignmentFlag.AlignBottom)
        head.addStretch(1)
        head.addWidget(self.quantity)
        head.addWidget(self.export_button)
        self._plot_stack = QStackedWidget()
        for plot in self.plots:
            self._plot_stack.addWidget(plot)
        tools = QHBoxLayout()
        tools.addWidget(self.controls, 1)
        figure, below, left = _panel(), _panel(), _panel()
        figure.layout().addLayout(tools)  # type: ignore[union-attr]
        figure.layout().addWidget(self._plot_stack)  # type: ignore[union-attr]
        below.layout().addWidget(self.tables)  # type: ignore[union-attr]
        left.layout().addWidget(self.picker)  # type: ignore[union-attr]
        self._rows = _splitter(Qt.Orientation.Vertical, figure, below, (1, 0))
        self._columns = _splitter(Qt.Orientation.Horizontal, left, self._rows, (0, 1))
        self._columns.setSizes([290, 900])
        self._rows.setSizes([460, 186])
        left.setMinimumWidth(215)
        for splitter, name in ((self._rows, "rows"), (self._columns, "columns")):
            splitter.restoreState(services.preferences.value(f"compare/{name}", QByteArray(), QByteArray))
            splitter.splitterMoved.connect(self._on_splitter_moved)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.banner)
        layout.addWidget(self._columns, 1)
        self.empty = EmptyState(
            "There is nothing to compare yet",
            "Every run that trains is kept. Train some on the Design page, and lay their curves over each other here.",
            "Go to Design",
        )
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(content)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)

    def _connect(self) -> None:
        self._controller.happened.connect(self._on_happened)
        self._controller.runs_changed.connect(self._on_runs_changed)
        self._loader.loaded.connect(self._on_loaded)
        self._loader.failed.connect(self._on_failed)
        self.picker.chosen_changed.connect(self._on_chosen)
        self.tables.baseline_changed.connect(self._on_baseline)
        self.export_button.chosen.connect(self.export_to)
        self.quantity.currentIndexChanged.connect(self._plot_stack.setCurrentIndex)
        self.empty.pressed.connect(self.design_requested)
        for plot in self.plots:
            plot.set_options(self.controls.options)
            plot.legend.setVisible(self.controls.legend.isChecked())
            self.controls.options_changed.connect(plot.set_options)
            self.controls.fit_requested.connect(plot.fit)
            self.controls.legend_toggled.connect(plot.legend.setVisible)
            plot.hidden_changed.connect(self._on_hidden)
        QShortcut(QKeySequence("Q"), self).activated.connect(self._on_next_quantity)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.picker.filter.setFocus)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Of the runs that are compared, in order."""
        return tuple(run.id for run in self._runs)

    @property
    def book(self) -> CurveBook:
        return self._book

    @property
    def loading(self) -> bool:
        return self._loader.loading

    def show_runs(self, run_ids: Sequence[str]) -> None:
        """Compare these runs; those that are no longer stored are left out, with a word about it."""
        self._chosen_once = True
        self.banner.withdraw("gone")
        self._choose(run_ids)

    def activate(self) -> None:
        if self._stale:
            self._refresh()

    def _choose(self, run_ids: Sequence[str]) -> None:
        stored = self._read_runs()
        if stored is None:
            return
        wanted = list(dict.fromkeys(run_ids))
        found = [stored[run_id] for run_id in wanted if run_id in stored]
        if len(found) < len(wanted):
            gone = len(wanted) - len(found)
            text = "1 run was" if gone == 1 else f"{gone} runs were"
            self.banner.tell("gone", f"{text} deleted meanwhile and left out.", kind="warning")
        self._runs = tuple(found)
        ids = self.run_ids
        self._baseline = self._wanted_baseline if self._wanted_baseline in ids else ids[0] if ids else ""
        self._loaded &= set(ids)
        self._book.keep_only(ids)
        tell_epochs(self._book, found)
        missing = [run_id for run_id in ids if run_id not in self._loaded]
        if missing:
            self._loader.load(missing)
        else:
            self._loader.stop()
        self.picker.show_runs(list(stored.values()), ids)
        self.stack.setCurrentIndex(1 if stored else 0)
        self._show()

    def _read_runs(self) -> dict[str, RunRecord] | None:
        try:
            return {run.id: run for run in self._store.list_runs()}
        except UserError as error:
            self._on_failed(str(error))
            return None

    def _refresh(self) -> None:
        """Everything anew from the store; the first time, the cohort that was worked on last is chosen."""
        self._stale = False
        if not self._chosen_once:
            stored = self._read_runs() or {}
            measured = [run for run in stored.values() if run.iteration]
            if measured:
                self._chosen_once = True
                last = max(measured, key=lambda run: run.updated_at).cohort_id
                self._choose([run.id for run in stored.values() if run.cohort_id == last])
                return
        self._choose(self.run_ids)

    def _show(self) -> None:
        plotted = PlottedRun.of_all(self._runs)
        for plot in self.plots:
            plot.set_runs(plotted)
        self._show_tables()
        text = "tick runs at the left" if not self._runs else formats.runs(len(self._runs))
        self._count.setText(text)
        self.export_button.setEnabled(bool(self._runs))

    def _show_tables(self) -> None:
        """Results as the curves have them, so that both go on together while runs train."""
        self._told_revision = self._book.revision
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
        self.tables.show_runs(runs, self._baseline, curves)

    @Slot()
    def _refresh_tables(self) -> None:
        if self.isVisible() and self._told_revision != self._book.revision:
            self._show_tables()

    def shown(self) -> Shown:
        """What an export writes: the runs that the legend does not hide."""
        plot = self.plots[self.quantity.currentIndex()]
        visible = {run.run_id for run in plot.shown_runs}
        baseline = next((run for run in self._runs if run.id == self._baseline), None)
        runs = tuple(run for run in self._runs if run.id in visible)
        return Shown(runs, plot.options, plot.panel, baseline)

    @Slot(object, object)
    def export_to(self, kind: Export, path: Path) -> None:
        """Write what is shown, in the background; the status bar tells the end."""
        work = exporting(kind, self.shown(), self._store, path)
        self.services.jobs.start(work, on_done=self._on_exported, on_failed=self._on_failed)

    @Slot(object)
    def _on_exported(self, path: object) -> None:
        self.banner.withdraw("problem")
        self.message.emit(f"Written to {path}")

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.banner.tell("problem", sentence, kind="error")

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

    @Slot()
    def _on_runs_changed(self) -> None:
        self._stale = True
        if self.isVisible():
            self._refresh()

    @Slot(object)
    def _on_loaded(self, curves: object) -> None:
        wanted = [curve for curve in curves if curve.run_id in self.run_ids]  # type: ignore[attr-defined]
        self._loaded |= {curve.run_id for curve in wanted}
        self._book.load(wanted)

    @Slot(list)
    def _on_chosen(self, run_ids: list[str]) -> None:
        self.show_runs(run_ids)

    @Slot(str)
    def _on_baseline(self, run_id: str) -> None:
        self._baseline = self._wanted_baseline = run_id
        self._show_tables()

    @Slot(object)
    def _on_hidden(self, hidden: object) -> None:
        for plot in self.plots:
            if plot is not self.sender():
                plot.set_hidden(hidden)  # type: ignore[arg-type]

    @Slot()
    def _on_next_quantity(self) -> None:
        self.quantity.setCurrentIndex((self.quantity.currentIndex() + 1) % self.quantity.count())

    @Slot()
    def _on_splitter_moved(self) -> None:
        for splitter, name in ((self._rows, "rows"), (self._columns, "columns")):
            self.services.preferences.set_value(f"compare/{name}", splitter.saveState())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.activate()


def _panel() -> QFrame:
    panel = QFrame()
    panel.setProperty("role", "panel")
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(10, 8, 10, 8)
    layout.setSpacing(6)
    return panel


def _splitter(orientation: Qt.Orientation, first: QWidget, second: QWidget, stretch: tuple[int, int]) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(8)
    splitter.addWidget(first)
    splitter.addWidget(second)
    for index, factor in enumerate(stretch):
        splitter.setStretchFactor(index, factor)
    return splitter
