"""What events leave in the store, and that nobody is shown what is not stored."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.events import (
    CheckpointSaved,
    CohortStarted,
    CurveChunk,
    CurvesGrew,
    Event,
    NoticeGiven,
    PhaseChanged,
    ProgressMade,
    StatusChanged,
)
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.history.recorder import Recorder, recording
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home


def story(twins: tuple[RunRecord, ...]) -> list[Event]:
    ids = tuple(run.id for run in twins)
    values = np.array([80, 70], np.float32)
    return [
        CohortStarted(ids, 0, 12, 750.0, 12_000, 2_400, ("disc", "ring"), {"device": "cpu"}),
        PhaseChanged(ids, Phase.TRAINING),
        CurvesGrew(tuple(CurveChunk(run_id, Series.TRAINING_ERROR, 1, values) for run_id in ids)),
        ProgressMade(ids, 2, 12, 0.5, 4.0, 2.5),
        NoticeGiven(ids, "The disk is nearly full."),
        CheckpointSaved(ids[0], 2, f"{ids[0]}/2", "ab" * 32, 0.5),
        StatusChanged(ids[0], RunStatus.STOPPED, "You stopped it.", 2),
    ]


def test_events_are_stored_before_they_are_shown(store: RunStore, twins: tuple[RunRecord, ...]) -> None:
    plain, residual = twins
    seen: list[Event] = []
    states: list[tuple[RunStatus, int, str | None]] = []

    def show(event: Event) -> None:
        run = store.get(plain.id)
        seen.append(event)
        states.append((run.status, run.iteration, run.weights_sha256))

    sink = recording(store, show)
    told = story(twins)
    for event in told:
        sink(event)
    assert seen == told
    running = RunStatus.RUNNING
    digest = "ab" * 32
    assert states == [
        (running, 0, None),
        (running, 0, None),
        (running, 2, None),
        (running, 2, None),
        (running, 2, None),
        (running, 2, digest),
        (RunStatus.STOPPED, 2, digest),
    ]
    read = store.get(plain.id)
    assert (read.reason, read.training_error) == ("You stopped it.", 75)
    assert (read.class_names, read.environment) == (("disc", "ring"), {"device": "cpu"})
    assert store.checkpoints(plain.id)[0].folder == f"{plain.id}/2"
    assert store.get(residual.id).status is running
    assert store.checkpoints(residual.id) == []


def test_what_cannot_be_stored_is_not_shown(home: Home, store: RunStore, twins: tuple[RunRecord, ...]) -> None:
    shown: list[Event] = []
    with RunStore.open(home, writer=False) as second:
        assert not second.writable
        sink = recording(second, shown.append)
        for event in story(twins):
            if isinstance(event, PhaseChanged | ProgressMade | NoticeGiven):
                sink(event)
            else:
                with pytest.raises(StoreError, match="reading only"):
                    sink(event)
    assert len(shown) == 3
    assert store.get(twins[0].id) == twins[0]


def test_a_recorder_is_content_with_events_that_say_nothing_to_store(
    store: RunStore, twins: tuple[RunRecord, ...]
) -> None:
    recorder = Recorder(store)
    recorder.record(CurvesGrew(()))
    recorder.record(NoticeGiven((), "Nothing."))
    assert store.get(twins[0].id) == twins[0]
