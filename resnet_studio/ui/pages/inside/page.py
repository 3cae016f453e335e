"""Inside: networks looked into, plain beside residual: analyses at the left, the drawing as a map, and the figure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QLabel,
    QListWidget,
    QProgressBar,
    QPushButton,
    QWidget,
)

from resnet_studio.domain.analyses.lesion import Change
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.analyses.rows import ANALYSES, AnalysisRow, find_analysis
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import RunSpec
from resnet_studio.text import _
from resnet_studio.ui.analyses.network_map import NetworkMap
from resnet_studio.ui.analyses.results import Shown, title_of, together
from resnet_studio.ui.analyses.session import AnalysisSession
from resnet_studio.ui.analyses.subjects import Chosen, designed, newest, with_counterparts
from resnet_studio.ui.analyses.work import BlockTaken, Inquiry
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.inside.change_bar import ChangeBar, Mode
from resnet_studio.ui.pages.inside.choose_dialog import ChooseDialog
from resnet_studio.ui.pages.inside.figure_panel import FigurePanel
from resnet_studio.ui.pages.inside.lesion import LesionAnswers
from resnet_studio.ui.pages.inside.settings_form import SettingsForm
from resnet_studio.ui.pages.inside.train_on_bar import TrainOnBar
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.banner import Banner
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.empty_state import EmptyState
from resnet_studio.ui.widgets.field_row import Choice
from resnet_studio.ui.widgets.layouts import (
    STRETCH,
    Gap,
    framed_panel,
    in_column,
    in_row,
    in_splitter,
    in_stack,
    scrolled,
)
from resnet_studio.ui.widgets.plain_tip import set_tip

_DRAW_MS = 120  # between two drawings of what is under way


class InsidePage(Page):
    """Networks, an analysis with its settings, and what it finds; what is chosen in the drawing is marked in it."""

    def __init__(self, services: Services, row: PageRow, parent: QWidget | None = None) -> None:
        super().__init__(services, row, parent)
        self.chosen = Chosen()
        self.session = AnalysisSession(services, self)
        self._fresh: dict[tuple[str, Hashable], Shown] = {}  # measured in this window
        self._lesion = LesionAnswers()
        self._chosen_once = False
        self._groups: list[Any] = []
        self._build()
        self._connect()
        self.analyses.setCurrentRow(0)

    # What is asked for

    @property
    def analysis(self) -> AnalysisRow:
        return ANALYSES[max(self.analyses.currentRow(), 0)]

    def show_analysis(self, key: str) -> None:
        """Raises UserError if there is no such analysis."""
        self.analyses.setCurrentRow(ANALYSES.index(find_analysis(key)))

    def show_runs(self, run_ids: Sequence[str], analysis: str = "") -> None:
        """Look into these runs; a single one stands beside its counterpart.

        An ``analysis`` that is named is measured at once, unless it is stored.
        """
        self.show_chosen(Chosen(with_counterparts(run_ids, self._read_runs())))
        if analysis:
            self.show_analysis(analysis)
            if self.chosen and self.figure.shown is None:
                self.look()

    def show_design(self, spec: RunSpec, analysis: str = "signal", *, start: bool = True) -> None:
        """Look into a design beside its counterpart; ``start``: at once."""
        self.show_chosen(designed(spec))
        self.show_analysis(analysis)
        if start:
            self.look()

    def show_chosen(self, chosen: Chosen) -> None:
        self._chosen_once = True
        self.session.stop()
        self.chosen = chosen
        self.form.forget("block", "blocks", "order")  # other networks have others
        self._lesion = LesionAnswers()
        self.networks.show_text(chosen.sentence)
        self.map.show_plans(chosen.plans)
        self.map.choose("")
        self.changes.clear()
        self.figure.canvas.mark("")
        self.stack.setCurrentIndex(1 if chosen else 0)
        self._show_known()
        self._prepare()

    @Slot()
    def look(self) -> None:
        """Measure the chosen analysis; while one is under way, stop it."""
        if self.session.running:
            self.session.stop()
            return
        inquiry = self._inquiry()
        if inquiry is None:
            return
        if inquiry.row.key == "lesion":
            self._lesion.begin(inquiry)
        self.session.start(inquiry)

    @Slot()
    def choose(self) -> None:
        """Ask which networks."""
        dialog = ChooseDialog(self.services.theme, self._read_runs(), self.chosen, self, self._kept_iterations)
        if dialog.exec() == ChooseDialog.DialogCode.Accepted:
            self.show_chosen(dialog.chosen)
        dialog.deleteLater()

    def _kept_iterations(self, run_id: str) -> list[int]:
        try:
            return [kept.iteration for kept in self.services.store.checkpoints(run_id)]
        except UserError:
            return []

    def activate(self) -> None:
        if not self._chosen_once:
            runs = newest(self._read_runs())
            if runs:
                self.show_chosen(Chosen(runs))

    # What is found

    def _inquiry(self) -> Inquiry | None:
        """None, and a banner, where something is missing."""
        settings = self.form.settings()
        if settings is None:
            self._on_failed(self.form.fault)
            return None
        self.banner.withdraw("error")
        return Inquiry(self.analysis, settings, self.chosen, self.services.controller.training)

    def _show_known(self) -> None:
        """What this window has measured of the analysis, else what is stored."""
        row, chosen = self.analysis, self.chosen
        self._groups = []
        run_ids = [run.id for run in chosen.runs]
        try:
            found = self.services.store.analyses(None, row.key) if run_ids else ()
            self._groups = together(found, chosen)
        except UserError as error:
            self._on_failed(str(error))
        fresh = self._fresh.get((row.key, chosen.key))
        if fresh is not None and self._groups and any(not net.trained for one in fresh.results for net in one.nets):
            self._groups.insert(0, list(fresh.records))  # the figure's: untrained designs are not stored
        self.stored.clear()
        self.stored.addItems([title_of(group) for group in self._groups])
        self.stored.setVisible(bool(self._groups))
        self.map.show_lesion(())
        if fresh is not None:
            self._show(fresh)
        elif self._groups:
            self._on_stored(0)
        else:
            self.figure.show_row(row)
            self.train_on.show_results(())

    def _show(self, shown: Shown) -> None:
        self.figure.show_results(shown)
        self.train_on.show_results(shown.results)
        if shown.row.key == "lesion":
            self._lesion.replace(shown)
            self._show_strip()

    @Slot(int)
    def _on_stored(self, place: int) -> None:
        try:
            records = tuple(
                one if isinstance(one, AnalysisRecord) else self.services.store.analysis(one.id)
                for one in self._groups[place]
            )
        except UserError as error:
            self._on_failed(str(error))
            return
        self._show(Shown.of(self.analysis, records))

    def _on_found(self, inquiry: Inquiry, records: tuple[AnalysisRecord, ...]) -> None:
        if inquiry.row.key == "lesion":
            self._on_answered(inquiry, records)
            self._on_ended(inquiry)
            return
        self._fresh[inquiry.row.key, inquiry.chosen.key] = Shown.of(inquiry.row, records)
        if inquiry.row.builds:
            self.services.controller.refresh()
        if (inquiry.row, inquiry.chosen.key) == (self.analysis, self.chosen.key):
            self._drawer.stop()
            self._show_known()

    def _on_partial(self, inquiry: Inquiry, results: tuple[AnalysisResult, ...]) -> None:
        if (inquiry.row, inquiry.chosen.key) == (self.analysis, self.chosen.key):
            self.figure.show_results(Shown(inquiry.row, results))

    # Lesion

    def _on_taken(self, inquiry: Inquiry, taken: BlockTaken) -> None:
        if inquiry.chosen.key == self.chosen.key:
            self._lesion.add(taken)
            self._draw_soon()

    def _on_answered(self, inquiry: Inquiry, records: tuple[AnalysisRecord, ...]) -> None:
        """One change, or the whole strip, is done in every network."""
        if inquiry.chosen.key == self.chosen.key:
            kept = self._lesion.keep(records)
            self._fresh[inquiry.row.key, inquiry.chosen.key] = Shown.of(inquiry.row, kept)
            self._draw_soon()

    def _draw_soon(self) -> None:
        if not self._drawer.isActive():
            self._drawer.start()

    def _on_ended(self, inquiry: Inquiry) -> None:
        """What a stop left unfinished stays in sight."""
        if inquiry.row != self.analysis or inquiry.chosen.key != self.chosen.key:
            return
        if inquiry.row.key == "lesion" and self._lesion.done:
            self._drawer.stop()
            self._show_known()
        elif self.figure.shown is not None and not self.figure.shown.records:
            self.figure.measured.setText(_("Ended before all was measured; what was not finished is not stored."))

    @Slot()
    def _draw_lesion(self) -> None:
        if self.analysis.key == "lesion" and self._lesion:
            self.figure.show_results(Shown(self.analysis, self._lesion.results()))
            self._show_strip()

    def _show_strip(self) -> None:
        self.map.show_lesion(self._lesion.columns(self.chosen))
        self._answer()

    def _answer(self) -> None:
        self.figure.say(self._lesion.sentence(self.map.chosen))

    # The drawing

    @Slot(str)
    def _on_pointed(self, block: str) -> None:
        self.figure.canvas.mark(block or self.map.chosen)

    @Slot(str)
    def _on_figure_pointed(self, name: str) -> None:
        parts = name.split(".")
        self.map.point(".".join(parts[:2]) if len(parts) > 1 else "")

    @Slot(str)
    def _on_block(self, block: str) -> None:
        """The figure follows; a lesion takes the block out, other analyses of a block are made of this one."""
        self.figure.canvas.mark(block)
        if self.analysis.key == "lesion":
            self._change(self.changes.take(block))
        elif not self.session.running and self.form.set_value("block", block):
            self.look()

    def _change(self, change: Change | None) -> None:
        """Ask what this does, unless it is known on the same images."""
        mode = self.changes.mode
        self.map.show_changed(() if mode is Mode.ONE else self.changes.selected, out=mode is Mode.SEVERAL)
        inquiry = self._inquiry() if change is not None else None
        if inquiry is None or change is None:
            self._lesion.asked = None
            self._answer()
            return
        self._lesion.asked = change
        self._lesion.begin(inquiry)
        if not self._lesion.knows(change):
            self.session.change(inquiry, change)
        self._answer()

    def _prepare(self) -> None:
        """While somebody looks for the first block to take out; not beside a training."""
        settings = self.form.settings()
        trained = bool(self.chosen.runs) and not self.chosen.designs
        if self.analysis.key == "lesion" and trained and settings is not None and self.isVisible():
            inquiry = Inquiry(self.analysis, settings, self.chosen, self.services.controller.training)
            if not inquiry.gentle:
                self.session.prepare(inquiry)

    @Slot()
    def _on_whole(self) -> None:
        self._lesion.asked = None
        self.map.choose("")
        self.map.show_changed(())
        self.figure.canvas.mark("")
        self.figure.say("")

    # State

    @Slot()
    def _on_changed(self) -> None:
        running = self.session.running
        self.run_button.setText(_("Stop") if running else _("&Measure"))
        self.progress.setVisible(running)
        fraction = self.session.fraction
        self.progress.setRange(0, 0 if fraction is None else 1000)
        self.progress.setValue(round(1000 * (fraction or 0.0)))
        self.state.show_text(self.session.sentence if running else "")
        self.working.emit(self.session.sentence if running else "")

    @Slot(int)
    def _on_analysis(self, _row: int) -> None:
        row = self.analysis
        self.form.show_kind(row.settings, row.key)
        needs = _("It needs trained weights: choose runs.") if row.trained and self.chosen.designs else ""
        set_tip(self.run_button, needs)
        self.changes.setVisible(row.key == "lesion")
        self.changes.clear()
        self._show_known()
        self._prepare()

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.banner.show_notice("error", sentence, kind="error")

    @Slot(tuple)
    def _on_training_on(self, run_ids: tuple[str, ...]) -> None:
        self.services.navigator.compare(run_ids)
        self.message.emit(_("Both train on, one after the other; their curves grow here."))

    @Slot(str)
    def _on_not_measured(self, sentence: str) -> None:
        if self._lesion.asked is not None:
            self._lesion.asked = None
            self.changes.take_back()
            self.map.show_changed(())
            self.figure.say("")
        self._on_failed(sentence)

    def _read_runs(self) -> list[RunRecord]:
        try:
            return self.services.store.list_runs()
        except UserError as error:
            self._on_failed(str(error))
            return []

    # Building

    def _connect(self) -> None:
        self._drawer = QTimer(self, singleShot=True, interval=_DRAW_MS)
        self._drawer.timeout.connect(self._draw_lesion)
        self.analyses.currentRowChanged.connect(self._on_analysis)
        self.run_button.clicked.connect(self.look)
        self.choose_button.clicked.connect(self.choose)
        self.stored.activated.connect(self._on_stored)
        self.map.block_pointed.connect(self._on_pointed)
        self.map.block_chosen.connect(self._on_block)
        self.figure.block_pointed.connect(self._on_figure_pointed)
        self.figure.status_message.connect(self.message)
        self.figure.failed.connect(self._on_failed)
        self.session.changed.connect(self._on_changed)
        self.session.found.connect(self._on_found)
        self.session.partial.connect(self._on_partial)
        self.session.taken.connect(self._on_taken)
        self.session.answered.connect(self._on_answered)
        self.session.failed.connect(self._on_not_measured)
        self.session.ended.connect(self._on_ended)
        self.session.noticed.connect(self._on_failed)
        self.changes.cleared.connect(self._on_whole)
        self.train_on.started.connect(self._on_training_on)
        self.train_on.failed.connect(self._on_failed)
        self.empty.pressed.connect(self._on_empty)

    @Slot()
    def _on_empty(self) -> None:
        self.services.navigator.check_signal()

    def _build(self) -> None:
        self.analyses = named(QListWidget(), "inside_analyses", accessible=_("Analyses"))
        self.analyses.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for row in ANALYSES:
            self.analyses.addItem(_(row.title))
            self.analyses.item(self.analyses.count() - 1).setToolTip(_(row.definition))
        self.form = SettingsForm()
        self.run_button = named(QPushButton(_("&Measure")), "inside_run", role="primary")
        self.progress = named(QProgressBar(), "inside_progress", accessible=_("Progress"))
        self.progress.hide()
        self.state = named(ElidedLabel(), "inside_state", role="muted")
        self.map = NetworkMap(self.services.theme)
        self.changes = ChangeBar()
        self.figure = FigurePanel(self.services)
        self.train_on = TrainOnBar(self.services)
        self.networks = named(ElidedLabel(), "inside_networks", role="muted")
        self.choose_button = named(QPushButton(_("Choose &networks…")), "inside_choose_button")
        self.stored = named(Choice(), "inside_stored", tip=_("Stored results of these networks"))
        self.stored.setMinimumContentsLength(40)  # date, images, seed and networks
        self.stored.setAccessibleName(_("Stored results"))
        self.banner = named(Banner(), "inside_banner")
        title = named(QLabel(self.row.title), role="title")
        head = in_row(title, Gap(10), (self.networks, 1), self.stored, self.choose_button)
        holder = named(QWidget(), role="clear")
        in_column(self.form, STRETCH, of=holder, margins=0)
        left = framed_panel((self.analyses, 1), (scrolled(holder), 1), self.run_button, self.progress, self.state)
        left.setMinimumWidth(265)
        middle = framed_panel((self.map, 1), self.changes)
        right = framed_panel((self.figure, 1), self.train_on)
        columns = in_splitter((left, 0), (middle, 1), (right, 2), sizes=(275, 330, 600))
        self.analyses.setMinimumHeight(110)
        content = QWidget()
        in_column(head, self.banner, (columns, 1), of=content, margins=(16, 12, 16, 12), spacing=8)
        self.empty = EmptyState(
            _("Look inside networks"),
            _(
                "Measure why depth hurts a plain net and not a residual one: gradients block by block, what each layer "
                "answers, what happens when a block is taken out. Untrained designs will do to begin with; trained "
                "runs and imported weights show more."
            ),
            _("Signal check of the twin on Design"),
        )
        self.stack = in_stack(self.empty, content)
        in_column(self.stack, of=self, margins=0)
