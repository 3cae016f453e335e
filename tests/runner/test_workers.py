"""Workers of one shared history on two "machines": homes of their own, and one folder of checkpoints."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import HistoryAwayError, UserError
from resnet_studio.domain.events import EventSink
from resnet_studio.domain.queue import Claim, QueueCommand, QueueEntry, QueueRequest, QueueStatus, QueueVerb, Worker
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.copying import table_checksums
from resnet_studio.history.steer import steer
from resnet_studio.history.storage import default_url, storage_at
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.home import Home
from resnet_studio.runner import lost_server, queue_work, run_cohort
from resnet_studio.runner.queue_work import EntryWork
from resnet_studio.runner.worker import WorkerLoop

from ..warm_python import WarmProcess

ROOT = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 3.0
WORKER = f"""
import sys
from contextlib import nullcontext
from resnet_studio.history.queue import claims
from resnet_studio.history.postgres import connections
from resnet_studio.runner import queue_work
claims.LEASE_SECONDS, queue_work.RENEW_SECONDS = {LEASE_SECONDS}, 0.5
connections._SETTINGS["idle_in_transaction_session_timeout"] = "2s"
from resnet_studio.domain.queue import LostClaimError
from resnet_studio.history.store import open_history
from resnet_studio.platform.home import Home
from resnet_studio.runner.run_cohort import resume
from resnet_studio.runner.worker import WorkerLoop, this_worker
home = Home.find(sys.argv[1], history=sys.argv[2], runs=sys.argv[3]).prepare()

def train(ids, own, emit, stop, pause):
    resume(ids, own, emit, stop, should_pause=pause, checkpoint_seconds=0.2)

with open_history(home) as store:
    loop = WorkerLoop(store, this_worker("cpu"), train, lambda entry: nullcontext(lambda event: None), print)
    try:
        loop.run(lambda: False, once=True)  # a cohort that another one has lost is waited for
    except LostClaimError as error:
        print(error.sentence, flush=True)
        sys.exit(2)
"""


@pytest.fixture
def machines(tmp_path: Path, database: str, drawn_images: Path, measured: Path) -> tuple[Home, Home]:
    runs = tmp_path / "shared runs"
    homes = tuple(Home(tmp_path / name, history=database, shared_runs=runs).prepare() for name in ("one", "two"))
    for home in homes:
        for file in drawn_images.iterdir():
            os.link(file, home.data / file.name)
        shutil.copytree(measured, home.cache, dirs_exist_ok=True)
    return homes[0], homes[1]


@pytest.fixture
def start() -> Iterator[Callable[[Home], subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def begin(home: Home) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WORKER, str(home.root), home.history, str(home.runs)]
        process = WarmProcess(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield begin
    for process in running:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


@pytest.fixture
def long_twin(tiny_twin: CohortSpec) -> CohortSpec:
    runs = tuple(
        replace(run, recipe=replace(run.recipe, iterations=150, milestones=(100,), test_every=50))
        for run in tiny_twin.runs
    )
    return replace(tiny_twin, runs=runs)


def wait_for(what: Callable[[], object], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def in_the_middle(store: RunStore, entry: QueueEntry) -> None:
    wait_for(lambda: all(store.checkpoints(run_id) for run_id in entry.run_ids))
    assert {store.get(run_id).status for run_id in entry.run_ids} == {RunStatus.RUNNING}


def alone(home: Home, cohort: CohortSpec, root: Path) -> list[str | None]:
    """Digests of the weights of the same cohort, trained without interruption."""
    own = Home(root).prepare()
    for file in home.data.iterdir():
        os.link(file, own.data / file.name)
    shutil.copytree(home.cache, own.cache, dirs_exist_ok=True)
    with RunStore.open(own) as store:
        return [run.weights_sha256 for run in run_cohort.run(cohort, store, lambda _event: None)]


def checksums(home: Home) -> object:
    with closing(storage_at(default_url(home))) as storage:
        storage.open_for_reading()
        return table_checksums(storage)


@pytest.mark.slow
def test_a_worker_stopped_beyond_its_lease_changes_no_row_and_no_file(
    machines: tuple[Home, Home], start: Callable[[Home], subprocess.Popen[str]], long_twin: CohortSpec, tmp_path: Path
) -> None:
    with open_history(machines[0]) as store:
        entry = store.enqueue(long_twin)
        slow = start(machines[0])
        in_the_middle(store, entry)
        slow.send_signal(signal.SIGSTOP)
        fast = start(machines[1])
        assert fast.wait(150) == 0
        ended = store.entry(entry.id)
        assert ended.status is QueueStatus.FINISHED
        assert ended.fence > 1, "taken over"
        rows, files = checksums(machines[0]), contents(machines[0].runs)
        slow.send_signal(signal.SIGCONT)
        said, _unused = slow.communicate(timeout=100)
        assert slow.returncode == 2
        assert "taken" in said
        assert "Nothing was stored from here since then." in said
        assert checksums(machines[0]) == rows
        after = contents(machines[0].runs)
        assert {name: after.get(name) for name in files} == files, "none of the other's files was touched"
        weights = [store.get(run_id).weights_sha256 for run_id in entry.run_ids]
        for run_id in entry.run_ids:
            assert store.curve(run_id, Series.TRAINING_LOSS).iterations.tolist() == list(range(1, 151))
    assert weights == alone(machines[0], long_twin, tmp_path / "alone")


@pytest.mark.slow
def test_a_killed_workers_cohort_is_taken_over_and_ends_in_the_same_bits(
    machines: tuple[Home, Home], start: Callable[[Home], subprocess.Popen[str]], long_twin: CohortSpec, tmp_path: Path
) -> None:
    with open_history(machines[0]) as store:
        entry = store.enqueue(long_twin)
        first = start(machines[0])
        in_the_middle(store, entry)
        first.kill()
        first.wait(20)
        killed_at = time.monotonic()
        second = start(machines[1])
        wait_for(lambda: store.entry(entry.id).fence > 1)
        assert time.monotonic() - killed_at >= LEASE_SECONDS - 1.0, "not before the lease has run out"
        assert second.wait(150) == 0
        ended = store.entry(entry.id)
        assert ended.status is QueueStatus.FINISHED
        for run_id in entry.run_ids:
            assert store.curve(run_id, Series.TRAINING_LOSS).iterations.tolist() == list(range(1, 151))
        weights = [store.get(run_id).weights_sha256 for run_id in entry.run_ids]
    assert weights == alone(machines[0], long_twin, tmp_path / "alone")


class Instead:
    """Stands where training does: holds each cohort until it is released or stopped."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, ...]] = []
        self.let_go = threading.Event()
        self.pauses = 0

    def __call__(
        self, run_ids: tuple[str, ...], own: RunStore, emit: EventSink, should_stop: object, should_pause: object
    ) -> None:
        self.begun.append(tuple(run_ids))
        for run_id in run_ids:
            own.set_status(run_id, RunStatus.RUNNING)
        while not self.let_go.is_set():
            self.pauses += bool(should_pause())  # type: ignore[operator]
            if should_stop():  # type: ignore[operator]
                for run_id in run_ids:
                    own.set_status(run_id, RunStatus.STOPPED)
                return
            time.sleep(0.02)
        for run_id in run_ids:
            own.set_status(run_id, RunStatus.FINISHED)


@contextmanager
def working(home: Home, training: Instead, stopping: threading.Event, **options: bool) -> Iterator[WorkerLoop]:
    with open_history(home) as store:
        loop = WorkerLoop(
            store, Worker("w:1", "desk", "cpu"), training, lambda _entry: nullcontext(lambda _event: None),
            lambda _entry, sentence: None,
        )  # fmt: skip
        thread = threading.Thread(target=lambda: loop.run(stopping.is_set, **options))
        thread.start()
        try:
            yield loop
        finally:
            stopping.set()
            training.let_go.set()
            thread.join(30)
            assert not thread.is_alive()


def test_pause_stop_and_order_reach_a_worker_within_two_seconds(
    machines: tuple[Home, Home], tiny_twin: CohortSpec
) -> None:
    training, stopping = Instead(), threading.Event()
    with open_history(machines[0]) as window, working(machines[1], training, stopping):
        first, second, third = (window.enqueue(tiny_twin) for _unused in range(3))
        wait_for(lambda: training.begun == [first.run_ids])
        (seen,), _now = window.claimed_entries()
        assert (seen.id, seen.host, seen.device) == (first.id, "desk", "cpu")
        window.move(third.id, 2)
        asked = time.monotonic()
        window.ask(first.id, QueueRequest.PAUSE)
        wait_for(lambda: training.pauses, 2.0)
        window.ask(first.id, QueueRequest.STOP)
        wait_for(lambda: window.entry(first.id).status is QueueStatus.STOPPED, 4.0)
        assert time.monotonic() - asked < 4.0
        wait_for(lambda: len(training.begun) == 2, 4.0)
        assert training.begun[1] == third.run_ids, "moved before the second"
        assert window.entry(second.id).status is QueueStatus.WAITING


def test_a_worker_that_waits_is_listed_until_it_leaves(machines: tuple[Home, Home], tiny_twin: CohortSpec) -> None:
    training, stopping = Instead(), threading.Event()
    training.let_go.set()
    with open_history(machines[0]) as window:
        with working(machines[1], training, stopping):
            wait_for(window.workers)
            ((idle,)) = window.workers()
            assert (idle.host, idle.device, idle.entry, idle.gone) == ("desk", "cpu", None, False)
            entry = window.enqueue(tiny_twin)
            wait_for(lambda: window.entry(entry.id).status is QueueStatus.FINISHED)
            wait_for(lambda: [worker.entry for worker in window.workers()] == [None])
        assert window.workers() == []


def test_a_worker_that_waits_does_what_others_ask_of_the_one_writer(
    home_with_images: Home, tiny_twin: CohortSpec
) -> None:
    training, stopping = Instead(), threading.Event()
    training.let_go.set()
    with working(home_with_images, training, stopping), RunStore.open(home_with_images, writer=False) as reader:
        wait_for(lambda: reader.workers())
        entry_id = steer(reader, QueueCommand(verb=QueueVerb.ADD, cohort=tiny_twin))
        wait_for(lambda: reader.entry(entry_id).status is QueueStatus.FINISHED)


def test_a_worker_that_is_told_to_go_leaves_its_cohort_as_the_next(
    machines: tuple[Home, Home], tiny_twin: CohortSpec
) -> None:
    training, stopping = Instead(), threading.Event()
    with open_history(machines[0]) as window:
        first, second = (window.enqueue(tiny_twin) for _unused in range(2))
        with working(machines[1], training, stopping):
            wait_for(lambda: training.begun)
            stopping.set()
            wait_for(lambda: not window.entry(first.id).claimed)
        assert [entry.id for entry in window.queue()] == [first.id, second.id]
        assert window.entry(first.id).status is QueueStatus.WAITING


def test_once_and_until_empty(machines: tuple[Home, Home], tiny_twin: CohortSpec) -> None:
    training, stopping = Instead(), threading.Event()
    training.let_go.set()
    with open_history(machines[0]) as window:
        entries = [window.enqueue(tiny_twin) for _unused in range(3)]
        with working(machines[1], training, stopping, once=True) as loop:
            wait_for(lambda: loop.ended)
        assert [entry.id for entry in loop.ended] == [entries[0].id]
        stopping.clear()
        with working(machines[1], training, stopping, until_empty=True) as loop:
            wait_for(lambda: len(loop.ended) == 2)
        assert [entry.status for entry in loop.ended] == [QueueStatus.FINISHED] * 2


def test_training_without_the_queue_holds_a_claim_too(machines: tuple[Home, Home], tiny_twin: CohortSpec) -> None:
    claims: list[tuple[QueueEntry, ...]] = []
    with open_history(machines[0]) as store, open_history(machines[1]) as other:

        def look(_event: object) -> None:
            if not claims:
                claims.append(tuple(other.claimed_entries()[0]))
                with pytest.raises(UserError, match="already training or waiting"):
                    other.enqueue_runs(claims[0][0].run_ids)

        runs = run_cohort.run(tiny_twin, store, look)
        assert {run.status for run in runs} == {RunStatus.FINISHED}
        ((entry,),) = claims
        assert entry.run_ids == tuple(run.id for run in runs)
        assert other.claimed_entries()[0] == []
        assert other.entry(entry.id).status is QueueStatus.FINISHED


def test_options_of_training_reach_it_under_the_claim(
    machines: tuple[Home, Home], tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def on_devices(start: object, emit: object, should_stop: object, **options: object) -> None:
        asked.append((options["devices"], options["checkpoint_seconds"]))
        raise UserError("Not here.")

    monkeypatch.setattr(run_cohort, "refuse_devices", lambda _runs, _devices: None)
    monkeypatch.setattr(run_cohort, "train_on_devices", on_devices)
    with open_history(machines[0]) as store:
        with pytest.raises(UserError, match="Not here"):
            run_cohort.run(tiny_twin, store, lambda _event: None, devices=2, checkpoint_seconds=7.0)
        assert asked == [(2, 7.0)]
        assert {run.status for run in store.list_runs()} == {RunStatus.FAILED}
        assert store.claimed_entries()[0] == []


def test_a_claim_given_back_leaves_no_run_that_nobody_trains(
    machines: tuple[Home, Home], tiny_twin: CohortSpec
) -> None:
    with open_history(machines[0]) as store:
        store.enqueue(tiny_twin)
        claim = store.claim(Worker("w", "here"))
        assert isinstance(claim, Claim)
        store.under(claim).set_status(claim.run_ids[0], RunStatus.RUNNING)
        store.release(claim, QueueStatus.WAITING)
        assert store.get(claim.run_ids[0]).status is RunStatus.INTERRUPTED


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lost_server, queue_work):
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)


def away(times: int, instead: Callable[..., object]) -> Callable[..., object]:
    """``instead``, after a server that does not answer so many times."""
    left = [times]

    def call(*arguments: object) -> object:
        if left[0]:
            left[0] -= 1
            raise HistoryAwayError("The server does not answer.")
        return instead(*arguments)

    return call


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("where", ["reading", "training"])
def test_a_server_that_is_away_as_training_begins_is_waited_for(
    home: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    training = Instead()
    training.let_go.set()
    with RunStore.open(home) as store:
        entry = store.enqueue(tiny_twin)
        claim = store.claim(Worker("w", "here"))
        assert claim is not None
        work = EntryWork(claim, store, away(3, training) if where == "training" else training)
        if where == "reading":
            monkeypatch.setattr(store, "get", away(3, store.get))
        work.run(lambda _event: None)
        assert training.begun == [entry.run_ids]
        assert work.stored
        assert store.entry(entry.id).status is QueueStatus.FINISHED
        assert {run.status for run in store.list_runs()} == {RunStatus.FINISHED}


@pytest.mark.usefixtures("soon")
def test_an_entry_whose_end_cannot_be_read_has_not_finished(
    home: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunStore.open(home) as store:
        entry = store.enqueue(tiny_twin)
        claim = store.claim(Worker("w", "here"))
        assert claim is not None
        work = EntryWork(claim, store, Instead())
        with monkeypatch.context() as gone:
            gone.setattr(store, "get", away(10**9, store.get))
            work.run(lambda _event: None, lambda: True)
        assert work.status is QueueStatus.WAITING
        assert store.entry(entry.id).status is QueueStatus.WAITING
