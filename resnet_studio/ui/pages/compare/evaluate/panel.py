"""The Evaluate part of the Compare page: the order form, the stored results, and what stands behind one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelection, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QLabel,
    QMessageBox,
    QScrollArea,
    QTreeView,
    QWidget,
)

from resnet_studio.domain.comparison import NamesInList
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.pages.compare.evaluate.detail import Detail
from resnet_studio.ui.pages.compare.evaluate.export import FORMATS, export
from resnet_studio.ui.pages.compare.evaluate.matrices import MOST
from resnet_studio.ui.pages.compare.evaluate.plan import Plan, plan
from resnet_studio.ui.pages.compare.evaluate.run_groups import evaluation_name, of_runs
from resnet_studio.ui.pages.compare.evaluate.session import EvaluateSession
from resnet_studio.ui.pages.compare.evaluate.setup import SetupForm
from resnet_studio.ui.pages.compare.evaluate.texts import delete_question, plan_sentence
from resnet_studio.ui.pages.compare.evaluate.tree import Column, EvaluationsModel
from resnet_studio.ui.plots.line_sample import SAMPLE_WIDTH
from resnet_studio.ui.plots.run_colours import plain_tip
from resnet_studio.ui.save_file import ask_for_file
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.focus import keeping_focus
from resnet_studio.ui.widgets.layouts import in_column, in_splitter, in_stack, remember_sizes

_NARROW = 760  # pixels
_LEAST_TREE, _LEAST_DETAIL = 120, 340  # pixels; where the window is lower than both and the form, all scrolls


class EvaluatePanel(QWidget):
    """``status_message`` is for the status bar; ``failed`` should not be missed, and is empty when it is over."""

    status_message = Signal(str)
    failed = Signal(str)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._store = services, services.store
        self._runs: tuple[RunRecord, ...] = ()
        self._all_runs: tuple[RunRecord, ...] = ()
        self._naming = NamesInList()
        self._names: dict[str, str] = {}  # of all runs, by id, as beside the ticks
        self._shades: dict[str, int] = {}
        self._plan = Plan()
        self._choose_next = ""  # the evaluation to choose when the list is read again
        self._found: list[EvaluationSummary] = []  # of the ticked runs
        self._reading = False  # a person chose what is shown, or looks into it
        self.session = EvaluateSession(services, self)
        self.form = SetupForm(self.session)
        self.model = EvaluationsModel(services.theme, self)
        self.detail = Detail(services)
        self._build()
        self._connect()
        self._on_form()

    def _build(self) -> None:
        self.tree = named(QTreeView(uniformRowHeights=True), "evaluations_tree", accessible=_("Stored evaluations"))
        self.tree.setModel(self.model)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setIndentation(14)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(56)
        self.tree.setIconSize(QSize(SAMPLE_WIDTH, 14))
        self._nothing = QLabel(
            _("Nothing is evaluated yet for the ticked runs. Choose images and a protocol above and press Evaluate.")
        )
        self._nothing.setProperty("role", "muted")
        self._nothing.setWordWrap(True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = in_stack(self._nothing, self.tree)
        self.splitter = in_splitter((self.stack, 1), (self.detail, 3), sizes=(150, 400), upright=True)
        remember_sizes(self.splitter, self._services.preferences, "evaluate/rows")
        self.stack.setMinimumHeight(_LEAST_TREE)
        self.detail.setMinimumHeight(_LEAST_DETAIL)
        content = named(QWidget(), role="clear")
        in_column(self.form, (self.splitter, 1), of=content, margins=0, spacing=8)
        self.scrolled = named(QScrollArea(widgetResizable=True), "evaluate_scroll")
        self.scrolled.setFrameShape(QFrame.Shape.NoFrame)
        self.scrolled.setWidget(content)
        in_column(self.scrolled, of=self, margins=0)

    def _connect(self) -> None:
        self.form.changed.connect(self._on_form)
        self.form.start_requested.connect(self.start)
        self.form.stop_requested.connect(self.session.stop)
        self.session.stored.connect(self._on_stored)
        self.session.failed.connect(self.failed)
        self.session.ended.connect(self.reload)
        self.tree.selectionModel().selectionChanged.connect(self._on_selection)
        self.form.delete.clicked.connect(self._on_delete)
        self.detail.looked_into.connect(self._on_read)
        shortcut = QShortcut(QKeySequence.StandardKey.Delete, self.tree, context=Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._on_delete)
        self.detail.matrices.export_wanted.connect(self._on_export)

    @property
    def plan(self) -> Plan:
        """What pressing the button does."""
        return self._plan

    def set_runs(
        self, runs: Sequence[RunRecord], all_runs: Sequence[RunRecord], shades: Mapping[str, int] | None = None
    ) -> None:
        """``runs`` are ticked; ``all_runs`` are stored. ``shades`` by run id, as beside the ticks."""
        self._runs, self._all_runs = tuple(runs), tuple(all_runs)
        self._names = self._naming.of(all_runs, runs)
        self._shades = dict(shades or {})
        if runs:
            self.form.protocol.set_image_sizes(run.spec.network.image_size for run in runs)
        self.reload()

    @Slot()
    def start(self) -> None:
        if not self._plan.pressed or self.session.running:
            return
        if not self._store.writable:
            self.failed.emit(self._store.why_read_only)
            return
        self.failed.emit("")
        self.session.start(self._plan.pressed, self._names)

    @Slot()
    def reload(self) -> None:
        """The stored evaluations of the ticked runs; what was chosen stays chosen, or the newest is."""
        try:
            found = self._found = of_runs(self._store.evaluations(), self._runs)
        except UserError as error:
            self.failed.emit(str(error))
            return
        chosen = [self._choose_next] if self._choose_next else [one.id for one in self.chosen]
        self._choose_next = ""
        self.tree.selectionModel().blockSignals(True)
        self.model.set_evaluations(found, self._all_runs, self._names, self._shades)
        self.tree.selectionModel().blockSignals(False)
        for row in range(self.model.rowCount()):
            self.tree.setFirstColumnSpanned(row, self.tree.rootIndex(), True)
        self.tree.expandAll()
        self.stack.setCurrentIndex(1 if found else 0)
        places = [index for index in map(self.model.index_of, chosen) if index.isValid()]
        self._reading = self._reading and bool(places)
        if not places and found:
            places = [self.model.index_of(max(found, key=lambda one: one.created_at).id)]
        selection = QItemSelection()
        for index in places:
            selection.select(index, index.siblingAtColumn(len(Column) - 1))
        select = self.tree.selectionModel()
        select.blockSignals(True)
        select.select(selection, select.SelectionFlag.ClearAndSelect)
        if places:
            self.tree.scrollTo(places[0])
            select.setCurrentIndex(places[0], select.SelectionFlag.NoUpdate)
        select.blockSignals(False)
        self.tree.viewport().update()
        self._show_chosen()
        self._on_form()

    @property
    def chosen(self) -> tuple[EvaluationSummary, ...]:
        """In the order of the tree."""
        rows = self.tree.selectionModel().selectedRows()
        ordered = sorted(rows, key=lambda index: (index.internalId(), index.row()))
        found = (self.model.evaluation_at(index) for index in ordered)
        return tuple(evaluation for evaluation in found if evaluation is not None)

    @Slot()
    def _on_form(self) -> None:
        order = self.form.order()
        if order is None:
            self._plan = Plan(fault=self.form.fault)
        else:
            self._plan = plan(self._runs, order, self._found)
        if self._plan.fault:
            self.form.show_sentence(self._plan.fault, able=False, wrong=not self._plan.untouched)
            return
        sentence = plan_sentence(self._plan, self._names)
        if hint := self.form.protocol.hint:
            sentence += f" {hint}"
        if self.session.notes:
            sentence += "\n" + _("In the images seen last: {notes}", notes=" ".join(self.session.notes))
        self.form.show_sentence(sentence, able=True, again=not self._plan.tasks)

    @Slot(str)
    def _on_stored(self, evaluation_id: str) -> None:
        """The newcomer is chosen, unless a person reads another one: then the status bar names it."""
        if not self._reading:
            self._choose_next = evaluation_id
        self.reload()
        self._services.controller.refresh()  # lists show it too
        made = next((one for one in self._found if one.id == evaluation_id), None)
        if made is not None:
            name = evaluation_name(made, self._names)
            self.status_message.emit(
                _(
                    "{name}: {percent} wrong, {label}.",
                    name=name,
                    percent=formats.percent(made.top1_error),
                    label=made.protocol.label,
                )
            )

    @Slot()
    def _on_selection(self) -> None:
        """A person chose."""
        self._reading = bool(self.chosen)
        self._show_chosen()

    @Slot()
    def _on_read(self) -> None:
        """A person looks into what is shown."""
        self._reading = bool(self.chosen)

    def _show_chosen(self) -> None:
        chosen = self.chosen
        with keeping_focus(self, self.tree):
            self.form.delete.setEnabled(bool(chosen) and self._store.writable)
        try:
            found = [self._store.evaluation(summary.id) for summary in chosen[:MOST]]
        except UserError as error:
            found = []
            self.failed.emit(str(error))
        self.detail.show_evaluations(found, self._all_runs, self._names)

    @Slot()
    def _on_delete(self) -> None:
        chosen = self.chosen
        if not chosen or not self._store.writable:
            return
        question = delete_question(chosen, self._names)
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        if QMessageBox.question(self, _("Delete"), plain_tip(question), yes | no, no) != yes:
            return
        try:
            for evaluation in chosen:
                self._store.delete_evaluation(evaluation.id)
        except UserError as error:
            self.failed.emit(str(error))
        self.reload()
        self._services.controller.refresh()
        self.status_message.emit(
            _("Deleted.") if len(chosen) == 1 else _("Deleted {chosen} results.", chosen=len(chosen))
        )

    @Slot()
    def _on_export(self) -> None:
        title, preferences = _("Export the confusion matrix"), self._services.preferences
        if path := ask_for_file(self, title, "confusion.png", FORMATS, preferences, "compare/folder"):
            self.export_to(path)

    def export_to(self, path: Path) -> None:
        """Write the matrices that are shown."""
        self._services.preferences.set_value("compare/folder", str(path.parent))
        matrices = self.detail.matrices
        try:
            export(matrices.shown, path, percent=matrices.percent)
        except UserError as error:
            self.failed.emit(str(error))
        else:
            self.status_message.emit(_("Written to {path}", path=path))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is narrow the names take the dates' room; their tool tips have those too."""
        super().resizeEvent(event)
        self.tree.setColumnHidden(Column.WHEN, self.width() < _NARROW)
