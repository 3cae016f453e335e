"""What the window trains on: automatic, the CPU, one GPU, all devices; and what it leaves to others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from resnet_studio.domain.enums import Device, RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.queue import QueueCommand, QueueEntry, QueueRequest, QueueStatus, QueueVerb
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.networks.devices import DevicesHere
from resnet_studio.platform.home import Home
from resnet_studio.runner.queue_work import Training
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.device_menu import TRAIN_ON, DeviceMenu
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.services import Services
from resnet_studio.ui.training_slots import ALL, AUTOMATIC, CPU

TWO = DevicesHere(("cuda", "cpu"), (("cuda:0", "NVIDIA One"), ("cuda:1", "NVIDIA Two")))


@dataclass
class Places:
    """Stands where training does: holds each cohort until it is released or stopped; notes where it was."""

    begun: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    paused: set[str] = field(default_factory=set)

    def on(self, device: str, beside: int) -> Training:
        def train(
            run_ids: Sequence[str], own: RunStore, _emit: object, should_stop: Callable[[], bool],
            should_pause: Callable[[], bool],
        ) -> None:  # fmt: skip
            self.begun.append((device, beside, tuple(run_ids)))
            for run_id in run_ids:
                own.set_status(run_id, RunStatus.RUNNING)
            while not self.let_go.wait(0.02):
                (self.paused.add if should_pause() else self.paused.discard)(device)
                if should_stop():
                    for run_id in run_ids:
                        own.set_status(run_id, RunStatus.STOPPED)
                    return
            for run_id in run_ids:
                own.set_status(run_id, RunStatus.FINISHED)

        return train


@pytest.fixture
def places() -> Places:
    return Places()


Making = Callable[..., RunController]


@pytest.fixture
def make(places: Places) -> Iterator[Making]:
    """Controllers of a store, whose jobs train in places and find these devices."""
    made: list[RunController] = []

    def begin(store: RunStore, here: DevicesHere = TWO) -> RunController:
        found = RunController(store, training=places.on(AUTOMATIC, 0), on_device=places.on, devices=lambda: here)
        made.append(found)
        return found

    yield begin
    places.let_go.set()
    for controller in made:
        assert controller.shut_down()
    QCoreApplication.processEvents()


@pytest.fixture
def controller(services: Services, make: Making) -> RunController:
    return make(services.store)


def on(device: Device, cohort: CohortSpec) -> CohortSpec:
    runs = tuple(replace(run, recipe=replace(run.recipe, device=device)) for run in cohort.runs)
    return replace(cohort, runs=runs)


def put(controller: RunController, *cohorts: CohortSpec) -> list[QueueEntry]:
    """Into the queue, which is held."""
    controller.add([QueueCommand(verb=QueueVerb.ADD, cohort=cohort) for cohort in cohorts], now=False)
    return list(controller.entries)


def shown(controller: RunController, entry: QueueEntry | str) -> QueueEntry:
    wanted = entry if isinstance(entry, str) else entry.id
    return next(each for each in controller.entries if each.id == wanted)


def test_all_devices_train_a_cohort_each_in_the_queues_order(
    qtbot: QtBot, services: Services, controller: RunController, places: Places, tiny_twin: CohortSpec
) -> None:
    first, second, third = put(controller, *[tiny_twin] * 3)
    controller.train_on(ALL)
    with qtbot.waitSignal(controller.devices_found):
        controller.go_on()
    qtbot.waitUntil(lambda: len(places.begun) == 2)
    assert sorted(places.begun) == [("cuda:0", 1, first.run_ids), ("cuda:1", 1, second.run_ids)]
    assert set(controller.active) == {*first.run_ids, *second.run_ids}
    assert [shown(controller, entry).device for entry in (first, second)] == ["cuda:0", "cuda:1"]
    assert controller.queue == (third.run_ids,)
    places.let_go.set()
    with qtbot.waitSignal(controller.queue_ended) as ended:
        pass
    assert {entry.id for entry in ended.args[0]} == {first.id, second.id, third.id}
    assert {run.status for run in services.store.list_runs()} == {RunStatus.FINISHED}


def test_pause_and_stop_reach_all_devices_or_one_entry(
    qtbot: QtBot, services: Services, controller: RunController, places: Places, tiny_twin: CohortSpec
) -> None:
    first, second, third, fourth = put(controller, *[tiny_twin] * 4)
    controller.train_on(ALL)
    controller.go_on()
    qtbot.waitUntil(lambda: len(places.begun) == 2)
    controller.ask(first.id, QueueRequest.PAUSE)
    qtbot.waitUntil(lambda: places.paused == {"cuda:0"})
    assert not controller.paused, "one still trains"
    controller.pause()
    qtbot.waitUntil(lambda: places.paused == {"cuda:0", "cuda:1"})
    assert controller.paused
    controller.unpause()
    qtbot.waitUntil(lambda: not places.paused)
    controller.ask(second.id, QueueRequest.STOP)
    qtbot.waitUntil(lambda: len(places.begun) == 3)
    assert places.begun[2] == ("cuda:1", 1, third.run_ids), "the queue goes on where one was stopped"
    assert shown(controller, second).status is QueueStatus.STOPPED
    assert not controller.stopping
    controller.stop()
    assert controller.stopping
    qtbot.waitUntil(lambda: not controller.training)
    assert [shown(controller, each).status for each in (first, third)] == [QueueStatus.STOPPED] * 2
    assert (controller.held, controller.queue) == (True, (fourth.run_ids,)), "nothing begins after a stop of all"


def test_another_device_counts_from_the_next_cohort_on(
    qtbot: QtBot, services: Services, controller: RunController, places: Places, tiny_twin: CohortSpec
) -> None:
    first = controller.train(tiny_twin)
    second = controller.train(tiny_twin)
    qtbot.waitUntil(lambda: len(places.begun) == 1)
    controller.train_on(CPU)
    assert controller.active == first, "it stays where it is, and nothing begins beside it"
    places.let_go.set()
    qtbot.waitUntil(lambda: not controller.training and not controller.queue)
    assert places.begun == [(AUTOMATIC, 0, first), (CPU, 0, second)]


def test_what_asks_for_another_device_is_refused_or_waits_and_is_said(
    qtbot: QtBot, services: Services, controller: RunController, places: Places, tiny_twin: CohortSpec
) -> None:
    controller.train_on(CPU)
    with pytest.raises(UserError, match=r"asks for cuda, and this window trains on cpu: .*Train on"):
        controller.train(on(Device.CUDA, tiny_twin))
    assert services.store.list_runs() == []
    wants, other = put(controller, on(Device.CUDA, tiny_twin), tiny_twin)
    places.let_go.set()
    with qtbot.waitSignal(controller.failed) as said:
        controller.go_on()
    assert "waits for cuda" in said.args[0]
    assert [run_ids for _device, _beside, run_ids in places.begun] == [other.run_ids]
    assert shown(controller, wants).status is QueueStatus.WAITING
    controller.train_on("cuda:1")
    qtbot.waitUntil(lambda: services.store.entry(wants.id).status is QueueStatus.FINISHED)
    assert places.begun[1] == ("cuda:1", 0, wants.run_ids)
    qtbot.waitUntil(lambda: not controller.training)


def test_a_gpu_that_has_gone_is_said_and_not_trained_on(
    qtbot: QtBot, services: Services, make: Making, places: Places, tiny_twin: CohortSpec
) -> None:
    places.let_go.set()
    controller = make(services.store, DevicesHere(("cpu",)))
    said: list[str] = []
    controller.failed.connect(said.append)
    controller.train_on("cuda:1")
    run_ids = controller.train(tiny_twin)
    qtbot.waitUntil(lambda: services.store.get(run_ids[0]).status is RunStatus.FINISHED)
    qtbot.waitUntil(lambda: not controller.training)
    assert (places.begun, len(said)) == ([(AUTOMATIC, 0, run_ids)], 1)
    assert "no cuda:1" in said[0]


def test_in_a_shared_history_a_window_takes_what_it_can_train(
    qtbot: QtBot, shared_home: Home, make: Making, places: Places, tiny_twin: CohortSpec
) -> None:
    places.let_go.set()
    with open_history(shared_home) as store:
        wants, other = store.enqueue(on(Device.CUDA, tiny_twin)), store.enqueue(tiny_twin)
        controller = make(store, DevicesHere(("cpu",)))
        said: list[str] = []
        controller.failed.connect(said.append)
        controller.go_on()
        qtbot.waitUntil(lambda: store.entry(other.id).status is QueueStatus.FINISHED)
        qtbot.waitUntil(lambda: not controller.training)
        assert store.entry(wants.id).status is QueueStatus.WAITING, "left to a worker that has one"
        assert ([run_ids for _device, _beside, run_ids in places.begun], said) == ([other.run_ids], [])
        assert controller.shut_down()


def test_the_menu_offers_what_is_here_and_keeps_the_choice(
    qtbot: QtBot, services: Services, controller: RunController
) -> None:
    menu = DeviceMenu(controller, services.preferences)
    qtbot.addWidget(menu)
    assert "Looking for GPUs…" in [action.text() for action in menu.actions()]
    with qtbot.waitSignal(controller.devices_found):
        menu.aboutToShow.emit()
    names = [action.text() for action in menu.actions()]
    assert names == ["Automatic", "CPU", "NVIDIA One (cuda:0)", "NVIDIA Two (cuda:1)", "All devices"]
    assert [action.isChecked() for action in menu.actions()] == [True, False, False, False, False]
    menu.actions()[3].trigger()
    assert (controller.choice, services.preferences.value(TRAIN_ON, "", str)) == ("cuda:1", "cuda:1")
    again = DeviceMenu(controller, Preferences(services.home))
    qtbot.addWidget(again)
    assert [action.text() for action in again.actions() if action.isChecked()] == ["NVIDIA Two (cuda:1)"]


def test_one_device_leaves_nothing_to_share(qtbot: QtBot, services: Services, make: Making) -> None:
    controller = make(services.store, DevicesHere(("cpu",)))
    menu = DeviceMenu(controller, services.preferences)
    qtbot.addWidget(menu)
    with qtbot.waitSignal(controller.devices_found):
        menu.aboutToShow.emit()
    assert [(action.text(), action.isEnabled()) for action in menu.actions()] == [
        ("Automatic", True), ("CPU", True), ("All devices", False)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("home_with_images")
def test_on_the_cpu_it_trains_in_a_process_of_its_own(qtbot: QtBot, services: Services, tiny_twin: CohortSpec) -> None:
    services.controller.train_on(CPU)
    run_ids = services.controller.train(tiny_twin)
    qtbot.waitUntil(lambda: not services.controller.training)
    runs = [services.store.get(run_id) for run_id in run_ids]
    assert {run.status for run in runs} == {RunStatus.FINISHED}
    assert {run.environment["device"] for run in runs} == {"cpu"}
