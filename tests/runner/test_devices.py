"""One net on two devices, real processes with gloo: the bits of one process, and an end for everything that can happen.

One process has as many threads here as each of two: how many share a sum decides its last bits.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch

from resnet_studio.domain.device_shares import device_fault
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CheckpointSaved, NoticeGiven, StatusChanged
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, DataSpec, RunSpec, replace, twin
from resnet_studio.history.store import RunStore
from resnet_studio.networks.weights import load_tensors
from resnet_studio.platform.host import cores
from resnet_studio.runner import run_cohort
from resnet_studio.runner.devices import train_on_devices
from resnet_studio.training import setup
from resnet_studio.training.engines.choose import EnginePlan
from resnet_studio.training.setup import Machine

from ..warm_python import WarmProcess

pytestmark = [pytest.mark.timeout(400), pytest.mark.usefixtures("warm_devices")]
SERIES = (Series.TRAINING_LOSS, Series.TRAINING_ERROR, Series.TEST_LOSS, Series.LEARNING_RATE, Series.GRADIENT_NORM)


@pytest.fixture(autouse=True)
def threads_of_one_of_two(monkeypatch):
    monkeypatch.setattr(setup, "cores", lambda: max(1, cores() // 2))
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    assert not multiprocessing.active_children(), "no process outlives its training"


@pytest.fixture
def store(home_with_images):
    with RunStore.open(home_with_images) as store:
        yield store


@pytest.fixture
def shared(tiny_run):
    """Batch norm over half of each batch; changes of the recipe by name."""

    def make(**changes) -> RunSpec:
        usual = {"bn_images": 8, "iterations": 30, "milestones": (20,), "layout": "channels-last", "layers_every": 5}
        return replace(tiny_run, recipe=replace(tiny_run.recipe, **{**usual, **changes}))

    return make


class Watcher:
    """Keeps events; at a checkpoint of iteration ``at`` or a later one it does ``then``, once."""

    def __init__(self, at=10**9, then=lambda: None):
        self.events, self._at, self._then = [], at, then

    def __call__(self, event):
        self.events.append(event)
        if isinstance(event, CheckpointSaved) and event.iteration >= self._at:
            self._at = 10**9
            self._then()

    @property
    def notices(self):
        return [event.sentence for event in self.events if isinstance(event, NoticeGiven)]


def send(number, device):
    """Send a signal to the process of a device, counted from 1."""
    children = sorted(multiprocessing.active_children(), key=lambda child: child.pid)
    os.kill(children[device - 1].pid, number)


def weights(store, run):
    newest = store.checkpoints(run.id)[0]
    return load_tensors(store.home.run(run.id).checkpoint(newest.folder) / "weights.safetensors")


def assert_same(store, one, other):
    """Every bit of what was measured and of the weights."""
    for series in SERIES:
        a, b = store.curve(one.id, series), store.curve(other.id, series)
        assert np.array_equal(a.iterations, b.iterations), series
        assert np.array_equal(a.values, b.values), series
    found, wanted = weights(store, one), weights(store, other)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


@contextlib.contextmanager
def on_the_command_line(home):
    """A long training on two devices, and a function that waits until it has taken steps."""
    command = [
        sys.executable, "-m", "resnet_studio", "--home", str(home.root), "train", "--depth", "8", "--width", "4",
        "--image-size", "8", "--batch-size", "16", "--bn-images", "8", "--iterations", "100000", "--device", "cpu",
        "--precision", "float32", "--devices", "2",
    ]  # fmt: skip
    with WarmProcess(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as child:

        def until_it_trains():
            lines = []
            for line in child.stdout:
                lines.append(line)
                if line.startswith("iteration "):
                    return lines
            raise AssertionError("".join(lines))

        try:
            yield child, until_it_trains
        finally:
            child.kill()


def trained(store, *specs, watcher=None, **options):
    return run_cohort.run(CohortSpec(runs=specs), store, watcher or Watcher(), **options)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX signals")
class TestProcesses:
    def test_fifty_steps_of_a_twin_have_the_bits_of_one_process(self, store, shared):
        runs = twin(shared(iterations=50, milestones=(30,), warmup_rate=0.01, test_every=20)).runs
        two = trained(store, *runs, devices=2)
        one = trained(store, *runs)
        for ours, theirs in zip(two, one, strict=True):
            assert (ours.status, ours.iteration) == (RunStatus.FINISHED, 50)
            assert_same(store, ours, theirs)
        assert two[0].environment["devices"] == "2"
        assert "devices" not in one[0].environment

    def test_four_shares_on_two_devices_differ_by_rounding_alone(self, store, shared):
        (two,), (one,) = (trained(store, shared(bn_images=4, iterations=10), devices=n) for n in (2, 1))
        losses = [store.curve(run.id, Series.TRAINING_LOSS).values for run in (two, one)]
        assert np.abs(losses[0] - losses[1]).max() < 1e-4
        found, wanted = weights(store, two), weights(store, one)
        assert max(float((found[n].double() - wanted[n].double()).abs().max()) for n in wanted) < 1e-4

    def test_a_killed_process_ends_the_run_with_a_sentence_and_a_checkpoint_and_one_device_goes_on(self, store, shared):
        watcher = Watcher(7, lambda: send(signal.SIGKILL, 2))
        with pytest.raises(UserError, match=r"device 2 of 2 is lost: it was ended by signal SIGKILL.*Resumed"):
            trained(store, shared(), watcher=watcher, devices=2, checkpoint_seconds=0.0)
        (run,) = store.list_runs()
        assert (run.status, run.resumable) == (RunStatus.FAILED, True)
        assert "device 2 of 2" in run.reason
        assert run.iteration in (7, 8)
        assert store.checkpoints(run.id)[0].iteration == run.iteration
        watcher = Watcher()
        (run,) = run_cohort.resume([run.id], store, watcher)
        assert run.status is RunStatus.FINISHED
        assert any("trained on 2 devices until now and goes on on 1 device" in text for text in watcher.notices)
        assert "devices" not in run.environment
        assert_same(store, run, trained(store, shared())[0])

    def test_the_first_process_may_be_killed_too(self, store, shared):
        watcher = Watcher(7, lambda: send(signal.SIGKILL, 1))
        with pytest.raises(UserError, match=r"device 1 of 2 is lost: it was ended by signal SIGKILL"):
            trained(store, shared(), watcher=watcher, devices=2, checkpoint_seconds=0.0)
        (run,) = store.list_runs()
        assert (run.status, run.iteration, run.resumable) == (RunStatus.FAILED, 7, True)
        (run,) = run_cohort.resume([run.id], store, Watcher(), devices=2)
        assert run.status is RunStatus.FINISHED
        assert_same(store, run, trained(store, shared())[0])

    def test_one_device_pauses_stops_and_two_go_on(self, store, shared):
        asked = {"stop": False, "pause": False}
        watcher = Watcher(9, lambda: asked.update(stop=True))
        (run,) = trained(store, shared(), watcher=watcher, should_stop=lambda: asked["stop"], checkpoint_seconds=0.0)
        assert run.status is RunStatus.STOPPED
        asked.update(stop=False)

        def pause():
            asked.update(pause=True)

        def go_on(event):
            watcher(event)
            if isinstance(event, StatusChanged) and event.status is RunStatus.PAUSED:
                asked.update(pause=False)

        watcher = Watcher(15, pause)
        (run,) = run_cohort.resume(
            [run.id], store, go_on, should_pause=lambda: asked["pause"], checkpoint_seconds=0.0, devices=2
        )
        assert run.status is RunStatus.FINISHED
        assert any("trained on 1 device until now and goes on on 2 devices" in text for text in watcher.notices)
        seen = [event.status for event in watcher.events if isinstance(event, StatusChanged)]
        assert seen == [RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.RUNNING, RunStatus.FINISHED]
        assert_same(store, run, trained(store, shared())[0])

    @pytest.mark.fresh_processes
    def test_a_stop_is_heard(self, store, shared):
        asked = {"stop": False}
        watcher = Watcher(9, lambda: asked.update(stop=True))
        (run,) = trained(
            store, shared(iterations=100_000), watcher=watcher, should_stop=lambda: asked["stop"],
            checkpoint_seconds=0.0, devices=2,
        )  # fmt: skip
        assert run.status is RunStatus.STOPPED
        assert run.iteration >= 9
        assert store.checkpoints(run.id)[0].iteration == run.iteration

    @pytest.mark.parametrize("device", [1, 2])
    def test_a_process_that_stands_still_ends_the_run(self, store, shared, monkeypatch, device):
        patient = functools.partial(train_on_devices, answer_seconds=8.0)
        monkeypatch.setattr(run_cohort, "train_on_devices", patient)
        watcher = Watcher(7, lambda: send(signal.SIGSTOP, device))
        began = time.monotonic()
        with pytest.raises(UserError, match="no longer answers"):
            trained(store, shared(iterations=100_000), watcher=watcher, devices=2, checkpoint_seconds=0.0)
        (run,) = store.list_runs()
        assert (run.status, run.resumable) == (RunStatus.FAILED, True)
        assert store.checkpoints(run.id)[0].iteration == run.iteration >= 7
        assert time.monotonic() - began < 300

    def test_what_the_first_process_refuses_is_the_runs_reason(self, store, shared, tmp_path):
        gone = replace(shared(), data=DataSpec(source=f"folder:{tmp_path / 'gone'}"))
        (run,) = store.create_cohort(CohortSpec(runs=(gone,)))
        with pytest.raises(UserError) as alone:
            run_cohort.resume([run.id], store, Watcher())
        with pytest.raises(UserError) as together:
            run_cohort.resume([run.id], store, Watcher(), devices=2)
        assert str(together.value) == str(alone.value)
        run = store.get(run.id)
        assert (run.status, run.reason) == (RunStatus.FAILED, str(alone.value))

    def test_ctrl_c_on_the_command_line_stops_all(self, store):
        store.close()
        with on_the_command_line(store.home) as (child, until_it_trains):
            lines = until_it_trains()
            os.killpg(child.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches every process
            lines += child.stdout.readlines()
            assert child.wait(60) == 130, "".join(lines)
        text = "".join(lines)
        assert "Each batch is divided between 2 devices." in text
        assert "resume with: resnet-studio" in text
        assert "Traceback" not in text
        with RunStore.open(store.home) as again:
            (run,) = again.list_runs()
            assert run.status is RunStatus.STOPPED
            assert again.checkpoints(run.id)[0].iteration == run.iteration > 0

    def test_no_process_outlives_a_killed_program_and_none_listens_to_other_machines(self, store):
        store.close()
        with on_the_command_line(store.home) as (child, until_it_trains):
            until_it_trains()
            below = psutil.Process(child.pid).children(recursive=True)
            listening = [c for each in below for c in each.net_connections() if c.status == psutil.CONN_LISTEN]
            assert listening
            assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}
            child.kill()
            child.wait(60)
            assert not psutil.wait_procs(below, timeout=60)[1]
        with RunStore.open(store.home) as again:
            (run,) = again.list_runs()
            assert (run.status, run.resumable) == (RunStatus.INTERRUPTED, True)


def test_what_cannot_be_divided_is_refused_before_anything_is_stored(store, shared, tiny_run):
    for spec, words in (
        (tiny_run, "on 2 devices batch norm sees 8 images at once, not 16; set bn_images to 8"),
        (shared(batch_size=15, bn_images=0), "a batch of 15 cannot be divided between 2 devices"),
        (shared(engine="graphed", device="cuda"), "the graphed engine trains on one device"),
    ):
        assert words in device_fault(spec, 2)
        assert not device_fault(spec, 1)
    with pytest.raises(UserError, match="set bn_images to 8"):
        trained(store, tiny_run, devices=2)
    assert not store.list_runs()
    vgg = replace(RunSpec(), network=type(tiny_run.network)(family="vgg", depth=16))
    assert not device_fault(vgg, 2), "nothing there looks at a batch as a whole"


def test_another_number_of_devices_is_said_and_chosen_for(tiny_run, tmp_path):
    recipe = replace(tiny_run.recipe, bn_images=8, engine="auto")
    before = {"device": "cpu", "precision": "float32", "threads": "7", "engine": "compiled after 1000"}
    same = Machine.choose(recipe, tmp_path, [tiny_run.network], [before])
    assert (same.notice, same.threads, same.plan.name) == ("", 7, "compiled after 1000")
    moved = Machine.choose(recipe, tmp_path, [tiny_run.network], [before], devices=2)
    assert "goes on on 2 devices" in moved.notice
    assert "batch norm sees 8 images as before" in moved.notice
    assert (moved.plan.name, moved.environment()["devices"]) == ("eager", "2")
    assert moved.threads == max(1, max(1, cores() // 2) // 2)
    back = Machine.choose(recipe, tmp_path, [tiny_run.network], [moved.environment()])
    assert "goes on on 1 device." in back.notice
    stays = Machine.choose(recipe, tmp_path, [tiny_run.network], [moved.environment()], devices=2)
    assert not stays.notice
    assert EnginePlan.recorded("graphed, compiled after 1000").on_several_devices.name == "compiled after 1000"
    assert EnginePlan.recorded("graphed").on_several_devices.name == "eager"
