"""Files that are no history, damaged ones, full disks: one sentence, and nothing made worse."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError

from resnet_studio.domain.errors import DiskFullError, StoreError, UserError
from resnet_studio.domain.events import CurveChunk, CurvesGrew
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.recorder import Recorder
from resnet_studio.history.sqlite.errors import explained, trouble
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ...databases import database_of


def noise(run_id: str, first: int, count: int = 5_000) -> CurveChunk:
    values = np.random.default_rng(first).uniform(0, 100, count).astype(np.float32)
    return CurveChunk(run_id, Series.TRAINING_ERROR, first, values)


@pytest.fixture
def filled(home: Home, tiny_twin: CohortSpec) -> Home:
    with RunStore.open(home) as store:
        run = store.create_cohort(tiny_twin)[0]
        for part in range(20):
            store.append_chunks([noise(run.id, 1 + 5_000 * part)])
    return home


def refused(home: Home, *, writer: bool = True) -> str:
    """The sentence with which the history is refused; the file is as it was, and the lock is free."""
    before = database_of(home).read_bytes()
    with pytest.raises(StoreError) as caught:
        RunStore.open(home, writer=writer)
    assert database_of(home).read_bytes() == before
    assert not (home.root / "writer.pid").exists()
    text = str(caught.value)
    assert str(database_of(home)) in text
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_a_database_of_something_else(home: Home) -> None:
    connection = sqlite3.connect(database_of(home))
    connection.execute("CREATE TABLE recipes (title TEXT)")
    connection.commit()
    connection.close()
    assert "not a history of ResNet Studio" in refused(home)


@pytest.mark.parametrize("backup", [True, False])
def test_damage_met_later_is_a_sentence_too(filled: Home, backup: bool) -> None:
    with RunStore.open(filled) as store:
        run_id = store.list_runs()[0].id
    assert len(list((filled.root / "backups").iterdir())) == 1
    if not backup:
        shutil.rmtree(filled.root / "backups")
    content = bytearray(database_of(filled).read_bytes())
    for page in range(4096 * 20, len(content), 4096):
        if b"CREATE " not in content[page : page + 4096]:  # the tables are still known
            content[page : page + 4096] = b"\x5a" * 4096
    database_of(filled).write_bytes(content)
    with RunStore.open(filled, writer=False) as reader, pytest.raises(StoreError, match="start it again"):
        reader.curve(run_id, Series.TRAINING_ERROR)
    with RunStore.open(filled) as store:
        assert len(store.list_runs()) == 2
        if backup:
            assert "; what was missing came from the backup of" in store.notices[0]
            assert store.curve(run_id, Series.TRAINING_ERROR).iterations.tolist() == list(range(1, 100_001))
        else:
            assert "without some points of plain-8" in store.notices[0]


def test_a_folder_in_the_place_of_the_file(home: Home) -> None:
    database_of(home).mkdir()
    for writer in (True, False):
        with pytest.raises(StoreError, match="is a folder, not a file"):
            RunStore.open(home, writer=writer)


@pytest.mark.skipif(os.name == "nt", reason="no pipes and devices in folders there")
@pytest.mark.parametrize("writer", [True, False])
@pytest.mark.parametrize("kind", ["pipe", "link to a device", "link to a folder"])
def test_no_file_in_the_place_of_the_file(home: Home, kind: str, writer: bool) -> None:
    if kind == "pipe":
        os.mkfifo(database_of(home))
    else:
        database_of(home).symlink_to("/dev/zero" if kind == "link to a device" else home.root)
    expected = "is a folder, not a file" if kind == "link to a folder" else "is a pipe or a device, not a file"
    with pytest.raises(StoreError, match=expected):
        RunStore.open(home, writer=writer)


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot be used because .*file is a file; choose another with --home DIR\.$"):
        RunStore.open(Home(tmp_path / "file" / "home"))
    with pytest.raises(UserError, match=r"file is a file; name a folder with --home DIR\.$"):
        RunStore.open(Home(tmp_path / "file"))


def test_without_the_right_to_lock_the_history_is_read_only(filled: Home, tiny_twin: CohortSpec) -> None:
    (filled.root / "writer.lock").unlink(missing_ok=True)
    (filled.root / "writer.lock").mkdir()
    with RunStore.open(filled) as store:
        assert not store.writable
        assert "cannot be written" in store.why_read_only
        assert len(store.list_runs()) == 2
        with pytest.raises(StoreError, match="so the history is read-only"):
            store.rename(store.list_runs()[0].id, "x")
        assert not store.become_writer()
        assert not list(filled.root.glob("history.sqlite3-*")), "reading left no trace"

        (filled.root / "writer.lock").rmdir()
        with RunStore.open(filled) as other:
            other.create_cohort(tiny_twin)
            assert len(store.list_runs()) == 4


def test_a_full_disk_is_a_sentence_and_not_the_end(store: RunStore, tiny_twin: CohortSpec) -> None:
    run = store.create_cohort(tiny_twin)[0]
    recorder = Recorder(store)
    recorder.record(CurvesGrew((noise(run.id, 1),)))
    before = store.get(run.id)

    def allow(pages: int) -> None:
        with store._storage.writing() as session:
            session.connection().exec_driver_sql(f"PRAGMA max_page_count={pages}")

    allow(1)  # no page more than there are
    for _ in range(3):
        with pytest.raises(
            StoreError, match=r"is full; free some space, then go on \(what was stored before is safe\)"
        ):
            recorder.record(CurvesGrew((noise(run.id, 5_001),)))
    assert store.get(run.id) == before
    assert len(store.curve(run.id, Series.TRAINING_ERROR)) == 5_000
    with pytest.raises(StoreError, match="is full"):
        store.set_note(run.id, "a long story " * 10_000)
    store.rename(run.id, "small changes still find room")
    allow(2**30)
    recorder.record(CurvesGrew((noise(run.id, 5_001),)))
    assert store.get(run.id).iteration == 10_000


def test_only_the_users_trouble_becomes_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    assert isinstance(trouble(OSError(errno.ENOSPC, "No space left on device"), file), DiskFullError)
    denied = trouble(PermissionError(errno.EACCES, "Permission denied", "/x/y"), file)
    assert "Permission denied" in str(denied)
    assert not isinstance(denied, DiskFullError)
    assert trouble(sqlite3.OperationalError("no such column: mood"), file) is None
    assert trouble(KeyError("x"), file) is None
    with pytest.raises(ZeroDivisionError), explained(file):
        _ = 1 / 0
    with pytest.raises(IntegrityError), explained(file):
        raise IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed"))


def test_another_program_that_keeps_the_database_locked(store: RunStore, tiny_twin: CohortSpec, home: Home) -> None:
    run = store.create_cohort(tiny_twin)[0]
    other = sqlite3.connect(database_of(home), isolation_level=None)
    try:
        with store._storage.writing() as session:
            session.connection().exec_driver_sql("PRAGMA busy_timeout=50")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"keeps the history .* locked"):
            store.rename(run.id, "x")
        assert store.get(run.id).name == "plain-8", "reading goes on"
        other.execute("ROLLBACK")
        store.rename(run.id, "x")
    finally:
        other.close()


def test_a_closed_store_is_our_mistake(home: Home) -> None:
    store = RunStore.open(home)
    store.close()
    store.close()
    for call in (store.list_runs, store.become_writer, store.mark_interrupted):
        with pytest.raises(RuntimeError, match="was closed"):
            call()
