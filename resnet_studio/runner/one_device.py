"""Training on one named device: in a process of its own, which is replaced where it is lost."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import EventSink, NoticeGiven, StatusChanged, StopCheck
from resnet_studio.domain.records import RunRecord
from resnet_studio.history.store import RunStore
from resnet_studio.runner.devices import LostProcessError, train_in_process
from resnet_studio.runner.lost_server import once_it_answers
from resnet_studio.runner.run_cohort import resume
from resnet_studio.text import _

log = logging.getLogger(__name__)

_TRIES = 3  # processes that may be lost one after another without a new checkpoint


def train_on(
    device: str, beside: int, run_ids: Sequence[str], own: RunStore, emit: EventSink, should_stop: StopCheck,
    should_pause: StopCheck, *, checkpoint_seconds: float = 30.0,
) -> None:  # fmt: skip
    """Train runs to a stored end; a process that is lost is replaced, unless that does not help.

    Args:
        device: As :func:`~resnet_studio.runner.devices.train_in_process` takes it.
        beside: How many other such processes share the machine.
        run_ids: Of the runs, which train together.
        own: Where they are stored, under the claim that they are trained with.
        emit: Sees each event once it is stored.
        should_stop: Ends the training after an iteration, with a checkpoint.
        should_pause: Holds it for as long as it says so.
        checkpoint_seconds: After so many, a checkpoint is due.

    Raises:
        LostProcessError: After three processes without a new checkpoint; the runs have failed then.
        UserError, Stopped: As :func:`~resnet_studio.runner.run_cohort.resume` raises them.
    """
    how = partial(train_in_process, device=device, beside=beside)
    left, reached, tries = list(run_ids), -1, 0
    while left:
        try:
            resume(
                left, own, emit, should_stop, should_pause=should_pause, how=how, checkpoint_seconds=checkpoint_seconds
            )
            return
        except LostProcessError as lost:
            if should_stop():
                raise Stopped from None
            runs = once_it_answers(lambda ids=tuple(left): [own.get(run_id) for run_id in ids], should_stop)  # type: ignore[misc]
            left = [run.id for run in runs if run.resumable]
            now = sum(_kept(own, run) for run in runs)
            tries = 1 if now > reached else tries + 1
            reached = now
            if tries >= _TRIES:
                _give_up(runs, own, emit, lost.sentence)
                raise
            sentence = _("{lost} It goes on from its last checkpoint.", lost=lost.sentence)
            log.warning("%s", sentence)
            emit(NoticeGiven(tuple(left), sentence))


def _give_up(runs: Sequence[RunRecord], own: RunStore, emit: EventSink, reason: str) -> None:
    for run in runs:
        if run.resumable:
            own.set_status(run.id, RunStatus.FAILED, reason)
            emit(StatusChanged(run.id, RunStatus.FAILED, reason, run.iteration))


def _kept(store: RunStore, run: RunRecord) -> int:
    """The iteration of the newest checkpoint."""
    return max((each.iteration for each in store.checkpoints(run.id)), default=0)
