"""Train: the cohort that trains now, or trained last: curves, progress, controls and the queue."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QSplitter, QStackedWidget, QWidget

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CohortStarted, CurvesGrew, StatusChanged
from resnet_studio.domain.queue import QueueEntry, QueueStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.studies.cohort_end import end_sentence
from resnet_studio.studies.conclusions import conclusion
from resnet_studio.studies.learning import Stand, chance_error, learned, learning_now
from resnet_studio.studies.rule import LEAST_SEEDS
from resnet_studio.studies.single_cohorts import LONGER_KEY, find_single_cohort
from resnet_studio.text import _, _n
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.train.cards import RunCards
from resnet_studio.ui.pages.train.first_check import STARTING, FirstCheck, FirstCheckPanel
from resnet_studio.ui.pages.train.header import TrainHeader
from resnet_studio.ui.pages.train.next_steps import NextSteps, lacking_seeds
from resnet_studio.ui.pages.train.plots import TrainPlots
from resnet_studio.ui.pages.train.queue import QueuePanel
from resnet_studio.ui.pages.train.standing import standings
from resnet_studio.ui.pages.train.state import CohortState
from resnet_studio.ui.pages.train.steering import QueueSteering
from resnet_studio.ui.plots.curve_data import CurveBook
from resnet_studio.ui.plots.loading import CurveLoader
from resnet_studio.ui.plots.panels import PlottedRun, set_epoch_lengths
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.banner import Banner
from resnet_studio.ui.widgets.empty_state import EmptyState
from resnet_studio.ui.widgets.layouts import in_column, in_row, in_splitter, in_stack, remember_sizes

FRAME_MS = 100


class TrainPage(Page):
    """Fed by the controller's events, and by the store for all that came before them."""

    def __init__(self, services: Services, row: PageRow, parent: QWidget | None = None) -> None:
        super().__init__(services, row, parent)
        self._store, self._controller = services.store, services.controller
        self._state = CohortState()
        self._book = CurveBook()
        self._shown_notices: dict[str, str] = {}
        self._dirty = True
        self._follows = True  # the page goes over to what trains next
        self._before = ""  # the entry that was shown before it did
        self._able: list[Stand] = []  # those that no longer guess
        self._end: tuple[tuple[str, ...], str] = ((), "")  # runs, and what their study says at their end
        self._loader = CurveLoader(services.store, services.jobs, self)
        self._check = FirstCheck(services, self)
        self._build()
        self._connect()
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self._show_if_dirty)
        self._timer.start()
        self._find_cohort()
        self._show_all()

    def _build(self) -> None:
        services = self.services
        self.header = TrainHeader(services.theme)
        self.next_steps = NextSteps()
        self.banner = named(Banner(), "train_banner")
        self.stack = QStackedWidget(self)
        content = QWidget(self.stack)
        splitter = QSplitter(content)
        self.plots = TrainPlots(services.theme, services.preferences, self._book, splitter)
        self.check = FirstCheckPanel(services.theme)
        self.check.hide()
        self.cards = RunCards(services.theme)
        self.queue = QueuePanel(services.theme)
        self._steering = QueueSteering(services, self.queue, self)
        self.empty = EmptyState(
            _("Nothing has been trained yet"),
            _("Choose a network on the Design page, or take the study that waits there, and watch its curves here."),
            _("Go to Design"),
        )
        self.empty.button.setObjectName("go_to_design_button")
        side = QWidget(splitter)
        in_column((self.cards, 1), self.queue, of=side, margins=0)
        side.setMinimumWidth(230)
        in_splitter((self.plots, 1), (side, 0), of=splitter, sizes=(1000, 270))
        remember_sizes(splitter, services.preferences, "train/columns")
        in_column(
            self.header,
            self.next_steps,
            self.banner,
            (splitter, 1),
            of=content,
            margins=(16, 12, 16, 12),
            spacing=10,
        )
        in_stack(self.empty, content, of=self.stack)
        in_row(self.stack, of=self, margins=0)

    def _connect(self) -> None:
        controller, header = self._controller, self.header
        controller.happened.connect(self._on_happened)
        controller.runs_changed.connect(self._on_runs_changed)
        controller.state_changed.connect(self._on_state_changed)
        self._loader.loaded.connect(self._on_loaded)
        self._loader.failed.connect(self._on_failed)
        header.pause.clicked.connect(self.on_pause)
        header.stop.clicked.connect(controller.stop)
        header.resume.clicked.connect(self.on_resume)
        header.compare.clicked.connect(self._on_compare)
        header.classify.clicked.connect(self._on_classify)
        self._check.changed.connect(self._on_check_changed)
        self._check.found.connect(self._on_check_found)
        self._check.failed.connect(self.message)
        self._check.ended.connect(self._on_checked)
        self.next_steps.why_requested.connect(self._on_why)
        self.next_steps.break_requested.connect(self._on_break)
        self.next_steps.seeds_requested.connect(self._on_more_seeds)
        self.next_steps.longer_requested.connect(self._on_longer)
        self.next_steps.study_requested.connect(lambda key: self.services.navigator.studies(key))
        controller.queue_changed.connect(self._show_queue)
        controller.train_requested.connect(self._on_train_requested)
        controller.entry_ended.connect(self._on_entry_ended)
        self.queue.show_requested.connect(self.show_entry)
        self._steering.changed.connect(self._show_queue)
        self._steering.failed.connect(self._on_failed)
        self._steering.message.connect(self.message)
        self.banner.acted.connect(self._on_banner)
        self.empty.pressed.connect(self._on_design)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Of the cohort that is shown."""
        return self._state.run_ids

    @property
    def book(self) -> CurveBook:
        return self._book

    def activate(self) -> None:
        self._dirty = True
        self._show_if_dirty()

    def show_cohort(self, run_ids: Sequence[str]) -> None:
        """Show the cohort that these runs belong to, with all that is stored of it."""
        try:
            members = self._members(self._store.get(run_ids[0]).cohort_id)
        except UserError as error:
            self.message.emit(str(error))
            return
        self._state, self._able = CohortState.of(members), []
        for notice in ("notice", "trouble", "error", "elsewhere"):
            self.banner.withdraw(notice)
        self._shown_notices.clear()
        self._book.keep_only(self._state.run_ids)
        set_epoch_lengths(self._book, members)
        self._loader.load(self._state.run_ids)
        self._show_all()
        self._read_end()

    @property
    def checking(self) -> bool:
        """The signal check of a cohort is under way, which is trained after it."""
        return self._check.running

    def check_first(self, cohort: CohortSpec) -> None:
        """Show the signal check of a cohort's networks with their initial weights, then train it."""
        self._state, self._able = CohortState(), []
        self._book.keep_only(())
        for notice in ("notice", "trouble", "error", "elsewhere"):
            self.banner.withdraw(notice)
        self.check.show_results((), 0)
        self._check.start(cohort)
        self._show_all()

    @Slot()
    def _on_check_changed(self) -> None:
        self._dirty = True
        self.working.emit(self._check.sentence if self._check.running else "")

    @Slot()
    def _on_check_found(self) -> None:
        assert self._check.cohort is not None
        self.check.show_results(self._check.results, len(self._check.cohort.runs))

    @Slot(object)
    def _on_checked(self, cohort: CohortSpec) -> None:
        self.services.navigator.train(cohort)
        if not self._state.runs:
            self._find_cohort()  # it could not be started; something else waits or was trained
        self._show_all()

    def _members(self, cohort_id: str) -> list[RunRecord]:
        """The runs of a cohort that are not deleted; UserError if the history cannot be read."""
        return self._controller.ended(run for run in self._store.cohort_runs(cohort_id) if not run.deleted)

    def _find_cohort(self) -> None:
        """What trains now, else what was worked on last; nothing while the next one is checked."""
        if self._check.running:
            return
        if self._controller.trained:
            self.show_cohort(self._controller.trained)
            return
        try:
            runs = self._store.list_runs()
        except UserError as error:
            self.message.emit(str(error))
            return
        started = [run for run in runs if not run.imported and (run.status is not RunStatus.QUEUED or run.iteration)]
        if started:
            self.show_cohort([max(started, key=lambda run: run.updated_at).id])

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        if not self._state.apply(event):  # type: ignore[arg-type]
            return
        if isinstance(event, CurvesGrew):
            shown = set(self._state.run_ids)
            self._book.extend(chunk for chunk in event.chunks if chunk.run_id in shown)
        elif isinstance(event, CohortStarted):
            for run_id in event.run_ids:
                self._book.set_batches_per_epoch(run_id, event.batches_per_epoch)
        elif isinstance(event, StatusChanged):
            if event.status is RunStatus.RUNNING and event.iteration is not None:
                self._book.truncate(event.run_id, event.iteration)  # it goes on from its checkpoint
                self._loader.load(self._state.run_ids)
            self._show_runs()
        self._dirty = True

    @Slot()
    def _on_state_changed(self) -> None:
        trained = self._controller.trained
        if trained and not self._state.concerns(trained):
            if self._follows or not self._state.runs:
                self.show_cohort(trained)
            else:
                self.banner.show_notice("elsewhere", _("Another cohort of the queue trains now."), action=_("Show it"))
        else:
            self.banner.withdraw("elsewhere")
        if not self._controller.held:
            self.banner.withdraw("held")
        if all(entry.status.ended for entry in self._controller.entries):
            self.banner.withdraw("before")  # nothing trains any more, nor waits
        self._show_queue()
        self._dirty = True

    @Slot()
    def _on_train_requested(self) -> None:
        self._follows = True

    @Slot(object)
    def _on_entry_ended(self, entry: QueueEntry) -> None:
        """Said in words: where a stop was, and how to go on; and when the next in the queue takes the page over."""
        self._steering.learn_speeds()
        if self._state.concerns(entry.run_ids):
            self._read_end()
        waiting = sum(each.status is QueueStatus.WAITING for each in self._controller.entries)
        if entry.status is QueueStatus.STOPPED:
            sentence = _("{title}: {reason} Resume goes on with it from there.", title=entry.title, reason=entry.reason)
            if waiting:
                more = _n("{count} more waits in the queue.", "{count} more wait in the queue.", waiting)
                sentence = f"{sentence} {more}"
            self.banner.show_notice("held", sentence, action=_("Go on with the queue") if waiting else "")
        elif waiting and not self._controller.held and self._follows:
            text = (
                _(
                    "{title} has failed: {reason} The next in the queue trains now.",
                    title=entry.title,
                    reason=entry.reason,
                )
                if entry.status is QueueStatus.FAILED
                else _("{title} has ended. The next in the queue trains now.", title=entry.title)
            )
            self._before = entry.id
            self.banner.show_notice("before", text, action=_("Show it"))

    @Slot(str)
    def _on_banner(self, key: str) -> None:
        if key == "held":
            self.banner.withdraw(key)
            self._controller.go_on()
        elif key == "before":
            self.banner.withdraw(key)
            self.show_entry(self._before)
        elif key == "elsewhere":
            self._follows = True
            self._on_state_changed()

    @Slot(str)
    def show_entry(self, entry_id: str) -> None:
        """Any cohort of the queue; the page stays with it."""
        entry = next((each for each in self._controller.entries if each.id == entry_id), None)
        if entry is None or not entry.runs:
            return
        if set(entry.run_ids) != set(self._state.run_ids):
            self.show_cohort(entry.run_ids)
        trained = self._controller.trained
        self._follows = not trained or self._state.concerns(trained)
        self._on_state_changed()

    @Slot()
    def _on_runs_changed(self) -> None:
        """Names, colours and results in the history may be others; runs may have been deleted."""
        if not self._state.runs:
            self._find_cohort()
            return
        try:
            members = self._members(self._state.runs[0].cohort_id)
        except UserError as error:
            self.message.emit(str(error))
            return
        if [run.id for run in members] != list(self._state.run_ids):
            self._state.runs = tuple(members)
            self._book.keep_only(self._state.run_ids)
            if members:
                self._loader.load(self._state.run_ids)
            else:
                self._find_cohort()
        else:
            self._state.update_runs(members)
        self._show_all()

    @Slot(object)
    def _on_loaded(self, curves: object) -> None:
        self._book.load(curve for curve in curves if curve.run_id in self._state.run_ids)  # type: ignore[attr-defined]
        self._dirty = True

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.banner.show_notice("error", sentence, kind="error")

    @Slot()
    def on_pause(self) -> None:
        if self._controller.paused:
            self._controller.unpause()
        else:
            self._controller.pause()

    @Slot()
    def on_resume(self) -> None:
        try:
            self._controller.resume(self._resumable())
        except UserError as error:
            self.banner.show_notice("error", str(error), kind="error")

    @Slot()
    def _on_design(self) -> None:
        self.services.navigator.design()

    @Slot()
    def _on_compare(self) -> None:
        self.services.navigator.compare(self._state.run_ids)

    @Slot()
    def _on_why(self) -> None:
        """The deepest twin before any training."""
        deepest = max(self._state.runs, key=lambda run: (run.spec.network.depth, run.residual))
        self.services.navigator.look_inside((), deepest.spec, "signal")

    @Slot()
    def _on_break(self) -> None:
        self.services.navigator.look_inside([stand.run.id for stand in self._able], None, "lesion")

    @Slot()
    def _on_more_seeds(self) -> None:
        for cohort in lacking_seeds(self._state.runs):
            self.services.navigator.train(cohort)

    @Slot()
    def _on_longer(self) -> None:
        self.services.navigator.train(find_single_cohort(LONGER_KEY).cohort(self._state.runs[0].spec.recipe.init_seed))

    @Slot()
    def _on_classify(self) -> None:
        self.services.navigator.classify(self._state.run_ids)

    def _resumable(self) -> list[str]:
        """Shown runs that can go on and are not on their way already."""
        busy = self._controller.on_their_way
        return [run.id for run in self._state.runs if run.resumable and run.id not in busy]

    @Slot()
    def _show_if_dirty(self) -> None:
        if self._dirty and self.isVisible():
            self._dirty = False
            self._show_progress()

    def _show_all(self) -> None:
        shown = self._state.runs or self._controller.queue or self._check.running
        self.stack.setCurrentIndex(1 if shown else 0)
        self._show_runs()
        self._show_queue()
        self._show_progress()

    def _show_runs(self) -> None:
        self.cards.set_runs(self._state.runs)
        self.plots.set_runs(PlottedRun.of_all(self._state.runs))
        checked = self._check.running or self._check.is_of([run.spec for run in self._state.runs])
        self.plots.show_check(self.check if checked else None)
        levels = {chance_error(run) for run in self._state.runs}
        self.plots.show_chance(levels.pop() if len(levels) == 1 else None)
        self._dirty = True

    def _read_end(self) -> None:
        """What the study says now that the shown cohort has ended, read in a thread."""
        runs, store = self._state.runs, self._store
        if not runs or not runs[0].study or self._state.active or any(run.resumable for run in runs):
            return
        ids = tuple(run.id for run in runs)
        self.services.jobs.start(
            lambda _emit, _should_stop: (ids, end_sentence(ids, store)),
            on_done=self._on_end_read,
            on_failed=self.message.emit,
        )

    @Slot(object)
    def _on_end_read(self, found: tuple[tuple[str, ...], str]) -> None:
        self._end = found
        self._dirty = True

    @Slot()
    def _show_queue(self) -> None:
        self._steering.show_queue(self._state.run_ids)
        if not all(entry.status.ended for entry in self._controller.entries):
            self.stack.setCurrentIndex(1)

    def _show_progress(self) -> None:
        controller, state = self._controller, self._state
        if self._check.running and not state.runs and self._check.cohort is not None:
            labels = (run.network.label for run in self._check.cohort.runs)
            self.header.show_checking(" + ".join(labels), self._check.sentence)
            self.header.show_seen(STARTING)
            self.next_steps.hide()
            return
        training = state.concerns(controller.trained)
        self.header.show_state(
            state,
            training=training,
            paused=controller.paused,
            stopping=training and controller.stopping,
            resumable=bool(self._resumable()),
        )
        measured = standings(state.runs, self._book)
        for each in measured:
            card = self.cards.cards.get(each.run.id)
            if card is not None and each.iteration is not None:
                card.show_numbers(max(each.iteration, each.run.iteration), each.training, each.test)
        stands = [each.stand for each in measured if each.stand is not None]
        ends = [each.result for each in measured if each.stand is not None]
        end = "" if state.active or training else conclusion(ends)
        if end and self._end[0] == state.run_ids:
            end = self._end[1] or end
        first = self._check.reading if self._check.is_of([run.spec for run in state.runs]) else ""
        self.header.show_seen(end or learning_now(stands) or first)
        before, self._able = self._able, learned(stands)
        if self._able and not before:
            self.plots.leave_check()  # the curves part from here on
        if end:
            study = state.runs[0].study
            seeds = {run.spec.recipe.seeds for e in controller.entries if e.study == study for run in e.runs}
            self.next_steps.show_end(state.runs, study, seeds_there=len(seeds) >= LEAST_SEEDS,
                                     able=[stand.name for stand in self._able])  # fmt: skip
        else:
            self.next_steps.hide()
        self._show_notice("trouble", state.trouble, "error")
        self._show_notice("notice", state.notices[-1] if state.notices else "", "info")

    def _show_notice(self, key: str, sentence: str, kind: str) -> None:
        """Shown once: a notice that was dismissed stays away until there is another."""
        if sentence != self._shown_notices.get(key, ""):
            self._shown_notices[key] = sentence
            if sentence:
                self.banner.show_notice(key, sentence, kind=kind)
            else:
                self.banner.withdraw(key)
