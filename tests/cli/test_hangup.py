"""The terminal goes away while it trains: the run is saved, and goes on later."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..waiting import HANG_SECONDS, wait_until
from .conftest import TINY, hears_hangups, one_core
from .test_process import COMMAND, environment

pty = pytest.importorskip("pty", reason="this platform has no pseudo terminals")


@pytest.mark.slow
def test_a_terminal_that_is_closed_leaves_a_resumable_run(tmp_path: Path, images: Path) -> None:
    """A real terminal of its own: closing it sends SIGHUP, and every line that is printed afterwards is an error."""
    import fcntl
    import termios

    master, slave = pty.openpty()
    arguments = [*COMMAND, "--home", str(tmp_path), "train", *TINY, "--data", f"folder:{images}", "--iterations",
                 "100000", "--test-every", "100000"]  # fmt: skip

    def begin() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        hears_hangups()

    with one_core():
        process = subprocess.Popen(
            arguments, stdin=slave, stdout=slave, stderr=slave, env=environment(TERM="xterm"), start_new_session=True,
            preexec_fn=begin,
        )  # fmt: skip
    os.close(slave)
    try:
        _wait_for_iterations(tmp_path, process, master)
    finally:
        os.close(master)
    process.wait(HANG_SECONDS)
    with RunStore.open(Home(tmp_path)) as store:
        (run,) = store.list_runs()
        assert run.status is RunStatus.STOPPED, (run, process.returncode)
        assert store.checkpoints(run.id)[0].iteration == run.iteration > 0
    assert process.returncode == 128 + 1


def _wait_for_iterations(home: Path, process: subprocess.Popen[bytes], master: int) -> None:
    os.set_blocking(master, False)

    def trains() -> bool:
        with contextlib.suppress(BlockingIOError):
            os.read(master, 65536)  # a terminal that nobody reads holds its writer
        if not (home / "history.sqlite3").exists():
            return False
        with RunStore.open(Home(home), writer=False) as store:
            return any(run.iteration > 0 for run in store.list_runs())

    wait_until(trains, still=lambda: process.poll() is None)
