"""The Train page with a real store, a real controller and a real thread; only the training itself is a script."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, Qt

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.events import (
    CohortStarted,
    CurveChunk,
    CurvesGrew,
    NoticeGiven,
    PhaseChanged,
    ProgressMade,
    StatusChanged,
)
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, RunSpec, replace, twin
from resnet_studio.history.recorder import recording
from resnet_studio.studies.single_cohorts import degradation
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.pages.train.page import TrainPage
from resnet_studio.ui.pages.train.queue import QueueModel, QueueRow
from resnet_studio.ui.pages.train.state import CohortState
from resnet_studio.ui.plots.controls import PlotControls
from resnet_studio.ui.services import Services

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window

LENGTH = 100


class Script:
    """Stands where the runner does: twenty iterations a step, each step when the test allows it."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.ends = (RunStatus.FINISHED, "")
        self.notice = ""
        self.values = 50.0
        self.errors: list[float] = []  # one a run, in place of ``values`` and ten less for each

    def __call__(self, run_ids, store, emit, should_stop, should_pause) -> None:
        emit = recording(store, emit)
        done = min(store.get(run_id).iteration for run_id in run_ids)
        emit(PhaseChanged(tuple(run_ids), Phase.LOADING, "drawing images", 0.5))
        emit(CohortStarted(tuple(run_ids), done, LENGTH, 25.0, 400, 80, ("a", "b"), {"training_images": "400"}))
        for run_id in run_ids:
            store.truncate_curves(run_id, done)
            emit(StatusChanged(run_id, RunStatus.RUNNING, "", done))
        emit(PhaseChanged(tuple(run_ids), Phase.TRAINING))
        if self.notice:
            emit(NoticeGiven(tuple(run_ids), self.notice))
        while done < LENGTH:
            while not self.steps.acquire(timeout=0.01):
                if should_stop():
                    for run_id in run_ids:
                        emit(StatusChanged(run_id, RunStatus.STOPPED, "Stopped at your wish.", done))
                    return
            chunks = []
            for place, run_id in enumerate(run_ids):
                error = self.errors[place] if self.errors else self.values - 10 * place
                values = np.full(20, error, np.float32)
                chunks.append(CurveChunk(run_id, Series.TRAINING_ERROR, done + 1, values))
                chunks.append(CurveChunk(run_id, Series.TEST_ERROR, done + 20, values[:1] + 5))
                chunks.append(CurveChunk(run_id, Series.SECONDS, done + 1, np.arange(20, dtype=np.float32) + done))
            emit(CurvesGrew(tuple(chunks)))
            done += 20
            emit(ProgressMade(tuple(run_ids), done, LENGTH, done * 0.5, 2.0, (LENGTH - done) / 2))
        for run_id in run_ids:
            emit(StatusChanged(run_id, *self.ends, done))


@pytest.fixture
def cohort(tiny_run: RunSpec) -> CohortSpec:
    recipe = replace(tiny_run.recipe, iterations=LENGTH, test_every=20, milestones=())
    return twin(replace(tiny_run, recipe=recipe))


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def scripted(services, script) -> Iterator[object]:
    controller = RunController(services.store, training=script)
    yield dataclasses.replace(services, controller=controller)
    for _ in range(100):
        script.steps.release()
    assert controller.shut_down()
    controller.blockSignals(True)  # the store closes before the page goes


@pytest.fixture
def page(scripted, qtbot) -> TrainPage:
    page = TrainPage(scripted, page_row("train"))
    qtbot.addWidget(page)
    page.resize(1180, 640)
    page.show()
    return page


def _wait_idle(qtbot, page: TrainPage) -> None:
    qtbot.waitUntil(lambda: not page.services.controller.training)


def test_it_leads_to_design_while_nothing_was_trained(page, qtbot):
    assert page.stack.currentWidget() is page.empty
    qtbot.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    assert page.services.navigator.asked["design"]


def test_events_become_curves_cards_and_progress(page, script, cohort, qtbot):
    controller = page.services.controller
    ids = controller.train(cohort)
    qtbot.waitUntil(lambda: page.run_ids == ids)
    assert page.stack.currentWidget() is not page.empty
    script.steps.release()
    qtbot.waitUntil(lambda: page.cards.cards[ids[0]].texts[3].startswith("20"))
    status, training, test, _ = page.cards.cards[ids[0]].texts
    assert status == "running"
    assert training.startswith("50.00")
    assert test.startswith("55.00")
    qtbot.waitUntil(lambda: "iteration 20" in page.header.facts.text())  # an event of its own, behind the curves
    assert "2 it/s" in page.header.facts.text()
    assert "40 s left" in page.header.facts.text()
    assert page.header.headline.text() == "Training"
    qtbot.waitUntil(lambda: page.plots.error.legend.texts()[1][1:] == ("50.0 %", "55.0 %"))
    assert page.plots.error.legend.texts()[3][1:] == ("+10.0 pp", "+10.0 pp")
    assert page.header.stop.isVisible()
    assert not page.header.resume.isVisible()
    for _ in range(4):
        script.steps.release()
    _wait_idle(qtbot, page)
    qtbot.waitUntil(lambda: page.cards.cards[ids[1]].texts[0] == "finished")
    qtbot.waitUntil(lambda: page.header.headline.text() == "Finished")
    assert not page.header.stop.isVisible()
    assert page.book.positions(ids[0], Series.TRAINING_ERROR, page.plots.error.options.axis)[-1] == LENGTH


def test_the_demo_checks_the_signal_and_then_trains(page, script, cohort, home_with_images, qtbot):
    page.check_first(cohort)
    assert page.checking
    assert page.stack.currentWidget() is not page.empty
    qtbot.waitUntil(lambda: page.header.title.text() == "plain-8 + ResNet-8")
    qtbot.waitUntil(lambda: page.services.navigator.asked["train"] == [cohort], timeout=60_000)
    assert not page.checking
    labels = {line.label for panel in page.check.canvas.figure.panels for line in panel.lines}
    assert labels == {"plain-8", "ResNet-8"}
    assert "From the last block to the first the gradient grows" in page.check.finding.text()
    ids = page.services.controller.train(cohort)
    qtbot.waitUntil(lambda: page.run_ids == ids)
    tabs = page.plots.tabs
    assert (tabs.tabText(0), tabs.currentWidget()) == ("Before training", page.check)
    page.resize(page.width(), 560)
    upper, lower = page.plots.splitter.sizes()
    assert abs(upper - lower) <= 1, "a lower window squeezes neither"
    qtbot.waitUntil(lambda: page.header.seen.text().startswith("Before any training. "))
    script.steps.release()
    qtbot.waitUntil(lambda: "learn" in page.header.seen.text())
    assert tabs.tabText(tabs.currentIndex()) == "Loss", "the curves have the height again"
    assert tabs.tabText(0) == "Before training", "it is there to be read again"
    script.steps.release(5)
    _wait_idle(qtbot, page)
    other = page.services.controller.train(cohort_of_seed(cohort, 7))
    qtbot.waitUntil(lambda: page.run_ids == other)
    assert tabs.tabText(0) == "Loss", "these begin with other weights"


def cohort_of_seed(cohort: CohortSpec, seed: int) -> CohortSpec:
    runs = tuple(replace(run, recipe=run.recipe.with_seeds(seed, seed)) for run in cohort.runs)
    return replace(cohort, runs=runs)


def test_a_check_that_is_stopped_trains_nothing(page, cohort, home_with_images, qtbot):
    page.check_first(cohort)
    assert page.services.jobs.stop_all()
    qtbot.waitUntil(lambda: not page.checking)
    assert page.services.navigator.asked["train"] == []


def test_a_check_that_fails_trains_all_the_same(page, cohort, qtbot, tmp_path):
    broken = tuple(replace(run, data=replace(run.data, source=f"folder:{tmp_path / 'none'}")) for run in cohort.runs)
    lost = replace(cohort, runs=broken)
    with qtbot.waitSignal(page.message, timeout=30_000):
        page.check_first(lost)
    qtbot.waitUntil(lambda: page.services.navigator.asked["train"] == [lost])


def test_a_page_opened_later_shows_the_whole_curve(scripted, script, cohort, qtbot):
    controller = scripted.controller
    ids = controller.train(cohort)
    script.steps.release()
    script.steps.release()
    qtbot.waitUntil(lambda: scripted.store.get(ids[0]).iteration == 40)
    page = TrainPage(scripted, page_row("train"))
    qtbot.addWidget(page)
    page.show()
    script.steps.release()
    qtbot.waitUntil(lambda: page.book.get(ids[0], Series.TRAINING_ERROR) is not None)
    qtbot.waitUntil(lambda: page.book.get(ids[0], Series.TRAINING_ERROR).iterations.tolist() == list(range(1, 61)))
    assert page.book.get(ids[1], Series.TEST_ERROR).iterations.tolist() == [20, 40, 60]


def test_stop_and_resume_continue_the_curve(page, script, cohort, qtbot):
    controller = page.services.controller
    ids = controller.train(cohort)
    script.steps.release()
    qtbot.waitUntil(lambda: page.services.store.get(ids[0]).iteration == 20)
    qtbot.waitUntil(page.header.stop.isVisible)
    qtbot.mouseClick(page.header.stop, Qt.MouseButton.LeftButton)
    _wait_idle(qtbot, page)
    qtbot.waitUntil(page.header.resume.isVisible)
    assert page.cards.cards[ids[0]].texts[0] == "stopped"
    script.values = 30.0
    qtbot.mouseClick(page.header.resume, Qt.MouseButton.LeftButton)
    for _ in range(4):
        script.steps.release()
    qtbot.waitUntil(lambda: len(page.book.get(ids[0], Series.TRAINING_ERROR)) == LENGTH)
    values = page.book.get(ids[0], Series.TRAINING_ERROR).values
    assert values[:20].tolist() == [50] * 20
    assert values[20:].tolist() == [30] * 80
    _wait_idle(qtbot, page)


def test_pause_and_continue(page, script, cohort, qtbot):
    controller = page.services.controller
    controller.train(cohort)
    qtbot.waitUntil(page.header.pause.isVisible)
    qtbot.mouseClick(page.header.pause, Qt.MouseButton.LeftButton)
    assert controller.paused
    qtbot.waitUntil(lambda: page.header.pause.text() == "Continue")
    assert page.header.headline.text() == "Paused"
    qtbot.mouseClick(page.header.pause, Qt.MouseButton.LeftButton)
    assert not controller.paused


def test_queue_is_listed_and_can_be_shortened(page, script, cohort, qtbot):
    controller = page.services.controller
    controller.train(cohort)
    waiting = controller.train(cohort)
    qtbot.waitUntil(page.queue.isVisible)
    assert page.queue.model.rowCount() == 2
    assert page.queue.model.index(1, 0).data() == "2.  Twin of depth 8"
    row = page.queue.model.record_at(1)
    assert (row.facts, row.progress) == ("waiting · seed 0", "0 / 100")
    page.queue.choose(row.entry.id)
    page.queue.view.setFocus()
    qtbot.keyClick(page.queue.view, Qt.Key.Key_Delete)
    assert controller.queue == ()
    assert not {run.id for run in page.services.store.list_runs()} & set(waiting)
    assert page.services.store.list_runs(deleted=True) == []
    assert not page.queue.isVisible()


def test_entries_move_by_keys_and_by_dropping(page, script, cohort, qtbot):
    controller = page.services.controller
    controller.train(cohort)
    for _ in range(3):
        controller.train(cohort)
    entries = controller.entries
    ids = [entry.id for entry in entries]

    def order() -> list[str]:
        return [entry.id for entry in controller.entries]

    page.queue.choose(ids[3])
    page.queue.view.setFocus()
    qtbot.keyClick(page.queue.view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert order() == [ids[0], ids[1], ids[3], ids[2]]
    assert page.queue.chosen.id == ids[3]
    qtbot.keyClick(page.queue.view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(page.queue.view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert order() == [ids[0], ids[3], ids[1], ids[2]], "what trains stays first"
    qtbot.keyClick(page.queue.view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert order() == [ids[0], ids[1], ids[3], ids[2]]
    model = page.queue.model
    assert not model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsDragEnabled, "it trains"
    mime = model.mimeData([model.index(3, 0)])
    assert model.dropMimeData(mime, Qt.DropAction.MoveAction, 1, 0, QModelIndex()) is False
    assert order() == [ids[0], ids[2], ids[1], ids[3]]
    model.dropMimeData(model.mimeData([model.index(1, 0)]), Qt.DropAction.MoveAction, -1, -1, QModelIndex())
    assert order() == [ids[0], ids[1], ids[3], ids[2]]


def test_the_menu_pauses_repeats_and_clears(page, script, cohort, qtbot):
    controller = page.services.controller
    controller.train(cohort)
    controller.train(cohort)
    waiting = controller.entries[1]

    def press(name: str, entry_id: str) -> None:
        entry = next(each for each in controller.entries if each.id == entry_id)
        action = next(each for each in page.queue.actions_for(entry) if each.objectName() == name)
        assert action.isEnabled(), name
        action.trigger()

    page.queue.choose(waiting.id)
    press("queue_pause_action", waiting.id)
    assert controller.entries[1].status is QueueStatus.PAUSED
    press("queue_pause_action", waiting.id)
    assert controller.entries[1].status is QueueStatus.WAITING
    press("queue_repeat_action", waiting.id)
    assert len(controller.queue) == 2
    press("queue_stop_action", controller.entries[0].id)
    _wait_idle(qtbot, page)
    first = controller.entries[0]
    assert first.status is QueueStatus.STOPPED
    press("queue_now_action", first.id)
    assert controller.active == first.run_ids
    for _ in range(5):
        script.steps.release()
    qtbot.waitUntil(lambda: controller.active not in ((), first.run_ids))
    assert any(entry.status.ended for entry in controller.entries)
    press("queue_clear_action", controller.entries[0].id)
    assert not any(entry.status.ended for entry in controller.entries)


def test_any_cohort_of_the_queue_can_be_shown(page, script, cohort, qtbot):
    controller = page.services.controller
    first = controller.train(cohort)
    second = controller.train(cohort)
    third = controller.train(cohort)
    for _ in range(5):
        script.steps.release()
    qtbot.waitUntil(lambda: controller.active == second and page.run_ids == second)
    ended = next(entry for entry in controller.entries if entry.run_ids == first)
    index = page.queue.model.index(page.queue.model.row_of(ended.id), 0)
    page.queue.view.scrollTo(index)
    qtbot.mouseClick(
        page.queue.view.viewport(), Qt.MouseButton.LeftButton, pos=page.queue.view.visualRect(index).center()
    )
    assert page.run_ids == first
    assert page.queue.model.record_at(index.row()).shown
    qtbot.waitUntil(lambda: page.book.get(first[0], Series.TRAINING_ERROR) is not None)
    assert not page.header.stop.isVisible(), "it is not what trains"
    assert page.banner.sentence == "Another cohort of the queue trains now."
    for _ in range(5):
        script.steps.release()
    qtbot.waitUntil(lambda: controller.active == third)
    assert page.run_ids == first, "a person chose it"
    page.banner.acted.emit("elsewhere")
    assert page.run_ids == third


def test_stop_says_where_and_how_to_go_on(page, script, cohort, qtbot):
    controller = page.services.controller
    first = controller.train(cohort)
    second = controller.train(cohort)
    script.steps.release()
    qtbot.waitUntil(lambda: page.services.store.get(first[0]).iteration == 20)
    controller.stop()
    _wait_idle(qtbot, page)
    assert page.run_ids == first, "nothing else has begun"
    assert "Stopped at iteration 20 of 100." in page.banner.sentence
    assert "1 more waits in the queue." in page.banner.sentence
    assert page.queue.hold_button.text() == "Go on"
    assert "nothing begins until you say so" in page.queue.summary.text()
    qtbot.mouseClick(page.queue.hold_button, Qt.MouseButton.LeftButton)
    assert controller.active == second
    qtbot.waitUntil(lambda: page.run_ids == second)
    assert "Stopped at" not in page.banner.sentence


def test_the_next_cohort_takes_the_page(page, script, cohort, qtbot):
    controller = page.services.controller
    first = controller.train(cohort)
    second = controller.train(cohort)
    qtbot.waitUntil(lambda: page.run_ids == first)
    for _ in range(6):
        script.steps.release()
    qtbot.waitUntil(lambda: page.run_ids == second)
    assert page.book.get(first[0], Series.TRAINING_ERROR) is None


def test_divergence_and_notices_are_said_in_place(page, script, cohort, qtbot):
    script.ends = (RunStatus.DIVERGED, "The loss is no longer a number; lower the learning rate.")
    script.notice = "Two files were left out."
    script.values = float("nan")
    page.services.controller.train(cohort)
    qtbot.waitUntil(lambda: page.banner.sentence == script.notice)
    for _ in range(5):
        script.steps.release()
    qtbot.waitUntil(lambda: page.banner.sentence.startswith("plain-8, ResNet-8: "))
    assert "lower the learning rate" in page.banner.sentence
    assert page.banner.isVisible()
    assert page.cards.cards[page.run_ids[0]].texts[1] == "–"
    _wait_idle(qtbot, page)


def test_links_to_other_pages_carry_the_runs(page, script, cohort, qtbot):
    ids = page.services.controller.train(cohort)
    script.steps.release()
    qtbot.waitUntil(lambda: page.header.classify.isEnabled() and page.run_ids == ids)
    page.header.compare.click()
    page.header.classify.click()
    asked = page.services.navigator.asked
    assert asked["compare"] == asked["classify"] == [ids]


def test_changes_in_the_history_are_followed(page, script, cohort, qtbot):
    store, controller = page.services.store, page.services.controller
    ids = controller.train(cohort)
    for _ in range(5):
        script.steps.release()
    qtbot.waitUntil(lambda: page.run_ids == ids)
    _wait_idle(qtbot, page)
    store.rename(ids[0], "my plain net")
    controller.refresh()
    qtbot.waitUntil(lambda: page.plots.error.runs[0].name == "my plain net")
    store.delete([ids[0]])
    controller.refresh()
    qtbot.waitUntil(lambda: page.run_ids == ids[1:])
    store.delete([ids[1]])
    controller.refresh()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.empty)


def test_queue_model(qtmodeltester, services, cohort):
    model = QueueModel()
    for _ in range(2):
        services.store.enqueue(cohort)
    model.set_records(QueueRow(entry) for entry in services.store.queue())
    qtmodeltester.check(model)


def test_state_names_what_a_mixed_cohort_is(services, cohort):
    runs = services.store.create_cohort(cohort)
    state = CohortState.of([dataclasses.replace(runs[0], status=RunStatus.DIVERGED), runs[1]])
    assert state.headline == "1 queued, 1 diverged"
    assert state.trouble == "plain-8: It has diverged at iteration 0."
    assert CohortState().headline == CohortState().title == ""
    assert not state.apply(StatusChanged("another", RunStatus.RUNNING))


def test_stored_and_live_seconds_mean_the_same(services, cohort):
    runs = services.store.create_cohort(cohort)
    assert CohortState.of([dataclasses.replace(run, seconds=30.0) for run in runs]).seconds == 60.0


def _study(script, page, qtbot, errors: dict[str, float]):
    """Begin the degradation study with these errors in place of training."""
    cohort = degradation()
    short = [replace(run, recipe=replace(run.recipe, iterations=LENGTH, test_every=20)) for run in cohort.runs]
    script.errors = [errors[run.network.label] for run in short]
    ids = page.services.controller.train(replace(cohort, runs=tuple(short)))
    qtbot.waitUntil(lambda: page.run_ids == ids)
    return ids


def test_the_first_minute_shows_all_errors_there_can_be_and_says_who_guesses(page, script, qtbot):
    _study(script, page, qtbot, {"plain-20": 89.6, "ResNet-20": 90.2, "plain-56": 89.4, "ResNet-56": 90.1})
    plot = page.plots.error
    assert plot.chance == 90.0
    assert not page.plots.controls.raw.isChecked()
    script.steps.release()
    qtbot.waitUntil(lambda: page.header.seen.text() == "All four still guess: chance is 90.0 %.")
    qtbot.waitUntil(lambda: plot.frames > 0 and plot.spans[1][0] <= 0)
    assert plot.spans[1][1] >= 100
    assert not plot.options.draws_raw


def test_a_study_ends_with_what_it_shows_of_depth(page, script, qtbot):
    errors = {"plain-20": 58.2, "ResNet-20": 50.8, "plain-56": 81.5, "ResNet-56": 48.0}
    _study(script, page, qtbot, errors)
    script.steps.release()
    qtbot.waitUntil(lambda: page.header.seen.text().startswith("All four learn"))
    for _ in range(4):
        script.steps.release()
    _wait_idle(qtbot, page)
    qtbot.waitUntil(lambda: page.header.seen.text().startswith("In this run, with one seed: plain-56 ends at"))
    assert "23.3 points above plain-20" in page.header.seen.text()
    assert "One seed speaks of this run only" in page.header.seen.text()
    assert "2.8 points above ResNet-56" in page.header.seen.text()


def test_a_stopped_study_draws_no_conclusion(page, script, qtbot):
    errors = {"plain-20": 58.2, "ResNet-20": 50.8, "plain-56": 81.5, "ResNet-56": 48.0}
    _study(script, page, qtbot, errors)
    script.steps.release()
    qtbot.waitUntil(lambda: page.header.seen.text() != "")
    page.services.controller.stop()
    _wait_idle(qtbot, page)
    qtbot.waitUntil(lambda: page.header.headline.text() == "Stopped")
    assert "In this run" not in page.header.seen.text()


def test_raw_curves_are_off_until_a_person_wants_them(services, qtbot):
    controls = PlotControls(services.preferences, "train")
    qtbot.addWidget(controls)
    assert not controls.options.raw
    controls.raw.click()
    later = PlotControls(services.preferences, "train")
    qtbot.addWidget(later)
    assert later.options.raw


def test_the_next_cohort_takes_over_with_a_word(page, script, cohort, qtbot):
    controller = page.services.controller
    first = controller.train(cohort)
    qtbot.waitUntil(lambda: page.run_ids == first)
    second = controller.train(cohort)
    for _ in range(5):
        script.steps.release()
    qtbot.waitUntil(lambda: page.run_ids == second)
    assert "has ended. The next in the queue trains now." in page.banner.sentence
    page.banner.acted.emit("before")
    assert page.run_ids == first


def test_nothing_is_said_to_train_once_the_queue_is_empty(page, script, cohort, qtbot):
    controller = page.services.controller
    controller.train(cohort)
    second = controller.train(cohort)
    for _ in range(5):
        script.steps.release()
    qtbot.waitUntil(lambda: page.run_ids == second)
    assert "trains now" in page.banner.sentence
    for _ in range(5):
        script.steps.release()
    _wait_idle(qtbot, page)
    qtbot.waitUntil(lambda: page.banner.isHidden())


def test_an_entry_names_its_study_where_its_title_does_not(services: Services, tiny_run: RunSpec) -> None:
    def facts(name: str, study: str, run: RunSpec = tiny_run) -> str:
        return QueueRow(services.store.enqueue(CohortSpec(name=name, study=study, runs=(run,)))).facts

    assert facts("Degradation, quick", "degradation") == "waiting · seed 0"
    assert facts("My own: depth", "own/my-own-depth") == "waiting · seed 0"
    assert facts("night", "depth-pays") == "waiting · seed 0 · Depth pays with shortcuts"
    assert facts("night", "own/wide-nets") == "waiting · seed 0 · wide-nets"


def test_imported_weights_are_nothing_that_was_trained_last(services, page, cohort, tiny_run):
    runs = services.store.create_cohort(cohort)
    recording(services.store, lambda _event: None)(StatusChanged(runs[0].id, RunStatus.STOPPED, "", 20))
    services.store.add_imported(
        replace(tiny_run, name="theirs"), [], {}, lambda run_id: (f"{run_id}/checkpoints/iteration-0", "ab" * 32)
    )
    page._find_cohort()
    assert page._state.concerns([runs[0].id])
