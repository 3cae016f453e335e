"""The Evaluate part of the Compare page: the order form, the stored results, and what stands behind one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QItemSelection, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHeaderView,
    QLabel,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.domain.tables import display_names
from resnet_studio.ui.evaluate.detail import Detail
from resnet_studio.ui.evaluate.export import FORMATS, export
from resnet_studio.ui.evaluate.groups import of_runs
from resnet_studio.ui.evaluate.matrices import MOST
from resnet_studio.ui.evaluate.plan import Plan, plan
from resnet_studio.ui.evaluate.session import EvaluateSession
from resnet_studio.ui.evaluate.setup import SetupForm
from resnet_studio.ui.evaluate.tree import Column, EvaluationsModel
from resnet_studio.ui.evaluate.work import task_name
from resnet_studio.ui.plots.samples import SAMPLE_WIDTH
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.naming import named


class EvaluatePanel(QWidget):
    """``images_wanted(run ids, sources)`` leads to Classify; ``told`` is a sentence for the status bar,
    ``problem`` one that should not be missed, empty when it is over."""

    images_wanted = Signal(list, list)
    told = Signal(str)
    problem = Signal(str)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._store = services, services.store
        self._runs: tuple[RunRecord, ...] = ()
        self._all_runs: tuple[RunRecord, ...] = ()
        self._plan = Plan()
        self._wanted = ""  # the evaluation to choose when the list is read again
        self.session = EvaluateSession(services, self)
        self.form = SetupForm(self.session)
        self.model = EvaluationsModel(services.theme, self)
        self.detail = Detail(services)
        self._build()
        self._connect()
        self._on_form()

    def _build(self) -> None:
        self.tree = named(QTreeView(), "evaluations_tree")
        self.tree.setAccessibleName("Stored evaluations")
        self.tree.setModel(self.model)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setIndentation(14)
        self.tree.setUniformRowHeights(True)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(56)
        self.tree.setIconSize(QSize(SAMPLE_WIDTH, 14))
        self._nothing = QLabel(
            "Nothing is evaluated yet for the ticked runs. Choose images and a protocol above and press Evaluate."
        )
        self._nothing.setProperty("role", "muted")
        self._nothing.setWordWrap(True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self._nothing)
        self.stack.addWidget(self.tree)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(8)
        self.splitter.addWidget(self.stack)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 3)
        self.splitter.setSizes([150, 400])
        self.splitter.restoreState(self._services.preferences.value("evaluate/rows", QByteArray(), QByteArray))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.form)
        layout.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.form.changed.connect(self._on_form)
        self.form.wanted.connect(self.start)
        self.form.stop_wanted.connect(self.session.stop)
        self.session.stored.connect(self._on_stored)
        self.session.failed.connect(self.problem)
        self.session.ended.connect(self.reload)
        self.tree.selectionModel().selectionChanged.connect(self._on_selection)
        self.form.delete.clicked.connect(self._on_delete)
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.tree)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._on_delete)
        self.detail.images_wanted.connect(self.images_wanted)
        self.detail.problem.connect(self.problem)
        self.detail.matrices.export_wanted.connect(self._on_export)
        self.splitter.splitterMoved.connect(self._on_splitter)

    @property
    def plan(self) -> Plan:
        """What pressing the button does."""
        return self._plan

    def set_runs(self, runs: Sequence[RunRecord], all_runs: Sequence[RunRecord]) -> None:
        """``runs`` are ticked; ``all_runs`` are stored."""
        self._runs, self._all_runs = tuple(runs), tuple(all_runs)
        if runs:
            self.form.protocol.set_image_size(max(run.spec.network.image_size for run in runs))
        self._on_form()
        self.reload()

    @Slot()
    def start(self) -> None:
        wish = self.form.wish()
        if wish is None or wish.protocol is None or not self._plan.tasks or self.session.running:
            return
        if not self._store.writable:
            self.problem.emit(self._store.why_read_only)
            return
        self.problem.emit("")
        self.session.start(self._plan.tasks, wish.protocol, display_names(self._all_runs))

    @Slot()
    def reload(self) -> None:
        """The stored evaluations of the ticked runs; what was chosen stays chosen, or the newest is."""
        try:
            found = of_runs(self._store.evaluations(), self._runs)
        except UserError as error:
            self.problem.emit(str(error))
            return
        chosen = [self._wanted] if self._wanted else [one.id for one in self.chosen]
        self._wanted = ""
        names = display_names(self._all_runs)
        self.tree.selectionModel().blockSignals(True)
        self.model.set_evaluations(found, self._all_runs, names)
        self.tree.selectionModel().blockSignals(False)
        for row in range(self.model.rowCount()):
            self.tree.setFirstColumnSpanned(row, self.tree.rootIndex(), True)
        self.tree.expandAll()
        self.stack.setCurrentIndex(1 if found else 0)
        places = [index for index in map(self.model.index_of, chosen) if index.isValid()]
        if not places and found:
            places = [self.model.index_of(max(found, key=lambda one: one.created_at).id)]
        selection = QItemSelection()
        for index in places:
            selection.select(index, index.siblingAtColumn(len(Column) - 1))
        select = self.tree.selectionModel()
        select.select(selection, select.SelectionFlag.ClearAndSelect)
        if places:
            self.tree.scrollTo(places[0])
            select.setCurrentIndex(places[0], select.SelectionFlag.NoUpdate)
        self._on_selection()

    @property
    def chosen(self) -> tuple[EvaluationSummary, ...]:
        """In the order of the tree."""
        rows = self.tree.selectionModel().selectedRows()
        ordered = sorted(rows, key=lambda index: (index.internalId(), index.row()))
        found = (self.model.evaluation_at(index) for index in ordered)
        return tuple(evaluation for evaluation in found if evaluation is not None)

    @Slot()
    def _on_form(self) -> None:
        wish = self.form.wish()
        if wish is None:
            self._plan = Plan(problem=self.form.problem)
        else:
            self._plan = plan(self._runs, wish)
        if self._plan.problem:
            self.form.tell(self._plan.problem, able=False)
            return
        names = display_names(self._all_runs)
        words = ", ".join(task_name(task, names) for task in self._plan.tasks)
        self.form.tell(f"{len(self._plan.tasks)} to make: {words}", able=True)

    @Slot(str)
    def _on_stored(self, evaluation_id: str) -> None:
        self._wanted = evaluation_id
        self.reload()

    @Slot()
    def _on_selection(self) -> None:
        chosen = self.chosen
        self.form.delete.setEnabled(bool(chosen) and self._store.writable)
        try:
            found = [self._store.evaluation(summary.id) for summary in chosen[:MOST]]
        except UserError as error:
            found = []
            self.problem.emit(str(error))
        self.detail.show_evaluations(found, self._all_runs)

    @Slot()
    def _on_delete(self) -> None:
        chosen = self.chosen
        if not chosen or not self._store.writable:
            return
        what = "this result" if len(chosen) == 1 else f"these {len(chosen)} results"
        answer = QMessageBox.question(self, "Delete", f"Delete {what} for good? The runs themselves stay.")
        if answer != QMessageBox.StandardButton.Yes:
            return
        try:
            for evaluation in chosen:
                self._store.delete_evaluation(evaluation.id)
        except UserError as error:
            self.problem.emit(str(error))
        self.reload()
        self.told.emit("Deleted." if len(chosen) == 1 else f"Deleted {len(chosen)} results.")

    @Slot()
    def _on_export(self) -> None:
        folder = Path(self._services.preferences.value("compare/folder", str(Path.home()), str))
        path, kind = QFileDialog.getSaveFileName(
            self, "Export the confusion matrix", str(folder / "confusion.png"), ";;".join(FORMATS.values())
        )
        if path:
            suffix = next((suffix for suffix, text in FORMATS.items() if text == kind), ".png")
            target = Path(path)
            self.export_to(target if target.suffix.lower() in FORMATS else target.with_name(target.name + suffix))

    def export_to(self, path: Path) -> None:
        """Write the matrices that are shown."""
        self._services.preferences.set_value("compare/folder", str(path.parent))
        matrices = self.detail.matrices
        try:
            export(matrices.shown, path, percent=matrices.percent)
        except UserError as error:
            self.problem.emit(str(error))
        else:
            self.told.emit(f"Written to {path}")

    @Slot()
    def _on_splitter(self) -> None:
        self._services.preferences.set_value("evaluate/rows", self.splitter.saveState())
