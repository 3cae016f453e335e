"""The lessons in the real window, with real networks small enough to train in seconds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.domain import specs
from resnet_studio.domain.analyses.charts import LineChart
from resnet_studio.domain.analyses.construct import Construction
from resnet_studio.domain.enums import Block, RunStatus, Shortcut
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.studies.lessons.claims import CLAIMS
from resnet_studio.studies.lessons.cohorts import ROLES, TAG, LessonSizes
from resnet_studio.studies.lessons.rows import LESSONS
from resnet_studio.ui.main_window import MainWindow
from resnet_studio.ui.pages.lessons.claims_view import ClaimsView
from resnet_studio.ui.pages.lessons.measure_view import MeasureView
from resnet_studio.ui.pages.lessons.page import LessonsPage
from resnet_studio.ui.pages.lessons.race_view import RaceView, TrainOnView
from resnet_studio.ui.services import Services

from ..colour_folders import write_colour_folders

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WAIT = 120_000  # milliseconds, on a busy machine


@pytest.fixture
def sizes(tmp_path: Path) -> LessonSizes:
    folder = write_colour_folders(tmp_path / "colours", test=6)

    def net(depth: int, block: Block, shortcut: Shortcut) -> NetworkSpec:
        return NetworkSpec(depth=depth, block=block, shortcut=shortcut, width=4, image_size=8, classes=3)

    return LessonSizes(
        shallow=net(8, Block.PLAIN, Shortcut.NONE),
        deep=net(14, Block.PLAIN, Shortcut.NONE),
        residual=net(14, Block.BASIC, Shortcut.A),
        recipe=RecipeSpec(
            iterations=8,
            batch_size=12,
            milestones=(),
            test_every=4,
            learning_rate=0.05,
            precision="float32",
            device="cpu",
        ),
        further=4,
        data=DataSpec(source=f"folder:{folder}"),
        settings={key: {"images": 12} for key in ("signal", "shattered", "lesion", "paths", "construct", "responses")},
    )


@pytest.fixture
def window(qtbot: QtBot, services: Services, sizes: LessonSizes) -> MainWindow:
    made = MainWindow(services)
    qtbot.addWidget(made, before_close_func=lambda window: window.leave(ask=False))  # however the test ends
    made.resize(1280, 720)
    made.show()
    made.pages.show_page("lessons")
    page_of(made).course.sizes = sizes
    page_of(made).activate()
    return made


def page_of(window: MainWindow) -> LessonsPage:
    return window.pages.page_of("lessons", LessonsPage)


@pytest.fixture
def page(window: MainWindow) -> LessonsPage:
    return page_of(window)


def raced(page: LessonsPage, qtbot: QtBot) -> None:
    page.show_step("race")
    qtbot.mouseClick(page.view.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.course.race_end is not None and not page.course.race.running, timeout=WAIT)


def measured(page: LessonsPage, qtbot: QtBot, key: str) -> MeasureView:
    page.show_step(key)
    view = page.view
    assert isinstance(view, MeasureView)
    assert view.error.text() == ""
    view.empty.button.click() if view.stack.currentWidget() is view.empty else view.button.click()
    assert view.session.running, view.error.text()
    qtbot.waitUntil(lambda: not view.session.running, timeout=WAIT)
    assert view.results, view.error.text()
    return view


def drag(view: RaceView, role: str, value: float) -> None:
    """By the name at the right, as a person would, to an error in percent."""
    chart = view.chart
    start = chart.names()[role].center()
    axes = chart.axes
    way = float(axes.y(value)) - chart.handle(role).y()
    QTest.mousePress(chart, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start.toPoint())
    QTest.mouseMove(chart, (start + QPointF(0, way)).toPoint())
    QTest.mouseRelease(chart, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint())


# The way in


def test_the_first_start_offers_the_lessons_once(qtbot: QtBot, services: Services) -> None:
    first = MainWindow(services)
    qtbot.addWidget(first)
    first.show()
    assert "Five lessons" in first.banner.sentence
    first.findChild(QPushButton, "banner_button").click()
    assert first.pages.current == "lessons"
    assert first.banner.sentence == ""
    second = MainWindow(services)
    qtbot.addWidget(second)
    assert second.banner.sentence == ""
    second.menus.page_actions["design"].trigger()
    second.findChild(QAction, "lessons_action").trigger()
    assert second.pages.current == "lessons"
    for window in (first, second):
        assert window.leave(ask=False)


def test_the_offer_goes_once_something_trains(
    qtbot: QtBot, services: Services, home_with_images: Home, tiny_run: specs.RunSpec
) -> None:
    window = MainWindow(services)
    qtbot.addWidget(window)
    assert "Five lessons" in window.banner.sentence
    window.navigator.train(specs.CohortSpec(runs=(tiny_run,)))
    assert window.banner.sentence == ""
    qtbot.waitUntil(lambda: not services.controller.training, timeout=WAIT)
    assert window.leave(ask=False)


def test_who_has_trained_before_is_not_asked(qtbot: QtBot, services: Services, tiny_run: specs.RunSpec) -> None:
    services.store.create_cohort(specs.CohortSpec(runs=(tiny_run,)))
    window = MainWindow(services)
    qtbot.addWidget(window)
    assert "lessons" not in window.banner.sentence
    assert window.leave(ask=False)


# From start to end


def test_the_whole_way_from_the_prediction_to_the_claims(page: LessonsPage, qtbot: QtBot, services: Services) -> None:
    view = page.view
    assert isinstance(view, RaceView)
    assert page.step.key == "predict"
    assert not page.back_button.isEnabled()
    assert page.text.done.isHidden()
    for role, value in zip(ROLES, (40.0, 20.0, 10.0), strict=True):
        drag(view, role, value)
    assert page.place.predicted == pytest.approx({"shallow": 40.0, "deep": 20.0, "residual": 10.0}, abs=1.0)
    assert "predict" in page.place.done
    assert not page.text.done.isHidden()

    page.next_button.click()
    assert page.step.key == "signal"
    signal = measured(page, qtbot, "signal")
    assert [result.net.label for result in signal.results] == ["plain-14", "ResNet-14"]
    assert "plain-14" in signal.words.text()
    measured(page, qtbot, "shattered")
    assert page.buttons["predict"].text().endswith("✓")

    page.next_button.click()
    assert page.step.key == "race"
    raced(page, qtbot)
    runs = page.course.race.runs
    assert [run.name for run in runs] == ["plain-8", "plain-14", "ResNet-14"]
    assert {run.status for run in runs} == {RunStatus.FINISHED}
    stored = [services.store.get(run.id) for run in runs]
    assert {run.tags for run in stored} == {(TAG,)}
    assert "of 40 %" in stored[0].note
    assert "You predicted" in page.view.words.text()
    chart = page.view.chart.chart  # type: ignore[attr-defined]
    assert [line.dashed for line in chart.lines] == [True, True, False]
    assert page.place.predicted == pytest.approx({"shallow": 40.0, "deep": 20.0, "residual": 10.0}, abs=1.0)
    drag(view, "shallow", 90.0)  # the race has begun: what was predicted stays
    assert page.place.predicted["shallow"] == pytest.approx(40.0, abs=1.0)
    page.next_button.click()
    assert page.step.key == "overfitting"
    assert "Training error and test error" in page.view.words.text()
    assert "overfitting" in page.place.done

    lesion = measured(page, qtbot, "lesion")
    assert [result.net.run_id for result in lesion.results] == [run.id for run in runs]
    assert lesion.map is not None
    block = lesion.results[0].blocks[0].name  # type: ignore[attr-defined]
    lesion.map.choose(block)
    lesion.take_out(block)
    assert f"Without {block}" in lesion.answer.text()
    paths = measured(page, qtbot, "paths")
    assert "ResNet-14 has" in paths.words.text()

    built = measured(page, qtbot, "construct")
    (result,) = built.results
    assert isinstance(result, Construction)
    assert result.deeper == "plain-14"
    assert result.difference == 0.0
    assert "Difference 0" in built.words.text()
    made = page.course.built_run
    assert made is not None
    assert made.tags == (TAG,)
    page.next_button.click()
    further = page.view
    assert isinstance(further, TrainOnView)
    further.button.click()
    qtbot.waitUntil(lambda: page.course.further.over and bool(further.said), timeout=WAIT)
    shallow, deeper = page.course.further.runs
    assert (shallow.spec.start_from, deeper.spec.start_from) == (runs[0].id, made.id)
    assert services.store.get(deeper.id).tags == (TAG,)
    assert "plain-14" in further.words.text()
    assert "plain-14 trained on" not in further.words.text()
    assert page.buttons["argument"].text().endswith("✓")

    say = measured(page, qtbot, "block")
    assert say.numbers.isVisible()
    assert "‖F(x)‖" in say.numbers.text
    before = say.numbers.text
    say.blocks.setCurrentIndex(0)
    say.blocks.activated.emit(0)
    assert "stage1.block1" in say.block_said.text()
    assert say.numbers.text != before or say.blocks.count() == 1
    page.next_button.click()
    assert "853" not in page.view.words.text()  # depth 14 is none of the choices: the first is shown
    page.next_button.click()
    claims = page.view
    assert isinstance(claims, ClaimsView)
    for claim in CLAIMS:
        claims.rows[claim.key].buttons[claim.paper].click()
    assert f"{len(CLAIMS)} of {len(CLAIMS)} right" in claims.state.toolTip()
    claims.own.setPlainText("A shortcut carries x past.")
    assert page.place.words == "A shortcut carries x past."
    assert all(page.place.finished(lesson) for lesson in LESSONS)
    page.next_button.click()
    assert page.window().pages.current == "inside"  # type: ignore[attr-defined]


# Left and taken up again


def test_the_place_prediction_race_and_results_are_found_again(
    page: LessonsPage, qtbot: QtBot, services: Services, sizes: LessonSizes
) -> None:
    assert isinstance(page.view, RaceView)
    page.view.chart.predict("deep", 33.0)
    raced(page, qtbot)
    lesion = measured(page, qtbot, "lesion")
    again = LessonsPage(services, page.row, sizes=sizes)
    qtbot.addWidget(again)
    again.resize(1100, 600)
    again.show()
    again.activate()
    assert again.step.key == "lesion"
    assert again.place.predicted == {"deep": 33.0}
    assert again.course.race.run_ids == page.course.race.run_ids
    qtbot.waitUntil(lambda: again.course.race_end is not None, timeout=WAIT)
    view = again.view
    assert isinstance(view, MeasureView)
    assert [result.to_json() for result in view.results] == [result.to_json() for result in lesion.results]
    assert view.words.text() == lesion.words.text()
    again.show_step("race")
    assert isinstance(again.view, RaceView)
    assert again.view.chart.predictions == {"deep": 33.0}
    assert not again.view.chart.editable


def test_stored_nets_stand_in_for_the_race_and_without_any_the_race_is_shown(
    page: LessonsPage, qtbot: QtBot, services: Services, sizes: LessonSizes
) -> None:
    page.show_step("lesion")
    view = page.view
    assert isinstance(view, MeasureView)
    assert view.empty.button.text() == "To the race"
    view.empty.button.click()
    assert page.step.key == "race"
    raced(page, qtbot)
    ids = page.course.race.run_ids
    page.place.set_runs("race", [])
    again = LessonsPage(services, page.row, sizes=sizes)
    qtbot.addWidget(again)
    again.show_step("lesion")
    stored = again.view
    assert isinstance(stored, MeasureView)
    assert stored.nets.text().startswith("Stored nets")
    assert [run.id for run in again.course.trained] == list(ids)


def test_words_of_the_glossary_are_links(page: LessonsPage, services: Services) -> None:
    page.show_step("signal")
    assert 'href="gradient"' in page.text.words.text()
    assert 'href="loss"' in page.text.words.text()
    page.text.words.linkActivated.emit("gradient")
    help_dialog = page.window().navigator._help  # type: ignore[attr-defined]
    assert help_dialog is not None
    assert help_dialog.isVisible()
    help_dialog.close()


def test_of_stored_nets_the_deeper_one_is_built_from_the_shallowest(
    page: LessonsPage, qtbot: QtBot, services: Services, sizes: LessonSizes
) -> None:
    """A cohort of four, as the demo leaves it: two plain nets and their twins."""
    twins = specs.replace(sizes.residual, depth=sizes.shallow.depth)
    networks = (sizes.shallow, twins, sizes.deep, sizes.residual)
    runs = tuple(specs.RunSpec(network=network, recipe=sizes.recipe, data=sizes.data) for network in networks)
    services.controller.train(specs.CohortSpec(runs=runs))
    qtbot.waitUntil(lambda: all(run.weights_sha256 for run in services.store.list_runs()), timeout=WAIT)
    qtbot.waitUntil(lambda: not services.controller.active, timeout=WAIT)
    page.show_step("construct")
    assert [run.name for run in page.course.trained] == ["plain-8", "plain-14", "ResNet-14"]
    built = measured(page, qtbot, "construct")
    (result,) = built.results
    assert isinstance(result, Construction)
    assert (result.net.label, result.deeper) == ("plain-8", "plain-14")
    assert any("plain-14 is built from the trained plain-8" in label.text() for label in page.text.labels)


def test_deleted_runs_are_no_race_any_more(page: LessonsPage, qtbot: QtBot, services: Services) -> None:
    raced(page, qtbot)
    services.store.delete(list(page.course.race.run_ids))
    services.controller.runs_changed.emit()
    assert page.course.race.runs == ()
    page.activate()
    assert page.view.button.text() == "Start the race"
    page.show_step("lesion")
    assert isinstance(page.view, MeasureView)
    assert page.view.empty.button.text() == "To the race"


# Stop, and what fails


def test_a_race_is_stopped_and_goes_on(page: LessonsPage, qtbot: QtBot, sizes: LessonSizes) -> None:
    recipe = sizes.recipe.model_copy(update={"iterations": 100_000, "test_every": 100_000})
    page.course.sizes = replace(sizes, recipe=recipe)
    page.show_step("race")
    view, race = page.view, page.course.race
    view.button.click()
    qtbot.waitUntil(lambda: race.fraction > 0, timeout=WAIT)
    assert view.progress.isVisibleTo(view)
    assert view.button.text() == "Stop"
    view.button.click()
    qtbot.waitUntil(lambda: view.button.text() == "Resume", timeout=WAIT)
    assert {run.status for run in race.runs} == {RunStatus.STOPPED}
    reached = race.runs[0].iteration
    assert 0 < reached < 100_000
    assert page.course.race_end is None
    assert "race" not in page.place.done
    view.button.click()
    qtbot.waitUntil(lambda: race.fraction > reached / 100_000 and race.running, timeout=WAIT)
    assert race.book.get(race.runs[0].id, Series.TRAINING_ERROR).iterations[0] == 1  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: view.button.text() == "Stop", timeout=WAIT)
    view.button.click()
    qtbot.waitUntil(lambda: race.resumable, timeout=WAIT)
    assert race.runs[0].iteration > reached


def test_an_analysis_is_stopped(page: LessonsPage, qtbot: QtBot, sizes: LessonSizes) -> None:
    page.course.sizes = replace(sizes, settings={"shattered": {"images": 12}}, data=DataSpec())
    page.show_step("shattered")
    view = page.view
    assert isinstance(view, MeasureView)
    view.activate()
    view.empty.button.click()
    assert view.button.text() == "Stop"
    view.button.click()
    qtbot.waitUntil(lambda: not view.session.running, timeout=WAIT)
    assert view.results == ()
    assert view.words.text() == ""
    assert view.stack.currentWidget() is view.empty
    assert "shattered" not in page.place.done


def test_an_experiment_that_fails_says_why_in_one_sentence(
    page: LessonsPage, qtbot: QtBot, sizes: LessonSizes, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "colours")
    page.show_step("signal")
    view = page.view
    assert isinstance(view, MeasureView)
    view.empty.button.click()
    qtbot.waitUntil(lambda: not view.session.running, timeout=WAIT)
    assert "colours" in view.error.text()
    assert view.error.isVisibleTo(view)
    assert view.stack.currentWidget() is view.empty
    assert "signal" not in page.place.done
    page.show_step("race")
    page.view.button.click()
    qtbot.waitUntil(lambda: bool(page.view.error.text()), timeout=WAIT)
    qtbot.waitUntil(lambda: not page.course.race.running, timeout=WAIT)
    assert "colours" in page.view.error.text()
    assert "race" not in page.place.done
    write_colour_folders(tmp_path / "colours", test=6)
    page.view.button.click()  # resumed, now that the images are there
    qtbot.waitUntil(lambda: page.course.race_end is not None, timeout=WAIT)
    assert page.view.error.text() == ""


def test_a_history_that_cannot_be_written_is_said(qtbot: QtBot, services: Services, sizes: LessonSizes) -> None:
    with RunStore.open(services.home, writer=False) as reader:
        page = LessonsPage(
            replace(services, store=reader, controller=type(services.controller)(reader)), page_row(), sizes=sizes
        )
        qtbot.addWidget(page)
        page.show_step("race")
        page.view.button.click()
        assert page.view.error.text() == reader.why_read_only
        assert page.course.race.runs == ()
        page.services.controller.shut_down()


def page_row():  # type: ignore[no-untyped-def]
    from resnet_studio.ui.pages.rows import page_row as find

    return find("lessons")


# The prediction


def test_ends_are_moved_with_the_keys_and_kept_within_the_axis(page: LessonsPage, qtbot: QtBot) -> None:
    assert isinstance(page.view, RaceView)
    chart = page.view.chart
    chart.setFocus()
    for _unused in range(3):
        qtbot.keyClick(chart, Qt.Key.Key_Down)
    assert page.place.predicted == {"shallow": 47.0}
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    qtbot.keyClick(chart, Qt.Key.Key_Up)
    assert page.place.predicted == {"shallow": 47.0, "deep": 51.0}
    chart.predict("deep", 140.0)
    assert page.place.predicted["deep"] == 100.0
    drag(page.view, "residual", -60.0)
    assert page.place.predicted["residual"] == 0.0
    page.view.second.click()
    assert page.place.predicted == {}
    assert chart.predictions == {}
    assert chart.editable


def test_names_at_one_height_stand_below_one_another(page: LessonsPage) -> None:
    assert isinstance(page.view, RaceView)
    places = list(page.view.chart.names().values())
    assert len(places) == len(ROLES)
    for one in places:
        assert not any(one.intersects(other) for other in places if other is not one)
        assert page.view.chart.rect().contains(one.toAlignedRect())


def test_no_step_opens_a_window_of_its_own(window: MainWindow, page: LessonsPage) -> None:
    before = {widget for widget in QApplication.topLevelWidgets() if widget.isVisible()}
    for lesson in LESSONS:
        for step in lesson.steps:
            page.show_step(step.key)
            assert [formula.text for formula in page.text.formulas] != [""]
    assert {widget for widget in QApplication.topLevelWidgets() if widget.isVisible()} == before
    assert window in before


def test_bad_preferences_give_the_beginning(qtbot: QtBot, services: Services, sizes: LessonSizes) -> None:
    for key, value in (
        ("lesson", "gone"), ("step/predict", 99), ("predicted", ["deep=x", "none=3", "shallow=inf"]),
        ("runs/race", ["nothing"]), ("answers", ["gone=paper", "broken"]), ("done", "signal"),
    ):  # fmt: skip
        services.preferences.set_value(f"lessons/{key}", value)
    page = LessonsPage(services, page_row(), sizes=sizes)
    qtbot.addWidget(page)
    page.activate()
    assert page.step.key == "predict"
    assert page.place.predicted == {}
    assert page.place.answers == {}
    assert page.course.race.runs == ()


def test_a_figure_shows_the_panels_of_its_step(page: LessonsPage, qtbot: QtBot) -> None:
    view = measured(page, qtbot, "shattered")
    figure = view.canvas.figure
    assert figure is not None
    titles = [panel.title for panel in figure.panels if isinstance(panel, LineChart)]
    assert len(titles) == 2
    assert all("trace" in title for title in titles)
