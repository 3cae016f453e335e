"""Several processes and threads on one home; processes that die."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..databases import database_of, on_a_file

TRAIN, TEST = Series.TRAINING_ERROR, Series.TEST_ERROR

HOLD = """
import sys
from pathlib import Path
from resnet_studio.platform.home import Home
from resnet_studio.history.store import RunStore
with RunStore.open(Home(Path(sys.argv[1]))) as store:
    print("writes" if store.writable else "reads", flush=True)
    for line in sys.stdin:
        run_id, name = line.split(None, 1)
        store.rename(run_id, name)
        print("renamed", flush=True)
"""

WRITE_FOR_EVER = """
import sys
from pathlib import Path
import numpy as np
from resnet_studio.domain.events import CurveChunk
from resnet_studio.platform.home import Home
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.series import Series
from resnet_studio.history.store import RunStore

store = RunStore.open(Home(Path(sys.argv[1])))
run_ids = sys.argv[2:]
print(*store.interrupted_at_start, flush=True)
reached = min(store.get(run_id).iteration for run_id in run_ids) // 10 * 10  # the last "checkpoint"
for run_id in run_ids:
    store.truncate_curves(run_id, reached)
    store.set_status(run_id, RunStatus.RUNNING)
print("both stand at the same iteration", flush=True)
while True:
    values = np.arange(reached + 1, reached + 8, dtype=np.float32)
    store.append_chunks([CurveChunk(run_id, series, reached + 1, values)
                         for run_id in run_ids for series in (Series.TRAINING_ERROR, Series.SECONDS)])
    reached += 7
    print("stored", flush=True)
"""


class Spawn(Protocol):
    def __call__(self, script: str, *arguments: str) -> subprocess.Popen[str]: ...


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def told(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return said(process)


@on_a_file
def test_the_second_process_reads_says_so_and_takes_over(home: Home, tiny_twin: CohortSpec, spawn: Spawn) -> None:
    with RunStore.open(home) as store:
        run = store.create_cohort(tiny_twin)[0]
    first = spawn(HOLD, str(home.root))
    assert said(first) == "writes"
    with RunStore.open(home) as second:
        assert not second.writable
        assert f"in use by another ResNet Studio (process {first.pid})" in second.why_read_only
        assert second.list_runs()[1].name == "ResNet-8"
        for call in (
            lambda: second.create_cohort(tiny_twin),
            lambda: second.rename(run.id, "x"),
            lambda: second.append_chunks([CurveChunk(run.id, TEST, 1, np.ones(1, np.float32))]),
            second.mark_interrupted,
            second.purge_deleted,
        ):
            with pytest.raises(StoreError, match=rf"process {first.pid}\), .*; close it"):
                call()
        assert told(first, f"{run.id} seen at once") == "renamed"
        assert second.get(run.id).name == "seen at once"
        assert not second.become_writer()
        assert not second.writable
        first.communicate()
        assert first.returncode == 0
        assert second.become_writer()
        assert second.become_writer()
        assert second.writable
        assert second.why_read_only == ""
        second.rename(run.id, "mine now")
        assert second.get(run.id).name == "mine now"


@on_a_file
def test_waiting_for_the_other_to_leave(home: Home, spawn: Spawn) -> None:
    first = spawn(HOLD, str(home.root))
    assert said(first) == "writes"
    leaver = threading.Timer(0.5, first.stdin.close)  # type: ignore[union-attr]
    leaver.start()
    with RunStore.open(home, wait_seconds=30) as store:
        assert store.writable
    leaver.join()


@on_a_file
def test_a_reader_before_the_first_writer_sees_nothing_then_everything(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home, writer=False) as reader:
        assert not database_of(home).exists()
        assert reader.list_runs() == [] == reader.list_runs(deleted=True)
        with pytest.raises(StoreError, match="opened for reading only"):
            reader.create_cohort(tiny_twin)
        with RunStore.open(home) as writer:
            assert reader.list_runs() == []
            created = writer.create_cohort(tiny_twin)
            assert reader.list_runs() == list(created)
            assert reader.find("ResNet-8") == created[1]


@on_a_file
def test_runs_of_a_dead_process_are_interrupted(home: Home, tiny_twin: CohortSpec, spawn: Spawn) -> None:
    with RunStore.open(home) as store:
        (running, paused), (queued, finished) = store.create_cohort(tiny_twin), store.create_cohort(tiny_twin)
        store.set_status(running.id, RunStatus.RUNNING)
        store.set_status(paused.id, RunStatus.PAUSED)
        store.set_status(finished.id, RunStatus.FINISHED)
        with RunStore.open(home) as second:
            assert second.interrupted_at_start == ()
            assert second.get(running.id).status is RunStatus.RUNNING, "somebody else's, and alive"
        assert store.interrupted_at_start == ()
    with RunStore.open(home, writer=False) as reader:
        assert reader.get(running.id).status is RunStatus.RUNNING, "a reader changes nothing"
    with RunStore.open(home) as store:
        assert store.interrupted_at_start == (running.id, paused.id)
        for run_id in store.interrupted_at_start:
            run = store.get(run_id)
            assert run.status is RunStatus.INTERRUPTED
            assert run.resumable
            assert "resume it" in run.reason
        assert store.get(queued.id).status is RunStatus.QUEUED
        assert store.get(finished.id).status is RunStatus.FINISHED


@on_a_file
def test_killed_while_writing_again_and_again(home: Home, tiny_twin: CohortSpec, spawn: Spawn) -> None:
    with RunStore.open(home) as store:
        run_ids = [run.id for run in store.create_cohort(tiny_twin)]
    draw = random.Random(0)
    reached = 0
    for attempt in range(5):
        writer = spawn(WRITE_FOR_EVER, str(home.root), *run_ids)
        assert said(writer).split() == ([] if attempt == 0 else run_ids)
        assert said(writer) == "both stand at the same iteration"
        for _stored in range(draw.randrange(30)):
            assert said(writer) == "stored"
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(30) == -signal.SIGKILL

        with RunStore.open(home, writer=False) as reader:
            runs = [reader.get(run_id) for run_id in run_ids]
            curves = reader.curves(run_ids, [TRAIN, Series.SECONDS])
        assert runs[0].iteration == runs[1].iteration >= reached, "twins do not come apart"
        reached = runs[0].iteration // 10 * 10
        for curve in curves.values():
            assert np.array_equal(curve.iterations, np.arange(1, runs[0].iteration + 1)), "no hole, no double"
            assert np.array_equal(curve.values, curve.iterations.astype(np.float32))
    assert reached > 0
    with RunStore.open(home) as store:
        assert store.interrupted_at_start == tuple(run_ids)
    connection = sqlite3.connect(database_of(home))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_one_thread_records_while_others_read_and_rename(store: RunStore, twins: tuple[RunRecord, ...]) -> None:
    ids = [run.id for run in twins]
    done = threading.Event()

    def record() -> None:
        try:
            for step in range(80):
                values = np.full(4, step, np.float32)
                store.append_chunks([CurveChunk(run_id, TRAIN, 1 + 4 * step, values) for run_id in ids])
        finally:
            done.set()

    def read() -> int:
        looks, before = 0, 0
        while not done.is_set():
            plain, residual = store.curves(ids, [TRAIN]).values()
            assert len(plain) == len(residual) >= before, "both of one moment, and never fewer"
            assert np.array_equal(plain.iterations, np.arange(1, len(plain) + 1))
            before, looks = len(plain), looks + 1
            assert {run.id for run in store.list_runs()} == set(ids)
        return looks

    def rename(run_id: str) -> int:
        count = 0
        while not done.is_set():
            store.rename(run_id, f"name {count}")
            store.set_tags(run_id, [f"tag {count}", "kept"])
            count += 1
        return count

    with ThreadPoolExecutor(5) as pool:
        recorded = pool.submit(record)
        work = [pool.submit(read), pool.submit(read), *(pool.submit(rename, run_id) for run_id in ids)]
        recorded.result(60)
        assert all(each.result(60) > 0 for each in work)
    for run_id in ids:
        run = store.get(run_id)
        assert run.iteration == 320
        assert run.tags[1] == "kept"
        assert len(store.curve(run_id, TRAIN)) == 320


def test_threads_that_append_the_same_points_cannot_both_win(store: RunStore, twins: tuple[RunRecord, ...]) -> None:
    chunk = CurveChunk(twins[0].id, TEST, 1, np.arange(5, dtype=np.float32))
    together = threading.Barrier(6)

    def attempt() -> bool:
        together.wait(10)
        try:
            store.append_chunks([chunk])
        except ValueError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda _: attempt(), range(6))) == 1
    assert len(store.curve(twins[0].id, TEST)) == 5


@on_a_file
def test_only_one_of_many_readers_becomes_the_writer(home: Home) -> None:
    stores = [RunStore.open(home, writer=False) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(lambda store: store.become_writer(), stores)) == 1
        holder = next(store for store in stores if store.writable)
        holder.close()
        left = [store for store in stores if store is not holder]
        assert [store.become_writer() for store in left] == [True, False, False]
    finally:
        for store in stores:
            store.close()


def open_files(folder: Path) -> list[str]:
    """Files of ``folder`` that this process has open, where the system tells."""
    descriptors = Path("/proc/self/fd")
    links = [os.path.realpath(each) for each in descriptors.iterdir()] if descriptors.is_dir() else []
    return [link for link in links if Path(link).is_relative_to(folder)]


@on_a_file
def test_a_closed_store_leaves_no_file_open(home: Home, tiny_twin: CohortSpec) -> None:
    store = RunStore.open(home)
    reader = RunStore.open(home)
    store.create_cohort(tiny_twin)
    with ThreadPoolExecutor(4) as pool:
        assert {len(runs) for runs in pool.map(lambda _: reader.list_runs(), range(20))} == {2}
    if Path("/proc/self/fd").is_dir():
        assert open_files(home.root), "this test would see them"
    reader.close()
    store.close()
    assert open_files(home.root) == []
    assert sorted(path.name for path in home.root.glob("history*")) == ["history.sqlite3"]
    assert not (home.root / "writer.pid").exists()
