"""A worker: claims entries of the queue one after another, trains each, and looks again where nothing waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from resnet_studio.domain.errors import HistoryAwayError, StoreError, UserError
from resnet_studio.domain.events import EventSink, StopCheck
from resnet_studio.domain.queue import RENEW_SECONDS, Claim, LostClaimError, QueueEntry, Worker
from resnet_studio.history.steer import answer_requests
from resnet_studio.history.store import RunStore
from resnet_studio.platform.clock import Waited
from resnet_studio.runner.lost_server import once_it_answers
from resnet_studio.runner.queue_work import EntryWork, Training, this_worker
from resnet_studio.text import _

log = logging.getLogger(__name__)

__all__ = ["WorkerLoop", "this_worker"]

LOOK_SECONDS = 1.0  # between two looks at a queue in which nothing waits
_PAUSE_SECONDS = 0.05  # between two looks at the stop check

Showing = Callable[[QueueEntry], AbstractContextManager[EventSink]]


class WorkerLoop:
    """Trains what waits until told to stop.

    Attributes:
        ended: The entries that were trained, each as it was when its claim was given back.
        idle: Nothing waited when it looked last.
    """

    def __init__(
        self, store: RunStore, worker: Worker, training: Training, showing: Showing,
        on_failed: Callable[[QueueEntry, str], None],
    ) -> None:  # fmt: skip
        """Nothing begins before :meth:`run`.

        Args:
            store: Whose queue is worked off.
            worker: The name and machine under which entries are claimed.
            training: What trains runs to a stored end; the runner's ``resume`` but for tests.
            showing: Gives, for the time that an entry is trained, a sink for its events.
            on_failed: Gets an entry that could not be trained, and a sentence; the worker goes on with the next.
        """
        self.ended: list[QueueEntry] = []
        self.idle = False
        self._reported: Waited | None = None
        self._store, self._worker, self._training = store, worker, training
        self._showing, self._on_failed = showing, on_failed

    def run(self, should_stop: StopCheck, *, once: bool = False, until_empty: bool = False) -> None:
        """Train entries; one that is stopped from here waits again, before everything else.

        Args:
            should_stop: Ends the loop; what trains is stopped after an iteration.
            once: Leave after one entry.
            until_empty: Leave as soon as nothing waits.

        Raises:
            LostClaimError: If somebody else took over what was trained here: this process was held up for longer than
                its lease. Nothing of it was stored from then on.
            StoreError: If the history cannot be used, for another reason than that its server does not answer.
        """
        try:
            self._work(should_stop, once=once, until_empty=until_empty)
        except LostClaimError:
            raise
        except BaseException:
            self._leave()
            raise
        self._leave()

    def _work(self, should_stop: StopCheck, *, once: bool, until_empty: bool) -> None:
        while not should_stop():
            try:
                self._report()
                self.idle = False
                claim = self._store.claim(self._worker)
            except HistoryAwayError as error:
                log.info("nothing can be claimed: %s", error)
                self._wait(should_stop)
                continue
            if claim is not None:
                self._train(claim, should_stop)
                self._reported = None
                if once:
                    return
            elif until_empty:
                return
            else:
                self.idle = True
                self._wait(should_stop)
                answer_requests(self._store)

    def _report(self) -> None:
        """That this worker is there, as often as a claim is renewed."""
        if self._reported is None or self._reported.seconds >= RENEW_SECONDS:
            self._store.report_worker(self._worker)
            self._reported = Waited()

    def _leave(self) -> None:
        try:
            self._store.forget_worker(self._worker)
        except StoreError as error:  # then it is listed for a few minutes as gone
            log.info("that this worker leaves cannot be stored: %s", error)

    def _train(self, claim: Claim, should_stop: StopCheck) -> None:
        try:
            entry = once_it_answers(lambda: self._store.entry(claim.entry_id), should_stop)
        except HistoryAwayError as error:
            log.info("stopped before %s could be read; its claim runs out by itself: %s", claim.entry_id, error)
            return
        work = EntryWork(claim, self._store, self._training)
        with self._showing(entry) as emit:
            try:
                work.run(emit, should_stop)
            except LostClaimError as error:
                log.warning("%s", error)
            except UserError as error:
                self._on_failed(entry, error.sentence)
        while not work.stored and not should_stop():
            try:
                work.store_end()
            except HistoryAwayError as error:
                log.info("the end of an entry cannot be stored yet: %s", error)
                self._wait(should_stop)
        if work.lost:
            raise LostClaimError(
                _(
                    "Another worker has taken {title} over: this one was held up for longer than its claim holds. "
                    "Nothing was stored from here since then.",
                    title=entry.title,
                )
            )
        try:
            self.ended.append(once_it_answers(lambda: self._store.entry(claim.entry_id), should_stop))
        except UserError as error:
            log.info("the entry %s was removed meanwhile, or cannot be read: %s", claim.entry_id, error)

    def _wait(self, should_stop: StopCheck) -> None:
        until = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < until and not should_stop():
            time.sleep(_PAUSE_SECONDS)
