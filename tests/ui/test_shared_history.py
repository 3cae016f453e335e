"""A window on a history that other programs write at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurveChunk, CurvesGrew, StatusChanged
from resnet_studio.domain.queue import QueueRequest, QueueStatus, Worker
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.pages.studies.page import StudiesPage
from resnet_studio.ui.services import Services

WITHIN_MS = 1500  # a look each 700 ms and a list each 500 ms; a second where nobody else wants the processor


@pytest.fixture
def home(shared_home: Home) -> Home:
    return shared_home


@pytest.fixture
def other(home: Home) -> Iterator[RunStore]:
    """Another program's store of the same history."""
    with RunStore.open(home) as opened:
        yield opened


@pytest.fixture
def controller(services: Services) -> Iterator[RunController]:
    controller = services.controller
    controller.watch()
    yield controller
    controller.shut_down()


def test_what_another_window_writes_is_seen(
    qtbot: QtBot, services: Services, controller: RunController, other: RunStore, tiny_twin: CohortSpec
) -> None:
    with qtbot.waitSignal(controller.runs_changed, timeout=WITHIN_MS):
        run = other.create_cohort(tiny_twin)[0]
    for change in (
        lambda: other.set_note(run.id, "seen"),
        lambda: other.set_tags(run.id, ["seen"]),
        lambda: other.archive([run.id]),
        lambda: other.delete([run.id]),
    ):
        with qtbot.waitSignal(controller.runs_changed, timeout=WITHIN_MS):
            change()
    assert services.store.get(run.id).note == "seen"
    services.store.set_note(run.id, "both write")
    assert other.get(run.id).note == "both write"


def test_nothing_new_asks_no_list_to_reload(qtbot: QtBot, controller: RunController, other: RunStore) -> None:
    qtbot.wait(1600)  # the first look, and its list
    with qtbot.assertNotEmitted(controller.runs_changed, wait=1600):
        other.list_runs()


def test_a_workers_training_is_followed_and_steered(
    qtbot: QtBot, controller: RunController, other: RunStore, tiny_twin: CohortSpec
) -> None:
    events: list[object] = []
    controller.happened.connect(events.append)
    entry = other.enqueue(tiny_twin)
    claim = other.claim(Worker("far:1", "far", "cuda:1"))
    assert claim is not None
    own = other.under(claim)
    own.set_status(entry.run_ids[0], RunStatus.RUNNING)
    qtbot.waitUntil(lambda: controller.trained == entry.run_ids, timeout=2 * WITHIN_MS)
    assert controller.active == (), "it trains elsewhere"
    assert controller.watched is not None
    assert controller.watched.host == "far"
    began = time.monotonic()
    values = np.ones(5, np.float32)
    own.append_chunks([CurveChunk(run_id, Series.TRAINING_LOSS, 1, values) for run_id in entry.run_ids])
    qtbot.waitUntil(lambda: any(isinstance(one, CurvesGrew) for one in events), timeout=2 * WITHIN_MS)
    assert time.monotonic() - began < 2 * WITHIN_MS / 1000
    controller.pause()
    assert other.requested(claim) is QueueRequest.PAUSE
    qtbot.waitUntil(lambda: controller.paused, timeout=2 * WITHIN_MS)
    controller.stop()
    assert other.requested(claim) is QueueRequest.STOP
    own.set_status(entry.run_ids[0], RunStatus.STOPPED)
    other.release(claim, QueueStatus.STOPPED)
    qtbot.waitUntil(lambda: controller.watched is None, timeout=2 * WITHIN_MS)
    stopped = (RunStatus.STOPPED, entry.run_ids[0])
    qtbot.waitUntil(
        lambda: stopped in [(one.status, one.run_id) for one in events if isinstance(one, StatusChanged)],
        timeout=2 * WITHIN_MS,
    )


def test_what_waits_is_left_to_workers(
    qtbot: QtBot, services: Services, controller: RunController, other: RunStore, tiny_twin: CohortSpec
) -> None:
    other.enqueue(tiny_twin)
    qtbot.waitUntil(lambda: bool(controller.queue), timeout=2 * WITHIN_MS)
    controller.refresh()
    qtbot.wait(200)
    assert not controller.training
    assert controller.held


def test_the_studies_page_lists_workers_as_they_come_train_and_go(
    qtbot: QtBot, services: Services, other: RunStore, tiny_twin: CohortSpec
) -> None:
    page = StudiesPage(services, page_row("studies"))
    qtbot.addWidget(page)
    page.show()
    panel = page.workers
    assert not panel.isVisible()
    idle, busy = Worker("a", "desk", "cpu", ("cpu",)), Worker("b", "rack", "cuda:1", ("cuda", "cpu"))
    other.report_worker(idle)
    qtbot.waitUntil(panel.isVisible, timeout=2 * WITHIN_MS)
    assert panel.title.text() == "1 worker"
    other.report_worker(busy)
    entry = other.enqueue(tiny_twin)
    claim = other.claim(busy)
    assert claim is not None
    other.renew(claim, 12.5)
    qtbot.waitUntil(lambda: len(panel.model.records) == 2, timeout=2 * WITHIN_MS)

    def cells(row: int) -> list[object]:
        return [panel.model.index(row, column).data() for column in range(6)]

    qtbot.waitUntil(lambda: cells(panel.model.row_of("b") or 0)[5] == "12.5", timeout=2 * WITHIN_MS)
    assert cells(panel.model.row_of("b") or 0) == ["rack", "cuda:1", entry.title, "running", "0 / 12", "12.5"]
    assert cells(panel.model.row_of("a") or 0)[:4] == ["desk", "cpu", "–", "waits for work"]
    other.release(claim, QueueStatus.FINISHED)
    for worker in (idle, busy):
        other.forget_worker(worker)
    qtbot.waitUntil(lambda: not panel.isVisible(), timeout=2 * WITHIN_MS)
    page.hide()
    assert not page.workers.timer.isActive(), "nobody looks at a page that is not shown"
