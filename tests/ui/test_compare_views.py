"""Panels by a field with one scale, groups in the tables, and views that come back as they were saved."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtWidgets import QInputDialog

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.grouping import ALL_BUT_SEEDS, NO_GROUPS
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, RunSpec, replace, twin
from resnet_studio.ui.pages.compare.page import SCATTER, ComparePage
from resnet_studio.ui.pages.compare.views import SavedView
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.plots.curve_data import XAxis
from resnet_studio.ui.plots.panels import PlotOptions

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def ids(services, tiny_run: RunSpec) -> list[str]:
    """Twins of three seeds; residual nets end 20 points lower."""
    store, made = services.store, []
    for seed in range(3):
        spec = replace(tiny_run, recipe=replace(tiny_run.recipe, init_seed=seed, data_seed=seed))
        for run in store.create_cohort(twin(spec)):
            level = 60.0 + seed - 20.0 * run.residual
            values = np.full(100, level, np.float32)
            store.append_chunks(
                [
                    CurveChunk(run.id, Series.TRAINING_ERROR, 1, values),
                    CurveChunk(run.id, Series.TEST_ERROR, 50, values[:2] + 1, 50),
                ]
            )
            store.set_status(run.id, RunStatus.FINISHED)
            made.append(run.id)
    return made


@pytest.fixture
def page(services, qtbot) -> ComparePage:
    page = ComparePage(services, page_row("compare"))
    qtbot.addWidget(page)
    page.resize(1300, 800)
    page.show()
    return page


def show(page: ComparePage, ids: list[str], qtbot) -> None:
    page.show_runs(ids)
    qtbot.waitUntil(lambda: not page.curves.loading)
    page.curves._show_tables()


def test_groups_stand_in_plot_legend_and_table_with_deltas(page, ids, qtbot):
    show(page, ids, qtbot)
    page.curves.group_choice.set_grouping(ALL_BUT_SEEDS)
    tables = page.curves.tables
    assert tables._shown_results.currentWidget() is tables.groups_view
    titles = [column.title for column in tables.groups.columns]
    cells = {title: tables.groups.index(1, titles.index(title)).data() for title in ("Group", "Runs", "Test error")}
    assert cells == {"Group": "ResNet-8", "Runs": "3", "Test error": "42.00 ± 1.00 % (n 3)"}
    first_delta = titles.index("Δ")
    assert [tables.groups.index(row, first_delta).data() for row in (0, 1)] == ["baseline", "\N{MINUS SIGN}20.00"]
    tables.baseline.setCurrentIndex(1)
    tables.baseline.activated.emit(1)
    assert [tables.groups.index(row, first_delta).data() for row in (0, 1)] == ["+20.00", "baseline"]
    page.curves._show_tables()
    assert tables.baseline.currentText() == "ResNet-8"  # it stays
    plot = page.curves.plots[0]
    plot.draw_if_dirty()
    assert [row[0] for row in plot.legend.texts()[1:]] == ["plain-8 (n 3)", "ResNet-8 (n 3)", "plain − residual (8)"]
    assert plot.legend.texts()[3][1] == "+20.0 pp"


def test_panels_by_a_field_have_one_scale_until_it_is_switched_off(page, ids, qtbot):
    show(page, ids, qtbot)
    page.curves.facet_choice.setCurrentIndex(page.curves.facet_choice.findData("kind"))
    facets = page.curves.facets
    assert facets.titles == ["plain", "residual"]
    assert [len(plot.runs) for plot in facets.plots] == [3, 3]
    for plot in facets.plots:
        plot.draw_if_dirty()
    assert facets.plots[0].spans == facets.plots[1].spans
    page.curves.same_scale.click()
    for plot in facets.plots:
        plot.draw_if_dirty()
    assert facets.plots[0].spans[1][0] > facets.plots[1].spans[1][1]
    page.curves.facet_choice.setCurrentIndex(0)
    assert page.curves._plot_stack.currentWidget() is page.curves.plots[0]


def test_columns_grow_with_the_values_of_a_group(page, ids, qtbot):
    page.curves.group_choice.set_grouping(ALL_BUT_SEEDS)
    show(page, ids[:2], qtbot)
    view, model = page.curves.tables.groups_view, page.curves.tables.groups
    titles = [column.title for column in model.columns]
    error = titles.index("Training error")
    assert model.index(0, error).data().endswith("(n 1)")
    show(page, ids, qtbot)  # the names of the groups are the same
    assert model.index(0, error).data().endswith("(n 3)")
    for column in range(len(titles)):
        assert view.columnWidth(column) >= view.sizeHintForColumn(column), titles[column]
    view.setColumnWidth(error, 40)
    page.curves._show_tables()
    assert view.columnWidth(error) == 40  # as a person wanted it


def by_layer(services, tiny_run: RunSpec) -> list[str]:
    """Runs of two depths, with curves by layer."""
    made = []
    for depth in (8, 14):
        network = replace(tiny_run.network, depth=depth)
        for run in services.store.create_cohort(CohortSpec(runs=(replace(tiny_run, network=network),))):
            values = np.full(100, 60.0 + depth, np.float32)
            layers = np.ones((4, depth), np.float32)
            services.store.append_chunks(
                [
                    CurveChunk(run.id, Series.TRAINING_ERROR, 1, values),
                    CurveChunk(run.id, Series.GRADIENT_NORM, 1, layers, 25),
                ]
            )
            services.store.set_status(run.id, RunStatus.FINISHED)
            made.append(run.id)
    return made


def test_nets_of_two_depths_form_a_group_without_twin_and_without_a_map_by_layer(page, services, tiny_run, qtbot):
    show(page, by_layer(services, tiny_run), qtbot)
    page.curves.group_choice.set_grouping(("block",))
    plot = page.curves.plots[0]
    plot.draw_if_dirty()
    (group,) = plot.runs
    assert len(group.members) == 2
    assert group.twin == (group.run_id, 0)  # no net of one depth is its twin
    assert page.curves.book.get(group.run_id, Series.TRAINING_ERROR).last == 71.0
    page.curves.quantity.setCurrentIndex(page.curves.quantity.findData("gradient_norm"))
    layers = page.curves._plot_stack.currentWidget()
    layers.draw_if_dirty()
    assert layers.empty


@pytest.mark.parametrize("grouping", [NO_GROUPS, ("block",)])
def test_maps_by_layer_are_not_split_into_panels_by_a_field(page, services, tiny_run, qtbot, grouping):
    show(page, by_layer(services, tiny_run), qtbot)
    curves = page.curves
    curves.group_choice.set_grouping(grouping)
    curves.facet_choice.setCurrentIndex(curves.facet_choice.findData("kind"))
    assert curves._plot_stack.currentWidget() is curves.facets
    curves.quantity.setCurrentIndex(curves.quantity.findData("gradient_norm"))
    assert curves._plot_stack.currentWidget() is curves.plots[curves.quantity.currentIndex()]
    assert not curves.facet_choice.isEnabled()
    assert not curves.same_scale.isVisibleTo(page)
    curves.quantity.setCurrentIndex(0)
    assert curves.facet_choice.isEnabled()
    assert curves._plot_stack.currentWidget() is curves.facets


def test_a_saved_view_comes_back(page, ids, services, qtbot, monkeypatch):
    show(page, ids[:4], qtbot)
    page.curves.controls.set_options(PlotOptions(XAxis.IMAGES, 100, True, True, False))
    page.curves.group_choice.set_grouping(ALL_BUT_SEEDS)
    page.curves.facet_choice.setCurrentIndex(page.curves.facet_choice.findData("depth"))
    page.scatter.set_fields("parameters", "training_error")
    page.picker.filter.setText("depth:8")
    page.show_part(SCATTER)
    page.views.save("seeds")
    before = page.present_view("seeds")
    show(page, ids[4:], qtbot)
    page.curves.controls.set_options(PlotOptions())
    page.curves.group_choice.set_grouping(NO_GROUPS)
    page.curves.facet_choice.setCurrentIndex(0)
    page.picker.filter.setText("")
    page.show_part(0)
    assert page.present_view("seeds") != before
    page.views.fill()
    next(action for action in page.views.menu().actions() if action.text() == "seeds").trigger()
    assert page.present_view("seeds") == before
    again = ComparePage(services, page_row("compare"))
    qtbot.addWidget(again)
    assert again.views.views == [before]  # remembered
    monkeypatch.setattr(QInputDialog, "getText", lambda *_args, **_named: ("many  seeds", True))
    again.views.fill()
    rename = next(action for action in again.views.menu().actions() if action.text() == "Rename").menu()
    rename.actions()[0].trigger()
    assert again.views.views == [dataclasses.replace(before, name="many seeds")]
    again.views.remove("many seeds")
    assert again.views.views == []


def test_a_damaged_view_is_passed_over(page, services):
    good = SavedView("good", ("a" * 32,))
    texts = [good.to_text(), "", "{", "[]", '{"name": "x", "window": "many"}', '{"runs": []}']
    services.preferences.set_value("compare/views", texts)
    assert page.views.views == [good]
    page.show_view(page.views.views[0])  # its run is gone
    assert page.run_ids == ()


def test_imported_runs_alone_say_why_nothing_is_drawn(page, services, tiny_run, ids, qtbot):
    spec = replace(tiny_run, name="theirs")
    run = services.store.add_imported(spec, [], {}, lambda run_id: (f"{run_id}/checkpoints/iteration-0", "ab" * 32))
    show(page, [run.id], qtbot)
    assert page.curves._plot_stack.currentWidget().text().startswith("These runs were trained elsewhere")
    show(page, [run.id, ids[0]], qtbot)
    assert page.curves._plot_stack.currentWidget() is page.curves.plots[0]


def test_the_papers_figure_and_the_fields_that_differ_stand_in_the_table(page, services, qtbot):
    runs = []
    for rate in (0.1, 0.05):
        spec = RunSpec()
        spec = replace(spec, network=replace(spec.network, depth=20), recipe=replace(spec.recipe, learning_rate=rate))
        runs += services.store.create_cohort(twin(spec))
    show(page, [run.id for run in runs], qtbot)
    results = page.curves.tables.results
    titles = [column.title for column in results.columns]
    assert {"Paper", "Learning rate", "Block", "Shortcut"} <= set(titles)
    assert "Batch size" not in titles  # it is the same everywhere
    paper = [results.index(row, titles.index("Paper")).data() for row in range(4)]
    assert paper == ["–", "8.75\u202f%", "–", "8.75\u202f%"]
    tip = results.columns[titles.index("Paper")].cell_tip(results.record_at(1))
    assert "Table 6" in tip
    assert "Other than in the paper" in tip
    rates = [results.index(row, titles.index("Learning rate")).data() for row in range(4)]
    assert rates == ["0.1", "0.1", "0.05", "0.05"]
    names = [results.index(row, 0).data() for row in range(4)]
    assert names == [
        "plain-20 · learning rate 0.1", "ResNet-20 · learning rate 0.1",
        "plain-20 · learning rate 0.05", "ResNet-20 · learning rate 0.05",
    ]  # fmt: skip
