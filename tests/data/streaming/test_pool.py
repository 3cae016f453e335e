"""Decoding processes: any number gives the same pixels; a stop is at once; nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.data.streaming.crops import SQUARE, CropSpec
from resnet_studio.data.streaming.pool import DecodingPool
from resnet_studio.data.streaming.worker import Task
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import never_stop

from ...waiting import wait_until
from ..conftest import picture

posix = pytest.mark.skipif(os.name == "nt", reason="needs signals that Windows lacks")
SIZE = 16


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(12):
        picture(number, (20 + 7 * number, 90 - 5 * number)).save(tmp_path / f"{number}.{('png', 'jpg')[number % 2]}")
    return tmp_path


def names(count: int = 12) -> list[str]:
    return [f"{number % 12}.{('png', 'jpg')[number % 2]}" for number in range(count)]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("scan", [False, True])
def test_the_number_of_processes_changes_nothing(root: Path, scan: bool):
    crops = [CropSpec(20 + number, 1_000_000 * number, 700_000 * number, number % 3 == 0) for number in range(11)]
    found = []
    for workers in (0, 2):
        with DecodingPool(root, SIZE, workers) as pool:
            into = [np.empty((3, 3, SIZE, SIZE), np.uint8) for _ in range(4)]
            tasks = [Task(names()[n : n + 3], [*crops, SQUARE][n : n + 3], scan=scan) for n in range(0, 12, 3)]
            replies = [pool.submit(task, None if scan else part) for task, part in zip(tasks, into, strict=True)]
            replies = [reply.wait(never_stop) for reply in replies]
            if scan:
                sums = [part for reply in replies for part in (reply.sums, reply.products)]
                found.append(([reply.hashes for reply in replies], np.concatenate([part.ravel() for part in sums])))
            else:
                found.append(([reply.errors for reply in replies], np.concatenate(into)))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("workers", [0, 1])
def test_what_cannot_be_read_has_a_reason_and_is_black(root: Path, workers: int):
    (root / "1.jpg").write_bytes((root / "1.jpg").read_bytes()[:300])
    into = np.full((3, 3, SIZE, SIZE), 7, np.uint8)
    odd = os.fsdecode(b"no text \xff.png")
    with DecodingPool(root, SIZE, workers) as pool:
        errors = pool.submit(Task(["0.png", "1.jpg", odd], [SQUARE] * 3), into).wait(never_stop).errors
    assert set(errors) == {1, 2}
    assert "1.jpg" in errors[1]
    assert "does not exist" in errors[2]
    assert into[0].any()
    assert not into[1:].any()


@posix
def test_a_process_that_dies_is_a_sentence(root: Path):
    with DecodingPool(root, SIZE, 1) as pool:
        into = np.empty((12, 3, SIZE, SIZE), np.uint8)
        replies = [pool.submit(Task(names(), [SQUARE] * 12), into) for _ in range(300)]
        replies[0].wait(never_stop)
        os.kill(pool.process_ids[0], signal.SIGKILL)
        with pytest.raises(DataError, match=r"ended unexpectedly .*SIGKILL") as caught:
            replies[-1].wait(never_stop)
        assert str(caught.value).endswith("last checkpoint.")
        with pytest.raises(DataError, match="SIGKILL"):
            pool.submit(Task(names(), [SQUARE] * 12), into).wait(never_stop)


def test_a_process_that_cannot_start_says_why(root: Path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with DecodingPool(root, SIZE, 1) as pool, pytest.raises(DataError, match="ModuleNotFoundError"):
        pool.submit(Task(names(1), [SQUARE]), np.empty((1, 3, SIZE, SIZE), np.uint8)).wait(never_stop)
    monkeypatch.setattr(sys, "executable", os.fspath(root / "no-python"))
    with pytest.raises(DataError, match="could not be started"):
        DecodingPool(root, SIZE, 1)


@posix
def test_a_stop_is_at_once_and_leaves_nothing(root: Path):
    pool = DecodingPool(root, SIZE, 2)
    processes = pool.process_ids
    into = np.empty((12, 3, SIZE, SIZE), np.uint8)
    replies = [pool.submit(Task(names(), [SQUARE] * 12), into) for _ in range(3_000)]  # half a minute of work
    stop = iter([False] * 3 + [True] * 9)
    with pytest.raises(Stopped):
        replies[-1].wait(lambda: next(stop))
    pool.close()
    assert sum(reply.future.done() and reply.future.exception() is None for reply in replies) < 1_500
    assert not any(alive(process) for process in processes)
    with pytest.raises(DataError, match="have ended"):
        replies[-1].wait(never_stop)


@posix
def test_no_process_outlives_a_program_that_was_killed(root: Path):
    program = (
        "import sys, time; from pathlib import Path; import numpy as np\n"
        "from resnet_studio.data.streaming.pool import DecodingPool\n"
        "from resnet_studio.data.streaming.worker import Task\n"
        "from resnet_studio.data.streaming.crops import SQUARE\n"
        f"pool = DecodingPool(Path(sys.argv[1]), {SIZE}, 2)\n"
        f"into = np.empty((12, 3, {SIZE}, {SIZE}), np.uint8)\n"
        f"replies = [pool.submit(Task({names()!r}, [SQUARE] * 12), into) for _ in range(100_000)]\n"
        "replies[9].wait(lambda: False)\n"
        "print(*pool.process_ids, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, os.fspath(root)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        processes = [int(word) for word in parent.stdout.readline().split()]
    assert len(processes) == 2
    assert all(alive(process) for process in processes)
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(running(process) for process in processes))


def running(process: int) -> bool:
    """Alive and no zombie: in a container nobody may collect what lost its parent."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return sys.platform != "linux" and alive(process)
    return state != "Z"
