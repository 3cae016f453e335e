"""How long the queue will take by what is known of this machine's speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resnet_studio.domain.queue import QueueEntry, QueueStatus
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.platform.training_speed import KnownSpeeds, expected

_TAKES_ITS_TURN = (QueueStatus.WAITING, QueueStatus.RUNNING, QueueStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class QueueTime:
    """Seconds that are left: of each entry by its id where that can be said, and of all that take their turn.

    ``unknown`` counts those of the latter of which nothing can be said.
    """

    by_entry: Mapping[str, float]
    seconds: float
    unknown: int


def queue_time(entries: Sequence[QueueEntry], known: KnownSpeeds) -> QueueTime:
    found, unknown, total = {}, 0, 0.0
    for entry in entries:
        if entry.status.ended or not entry.runs:
            continue
        seconds = _seconds(entry, known)
        if seconds is not None:
            found[entry.id] = seconds
        if entry.status in _TAKES_ITS_TURN:
            total += seconds or 0.0
            unknown += seconds is None
    return QueueTime(found, total, unknown)


def _seconds(entry: QueueEntry, known: KnownSpeeds) -> float | None:
    left = entry.iterations - entry.iteration
    if entry.claimed and entry.speed:
        return left / entry.speed
    going = tuple(run.spec for run in entry.runs if run.resumable or run.status.active)
    if not going:
        return 0.0
    found = expected(CohortSpec.model_construct(runs=going), known)
    return None if found is None else found.step_seconds * left
