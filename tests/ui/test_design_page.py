"""The Design page: studies, twins, commands, and what is remembered."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.data.datasets.describe import DataFacts, describe
from resnet_studio.domain.documents import to_json
from resnet_studio.domain.enums import Block
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RunSpec, replace, twin
from resnet_studio.studies.single_cohorts import DEMO_KEY, SINGLE_COHORTS, degradation
from resnet_studio.ui.pages.design.page import DesignPage, shown_of
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.services import Services

from ..colour_folders import write_colour_folders

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window


@pytest.fixture
def page(qtbot: QtBot, services: Services) -> DesignPage:
    made = DesignPage(services, page_row("design"))
    qtbot.addWidget(made)
    made.resize(1180, 640)
    made.show()
    qtbot.waitUntil(lambda: made.form.data.facts is not None, timeout=10_000)
    return made


@pytest.fixture
def wished(page: DesignPage) -> list[CohortSpec]:
    return page.services.navigator.asked["train"]  # type: ignore[attr-defined, no-any-return]


def test_the_first_start_shows_the_degradation_study_and_one_obvious_button(
    qtbot: QtBot, page: DesignPage, wished: list[CohortSpec]
) -> None:
    assert page.gallery.cards["degradation"].isChecked()
    assert page.buttons.run_study.property("role") == "primary"
    assert page.buttons.train_twin.property("role") == "secondary"
    qtbot.mouseClick(page.buttons.run_study, Qt.MouseButton.LeftButton)
    assert (page.services.navigator.asked["demonstrate"], wished) == ([degradation(0)], [])  # type: ignore[attr-defined]


def test_an_own_design_makes_the_twin_the_obvious_button(
    qtbot: QtBot, page: DesignPage, wished: list[CohortSpec]
) -> None:
    spec = replace(RunSpec(), network=NetworkSpec(depth=32))
    page.show_spec(spec)
    assert page.buttons.train_twin.property("role") == "primary"
    assert not any(card.isChecked() for card in page.gallery.cards.values())
    qtbot.mouseClick(page.buttons.train_twin, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.buttons.train_this, Qt.MouseButton.LeftButton)
    assert wished == [twin(spec), CohortSpec(name="ResNet-32", runs=(spec,))]


def test_each_card_fills_the_form(qtbot: QtBot, page: DesignPage, wished: list[CohortSpec]) -> None:
    demonstrated = page.services.navigator.asked["demonstrate"]  # type: ignore[attr-defined]
    for study in SINGLE_COHORTS:
        qtbot.mouseClick(page.gallery.cards[study.key], Qt.MouseButton.LeftButton)
        assert page.study is study
        assert page.form.spec == shown_of(study)
        assert [key for key, card in page.gallery.cards.items() if card.isChecked()] == [study.key]
        page.run_study()
        asked = demonstrated if study.key == DEMO_KEY else wished
        here = study.cohort(0).runs[0].data.source != "cifar10"  # nothing was downloaded
        assert page.buttons.run_study.isEnabled() is here
        assert (asked[-1] == study.cohort(0)) is here


def test_the_seed_of_the_form_seeds_the_study(page: DesignPage) -> None:
    spec = page.form.spec
    assert spec is not None
    page.show_spec(replace(spec, recipe=replace(spec.recipe, init_seed=7)))
    assert page.gallery.cards["degradation"].isChecked()
    page.run_study()
    assert page.services.navigator.asked["demonstrate"] == [degradation(7)]  # type: ignore[attr-defined]


def test_nothing_is_trained_from_a_form_at_fault(page: DesignPage, wished: list[CohortSpec]) -> None:
    page.form.rows["network.depth"].set_text("21")
    page.form._on_edited("network.depth")
    assert not page.buttons.train_twin.isEnabled()
    told: list[str] = []
    page.message.connect(told.append)
    page.train_twin()
    page.train_this()
    assert not wished
    assert told == ["Depth 21 is not 6n + 2; choose 20 or 26"] * 2
    page.form.rows["network.depth"].set_text("20")
    page.form._on_edited("network.depth")
    assert page.buttons.train_twin.isEnabled()


def test_a_start_that_does_not_fit_bars_every_way_to_train(
    qtbot: QtBot, page: DesignPage, services: Services, wished: list[CohortSpec]
) -> None:
    (parent,) = services.store.create_cohort(CohortSpec(runs=(RunSpec(),)))
    services.store.set_weights(parent.id, "ab")
    page.activate()
    spec = RunSpec(network=NetworkSpec(depth=56), start_from=parent.id)
    page.form.show_spec(spec)
    for button in (page.buttons.train_twin, page.buttons.train_this):
        assert not button.isEnabled()
        assert "cannot begin with the weights of ResNet-20" in button.toolTip()
    with qtbot.waitSignal(page.message) as told:
        page.train_twin()
    assert told.args == [page.form.obstacle]
    page.train_this()
    assert wished == []
    with pytest.raises(UserError, match="cannot begin with the weights"):
        services.controller.train(twin(spec))
    assert [run.id for run in services.store.list_runs()] == [parent.id]


def test_the_papers_imagenet_networks_are_counted_with_their_1000_classes(page: DesignPage) -> None:
    page.form.show_spec(RunSpec(network=NetworkSpec(family="imagenet")))
    assert "11\u202f515\u202f688" in page.facts.text
    assert not page.buttons.train_twin.isEnabled()


def test_facts_are_those_of_the_paper(page: DesignPage) -> None:
    page.show_spec(replace(RunSpec(), network=NetworkSpec(depth=56)))
    assert "853\u202f018" in page.facts.text
    assert "125\u202fM" in page.facts.text or "126\u202fM" in page.facts.text
    assert "6.97" in page.facts._paper.text()
    page.show_spec(replace(RunSpec(), network=NetworkSpec(depth=26)))
    assert page.facts._paper.text() == "The paper has no network of this shape."


def test_the_drawing_follows_the_form(page: DesignPage) -> None:
    page.show_spec(replace(RunSpec(), network=NetworkSpec(depth=14, block=Block.PLAIN)))
    assert page.view.diff is not None
    assert page.view.diff.names == ("plain-14", "ResNet-14")
    assert page.view._designed == 0


def test_the_command_lands_on_the_clipboard(page: DesignPage) -> None:
    page.show_spec(replace(RunSpec(), network=NetworkSpec(depth=32)))
    page.copy_command(True)
    assert (
        QGuiApplication.clipboard().text() == f"resnet-studio train --depth 32 --home {page.services.home.root} --twin"
    )


def test_the_last_design_is_remembered_and_a_bad_one_forgotten(qtbot: QtBot, services: Services) -> None:
    spec = replace(RunSpec(), network=NetworkSpec(depth=44))
    services.preferences.set_value("design/spec", to_json(spec))
    again = DesignPage(services, page_row("design"))
    qtbot.addWidget(again)
    assert again.form.spec == spec
    again._save()
    for bad in ('{"network": {"depth": 21}}', "no json", '{"schema_version": 99}'):
        services.preferences.set_value("design/spec", bad)
        fresh = DesignPage(services, page_row("design"))
        qtbot.addWidget(fresh)
        assert fresh.form.spec == shown_of(SINGLE_COHORTS[0])


def test_facts_are_whole_while_a_folder_is_looked_at(
    qtbot: QtBot, page: DesignPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the number of images there are no epochs, and nothing of the rest is cut."""
    done = threading.Event()

    def slow(*given: object, **named: object) -> DataFacts:
        done.wait()
        return describe(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("resnet_studio.data.datasets.describe.describe", slow)
    folder = write_colour_folders(tmp_path / "images")
    spec = replace(RunSpec(), data=replace(RunSpec().data, source=f"folder:{folder}"))
    try:
        page.show_spec(spec)
        qtbot.waitUntil(lambda: "Epochs" not in page.facts.text)
        assert page.form.data.facts is None
        assert "unknown" in page.conformity.counts.text()
        assert page.facts.text.startswith("plain | residual | Weighted layers | 20 | 20 | Parameters")
        qtbot.waitUntil(lambda: not _cut(page.facts))
    finally:
        done.set()
    qtbot.waitUntil(lambda: "Epochs" in page.facts.text)
    qtbot.waitUntil(lambda: not _cut(page.facts))


def _cut(facts: QWidget) -> list[str]:
    """Texts that have less room than they take."""
    shown = [label for label in facts.findChildren(QLabel) if label.isVisible() and label.text()]
    return [
        label.text()
        for label in shown
        if label.height() < (label.heightForWidth(label.width()) if label.wordWrap() else label.sizeHint().height())
        or (not label.wordWrap() and label.width() < label.sizeHint().width())
    ]
