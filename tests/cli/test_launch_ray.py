"""Workers in a Ray cluster: what is refused, when they are no longer needed; and a real one where Ray is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resnet_studio.cli.ray_workers import follow, needed, sentence_of
from resnet_studio.domain.enums import Engine, RunStatus
from resnet_studio.domain.errors import HistoryAwayError
from resnet_studio.domain.queue import QueueEntry, QueueRequest, QueueStatus
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.home import Home
from resnet_studio.platform.host import CORES_VARIABLE
from resnet_studio.platform.ray_cluster import RayWorker, cores_of_each, lack_of_room, room
from resnet_studio.runner import run_cohort

from ..waiting import wait_until
from .conftest import say

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2020, 1, 1, tzinfo=UTC)
REFUSAL = "ray.exceptions.AuthenticationError: RPC error: InvalidAuthToken"

# Stands where Ray's program does: what it ends with and says, by RAY_AUTH_MODE.
SCRIPTS = """
import os, sys
code, said = {answers}[os.environ["RAY_AUTH_MODE"]]
assert sys.argv[1:3] == ["status", "--address"], sys.argv
print("Traceback\\n" + said, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A package of the name ``ray`` that goes before any other."""

    def make(disabled: tuple[int, str], token: tuple[int, str], version: str = "2.60.0") -> None:
        folder = tmp_path / "stand-in"
        (folder / "ray" / "scripts").mkdir(parents=True)
        for file in ("ray/__init__.py", "ray/scripts/__init__.py"):
            (folder / file).touch()
        answers = {"disabled": disabled, "token": token}
        (folder / "ray" / "scripts" / "scripts.py").write_text(SCRIPTS.format(answers=answers))
        (folder / f"ray-{version}.dist-info").mkdir()
        (folder / f"ray-{version}.dist-info" / "METADATA").write_text(f"Name: ray\nVersion: {version}\n")
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("PYTHONPATH", str(folder))
        monkeypatch.setenv("RAY_AUTH_MODE", "token")  # set back afterwards

    return make


@pytest.fixture
def listening() -> Iterator[str]:
    """The address of somebody who answers, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def launch(tmp_path: Path) -> tuple[object, ...]:
    places = ("--home", tmp_path / "home", "--history", "postgresql://me@server/resnet", "--runs", tmp_path / "runs")
    return (*places, "launch", "ray", "--workers", 2, "--address")


@pytest.mark.parametrize(
    ("disabled", "token", "why"),
    [
        ((0, ""), (0, ""), "lets in anybody who reaches it"),
        ((1, "RpcError: Timed out"), (0, ""), "no Ray cluster that can be used"),
        ((1, REFUSAL), (1, REFUSAL), "does not take the token of this machine"),
        ((1, REFUSAL), (134, "authentication_token_loader.cc:115: bug"), "does not take the token of this machine"),
        ((1, REFUSAL), (1, "RuntimeError: Version mismatch"), "Version mismatch"),
    ],
)
def test_a_cluster_that_asks_nobody_or_refuses_us_is_not_used(
    launch: tuple[object, ...], stand_in: Callable[..., None], listening: str, disabled: tuple[int, str],
    token: tuple[int, str], why: str,
) -> None:  # fmt: skip
    stand_in(disabled, token)
    said = say(*launch, listening)
    assert (said.code, said.out) == (2, "")
    assert why in said.err
    assert said.err.count("\n") == 1, "one sentence"


def test_ray_that_is_too_old_or_missing_is_said(
    launch: tuple[object, ...], stand_in: Callable[..., None], listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in((0, ""), (0, ""), "2.51.9")
    said = say(*launch, listening)
    assert (said.code, "Ray 2.51.9 is too old" in said.err, "2.52" in said.err) == (2, True, True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    said = say(*launch, listening)
    assert (said.code, "resnet-studio[cluster]" in said.err) == (2, True)


def test_where_nobody_answers_nothing_is_tried(
    launch: tuple[object, ...], stand_in: Callable[..., None], listening: str
) -> None:
    stand_in((0, ""), (0, ""))
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"127.0.0.1:{server.getsockname()[1]}"
    for address, why in ((gone, "No Ray cluster answers"), ("auto", "no address"), ("ray://head:10001", "no address")):
        said = say(*launch, address)
        assert (said.code, why in said.err) == (2, True), said.err


def test_a_history_that_workers_cannot_share_is_refused(tmp_path: Path) -> None:
    said = say("--home", tmp_path, "launch", "ray", "--workers", 2, "--address", "head:6379")
    assert (said.code, "has one writer" in said.err) == (2, True)


def node(alive: bool = True, **resources: float) -> dict[str, object]:
    return {"Alive": alive, "Resources": resources}


def test_room_is_counted_by_machine() -> None:
    nodes = [node(CPU=8, GPU=2), node(CPU=3), node(CPU=16, GPU=4), node(alive=False, CPU=64, GPU=8)]
    assert room(nodes, gpus=1, cores=4) == 2 + 4
    assert room(nodes, gpus=1, cores=5) == 1 + 3
    assert room(nodes, gpus=0, cores=3) == 2 + 1 + 5
    assert lack_of_room(nodes, 6, gpus=1, cores=4) == lack_of_room(nodes, 27, gpus=0, cores=1) == ""
    assert "has 6 GPUs for 7 workers" in lack_of_room(nodes, 7, gpus=1, cores=1)
    assert "room for 4 of 6 workers with 5 cores each" in lack_of_room(nodes, 6, gpus=1, cores=5)
    assert "room for 27 of 28 workers with 1 core each" in lack_of_room(nodes, 28, gpus=0, cores=1)
    assert cores_of_each(nodes, gpus=1) == 4
    assert cores_of_each(nodes, gpus=0) == 1
    assert cores_of_each([node(CPU=1, GPU=4)], gpus=1) == 1


def entry(status: QueueStatus, owner: str = "", lease: float = 60.0, lacking: str = "") -> QueueEntry:
    return QueueEntry(
        "e", "c", 1, "name", "", status, QueueRequest.GO_ON, "", (), NOW, owner=owner,
        lease_until=NOW + timedelta(seconds=lease) if owner else None, lacking=lacking,
    )  # fmt: skip


def test_workers_are_needed_for_what_waits_or_is_theirs() -> None:
    workers = [RayWorker(1, "gpu1", 70), RayWorker(2)]
    assert not needed([], NOW, workers)
    assert needed([entry(QueueStatus.WAITING)], NOW, workers)
    assert not needed([entry(QueueStatus.WAITING, lacking="cuda")], NOW, workers), "none of them has it"
    assert not needed([entry(QueueStatus.STOPPED), entry(QueueStatus.FINISHED)], NOW, workers)
    assert needed([entry(QueueStatus.RUNNING, "gpu1:70:abc")], NOW, workers), "also of one that was lost"
    assert not needed([entry(QueueStatus.RUNNING, "gpu1:700:abc")], NOW, workers), "somebody else's"
    assert needed([entry(QueueStatus.RUNNING, "desk:1:abc", lease=-1)], NOW, workers), "which somebody else has lost"


class Script:
    """Stands where a cluster does: ``steps`` change the workers, one a look; stopped workers end at the next."""

    def __init__(self, *steps: Callable[[list[RayWorker]], None]) -> None:
        self.workers = [RayWorker(1), RayWorker(2)]
        self.stops = 0
        self._steps = list(steps)

    def look(self, seconds: float) -> None:
        assert seconds > 0
        if self._steps:
            self._steps.pop(0)(self.workers)
        elif self.stops:
            for worker in self.workers:
                worker.ended, worker.stopped = True, worker.stopped or not worker.ended

    def stop(self) -> None:
        self.stops += 1


def place_first(workers: list[RayWorker]) -> None:
    workers[0].host, workers[0].process = "gpu1", 70


def lose_first(workers: list[RayWorker]) -> None:
    workers[0].ended, workers[0].code = True, -9


def test_workers_end_when_nothing_is_left_and_each_change_is_said() -> None:
    cluster = Script(place_first, lose_first, lambda _workers: None)
    queues = iter([[entry(QueueStatus.WAITING)], None, [entry(QueueStatus.RUNNING, "gpu1:70:a")], []])

    def queue() -> tuple[list[QueueEntry], datetime]:
        found = next(queues)
        if found is None:
            raise HistoryAwayError("The server does not answer.")
        return found, NOW

    said: list[str] = []
    follow(cluster, queue, lambda: False, said.append)
    assert cluster.stops == 1
    assert said == [
        "Worker 1 was placed on gpu1.",
        "Workers: 1 placed, 1 waiting, 0 ended.",
        "Worker 1 on gpu1 was lost: killed by signal 9. What it trained goes on elsewhere once its claim has run out.",
        "Workers: 0 placed, 1 waiting, 1 ended.",
        "Nothing waits any more.",
        "Worker 2 has ended.",
        "Workers: 0 placed, 0 waiting, 2 ended.",
    ]


@pytest.mark.parametrize("stay", [False, True])
def test_a_stop_reaches_all_workers_once(stay: bool) -> None:
    cluster, said = Script(place_first), []
    stops = iter([False, True])
    full = [entry(QueueStatus.WAITING)] if not stay else []
    follow(cluster, lambda: (full, NOW), lambda: next(stops), said.append, stay=stay)
    assert (cluster.stops, cluster.workers[0].stopped) == (1, True)
    assert "Nothing waits any more." not in said


def test_each_end_has_its_sentence() -> None:
    assert sentence_of(RayWorker(1, ended=True, code=0)) == "Worker 1 has ended."
    assert "not all that it trained has finished" in sentence_of(RayWorker(1, "a", 7, True, 1))
    assert "a was lost: No history." in sentence_of(RayWorker(1, "a", 7, True, 2, "No history."))
    assert "could not be started: No module" in sentence_of(RayWorker(1, ended=True, said="No module"))


# A real cluster

ITERATIONS = 600


@dataclass(frozen=True)
class Cluster:
    """``environment`` is that of a program that has the token."""

    address: str
    environment: dict[str, str]


@contextmanager
def running_cluster(mode: str, cores: int) -> Iterator[Cluster]:
    """A head on this machine alone, ended with all that it started."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'resnet-studio[cluster]'")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # its sockets' paths must be short
    environment = {
        **os.environ, "RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"
    }  # fmt: skip
    options = ("--port", port, "--num-cpus", cores, "--object-store-memory", 100_000_000, "--temp-dir", folder)
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    head = subprocess.Popen(
        [*ray, "start", "--head", "--block", "--include-dashboard", "false", *map(str, options)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        address = f"127.0.0.1:{port}"

        def answers() -> bool:
            status = [*ray, "status", "--address", address]
            return subprocess.run(status, env=environment, capture_output=True, check=False).returncode == 0

        wait_until(answers, lambda: head.poll() is None)
        yield Cluster(address, environment)
    finally:
        head.terminate()
        try:
            head.wait(60)
        finally:
            if head.poll() is None:
                os.killpg(head.pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)


def program(home: Home, *words: object) -> list[str]:
    places = ("--home", home.root, "--history", home.history, "--runs", home.runs)
    return [sys.executable, "-P", "-m", "resnet_studio", *map(str, (*places, *words))]


@pytest.fixture
def filled_home(database: str, home_with_images: Home) -> Home:
    """Its history is in PostgreSQL."""
    return Home(home_with_images.root, history=database).prepare()


def longer(cohort: CohortSpec, iterations: int, seed: int) -> CohortSpec:
    changes = {"iterations": iterations, "milestones": (), "test_every": iterations, "engine": Engine.EAGER,
               "init_seed": seed}  # fmt: skip
    return replace(cohort, runs=tuple(replace(run, recipe=replace(run.recipe, **changes)) for run in cohort.runs))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_workers_cohort_goes_on_at_another_in_the_same_bits(
    filled_home: Home, home_with_images: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cohorts = [longer(tiny_twin, ITERATIONS, seed) for seed in range(3)]
    with running_cluster("token", 2) as cluster, open_history(filled_home) as store:
        entries = [store.enqueue(cohort) for cohort in cohorts]
        words = ("launch", "ray", "--workers", 2, "--address", cluster.address, "--device", "cpu", "--json")
        launched = subprocess.Popen(
            program(filled_home, *words), env=cluster.environment, cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            wait_until(lambda: store.entry(entries[0].id).iteration > 0, lambda: launched.poll() is None)
            killed = store.entry(entries[0].id)
            assert killed.status is QueueStatus.RUNNING
            os.kill(int(killed.owner.split(":")[1]), signal.SIGKILL)
            out, err = launched.communicate(timeout=400)
        finally:
            launched.kill()
            launched.wait()
        assert launched.returncode == 1, err
        workers = json.loads(out)
        assert sorted((each["code"], each["stopped"]) for each in workers if each["code"]) == [(-9, False)]
        assert [each["stopped"] for each in workers if not each["code"]] == [True]
        assert "was lost: killed by signal 9" in err
        ended = [store.entry(each.id) for each in entries]
        assert [each.status for each in ended] == [QueueStatus.FINISHED] * 3
        assert ended[0].fence > 1, "taken over"
        for each in ended:
            for run in each.runs:
                assert run.environment["threads"] == "1"
                assert store.curve(run.id, Series.TRAINING_LOSS).iterations.tolist() == list(range(1, ITERATIONS + 1))
        weights = [[run.weights_sha256 for run in each.runs] for each in ended]
        assert all(each.gone for each in store.workers()), "the one that was killed"
        assert store.claimed_entries()[0] == []
    monkeypatch.setenv(CORES_VARIABLE, "1")
    with RunStore.open(home_with_images) as alone:  # with a history of its own
        runs = [run_cohort.run(cohort, alone, lambda _event: None) for cohort in cohorts]
    assert {run.status for each in runs for run in each} == {RunStatus.FINISHED}
    assert weights == [[run.weights_sha256 for run in each] for each in runs]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ctrl_c_leaves_what_was_trained_as_the_next(filled_home: Home, tiny_twin: CohortSpec, tmp_path: Path) -> None:
    with running_cluster("token", 1) as cluster, open_history(filled_home) as store:
        entry_id = store.enqueue(longer(tiny_twin, 100_000, 0)).id
        words = ("launch", "ray", "--workers", 2, "--address", cluster.address, "--device", "cpu")
        too_many = subprocess.run(
            program(filled_home, *words), env=cluster.environment, capture_output=True, text=True, check=False
        )
        assert (too_many.returncode, "room for 1 of 2 workers" in too_many.stderr) == (2, True), too_many.stderr
        words = ("launch", "ray", "--workers", 1, "--address", cluster.address, "--device", "cpu")
        launched = subprocess.Popen(
            program(filled_home, *words), env=cluster.environment, cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_until(lambda: store.entry(entry_id).iteration > 0, lambda: launched.poll() is None)
            launched.send_signal(signal.SIGINT)
            out, _unused = launched.communicate(timeout=200)
        finally:
            launched.kill()
            launched.wait()
        assert launched.returncode == 128 + signal.SIGINT, out
        assert "Worker 1 has ended." in out
        left = store.entry(entry_id)
        assert (left.status, left.claimed) == (QueueStatus.WAITING, False)
        assert all(store.checkpoints(run.id)[0].iteration == run.iteration > 0 for run in left.runs)


@pytest.mark.slow
def test_a_real_cluster_without_a_token_is_refused(filled_home: Home, tiny_twin: CohortSpec) -> None:
    with running_cluster("disabled", 1) as cluster, open_history(filled_home) as store:
        store.enqueue(tiny_twin)
        words = ("launch", "ray", "--workers", 1, "--address", cluster.address, "--device", "cpu")
        said = subprocess.run(
            program(filled_home, *words), env={**cluster.environment, "RAY_AUTH_MODE": "token"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (said.returncode, said.stdout) == (2, "")
        assert "lets in anybody who reaches it" in said.stderr
        assert store.workers() == []
