"""A store on a real file, runs in it, and a way to let another process loose on the same home."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.queue import claims
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..warm_python import WarmProcess

ROOT = Path(__file__).resolve().parents[2]
Spawn = Callable[..., "subprocess.Popen[str]"]


BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Which database holds the history of ``home``."""
    return str(request.param)


@pytest.fixture
def home(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if backend == "postgresql":
        found: Home = request.getfixturevalue("shared_home")
        return found
    return Home(tmp_path / "home").prepare()


@pytest.fixture(autouse=True)
def long_running_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own server has just begun: leases would hold because of that."""
    monkeypatch.setattr(claims, "answering_since", lambda _session: datetime(2020, 1, 1, tzinfo=UTC))


@pytest.fixture
def store(home: Home) -> Iterator[RunStore]:
    with RunStore.open(home) as opened:
        yield opened


@pytest.fixture
def twins(store: RunStore, tiny_twin: CohortSpec) -> tuple[RunRecord, ...]:
    return store.create_cohort(tiny_twin)


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start Python on a script; whatever still runs at the end of the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> subprocess.Popen[str]:
        process = WarmProcess(
            [sys.executable, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
