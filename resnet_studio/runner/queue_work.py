"""Training one entry of the queue: under its claim, steered from any program, and given back with an end."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self
from uuid import uuid4

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import HistoryAwayError, Stopped, StoreError, UserError
from resnet_studio.domain.events import Event, EventSink, ProgressMade, StatusChanged, StopCheck, never_stop
from resnet_studio.domain.queue import RENEW_SECONDS, Claim, LostClaimError, QueueRequest, QueueStatus, Worker
from resnet_studio.domain.records import RunRecord
from resnet_studio.history.steer import answer_requests
from resnet_studio.history.store import RunStore
from resnet_studio.runner.lost_server import RETRY_SECONDS, once_it_answers
from resnet_studio.text import _

log = logging.getLogger(__name__)

Training = Callable[[Sequence[str], RunStore, EventSink, StopCheck, StopCheck], object]

FAILURE = _("Training ended with an unexpected error")
_LOOK_SECONDS = 0.4  # between two looks at what is asked: an answer within a second


def this_worker(device: str = "", kinds: Sequence[str] = ()) -> Worker:
    """A name that no other process has, on no machine; of the kinds of devices that it has."""
    host = socket.gethostname()
    return Worker(f"{host}:{os.getpid()}:{uuid4().hex[:8]}", host, device, tuple(kinds))


class Steering:
    """A thread beside a training: renews its claim, carries out requests, and answers other programs.

    ``pause`` is set and cleared as others ask; the training looks at it. An error of the history is logged and tried
    again: the training itself meets it too, and knows better what to do.
    """

    def __init__(self, store: RunStore, claim: Claim, pause: threading.Event) -> None:
        self.speed: float | None = None  # iterations a second
        self.request = QueueRequest.GO_ON
        self._store, self._claim, self._pause = store, claim, pause
        self._lost = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._steer, name="steering", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def should_stop(self) -> bool:
        return self._lost or self.request is QueueRequest.STOP

    def _steer(self) -> None:
        renewed = time.monotonic()  # all of a long gap counts: the lease did not wait either
        while not self._over.wait(_LOOK_SECONDS):
            try:
                answer_requests(self._store)
                self._hear(self._store.requested(self._claim))
                if time.monotonic() - renewed >= RENEW_SECONDS:
                    self._store.renew(self._claim, self.speed)
                    renewed = time.monotonic()
            except LostClaimError as error:
                log.warning("%s", error)
                self._lost = True
                return
            except StoreError as error:
                log.info("the queue cannot be looked at: %s", error)
            except Exception:
                log.exception("steering")

    def _hear(self, request: QueueRequest) -> None:
        """Only what is new: whoever trains may have been asked directly meanwhile."""
        if request is self.request:
            return
        self.request = request
        if request is QueueRequest.PAUSE:
            self._pause.set()
        else:
            self._pause.clear()


class EntryWork:
    """Trains the runs of a claimed entry and gives the claim back.

    Attributes:
        status, reason: How the entry ended, once :meth:`run` is over.
        stored: Whether that is in the history; a full disk may have refused it, see :meth:`store_end`.
        lost: Somebody else has taken the entry over; what became of it is for them to store.
    """

    def __init__(
        self, claim: Claim, store: RunStore, training: Training, *, pause: threading.Event | None = None,
        stopped_as: Callable[[], QueueStatus] = lambda: QueueStatus.WAITING,
    ) -> None:  # fmt: skip
        """Nothing begins before :meth:`run`.

        Args:
            claim: Of the entry to train.
            store: Where the entry and its runs are.
            training: What trains runs to a stored end; the runner's ``resume`` but for tests.
            pause: Holds the training after an iteration for as long as it is set.
            stopped_as: What the entry becomes where ``should_stop`` ended :meth:`run`; one that the queue was asked to
                stop is stopped.
        """
        self.claim = claim
        self.status, self.reason = QueueStatus.RUNNING, ""
        self.stored = self.lost = False
        self._store, self._training, self._stopped_as = store, training, stopped_as
        self._pause = pause or threading.Event()

    def run(self, emit: EventSink, should_stop: StopCheck = never_stop) -> None:
        """Returns when the entry has ended, or was stopped.

        Raises:
            UserError: If its runs cannot be trained as asked; they have failed then, with the same reason.
            Exception: Whatever else went wrong, after the runs have failed.
        """
        steering = Steering(self._store, self.claim, self._pause)

        def emit_and_measure(event: Event) -> None:
            if isinstance(event, ProgressMade):
                steering.speed = event.iterations_per_second
            emit(event)

        try:
            with steering:
                self._train(emit_and_measure, lambda: should_stop() or steering.should_stop)
        finally:
            self._end(stopped=should_stop(), asked=steering.request is QueueRequest.STOP)

    def _train(self, emit: EventSink, should_stop: StopCheck) -> None:
        """Afterwards no run is left without an end."""
        own = self._store.under(self.claim)
        run_ids: list[str] = []
        try:
            run_ids = [run.id for run in self._runs_in_time(should_stop) if run.resumable]
            while run_ids:  # else they were trained outside the queue
                try:
                    self._training(run_ids, own, emit, should_stop, self._pause.is_set)
                    break
                except HistoryAwayError as error:  # as it was about to begin: training itself waits
                    log.info("the training begins anew once the history answers: %s", error)
                    time.sleep(RETRY_SECONDS)
                    runs = self._runs_in_time(should_stop)
                    run_ids = [run.id for run in runs if run.resumable or run.status.active]
        except Stopped:
            _store_ends(run_ids, own, emit, RunStatus.STOPPED, _("Stopped before the first iteration."))
        except LostClaimError:
            raise
        except UserError as error:
            log.warning("training did not start: %s", error)
            _store_ends(run_ids, own, emit, RunStatus.FAILED, str(error))
            raise
        except Exception as error:
            _store_ends(run_ids, own, emit, RunStatus.FAILED, f"{FAILURE}: {error or type(error).__name__}")
            raise

    def _runs_in_time(self, should_stop: StopCheck) -> list[RunRecord]:
        """Raises Stopped if a stop comes before they can be read."""
        try:
            return once_it_answers(self._runs, should_stop)
        except HistoryAwayError:
            raise Stopped from None

    def _runs(self) -> list[RunRecord]:
        found = []
        for run_id in self.claim.run_ids:
            try:
                run = self._store.get(run_id)
            except StoreError:  # nothing is known of it then
                raise
            except UserError:  # removed for good meanwhile
                continue
            if not run.deleted:
                found.append(run)
        return found

    def _end(self, *, stopped: bool, asked: bool) -> None:
        runs = self._runs_at_the_end(give_up=lambda: stopped)
        known = runs is not None
        runs = runs or []
        left = [run for run in runs if run.resumable or run.status.active]
        failed = [run for run in left if run.status is RunStatus.FAILED]
        if failed:
            self.status, self.reason = QueueStatus.FAILED, failed[0].reason
        elif known and not left:
            self.status, self.reason = QueueStatus.FINISHED, ""
        elif asked or (known and not stopped):
            self.status = QueueStatus.STOPPED
        else:
            self.status = self._stopped_as()
        if left and self.status is QueueStatus.STOPPED:
            self.reason = stopped_at(left)
        try:
            self.store_end()
        except LostClaimError as error:
            log.warning("%s", error)
            self.stored = self.lost = True  # by somebody else
        except StoreError as error:
            log.info("the end of the entry cannot be stored yet: %s", error)

    def _runs_at_the_end(self, give_up: StopCheck) -> list[RunRecord] | None:
        """As soon as they can be read; None where they cannot be.

        A server that does not answer is waited for, until ``give_up`` says so.
        """
        try:
            return once_it_answers(self._runs, give_up)
        except StoreError as error:
            log.info("how the entry ended cannot be read: %s", error)
            return None

    def store_end(self) -> None:
        """Give the claim back, unless that was done.

        Raises:
            StoreError: If it cannot be stored.
        """
        if not self.stored:
            self._store.release(self.claim, self.status, self.reason)
            self.stored = True


def stopped_at(runs: Sequence[RunRecord]) -> str:
    """Where runs that were stopped stand, as a sentence."""
    return _(
        "Stopped at iteration {iteration} of {iterations}.",
        iteration=min(run.iteration for run in runs),
        iterations=max(run.iterations for run in runs),
    )


def _store_ends(run_ids: Sequence[str], store: RunStore, emit: EventSink, status: RunStatus, reason: str) -> None:
    """Of runs that the training left without one."""
    for run_id in run_ids:
        try:
            run = store.get(run_id)
            if run.status.active or run.status is RunStatus.QUEUED:
                store.set_status(run_id, status, reason)
                emit(StatusChanged(run_id, status, reason, run.iteration))
        except Exception:  # the disk may be full: the start of the program finds such a run interrupted
            log.exception("the end of run %s could not be stored", run_id)
