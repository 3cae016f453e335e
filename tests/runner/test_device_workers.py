"""Several devices of one machine and a history in a file: a process for each, and one that claims and stores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CheckpointSaved, Event, EventSink, NoticeGiven
from resnet_studio.domain.queue import QueueEntry, QueueStatus
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner import one_device, run_cohort
from resnet_studio.runner.device_workers import DeviceWorkers, named_devices
from resnet_studio.runner.devices import LostProcessError
from resnet_studio.training import setup

from ..warm_python import WarmProcess

pytestmark = [pytest.mark.timeout(400), pytest.mark.usefixtures("warm_devices")]
ITERATIONS = 150


class Shown:
    """What happened on each device; ``then`` is done once at the first checkpoint on the device ``at``."""

    def __init__(self, at: str = "", then: Callable[[], None] = lambda: None) -> None:
        self.events: list[tuple[str, Event]] = []
        self.at_once = 0
        self.failed: list[str] = []
        self._at, self._then, self._now = at, then, 0

    @contextmanager
    def __call__(self, _entry: QueueEntry, device: str) -> Iterator[EventSink]:
        self._now += 1
        self.at_once = max(self.at_once, self._now)

        def emit(event: Event) -> None:
            self.events.append((device, event))
            if device == self._at and isinstance(event, CheckpointSaved) and event.iteration:
                self._at = ""
                self._then()

        yield emit
        self._now -= 1

    @property
    def notices(self) -> list[str]:
        return [event.sentence for _device, event in self.events if isinstance(event, NoticeGiven)]

    def work(self, store: RunStore, should_stop: Callable[[], bool] = lambda: False) -> DeviceWorkers:
        workers = DeviceWorkers(
            store, named_devices("cpu,cpu"), self, lambda _entry, sentence: self.failed.append(sentence),
            self.failed.append, checkpoint_seconds=0.2,
        )  # fmt: skip
        workers.run(should_stop)
        assert not multiprocessing.active_children(), "no process outlives its training"
        return workers


def process_on(device: str) -> int:
    (pid,) = [child.pid for child in multiprocessing.active_children() if child.name == device]
    assert pid is not None
    return pid


@pytest.fixture
def cohorts(tiny_twin: CohortSpec) -> list[CohortSpec]:
    def long(seed: int) -> CohortSpec:
        runs = (run.with_seeds(seed, seed) for run in tiny_twin.runs)
        return replace(
            tiny_twin,
            runs=tuple(
                replace(run, recipe=replace(run.recipe, iterations=ITERATIONS, milestones=(100,), test_every=50))
                for run in runs
            ),
        )

    return [long(seed) for seed in (1, 2)]


@pytest.fixture
def store(home_with_images: Home) -> Iterator[RunStore]:
    with RunStore.open(home_with_images) as opened:
        yield opened


@pytest.fixture
def alone(tmp_path: Path, home_with_images: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[[CohortSpec], list[str]]:
    """Digests of the weights of a cohort trained here, in one piece, with the threads that each of two has."""

    def digests(cohort: CohortSpec) -> list[str]:
        own = Home(tmp_path / f"alone {time.monotonic_ns()}").prepare()
        for file in home_with_images.data.iterdir():
            os.link(file, own.data / file.name)
        with monkeypatch.context() as patch, RunStore.open(own) as other:
            patch.setattr(setup, "cores", lambda: max(1, len(os.sched_getaffinity(0)) // 2))
            return [str(run.weights_sha256) for run in run_cohort.run(cohort, other, lambda _event: None)]

    return digests


def assert_whole(store: RunStore, entry: QueueEntry, wanted: list[str]) -> None:
    """Finished, every point once, and the bits of a run alone."""
    assert store.entry(entry.id).status is QueueStatus.FINISHED
    assert [store.get(run_id).weights_sha256 for run_id in entry.run_ids] == wanted
    for run_id in entry.run_ids:
        points = store.curve(run_id, Series.TRAINING_LOSS).iterations.tolist()
        assert points == list(range(1, ITERATIONS + 1))


@pytest.mark.slow
def test_two_cohorts_at_once_and_a_killed_process_end_in_the_bits_of_runs_alone(
    store: RunStore, cohorts: list[CohortSpec], alone: Callable[[CohortSpec], list[str]]
) -> None:
    entries = [store.enqueue(cohort) for cohort in cohorts]
    shown = Shown("cpu:1", lambda: os.kill(process_on("cpu:1"), signal.SIGKILL))
    workers = shown.work(store)
    assert (shown.at_once, shown.failed) == (2, [])
    assert {device for device, _event in shown.events} == {"cpu:0", "cpu:1"}
    (notice,) = shown.notices
    assert "The process on cpu:1 is lost: it was ended by signal SIGKILL" in notice
    assert "goes on from its last checkpoint" in notice
    assert sorted(entry.id for entry in workers.ended) == sorted(entry.id for entry in entries)
    for entry, cohort in zip(entries, cohorts, strict=True):
        assert_whole(store, entry, alone(cohort))
    assert store.workers() == [], "none of them is listed any more"


@pytest.mark.slow
@pytest.mark.fresh_processes
def test_told_to_stop_each_writes_a_checkpoint_and_its_cohort_waits_again(
    store: RunStore, cohorts: list[CohortSpec]
) -> None:
    entries = [store.enqueue(cohort) for cohort in cohorts]
    stopping = threading.Event()
    shown = Shown("cpu:0", stopping.set)
    shown.work(store, stopping.is_set)
    assert {entry.id for entry in store.queue()} == {entry.id for entry in entries}
    assert {entry.status for entry in store.queue()} == {QueueStatus.WAITING}
    for run in store.list_runs():
        assert run.status in (RunStatus.STOPPED, RunStatus.QUEUED)
        kept = store.checkpoints(run.id)
        assert (kept[0].iteration if kept else 0) == run.iteration < ITERATIONS


def test_processes_that_are_lost_again_and_again_fail_the_cohort(
    store: RunStore, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def lost(_start: object, _emit: object, _should_stop: object, *, device: str, **_options: object) -> None:
        tried.append(device)
        raise LostProcessError("It is lost.")

    monkeypatch.setattr(one_device, "train_in_process", lost)
    entry = store.enqueue(tiny_twin)
    shown = Shown()
    shown.work(store)
    assert len(tried) == 3
    assert shown.failed == ["It is lost."]
    assert store.entry(entry.id).status is QueueStatus.FAILED
    assert {(run.status, run.reason) for run in store.list_runs()} == {(RunStatus.FAILED, "It is lost.")}


def test_devices_are_named_with_commas() -> None:
    assert named_devices("cpu") == ("cpu:0",)
    assert named_devices("cpu, cpu") == named_devices("cpu:0,cpu:1") == ("cpu:0", "cpu:1")
    assert named_devices("all")
    for text, why in (("tpu", "no device 'tpu'"), ("", "no device ''"), ("cuda:999", "no cuda:999"),
                      (",".join(["cpu"] * 65), "At most 64")):  # fmt: skip
        with pytest.raises(UserError, match=why):
            named_devices(text)


@pytest.mark.slow
def test_where_the_program_is_killed_no_process_stays(store: RunStore, cohorts: list[CohortSpec]) -> None:
    home = store.home
    for cohort in cohorts:
        long = [replace(run, recipe=replace(run.recipe, iterations=100_000)) for run in cohort.runs]
        store.enqueue(replace(cohort, runs=tuple(long)))
    store.close()
    command = [sys.executable, "-m", "resnet_studio", "--home", str(home.root), "queue", "run", "--devices", "cpu,cpu"]
    with WarmProcess(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as program:
        assert program.stdout is not None
        training = set()
        for line in program.stdout:
            if ": iteration " in line:
                training.add(line.partition(":")[0] + ":" + line.split(":")[1])
            if len(training) == 2:
                break
        assert training == {"cpu:0", "cpu:1"}
        children = psutil.Process(program.pid).children(recursive=True)
        assert len(children) >= 2
        program.kill()
        _gone, alive = psutil.wait_procs(children, timeout=10)
        assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    with RunStore.open(home) as after:
        assert {entry.status for entry in after.queue()} == {QueueStatus.WAITING}
        assert {run.status for run in after.list_runs()} == {RunStatus.INTERRUPTED}
