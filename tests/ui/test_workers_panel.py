"""The table of workers: its model, and what it says of one that waits, trains or is gone."""

from __future__ import annotations

from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from resnet_studio.domain.queue import WorkerRecord
from resnet_studio.ui.pages.studies.workers import WorkersPanel
from resnet_studio.ui.services import Services


def test_its_model_holds_and_follows_its_records(services: Services, qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    panel = WorkersPanel(services.store, services.jobs)
    qtbot.addWidget(panel)
    panel.show_workers([WorkerRecord("a", "desk", "", 3.2), WorkerRecord("b", "rack", "cuda:1", 90.0)])
    qtmodeltester.check(panel.model)

    def column(place: int) -> list[object]:
        return [panel.model.index(row, place).data() for row in range(panel.model.rowCount())]

    assert column(1) == ["–", "cuda:1"]
    assert column(3) == ["waits for work", "gone"]
    assert column(6) == ["3 s ago", "90 s ago"]
    panel.show_workers([WorkerRecord("b", "rack", "cuda:1", 1.0)])
    assert (column(0), column(3), panel.title.text()) == (["rack"], ["waits for work"], "1 worker")
    panel.show_workers([])
    assert panel.isHidden()
