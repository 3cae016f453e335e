"""The window beside a full disk and too little memory: it says so, answers, and works again afterwards."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import torch
from pytestqt.qtbot import QtBot

from resnet_studio import app as program
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurvesGrew, ProgressMade
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.networks import residual
from resnet_studio.platform.home import Home
from resnet_studio.training import disk_full, member
from resnet_studio.ui import late_ends
from resnet_studio.ui.application import Studio
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.main_window import MainWindow
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.services import Services
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.threads.jobs import Jobs

from ..databases import database_of
from ..waiting import processor_time

if TYPE_CHECKING:
    from tests.disks import SmallDisk

pytestmark = [pytest.mark.qt_log_ignore("propagateSizeHints"), pytest.mark.timeout(120)]


@pytest.fixture
def open_window(qapp: object, qtbot: QtBot) -> Iterator[Callable[[Home], MainWindow]]:
    opened: list[tuple[RunStore, MainWindow]] = []

    def open_one(home: Home) -> MainWindow:
        store = RunStore.open(home)
        preferences = Preferences(home)
        window = MainWindow(
            Services(home, store, RunController(store), preferences, Theme(preferences), Jobs())
        )  # fmt: skip
        opened.append((store, window))
        window.show()
        return window

    yield open_one
    for store, window in opened:
        window.leave(ask=False)
        window.close()
        store.close()


def wait_until_idle(qtbot: QtBot, window: MainWindow, ms: int = 60_000) -> None:
    qtbot.waitUntil(lambda: not window.services.controller.training, timeout=ms)


def fill_at_curves(window: MainWindow, disk: SmallDisk) -> None:
    """The disk is full from some stored curves on."""
    done: list[object] = []

    def look(event: object) -> None:
        if isinstance(event, CurvesGrew) and event.chunks[0].last_iteration > 20 and not done:
            done.append(event)
            disk.fill()

    window.services.controller.happened.connect(look)


def longer(cohort: CohortSpec, iterations: int) -> CohortSpec:
    runs = [
        replace(run, recipe=replace(run.recipe, iterations=iterations, test_every=50, milestones=()))
        for run in cohort.runs
    ]
    return replace(cohort, runs=tuple(runs))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_full, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(late_ends, "RETRY_PERIOD_MS", 200)


@pytest.mark.usefixtures("impatient")
def test_a_full_disk_is_said_across_the_window_until_there_is_room(
    qtbot: QtBot,
    open_window: Callable[[Home], MainWindow],
    disk: SmallDisk,
    home_on_disk: Home,
    tiny_twin: CohortSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts, wait = [], disk_full.DiskSpaceGuard._wait
    monkeypatch.setattr(disk_full.DiskSpaceGuard, "_wait", lambda guard: (attempts.append(None), wait(guard))[0])
    window = open_window(home_on_disk)
    fill_at_curves(window, disk)
    window.navigator.train(longer(tiny_twin, 100))
    qtbot.waitUntil(lambda: "make room there, and training goes on by itself" in window.banner.sentence, timeout=60_000)
    assert window.banner.isVisible()
    qtbot.waitUntil(lambda: window.status.eta_label.text() == "Waiting for room on the disk…")
    tried = len(attempts)
    qtbot.waitUntil(lambda: len(attempts) > tried + 2)
    disk.empty()
    qtbot.waitUntil(lambda: not window.banner.sentence, timeout=10_000)
    assert window.services.controller.training
    wait_until_idle(qtbot, window)
    store = window.services.store
    for run in store.list_runs():
        assert run.status is RunStatus.FINISHED
        assert store.curve(run.id, Series.TRAINING_ERROR).iterations.tolist() == list(range(1, 101))


@pytest.mark.usefixtures("impatient")
def test_a_stop_on_a_full_disk_is_heard_and_stored_once_there_is_room(
    qtbot: QtBot,
    open_window: Callable[[Home], MainWindow],
    disk: SmallDisk,
    home_on_disk: Home,
    tiny_twin: CohortSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disk_full, "RETRY_SECONDS", 3600.0)  # a stop does not wait for the next attempt
    window = open_window(home_on_disk)
    controller, store = window.services.controller, window.services.store
    fill_at_curves(window, disk)
    window.navigator.train(longer(tiny_twin, 100))
    qtbot.waitUntil(lambda: "is full" in window.banner.sentence, timeout=60_000)
    controller.stop()
    wait_until_idle(qtbot, window)
    assert "goes on by itself" not in window.banner.sentence
    with qtbot.waitSignals([controller._late_ends.retry.timeout] * 3):
        pass
    disk.empty()
    qtbot.waitUntil(lambda: {run.status for run in store.list_runs()} == {RunStatus.STOPPED}, timeout=10_000)
    controller.resume([run.id for run in store.list_runs()])
    wait_until_idle(qtbot, window)
    assert {run.status for run in store.list_runs()} == {RunStatus.FINISHED}


@pytest.mark.usefixtures("impatient")
@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be moved there")
def test_a_home_that_goes_during_training_is_not_made_anew_and_its_runs_are_shown_as_stopped(
    qtbot: QtBot, open_window: Callable[[Home], MainWindow], home: Home, tiny_twin: CohortSpec
) -> None:
    window = open_window(home)
    controller, store = window.services.controller, window.services.store
    moved, begun = home.root.with_name("moved"), []

    def look(event: object) -> None:
        if isinstance(event, CurvesGrew) and not begun:
            begun.append(event)
            home.root.rename(moved)

    controller.happened.connect(look)
    window.navigator.train(longer(tiny_twin, 1000))
    wait_until_idle(qtbot, window)
    assert "put it back" in window.banner.sentence
    window.pages.show_page("runs")
    page = window.navigator.runs_page
    qtbot.waitUntil(lambda: {run.status for run in page.model.records} == {RunStatus.STOPPED})
    window.pages.show_page("train")
    window.services.preferences.set_value("somewhere", 7)
    window.services.preferences.sync()
    qtbot.wait(100)  # Qt writes by itself from time to time
    assert not home.root.exists()
    assert window.services.preferences.value("somewhere", 0, int) == 7
    header = window.navigator.train_page.header
    qtbot.waitUntil(lambda: header.headline.text() == "Stopped")
    moved.rename(home.root)
    qtbot.waitUntil(lambda: {run.status for run in store.list_runs()} == {RunStatus.STOPPED}, timeout=10_000)
    assert not any("disk" in run.reason for run in store.list_runs())
    window.services.preferences.sync()
    assert "somewhere=7" in (home.root / "preferences.ini").read_text(encoding="utf-8")


def test_opened_on_a_full_disk_it_shows_the_history_and_writes_once_there_is_room(
    qtbot: QtBot, open_window: Callable[[Home], MainWindow], disk: SmallDisk, home_on_disk: Home, tiny_twin: CohortSpec
) -> None:
    with RunStore.open(home_on_disk) as store:
        store.create_cohort(tiny_twin)
    disk.fill()
    window = open_window(home_on_disk)
    assert "is full, so the history is read-only; make room there" in window.banner.sentence
    assert len(window.services.store.list_runs()) == 2
    window.navigator.train(tiny_twin)
    assert "is full" in window.banner.sentence
    disk.empty()
    qtbot.waitUntil(lambda: window.services.store.writable, timeout=10_000)
    assert "2 runs were not finished" in window.banner.sentence


def test_preferences_survive_a_full_disk(qapp: object, disk: SmallDisk) -> None:
    home = Home(disk.root / "home").prepare()
    preferences = Preferences(home)
    preferences.set_value("window/page", "runs")
    preferences.sync()
    disk.fill()
    preferences.set_value("window/page", "train")
    preferences.set_value("long", "x" * 10_000)
    preferences.sync()
    assert Preferences(home).value("window/page", "", str) in ("runs", "train")
    disk.empty()
    preferences.set_value("window/page", "compare")
    preferences.sync()
    text = (home.root / "preferences.ini").read_text(encoding="utf-8")
    assert "page=compare" in text
    assert "x" * 10_000 in text


def test_a_log_without_room_is_silent_and_goes_on(disk: SmallDisk, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(disk.root / "home").prepare()
    logger = logging.getLogger("resnet_studio.test")
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        program.start_log(home)
        logger.info("with room")
        disk.fill()
        for _ in range(300):
            logger.info("without %s", "room " * 20)
        disk.empty()
        logger.info("with room again")
        for handler in root.handlers:
            handler.flush()
    finally:
        for handler in [handler for handler in root.handlers if handler not in before]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)
        logging.captureWarnings(False)
    said = capsys.readouterr()
    assert said.err == said.out == ""
    text = (home.logs / "studio.log").read_text(encoding="utf-8")
    assert "with room\n" in text
    assert "with room again\n" in text


def test_after_out_of_memory_the_window_trains_again_at_once(
    qtbot: QtBot, open_window: Callable[[Home], MainWindow], home_with_images: Home, tiny_twin: CohortSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    window = open_window(home_with_images)
    controller, store = window.services.controller, window.services.store
    real = residual.build

    def small(*arguments: object, **options: object) -> torch.nn.Module:
        network = real(*arguments, **options)  # type: ignore[arg-type]

        def look(_network: object, inputs: tuple[torch.Tensor, ...], _output: object) -> None:
            if network.training and len(inputs[0]) > 7:
                raise torch.OutOfMemoryError("not enough memory for this")

        network.register_forward_hook(look)
        return network

    with monkeypatch.context() as patch:
        patch.setattr(member, "build", small)
        window.navigator.train(longer(tiny_twin, 30))
        wait_until_idle(qtbot, window)
        assert "batches of 4 fit" in window.banner.sentence
        assert {run.status for run in store.list_runs()} == {RunStatus.FAILED}
        smaller = [replace(run, recipe=replace(run.recipe, batch_size=4)) for run in longer(tiny_twin, 30).runs]
        run_ids = controller.train(CohortSpec(runs=tuple(smaller)))
        wait_until_idle(qtbot, window)
    assert {store.get(run_id).status for run_id in run_ids} == {RunStatus.FINISHED}


def test_a_damaged_history_is_named_across_the_window_and_the_rest_is_there(
    open_window: Callable[[Home], MainWindow], home: Home, tiny_twin: CohortSpec
) -> None:
    with RunStore.open(home) as store:
        for run in store.create_cohort(tiny_twin):
            store.set_status(run.id, RunStatus.FINISHED)
        store.set_tags(run.id, ["x" * 90])
    content = bytearray(database_of(home).read_bytes())
    place = content.index(b"x" * 90) // 4096 * 4096
    content[place : place + 4096] = b"\x5a" * 4096
    database_of(home).write_bytes(content)
    window = open_window(home)
    (aside,) = home.root.glob("history.damaged-*.sqlite3")
    assert str(aside) in window.banner.sentence
    assert "2 runs could be read out of it" in window.banner.sentence
    assert aside.read_bytes() == content
    assert len(window.services.store.list_runs()) == 2
    assert window.services.store.writable


def test_the_end_of_the_session_saves_without_a_question(
    qtbot: QtBot, home_with_images: Home, tiny_twin: CohortSpec
) -> None:
    with RunStore.open(home_with_images) as store:
        studio = Studio(home_with_images, store)
        window, controller = studio.window, studio.controller
        window.show()
        try:
            with qtbot.waitSignal(
                controller.happened, timeout=60_000, check_params_cb=lambda event: isinstance(event, ProgressMade)
            ):
                window.navigator.train(longer(tiny_twin, 100_000))
            with processor_time() as spent:
                studio.on_session_ends(None)
            assert spent.seconds < 5.0, "systems kill after about as long"
            assert not controller.training
            for run in store.list_runs():
                assert run.status is RunStatus.STOPPED
                assert store.checkpoints(run.id)[0].iteration == run.iteration > 0
            assert window.close(), "it may close now without a question"
        finally:
            window.leave(ask=False)
            assert studio.take_down()
            window.close()
            studio.window.deleteLater()
