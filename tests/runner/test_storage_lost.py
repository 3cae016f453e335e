"""The disk fails or becomes read-only, or the home goes, while a cohort trains: it stops with a sentence."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3

import pytest

from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.events import CheckpointSaved, CurvesGrew, NoticeGiven
from resnet_studio.domain.specs import replace, twin
from resnet_studio.history.sqlite.errors import trouble
from resnet_studio.history.store import RunStore
from resnet_studio.inference.models import load
from resnet_studio.networks.weights import digest
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.training import checkpoints, loop
from resnet_studio.training.disk_full import StorageLostError

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Curves are stored with each iteration."""
    flushed = loop.Shared.__init__.__defaults__
    monkeypatch.setattr(loop.Shared.__init__, "__defaults__", (0.0, *flushed[1:]))


@pytest.fixture
def cohort(tiny_run):
    return twin(replace(tiny_run, recipe=replace(tiny_run.recipe, iterations=40, milestones=(), test_every=9)))


def train_until(store, cohort, harm, when=lambda event, saved: saved >= 4 and isinstance(event, CurvesGrew)):
    """The sentence with which training ended, and the iteration of the last checkpoint that was stored."""
    saved, done = [], []

    def look(event):
        if isinstance(event, CheckpointSaved):
            saved.append(event)
        if not done and when(event, len(saved)):
            done.append(event)
            harm()

    with pytest.raises(StorageLostError) as caught:
        run_cohort.run(cohort, store, look, checkpoint_seconds=0.0)
    newest = {event.run_id: event.iteration for event in saved}
    return caught.value.sentence, min(newest.values())


def check_whole(home):
    """Each run's newest checkpoint is there, whole, as the history says."""
    with RunStore.open(home) as store:
        for run in store.list_runs():
            row = store.checkpoints(run.id)[0]
            assert digest(checkpoints.load(home.runs / row.folder).weights) == row.weights_sha256
            assert run.resumable


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EACCES])
def test_a_checkpoint_that_the_disk_refuses(number, cohort, home_with_images, monkeypatch):
    def refuse(path, content):
        raise OSError(number, os.strerror(number), str(path))

    with RunStore.open(home_with_images) as store:
        sentence, iteration = train_until(
            store, cohort, lambda: monkeypatch.setattr(checkpoints, "_write", refuse)
        )  # fmt: skip
    assert sentence.startswith(f"The folder {home_with_images.root} cannot be written ({os.strerror(number)});")
    assert f"its last checkpoint, of iteration {iteration}." in sentence
    check_whole(home_with_images)


def test_curves_that_the_disk_refuses(cohort, home_with_images, monkeypatch):
    def refuse(self, chunks):
        raise StoreError("The history cannot be written.")

    with RunStore.open(home_with_images) as store:
        sentence, iteration = train_until(
            store, cohort, lambda: monkeypatch.setattr(RunStore, "append_chunks", refuse)
        )  # fmt: skip
    assert sentence.startswith("The history cannot be written. Training has stopped;")
    assert f"iteration {iteration}." in sentence
    check_whole(home_with_images)


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be moved there")
@pytest.mark.parametrize("harm", ["renamed", "replaced"])
def test_a_home_that_goes_is_noticed_and_no_other_is_made(harm, cohort, home_with_images):
    root = home_with_images.root
    moved = root.with_name("moved")

    def go():
        root.rename(moved)
        if harm == "replaced":
            root.mkdir()

    with RunStore.open(home_with_images) as store:
        sentence, iteration = train_until(store, cohort, go)
    assert sentence.startswith(f"The folder {root} was renamed, removed or replaced while it was in use; put it back.")
    assert f"iteration {iteration}." in sentence
    assert not root.exists() or not list(root.iterdir())
    check_whole(Home(moved))


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be moved there")
@pytest.mark.parametrize("harm", ["removed", "removed with its logs", "renamed", "replaced"])
def test_a_history_that_goes_alone_is_noticed(harm, cohort, home_with_images):
    file = home_with_images.root / "history.sqlite3"
    moved = file.with_name("moved.sqlite3")

    def go():
        if harm == "removed":
            file.unlink()
        elif harm == "removed with its logs":
            for each in home_with_images.root.glob("history.sqlite3*"):
                each.unlink()
        else:
            file.rename(moved)
        if harm == "replaced":
            shutil.copyfile(moved, file)

    with RunStore.open(home_with_images) as store:
        sentence, iteration = train_until(store, cohort, go)
    assert f"iteration {iteration}." in sentence
    if harm == "replaced":
        assert sentence.startswith(f"The history {file} was renamed, removed or replaced while it was in use;")
        return
    assert sentence.startswith(f"The history {file} was renamed or removed while it was in use; all that it held was ")
    check_whole(home_with_images)
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.skipif(os.name == "nt", reason="an open folder cannot be moved there")
def test_shared_runs_that_are_unmounted_are_noticed(cohort, home_with_images, tmp_path):
    shared = tmp_path / "shared"
    home = Home(home_with_images.root, shared_runs=shared)

    def go():
        shared.rename(tmp_path / "unmounted")
        shared.mkdir()

    with RunStore.open(home) as store:
        sentence, _iteration = train_until(store, cohort, go)
    assert sentence.startswith(f"The folder {shared} was renamed, removed or replaced while it was in use;")
    assert not list(shared.iterdir())


@pytest.mark.parametrize("harm", ["all runs", "one run", "a file"])
def test_a_folder_of_runs_that_is_deleted_is_written_again(harm, cohort, home_with_images):
    home, seen = home_with_images, []

    def look(event):
        seen.append(event)
        if isinstance(event, CheckpointSaved) and sum(isinstance(each, CheckpointSaved) for each in seen) == 6:
            files = home.run(event.run_id)
            if harm == "a file":
                files.preprocessing.unlink()
            else:
                shutil.rmtree(home.runs if harm == "all runs" else files.path)

    with RunStore.open(home) as store:
        ended = run_cohort.run(cohort, store, look, checkpoint_seconds=0.0)
        assert [run.status.value for run in ended] == ["finished", "finished"]
        for run in ended:
            model = load(store, store.get(run.id))
            assert model.iteration == run.iteration
            rows = store.checkpoints(run.id)
            assert [(home.runs / row.folder).is_dir() for row in rows] == [True, True]
    sentences = [event.sentence for event in seen if isinstance(event, NoticeGiven)]
    told = [each for each in sentences if "were removed while this run was training" in each]
    assert len(told) == (2 if harm == "all runs" else 1)


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be moved there")
def test_a_database_that_was_replaced_is_not_called_damaged(tmp_path):
    file = tmp_path / "history.sqlite3"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE one (x)")
    connection.commit()
    file.rename(tmp_path / "elsewhere")
    sqlite3.connect(file).close()
    file.touch()
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("INSERT INTO one VALUES (1)")
    connection.close()
    told = trouble(caught.value, file)
    assert type(told) is StoreError
    assert "was renamed, removed or replaced" in told.sentence
