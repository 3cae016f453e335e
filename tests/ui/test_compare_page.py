"""The Compare page with a real store: choosing, drawing, reading, exporting, and runs that go away meanwhile."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CurveChunk, CurvesGrew, StatusChanged
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec, replace, twin
from resnet_studio.history import runs as run_rows
from resnet_studio.ui.pages.compare.curves import MOST_RUNS
from resnet_studio.ui.pages.compare.export import Export, export
from resnet_studio.ui.pages.compare.page import SCATTER, ComparePage
from resnet_studio.ui.pages.compare.tables import DifferencesModel, ResultsModel
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.run_picker import PickModel

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window


def _store_cohort(store, cohort: CohortSpec, level: float, points: int = 200) -> tuple[str, ...]:
    runs = store.create_cohort(cohort)
    store.set_started([run.id for run in runs], ["a", "b"], {"device": "cpu", "training_images": "400"})
    chunks = []
    for place, run in enumerate(runs):
        values = (level - 10 * place + 30 * np.exp(-np.arange(points) / 50)).astype(np.float32)
        chunks.append(CurveChunk(run.id, Series.TRAINING_ERROR, 1, values))
        chunks.append(CurveChunk(run.id, Series.TEST_ERROR, 20, values[19::20] + 3, 20))
        chunks.append(CurveChunk(run.id, Series.SECONDS, 1, np.arange(points, dtype=np.float32)))
    store.append_chunks(chunks)
    for run in runs:
        store.set_status(run.id, RunStatus.FINISHED)
    return tuple(run.id for run in runs)


@pytest.fixture
def ids(services, tiny_run: RunSpec) -> tuple[str, ...]:
    """Two twins: of depth 8, and of depth 14 with another seed."""
    deeper = replace(
        tiny_run,
        network=replace(tiny_run.network, depth=14),
        recipe=replace(tiny_run.recipe, init_seed=5),
    )
    first = _store_cohort(services.store, twin(tiny_run), 60)
    return first + _store_cohort(services.store, twin(deeper), 70)


@pytest.fixture
def page(services, qtbot) -> ComparePage:
    page = ComparePage(services, page_row("compare"))
    qtbot.addWidget(page)
    page.resize(1180, 640)
    page.show()
    yield page
    services.controller.blockSignals(True)  # the store closes before the page goes


def _wait_loaded(qtbot, page: ComparePage) -> None:
    qtbot.waitUntil(lambda: not page.curves.loading)


def test_an_empty_history_leads_to_design(page, qtbot):
    assert page.stack.currentWidget() is page.empty
    page.empty.button.click()
    assert page.services.navigator.asked["design"]


def test_the_last_cohort_is_chosen_at_first(ids, page, qtbot):
    assert page.run_ids == ids[2:]
    _wait_loaded(qtbot, page)
    qtbot.waitUntil(lambda: page.curves.plots[0].legend.texts()[1][1] != "–")
    assert len(page.curves.book.get(ids[2], Series.TRAINING_ERROR)) == 200


def test_shown_runs_are_drawn_and_told_apart(ids, page, qtbot):
    page.show_runs(ids)
    _wait_loaded(qtbot, page)
    assert page.run_ids == ids
    assert [run.name for run in page.curves.plots[0].runs] == ["plain-8", "ResNet-8", "plain-14", "ResNet-14"]
    results = page.curves.tables.results
    assert results.rowCount() == 4
    row = [results.index(0, column).data() for column in range(results.columnCount())]
    assert row[0] == "plain-8"
    assert row[2] == row[4] == "baseline"
    assert results.index(1, 4).data() == "\N{MINUS SIGN}10.00"
    differences = page.curves.tables.differences
    fields = [differences.index(i, 0).data() for i in range(differences.rowCount())]
    assert set(fields) == {"Depth", "Block", "Shortcut", "Initial weights"}
    assert "10.0 percentage points above its twin ResNet-8's" in page.curves.tables.all_twins.toPlainText()
    assert page.curves.tables.tabs.tabText(2) == "Twins (2)"


def test_a_ticked_run_is_called_the_same_in_list_legend_and_tables(page, services, tiny_run: RunSpec, qtbot):
    seeds = [
        _store_cohort(services.store, CohortSpec(runs=(tiny_run.with_seeds(seed, seed),)), 60)[0] for seed in (0, 1, 2)
    ]
    page.show_runs(seeds[:1])
    picks = page.picker.model

    def listed() -> dict[str, str]:
        return {run.id: picks.index(row, 0).data() for row, run in enumerate(picks.records)}

    def legend() -> dict[str, str]:
        return {run.run_id: run.name for run in page.curves.plots[0].runs}

    assert legend() == {seeds[0]: "ResNet-8"}
    assert listed() == {seeds[0]: "ResNet-8", seeds[1]: "ResNet-8 · seed 1", seeds[2]: "ResNet-8 · seed 2"}
    page.picker.model.choose([seeds[2]], True)
    assert legend() == {seeds[0]: "ResNet-8 · seed 0", seeds[2]: "ResNet-8 · seed 2"}
    assert listed() | legend() == listed()
    assert page.evaluate._names == listed()
    first = next(row for row, run in enumerate(picks.records) if run.id == seeds[0])
    assert picks.index(first, 0).data(Qt.ItemDataRole.ToolTipRole).startswith("ResNet-8 · seed 0 ")


def test_a_name_has_the_room_that_the_errors_leave(ids, page, qtbot):
    view = page.picker.view
    widest = view.fontMetrics().horizontalAdvance("100.00 %")
    assert widest < view.columnWidth(1) < widest + 24


def test_another_baseline(ids, page, qtbot):
    page.show_runs(ids)
    page.curves.tables.baseline.setCurrentIndex(1)
    page.curves.tables.baseline.activated.emit(1)
    assert page.curves.tables.results.index(1, 2).data() == "baseline"
    assert page.curves.tables.results.index(0, 4).data() == "+10.00"


def test_ticks_choose_and_the_filter_finds(ids, page, qtbot):
    page.show_runs(ids[:1])
    picker = page.picker
    picker.filter.setText("depth:>8 plain")
    assert picker.proxy.rowCount() == 1
    index = picker.proxy.index(0, 0)
    picker.proxy.setData(index, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    assert page.run_ids == (ids[0], ids[2])
    assert index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    picker.view.doubleClicked.emit(index)
    assert page.run_ids == ids[:1]
    picker.filter.clear()
    picker.all.click()
    assert set(page.run_ids) == set(ids)
    picker.none.click()
    assert page.run_ids == ()
    assert not page.curves.export_button.isEnabled()


def test_deleted_runs_are_left_out_with_a_word(ids, page, services, qtbot):
    page.show_runs(ids)
    services.store.delete(ids[:2])
    services.controller.refresh()
    qtbot.waitUntil(lambda: page.run_ids == ids[2:])
    assert page.banner.sentence == "2 runs were deleted meanwhile and left out."
    services.store.purge_deleted()
    page.show_runs(ids)
    assert page.run_ids == ids[2:]


def test_a_run_that_is_purged_while_its_curve_is_read_is_passed_over(ids, page, services, qtbot):
    services.store.delete(ids[:1])
    services.store.purge_deleted()
    page.curves._loader.load(ids)
    _wait_loaded(qtbot, page)
    assert page.curves.book.get(ids[2], Series.TRAINING_ERROR) is not None
    assert page.banner.sentence == ""


def test_runs_without_points(ids, page, services, tiny_run, qtbot):
    queued = services.store.create_cohort(twin(tiny_run))
    page.show_runs([run.id for run in queued])
    _wait_loaded(qtbot, page)
    assert page.curves.tables.results.index(0, 1).data() == "–"
    assert "without errors yet" in page.curves.tables.all_twins.toPlainText()
    page.curves.plots[0].draw_if_dirty()
    page.grab()


def test_runs_in_training_go_on_growing(ids, page, services, qtbot):
    page.show_runs(ids)
    _wait_loaded(qtbot, page)
    services.controller.happened.emit(StatusChanged(ids[0], RunStatus.RUNNING, "", 100))
    assert len(page.curves.book.get(ids[0], Series.TRAINING_ERROR)) == 100
    chunk = CurveChunk(ids[0], Series.TRAINING_ERROR, 101, np.full(5, 33, np.float32))
    services.controller.happened.emit(CurvesGrew((chunk, dataclasses.replace(chunk, run_id="another"))))
    assert page.curves.book.get(ids[0], Series.TRAINING_ERROR).last == 33


def test_every_quantity_is_drawn_and_hiding_is_shared(ids, page, qtbot):
    page.show_runs(ids)
    _wait_loaded(qtbot, page)
    page.curves.plots[0].legend.row(ids[0]).click()
    for index in range(5):
        page.curves.quantity.setCurrentIndex(index)
        assert len(page.curves.plots[index].shown_runs) == 3
        page.curves.plots[index].draw_if_dirty()
        page.grab()
    assert [run.id for run in page.curves.shown().runs] == list(ids[1:])
    page.curves.plots[4].legend.row(ids[0]).click()
    page.curves.quantity.setCurrentIndex(0)
    assert len(page.curves.plots[0].shown_runs) == 4


def test_exports_write_what_is_shown(ids, page, tmp_path: Path, qtbot, monkeypatch):
    page.show_runs(ids)
    _wait_loaded(qtbot, page)
    page.curves.plots[0].legend.row(ids[0]).click()
    for kind in Export:
        if kind is Export.EVENTS and importlib.util.find_spec("tensorboard") is None:
            continue  # an extra
        target = tmp_path / f"{kind.name.lower()}{kind.row.suffix}"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args, path=target: (str(path), ""))
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args, path=target: str(path))
        action = next(each for each in page.curves.export_button.menu().actions() if each.data() == kind.name)
        with qtbot.waitSignal(page.message) as told:
            action.trigger()
        assert str(target) in told.args[0]
    with Image.open(tmp_path / "png.png") as image:
        assert image.size == (2000, 1280)
    words = " ".join(ElementTree.parse(tmp_path / "svg.svg").getroot().itertext())
    assert "ResNet-8" in words
    assert "plain-8" not in words
    curves = list(csv.DictReader(io.StringIO((tmp_path / "curves.csv").read_text("utf-8"))))
    assert len(curves) == 3 * (200 + 10)
    results = list(csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text("utf-8"))))
    assert [row["run"] for row in results] == list(ids[1:])


def test_an_export_that_fails_is_said_in_place(ids, page, tmp_path: Path, qtbot):
    page.show_runs(ids)
    page.curves.export_to(Export.RESULTS, tmp_path / "missing" / "results.csv")
    qtbot.waitUntil(lambda: "cannot be written" in page.banner.sentence)


def test_exports_refuse_nothing_and_add_their_ending(ids, page, services, tmp_path: Path):
    page.show_runs(ids)
    shown = page.curves.shown()
    assert shown.file_name == "plain-8-ResNet-8-plain-14-ResNet-14"
    assert export(Export.RESULTS, shown, services.store, tmp_path / "table").name == "table.csv"
    (stopped,) = services.store.create_cohort(CohortSpec(runs=(services.store.get(ids[0]).spec,)))
    services.store.set_status(stopped.id, RunStatus.STOPPED)
    page.show_runs([*ids, stopped.id])
    page.curves.group_choice.set_grouping(("depth",))
    grouped = export(Export.RESULTS, page.curves.shown(), services.store, tmp_path / "groups").read_text("utf-8")
    assert [line.partition(",")[0] for line in grouped.splitlines()] == ["group", "depth 8", "depth 14"]
    assert "1 stopped" in grouped.splitlines()[1]
    with pytest.raises(UserError, match="nothing to export"):
        export(Export.PNG, dataclasses.replace(shown, runs=()), services.store, tmp_path / "a.png")


def test_rows_can_be_copied(ids, page, qtbot):
    page.show_runs(ids)
    page.curves.tables.results_view.selectRow(1)
    page.curves.tables._on_copy()
    head, row = QGuiApplication.clipboard().text().split("\n")
    assert head.startswith("Run\tTraining error")
    assert row.startswith("ResNet-8\t")
    assert "\t-10.00\t" in row, "a spreadsheet knows no other minus"


def test_results_sort_by_number(ids, page):
    page.show_runs(ids)
    page.curves.tables.results.sort(1, Qt.SortOrder.AscendingOrder)
    names = [page.curves.tables.results.index(row, 0).data() for row in range(4)]
    assert names == ["ResNet-8", "plain-8", "ResNet-14", "plain-14"]


def test_models(ids, services, qtmodeltester):
    runs = services.store.list_runs()
    results, differences, picks = ResultsModel(services.theme), DifferencesModel(), PickModel(services.theme)
    results.set_runs(runs, runs[0].id)
    differences.set_runs(runs)
    picks.set_runs(runs, (), {})
    for model in (results, differences, picks):
        qtmodeltester.check(model)
    picks.set_runs(runs[1:], (), {})
    results.set_runs(runs[1:], "")
    assert results.index(0, 2).data() == "–"


def test_a_thousand_runs_can_be_picked_from(services, tiny_run, page, qtbot):
    for _ in range(32):
        services.store.create_cohort(CohortSpec(runs=(tiny_run,) * 32))
    page.activate()
    services.controller.refresh()
    qtbot.waitUntil(lambda: page.picker.model.rowCount() == 1024)
    page.picker.filter.setText("nothing like that")
    assert page.picker.proxy.rowCount() == 0


def _paint(page: ComparePage, run_id: str) -> tuple[str, ...]:
    """The colour of a run in the plot, in the list and in the table."""
    plotted = next(run for run in page.curves.plots[0].shown_runs if run.run_id == run_id)
    model = page.picker.model
    run = next(run for run in model.records if run.id == run_id)
    table = page.curves.tables.results._plotted[run_id].paint(page.services.theme)
    return plotted.paint(page.services.theme).name(), model.colour(run).name(), table.name()


def test_a_run_keeps_its_colour_whatever_is_ticked(services, tiny_run, page, qtbot):
    made = [_store_cohort(services.store, CohortSpec(runs=(tiny_run,)), level)[0] for level in (10.0, 20.0, 30.0)]
    page.show_runs(made[1:2])
    own = services.theme.run_colour(services.store.get(made[1]).colour).name()
    assert set(_paint(page, made[1])) == {own}  # alone it has the colour that it has on every page
    page.show_runs(made)
    painted = {run_id: _paint(page, run_id) for run_id in made}
    assert all(len(set(colours)) == 1 for colours in painted.values())  # the same in every part of the page
    assert len(set(painted.values())) == 3
    assert set(painted[made[1]]) == {own}
    page.show_runs([made[2], made[0]])
    page.show_runs([made[2]])
    assert _paint(page, made[2]) == painted[made[2]]
    page.show_runs([made[0], made[2], made[1]])
    assert {run_id: _paint(page, run_id) for run_id in made} == painted
    assert page.evaluate.model._lightness_steps == page.curves._shades
    assert page.curves.shown().options.lightness_steps == page.curves._shades  # exports look like the page


def test_names_fit_the_table_when_other_runs_come(services, tiny_run, page, qtbot):
    short = _store_cohort(services.store, CohortSpec(runs=(replace(tiny_run, name="a"),)), 10.0)
    name = "a name that is a good deal longer"
    long = _store_cohort(services.store, CohortSpec(runs=(replace(tiny_run, name=name),)), 20.0)
    page.show_runs(short)
    view = page.curves.tables.results_view
    before = view.columnWidth(0)
    assert not page.picker.view.wordWrap()  # a last word on a second line would not be seen
    page.show_runs(long)
    assert view.columnWidth(0) >= max(view.sizeHintForColumn(0), before + 1)
    baseline = page.curves.tables.baseline
    assert baseline.sizeHint().width() > baseline.fontMetrics().horizontalAdvance(name)


def test_the_conclusion_is_of_the_ticked_runs(services, page, tiny_run, qtbot):
    shallow, deep = tiny_run, replace(tiny_run, network=replace(tiny_run.network, depth=14))
    runs = tuple(run for spec in (shallow, deep) for run in twin(spec).runs)
    ids = _store_cohort(services.store, CohortSpec(runs=runs), 50)
    page.show_runs(ids[:1])
    _wait_loaded(qtbot, page)
    label = page.curves.tables.conclusion
    assert label.isHidden()
    page.show_runs(ids[:2])
    _wait_loaded(qtbot, page)
    qtbot.waitUntil(lambda: label.text().startswith("In this run, with one seed: plain-8 ends at"))
    assert "10.0 points above ResNet-8" in label.text()
    assert not label.isHidden()
    page.show_runs(ids)
    _wait_loaded(qtbot, page)
    qtbot.waitUntil(lambda: "points below plain-8" in label.text())
    assert "points above ResNet-14" in label.text()


def test_in_a_small_window_the_conclusion_is_whole_and_the_table_is_not_cut(services, page, tiny_run, qtbot):
    """Rows that lay below the panel's edge could not be scrolled to."""
    shallow, deep = tiny_run, replace(tiny_run, network=replace(tiny_run.network, depth=14))
    runs = tuple(run for spec in (shallow, deep) for run in twin(spec).runs)
    page.resize(1118, 580)
    page.show_runs(_store_cohort(services.store, CohortSpec(runs=runs), 50))
    _wait_loaded(qtbot, page)
    tables = page.curves.tables
    qtbot.waitUntil(lambda: "points below plain-8" in tables.conclusion.text())
    for widget in (tables.conclusion, tables.results_view):
        qtbot.waitUntil(lambda widget=widget: widget.visibleRegion().boundingRect() == widget.rect())
    assert tables.conclusion.height() >= tables.conclusion.heightForWidth(tables.conclusion.width())
    view = tables.results_view
    assert view.rowAt(view.viewport().height() - 1) in (2, 3, -1)  # three rows at least
    view.scrollToBottom()
    last = view.visualRect(view.model().index(3, 0))
    assert view.viewport().rect().contains(last)


def test_of_very_many_runs_the_first_are_drawn_and_all_are_scattered(services, page, qtbot):
    spec = RunSpec(network=NetworkSpec(depth=8), recipe=RecipeSpec(milestones=()))
    with services.store._storage.writing() as session:
        for number in range(MOST_RUNS + 400):
            (row,) = run_rows.new_rows(CohortSpec(runs=(spec.with_seeds(number, number),)))
            row.test_error = 9.0
            session.add(row)
    services.controller.runs_changed.emit()
    every = [run.id for run in services.store.list_runs()]
    page.show_runs(every)
    assert len(page.curves.run_ids) == MOST_RUNS
    assert page.curves.left_out.isVisibleTo(page)
    assert f"{len(every)} runs" in page.curves.left_out.text()
    page.show_part(SCATTER)
    assert page.scatter.read_out.text().startswith(f"{MOST_RUNS + 400} runs")
    page.show_runs(every[:MOST_RUNS])
    assert not page.curves.left_out.isVisibleTo(page)


def test_a_tick_does_not_read_the_list_again_and_a_change_does(ids, page, services, monkeypatch):
    page.show_runs(ids)
    read = []
    listed = services.store.list_runs
    monkeypatch.setattr(services.store, "list_runs", lambda: read.append(1) or listed())
    page.picker.model.check(page.picker.model.record_at(0), False)
    assert not read
    services.controller.runs_changed.emit()
    assert read
