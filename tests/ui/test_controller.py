"""Training in a thread: stopped, paused, queued, broken, closed; and what PySide must not lose."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PySide6.QtCore import QObject, QThread, Signal, Slot
from pytestqt.qtbot import QtBot

from resnet_studio.domain.enums import Engine, RunStatus
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import CurvesGrew, ProgressMade, StatusChanged
from resnet_studio.domain.queue import QueueCommand, QueueEntry, QueueRequest, QueueStatus, QueueVerb
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.steer import steer
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.services import Services

pytestmark = pytest.mark.usefixtures("home_with_images")

LONG = 100_000  # iterations that no test waits for


def longer(cohort: CohortSpec, iterations: int = LONG) -> CohortSpec:
    return replace(
        cohort,
        runs=tuple(
            replace(run, recipe=replace(run.recipe, iterations=iterations, test_every=iterations, engine=Engine.EAGER))
            for run in cohort.runs
        ),
    )


def statuses(store: RunStore, run_ids: Sequence[str]) -> list[RunStatus]:
    return [store.get(run_id).status for run_id in run_ids]


def idle(controller: RunController) -> Callable[[], bool]:
    return lambda: not controller.training


def entry_of(controller: RunController, run_ids: Sequence[str]) -> QueueEntry:
    return next(entry for entry in controller.entries if set(entry.run_ids) == set(run_ids))


def trains(kind: type) -> Callable[[object], bool]:
    return lambda event: isinstance(event, kind)


def test_a_cohort_is_trained_to_its_end_and_every_event_is_stored_first(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec
) -> None:
    seen: list[object] = []
    threads: set[bool] = set()

    class View(QObject):
        @Slot(object)
        def on_happened(self, event: object) -> None:
            seen.append(event)
            threads.add(QThread.currentThread().isMainThread())
            if isinstance(event, CurvesGrew):
                chunk = event.chunks[0]
                stored = services.store.curve(chunk.run_id, chunk.series)
                assert stored.iterations[-1] >= chunk.last_iteration

    view = View()
    services.controller.happened.connect(view.on_happened)
    run_ids = services.controller.train(tiny_twin)
    assert services.controller.active == run_ids
    qtbot.waitUntil(idle(services.controller), timeout=60_000)
    assert statuses(services.store, run_ids) == [RunStatus.FINISHED] * 2
    assert threads == {True}
    assert [e for e in seen if isinstance(e, CurvesGrew)]
    ends = [e for e in seen if isinstance(e, StatusChanged) and e.status is RunStatus.FINISHED]
    assert {e.run_id for e in ends} == set(run_ids)


def test_stop_is_heard_within_a_second_and_stored(qtbot: QtBot, services: Services, tiny_twin: CohortSpec) -> None:
    controller = services.controller
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        run_ids = controller.train(longer(tiny_twin))
    controller.stop()
    assert controller.stopping
    qtbot.waitUntil(idle(controller), timeout=3000)
    runs = [services.store.get(run_id) for run_id in run_ids]
    assert [run.status for run in runs] == [RunStatus.STOPPED] * 2
    assert all(run.resumable and run.iteration > 0 for run in runs)
    assert runs[0].iteration == runs[1].iteration, "in lock-step to the end"
    assert [services.store.checkpoints(run_id)[0].iteration for run_id in run_ids] == [runs[0].iteration] * 2


def test_a_stopped_cohort_is_resumed(qtbot: QtBot, services: Services, tiny_twin: CohortSpec) -> None:
    controller = services.controller
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        run_ids = controller.train(longer(tiny_twin, 60))
    controller.stop()
    qtbot.waitUntil(idle(controller), timeout=5000)
    controller.resume(run_ids)
    with pytest.raises(UserError, match="already"):
        controller.resume(run_ids)
    qtbot.waitUntil(idle(controller), timeout=60_000)
    assert statuses(services.store, run_ids) == [RunStatus.FINISHED] * 2
    with pytest.raises(UserError, match="nothing is left"):
        controller.resume(run_ids)


class WatchedEvent(threading.Event):
    """Counts how often somebody looks at it."""

    looks = 0

    def is_set(self) -> bool:
        self.looks += 1
        return super().is_set()


def test_pause_holds_the_iterations_and_unpause_goes_on(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec
) -> None:
    controller = services.controller
    (slot,) = controller._slots
    pause = slot.pause = WatchedEvent()
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        run_ids = controller.train(longer(tiny_twin))
    controller.pause()
    assert controller.paused
    qtbot.waitUntil(lambda: statuses(services.store, run_ids) == [RunStatus.PAUSED] * 2, timeout=5000)
    before = services.store.get(run_ids[0]).iteration
    looks = pause.looks
    qtbot.waitUntil(lambda: pause.looks > looks + 5)
    assert services.store.get(run_ids[0]).iteration == before
    with qtbot.waitSignal(controller.happened, timeout=5000, check_params_cb=trains(CurvesGrew)):
        controller.unpause()
    assert not controller.paused
    controller.stop()
    qtbot.waitUntil(idle(controller), timeout=5000)


def test_a_paused_training_hears_the_stop(qtbot: QtBot, services: Services, tiny_twin: CohortSpec) -> None:
    controller = services.controller
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        run_ids = controller.train(longer(tiny_twin))
    controller.pause()
    qtbot.waitUntil(lambda: statuses(services.store, run_ids) == [RunStatus.PAUSED] * 2, timeout=5000)
    controller.stop()
    qtbot.waitUntil(idle(controller), timeout=3000)
    assert statuses(services.store, run_ids) == [RunStatus.STOPPED] * 2


def test_two_cohorts_wait_for_each_other(qtbot: QtBot, services: Services, tiny_twin: CohortSpec) -> None:
    controller = services.controller
    first = controller.train(tiny_twin)
    second = controller.train(tiny_twin)
    third = controller.train(tiny_twin)
    assert controller.active == first
    assert controller.queue == (second, third)
    controller.remove(entry_of(controller, third).id)
    assert controller.queue == (second,)
    qtbot.waitUntil(lambda: not controller.training and not controller.queue, timeout=60_000)
    assert statuses(services.store, (*first, *second)) == [RunStatus.FINISHED] * 4
    assert {run.id for run in services.store.list_runs()} == {*first, *second}
    assert services.store.list_runs(deleted=True) == [], "what never began leaves no ghost"


def test_a_run_that_had_begun_stays_when_it_leaves_the_queue(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec
) -> None:
    controller, store = services.controller, services.store
    begun = tuple(run.id for run in store.create_cohort(tiny_twin))
    for run_id in begun:
        store.set_status(run_id, RunStatus.STOPPED, iteration=3)
    controller.train(tiny_twin)
    controller.resume(begun)
    controller.remove(entry_of(controller, begun).id)
    assert statuses(store, begun) == [RunStatus.STOPPED] * 2
    assert not store.list_runs(deleted=True)
    qtbot.waitUntil(idle(controller), timeout=60_000)


def test_an_error_of_ours_is_told_stored_and_does_not_stop_the_queue(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(run_ids: Sequence[str], *_rest: object) -> None:
        raise ZeroDivisionError("nobody expected this")

    controller = RunController(services.store, training=broken)
    crashes: list[tuple[str, str]] = []
    controller.crashed.connect(lambda sentence, trace: crashes.append((sentence, trace)))
    first = controller.train(tiny_twin)
    with qtbot.waitSignal(controller.failed, timeout=5000) as told:
        second = controller.train(tiny_twin)
    assert "nobody expected this" in told.args[0]
    qtbot.waitUntil(lambda: not controller.training and not controller.queue, timeout=5000)
    assert statuses(services.store, (*first, *second)) == [RunStatus.FAILED] * 4
    assert "nobody expected this" in services.store.get(first[0]).reason
    assert "ZeroDivisionError" in crashes[0][1]
    assert "training failed" in caplog.text


def test_a_sentence_for_the_user_is_no_crash(qtbot: QtBot, services: Services, tiny_twin: CohortSpec) -> None:
    def refusing(run_ids: Sequence[str], *_rest: object) -> None:
        raise UserError("The folder is gone; choose another.")

    controller = RunController(services.store, training=refusing)
    crashes: list[str] = []
    controller.crashed.connect(crashes.append)
    with qtbot.waitSignal(controller.failed, timeout=5000) as told:
        run_ids = controller.train(tiny_twin)
    assert told.args == ["The folder is gone; choose another."]
    qtbot.waitUntil(idle(controller), timeout=5000)
    assert services.store.get(run_ids[0]).reason == "The folder is gone; choose another."
    assert not crashes


def test_shut_down_while_training_leaves_resumable_runs_and_no_thread(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec
) -> None:
    controller = services.controller
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        run_ids = controller.train(longer(tiny_twin))
    waiting = controller.train(tiny_twin)
    assert controller.shut_down()
    assert not controller.training
    runs = [services.store.get(run_id) for run_id in run_ids]
    assert all(run.status is RunStatus.STOPPED and run.resumable for run in runs)
    assert statuses(services.store, waiting) == [RunStatus.QUEUED] * 2
    assert not [thread for thread in threading.enumerate() if thread.name in ("training", "steering")]
    assert [(entry.run_ids, entry.status) for entry in services.store.queue()] == [
        (run_ids, QueueStatus.WAITING),
        (waiting, QueueStatus.WAITING),
    ]
    again = RunController(services.store)
    assert again.held, "a person says when it goes on"
    assert not again.training
    again.go_on()
    assert again.active == run_ids
    with qtbot.waitSignal(again.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        pass
    assert again.shut_down()


def test_stop_holds_the_queue_and_says_where(qtbot: QtBot, services: Services, tiny_twin: CohortSpec) -> None:
    controller = services.controller
    ended: list[QueueEntry] = []
    controller.entry_ended.connect(ended.append)
    over: list[object] = []
    controller.queue_ended.connect(over.append)
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        first = controller.train(longer(tiny_twin))
    second = controller.train(tiny_twin)
    controller.stop()
    qtbot.waitUntil(idle(controller), timeout=5000)
    assert controller.held
    assert controller.queue == (second,)
    entry = entry_of(controller, first)
    assert entry.status is QueueStatus.STOPPED
    reached = services.store.get(first[0]).iteration
    assert entry.reason == f"Stopped at iteration {reached} of {LONG}."
    assert [each.id for each in ended] == [entry.id]
    assert over == []
    controller.go_on()
    assert controller.active == second
    qtbot.waitUntil(idle(controller), timeout=60_000)
    assert statuses(services.store, second) == [RunStatus.FINISHED] * 2
    assert statuses(services.store, first) == [RunStatus.STOPPED] * 2, "stopped is stopped"
    assert [[each.run_ids for each in some] for some in over] == [[second]]


def test_what_a_person_starts_while_the_queue_is_held_trains_and_nothing_else(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec
) -> None:
    waiting = services.store.enqueue(tiny_twin)
    controller = RunController(services.store)
    assert controller.held
    mine = controller.train(tiny_twin)
    assert controller.active == mine
    also = controller.train(tiny_twin)
    qtbot.waitUntil(idle(controller), timeout=60_000)
    assert statuses(services.store, (*mine, *also)) == [RunStatus.FINISHED] * 4
    assert controller.queue == (waiting.run_ids,)
    assert controller.held


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_stop_holds_also_what_a_person_started_after_it_while_the_queue_was_held(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec, elsewhere: bool
) -> None:
    waiting = services.store.enqueue(tiny_twin)
    controller = RunController(services.store)
    assert controller.held
    cohorts = [longer(tiny_twin), tiny_twin, longer(tiny_twin, 6)]
    commands = [QueueCommand(verb=QueueVerb.ADD, cohort=cohort, first=True) for cohort in reversed(cohorts)]
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        controller.add(commands, now=True)
    first, second, third, _waiting = (entry.run_ids for entry in controller.entries)
    assert controller.active == first
    if elsewhere:
        services.store.ask(controller.entries[0].id, QueueRequest.STOP)
    else:
        controller.stop()
    qtbot.waitUntil(lambda: statuses(services.store, first) == [RunStatus.STOPPED] * 2, timeout=10_000)
    qtbot.waitUntil(idle(controller), timeout=5000)
    assert controller.held
    assert controller.queue == (second, third, waiting.run_ids)
    assert statuses(services.store, (*second, *third)) == [RunStatus.QUEUED] * 4
    assert controller.shut_down()


def test_a_study_trains_in_its_order_while_the_queue_is_held(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec
) -> None:
    waiting = services.store.enqueue(tiny_twin)
    controller = RunController(services.store)
    ended: list[tuple[int, ...]] = []
    controller.entry_ended.connect(lambda entry: ended.append(entry.seeds))
    runs = [replace(longer(tiny_twin, 6), runs=tuple(run.with_seeds(s, s) for run in tiny_twin.runs)) for s in range(3)]
    commands = [QueueCommand(verb=QueueVerb.ADD, cohort=cohort, first=True) for cohort in reversed(runs)]
    controller.add(commands, now=True)
    qtbot.waitUntil(lambda: len(ended) == 3, timeout=60_000)
    qtbot.waitUntil(idle(controller), timeout=5000)
    assert ended == [(0,), (1,), (2,)]
    assert controller.queue == (waiting.run_ids,)
    assert controller.shut_down()


def test_resume_after_a_stop_goes_on_with_the_queue_too(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec
) -> None:
    controller = services.controller
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        first = controller.train(longer(tiny_twin, 120))
    second = controller.train(tiny_twin)
    controller.stop()
    qtbot.waitUntil(idle(controller), timeout=5000)
    controller.resume(first)
    assert controller.active == first
    qtbot.waitUntil(lambda: not controller.training and not controller.queue, timeout=60_000)
    assert statuses(services.store, (*first, *second)) == [RunStatus.FINISHED] * 4


def test_another_program_steers_what_trains_here(
    qtbot: QtBot, services: Services, home: Home, tiny_twin: CohortSpec
) -> None:
    controller = services.controller
    with qtbot.waitSignal(controller.happened, timeout=60_000, check_params_cb=trains(ProgressMade)):
        run_ids = controller.train(longer(tiny_twin))
    entry_id = entry_of(controller, run_ids).id
    with RunStore.open(home, writer=False) as reader:
        added = steer(reader, QueueCommand(verb=QueueVerb.ADD, cohort=tiny_twin))
        steer(reader, QueueCommand(verb=QueueVerb.STEER, entry=entry_id, request=QueueRequest.PAUSE))
        qtbot.waitUntil(lambda: statuses(services.store, run_ids) == [RunStatus.PAUSED] * 2, timeout=5000)
        assert controller.paused
        steer(reader, QueueCommand(verb=QueueVerb.STEER, entry=entry_id, request=QueueRequest.GO_ON))
        qtbot.waitUntil(lambda: statuses(services.store, run_ids) == [RunStatus.RUNNING] * 2, timeout=5000)
        steer(reader, QueueCommand(verb=QueueVerb.STEER, entry=entry_id, request=QueueRequest.STOP))
        qtbot.waitUntil(idle(controller), timeout=5000)
        assert reader.entry(entry_id).status is QueueStatus.STOPPED
        assert [entry.id for entry in reader.queue()] == [entry_id, added]
    assert controller.held


def test_a_reader_watches_and_steers_another_programs_training(
    qtbot: QtBot, services: Services, home: Home, tiny_twin: CohortSpec
) -> None:
    trainer = services.controller
    with RunStore.open(home, writer=False) as reader:
        watcher = RunController(reader)
        seen: list[object] = []
        watcher.happened.connect(seen.append)
        watcher.watch()
        run_ids = trainer.train(longer(tiny_twin))
        qtbot.waitUntil(lambda: watcher.trained == run_ids, timeout=10_000)
        assert not watcher.training
        assert watcher.active == ()
        assert not watcher.held, "that is for the other program to say"
        qtbot.waitUntil(lambda: any(isinstance(e, CurvesGrew) for e in seen), timeout=60_000)
        watcher.pause()
        qtbot.waitUntil(lambda: trainer.paused and watcher.paused, timeout=10_000)
        watcher.unpause()
        qtbot.waitUntil(lambda: not trainer.paused and not watcher.paused, timeout=10_000)
        watcher.stop()
        qtbot.waitUntil(lambda: not trainer.training and not watcher.trained, timeout=10_000)
        qtbot.waitUntil(lambda: stops(seen) == set(run_ids), timeout=10_000)
        told = [chunk for e in seen if isinstance(e, CurvesGrew) for chunk in e.chunks]
        losses = [c for c in told if (c.run_id, c.series) == (run_ids[0], Series.TRAINING_LOSS)]
        stored = reader.curve(run_ids[0], Series.TRAINING_LOSS)
        points = np.concatenate([chunk.iterations for chunk in losses])
        assert points.tolist() == list(range(int(points[0]), len(stored) + 1)), "no point missing, none twice"
        assert watcher.shut_down()


def stops(seen: Sequence[object]) -> set[str]:
    return {e.run_id for e in seen if isinstance(e, StatusChanged) and e.status is RunStatus.STOPPED}


def test_a_shut_down_that_takes_too_long_says_so(qtbot: QtBot, services: Services, tiny_twin: CohortSpec) -> None:
    release = threading.Event()

    def stubborn(run_ids: Sequence[str], *_rest: object) -> None:
        release.wait(20)

    controller = RunController(services.store, training=stubborn)
    controller.train(tiny_twin)
    assert not controller.shut_down(100)
    release.set()
    assert controller.shut_down()


def test_a_reader_may_not_train(qtbot: QtBot, home: Home, services: Services, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home, writer=False) as reader:
        controller = RunController(reader)
        with pytest.raises(StoreError):
            controller.train(tiny_twin)
        with pytest.raises(StoreError):
            controller.resume(["whatever"])
        assert not controller.training


class _Many(QObject):
    happened = Signal(object)
    finished = Signal()

    @Slot()
    def run(self) -> None:
        for number in range(10_000):
            self.happened.emit(number)
        self.finished.emit()


class _Relay(QObject):
    happened = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.happened.connect(self.on_counted)

    @Slot(object)
    def on_happened(self, item: object) -> None:
        self.happened.emit(item)

    @Slot(object)
    def on_counted(self, _item: object) -> None:
        self.count += 1


def test_ten_thousand_signals_cost_no_reference_to_none(qtbot: QtBot) -> None:
    """Some pairs of PySide6 and Python lose one with each void call, and abort when none is left."""
    relay, worker, thread = _Relay(), _Many(), QThread()
    worker.moveToThread(thread)
    worker.happened.connect(relay.on_happened)
    worker.finished.connect(thread.quit)
    thread.started.connect(worker.run)
    before_none, before_true = sys.getrefcount(None), sys.getrefcount(True)
    thread.start()
    qtbot.waitUntil(lambda: relay.count == 10_000, timeout=60_000)
    assert thread.wait(5000)
    assert abs(sys.getrefcount(None) - before_none) < 2000
    assert abs(sys.getrefcount(True) - before_true) < 2000
