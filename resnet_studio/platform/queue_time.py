"""How long the queue will take by what is known of this machine's speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resnet_studio.domain.queue import QueueEntry, QueueStatus
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.domain.text_numbers import duration, duration_range
from resnet_studio.platform.training_speed import LEAST_SPREAD, KnownSpeeds, expected, own_step
from resnet_studio.text import _

_TAKES_ITS_TURN = (QueueStatus.WAITING, QueueStatus.RUNNING, QueueStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Seconds, and between which the measurements of this machine put them."""

    seconds: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: TimeLeft) -> TimeLeft:
        return TimeLeft(self.seconds + other.seconds, self.low + other.low, self.high + other.high)

    @property
    def words(self) -> str:
        """``8 to 12 min``."""
        return duration_range(self.low, self.high)


@dataclass(frozen=True, slots=True)
class QueueTime:
    """What is left: of each entry by its id where that can be said, and of all that take their turn.

    ``unknown`` counts those of the latter of which nothing can be said.
    """

    by_entry: Mapping[str, TimeLeft]
    total: TimeLeft
    unknown: int

    @property
    def words(self) -> str:
        """Of all: ``8 to 12 min in all``, ``at least 8 min in all``; empty below a second."""
        if self.total.seconds < 1:
            return ""
        if self.unknown:
            return _("at least {duration} in all", duration=duration(self.total.low))
        return _("{duration} in all", duration=self.total.words)


def queue_time(entries: Sequence[QueueEntry], known: KnownSpeeds) -> QueueTime:
    found, unknown, total = {}, 0, TimeLeft()
    for entry in entries:
        if entry.status.ended or not entry.runs:
            continue
        left = _left(entry, known)
        if left is not None:
            found[entry.id] = left
        if entry.status in _TAKES_ITS_TURN:
            total += left or TimeLeft()
            unknown += left is None
    return QueueTime(found, total, unknown)


def _left(entry: QueueEntry, known: KnownSpeeds) -> TimeLeft | None:
    left = entry.iterations - entry.iteration
    if entry.claimed and entry.speed:
        seconds = left / entry.speed
        return TimeLeft(seconds, seconds / (1 + LEAST_SPREAD), seconds * (1 + LEAST_SPREAD))
    going = [run for run in entry.runs if run.resumable or run.status.active]
    if not going:
        return TimeLeft()
    own = [step for step in map(own_step, going) if step is not None]
    if len(own) == len(going):
        low, middle, high = map(sum, zip(*own, strict=True))
        return TimeLeft(middle * left, low * left, high * left)
    found = expected(CohortSpec.model_construct(runs=tuple(run.spec for run in going)), known)
    if found is None:
        return None
    return TimeLeft(found.step_seconds * left, found.low_step_seconds * left, found.high_step_seconds * left)
