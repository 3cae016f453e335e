"""The machine sleeps while it trains: clocks jump by hours, forwards and back, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CheckpointSaved, CurvesGrew, ProgressMade
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort

from ..waiting import HANG_SECONDS, wait_until
from ..warm_python import WarmProcess

pytestmark = pytest.mark.timeout(120)
HOUR = 3600.0


@pytest.fixture
def store(home_with_images):
    with RunStore.open(home_with_images) as store:
        yield store


class Clocks:
    """Every clock of the process, which can be made to jump together."""

    def __init__(self, monkeypatch) -> None:
        self.jumped = 0.0
        for name in ("time", "monotonic", "perf_counter"):
            real = getattr(time, name)
            monkeypatch.setattr(time, name, lambda real=real: real() + self.jumped)


@pytest.mark.parametrize("jump", [8 * HOUR, -8 * HOUR], ids=["forwards", "back"])
def test_a_jump_of_the_clock_changes_nothing_but_the_clock(store, tiny_twin, monkeypatch, jump):
    calm = CohortSpec(runs=tuple(
        replace(run, recipe=replace(run.recipe, iterations=60, test_every=60, milestones=()))
        for run in tiny_twin.runs
    ))  # fmt: skip
    undisturbed = run_cohort.run(calm, store, lambda e: None)
    clocks, events, jumps = Clocks(monkeypatch), [], [17, 33]
    saved_after: list[int] = []

    def sleeping_step(self, member, images, labels):
        if jumps and member.iteration >= jumps[0] and member.run_id == runs[0].id:
            jumps.pop(0)
            start = clocks.jumped
            clocks.jumped = start + jump
        return real(self, member, images, labels)

    def look(event):
        events.append(event)
        if isinstance(event, CheckpointSaved) and not jumps:
            saved_after.append(event.iteration)

    from resnet_studio.training import loop
    from resnet_studio.training.engines import eager

    real = eager.EagerEngine.step
    monkeypatch.setattr(eager.EagerEngine, "step", sleeping_step)
    monkeypatch.setattr(loop.Shared.__init__, "__defaults__", (0.0, 30.0))
    runs = store.create_cohort(calm)
    began = time.perf_counter() - clocks.jumped
    ended = run_cohort.resume([run.id for run in runs], store, look, checkpoint_seconds=0.2)
    took = time.perf_counter() - clocks.jumped - began
    assert not jumps
    assert [run.weights_sha256 for run in ended] == [run.weights_sha256 for run in undisturbed]
    for run in ended:
        assert run.status is RunStatus.FINISHED
        seconds = store.curve(run.id, Series.SECONDS).values
        assert (np.diff(seconds) >= 0).all()
        assert seconds[-1] <= took + 1.0, "only work was counted"
    progress = [event for event in events if isinstance(event, ProgressMade) and event.iteration > 20]
    assert progress
    for event in progress:
        assert event.iterations_per_second > 0.5
        if event.iteration == event.iterations:  # a test and a checkpoint follow, which the rate says nothing of
            assert event.seconds_left is None
        else:
            assert event.seconds_left is not None
            assert 0 < event.seconds_left < 120
    assert any(iteration < 60 for iteration in saved_after), "checkpoints went on being written"
    assert any(isinstance(event, CurvesGrew) for event in events)


SLEEPER = """
import sys
from pathlib import Path
from resnet_studio.runner import run_cohort
from resnet_studio.domain.documents import from_json
from resnet_studio.domain.events import ProgressMade
from resnet_studio.platform.home import Home
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore

def look(event):
    if isinstance(event, ProgressMade):
        print(event.iteration, flush=True)

with RunStore.open(Home(Path(sys.argv[1]))) as store:
    run_cohort.run(from_json(CohortSpec, sys.argv[2]), store, look, checkpoint_seconds=0.5)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this platform cannot stop a process for a while")
def test_a_process_that_was_stopped_for_a_while_goes_on(home_with_images: Home, tiny_run):
    """Really done: SIGSTOP, a look from outside while it stands still, SIGCONT."""
    run = replace(tiny_run, recipe=replace(tiny_run.recipe, iterations=400, test_every=400, milestones=()))
    cohort = CohortSpec(runs=(run,)).model_dump_json()
    process = WarmProcess(
        [sys.executable, "-c", SLEEPER, str(home_with_images.root), cohort], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        with RunStore.open(home_with_images) as reader:
            assert not reader.writable, "it is asleep, not dead"
            assert reader.list_runs()[0].status is RunStatus.RUNNING
        process.send_signal(signal.SIGCONT)
        process.stdout.read()
        assert process.wait(HANG_SECONDS) == 0
    with RunStore.open(home_with_images) as store:
        (record,) = store.list_runs()
        assert record.status is RunStatus.FINISHED
        assert store.curve(record.id, Series.TRAINING_LOSS).iterations.tolist() == list(range(1, 401))
