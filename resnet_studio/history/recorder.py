"""Stores what events say, before anyone is shown them."""

from __future__ import annotations

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import (
    CheckpointDropped,
    CheckpointSaved,
    CohortStarted,
    CurvesCut,
    CurvesGrew,
    EnvironmentChanged,
    Event,
    EventSink,
    StatusChanged,
)
from resnet_studio.history.store import RunStore


class Recorder:
    """One event, one transaction (a start has one more for each run)."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def record(self, event: Event) -> None:
        """Store ``event``; events that only describe progress are not stored.

        Raises:
            StoreError: If the disk is full or fails, or this program may not write.
        """
        match event:
            case CohortStarted():
                self._store.set_started(event.run_ids, event.class_names, event.environment)
                for run_id in event.run_ids:
                    self._store.set_status(run_id, RunStatus.RUNNING)
            case EnvironmentChanged():
                self._store.change_environment(event.run_ids, event.changes)
            case CurvesGrew():
                self._store.append_chunks(event.chunks)
            case StatusChanged():
                self._store.set_status(event.run_id, event.status, event.reason, event.iteration)
            case CheckpointSaved():
                self._store.add_checkpoint(
                    event.run_id, event.iteration, event.folder, event.weights_sha256, event.seconds
                )
            case CheckpointDropped():
                self._store.drop_checkpoint(event.run_id, event.iteration)
            case CurvesCut():
                self._store.truncate_curves(event.run_id, event.after_iteration)
            case _:
                pass


def recording(store: RunStore, emit: EventSink) -> EventSink:
    """A sink that stores each event, then hands it to ``emit``: what a view shows is already stored."""
    recorder = Recorder(store)

    def record_then_emit(event: Event) -> None:
        recorder.record(event)
        emit(event)

    return record_then_emit
