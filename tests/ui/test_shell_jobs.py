"""Background jobs: results in the GUI thread, stops, and errors of both kinds."""

from __future__ import annotations

from PySide6.QtCore import QObject, QThread
from pytestqt.qtbot import QtBot

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Jobs

from ..waiting import wait_until


class Listener(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.items: list[object] = []
        self.results: list[object] = []
        self.sentences: list[str] = []
        self.ends = 0
        self.in_gui: set[bool] = set()

    def on_item(self, item: object) -> None:
        self.items.append(item)
        self.in_gui.add(QThread.currentThread().isMainThread())

    def on_done(self, result: object) -> None:
        self.results.append(result)
        self.in_gui.add(QThread.currentThread().isMainThread())

    def on_failed(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def on_end(self) -> None:
        self.ends += 1


def start(jobs: Jobs, listener: Listener, work: object) -> object:
    return jobs.start(
        work, on_item=listener.on_item, on_done=listener.on_done, on_failed=listener.on_failed, on_end=listener.on_end
    )  # type: ignore[arg-type]


def test_items_and_result_arrive_in_order_in_the_gui_thread(qtbot: QtBot, services: Services) -> None:
    listener = Listener()

    def work(emit, should_stop):  # type: ignore[no-untyped-def]
        for number in range(5):
            emit(number)
        return "done"

    start(services.jobs, listener, work)
    qtbot.waitUntil(lambda: listener.ends == 1, timeout=5000)
    assert listener.items == [0, 1, 2, 3, 4]
    assert listener.results == ["done"]
    assert listener.in_gui == {True}
    assert services.jobs.running == 0


def test_a_stopped_job_ends_and_delivers_nothing_more(qtbot: QtBot, services: Services) -> None:
    listener = Listener()

    def work(emit, should_stop):  # type: ignore[no-untyped-def]
        wait_until(should_stop)
        emit("late")
        raise Stopped

    job = start(services.jobs, listener, work)
    job.stop()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: listener.ends == 1, timeout=5000)
    assert (listener.items, listener.results, listener.sentences) == ([], [], [])


def test_sentences_and_crashes_are_told_apart(qtbot: QtBot, services: Services) -> None:
    listener = Listener()
    crashes: list[tuple[str, str]] = []
    services.jobs.crashed.connect(lambda sentence, trace: crashes.append((sentence, trace)))

    def refuse(emit, should_stop):  # type: ignore[no-untyped-def]
        raise UserError("Not an image; choose another file.")

    def crash(emit, should_stop):  # type: ignore[no-untyped-def]
        raise KeyError("spoon")

    start(services.jobs, listener, refuse)
    qtbot.waitUntil(lambda: listener.ends == 1, timeout=5000)
    assert listener.sentences == ["Not an image; choose another file."]
    assert not crashes
    start(services.jobs, listener, crash)
    qtbot.waitUntil(lambda: listener.ends == 2, timeout=5000)
    assert "spoon" in listener.sentences[1]
    assert "KeyError" in crashes[0][1]


def test_a_widget_that_is_gone_is_not_called(qtbot: QtBot, services: Services) -> None:
    listener = Listener()
    go: list[bool] = []

    def work(emit, should_stop):  # type: ignore[no-untyped-def]
        wait_until(lambda: bool(go))
        emit(1)
        return 2

    job = services.jobs.start(work, on_item=listener.on_item, on_done=listener.on_done)
    import shiboken6

    shiboken6.delete(listener)
    with qtbot.waitSignal(job.ended, timeout=5000):
        go.append(True)
    assert not listener.items
    assert not listener.results


def test_all_jobs_end_together(qtbot: QtBot, services: Services) -> None:
    def work(emit, should_stop):  # type: ignore[no-untyped-def]
        wait_until(should_stop)

    for _ in range(3):
        services.jobs.start(work)
    assert services.jobs.running == 3
    assert services.jobs.stop_all()
    qtbot.waitUntil(lambda: services.jobs.running == 0, timeout=5000)
    late = services.jobs.start(work)
    assert not late.running
    assert services.jobs.running == 0
