"""Waiting while the disk is full: hours of training are not given up for want of a megabyte."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.errors import DamagedHistoryError, DiskFullError, HistoryAwayError, StoreError, UserError
from resnet_studio.domain.events import CheckpointSaved, Event, EventSink, PhaseChanged, StatusChanged, StopCheck
from resnet_studio.domain.queue import LostClaimError
from resnet_studio.platform.files import identity
from resnet_studio.text import _

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_SECONDS = 2.0
_LOOK_SECONDS = 0.05  # between two looks at the stop check
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: BaseException) -> bool:
    """Whether something was not stored because no room was left."""
    return isinstance(error, DiskFullError) or (isinstance(error, OSError) and error.errno in _NO_ROOM)


class StoppedOnFullDisk(Exception):  # noqa: N818 - not an error
    """Asked to stop while the disk was full: what was to be stored is given up, the last checkpoint stays.

    Its text is the runs' reason.
    """


class StorageLostError(UserError):
    """The home can no longer be written, for another reason than want of room: training stops with its sentence."""


class DiskSpaceGuard:
    """Does what needs room on the disk of ``folder``, again and again until it succeeds.

    Training stands still meanwhile, so what waits to be stored is what one call had to store, and nothing more piles
    up. The runs are shown as paused, with a sentence, and as what they were before once there is room. A server that
    keeps the history and does not answer, or whose own disk is full, is waited for in the same way.

    What no waiting mends stops training: a disk that fails or became read-only, a folder (this one, or one of
    ``mounted``) that was renamed, removed or replaced. It is looked for before each write, so that nothing is written
    to a folder of the same name.
    """

    def __init__(
        self, folder: Path, run_ids: Sequence[str], emit: EventSink, show: EventSink, should_stop: StopCheck,
        mounted: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        self._folder, self._store, self._show = folder, emit, show
        self._should_stop = should_stop
        self._standing = dict.fromkeys(run_ids, RunStatus.RUNNING)  # of the runs that have not ended
        self._phase: PhaseChanged | None = None
        self._waiting = False
        self._saved: dict[str, int] = {}  # run id -> iteration of its newest checkpoint
        self._identities = {each: identity(each) for each in (folder, *mounted)}

    def emit(self, event: Event) -> None:
        """Pass ``event`` on, which stores it; see :meth:`attempt`. An OSError is a viewer's and passes as it is."""
        self._attempt(lambda: self._emit_and_note(event))

    def attempt(self, work: Callable[[], T]) -> T:
        """What ``work`` returns, once there is room for it. It must be such that it can be done again.

        Raises:
            StoppedOnFullDisk: If asked to stop while there was none, within a moment.
            StorageLostError: If it cannot be done for another reason.
        """

        def explained() -> T:
            try:
                return work()
            except OSError as error:
                if is_full(error):
                    raise
                raise self._lost(
                    _(
                        "The folder {folder} cannot be written ({reason}); check the disk and its permissions.",
                        folder=self._folder,
                        reason=error.strerror or error,
                    )
                ) from error

        return self._attempt(explained)

    def _attempt(self, work: Callable[[], T]) -> T:
        while True:
            self._look_at_folders()
            try:
                result = work()
                break
            except (DiskFullError, OSError) as error:
                if not is_full(error):
                    raise
                log.info("nothing can be stored: %s", error)
                away = error if isinstance(error, HistoryAwayError) else None
            except (DamagedHistoryError, LostClaimError):
                raise
            except StoreError as error:
                raise self._lost(error.sentence) from error
            if self._should_stop() and self._waiting:
                raise StoppedOnFullDisk(
                    _("{why} This run was stopped meanwhile; it goes on from its last checkpoint.", why=away.sentence)
                    if away is not None
                    else _(
                        "The disk of {folder} was full when this run was stopped; make room there, then resume: it "
                        "goes on from its last checkpoint.",
                        folder=self._folder,
                    )
                )
            if not self._waiting:
                self._waiting = True
                self._show_waiting(away)
            self._wait()
        if self._waiting:
            self._waiting = False
            self._show_going_on()
        return result

    def _look_at_folders(self) -> None:
        for folder, before in self._identities.items():
            if identity(folder) != before:
                raise self._lost(
                    _(
                        "The folder {folder} was renamed, removed or replaced while it was in use; put it back.",
                        folder=folder,
                    )
                )

    def _lost(self, sentence: str) -> StorageLostError:
        if not self._saved:
            return StorageLostError(_("{sentence} Training has stopped.", sentence=sentence))
        iteration = min(self._saved.values())
        return StorageLostError(
            _(
                "{sentence} Training has stopped; resumed, it goes on from its last checkpoint, of iteration "
                "{iteration}.",
                sentence=sentence,
                iteration=iteration,
            )
        )

    def _emit_and_note(self, event: Event) -> None:
        self._store(event)
        if isinstance(event, CheckpointSaved):
            self._saved[event.run_id] = event.iteration
        elif isinstance(event, PhaseChanged):
            self._phase = event
        elif isinstance(event, StatusChanged):
            if event.status.active:
                self._standing[event.run_id] = event.status
            else:
                self._standing.pop(event.run_id, None)

    def _wait(self) -> None:
        for _unused in range(max(1, round(RETRY_SECONDS / _LOOK_SECONDS))):
            if self._should_stop():
                return
            time.sleep(_LOOK_SECONDS)

    def _show_waiting(self, away: HistoryAwayError | None) -> None:
        sentence = _(
            "The disk of {folder} is full; make room there, and training goes on by itself. Nothing is lost meanwhile.",
            folder=self._folder,
        )
        if away is not None:
            sentence = _("{why} Training waits for it; nothing is lost meanwhile.", why=away.sentence)
        for run_id in self._standing:
            paused = StatusChanged(run_id, RunStatus.PAUSED, sentence)
            try:
                self._store(paused)
            except (DiskFullError, OSError) as error:
                if not is_full(error):
                    raise
                self._show(paused)  # the one thing that is shown although it could not be stored first
        self._show(PhaseChanged(tuple(self._standing), Phase.WAITING))

    def _show_going_on(self) -> None:
        for run_id, status in list(self._standing.items()):
            self.emit(StatusChanged(run_id, status))
        if self._phase is not None and self._standing:
            self._show(self._phase)
