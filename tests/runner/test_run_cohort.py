"""The whole way of one cohort: specification, data, training, checkpoints, history, events."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CheckpointSaved, CohortStarted, CurvesGrew, ProgressMade, StatusChanged
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, DataSpec, RunSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.networks.weights import digest
from resnet_studio.runner import run_cohort
from resnet_studio.runner import train as trainer
from resnet_studio.training import checkpoints, loop
from resnet_studio.training.engines import eager
from resnet_studio.training.member import Member

from ..waiting import wait_until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def store(home_with_images):
    with RunStore.open(home_with_images) as store:
        yield store


class Switch:
    """A stop check that turns on after some questions, or when told."""

    def __init__(self, after: int | None = None) -> None:
        self.on, self._left = False, after

    def __call__(self) -> bool:
        if self._left is not None:
            self._left -= 1
            self.on = self.on or self._left < 0
        return self.on


def alone(run) -> CohortSpec:
    return CohortSpec(runs=(run,))


def test_a_twin_trains_to_its_end_and_everything_is_kept(store, home, tiny_twin):
    events = []
    records = run_cohort.run(tiny_twin, store, events.append)
    assert [r.status for r in records] == [RunStatus.FINISHED] * 2
    for record in records:
        assert record.iteration == 12
        assert 0 <= record.best_test_error <= record.test_error <= 100
        assert len(record.class_names) == 10
        assert {"device", "precision", "threads", "data_sha256", "torch"} <= record.environment.keys()
        assert store.curve(record.id, Series.TRAINING_ERROR).iterations.tolist() == list(range(1, 13))
        assert store.curve(record.id, Series.TEST_ERROR).iterations.tolist() == [5, 10, 12]
        seconds = store.curve(record.id, Series.SECONDS).values
        assert (np.diff(seconds) > 0).all()
        newest = store.checkpoints(record.id)[0]
        assert newest.iteration == 12
        snapshot = checkpoints.load(home.runs / newest.folder)
        assert digest(snapshot.weights) == record.weights_sha256 == newest.weights_sha256
        assert Preprocessing.load(home.run(record.id).path / "preprocessing.safetensors").image_size == 8
    started = next(e for e in events if isinstance(e, CohortStarted))
    assert started.run_ids == tuple(r.id for r in records)
    assert any(isinstance(e, ProgressMade) and e.iteration == 12 for e in events)


def test_every_event_is_stored_before_it_is_shown(store, tiny_twin):
    def sink(event):
        if isinstance(event, CurvesGrew):
            for chunk in event.chunks:
                assert store.curve(chunk.run_id, chunk.series).iterations[-1] == chunk.last_iteration
        elif isinstance(event, StatusChanged):
            assert store.get(event.run_id).status is event.status
        elif isinstance(event, CheckpointSaved):
            assert store.checkpoints(event.run_id)[0].iteration == event.iteration

    run_cohort.run(tiny_twin, store, sink)


@pytest.mark.usefixtures("every_core")
def test_a_run_gives_the_same_bits_alone_and_in_any_cohort(store, tiny_run, tiny_twin):
    (single,) = run_cohort.run(alone(tiny_run), store, lambda e: None)
    twins = run_cohort.run(tiny_twin, store, lambda e: None)
    deeper = replace(tiny_run, network=replace(tiny_run.network, depth=14))
    mixed = run_cohort.run(CohortSpec(runs=(deeper, tiny_run)), store, lambda e: None)
    assert single.weights_sha256 == twins[1].weights_sha256 == mixed[1].weights_sha256
    ours, theirs = (store.curve(r.id, Series.TRAINING_LOSS).values for r in (single, mixed[1]))
    assert ours.tobytes() == theirs.tobytes()


def test_stop_and_resume_on_every_core_is_bit_exact(store, tiny_twin, every_core, monkeypatch):
    test_stop_at_any_moment_then_resume_is_bit_exact(store, tiny_twin, 30, 0.4, monkeypatch)


@pytest.mark.parametrize(("questions", "patience"), [(0, 0), (1, 0), (9, 0), (30, 0.4), (75, 0), (120, 0.4)])
def test_stop_at_any_moment_then_resume_is_bit_exact(store, tiny_twin, questions, patience, monkeypatch):
    monkeypatch.setattr(
        trainer, "_engine", lambda machine, *rest: eager.EagerEngine(machine.precision, rest[-2], patience)
    )
    undisturbed = run_cohort.run(tiny_twin, store, lambda e: None)
    stopped = run_cohort.run(tiny_twin, store, lambda e: None, Switch(after=questions))
    assert {r.status for r in stopped} == {RunStatus.STOPPED}
    if patience:
        assert len({r.iteration for r in stopped}) == 1, "short steps are finished: the twin stands together"
    again = run_cohort.resume([r.id for r in stopped], store, lambda e: None)
    for one, two in zip(undisturbed, again, strict=True):
        assert two.status is RunStatus.FINISHED
        assert one.weights_sha256 == two.weights_sha256
        for series in (Series.TRAINING_ERROR, Series.TRAINING_LOSS, Series.TEST_ERROR, Series.TEST_LOSS):
            a, b = store.curve(one.id, series), store.curve(two.id, series)
            assert a.iterations.tolist() == b.iterations.tolist()
            assert a.values.tobytes() == b.values.tobytes()


def test_members_that_fell_apart_catch_up(store, home, tiny_twin):
    """The program died between the checkpoints of two members: one stands at 12, the other at an older one."""
    undisturbed = run_cohort.run(tiny_twin, store, lambda e: None, checkpoint_seconds=0)
    plain, residual = run_cohort.run(tiny_twin, store, lambda e: None, Switch(after=60), checkpoint_seconds=0)
    newest, older = store.checkpoints(residual.id)[:2]
    (home.runs / newest.folder / "weights.safetensors").write_bytes(b"torn")
    notices = []
    again = run_cohort.resume([plain.id, residual.id], store, notices.append)
    assert any("left out" in getattr(e, "sentence", "") for e in notices)
    assert older.iteration < newest.iteration
    assert [r.weights_sha256 for r in again] == [r.weights_sha256 for r in undisturbed]


def test_pause_keeps_a_checkpoint_and_goes_on(store, tiny_twin):
    pause, states = threading.Event(), []
    pause.set()
    thread_errors = []

    def sink(event):
        if isinstance(event, StatusChanged):
            states.append(event.status)

    def work():
        try:
            run_cohort.run(tiny_twin, store, sink, should_pause=pause.is_set)
        except Exception as error:
            thread_errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_until(lambda: states.count(RunStatus.PAUSED) == 2, still=thread.is_alive)
        assert {r.status for r in store.list_runs()} == {RunStatus.PAUSED}
        assert all(store.checkpoints(r.id) for r in store.list_runs())
    finally:
        pause.clear()
        thread.join(60)
    assert not thread_errors
    assert {r.status for r in store.list_runs()} == {RunStatus.FINISHED}


def test_divergence_ends_one_member_with_a_sentence_and_keeps_its_checkpoint(store, home, tiny_run):
    wild = replace(
        tiny_run, name="wild", recipe=replace(tiny_run.recipe, learning_rate=10.0, weight_decay=1.0, iterations=100)
    )
    calm = replace(tiny_run, name="calm", recipe=replace(tiny_run.recipe, iterations=100, test_every=100))
    records = run_cohort.run(CohortSpec(runs=(wild, calm)), store, lambda e: None, checkpoint_seconds=0.0)
    by_name = {r.name: r for r in records}
    assert by_name["calm"].status is RunStatus.FINISHED
    if by_name["wild"].status is not RunStatus.DIVERGED:
        pytest.fail(f"a learning rate of 10 with weight decay 1 was expected to diverge: {by_name['wild']}")
    assert "smaller learning rate" in by_name["wild"].reason
    newest = store.checkpoints(by_name["wild"].id)[0]
    assert all(torch.isfinite(t.float()).all() for t in checkpoints.load(home.runs / newest.folder).weights.values())


def test_our_own_mistakes_fail_the_run_and_are_not_swallowed(store, tiny_run, monkeypatch):
    def broken(*_args, **_kwargs):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(loop, "count_errors", broken)
    with pytest.raises(ZeroDivisionError):
        run_cohort.run(alone(tiny_run), store, lambda e: None)
    (record,) = store.list_runs()
    assert record.status is RunStatus.FAILED
    assert "ours" in record.reason


def test_only_runs_that_have_not_ended_can_go_on(store, tiny_run):
    (record,) = run_cohort.run(alone(tiny_run), store, lambda e: None)
    with pytest.raises(UserError, match="is finished"):
        run_cohort.resume([record.id], store, lambda e: None)


def test_runs_of_different_batches_cannot_be_resumed_together(store, tiny_run):
    other = replace(tiny_run, recipe=replace(tiny_run.recipe, batch_size=8))
    ids = [r.id for run in (tiny_run, other) for r in store.create_cohort(alone(run))]
    with pytest.raises(UserError, match="same batch_size"):
        run_cohort.resume(ids, store, lambda e: None)


def test_a_network_with_another_number_of_classes_than_the_data(store, tiny_run):
    odd = replace(tiny_run, network=replace(tiny_run.network, classes=7))
    with pytest.raises(UserError, match="set classes to 10"):
        run_cohort.run(alone(odd), store, lambda e: None)
    assert not store.list_runs(), "refused before anything is stored"
    (queued,) = store.create_cohort(alone(odd))
    with pytest.raises(UserError, match="set classes to 10"):
        run_cohort.resume([queued.id], store, lambda e: None)
    assert store.get(queued.id).status is RunStatus.FAILED


def test_a_folder_that_is_missing(store, tiny_run):
    with pytest.raises(UserError, match="gone"):
        run_cohort.run(alone(replace(tiny_run, data=DataSpec(source="folder:/gone"))), store, lambda e: None)
    assert not store.list_runs()


def test_a_device_that_is_missing_is_refused_before_anything_is_stored(store, tiny_run):
    if torch.backends.mps.is_available():
        pytest.skip("this machine has the device")
    elsewhere = replace(tiny_run, recipe=replace(tiny_run.recipe, device="mps"))
    with pytest.raises(UserError, match="no mps device"):
        run_cohort.run(alone(elsewhere), store, lambda e: None)
    assert not store.list_runs()


def test_a_run_without_any_whole_checkpoint_says_that_it_starts_again(store, home, tiny_run):
    (stopped,) = run_cohort.run(alone(tiny_run), store, lambda e: None, Switch(after=60))
    for row in store.checkpoints(stopped.id):
        (home.runs / row.folder / "state.json").unlink()
    notices = []
    (again,) = run_cohort.resume([stopped.id], store, notices.append)
    assert any("starts again from the beginning" in getattr(e, "sentence", "") for e in notices)
    (whole,) = run_cohort.run(alone(tiny_run), store, lambda e: None)
    assert again.weights_sha256 == whole.weights_sha256


def on_two_classes(run: RunSpec, folder: Path) -> RunSpec:
    """The run on images of two classes, four of each to train and four to test, all of them different."""
    from PIL import Image

    for name in ("red", "blue"):
        for part in ("train", "test"):
            place = folder / part / name
            place.mkdir(parents=True)
            for i in range(4):
                Image.new("RGB", (8, 8), (i, len(name), len(part))).save(place / f"{i}.png")
    return replace(run, data=DataSpec(source=f"folder:{folder}"), network=replace(run.network, classes=2))


def test_files_that_were_left_out_are_counted_and_named(store, home, tiny_run, tmp_path):
    spec = on_two_classes(tiny_run, tmp_path / "set")
    for i in range(5):
        (tmp_path / "set" / "train" / "red" / f"bad{i}.png").write_bytes(b"no image")
    notices = []
    (record,) = run_cohort.run(alone(spec), store, notices.append)
    (sentence,) = [e.sentence for e in notices if hasattr(e, "sentence")]
    assert sentence.startswith("5 files were left out")
    listed = (home.run(record.id).path / "left-out.txt").read_text()
    assert all(f"bad{i}.png" in listed for i in range(5))
    assert record.environment["files_left_out"] == "5"
    assert record.environment["repeated_images"] == "0"


def test_test_images_that_are_training_images_are_named(store, tiny_run, tmp_path):
    spec, folders = on_two_classes(tiny_run, tmp_path / "set"), tmp_path / "set" / "train"
    (tmp_path / "set" / "test" / "red" / "3.png").write_bytes((folders / "red" / "3.png").read_bytes())
    notices = []
    (record,) = run_cohort.run(alone(spec), store, notices.append)
    (sentence,) = [e.sentence for e in notices if hasattr(e, "sentence")]
    assert sentence.startswith("1 of 8 test images are training images as well")
    assert (record.environment["repeated_images"], record.environment["images_of_two_classes"]) == ("1", "0")
    (folders / "blue" / "copy.png").write_bytes((folders / "red" / "0.png").read_bytes())
    notices.clear()
    (record,) = run_cohort.run(alone(spec), store, notices.append)
    assert any(getattr(e, "sentence", "").startswith("2 of 9 training images are there in another") for e in notices)
    assert record.environment["images_of_two_classes"] == "2"


def test_images_that_changed_meanwhile_are_noticed(store, tiny_run, tmp_path):
    from PIL import Image

    for part, count in (("train", 12), ("test", 3)):
        for name, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
            folder = tmp_path / "set" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (8, 8), tuple(c + i for c in colour)).save(folder / f"{i}.png")
    spec = replace(
        tiny_run, data=DataSpec(source=f"folder:{tmp_path / 'set'}"), network=replace(tiny_run.network, classes=2)
    )
    (record,) = run_cohort.run(alone(spec), store, lambda e: None, Switch(after=40))
    assert record.status is RunStatus.STOPPED
    assert record.class_names == ("blue", "red")
    Image.new("RGB", (8, 8), (9, 200, 9)).save(tmp_path / "set" / "train" / "red" / "0.png")
    with pytest.raises(UserError, match="have changed since"):
        run_cohort.resume([record.id], store, lambda e: None)


def test_only_the_two_newest_checkpoints_stay(store, home, tiny_run):
    (record,) = run_cohort.run(alone(tiny_run), store, lambda e: None, checkpoint_seconds=0.0)
    rows = store.checkpoints(record.id)
    assert [row.iteration for row in rows] == [12, 11]
    folders = {folder.name for folder in (home.run(record.id).path / "checkpoints").iterdir()}
    assert folders == {row.folder.rpartition("/")[2] for row in rows}


def test_a_worker_thread_is_lowered_but_not_the_main_one(store, tiny_run):
    import os

    if not hasattr(os, "getpriority"):
        pytest.skip("this platform has no nice values")
    before, inside = os.getpriority(os.PRIO_PROCESS, 0), []

    def work():
        run_cohort.run(alone(tiny_run), store, lambda e: None)
        inside.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert inside[0] > before or before >= 10
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_a_member_is_its_spec_alone(tiny_run):
    one, two = (Member(name, tiny_run, torch.device("cpu")) for name in "ab")
    assert digest(one.snapshot().weights) == digest(two.snapshot().weights)
