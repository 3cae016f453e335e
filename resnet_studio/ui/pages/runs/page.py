"""Runs: every stored run in one table, to find, name, compare, resume, use and delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from PySide6.QtCore import QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CurvesGrew, Event, ProgressMade
from resnet_studio.domain.grouping import NO_GROUPS, group_runs
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_filter import parse_filter
from resnet_studio.domain.text_numbers import file_size
from resnet_studio.history.run_folders import preprocessing_of
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.runs_table import RunsProxy, RunsTableModel
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.runs.actions import RunAction, Shelf, Situation
from resnet_studio.ui.pages.runs.commands import RunCommands
from resnet_studio.ui.pages.runs.details import DetailsPanel
from resnet_studio.ui.pages.runs.dialogs import ask_to_delete_unreadable, fill_colour_menu
from resnet_studio.ui.pages.runs.editor import RunEditor
from resnet_studio.ui.pages.runs.folder_sizes import FolderSizes
from resnet_studio.ui.pages.runs.groups_view import GroupsView
from resnet_studio.ui.pages.runs.responsive_toolbar import ToolRow
from resnet_studio.ui.pages.runs.run_actions_menu import Toolbox
from resnet_studio.ui.pages.runs.table_view import RunsView
from resnet_studio.ui.pages.runs.undo_bar import UndoBar
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.empty_state import EmptyState
from resnet_studio.ui.widgets.filter_field import FilterField
from resnet_studio.ui.widgets.group_choice import GroupChoice
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, in_row

_KEPT_DELETED = timedelta(days=30)
_NO_RUNS = (
    _("No runs yet"),
    _(
        "Every network that you train is kept here, with its specification, its curves and its weights. "
        "Design one, or run the study that is ready there."
    ),
)
_ALL_DELETED = (_("All runs were deleted"), _("Undo (Ctrl+Z) brings back what was deleted last."))
_EMPTY = {
    Shelf.ARCHIVE: (_("Nothing is archived"), _("Runs that you archive leave every list and stay whole.")),
    Shelf.TRASH: (_("The trash is empty"), _("Deleted runs lie here until the trash is emptied.")),
}
_LIVE_MS = 1000  # rows of runs in training are read again at most this often


class RunsPage(Page):
    """Records come from the store; the navigator leads to other pages."""

    def __init__(self, services: Services, row: PageRow, parent: QWidget | None = None) -> None:
        super().__init__(services, row, parent)
        self._store, self._controller = services.store, services.controller
        self._stale = True
        self._failure = ""
        self._trash: list[RunRecord] = []
        self._sizes = FolderSizes(services, self)
        self.model = RunsTableModel(self)
        self.model.set_fields(services.preferences.value("runs/fields", [], list))
        self.proxy = RunsProxy(self.model, self)
        self.table = RunsView(self.proxy, services.theme, services.preferences, self)
        self.toolbox = Toolbox(self, self.table, services.theme)
        self.details = DetailsPanel(services.theme, self)
        self.undo_bar = UndoBar(self)
        self.editor = RunEditor(self._store, self)
        self.groups = GroupsView(services.theme, self)
        self.group_choice = GroupChoice(services.preferences, "runs", self)
        self.commands = RunCommands(
            services.navigator, self.table, self._chosen_runs, self.model, self.editor, self.undo_bar, self
        )
        self._build()
        self._live = QTimer(self, interval=_LIVE_MS, singleShot=True)
        self._connect()
        self._show_details(services.preferences.value("runs/details", False, bool))
        if self._store.writable:
            store = self._store
            services.jobs.start(lambda _emit, _stop: store.purge_deleted(_KEPT_DELETED), on_failed=self._on_failed)
        self._update()

    def _build(self) -> None:
        title = named(QLabel(self.row.title, self), role="title")
        self._count = named(QLabel(self), "runs_count", role="muted")
        self.filter_field = FilterField(lambda: self.model.records, self)
        named(self.filter_field, "filter_field", accessible=_("Filter the runs"))
        self.filter_field.setPlaceholderText(_("Filter, for example: depth>20"))
        self.filter_field.setMinimumHeight(34)
        self.shelf_choice = named(
            QComboBox(self),
            "shelf_choice",
            tip=_("Runs in use, archived ones, or deleted ones: the trash empties itself after {days} days", days=30),
            accessible=_("Which runs"),
        )
        for shelf in Shelf:
            self.shelf_choice.addItem(_(shelf.value), shelf)
        self._fault = named(QLabel(self, textFormat=Qt.TextFormat.PlainText), "runs_problem", role="error")
        self._fault.setWordWrap(True)

        head = in_row(title, (self._count, 0, Qt.AlignmentFlag.AlignBottom), STRETCH)
        self._more_seeds = self.toolbox.button(RunAction.MORE_SEEDS)
        head.addWidget(self._more_seeds)
        head.addWidget(self.shelf_choice)
        shrinking = (RunAction.COMPARE, RunAction.CLASSIFY, RunAction.RESUME, RunAction.DELETE, RunAction.DETAILS)
        others: list[QToolButton] = [self.group_choice]
        for name, menu, tip in (
            (_("More"), self.toolbox.menu(), _("Everything that can be done with the chosen runs")),
            (_("Columns"), None, _("Which columns show")),
        ):
            button = named(QToolButton(self), f"runs_{name.lower()}_button", role="button", tip=tip)
            button.setText(f"{name} ▾")
            if menu:
                button.setMenu(menu)
                button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
                self.context_menu = menu
            else:
                button.clicked.connect(self._on_columns)
                self._columns_button = button
            others.append(button)
        self.tools = ToolRow(self.filter_field, [self.toolbox.button(kind) for kind in shrinking], others, self)

        self._empty = named(EmptyState(*_NO_RUNS, _("Go to Design"), self), "runs_empty")
        self._nothing = EmptyState(
            _("No run matches"), _("No stored run fits what the filter asks for."), _("Clear the filter"), self
        )
        self._nothing.setObjectName("runs_nothing")
        self._stack = QStackedWidget(self)
        for widget in (self.table, self._empty, self._nothing, self.groups):
            self._stack.addWidget(widget)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.addWidget(self._stack)
        self._splitter.addWidget(self.details)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setCollapsible(0, False)
        self._splitter.setCollapsible(1, False)
        self._splitter.setSizes([900, 340])

        in_column(
            head,
            self.tools,
            self._fault,
            (self._splitter, 1),
            self.undo_bar,
            of=self,
            margins=(20, 16, 20, 14),
            spacing=10,
        )

    def _connect(self) -> None:
        self.filter_field.textChanged.connect(self._on_filter)
        self.filter_field.returnPressed.connect(self.table.setFocus)
        find = QShortcut(QKeySequence.StandardKey.Find, self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self._on_find)
        self.table.selectionModel().selectionChanged.connect(self._update)
        self.table.doubleClicked.connect(self._on_double_click)
        self.table.menu_requested.connect(self._on_menu)
        self.table.fields_chosen.connect(self.model.set_fields)
        self.groups.menu_requested.connect(self._on_menu)
        self.groups.doubleClicked.connect(self._on_double_click)
        self.groups.selectionModel().selectionChanged.connect(self._update)
        self.group_choice.changed.connect(self._show_groups)
        self.model.edit_requested.connect(self.editor.edit)
        self.editor.written.connect(self._on_written)
        self.editor.failed.connect(self._on_failed)
        self.toolbox.requested.connect(self._on_action)
        fill_colour_menu(self.toolbox.colour_menu, self._set_colour)
        self.details.closed.connect(lambda: self._show_details(False))
        self.details.copy_spec_requested.connect(self.commands.copy_spec)
        self.details.copy_id_requested.connect(self.commands.copy_id)
        self.undo_bar.undone.connect(self._on_undo)
        self.commands.message.connect(self.message)
        self.commands.emptying_requested.connect(self._on_empty_trash)
        self.commands.deleting_unreadable_requested.connect(self._on_delete_unreadable)
        self.shelf_choice.currentIndexChanged.connect(lambda: self.reload())
        self.commands.restored.connect(self.choose_runs)
        self._empty.pressed.connect(self._on_empty)
        self._nothing.pressed.connect(self.filter_field.clear)
        self._sizes.found.connect(self._on_sizes)
        self._live.timeout.connect(self._refresh_active)
        self._controller.runs_changed.connect(self._on_runs_changed)
        self._controller.state_changed.connect(self._update)
        self._controller.happened.connect(self._on_happened)

    @property
    def chosen(self) -> tuple[RunRecord, ...]:
        """The selected runs, or those of the selected groups, from top to bottom."""
        return self.groups.chosen if self.group_choice.grouping else self.table.chosen

    def _chosen_runs(self) -> tuple[RunRecord, ...]:
        return self.chosen

    @Slot()
    def _show_groups(self) -> None:
        if self.group_choice.grouping:
            self.groups.show_groups(group_runs(self.proxy.records, self.group_choice.grouping))
        self._update()

    def choose_runs(self, run_ids: Sequence[str]) -> None:
        """Select these, the filter emptied if it hides one of them; they may be newer than the list."""
        if self.shelf is not Shelf.RUNS:
            self.shelf_choice.setCurrentIndex(0)
        known = {run.id for run in self.model.records}
        if self._stale or not known.issuperset(run_ids):
            self.reload()
        self.group_choice.set_grouping(NO_GROUPS)
        if not all(self.proxy.index_of(run_id).isValid() for run_id in run_ids):
            self.filter_field.clear()
        self.table.choose(run_ids)

    def activate(self) -> None:
        self._reload_if_stale()
        self._update()
        if not self.chosen:
            (self.groups if self.group_choice.grouping else self.table).setFocus()

    def reload(self) -> None:
        """Read the list again; selection and place stay."""
        try:
            runs = self._listed()
        except UserError as error:
            self._on_failed(str(error))
            return
        self._stale = False
        self._failure = ""
        place = self.table.verticalScrollBar().value()
        before = [run.id for run in self.chosen]
        self.model.set_records(runs)
        if before and not self.chosen:  # a whole new table
            self.table.choose([run_id for run_id in before if self.proxy.index_of(run_id).isValid()])
        self.table.verticalScrollBar().setValue(place)
        self._show_groups()
        QTimer.singleShot(0, self.proxy, self.proxy.prepare)
        self._sizes.measure(self.model.unsized())

    @property
    def shelf(self) -> Shelf:
        """Where the runs lie that are listed."""
        return Shelf(self.shelf_choice.currentData())

    def _listed(self) -> list[RunRecord]:
        self._trash = self._store.list_runs(deleted=True)
        if self.shelf is Shelf.TRASH:
            return self._trash
        return self.services.controller.ended(self._store.list_runs(archived=self.shelf is Shelf.ARCHIVE))

    @Slot(object)
    def _on_sizes(self, sizes: list[tuple[RunRecord, int]]) -> None:
        self.model.set_sizes(sizes)
        self._update()

    @Slot()
    def _on_empty_trash(self) -> None:
        size = sum(self.services.home.run(run.id).size_bytes() for run in self._trash)
        count = len(self._trash) + len(self._store.unreadable_deleted)
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = _n(
            "Remove {count} deleted run and its files ({size}) for ever?",
            "Remove {count} deleted runs and their files ({size}) for ever?",
            count,
            size=file_size(size),
        )
        if QMessageBox.question(self, _("Empty trash"), question, yes | no, no) != yes:
            return
        if self.editor.empty_trash():
            self.undo_bar.hide()
            self.message.emit(_("The trash is empty, {size} freed.", size=file_size(size)))

    def _on_delete_unreadable(self) -> None:
        found = dict(self._store.unreadable)
        if ask_to_delete_unreadable(self, list(found.values())) and self.editor.delete(tuple(found)):
            self.undo_bar.show_text(
                _n("{count} unreadable run was deleted.", "{count} unreadable runs were deleted.", len(found))
            )

    def _reload_if_stale(self) -> None:
        if self._stale:
            self.reload()

    def _on_runs_changed(self) -> None:
        self._stale = True
        if self.isVisible():
            self.reload()

    def _on_happened(self, event: Event) -> None:
        if isinstance(event, ProgressMade | CurvesGrew) and self.isVisible() and not self._live.isActive():
            self._live.start()

    def _refresh_active(self) -> None:
        """Only the rows that move: a long list is not read again each second."""
        try:
            self.model.update_records([self._store.get(run_id) for run_id in self._controller.trained])
        except UserError:
            self._on_runs_changed()
            return
        self._update()

    def _update(self) -> None:
        """Buttons, counts and details for what is chosen now."""
        self.model.editable = self._store.writable
        chosen, busy = self.chosen, self._controller.on_their_way
        self.toolbox.set_situation(
            Situation(
                chosen,
                busy,
                self._store.why_read_only,
                self.editor.can_undo,
                self.shelf,
                trash=len(self._trash) + len(self._store.unreadable_deleted),
                unreadable=len(self._store.unreadable),
            )
        )
        shown, total = self.proxy.rowCount(), self.model.rowCount()
        self._count.setText(self._count_text(shown, total, len(chosen)))
        table = self.groups if self.group_choice.grouping else self.table
        self._stack.setCurrentWidget(self._empty if not total else table if shown else self._nothing)
        self._columns_button.setEnabled(table is self.table)
        self._more_seeds.setVisible(table is self.groups)
        self._empty.set_words(*(_EMPTY.get(self.shelf) or (_ALL_DELETED if self.editor.can_undo else _NO_RUNS)))
        self._empty.button.setText(_("Go to Design") if self.shelf is Shelf.RUNS else _("Back to the runs"))
        if self.details.isVisibleTo(self):
            self._show_details_of(chosen[0] if len(chosen) == 1 else None)
        fault = self._failure or parse_filter(self.filter_field.text()).problem
        self._fault.setText(fault)
        self._fault.setVisible(bool(fault))

    def _count_text(self, shown: int, total: int, chosen: int) -> str:
        """How many runs there are, in how many groups, how many are chosen, and what all of them take."""
        if not total:
            return ""
        text = formats.runs(total)
        if shown != total:
            text = _("{count} of {runs}", count=formats.count(shown), runs=text)
        if self.group_choice.grouping:
            groups = self.groups.groups.rowCount()
            text += _n(" in {count} group", " in {count} groups", groups, count=formats.count(groups))
        if chosen > 1:
            text += _(", {count} chosen", count=formats.count(chosen))
        if self.model.total_bytes is not None:
            text += _(", {size} on disk", size=file_size(self.model.total_bytes))
        return text

    def _show_details_of(self, run: RunRecord | None) -> None:
        if run is None:
            self.details.show_run(None)
            return
        try:
            evaluations = self._store.evaluations(run.id)
        except UserError as error:
            self._failure, evaluations = str(error), ()
        images = preprocessing_of(self.services.home, run.id)
        self.details.show_run(run, self.model.records, evaluations, images)

    def _on_filter(self, text: str) -> None:
        before = [run.id for run in self.table.chosen]
        self.proxy.set_filter(parse_filter(text))
        if before and not self.table.chosen:  # a whole new table
            self.table.choose([run_id for run_id in before if self.proxy.index_of(run_id).isValid()])
        self._show_groups()

    def _on_find(self) -> None:
        self.filter_field.setFocus()
        self.filter_field.selectAll()

    def _on_failed(self, sentence: str) -> None:
        self._failure = sentence
        self.message.emit(sentence)
        self._update()

    def _on_written(self) -> None:
        """Something was stored: show it everywhere."""
        self._failure = ""
        self.reload()
        self._controller.refresh()

    def _on_double_click(self) -> None:
        if self.table.state() != RunsView.State.EditingState:
            self.commands.compare()

    def _on_menu(self, place: QPoint) -> None:
        self._update()
        table = self.groups if self.group_choice.grouping else self.table
        self.context_menu.popup(table.viewport().mapToGlobal(place))

    def _on_columns(self) -> None:
        button = self._columns_button
        self.table.columns_menu().popup(button.mapToGlobal(QPoint(0, button.height())))

    def _on_action(self, action: RunAction) -> None:
        if action is RunAction.DETAILS:
            self._toggle_details()
        else:
            self.commands.run(action)
        self._update()

    def _on_undo(self) -> None:
        self._on_action(RunAction.UNDO)

    def _on_empty(self) -> None:
        if self.shelf is Shelf.RUNS:
            self.services.navigator.design()
        else:
            self.shelf_choice.setCurrentIndex(0)

    def _set_colour(self, colour: str) -> None:
        self.editor.set_colour(self.chosen, colour)

    def _toggle_details(self) -> None:
        self._show_details(not self.details.isVisibleTo(self))

    def _show_details(self, shown: bool) -> None:
        self.details.setVisible(shown)
        self.toolbox.actions[RunAction.DETAILS].setChecked(shown)
        self.services.preferences.set_value("runs/details", shown)
        self._update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._reload_if_stale()
