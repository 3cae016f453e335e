"""The whole program as a process: signals, no display, faults."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio import app as program
from resnet_studio.__main__ import UNSTOPPABLE
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import HistoryAwayError, UserError
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui import crash_dialog
from resnet_studio.ui.crash_dialog import FaultDialog, FaultReporter

from ..databases import database_of
from ..waiting import HANG_SECONDS, wait_until
from ..warm_python import WarmProcess, run_warm

RUN = """
import sys
from pathlib import Path
from resnet_studio.__main__ import leave
from resnet_studio.app import start_log
from resnet_studio.domain.documents import from_json
from resnet_studio.platform.home import Home
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.ui.application import run_window
home = Home(Path(sys.argv[1])).prepare()
start_log(home)
leave(run_window(home, from_json(CohortSpec, sys.argv[2])))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_saves_the_training_and_ends_the_program(
    home_with_images: Home, tiny_twin: CohortSpec, name: str
) -> None:
    import json

    values = json.loads(tiny_twin.model_dump_json())
    for run in values["runs"]:
        run["recipe"].update(iterations=1_000_000, test_every=1_000_000)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-c", RUN, str(home_with_images.root), json.dumps(values)]
    with WarmProcess(arguments, env=environment, stderr=subprocess.PIPE, text=True) as process:
        _wait_for_iterations(home_with_images, process)
        process.send_signal(getattr(signal, name))
        _, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 128 + getattr(signal, name), errors
    with RunStore.open(home_with_images) as store:
        runs = store.list_runs()
        assert [run.status for run in runs] == [RunStatus.STOPPED] * 2
        assert all(run.resumable and run.iteration > 0 for run in runs)
        assert all(store.checkpoints(run.id)[0].iteration == run.iteration for run in runs)
    assert "closing" in (home_with_images.logs / "studio.log").read_text(encoding="utf-8")


ABANDONED = """
import sys, threading
import torch
from resnet_studio.__main__ import UNSTOPPABLE, leave
begun = threading.Event()
def work():
    a = torch.randn(64, 64, requires_grad=True)
    while True:
        (a @ a).relu().sum().backward()
        begun.set()
threading.Thread(target=work, name=sys.argv[1], daemon=True).start()
begun.wait()
leave(5)
"""


@pytest.mark.parametrize("name", UNSTOPPABLE)
def test_the_process_ends_whole_beside_a_thread_in_torch(name: str) -> None:
    done = run_warm([sys.executable, "-c", ABANDONED, name], timeout=120)
    assert done.returncode == 5, done.stderr


def _wait_for_iterations(home: Home, process: subprocess.Popen[str]) -> None:
    def trains() -> bool:
        if not database_of(home).exists():
            return False
        with RunStore.open(home, writer=False) as store:
            runs = store.list_runs()
        return bool(runs) and all(run.iteration > 0 for run in runs)

    wait_until(trains, still=lambda: process.poll() is None)


# No display


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux may have no display")
def test_no_display_is_one_sentence_that_names_the_demo(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="resnet-studio demo"):
        program.run_app(home)
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(UserError, match="nothing answers at DISPLAY :987"):
        program.require_display()
    monkeypatch.setenv("DISPLAY", "nonsense")
    with pytest.raises(UserError, match="nonsense"):
        program.require_display()


def test_platforms_without_a_display_are_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen:size=10x10")
    program.require_display()


def test_an_unknown_study_is_a_sentence(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "start_log", lambda home: None)
    with pytest.raises(UserError, match="No study is called"):
        program.run_app(home, study="moon")


def test_the_log_is_turned_over(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    monkeypatch.setattr(program, "LOG_BYTES", 2000)
    try:
        program.start_log(home)
        for number in range(100):
            logging.getLogger("resnet_studio.test").info("line %d of a log that grows and grows", number)
        assert len(list(home.logs.glob("studio.log*"))) > 1
    finally:
        for handler in [handler for handler in root.handlers if handler not in before]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)
        logging.captureWarnings(False)


# Faults


class Breaker(QObject):
    go = Signal()

    @Slot()
    def on_go(self) -> None:
        raise ZeroDivisionError("a slot broke")


@pytest.fixture
def reporter(qapp: object):  # type: ignore[no-untyped-def]
    made = FaultReporter()
    made.install()
    yield made
    made.remove()


def test_an_error_in_a_slot_is_reported(
    qtbot: QtBot, reporter: FaultReporter, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = Breaker()
    breaker.go.connect(breaker.on_go)
    with qtbot.waitSignal(reporter.reported, timeout=2000) as told:
        breaker.go.emit()
    assert "a slot broke" in told.args[0]
    assert "on_go" in told.args[1]
    assert "nobody expected" in caplog.text


def test_an_error_in_any_thread_is_reported_in_the_gui_thread(qtbot: QtBot, reporter: FaultReporter) -> None:
    dialog = FaultDialog()
    qtbot.addWidget(dialog)
    threads: list[bool] = []

    class View(QObject):
        @Slot(str, str)
        def on_reported(self, _sentence: str, _details: str) -> None:
            threads.append(threading.current_thread() is threading.main_thread())

    view = View()
    reporter.reported.connect(view.on_reported)

    def broken() -> None:
        raise ValueError("a thread broke")

    with qtbot.waitSignal(reporter.reported, timeout=2000):
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()
    qtbot.waitUntil(lambda: bool(threads), timeout=2000)
    assert threads == [True]


def test_a_server_that_does_not_answer_is_no_fault(
    qtbot: QtBot, reporter: FaultReporter, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        qtbot.assertNotEmitted(reporter.reported, wait=50),
        qtbot.waitSignal(reporter.away, timeout=1000) as said,
    ):
        error = HistoryAwayError("The server does not answer.")
        sys.excepthook(type(error), error, None)
    assert said.args == ["The server does not answer."]
    assert "The server does not answer." in caplog.text


def test_qt_messages_reach_the_log(reporter: FaultReporter, caplog: pytest.LogCaptureFixture) -> None:
    from PySide6.QtCore import qWarning

    with caplog.at_level(logging.WARNING, "qt"):
        qWarning("a message of Qt")
    assert "a message of Qt" in caplog.text


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_details_can_be_copied(qtbot: QtBot) -> None:
    dialog = FaultDialog()
    qtbot.addWidget(dialog)
    dialog.show_fault("Something broke: spoon", "Traceback: spoon.py")
    dialog.show_fault("Another one", "Traceback: fork.py")
    button = dialog.findChild(QPushButton, "copy_fault_button")
    assert button is not None
    button.click()
    text = QGuiApplication.clipboard().text()
    for part in ("Something broke: spoon", "spoon.py", "fork.py", "ResNet Studio", "PySide6"):
        assert part in text
    dialog.close()


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_a_fault_that_comes_with_every_tick_opens_one_dialog(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = FaultDialog()
    qtbot.addWidget(dialog)
    said: list[str] = []
    dialog.repeated.connect(said.append)
    dialog.show_fault("spoon", "Traceback: spoon.py")
    details = dialog.details
    dialog.show_fault("spoon", "Traceback: spoon.py")
    assert dialog.details == details
    dialog.close()
    dialog.show_fault("spoon", "Traceback: spoon.py")
    assert not dialog.isVisible()
    assert said == ["spoon", "spoon"]
    dialog.show_fault("fork", "Traceback: fork.py")
    assert dialog.isVisible()
    dialog.close()
    monkeypatch.setattr(crash_dialog, "QUIET_SECONDS", 0.0)
    dialog.show_fault("spoon", "Traceback: spoon.py")
    assert dialog.isVisible()
    dialog.close()


def test_interrupts_wake_the_loop(qtbot: QtBot) -> None:
    from resnet_studio.ui.stop_signals import Interrupts

    interrupts = Interrupts()
    try:
        QTimer.singleShot(50, lambda: signal.raise_signal(signal.SIGINT))
        with qtbot.waitSignal(interrupts.arrived, timeout=5000) as told:
            pass
        assert told.args == [signal.SIGINT]
    finally:
        interrupts.remove()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sockets_that_answer_are_told_from_those_that_do_not(tmp_path: Path) -> None:
    assert not program.answers(":4321")
    assert not program.answers("127.0.0.1:59999")
    assert program.answers("/private/tmp/whatever:0")
