"""Ctrl-C while the program starts: nothing is printed, and the exit code is that of an interrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a process cannot interrupt itself there")

# The process interrupts itself when it looks for one module.
INTERRUPTED = """
import os, sys
module = sys.argv.pop(1)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), 2)
sys.meta_path.insert(0, Finder())
from resnet_studio.__main__ import main
main()
"""
LIST, WINDOW = ("runs", "list"), ()


def started(module: str, arguments: tuple[str, ...], home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "RESNET_STUDIO_HOME": str(home),
        "QT_QPA_PLATFORM": "offscreen", **more,
    }  # fmt: skip
    command = [sys.executable, "-c", INTERRUPTED, module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("resnet_studio.platform.interrupts", LIST), ("resnet_studio.cli.arguments", LIST), ("typer", LIST),
        ("resnet_studio.cli.commands.runs", LIST), ("resnet_studio.cli.commands.launch", ("--help",)),
        ("resnet_studio.history.store", LIST), ("resnet_studio.app", WINDOW), ("PySide6.QtWidgets", WINDOW),
        ("resnet_studio.ui.application", WINDOW),
    ],
)  # fmt: skip
def test_an_interrupt_while_modules_are_imported(module: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    said = started(module, arguments, tmp_path / "home")
    assert (said.returncode, said.stdout, said.stderr) == (128 + signal.SIGINT, "", "")


def test_without_an_interrupt_the_command_runs(tmp_path: Path) -> None:
    said = started("no_such_module", ("--version",), tmp_path / "home")
    assert said.returncode == 0
    assert said.stdout.startswith("ResNet Studio ")


def test_interrupts_that_are_ignored_stay_so(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        said = started("typer", ("--version",), tmp_path / "home")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (said.returncode, said.stderr) == (0, "")
