"""Events travel between processes: each survives pickling, arrays and all."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from resnet_studio.domain.enums import Phase, RunStatus
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
    never,
)
from resnet_studio.domain.series import Series

EVENTS: tuple[Event, ...] = (
    CohortStarted(("a", "b"), 0, 100, 93.75, 12_000, 2_400, ("disc", "ring"), {"device": "cpu"}),
    PhaseChanged(("a",), Phase.LOADING, "drawing", 0.5),
    ProgressMade(("a",), 50, 100, 2.0, 25.0, 2.0),
    CheckpointSaved("a", 50, "a/000050", "ab" * 32, 2.0),
    StatusChanged("a", RunStatus.DIVERGED, "The loss was no longer a finite number.", 50),
    NoticeGiven(("a",), "Three files were left out."),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_pickling(event: Event) -> None:
    assert pickle.loads(pickle.dumps(event)) == event


def test_curves_survive_pickling_with_what_is_not_a_number() -> None:
    chunk = CurveChunk("a", Series.TRAINING_LOSS, 11, np.array([1.5, np.nan, np.inf], dtype=np.float32), stride=5)
    (back,) = pickle.loads(pickle.dumps(CurvesGrew((chunk,)))).chunks
    assert back.values.dtype == np.float32
    np.testing.assert_array_equal(back.values, chunk.values)
    assert (back.count, back.last_iteration, back.iterations.tolist()) == (3, 21, [11, 16, 21])


def test_events_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        EVENTS[0].iteration = 3  # type: ignore[misc, union-attr]


def test_never_is_no() -> None:
    assert never() is False
