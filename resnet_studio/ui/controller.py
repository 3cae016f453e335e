"""Trains cohorts one after another, each in a job of its own, and passes on what happens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, QTimer, Signal, Slot

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import (
    CheckpointSaved,
    CohortStarted,
    Event,
    PhaseChanged,
    StatusChanged,
)
from resnet_studio.platform.clock import Waited
from resnet_studio.runner.refuse_misfits import refuse_misfits
from resnet_studio.text import _
from resnet_studio.ui.threads.jobs import Job, Jobs
from resnet_studio.ui.threads.training import FAILURE, Training, train_with_runner, training_work

if TYPE_CHECKING:
    from resnet_studio.domain.specs import CohortSpec
    from resnet_studio.history.store import RunStore

log = logging.getLogger(__name__)

LIST_PERIOD_MS = 500  # lists are reloaded at most twice a second
SETTLE_PERIOD_MS = 2000
_NOT_STORED = _("The disk was full when this run was stopped; it goes on from its last checkpoint.")


class RunController(QObject):
    """The queue of cohorts, and the job that trains the first of them.

    ``happened`` brings every event, already stored, in the GUI thread. ``runs_changed`` asks lists to reload, at most
    twice a second. ``state_changed`` comes when :attr:`active`, :attr:`queue` or :attr:`paused` is another. ``failed``
    is a sentence for the user; ``crashed`` follows it with a trace when the fault is ours.
    """

    happened = Signal(object)
    runs_changed = Signal()
    state_changed = Signal()
    failed = Signal(str)
    crashed = Signal(str, str)

    def __init__(
        self, store: RunStore, parent: QObject | None = None, *, training: Training = train_with_runner
    ) -> None:
        """``training`` is what the jobs do; the runner's unless a test stands at that border."""
        super().__init__(parent)
        self._store, self._training = store, training
        self._queue: list[tuple[str, ...]] = []
        self._active: tuple[str, ...] = ()
        self._stopping = self._closing = False
        self._pause = threading.Event()  # set and cleared here, looked at by the training
        self._job: Job | None = None
        self._jobs = Jobs(self)
        self._jobs.crashed.connect(self.crashed)
        self._lists = QTimer(self, interval=LIST_PERIOD_MS, singleShot=True)
        self._lists.timeout.connect(self.runs_changed)
        self._unsettled: set[str] = set()
        self._settling = QTimer(self, interval=SETTLE_PERIOD_MS, singleShot=True)
        self._settling.timeout.connect(self._settle)

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of the cohort that trains now, empty when idle."""
        return self._active

    @property
    def queue(self) -> tuple[tuple[str, ...], ...]:
        """Run ids that wait, one tuple a cohort, the next one first."""
        return tuple(self._queue)

    @property
    def training(self) -> bool:
        """A job has a cohort: it trains, is paused or saves."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        return self._pause.is_set()

    @property
    def stopping(self) -> bool:
        """A stop was asked for and the cohort is on its way to it."""
        return self._stopping

    def train(self, cohort: CohortSpec) -> tuple[str, ...]:
        """Store the cohort's runs as queued and start them now, or after what trains.

        Returns:
            Their ids, in the cohort's order.

        Raises:
            UserError: If the history cannot be written, or a run could not begin with the weights it asks for.
        """
        refuse_misfits(cohort.runs, self._store)
        run_ids = tuple(run.id for run in self._store.create_cohort(cohort))
        self._enqueue(run_ids)
        return run_ids

    def resume(self, run_ids: Sequence[str]) -> None:
        """Queue stored runs again, those of one cohort together.

        Raises:
            UserError: If the history cannot be written, or one of them has ended or is already on its way.
        """
        if not self._store.writable:
            raise StoreError(self._store.why_read_only)
        self._settle()
        busy = {*self._active, *(run_id for entry in self._queue for run_id in entry)}
        cohorts: dict[str, list[str]] = {}
        for run_id in run_ids:
            run = self._store.get(run_id)
            if run_id in busy:
                raise UserError(
                    _("{name} is already training or waiting; stop it before you resume it.", name=run.name)
                )
            if not run.resumable:
                raise UserError(
                    _(
                        "{name} is {status}: nothing is left to resume; train it anew instead.",
                        name=run.name,
                        status=run.status,
                    )
                )
            if not run.iteration:
                refuse_misfits([run.spec], self._store)
            cohorts.setdefault(run.cohort_id, []).append(run_id)
        for cohort_id, members in cohorts.items():
            order = (run.id for run in self._store.cohort_runs(cohort_id))
            self._enqueue(tuple(run_id for run_id in order if run_id in members))

    def pause(self) -> None:
        """Hold the current cohort after its iteration; it keeps its memory."""
        if self._job and not self.paused and not self._stopping:
            self._pause.set()
            self.state_changed.emit()

    def unpause(self) -> None:
        if self._job and self.paused:
            self._pause.clear()
            self.state_changed.emit()

    def stop(self) -> None:
        """End the current cohort with a checkpoint; the next one in the queue then starts."""
        if self._job and not self._stopping:
            self._stopping = True
            self._job.request_stop()
            self.state_changed.emit()

    def remove_from_queue(self, run_ids: Sequence[str]) -> None:
        """Take waiting runs out of the queue; those that had begun stay stored as stopped, the others are deleted."""
        gone = {run_id for entry in self._queue for run_id in entry} & set(run_ids)
        if not gone:
            return
        left = (tuple(run_id for run_id in entry if run_id not in gone) for entry in self._queue)
        self._queue = [entry for entry in left if entry]
        for run_id in sorted(gone):
            self._store.set_status(run_id, RunStatus.STOPPED, _("Taken out of the queue."))
            self.happened.emit(StatusChanged(run_id, RunStatus.STOPPED, _("Taken out of the queue.")))
        self._store.delete([run_id for run_id in sorted(gone) if not self._store.get(run_id).iteration])
        self.state_changed.emit()
        self.refresh()

    def refresh(self) -> None:
        """Runs were changed by someone else (renamed, deleted): lists reload soon."""
        if not self._lists.isActive():
            self._lists.start()

    def shut_down(self, ms: int = 15000) -> bool:
        """Stop, and wait until the thread has ended; queued runs stay queued. The window keeps painting meanwhile.

        Returns:
            False if the thread still runs after ``ms`` milliseconds.
        """
        self._closing = True
        job = self._job
        if job is not None:
            self.stop()
            waited = Waited()
            while self._job is job and not job.wait(20):  # released by an event that was processed: it has ended
                QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents, 20)
                if waited.seconds > ms / 1000:
                    return False
            if self._job is job:
                QCoreApplication.sendPostedEvents(job)  # what the work said last, and its end
        self._be_quiet()
        return True

    def reopen(self) -> None:
        """The window stays after all: a shut-down that came too late or was called off."""
        self._closing = False
        self._start_next()
        self.state_changed.emit()
        self.refresh()

    def _be_quiet(self) -> None:
        """Nobody may ask a closed store for anything."""
        self._lists.stop()
        self._settling.stop()

    def _enqueue(self, run_ids: tuple[str, ...]) -> None:
        self._queue.append(run_ids)
        self._start_next()
        self.state_changed.emit()
        self.refresh()

    def _start_next(self) -> None:
        if self._job is not None or self._closing or not self._queue:
            return
        self._active = self._queue.pop(0)
        self._job = self._jobs.start(
            training_work(self._active, self._store, self._training, self._pause.is_set),
            on_item=self._on_happened,
            on_failed=self.failed.emit,
            on_end=self._on_end,
            name="training",
            failure=FAILURE,
        )

    def _on_end(self) -> None:
        """The job's thread is over."""
        self._job = None
        self._unsettled.update(self._active)
        self._settle()
        self._active, self._stopping = (), False
        self._pause.clear()
        self._start_next()
        self.state_changed.emit()
        self.refresh()

    @Slot()
    def _settle(self) -> None:
        """Runs whose thread has ended are in nobody's hands; where the disk was too full to store that, it is now."""
        for run_id in sorted(self._unsettled):
            try:
                if self._store.get(run_id).status.active:
                    self._store.set_status(run_id, RunStatus.STOPPED, _NOT_STORED)
                    self.refresh()
            except StoreError as error:
                log.info("the end of run %s cannot be stored yet: %s", run_id, error)
                self._settling.start()
                return
            except UserError:  # it was removed meanwhile
                pass
            self._unsettled.discard(run_id)

    @Slot(object)
    def _on_happened(self, event: Event) -> None:
        self.happened.emit(event)
        if isinstance(event, StatusChanged | CohortStarted | CheckpointSaved) or (
            isinstance(event, PhaseChanged) and event.phase is Phase.PAUSED
        ):
            self.refresh()
