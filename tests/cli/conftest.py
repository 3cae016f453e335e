"""A small folder of images, a home in which a twin was trained on it, and the command line called in this process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from resnet_studio.__main__ import start

CLASSES = ("dark", "green", "red")
TINY = (
    "--depth", "8", "--width", "4", "--image-size", "8", "--batch-size", "16", "--device", "cpu",
    "--precision", "float32", "--learning-rate", "0.05", "--milestones", "none",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What one command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Networks this small train many times faster on one core, above all beside other work."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def say(*arguments: object) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with one_core(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = start([str(argument) for argument in arguments])
    return Said(code, out.getvalue(), err.getvalue())


def draw_folder(root: Path, train: int = 24, test: int = 8) -> Path:
    """``root/train/CLASS/*.png`` and ``root/test``: 8 x 8 noise that leans towards a colour."""
    generator = np.random.default_rng(0)
    lean = {"dark": (-60, -60, -60), "green": (-30, 60, -30), "red": (60, -30, -30)}
    for part, count in (("train", train), ("test", test)):
        for name in CLASSES:
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                noise = generator.normal(128, 40, (8, 8, 3)) + np.array(lean[name])
                Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(folder / f"{index:02}.png")
    return root


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("images"))


@dataclass(frozen=True)
class Trained:
    """A home with a finished twin; ``runs`` is the JSON that ``train --twin --json`` printed."""

    home: Path
    runs: list[dict[str, Any]]

    @property
    def ids(self) -> list[str]:
        return [str(run["id"]) for run in self.runs]

    def say(self, *arguments: object) -> Said:
        return say("--home", self.home, *arguments)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Trained:
    home = tmp_path_factory.mktemp("cli") / "home"
    said = say(
        "train", *TINY, "--data", f"folder:{images}", "--iterations", 60, "--test-every", 30, "--seed", 3, "--twin",
        "--json", "--home", home,
    )  # fmt: skip
    assert (said.code, said.err) == (0, "")
    return Trained(home, said.json)


@pytest.fixture
def trained(original: Trained, tmp_path: Path) -> Trained:
    """A copy of its own, which a test may change."""
    home = tmp_path / "home"
    shutil.copytree(original.home, home)
    return Trained(home, original.runs)


@pytest.fixture
def at_home(tmp_path: Path) -> Callable[..., Said]:
    """The command line on an empty home."""
    return lambda *arguments: say("--home", tmp_path / "home", *arguments)


def hears_hangups() -> None:
    """For a child before it begins: tests may themselves run where hangups are ignored, and children inherit that."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
