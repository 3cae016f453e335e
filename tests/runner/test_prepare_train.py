"""The two halves of a training: a value made of the history, and events made of the value, without any history."""

from __future__ import annotations

import pickle

import pytest
import torch

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import (
    CheckpointDropped,
    CheckpointSaved,
    CohortStarted,
    CurvesCut,
    NoticeGiven,
    StatusChanged,
)
from resnet_studio.domain.series import Series
from resnet_studio.history.recorder import Recorder
from resnet_studio.history.store import RunStore
from resnet_studio.runner import run_cohort
from resnet_studio.runner.prepare import prepare
from resnet_studio.runner.train import train

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def store(home_with_images):
    with RunStore.open(home_with_images) as store:
        yield store


def stop_after(questions: int):
    left = [questions]

    def should_stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return should_stop


def curves(store, run_id):
    return [store.curve(run_id, s).values.tobytes() for s in Series if s is not Series.SECONDS]


def test_events_that_went_through_a_pipe_make_the_same_history(store, tiny_twin):
    """Begun, stopped and gone on with, each time elsewhere: what is stored is what ``run`` stores."""
    here = run_cohort.run(tiny_twin, store, lambda event: None)
    ids = [run.id for run in store.create_cohort(tiny_twin)]
    recorder, seen = Recorder(store), []

    def through_a_pipe(event):
        again = pickle.loads(pickle.dumps(event))
        seen.append(type(again))
        recorder.record(again)

    for should_stop in (stop_after(60), stop_after(10**9)):
        start = pickle.loads(pickle.dumps(prepare([store.get(run_id) for run_id in ids], store)))
        train(start, through_a_pipe, should_stop, checkpoint_seconds=0.0)
    assert {CohortStarted, CheckpointSaved, CheckpointDropped, CurvesCut, StatusChanged} <= set(seen)
    for run_id, other in zip(ids, here, strict=True):
        run = store.get(run_id)
        assert (run.status, run.iteration, run.weights_sha256) == (RunStatus.FINISHED, 12, other.weights_sha256)
        assert curves(store, run_id) == curves(store, other.id)
        assert len(store.checkpoints(run_id)) == 2


def test_preparing_changes_nothing(store, home, tiny_run):
    (run,) = store.create_cohort(run_cohort.CohortSpec(runs=(tiny_run,)))
    run_cohort.resume([run.id], store, lambda event: None, stop_after(70), checkpoint_seconds=0.0)
    newest, before = store.checkpoints(run.id)
    (home.run(run.id).checkpoint(newest.folder) / "state.json").write_text("{")
    rows, points = store.checkpoints(run.id), len(store.curve(run.id, Series.TRAINING_LOSS))
    files = sorted(path for path in home.runs.rglob("*"))
    start = prepare([store.get(run.id)], store)
    (member,) = start.members
    assert [each.iteration for each in member.damaged] == [newest.iteration]
    assert member.snapshot.iteration == before.iteration == member.whole[0].iteration
    assert (member.test_errors.iterations <= before.iteration).all()
    assert store.checkpoints(run.id) == rows
    assert len(store.curve(run.id, Series.TRAINING_LOSS)) == points
    assert sorted(path for path in home.runs.rglob("*")) == files
    events = []
    train(start, events.append)
    dropped = next(event for event in events if isinstance(event, CheckpointDropped))
    assert dropped.iteration == newest.iteration
    assert any(isinstance(event, NoticeGiven) and "cannot be read" in event.sentence for event in events)
    cut = next(event for event in events if isinstance(event, CurvesCut))
    assert cut.after_iteration == before.iteration


def test_a_parent_that_two_members_share_is_read_once(store, tiny_run, tiny_twin, monkeypatch):
    from resnet_studio.runner import prepare as module

    (parent,) = run_cohort.run(run_cohort.CohortSpec(runs=(tiny_run,)), store, lambda event: None)
    begin = tiny_run.model_copy(update={"start_from": parent.id})
    other = begin.model_copy(update={"name": "other", "recipe": begin.recipe.model_copy(update={"init_seed": 5})})
    loaded, real = [], module.load
    monkeypatch.setattr(module, "load", lambda *a: loaded.append(1) or real(*a))
    start = prepare(store.create_cohort(run_cohort.CohortSpec(runs=(begin, other))), store)
    assert loaded == [1]
    assert start.members[0].weights is start.members[1].weights
    assert start.preprocessing is not None
    assert all(torch.isfinite(tensor.float()).all() for tensor in start.members[0].weights.tensors.values())
