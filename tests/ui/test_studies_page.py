"""The Studies page: gallery, setup and preview, queueing what is missing, verdicts, report, own studies."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QStyle
from pytestqt.qtbot import QtBot

from resnet_studio.cli.study_argument import chosen_study
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.platform.training_speed import KnownSpeeds
from resnet_studio.studies.catalog import STUDIES, gallery_study
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.preview import Preview, preview
from resnet_studio.studies.rule import Outcome, rule_text
from resnet_studio.studies.study import BudgetName
from resnet_studio.studies.study_file import read_study
from resnet_studio.training.speed_cache import known_speeds
from resnet_studio.ui import measure_speed
from resnet_studio.ui.drop_frame import drop_sentence
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.pages.studies import new_study
from resnet_studio.ui.pages.studies.dots import SeedDots
from resnet_studio.ui.pages.studies.gallery import CARD_HEIGHT
from resnet_studio.ui.pages.studies.new_study import NewStudyDialog
from resnet_studio.ui.pages.studies.page import StudiesPage
from resnet_studio.ui.pages.studies.picture import ReportPicture
from resnet_studio.ui.pages.studies.preview_table import PreviewTable
from resnet_studio.ui.pages.studies.work import Setup, first_cards, own_card
from resnet_studio.ui.services import Services

OWN = """schema_version = 1
name = "Two widths"
seeds = 3
rules = ["depth 14 only where width is 4"]
[grid]
depth = [8, 14]
width = [4, 8]
[fixed]
data = "builtin"
iterations = 20
milestones = []
batch_size = 16
"""


def train(store: RunStore, plan: StudyPlan, levels: dict[str, float]) -> None:
    """Every run of ``plan`` as finished, its error at the arm's level and a little more with each seed."""
    for cohort in plan.cohorts():
        for run in store.create_cohort(cohort):
            arm = next(a for a in plan.arms if a.spec.network == run.spec.network)
            error = levels[arm.key] + 0.3 * run.spec.recipe.init_seed
            values = np.full(run.iterations, error, np.float32)
            store.set_started([run.id], ["a"], {"device": "cpu"})
            store.append_chunks([CurveChunk(run.id, Series.TRAINING_ERROR, 1, values)])
            store.set_status(run.id, RunStatus.FINISHED, "", run.iterations)


@pytest.fixture
def page(qtbot: QtBot, services: Services) -> StudiesPage:
    made = StudiesPage(services, page_row("studies"))
    qtbot.addWidget(made)
    made.resize(1000, 600)
    return made


def shown(qtbot: QtBot, page: StudiesPage, key: str) -> StudiesPage:
    page.choose(key)
    page.show()
    page.activate()
    qtbot.waitUntil(lambda: page.view is not None and page.view.plan.key in (key, "own/two-widths"), timeout=20_000)
    at_rest(qtbot, page)
    return page


def at_rest(qtbot: QtBot, page: StudiesPage) -> None:
    """What is read after the first look has led to its own: from here on the widgets stay."""
    quiet: list[bool] = []

    def settled() -> bool:
        waiting = page._look_timer.isActive() or page._cards_timer.isActive()
        quiet.append(page.services.jobs.running == 0 and not waiting)
        return all(quiet[-5:]) and len(quiet) >= 5

    qtbot.waitUntil(settled)


def texts(page: StudiesPage, name: str) -> list[str]:
    return [label.text() for label in page.answers.findChildren(QLabel, name)]


def test_every_study_has_a_card_and_says_what_it_takes(qtbot: QtBot, page: StudiesPage) -> None:
    shown(qtbot, page, "shortcuts")
    assert [card.key for card in page.list.cards.cards] == [study.key for study in STUDIES]
    study = gallery_study("shortcuts")
    assert page.question.text() == study.question
    assert study.expects in page.paper.text()
    assert page.setup.preview.text().startswith("12 runs in 3 cohorts")
    assert page.setup.budget.count() == 3
    assert page.setup.train.isEnabled()
    assert not page.setup.report.isEnabled()
    page.setup.seeds.setValue(5)
    qtbot.waitUntil(lambda: page.setup.preview.text().startswith("20 runs in 5 cohorts"), timeout=20_000)


def test_a_card_has_room_for_place_and_state(page: StudiesPage) -> None:
    """Both stand whole in the narrowest list, each on a line of its own."""
    font = page.list.font()
    font.setPointSizeF(font.pointSizeF() * 0.9)
    room = page.list.minimumWidth() - page.list.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent) - 26
    texts = [card.where for card in page.list.cards.cards] + [outcome.words for outcome in Outcome]
    assert max(QFontMetrics(font).horizontalAdvance(text) for text in texts) <= room
    assert QFontMetrics(page.list.font()).height() + 4 * QFontMetrics(font).height() + 17 <= CARD_HEIGHT


def test_a_full_recipe_on_imagenet_waits_for_its_folder(qtbot: QtBot, page: StudiesPage) -> None:
    shown(qtbot, page, "shortcuts")
    page.setup.budget.setCurrentIndex(2)
    page.setup.budget.activated.emit(2)
    assert page.setup.setup is None
    assert not page.setup.train.isEnabled()


def test_what_is_missing_waits_in_the_queue_once(qtbot: QtBot, page: StudiesPage, services: Services) -> None:
    shown(qtbot, page, "degradation")
    qtbot.mouseClick(page.setup.queue, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(services.controller.entries) == 3, timeout=20_000)
    assert not services.controller.training
    assert services.controller.held
    wanted = gallery_study("degradation").plan().cohorts()
    assert [tuple(run.spec for run in entry.runs) for entry in services.controller.entries] == [c.runs for c in wanted]
    qtbot.waitUntil(lambda: "3 cohorts wait" in page.setup.progress.label.text(), timeout=20_000)
    qtbot.waitUntil(lambda: page.setup.queue.isEnabled(), timeout=20_000)
    with qtbot.waitSignal(page.message, timeout=20_000) as said:
        qtbot.mouseClick(page.setup.queue, Qt.MouseButton.LeftButton)
    assert "Nothing of this study is missing" in said.args[0]
    assert len(services.controller.entries) == 3


def test_more_seeds_are_those_of_the_next_look() -> None:
    plan = gallery_study("degradation").plan()
    assert plan.with_seeds(5).seeds == plan.more_seeds().seeds == (0, 1, 2, 3, 4)
    assert plan.with_seeds(2).seeds == (0, 1)
    assert Setup(first_cards()[0], BudgetName.STANDARD, 4).plan().seeds == (0, 1, 2, 3)


def test_window_and_command_line_take_the_same_seeds_of_a_file(tmp_path: Path, home: Home) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN.replace("seeds = 3\n", "").replace("[fixed]", "seed = [5, 6, 7]\n[fixed]"), encoding="utf-8")
    for count, seeds in ((2, (5, 6)), (3, (5, 6, 7)), (5, (5, 6, 7, 0, 1)), (9, (5, 6, 7, 0, 1, 2, 3, 4, 8))):
        here = Setup(own_card(file), seeds=count).plan()
        assert here.seeds == chosen_study(str(file)).plan(None, count, None, home).seeds == seeds
    assert "seeds 5, 6, 7, 0, 1, 2, 3, 4, 8" in preview(here, KnownSpeeds()).words
    assert "seeds 0 to 9" in preview(gallery_study("degradation").plan(seeds=10), KnownSpeeds()).words


def test_a_stored_study_shows_its_verdict_and_writes_its_report(
    qtbot: QtBot, page: StudiesPage, services: Services, tmp_path: Path
) -> None:
    plan = gallery_study("degradation").plan()
    train(services.store, plan, {"plain-20": 40.0, "plain-32": 50.0, "plain-44": 60.0, "plain-56": 80.0})
    shown(qtbot, page, "degradation")
    assert page.view is not None
    (verdict,) = page.view.found.verdicts
    assert texts(page, "outcome_label") == ["Shown"]
    assert texts(page, "verdict_label") == [verdict.text]
    assert "40.0 points above" in verdict.text
    assert len(page.answers.findChildren(SeedDots)) == 1
    assert texts(page, "rule_label") == [rule_text(plan.looks, 1)]
    rule = page.answers.findChild(QLabel, "rule_label")
    qtbot.waitUntil(rule.isVisible)
    page.answers.findChild(QPushButton, "rule_button").click()
    assert not rule.isVisible()
    assert page.setup.more.text() == "2 more seeds"
    assert not page.setup.train.isEnabled()
    qtbot.waitUntil(lambda: page.list.cards.cards[0].headline == "Shown", timeout=20_000)
    report = tmp_path / "report.html"
    page.write_report(report)
    qtbot.waitUntil(report.is_file, timeout=20_000)
    assert "40.0 points above" in report.read_text(encoding="utf-8")
    page.setup.compare.click()
    (ids,) = services.navigator.asked["compare"]  # type: ignore[attr-defined]
    assert set(ids) == {run.id for run in services.store.list_runs()}


def test_a_study_of_a_file_is_previewed_and_stays_on_the_list(
    qtbot: QtBot, page: StudiesPage, services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "widths.toml"
    file.write_text(OWN, encoding="utf-8")
    page.open_file(file)
    shown(qtbot, page, f"file:{file}")
    assert page.setup.preview.text().startswith("9 runs in 3 cohorts")
    assert "1 combination is left out" in page.setup.left_out.text()
    assert not page.setup.budget.isVisible()
    (table,) = page.answers.findChildren(PreviewTable)
    cells = [[table.rows.index(row, column).data() for column in (0, 1, 2, 3)] for row in range(3)]
    assert [each[1:] for each in cells] == [["3", "20", "1"]] * 3
    qtbot.waitUntil(lambda: page.list.cards.cards[-1].headline == "not trained yet", timeout=20_000)
    again = StudiesPage(services, page_row("studies"))
    qtbot.addWidget(again)
    assert [card.title for card in again.list.cards.cards][-1] == "Two widths"
    page.forget_button.click()
    assert len(page.list.cards.cards) == len(STUDIES)
    assert file.is_file()


@pytest.mark.slow
def test_a_study_trains_from_the_page_to_its_verdict(
    qtbot: QtBot, services: Services, drawn_images: Path, tmp_path: Path
) -> None:
    for image_file in drawn_images.iterdir():
        os.link(image_file, services.home.data / image_file.name)
    file = tmp_path / "tiny.toml"
    tiny = OWN.replace("depth = [8, 14]\nwidth = [4, 8]", "depth = [8, 14]\nwidth = [4]").replace("= 20", "= 12")
    file.write_text(tiny.replace("Two widths", "Tiny"), encoding="utf-8")
    page = StudiesPage(services, page_row("studies"))
    qtbot.addWidget(page)
    page.show()
    page.open_file(file)
    qtbot.waitUntil(lambda: page.setup.train.isEnabled(), timeout=20_000)
    with qtbot.waitSignal(services.controller.queue_ended, timeout=120_000):
        qtbot.mouseClick(page.setup.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.view is not None and page.view.found.done == 6, timeout=20_000)
    assert page.view is not None
    assert len(page.view.found.verdicts[0].pairs) == 3
    assert page.setup.progress.label.text() == "6 of 6 runs are done"
    with qtbot.waitSignal(services.controller.queue_ended, timeout=120_000):
        page.setup.more.click()
    qtbot.waitUntil(lambda: page.view is not None and page.view.found.seeds_done == 5, timeout=20_000)
    assert page.setup.seeds.value() == 5


def test_a_file_that_is_no_study_is_refused_with_its_fault(
    qtbot: QtBot, page: StudiesPage, tmp_path: Path
) -> None:  # fmt: skip
    file = tmp_path / "wrong.toml"
    file.write_text("name = 'x'\n", encoding="utf-8")
    with qtbot.waitSignal(page.message) as said:
        page.open_file(file)
    assert "wrong.toml" in said.args[0]
    assert len(page.list.cards.cards) == len(STUDIES)
    assert page.file_fault.text() == said.args[0]
    assert page.file_fault.isVisibleTo(page)
    assert not page.setup.fault.isVisibleTo(page), "the chosen study has no fault"
    page.list.choose(STUDIES[1].key)
    assert not page.file_fault.isVisibleTo(page)


def test_a_study_that_is_left_and_chosen_again_is_shown_whole(qtbot: QtBot, page: StudiesPage) -> None:
    shown(qtbot, page, "shortcuts")
    before = texts(page, "rule_label")
    assert len(before) == 1
    page.choose("bottlenecks")
    page.choose("shortcuts")
    assert texts(page, "rule_label") == []
    at_rest(qtbot, page)
    assert texts(page, "rule_label") == before


def test_a_study_whose_grid_fits_into_no_run_says_why_and_looks_no_further(
    qtbot: QtBot, page: StudiesPage, tmp_path: Path
) -> None:
    file = tmp_path / "odd.toml"
    file.write_text(
        OWN.replace("[8, 14]", "[8, 15]").replace('rules = ["depth 14 only where width is 4"]\n', ""), encoding="utf-8"
    )
    page.show()
    page.open_file(file)
    qtbot.waitUntil(lambda: "15 fits into no run" in page.setup.fault.text())
    assert page.setup.fault.text().startswith(f"In {file}: ")
    assert "Looking" not in page.setup.progress.label.text()


def test_the_time_of_a_study_is_measured_where_it_is_not_known(
    qtbot: QtBot, page: StudiesPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_speed, "SECONDS", 0.2)
    file = tmp_path / "widths.toml"
    file.write_text(OWN, encoding="utf-8")
    page.show()
    page.open_file(file)
    qtbot.waitUntil(lambda: page.view is not None and page.view.plan.key == "own/two-widths")
    at_rest(qtbot, page)
    button = page.setup.measure
    assert "time not known yet" in page.setup.preview.text()
    assert (button.isVisible(), button.text()) == (True, "Measure")
    elsewhere = measure_speed.Measuring(page.services)
    assert elsewhere.possible
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.text() == "Stop"
    assert not elsewhere.possible, "one would slow the other down"
    qtbot.waitUntil(lambda: not page.measuring.running)
    at_rest(qtbot, page)
    assert not button.isVisible()
    assert "time not known yet" not in page.setup.preview.text()
    measured = known_speeds(page.services.home.cache).figures
    assert [(figure.network.depth, figure.network.width) for figure in measured] == [(8, 4), (14, 4)]


def test_what_cannot_be_measured_of_a_study_is_said(
    qtbot: QtBot, page: StudiesPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "exact.toml"
    file.write_text(f'{OWN}precision = "tf32"\n', encoding="utf-8")
    page.show()
    page.open_file(file)
    qtbot.waitUntil(lambda: page.view is not None and page.view.plan.key == "own/two-widths")
    at_rest(qtbot, page)
    page.measure()
    qtbot.waitUntil(lambda: not page.measuring.running)
    at_rest(qtbot, page)
    assert page.setup.fault.text().startswith("tf32 needs CUDA")
    assert page.setup.measure.isVisible()
    monkeypatch.setattr(type(page.services.controller), "training", True)
    page.services.controller.state_changed.emit()
    assert not page.setup.measure.isEnabled()


def test_a_dragged_study_is_named(qapp: object) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl("file:///x/widths.toml")])
    assert drop_sentence(mime) == "Let go to open the study widths.toml"


def test_train_ends_with_the_studys_verdict_and_leads_to_it(qtbot: QtBot, services: Services) -> None:
    from resnet_studio.ui.pages.train.page import TrainPage

    plan = gallery_study("degradation").plan()
    train(services.store, plan, {"plain-20": 40.0, "plain-32": 50.0, "plain-44": 60.0, "plain-56": 80.0})
    page = TrainPage(services, page_row("train"))
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: page.header.seen.text().startswith("Shown: the training error of plain-56"), timeout=20_000)
    assert "3 seeds" in page.header.seen.text()
    page.next_steps.study.click()
    assert services.navigator.asked["studies"] == ["degradation"]  # type: ignore[attr-defined]
    assert not page.next_steps.seeds.isVisible()


def test_the_demo_ends_with_what_it_does_not_show_and_what_would(qtbot: QtBot, services: Services) -> None:
    from resnet_studio.studies.single_cohorts import find_single_cohort
    from resnet_studio.ui.pages.train.page import TrainPage

    demo = find_single_cohort("degradation")
    levels = {"plain-20": 50.0, "ResNet-20": 40.0, "plain-56": 89.0, "ResNet-56": 45.0}
    for run in services.store.create_cohort(demo.cohort(0)):
        values = np.full(run.iterations, levels[run.spec.network.label], np.float32)
        services.store.set_started([run.id], ["a"], {"device": "cpu"})
        services.store.append_chunks([CurveChunk(run.id, Series.TRAINING_ERROR, 1, values)])
        services.store.set_status(run.id, RunStatus.FINISHED, "", run.iterations)
    page = TrainPage(services, page_row("train"))
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: "too few to show depth pay off" in page.header.seen.text(), timeout=20_000)
    asked = services.navigator.asked  # type: ignore[attr-defined]
    ids = {run.name: run.id for run in services.store.list_runs()}
    assert "ResNet-56, ResNet-20, plain-20" in page.next_steps.breaks.toolTip(), "plain-56 still guesses"
    qtbot.mouseClick(page.next_steps.breaks, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.next_steps.why, Qt.MouseButton.LeftButton)
    deepest = next(run for run in demo.cohort(0).runs if run.network.label == "ResNet-56")
    assert asked["look_inside"] == [
        ([ids["ResNet-56"], ids["ResNet-20"], ids["plain-20"]], None, "lesion"), ((), deepest, "signal"),
    ]  # fmt: skip
    qtbot.mouseClick(page.next_steps.seeds, Qt.MouseButton.LeftButton)
    assert asked["train"] == [demo.cohort(1), demo.cohort(2)]
    qtbot.mouseClick(page.next_steps.longer, Qt.MouseButton.LeftButton)
    assert asked["train"][2] == find_single_cohort("degradation-long").cohort(0)


def test_design_leads_to_all_studies(qtbot: QtBot, services: Services) -> None:
    from resnet_studio.ui.pages.design.page import DesignPage

    page = DesignPage(services, page_row("design"))
    qtbot.addWidget(page)
    page.gallery.all.click()
    assert len(services.navigator.asked["studies"]) == 1  # type: ignore[attr-defined]


def test_a_new_study_is_checked_as_it_is_written_and_opens_once_saved(
    qtbot: QtBot, page: StudiesPage, services: Services, tmp_path: Path
) -> None:
    dialog = NewStudyDialog(services)
    qtbot.addWidget(dialog)
    dialog.saved.connect(page.open_file)
    dialog.grid.setPlainText("depht: 8, 14")
    assert "depht is no field of a run" in dialog.fault.text()
    assert not dialog.save.isEnabled()
    dialog.grid.setPlainText("depth: 8, 14\nshortcut: A, B")
    dialog.rules.setPlainText("shortcut B only where depth is 14")
    assert dialog.fault.text() == ""
    qtbot.waitUntil(lambda: dialog.takes.text().startswith("9 runs in 3 cohorts"), timeout=20_000)
    assert [dialog.table.rows.index(row, 0).data() for row in range(3)] == ["ResNet-8", "ResNet-14", "ResNet-14 B"]
    assert "1 combination is left out" in dialog.left_out.text()
    dialog.rules.setPlainText("")
    dialog.grid.setPlainText("depth: 8, 9")
    qtbot.waitUntil(lambda: dialog.takes.text() == "" and not dialog.save.isEnabled(), timeout=20_000)
    assert "9 fits into no run" in dialog.fault.text()
    dialog.grid.setPlainText("depth: 8, 14\nshortcut: A, B")
    dialog.rules.setPlainText("shortcut B only where depth is 14")
    dialog.save_as(tmp_path / "mine.toml")
    study = read_study(tmp_path / "mine.toml")
    assert study.grid == {"depth": [8, 14], "shortcut": ["A", "B"]}
    assert study.fixed["milestones"] == []
    assert len(study.plan().arms) == 3
    assert page.list.current is not None
    assert page.list.current.file == tmp_path / "mine.toml"


def test_a_preview_that_takes_long_says_so_and_shows_no_other_study(
    qtbot: QtBot, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    released.set()

    def slow(plan: StudyPlan, known: KnownSpeeds) -> Preview:
        released.wait(20)
        return preview(plan, known)

    monkeypatch.setattr(new_study, "preview", slow)
    monkeypatch.setattr(new_study, "LATE_MS", 50)
    dialog = NewStudyDialog(services)
    qtbot.addWidget(dialog)
    dialog.grid.setPlainText("depth: 8, 14")
    qtbot.waitUntil(lambda: dialog.table.rows.rowCount() == 2, timeout=20_000)
    released.clear()
    dialog.grid.setPlainText("depth: 8, 14, 20")
    qtbot.waitUntil(lambda: dialog.takes.text() == "Working out what this takes…", timeout=20_000)
    assert dialog.table.rows.rowCount() == 0
    released.set()
    qtbot.waitUntil(lambda: dialog.takes.text().startswith("9 runs"), timeout=20_000)
    assert dialog.table.rows.rowCount() == 3


def test_a_large_grid_is_previewed_without_a_wait(
    qtbot: QtBot, page: StudiesPage, services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "large.toml"
    widths = ", ".join(map(str, range(1, 121)))
    grid = OWN.replace("[8, 14]", "[8, 14, 20, 26]").replace("[4, 8]", f"[{widths}]").replace("depth 14", "depth 50")
    file.write_text(grid.replace('rules = ["depth 50 only where width is 4"]\n', ""), encoding="utf-8")
    page.open_file(file)
    shown(qtbot, page, f"file:{file}")
    assert page.setup.preview.text().startswith("1440 runs in")
    (table,) = page.answers.findChildren(PreviewTable)
    assert table.rows.rowCount() == 480
    assert len(page.answers.findChildren(QLabel)) < 400


def test_nets_that_have_finished_are_evaluated_together(qtbot: QtBot, page: StudiesPage, services: Services) -> None:
    plan = gallery_study("together").plan()
    train(services.store, plan, {arm.key: 50.0 for arm in plan.arms})
    shown(qtbot, page, "together")
    assert "6 evaluations of all nets together are still to come" in page.setup.progress.label.text()
    assert [asked.key for asked in services.navigator.asked["evaluate_study"]] == ["together"]  # type: ignore[attr-defined]
    page.view = None
    page._look()
    qtbot.waitUntil(lambda: page.view is not None, timeout=20_000)
    assert len(services.navigator.asked["evaluate_study"]) == 1  # type: ignore[attr-defined]


def test_the_pictures_of_a_trained_study_stand_in_the_window(
    qtbot: QtBot, page: StudiesPage, services: Services
) -> None:
    plan = gallery_study("error-depth").plan()
    slopes = {arm.key: -0.1 if arm.spec.network.residual else 0.5 for arm in plan.arms}
    train(services.store, plan, {arm.key: 30.0 + slopes[arm.key] * arm.spec.network.depth for arm in plan.arms})
    shown(qtbot, page, "error-depth")
    drawn = page.answers.findChildren(ReportPicture)
    names = [picture.accessibleName().partition(".")[0] for picture in drawn]
    assert names == ["Training error", "Training error against depth"]
    picture = drawn[1]
    qtbot.waitUntil(lambda: picture.height() > 150, timeout=20_000)
    seen = picture.grab().toImage()
    pixels = [seen.pixelColor(x, y) for x in range(seen.width()) for y in range(0, seen.height(), 2)]
    assert any(pixel.blue() - pixel.red() > 120 for pixel in pixels), "plain nets"
    assert any(pixel.red() - pixel.blue() > 120 for pixel in pixels), "residual nets"


def test_what_is_stored_sets_the_number_of_seeds(qtbot: QtBot, page: StudiesPage, services: Services) -> None:
    plan = gallery_study("degradation").plan(seeds=5)
    train(services.store, plan, {"plain-20": 40.0, "plain-32": 50.0, "plain-44": 60.0, "plain-56": 80.0})
    page.show()
    page.activate()
    qtbot.waitUntil(lambda: page.setup.seeds.value() == 5, timeout=20_000)
    qtbot.waitUntil(lambda: page.setup.more.text() == "5 more seeds", timeout=20_000)


def test_a_study_that_was_written_is_not_discarded_by_a_key(services, qtbot, monkeypatch):
    dialog = NewStudyDialog(services)
    qtbot.addWidget(dialog)
    asked = []
    answers = iter((QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Discard))
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[2]) or next(answers))
    dialog.open()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert not asked  # nothing was written
    dialog.open()
    dialog.name.setText("A week's work")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isVisible()
    assert dialog.name.text() == "A week's work"
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert len(asked) == 2
