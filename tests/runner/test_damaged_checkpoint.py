"""A checkpoint that was damaged is set aside and named; the run goes on from the one before and ends with its bits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import NoticeGiven
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.runner import run_cohort

pytestmark = pytest.mark.timeout(120)
STOP_AFTER = 70  # questions whether to stop


@pytest.fixture
def store(home_with_images):
    with RunStore.open(home_with_images) as store:
        yield store


def flip_a_bit(folder: Path) -> None:
    file = folder / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 4
    file.write_bytes(content)


def cut_short(folder: Path) -> None:
    file = folder / "optimizer.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def empty(folder: Path) -> None:
    (folder / "state.json").write_bytes(b"")


def another_iteration(folder: Path) -> None:
    file = folder / "state.json"
    state = json.loads(file.read_text())
    file.write_text(json.dumps({**state, "iteration": state["iteration"] + 1}))


def lose_a_file(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()


def lose_it(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.fixture
def stopped(store, tiny_run):
    """Stopped in the middle, with two checkpoints."""
    left = [STOP_AFTER]

    def should_stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    (record,) = run_cohort.run(CohortSpec(runs=(tiny_run,)), store, lambda e: None, should_stop, checkpoint_seconds=0.0)
    assert record.status is RunStatus.STOPPED
    assert len(store.checkpoints(record.id)) == 2
    return record


@pytest.mark.parametrize("damage", [flip_a_bit, cut_short, empty, another_iteration, lose_a_file, lose_it])
def test_the_one_before_is_taken(store, home, stopped, tiny_run, damage: Callable[[Path], None]):
    newest, before = store.checkpoints(stopped.id)
    folder = home.runs / newest.folder
    damage(folder)
    events = []
    (again,) = run_cohort.resume([stopped.id], store, events.append)
    (sentence,) = [event.sentence for event in events if isinstance(event, NoticeGiven)]
    assert str(folder) in sentence
    assert "left out" in sentence
    assert before.iteration < newest.iteration
    aside = folder.with_name(f"damaged-{folder.name}")
    assert aside.is_dir() == (damage is not lose_it)
    assert not folder.exists()
    (whole,) = run_cohort.run(CohortSpec(runs=(tiny_run,)), store, lambda e: None)
    assert (again.status, again.weights_sha256) == (RunStatus.FINISHED, whole.weights_sha256)
    for series in (Series.TRAINING_LOSS, Series.TEST_ERROR):
        one, two = store.curve(again.id, series), store.curve(whole.id, series)
        assert one.iterations.tolist() == two.iterations.tolist()
        assert one.values.tobytes() == two.values.tobytes()


def test_with_both_damaged_it_starts_again_and_keeps_them(store, home, stopped, tiny_run):
    for row in store.checkpoints(stopped.id):
        flip_a_bit(home.runs / row.folder)
    events = []
    (again,) = run_cohort.resume([stopped.id], store, events.append)
    assert any("starts again from the beginning" in getattr(event, "sentence", "") for event in events)
    assert len(list((home.run(stopped.id).path / "checkpoints").glob("damaged-*"))) == 2
    (whole,) = run_cohort.run(CohortSpec(runs=(tiny_run,)), store, lambda e: None)
    assert again.weights_sha256 == whole.weights_sha256
