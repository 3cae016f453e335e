"""Workers in a Ray cluster from the first to the last: what is said of them, and when they are no longer needed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from resnet_studio.domain.errors import HistoryAwayError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.queue import QueueEntry, QueueStatus
from resnet_studio.platform.ray_cluster import RayWorker
from resnet_studio.text import _

_LOOK_SECONDS = 1.0
_UNKNOWN = _("why is not known")


class Cluster(Protocol):
    """As much of :class:`~resnet_studio.platform.ray_cluster.RayCluster` as is used here."""

    workers: list[RayWorker]

    def look(self, seconds: float) -> None: ...

    def stop(self) -> None: ...


def needed(entries: Sequence[QueueEntry], now: datetime, workers: Sequence[RayWorker]) -> bool:
    """Something waits that the workers can train, or is theirs: also of one that was lost, until another takes it.

    ``now`` is by the history's clock: what anybody else has lost by then counts too.
    """
    for entry in entries:
        if entry.status is QueueStatus.WAITING and not entry.lacking:
            return True
        if entry.claimed:
            over = entry.lease_until is not None and entry.lease_until < now
            if over or any(worker.trains(entry.owner) for worker in workers):
                return True
    return False


def follow(
    cluster: Cluster, queue: Callable[[], tuple[Sequence[QueueEntry], datetime]], should_stop: StopCheck,
    say: Callable[[str], None], *, stay: bool = False,
) -> None:  # fmt: skip
    """Until all workers have ended: by themselves, because nothing is left for them, or after a stop.

    Args:
        cluster: In which workers were placed.
        queue: Reads the queue, and the time by the history's clock; may raise HistoryAwayError.
        should_stop: Asks all of them to end with a checkpoint.
        say: Gets a sentence on each change.
        stay: They go on where nothing is left.
    """
    said: dict[int, str] = {}
    count, stopping = "", False
    while not all(worker.ended for worker in cluster.workers):
        cluster.look(_LOOK_SECONDS)
        for worker in cluster.workers:
            if (sentence := sentence_of(worker)) != said.get(worker.number, ""):
                said[worker.number] = sentence
                say(sentence)
        if count != (count := counts(cluster.workers)):
            say(count)
        if stopping:
            continue
        if should_stop():
            stopping = True
        elif not stay:
            with contextlib.suppress(HistoryAwayError):
                stopping = not needed(*queue(), cluster.workers)
            if stopping:
                say(_("Nothing waits any more."))
        if stopping:
            cluster.stop()


def counts(workers: Sequence[RayWorker]) -> str:
    """How many are placed, wait for a free machine, and have ended."""
    ended = sum(worker.ended for worker in workers)
    placed = sum(bool(worker.host) and not worker.ended for worker in workers)
    waiting = len(workers) - placed - ended
    return _("Workers: {placed} placed, {waiting} waiting, {ended} ended.", placed=placed, waiting=waiting, ended=ended)


def sentence_of(worker: RayWorker) -> str:
    """What became of it; empty while it waits for a free machine."""
    number, host = worker.number, worker.host
    if not worker.ended:
        return _("Worker {number} was placed on {host}.", number=number, host=host) if host else ""
    if not worker.wrong:
        return _("Worker {number} has ended.", number=number)
    why = worker.said
    if worker.code is not None and worker.code < 0:
        why = _("killed by signal {signal}", signal=-worker.code)
    elif worker.code == 1:
        return _("Worker {number} has ended; not all that it trained has finished.", number=number)
    why = (why or _UNKNOWN).rstrip(".")
    if not host:
        return _("Worker {number} could not be started: {why}.", number=number, why=why)
    return _(
        "Worker {number} on {host} was lost: {why}. What it trained goes on elsewhere once its claim has run out.",
        number=number,
        host=host,
        why=why,
    )
