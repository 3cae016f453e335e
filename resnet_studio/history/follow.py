"""What another program's training writes into the history, as the events that a training here would emit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.events import CurveChunk, CurvesGrew, Event, PhaseChanged, ProgressMade, StatusChanged
from resnet_studio.domain.queue import QueueEntry
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.history.store import RunStore

_NOTHING = -1


class Follower:
    """Looks again and again at one entry that is trained elsewhere.

    What was stored before the first look makes no event: a view reads that from the history.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._entry = ("", 0)  # id and fence: one that was taken up again may have been cut
        self._statuses: dict[str, RunStatus] = {}
        self._reached: dict[tuple[str, Series], int] = {}
        self._iteration = _NOTHING

    def look(self, entry: QueueEntry) -> Iterator[Event]:
        """What is new of ``entry``.

        Raises:
            StoreError: If the history cannot be read.
        """
        begins = (entry.id, entry.fence) != self._entry
        if begins:
            self._entry, self._iteration = (entry.id, entry.fence), _NOTHING
            self._statuses, self._reached = {}, {}
        yield from self._changes(entry.runs)
        if begins or entry.iteration != self._iteration:
            self._iteration = entry.iteration
            yield from self._growth(entry, begins=begins)

    def finish(self) -> Iterator[Event]:
        """Once the entry is no longer trained there: how its runs ended."""
        if not self._entry[0]:
            return
        run_ids = tuple(self._statuses)
        self._entry = ("", 0)
        known = {run.id: run for run in self._store.list_runs()}
        there = [run_id for run_id in run_ids if run_id in known]
        yield from self._curves(there)
        yield from self._changes([known[run_id] for run_id in there])

    def _changes(self, runs: Sequence[RunRecord]) -> Iterator[Event]:
        for run in runs:
            if self._statuses.get(run.id) is not run.status:
                self._statuses[run.id] = run.status
                yield StatusChanged(run.id, run.status, run.reason, run.iteration)

    def _growth(self, entry: QueueEntry, *, begins: bool) -> Iterator[Event]:
        if begins:
            for curve in self._store.curves(entry.run_ids, list(Series)).values():
                if len(curve):
                    self._reached[curve.run_id, curve.series] = int(curve.iterations[-1])
        else:
            yield from self._curves(entry.run_ids)
        if not entry.request and entry.iteration:
            yield PhaseChanged(entry.run_ids, Phase.TRAINING)
        left = (entry.iterations - entry.iteration) / entry.speed if entry.speed else None
        seconds = sum(run.seconds for run in entry.runs)
        yield ProgressMade(
            entry.run_ids, entry.iteration, entry.iterations, seconds, entry.speed or 0.0, left
        )  # fmt: skip

    def _curves(self, run_ids: Sequence[str]) -> Iterator[Event]:
        chunks = [
            chunk for curve in self._store.curves(run_ids, list(Series)).values() for chunk in self._new_points(curve)
        ]
        if chunks:
            yield CurvesGrew(tuple(chunks))

    def _new_points(self, curve: Curve) -> Iterator[CurveChunk]:
        """Points after those that events had, each piece of even steps a chunk."""
        after = self._reached.get((curve.run_id, curve.series), _NOTHING)
        new = curve.iterations > after
        iterations, values = curve.iterations[new], curve.values[new]
        if not len(iterations):
            return
        self._reached[curve.run_id, curve.series] = int(iterations[-1])
        start = 0
        while start < len(iterations):
            stride = int(iterations[start + 1] - iterations[start]) if start + 1 < len(iterations) else 1
            end = start + 1
            while end < len(iterations) and int(iterations[end] - iterations[end - 1]) == stride:
                end += 1
            yield CurveChunk(curve.run_id, curve.series, int(iterations[start]), values[start:end], stride)
            start = end
