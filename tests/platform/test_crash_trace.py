"""A crash in native code leaves its trace in the home, over restarts, and is offered once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.cli.check import State
from resnet_studio.cli.check_installation import _paths
from resnet_studio.platform.crash_trace import has_traces, scrubbed, take_new_trace, trace_file
from resnet_studio.platform.home import Home

from ..warm_python import run_warm

CRASH = """
import ctypes, sys
from resnet_studio.platform.home import Home

def crash_in_native_code():
    ctypes.string_at(0)
"""
COMMAND_LINE = f"""{CRASH}
from resnet_studio.cli.context import Session
store = Session(Home.find(sys.argv[1])).writer()
crash_in_native_code()
"""
WINDOW = f"""{CRASH}
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from resnet_studio.__main__ import start
app = QApplication(sys.argv[:1])
timer = QTimer(interval=20)

def look():
    for window in app.topLevelWidgets():
        if window.objectName() == "main_window" and window.isVisible():
            if sys.argv[2] == "crash":
                crash_in_native_code()
            dialog = window.findChild(object, "fault_dialog")
            if dialog.isVisible() or sys.argv[2] == "nothing":
                timer.stop()
                print(dialog.details, flush=True)
                dialog.close()
                QTimer.singleShot(0, window.close)

timer.timeout.connect(look)
timer.start()
sys.exit(start(["--home", sys.argv[1]]))
"""


def child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return run_warm(command, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, timeout=90)


def test_the_command_lines_crashes_are_added_to_one_file(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for count in (1, 2):
        assert child(COMMAND_LINE, home.root).returncode != 0
        text = trace_file(home).read_text(encoding="utf-8")
        assert text.count("Fatal Python error") == count
        assert text.count("in crash_in_native_code") == count
    if os.name != "nt":
        assert trace_file(home).stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_the_next_window_offers_the_trace_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert child(WINDOW, home.root, "crash").returncode != 0
    assert "in crash_in_native_code" in trace_file(home).read_text(encoding="utf-8")
    shown = child(WINDOW, home.root, "look")
    assert shown.returncode == 0, shown.stderr
    assert "in crash_in_native_code" in shown.stdout
    assert "ResNet Studio" in shown.stdout
    assert "in crash_in_native_code" in trace_file(home).read_text(encoding="utf-8"), "it stays"
    again = child(WINDOW, home.root, "nothing")
    assert (again.returncode, again.stdout.strip()) == (0, "")


def test_only_what_is_new_is_taken_and_nothing_is_cut_from_the_file(home: Home) -> None:
    assert (take_new_trace(home), has_traces(home)) == ("", False)
    for text in ("first\n", "second\n"):
        with trace_file(home).open("a", encoding="utf-8") as file:
            file.write(text)
        assert take_new_trace(home) == text
        assert take_new_trace(home) == ""
    assert trace_file(home).read_text(encoding="utf-8") == "first\nsecond\n"


def test_folders_of_the_person_are_scrubbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    home = Home(tmp_path / "studio").prepare()
    trace_file(home).write_text(f'File "{tmp_path}/code.py"\nFile "{home.root}/x"\n', encoding="utf-8")
    assert take_new_trace(home) == 'File "~/code.py"\nFile "HOME/x"\n'
    monkeypatch.setenv("HOME", "/")
    assert scrubbed("File /usr/x", home) == "File /usr/x"


def test_doctor_says_that_there_is_one(home: Home) -> None:
    trace_file(home).touch()
    assert "crashes" not in {check.name for check in _paths(home)}
    trace_file(home).write_text("Fatal Python error")
    (found,) = [check for check in _paths(home) if check.name == "crashes"]
    assert (found.state, found.value) == (State.NOTE, str(trace_file(home)))
