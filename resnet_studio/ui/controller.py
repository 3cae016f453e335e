"""Trains the queue's cohorts, one after another on each device, each in a job, and passes on what happens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from resnet_studio.domain.enums import Phase
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import (
    CheckpointSaved,
    CohortStarted,
    Event,
    PhaseChanged,
    StatusChanged,
)
from resnet_studio.domain.queue import (
    Claim,
    QueueCommand,
    QueueEntry,
    QueueRequest,
    QueueStatus,
    QueueVerb,
)
from resnet_studio.history.follow import Follower
from resnet_studio.history.steer import answer_requests, steer
from resnet_studio.runner.queue_work import FAILURE, EntryWork, Training
from resnet_studio.runner.refuse_misfits import refuse_misfits
from resnet_studio.text import _
from resnet_studio.ui.late_ends import LateEnds
from resnet_studio.ui.queue_hold import QueueHold
from resnet_studio.ui.threads.jobs import Emit, Jobs
from resnet_studio.ui.threads.training import find_devices, train_with_runner, training_on
from resnet_studio.ui.training_slots import TrainingSlot, TrainingSlots, is_here

if TYPE_CHECKING:
    from resnet_studio.domain.events import StopCheck
    from resnet_studio.domain.specs import CohortSpec
    from resnet_studio.history.store import RunStore
    from resnet_studio.networks.devices import DevicesHere

log = logging.getLogger(__name__)

LIST_PERIOD_MS = 500  # lists are reloaded at most twice a second
LOOK_PERIOD_MS = 700  # between two looks at what other programs ask for and do
ENDED_SHOWN = 12  # entries that have ended and are still listed


class RunController(QObject):
    """The history's queue, and the jobs that train entries of it, one on each device that was chosen.

    The queue is held after a stop, and at the start where something waits in it: nothing begins by itself until
    :meth:`go_on`. What a person starts meanwhile is trained all the same. A history that many programs share is held
    from the start: what waits there is for its workers, and this window watches them.

    On a history that others share, only what the devices here can train is begun by itself.

    ``happened`` brings every event, already stored, in the GUI thread, also those of another program that trains.
    ``runs_changed`` asks lists to reload, at most twice a second. ``state_changed`` comes when :attr:`active`,
    :attr:`trained`, :attr:`queue`, :attr:`held` or :attr:`paused` is another, ``queue_changed`` whenever
    :attr:`entries` are. ``train_requested`` comes before a training that a person has just started, ``entry_ended``
    brings an entry whose job is over, and ``queue_ended`` all that ended since somebody was last idle, once nothing
    waits any more. ``devices_found`` comes once it is known what this machine can train on. ``failed`` is a sentence
    for the user; ``crashed`` follows it with a trace when the fault is ours.
    """

    happened = Signal(object)
    runs_changed = Signal()
    state_changed = Signal()
    queue_changed = Signal()
    train_requested = Signal()
    entry_ended = Signal(object)
    queue_ended = Signal(list)
    devices_found = Signal()
    failed = Signal(str)
    crashed = Signal(str, str)

    def __init__(
        self, store: RunStore, parent: QObject | None = None, *, training: Training = train_with_runner,
        on_device: Callable[[str, int], Training] = training_on, devices: Callable[[], DevicesHere] = find_devices,
    ) -> None:  # fmt: skip
        """What jobs do is the runner's, unless a test stands at that border.

        Args:
            store: Whose queue it is.
            parent: Of Qt.
            training: What jobs do where no device is chosen.
            on_device: Gives what they do on a device, beside so many others.
            devices: Looks up what this machine can train on, in a thread.
        """
        super().__init__(parent)
        self._store, self._training, self._on_device, self._find = store, training, on_device, devices
        self._slots, self._finding = TrainingSlots(), False
        self._entries: tuple[QueueEntry, ...] = ()
        self._hold = QueueHold(store)
        self._stopped_entry = ""
        self._done: list[QueueEntry] = []
        self._closing = False
        self._jobs = Jobs(self)
        self._jobs.crashed.connect(self.crashed)
        self._lists = QTimer(self, interval=LIST_PERIOD_MS, singleShot=True)
        self._lists.timeout.connect(self._on_lists_due)
        self._late_ends = LateEnds(store, self)
        self._late_ends.changed.connect(self.refresh)
        self.ended = self._late_ends.ended
        self._looking = QTimer(self, interval=LOOK_PERIOD_MS)
        self._looking.timeout.connect(self._look)
        self._follower = Follower(store)
        self._was_writable = store.writable
        self._shown_state: tuple[object, ...] = ()
        self._reload()
        self._hold.held = bool(self.queue) or store.shared
        self._fingerprint: object = None  # of what lists show, in a shared history

    # What is

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of the runs that this program trains now, empty when idle."""
        return self._slots.runs

    @property
    def trained(self) -> tuple[str, ...]:
        """Ids of the runs that are trained now, here or by another program."""
        watched = self.watched
        return self.active or (watched.run_ids if watched is not None else ())

    @property
    def watched(self) -> QueueEntry | None:
        """What another program trains; None where this one may, or does. Of a shared history the first of all."""
        if self._slots.busy or (self._store.writable and not self._store.shared):
            return None
        return next((entry for entry in self._entries if entry.claimed), None)

    @property
    def entries(self) -> tuple[QueueEntry, ...]:
        """The queue: some that have ended, what is trained, then what waits, in order."""
        return self._entries

    @property
    def queue(self) -> tuple[tuple[str, ...], ...]:
        """Run ids that wait or are paused, one tuple an entry, the next one first."""
        return tuple(entry.run_ids for entry in self._entries if not entry.claimed and _waits(entry))

    @property
    def on_their_way(self) -> frozenset[str]:
        """Runs that are trained or wait for it."""
        return frozenset((*self.trained, *(run_id for entry in self.queue for run_id in entry)))

    @property
    def held(self) -> bool:
        """Something waits, and begins only once somebody says so."""
        may = self._store.writable  # else it is for the other program to say
        return self._hold.held and may and any(entry.status is QueueStatus.WAITING for entry in self._entries)

    @property
    def training(self) -> bool:
        """A job has a cohort: it trains, is paused or saves."""
        return bool(self._slots.busy)

    @property
    def paused(self) -> bool:
        if self._slots.busy:
            return self._slots.paused
        watched = self.watched
        return watched is not None and watched.status is QueueStatus.PAUSED

    @property
    def stopping(self) -> bool:
        """A stop was asked for, and all that trains is on its way to it."""
        if self._slots.busy:
            return self._slots.stopping
        watched = self.watched
        return watched is not None and watched.request is QueueRequest.STOP

    # On what

    @property
    def devices(self) -> DevicesHere | None:
        """What this machine can train on; None as long as :meth:`find_devices` has not found it out."""
        return self._slots.here

    @property
    def choice(self) -> str:
        """What was given to :meth:`train_on` last."""
        return self._slots.choice

    def train_on(self, choice: str) -> None:
        """From now on, cohorts begin on the device of that name, on all, or on what each recipe says.

        What trains already goes on where it is; if that is another device, nothing else begins before it has ended.
        """
        self._slots.choice = choice
        self._hold.forget_passed_over()
        self._choose_slots()

    def find_devices(self) -> None:
        """Find out what this machine can train on, once; ``devices_found`` follows."""
        if self._slots.here is None and not self._finding:
            self._finding = True
            find = self._find
            self._jobs.start(
                lambda _emit, _should_stop: find(),
                on_done=self._on_devices,
                on_failed=self.failed.emit,
                on_end=self._on_finding_ended,
                name="devices",
            )

    @Slot(object)
    def _on_devices(self, here: DevicesHere) -> None:
        self._slots.here = here
        choice = self._slots.choice
        if not is_here(choice, here):
            self.failed.emit(
                _("This machine has no {device} now: training takes what each recipe says.", device=choice)
            )
        self._choose_slots()
        self.devices_found.emit()

    @Slot()
    def _on_finding_ended(self) -> None:
        self._finding = False

    def _choose_slots(self) -> None:
        self._slots.choose()
        self._start_next()
        self._announce()

    # What a person starts

    def train(self, cohort: CohortSpec) -> tuple[str, ...]:
        """Store the cohort's runs as queued and start them now, or after what trains.

        In the latter case they train together with what waits and may share its batches.

        Returns:
            The ids of all that will train together, theirs last.

        Raises:
            UserError: If the history cannot be written, or a run could not begin with the weights it asks for.
        """
        refuse_misfits(cohort.runs, self._store)
        self._slots.refuse_others(cohort.runs)
        waits = self._slots.waits
        entry = self._store.enqueue(cohort, first=not waits, join=waits)
        self._begin([entry])
        return entry.run_ids

    def ask_to_train(self, cohort: CohortSpec) -> None:
        """Have the program that holds the history queue it, together with what waits there and may share its batches.

        Raises:
            UserError: If a run could not begin with the weights it asks for.
        """
        refuse_misfits(cohort.runs, self._store)
        self.add([QueueCommand(verb=QueueVerb.ADD, cohort=cohort, join=True)], now=False)

    def add(self, commands: Sequence[QueueCommand], *, now: bool) -> None:
        """Do commands that each add an entry to the queue, one after another.

        Where another program holds the history it is asked to, in its time; ``failed`` says if it did not.

        With ``now``, begin with them, now or after what trains; else they wait, and nothing begins that does not train
        already.

        Raises:
            UserError: If it cannot be done.
        """
        if not commands:
            return
        if not self._store.writable:
            self._jobs.start(
                lambda _emit, should_stop: [steer(self._store, each, should_stop=should_stop) for each in commands],
                on_failed=self.failed.emit,
                on_end=self._on_changed,
                name="asking",
            )
            return
        if not now and not self._slots.busy:
            self._hold.held = True
        added = [steer(self._store, each) for each in commands]
        if now:
            self._begin([self._store.entry(entry) for entry in sorted(added, key=self._place)])
        else:
            self._on_changed()

    def _place(self, entry_id: str) -> int:
        return self._store.entry(entry_id).place

    def resume(self, run_ids: Sequence[str]) -> None:
        """Queue stored runs again, those of one cohort together.

        Raises:
            UserError: If the history cannot be written, or one of them has ended or is already on its way.
        """
        if not self._store.writable:
            raise StoreError(self._store.why_read_only)
        self._late_ends.store_all()
        busy = set(self.active)
        stopped = {run for e in self._entries if e.id == self._stopped_entry for run in e.run_ids}
        for run_id in run_ids:
            run = self._store.get(run_id)
            if run_id in busy:
                raise UserError(
                    _("{name} is already training or waiting; stop it before you resume it.", name=run.name)
                )
            if run.resumable and not run.iteration:
                refuse_misfits([run.spec], self._store)
            self._slots.refuse_others([run.spec])
        entries = self._store.enqueue_runs(run_ids, first=not self._slots.waits)
        if stopped & set(run_ids):
            self._hold.held = False  # it is as if it had not been stopped
        self._begin(entries)

    def _begin(self, entries: Sequence[QueueEntry]) -> None:
        self.train_requested.emit()
        if self._hold.held or any(slot.stop.is_set() for slot in self._slots):
            self._hold.start(entries)
        self._reload()
        self._start_next()
        self._announce()
        self.refresh()

    def go_on(self) -> None:
        """The queue is no longer held."""
        self._hold.held = False
        self._start_next()
        self._announce()

    def hold(self) -> None:
        """What trains now trains on; nothing begins after it."""
        self._hold.held = True
        self._announce()

    def pause(self) -> None:
        """Hold what trains here after its iteration; it keeps its memory."""
        if busy := self._slots.busy:
            self._pause(busy)
        else:
            self._ask_watched(QueueRequest.PAUSE)

    def unpause(self) -> None:
        if busy := self._slots.busy:
            self._unpause(busy)
        else:
            self._ask_watched(QueueRequest.GO_ON)

    def stop(self) -> None:
        """End what trains here with a checkpoint, and hold the queue: also what a person had started after it."""
        if busy := self._slots.busy:
            self._stop(busy)
        else:
            self._ask_watched(QueueRequest.STOP)

    def _pause(self, slots: Sequence[TrainingSlot]) -> None:
        for slot in slots:
            if not slot.pause.is_set() and not slot.stop.is_set():
                slot.pause.set()
                self._note(slot, QueueRequest.PAUSE)
        self._announce()

    def _unpause(self, slots: Sequence[TrainingSlot]) -> None:
        for slot in slots:
            if slot.pause.is_set():
                slot.pause.clear()
                self._note(slot, QueueRequest.GO_ON)
        self._announce()

    def _stop(self, slots: Sequence[TrainingSlot]) -> None:
        if all(slot in slots for slot in self._slots.busy):
            self._hold.held = True
            self._hold.forget_started()
        for slot in slots:
            if slot.job is not None and not slot.stop.is_set():
                slot.stop.set()
                slot.job.request_stop()
        self._announce()

    def _note(self, slot: TrainingSlot, request: QueueRequest) -> None:
        """For those who watch; the job itself has it already."""
        try:
            self._store.ask(slot.entry, request)
        except UserError as error:
            log.info("%s of the entry cannot be stored: %s", request or "going on", error)
        self._reload()

    def _ask_watched(self, request: QueueRequest) -> None:
        if (watched := self.watched) is not None:
            self.change(QueueCommand(verb=QueueVerb.STEER, entry=watched.id, request=request))

    # Changes of the queue

    def change(self, command: QueueCommand) -> None:
        """Change the queue; where another program holds the history it is asked to, and ``failed`` says if it did not.

        Raises:
            UserError: If it cannot be done.
        """
        if self._store.writable:
            steer(self._store, command)
            self._on_changed()
            return
        self._jobs.start(
            lambda _emit, should_stop: steer(self._store, command, should_stop=should_stop),
            on_failed=self.failed.emit,
            on_end=self._on_changed,
            name="asking",
        )

    def move(self, entry_id: str, place: int) -> None:
        """To a place from 1 on."""
        self.change(QueueCommand(verb=QueueVerb.MOVE, entry=entry_id, place=max(place, 1)))

    def move_by(self, entry_id: str, step: int) -> None:
        """So many places down, from wherever it stands by then: another program may still be busy with the last one."""
        self.change(QueueCommand(verb=QueueVerb.MOVE, entry=entry_id, step=step))

    def remove(self, entry_id: str) -> None:
        """Runs that never began vanish; others stay in the history."""
        self.change(QueueCommand(verb=QueueVerb.REMOVE, entry=entry_id))

    def repeat(self, entry_id: str) -> None:
        self.change(QueueCommand(verb=QueueVerb.REPEAT, entry=entry_id))

    def ask(self, entry_id: str, request: QueueRequest) -> None:
        """Pause, stop or go on with any entry."""
        if slots := [slot for slot in self._slots.busy if slot.entry == entry_id]:
            act = {QueueRequest.PAUSE: self._pause, QueueRequest.STOP: self._stop, QueueRequest.GO_ON: self._unpause}
            act[request](slots)
        else:
            self.change(QueueCommand(verb=QueueVerb.STEER, entry=entry_id, request=request))

    def clear_ended(self) -> None:
        self._store.clear_ended()
        self._on_changed()

    @Slot()
    def _on_changed(self) -> None:
        if self._closing:  # another program was asked, and answers a window that has gone
            return
        self._reload()
        self._start_next()
        self._announce()
        self.refresh()

    def refresh(self) -> None:
        """Runs were changed by someone else (renamed, deleted): lists reload soon."""
        if not self._lists.isActive():
            self._lists.start()

    # Other programs

    def watch(self) -> None:
        """Look from now on at what other programs ask for, and at what one that holds the history does."""
        self._looking.start()

    @Slot()
    def _look(self) -> None:
        try:
            if self._store.shared:
                self._follow_shared()
                return
            if not self._store.writable:
                self._follow()
                return
            if not self._was_writable:  # the other program has gone, and left what it had not finished
                self._was_writable = True
                self._emit_all(self._follower.finish())
                self._reload()
                self._hold.held = bool(self.queue)
                self._announce()
            if not self._slots.busy and answer_requests(self._store):
                self._on_changed()
            elif self._slots.busy:
                self._reload()
                self._announce()
        except StoreError as error:
            log.info("the queue cannot be looked at: %s", error)

    def _follow(self) -> None:
        self._was_writable = False
        self._reload()
        watched = self.watched
        self._emit_all(self._follower.finish() if watched is None else self._follower.look(watched))
        self._announce()

    def _follow_shared(self) -> None:
        if not self._slots.busy:
            self._follow()
        else:
            self._reload()
            self._announce()
        fingerprint = self._store.fingerprint()
        if fingerprint != self._fingerprint:
            self._fingerprint = fingerprint
            self.refresh()

    def _emit_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self._on_happened(event)

    def _reload(self) -> None:
        try:
            entries = tuple(self._store.queue(ended=ENDED_SHOWN))
        except StoreError as error:
            log.info("the queue cannot be read: %s", error)
            return
        if entries != self._entries:
            self._entries = entries
            self.queue_changed.emit()

    def _announce(self) -> None:
        """Whoever shows the state shows it anew, where it is another."""
        watched = self.watched
        state = (
            self.active, watched and (watched.id, watched.status, watched.request), self.queue, self.held, self.paused,
            self.stopping, self._store.writable,
        )  # fmt: skip
        if state != self._shown_state:
            self._shown_state = state
            self.state_changed.emit()

    # The end

    def shut_down(self, ms: int = 15000) -> bool:
        """Stop, and wait until the thread has ended; the window keeps painting meanwhile.

        What trained comes next in the queue, unless it was stopped before.

        Returns:
            False if the thread still runs after ``ms`` milliseconds.
        """
        self._closing = True
        if not self._slots.end(ms / 1000):
            return False
        self._be_quiet()
        return True

    def _be_quiet(self) -> None:
        """Nobody may ask a closed store for anything."""
        self._jobs.stop_all()
        for timer in (self._lists, self._late_ends.retry, self._looking):
            timer.stop()

    def _start_next(self) -> None:
        """On every free device; the entries that wait are taken in order."""
        if self._closing or not self._store.writable:
            return
        if not self._slots.known and self._hold.may_begin(self._entries):
            self.find_devices()  # and come back
        for slot in self._slots.free:
            try:
                claim = self._hold.claim(slot.worker, self._entries, self._kinds_here)
            except StoreError as error:
                self.failed.emit(str(error))
                return
            if claim is not None:
                self._start(slot, claim)
        if not self._slots.busy:
            for sentence in self._hold.passed_over(self._entries, self._slots):
                self.failed.emit(sentence)

    def _start(self, slot: TrainingSlot, claim: Claim) -> None:
        self._stopped_entry = ""
        training = self._on_device(slot.device, self._slots.beside) if slot.device else self._training
        slot.job = self._jobs.start(
            partial(_train, slot.begin(claim, self._store, training)),
            on_item=self._on_happened,
            on_failed=self.failed.emit,
            on_end=self._on_job_ended,
            name="training",
            failure=FAILURE,
        )
        self._reload()

    def _kinds_here(self) -> tuple[str, ...] | None:
        if self._slots.here is None:
            self.find_devices()  # and come back
            return None
        return self._slots.here.kinds

    @Slot()
    def _on_job_ended(self) -> None:
        job = self.sender()
        for slot in list(self._slots):
            if slot.job is job and slot.work is not None:
                self._on_end(slot, slot.work)

    def _on_end(self, slot: TrainingSlot, work: EntryWork) -> None:
        """The job's thread is over."""
        runs, asked = slot.runs, slot.stop.is_set()
        slot.clear()
        # In a shared history who claims the runs next finds them interrupted.
        self._late_ends.add(() if self._store.shared else runs, work)
        self._late_ends.store_all()
        stopped = work.status is QueueStatus.STOPPED  # also by another program
        if stopped and not self._slots.busy:
            if not asked:
                self._hold.forget_started()  # as :meth:`stop` does
            self._hold.held = True
        self._stopped_entry = work.claim.entry_id if stopped else ""
        self._slots.choose()
        self._reload()
        self._report(work)
        if not self.queue:
            self._hold.held = self._store.shared
        self._start_next()
        if not self._slots.busy and not self.queue and self._done and not stopped and not self._closing:
            self.queue_ended.emit(self._done)
        if not self._slots.busy:
            self._done = []
        self._announce()
        self.refresh()

    def _report(self, work: EntryWork) -> None:
        try:
            entry = self._store.entry(work.claim.entry_id)
        except UserError:  # its runs were removed for good
            return
        self._done.append(entry)
        self.entry_ended.emit(entry)

    @Slot()
    def _on_lists_due(self) -> None:
        self._reload()
        self._announce()
        self.runs_changed.emit()

    @Slot(object)
    def _on_happened(self, event: Event) -> None:
        self.happened.emit(event)
        if isinstance(event, StatusChanged | CohortStarted | CheckpointSaved) or (
            isinstance(event, PhaseChanged) and event.phase is Phase.PAUSED
        ):
            self.refresh()


def _waits(entry: QueueEntry) -> bool:
    return entry.status in (QueueStatus.WAITING, QueueStatus.PAUSED)


def _train(work: EntryWork, emit: Emit, should_stop: StopCheck) -> None:
    work.run(emit, should_stop)
