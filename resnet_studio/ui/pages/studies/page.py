"""Studies: the paper's questions and one's own, what they take, how far they are and what they answer."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QPushButton,
    QWidget,
)

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.queue import QueueCommand
from resnet_studio.domain.visible_text import visible
from resnet_studio.studies.estimate import measured_for
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.study_file import STUDY_SUFFIX
from resnet_studio.text import _, _n
from resnet_studio.training.speed_cache import known_speeds
from resnet_studio.ui.measure_speed import Measuring
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.studies.answers import Answers, text_label
from resnet_studio.ui.pages.studies.gallery import StudyList
from resnet_studio.ui.pages.studies.new_study import NewStudyDialog
from resnet_studio.ui.pages.studies.setup import SetupPanel
from resnet_studio.ui.pages.studies.work import (
    Card,
    Look,
    first_cards,
    look,
    missing,
    own_card,
    read_cards,
    write_report,
)
from resnet_studio.ui.pages.studies.workers import WorkersPanel
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Job
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, in_row, in_splitter, scrolled
from resnet_studio.ui.widgets.plain_tip import set_tip

LOOK_AFTER_MS = 200  # a number of seeds is typed digit by digit
CARDS_AFTER_MS = 1500  # runs change several times a second while one trains
_FILES = "studies/files"


class StudiesPage(Page):
    """The gallery on the left, the chosen study on the right."""

    def __init__(self, services: Services, row: PageRow, parent: QWidget | None = None) -> None:
        super().__init__(services, row, parent)
        self.view: Look | None = None
        self._looking: Job | None = None
        self._reading: Job | None = None
        self._stale = True
        self._was_measuring = False
        self._evaluated: frozenset[tuple[str, ...]] = frozenset()  # asked for already
        self.list = StudyList(services.theme)
        self.title = text_label("", "study_title", role="title")
        self.question = text_label("", "study_question", role="heading")
        self.paper = text_label("", "study_paper", role="muted")
        self.setup = SetupPanel(services)
        self.measuring = Measuring(services, self)
        self.answers = Answers(services.theme)
        self.workers = WorkersPanel(services.store, services.jobs)
        self.open_button = named(QPushButton(_("Open a study…")), "open_study_button")
        set_tip(self.open_button, _("A study's file (TOML); it can be dropped on the window too"))
        self.new_button = named(QPushButton(_("New study…")), "new_study_button")
        set_tip(self.new_button, _("A grid over any fields, saved as a file"))
        self.file_fault = text_label("", "study_file_fault", role="error")
        self.file_fault.setMinimumWidth(1)  # else as wide as the longest name of a file
        self.file_fault.hide()
        self.forget_button = named(QPushButton(_("Take off the list")), "forget_study_button")
        self._look_timer = QTimer(self, singleShot=True, interval=LOOK_AFTER_MS)
        self._cards_timer = QTimer(self, singleShot=True, interval=CARDS_AFTER_MS)
        self._lay_out()
        self._connect()
        files = [Path(each) for each in services.preferences.value(_FILES, [], list)]
        self.list.show_cards((*first_cards(), *map(own_card, files)))
        last = services.preferences.value("studies/chosen", "", str)
        if not self.list.choose(last):
            self.list.choose(first_cards()[0].key)

    def _lay_out(self) -> None:
        left = QWidget()
        column = in_column((self.list, 1), of=left, margins=0)
        column.addWidget(self.file_fault)
        row = in_row((self.open_button, 1), (self.new_button, 1))
        column.addLayout(row)
        column.addWidget(self.forget_button)
        inside = named(QWidget(), role="clear")
        in_column(
            self.title,
            self.question,
            self.paper,
            self.setup,
            self.workers,
            self.answers,
            STRETCH,
            of=inside,
            margins=(0, 0, 8, 0),
            spacing=8,
        )
        self.area = scrolled(inside, "study_area")
        splitter = in_splitter((left, 0), (self.area, 1), sizes=(280, 800), name="studies_splitter", handle=10)
        in_row(splitter, of=self, margins=(16, 12, 16, 12))

    def _connect(self) -> None:
        controller, setup = self.services.controller, self.setup
        self.list.chosen.connect(self._on_chosen)
        setup.changed.connect(self._on_setup)
        setup.measure.clicked.connect(self.measure)
        self.measuring.changed.connect(self._on_measuring)
        self.measuring.progressed.connect(self._on_progressed)
        setup.train.clicked.connect(partial(self._start, True))
        setup.queue.clicked.connect(partial(self._start, False))
        setup.more.clicked.connect(self.add_seeds)
        setup.compare.clicked.connect(self._on_compare)
        setup.report.clicked.connect(self._on_report)
        self.open_button.clicked.connect(self._on_open)
        self.new_button.clicked.connect(self._on_new)
        self.forget_button.clicked.connect(self._on_forget)
        self._look_timer.timeout.connect(self._look)
        self._cards_timer.timeout.connect(self._read_cards)
        controller.runs_changed.connect(self._on_runs_changed)
        controller.queue_changed.connect(self._show_progress)
        controller.state_changed.connect(self._show_progress)

    # What is asked for

    def activate(self) -> None:
        if self._stale:
            self._read_cards()
            self._look()

    def choose(self, key: str) -> None:
        """Show the study of that key, if there is one."""
        self.list.choose(key)

    def open_file(self, path: Path) -> None:
        """Show a study's file, and keep it on the list."""
        card = own_card(path.absolute())
        self._show_file_fault(card.fault)
        if card.fault:  # the chosen study stays, and has no fault by that
            return
        files = [str(each) for each in self._files() if each != card.file] + [str(card.file)]
        self.services.preferences.set_value(_FILES, files)
        self.list.show_cards((*(each for each in self.list.cards.cards if each.key != card.key), card))
        self.list.choose(card.key)
        self._read_cards()  # how far it is, for its card

    @Slot()
    def measure(self) -> None:
        """How fast the shown study's nets train here, or an end of that."""
        if self.measuring.running:
            self.measuring.stop()
        elif self.view is not None:
            self.measuring.start(measured_for(self.view.plan))

    @Slot(str, float)
    def _on_progressed(self, detail: str, _fraction: float) -> None:
        self.working.emit(_("Measuring {detail}…", detail=detail))

    @Slot()
    def _on_measuring(self) -> None:
        running = self.measuring.running
        if self._was_measuring and not running:
            self.working.emit("")
            self._look_timer.start()
        self._was_measuring = running
        self._show_measuring()

    def _show_measuring(self) -> None:
        known = self.view is None or self.view.preview.time is not None
        self.setup.show_measuring(known=known, running=self.measuring.running, possible=self.measuring.possible)

    @Slot()
    def add_seeds(self) -> None:
        """So many more as the next verdict takes, trained with what is missing."""
        if self.view is not None:
            self._add(self.view.plan.more_seeds(), now=True)

    def _start(self, now: bool) -> None:
        if self.view is not None:
            self._add(self.view.plan, now=now)

    def _add(self, plan: StudyPlan, *, now: bool) -> None:
        """Find out in a thread what is missing, and queue that."""
        store, home = self.services.store, self.services.home
        self.setup.allow(None)
        self.services.jobs.start(
            lambda _emit, _should_stop: (plan, missing(plan, store, home, now=now)),
            on_done=partial(self._on_missing, now),
            on_failed=self.setup.show_fault,
            on_end=self._on_added,
        )

    def _on_missing(self, now: bool, found: tuple[StudyPlan, tuple[QueueCommand, ...]]) -> None:
        plan, commands = found
        if not commands:
            self.message.emit(_("Nothing of this study is missing that does not wait already."))
            return
        try:
            self.services.controller.add(commands, now=now)
        except UserError as error:
            self.setup.show_fault(str(error))
            return
        self.setup.seeds.setValue(len(plan.seeds))
        count = len(commands)
        self.message.emit(
            _n("{count} cohort of “{title}” was queued.", "{count} cohorts of “{title}” were queued.", count,
               title=plan.title)
        )  # fmt: skip

    @Slot()
    def _on_added(self) -> None:
        self._show_progress()
        self._look_timer.start()

    @Slot()
    def _on_compare(self) -> None:
        if self.view is not None and self.view.found.runs:
            self.services.navigator.compare([run.id for run in self.view.found.runs])

    @Slot()
    def _on_report(self) -> None:
        if self.view is None:
            return
        name = self.view.plan.key.replace("/", "-")
        chosen, _filter = QFileDialog.getSaveFileName(
            self, _("Write the report"), f"{name}.html", _("HTML (*.html);;All files (*)")
        )
        if chosen:
            self.write_report(Path(chosen))

    def write_report(self, path: Path) -> None:
        """The shown study as one file, written in a thread."""
        if self.view is None:
            return
        plan, store, command = self.view.plan, self.services.store, self._command(self.view)
        self.working.emit(_("Writing the report…"))
        self.services.jobs.start(
            lambda _emit, _should_stop: write_report(plan, store, command, path),
            on_done=self._on_written,
            on_failed=self.setup.show_fault,
            on_end=partial(self.working.emit, ""),
        )

    def _command(self, view: Look) -> str:
        setup = view.setup
        name = str(setup.card.file) if setup.card.file is not None else setup.card.key
        budget = ["--budget", view.plan.budget] if view.plan.budget else []
        images = ["--data", setup.source] if setup.source else []
        words = ["study", "run", name, *budget, "--seeds", str(len(view.plan.seeds)), *images]
        return " ".join(filter(None, ("resnet-studio", self.services.home.as_option, shlex.join(words))))

    def _on_written(self, path: Path) -> None:
        self.message.emit(_("The report was written to {path}.", path=path))

    @Slot()
    def _on_open(self) -> None:
        chosen, _filter = QFileDialog.getOpenFileName(
            self, _("Open a study"), "", _("Studies (*{suffix});;All files (*)", suffix=STUDY_SUFFIX)
        )
        if chosen:
            self.open_file(Path(chosen))

    @Slot()
    def _on_new(self) -> None:
        dialog = NewStudyDialog(self.services, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.saved.connect(self.open_file)
        dialog.open()

    @Slot()
    def _on_forget(self) -> None:
        """The file and its runs stay."""
        card = self.list.current
        if card is None or card.file is None:
            return
        self.services.preferences.set_value(_FILES, [str(each) for each in self._files() if each != card.file])
        self.list.choose(first_cards()[0].key)
        self.list.show_cards([each for each in self.list.cards.cards if each.key != card.key])

    def _show_file_fault(self, sentence: str) -> None:
        """Beside the button, of a file that was opened; empty: there is none."""
        if sentence:
            self.message.emit(sentence)
        self.file_fault.setText(visible(sentence))
        self.file_fault.setVisible(bool(sentence))

    def _files(self) -> list[Path]:
        return [Path(each) for each in self.services.preferences.value(_FILES, [], list)]

    # What is shown

    @Slot(object)
    def _on_chosen(self, card: Card) -> None:
        self.view = None
        self._show_file_fault("")
        self.services.preferences.set_value("studies/chosen", card.key)
        self.title.setText(card.title)
        self.question.setText(card.question)
        named_twice = not card.expects or card.expects.startswith(card.where)
        both = _("{where}: {expects}", where=card.where, expects=card.expects)
        self.paper.setText((card.expects or card.where) if named_twice else both)
        self.forget_button.setVisible(card.file is not None)
        QTimer.singleShot(0, self.list, self.list.show_current)  # the button takes its room from the list
        self.answers.clear()
        self.setup.preview.setText("")
        self.setup.left_out.hide()
        self.area.verticalScrollBar().setValue(0)
        try:
            self.setup.show_card(card)
        except UserError as error:
            self.setup.show_fault(str(error))
        if card.fault:
            self.setup.show_fault(card.fault)
        self._show_progress()

    @Slot()
    def _on_setup(self) -> None:
        self.view = None
        self.setup.show_fault("")
        self._show_progress()
        self._look_timer.start()

    @Slot()
    def _look(self) -> None:
        """Read what the chosen setup takes and has, in a thread; of several the last one counts."""
        setup = self.setup.setup
        if self._looking is not None:
            self._looking.stop()
            self._looking = None
        if setup is None or not self.isVisible():
            self._stale = True
            return
        store, cache = self.services.store, self.services.home.cache

        def work(_emit: Emit, _should_stop: StopCheck) -> Look:
            return look(setup, store, known_speeds(cache))

        self._looking = self.services.jobs.start(work, on_done=self._on_looked, on_failed=self._on_not_looked)

    @Slot(str)
    def _on_not_looked(self, sentence: str) -> None:
        self._looking = None
        self.setup.show_fault(sentence)
        self.setup.progress.show_looking(False)

    @Slot(object)
    def _on_looked(self, view: Look) -> None:
        self._looking = None
        self.view = view
        lacking = frozenset((each.protocol.key, *(run.id for run in each.runs)) for each in view.found.lacking)
        if lacking and not lacking <= self._evaluated and self.services.store.writable:
            self._evaluated |= lacking  # once: what fails is said, and not tried again by itself
            self.services.navigator.evaluate_study(view.plan)
        self.setup.show_fault("" if view.preview.time else self.measuring.failure(measured_for(view.plan)))
        self.setup.show_look(view)
        self.answers.show_look(view)
        self._show_progress()

    @Slot()
    def _on_runs_changed(self) -> None:
        self._stale = True
        if self.isVisible() and not self._cards_timer.isActive():
            self._cards_timer.start()

    @Slot()
    def _read_cards(self) -> None:
        if self._reading is not None or not self.isVisible():
            return
        self._stale = False
        store, files = self.services.store, self._files()
        self._reading = self.services.jobs.start(
            lambda _emit, _should_stop: read_cards(store, files),
            on_done=self._on_cards,
            on_failed=self.message.emit,
            on_end=self._on_read,
        )
        if self.view is not None:
            self._look()

    @Slot(object)
    def _on_cards(self, cards: Sequence[Card]) -> None:
        """Of the chosen study what is stored is shown, unless something else was chosen meanwhile."""
        before = self.list.current
        self.list.show_cards(cards)
        now = self.list.current
        if before is None or now is None or now.best is None or self.setup.touched:
            return
        if before.best is None or len(before.best.seeds) < len(now.best.seeds):
            self.setup.show_card(now)

    @Slot()
    def _on_read(self) -> None:
        self._reading = None

    @Slot()
    def _show_progress(self) -> None:
        view, progress = self.view, self.setup.progress
        self.setup.allow(view)
        self._show_measuring()
        if view is None:
            progress.show_looking(self.setup.setup is not None)
            return
        entries = self.services.controller.entries
        progress.show_found(view.found, [e for e in entries if e.study == view.plan.key and not e.status.ended])

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.workers.follow()

    def hideEvent(self, event: QHideEvent) -> None:
        self.workers.rest()
        super().hideEvent(event)
