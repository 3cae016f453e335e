"""Time here on the Design page: unknown, measured in a thread, stopped, scaled, and never beside a training."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from resnet_studio.domain.enums import Device, Engine, Precision
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RunSpec, replace, twin
from resnet_studio.platform.training_speed import Figure
from resnet_studio.training.speed_cache import known_speeds, remember_speeds
from resnet_studio.ui import measure_speed
from resnet_studio.ui.pages.design.page import DesignPage
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.services import Services

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def page(qtbot: QtBot, services: Services, tiny_run: RunSpec, monkeypatch: pytest.MonkeyPatch) -> DesignPage:
    monkeypatch.setattr(measure_speed, "SECONDS", 0.2)
    made = DesignPage(services, page_row("design"))
    qtbot.addWidget(made)
    made.show_spec(tiny_run)
    made.show()
    qtbot.waitUntil(lambda: made.form.data.facts is not None, timeout=10_000)
    made.show_spec(tiny_run)
    return made


def press(qtbot: QtBot, page: DesignPage) -> None:
    qtbot.mouseClick(page.facts.time.button, Qt.MouseButton.LeftButton)


def idle(qtbot: QtBot, page: DesignPage) -> None:
    qtbot.waitUntil(lambda: not page.measuring.running, timeout=30_000)


def test_the_design_is_measured_at_a_press(qtbot: QtBot, page: DesignPage) -> None:
    time = page.facts.time
    assert time.label.text() == "Not known yet for this twin."
    assert not time.bar.isVisible()
    press(qtbot, page)
    assert time.button.text() == "Stop"
    assert time.bar.isVisible()
    idle(qtbot, page)
    assert time.button.text() == "Measure"
    assert not time.bar.isVisible()
    assert time.label.text().startswith("The twin takes ")
    assert "images a second" in time.label.text()
    assert time.basis.text() == "As measured here, eager steps; tests come on top."
    figures = known_speeds(page.services.home.cache).figures
    assert [figure.network.label for figure in figures] == ["plain-8", "ResNet-8"]


def test_another_design_is_scaled_from_it(qtbot: QtBot, page: DesignPage, tiny_run: RunSpec) -> None:
    press(qtbot, page)
    idle(qtbot, page)
    page.show_spec(replace(tiny_run, network=replace(tiny_run.network, depth=14)))
    assert page.facts.time.basis.text().startswith("Scaled from plain-8 and ResNet-8")
    long = replace(tiny_run.recipe, iterations=5000)
    page.show_spec(replace(tiny_run, recipe=long))
    assert "Compiling in the background may shorten it." in page.facts.time.basis.text()


def test_a_second_press_stops(qtbot: QtBot, page: DesignPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_speed, "SECONDS", 600.0)
    press(qtbot, page)
    qtbot.waitUntil(lambda: "training" in page.facts.time.basis.text(), timeout=30_000)
    press(qtbot, page)
    qtbot.waitUntil(lambda: not page.measuring.running, timeout=1_000)
    assert page.facts.time.label.text() == "Not known yet for this twin."
    assert not known_speeds(page.services.home.cache).figures


def test_nothing_is_measured_beside_a_training(
    qtbot: QtBot, page: DesignPage, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a training that begins ends the measuring."""
    monkeypatch.setattr(measure_speed, "SECONDS", 600.0)
    press(qtbot, page)
    endless = tuple(replace(run, recipe=replace(run.recipe, iterations=1_000_000)) for run in tiny_twin.runs)
    page.services.controller.train(CohortSpec(runs=endless))
    idle(qtbot, page)
    assert page.services.controller.training
    assert not page.facts.time.button.isEnabled()
    page.measure()
    assert not page.measuring.running
    page.services.controller.stop()
    qtbot.waitUntil(lambda: page.facts.time.button.isEnabled(), timeout=30_000)


def test_what_cannot_be_measured_is_told(qtbot: QtBot, page: DesignPage, tiny_run: RunSpec) -> None:
    page.show_spec(replace(tiny_run, recipe=replace(tiny_run.recipe, precision=Precision.TF32)))
    press(qtbot, page)
    idle(qtbot, page)
    assert page.facts.time.basis.text().startswith("tf32 needs CUDA")
    page.show_spec(tiny_run)
    assert "tf32" not in page.facts.time.basis.text()


def test_a_measurement_is_shown_at_the_next_start(qtbot: QtBot, services: Services, tiny_run: RunSpec) -> None:
    figures = [Figure(run.network, 16, 0.5, Device.CPU, Engine.EAGER, Precision.FLOAT32) for run in twin(tiny_run).runs]
    remember_speeds(services.home.cache, figures)
    page = DesignPage(services, page_row("design"))
    qtbot.addWidget(page)
    page.show_spec(tiny_run)
    assert page.facts.time.label.text() == "The twin takes 9.6 to 15 s, 16 images a second."


def test_stored_runs_tell_too(qtbot: QtBot, page: DesignPage, tiny_twin: CohortSpec) -> None:
    records: list[RunRecord] = [
        changed(run, seconds=10.0, iteration=100, environment={"device": "cpu"}, updated_at=datetime.now(UTC))
        for run in page.services.store.create_cohort(tiny_twin)
    ]
    page.measuring.show_runs(records)
    page._show_time()
    assert page.facts.time.label.text() == "The twin takes 1.9 to 3 s, 80 images a second."
