"""The Inside page with trained networks, a real store and real jobs."""

from __future__ import annotations

import shutil
from dataclasses import replace as replace_chosen
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from resnet_studio.domain.analyses.charts import LineChart
from resnet_studio.domain.analyses.construct import Construction
from resnet_studio.domain.analyses.lesion import Lesion
from resnet_studio.domain.analyses.rows import ANALYSES
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace, twin
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui.analyses.subjects import Chosen
from resnet_studio.ui.diagram.rows import RowKind
from resnet_studio.ui.pages.inside.change_bar import Mode
from resnet_studio.ui.pages.inside.choose_dialog import ChooseDialog
from resnet_studio.ui.pages.inside.page import InsidePage
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.widgets.text import unbroken

from ..colour_folders import write_colour_folders

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WAIT = 120_000  # milliseconds, on a busy machine


def the_spec(folder: Path) -> RunSpec:
    return RunSpec(
        network=NetworkSpec(depth=8, width=4, image_size=8, classes=3),
        recipe=RecipeSpec(
            iterations=4, batch_size=12, milestones=(), test_every=4, learning_rate=0.05, precision="float32",
            device="cpu",
        ),
        data=DataSpec(source=f"folder:{folder}"),
    )  # fmt: skip


@pytest.fixture(scope="session")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_folders(tmp_path_factory.mktemp("inside-colours"), test=6)


@pytest.fixture(scope="session")
def twin_home(tmp_path_factory: pytest.TempPathFactory, coloured: Path) -> Home:
    """A plain net and its residual twin that have seen a few colours; to be copied."""
    from resnet_studio.runner.run_cohort import run

    home = Home(tmp_path_factory.mktemp("inside"))
    with RunStore.open(home) as store:
        run(twin(the_spec(coloured)), store, lambda event: None)
    return home


@pytest.fixture(scope="session")
def deeper_home(tmp_path_factory: pytest.TempPathFactory, coloured: Path) -> Home:
    """Likewise with two blocks a stage."""
    from resnet_studio.runner.run_cohort import run

    home = Home(tmp_path_factory.mktemp("inside-deeper"))
    with RunStore.open(home) as store:
        run(
            twin(replace(the_spec(coloured), network=NetworkSpec(depth=14, width=4, image_size=8, classes=3))),
            store,
            lambda event: None,
        )
    return home


@pytest.fixture
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    """Of a twin of depth 8, or of the depth that a test names."""
    made = request.getfixturevalue("deeper_home" if getattr(request, "param", 8) == 14 else "twin_home")
    shutil.copytree(made.root, tmp_path / "home")
    return Home(tmp_path / "home").prepare()


@pytest.fixture
def page(services, qtbot) -> InsidePage:  # type: ignore[no-untyped-def]
    page = InsidePage(services, page_row("inside"))
    qtbot.addWidget(page)
    page.resize(980, 560)
    page.show()
    page.activate()
    return page


def set_images(page: InsidePage, images: int) -> None:
    assert page.form.set_value("images", images)


def measured(page: InsidePage, qtbot, key: str, images: int = 12) -> None:  # type: ignore[no-untyped-def]
    page.show_analysis(key)
    set_images(page, images)
    page.look()
    qtbot.waitUntil(lambda: not page.session.running, timeout=WAIT)


def test_the_newest_twin_stands_side_by_side(page: InsidePage) -> None:
    assert [run.residual for run in page.chosen.runs] == [False, True]
    assert page.map.diff is not None
    assert [plan.spec.residual for plan in page.map.diff.plans] == [False, True]
    assert page.analyses.count() == len(ANALYSES)
    assert page.stack.currentIndex() == 1
    assert not page.figure.export_button.isEnabled()


def test_a_single_run_gets_its_counterpart_and_a_design_its_twin(page: InsidePage, coloured: Path) -> None:
    plain, residual = page.chosen.runs
    page.show_runs([residual.id])
    assert page.chosen.runs == (residual, plain)
    page.show_design(the_spec(coloured), start=False)
    assert [network.residual for network in page.chosen.networks] == [False, True]
    assert not page.chosen.runs


def test_a_signal_check_is_shown_stored_and_found_again(page: InsidePage, qtbot, services) -> None:  # type: ignore[no-untyped-def]
    measured(page, qtbot, "signal")
    shown = page.figure.shown
    assert shown is not None
    assert len(shown.results) == 2
    assert page.figure.title.text() == unbroken(f"{shown.figure.title}.")
    assert "12 images" in page.figure.measured.text()
    assert len(services.store.analyses(None, "signal")) == 2
    again = InsidePage(services, page_row("inside"))
    qtbot.addWidget(again)
    again.activate()
    assert again.stored.count() == 1
    assert "12 images, seed 0, 2 runs" in again.stored.itemText(0)
    assert again.figure.title.text() == page.figure.title.text()


def test_the_figure_follows_the_drawing_and_the_drawing_the_figure(page: InsidePage, qtbot) -> None:  # type: ignore[no-untyped-def]
    measured(page, qtbot, "signal")
    page.map.setFocus()
    rows = page.map.rows
    assert rows is not None
    place = next(i for i, row in enumerate(rows.all) if any(page.map.blocks_of(row)))
    page.map.put_mark(place)
    block = page.map.blocks_of(rows.all[place])[0]
    assert page.figure.canvas.marked == block
    chart = page.figure.canvas.figure.panels[0]  # type: ignore[union-attr]
    assert isinstance(chart, LineChart)
    assert block in chart.lines[0].names
    before = page.figure.canvas.grab().toImage()
    page.figure.canvas.mark("")
    assert page.figure.canvas.grab().toImage() != before
    qtbot.keyClick(page.map, Qt.Key.Key_Return)
    assert page.map.chosen == block
    page.map.point("")
    assert page.figure.canvas.marked == block  # the chosen one, while nothing is pointed at


def test_shattered_gradients_follow_the_chosen_block(page: InsidePage, qtbot) -> None:  # type: ignore[no-untyped-def]
    measured(page, qtbot, "shattered")
    shown = page.figure.shown
    assert shown is not None
    chart = shown.figure.panels[-1]
    assert isinstance(chart, LineChart)
    assert "stage2.block1" in chart.lines[0].names
    page.figure.canvas.enlarge(chart)
    before = page.figure.canvas.grab().toImage()
    page.map.point("stage2.block1")
    assert page.figure.canvas.marked == "stage2.block1"
    assert page.figure.canvas.grab().toImage() != before


def test_a_click_takes_a_block_out_and_all_fill_in(page: InsidePage, qtbot, services) -> None:  # type: ignore[no-untyped-def]
    page.show_analysis("lesion")
    set_images(page, 18)
    rows = page.map.rows
    assert rows is not None
    place = next(i for i, row in enumerate(rows.all) if row.kind is RowKind.GROUP and page.map.blocks_of(row)[0])
    point = page.map.position_of(place)
    qtbot.mouseClick(page.map.viewport(), Qt.MouseButton.LeftButton, pos=point + QPoint(2, 0))
    block = page.map.chosen
    assert block
    qtbot.waitUntil(lambda: f"Without {block}" in page.figure.answer.text(), timeout=WAIT)
    qtbot.waitUntil(lambda: not page.session.running, timeout=WAIT)
    first = services.store.analyses(None, "lesion")
    assert [one.settings["blocks"] for one in first] == [[block], [block]]  # stored, one a network
    page.look()
    qtbot.waitUntil(lambda: not page.session.running, timeout=WAIT)
    shown = page.figure.shown
    assert shown is not None
    assert shown.records
    for result in shown.results:
        assert isinstance(result, Lesion)
        assert [each.name for each in result.blocks] == ["stage1.block1", "stage2.block1", "stage3.block1"]
        assert all(each.images == 18 for each in result.blocks)
    assert len(services.store.analyses(None, "lesion")) == 4
    tested = {run.id: run.test_error for run in page.chosen.runs}
    for record in shown.records:  # all test images: the stored test error, to the last image
        assert record.result.error == pytest.approx(tested[record.run_ids[0]])  # type: ignore[attr-defined]


def test_an_analysis_that_is_asked_for_is_measured_at_once(page: InsidePage, qtbot, services) -> None:  # type: ignore[no-untyped-def]
    ids = [run.id for run in services.store.list_runs()]
    page.show_runs(ids, "lesion")
    assert page.analysis.key == "lesion"
    assert page.session.running
    qtbot.waitUntil(lambda: not page.session.running, timeout=60_000)
    assert page.figure.shown is not None
    assert page.figure.shown.row.key == "lesion"
    page.show_runs(ids, "lesion")
    assert not page.session.running, "it is there already"


def test_stop_ends_it(page: InsidePage, qtbot) -> None:  # type: ignore[no-untyped-def]
    page.show_analysis("surface")
    page.look()
    assert page.session.running
    assert page.run_button.text() == "Stop"
    qtbot.waitUntil(lambda: page.session.fraction is not None, timeout=WAIT)
    page.look()
    qtbot.waitUntil(lambda: not page.session.running, timeout=10_000)
    assert page.figure.shown is None or not page.figure.shown.records


def test_table_and_files_hold_what_is_shown(page: InsidePage, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    measured(page, qtbot, "responses")
    page.figure.as_table.click()
    assert page.figure.stack.currentWidget() is page.figure.table
    assert page.figure.shown is not None
    assert page.figure.model.rowCount() == len(page.figure.shown.table.rows)
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"), (".csv", b"network")):
        with qtbot.waitSignal(page.figure.status_message, timeout=WAIT):
            page.figure.export(tmp_path / f"figure{suffix}")
        assert (tmp_path / f"figure{suffix}").read_bytes().lstrip(b"\xef\xbb\xbf").startswith(start)


def test_every_column_of_a_lesion_is_in_sight(page: InsidePage, qtbot) -> None:  # type: ignore[no-untyped-def]
    page.resize(1200, 700)
    measured(page, qtbot, "lesion")
    order = ("stage1.block1", "stage2.block1", "stage3.block1")
    found = page.figure.shown
    assert found is not None
    (first, *_more) = found.results
    assert isinstance(first, Lesion)
    long = replace_chosen(first.blocks[0], name="all", deleted=order)
    results = (replace_chosen(first, blocks=(*first.blocks, long)),)
    page.figure.show_results(replace_chosen(found, results=results))
    page.figure.as_table.setChecked(True)
    QApplication.processEvents()
    table = page.figure.table
    last = page.figure.model.columnCount() - 1
    assert table.columnViewportPosition(last) + table.columnWidth(last) <= table.viewport().width()
    words = page.figure.model.index(3, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert words == "without stage1.block1, stage2.block1 and stage3.block1"


def test_a_wrong_setting_is_named_and_nothing_starts(page: InsidePage) -> None:
    page.form.rows["images"].set_text("none")
    page.look()
    assert not page.session.running
    assert page.form.rows["images"].sentence


def test_each_analysis_keeps_its_settings(page: InsidePage) -> None:
    page.show_analysis("signal")
    page.form.rows["images"].set_text("77")
    page.show_analysis("cam")
    images = page.form.rows["images"].text
    page.form.rows["block"].set_text("stage2.block1")
    page.form.rows["seed"].set_text("5")
    page.show_analysis("signal")
    assert page.form.rows["images"].text == "77"
    page.show_analysis("cam")
    assert [page.form.rows[name].text for name in ("images", "block", "seed")] == [images, "stage2.block1", "5"]
    page.show_analysis("signal")
    page.show_chosen(page.chosen)  # of networks that were chosen anew a block may be another
    page.show_analysis("cam")
    assert [page.form.rows[name].text for name in ("block", "seed")] == ["", "5"]


def test_runs_and_designs_are_counted_in_the_list(page: InsidePage, qtbot) -> None:  # type: ignore[no-untyped-def]
    two = page.chosen
    designs = tuple((run.spec.network.label, run.spec.network) for run in two.runs)
    page.show_chosen(replace_chosen(two, designs=designs))
    measured(page, qtbot, "signal")
    assert page.stored.count() == 2
    assert page.stored.itemText(0).endswith("2 runs, 2 untrained designs")
    assert page.stored.itemText(1).endswith("seed 0, 2 runs")
    page.stored.activated.emit(1)
    assert len(page.figure.shown.results) == 2  # type: ignore[union-attr]
    page.stored.activated.emit(0)
    assert len(page.figure.shown.results) == 4  # type: ignore[union-attr]
    assert page.chosen.sentence.endswith(", untrained")


def test_more_networks_than_the_drawing_shows_are_counted() -> None:
    networks = tuple((f"plain-{depth}", NetworkSpec(depth=depth)) for depth in (8, 14, 20, 26))
    assert Chosen(designs=networks).sentence.endswith("the drawing shows 3 of 4")
    assert "drawing" not in Chosen(designs=networks[:3]).sentence


def test_designs_are_not_asked_for_what_training_gives(page: InsidePage, qtbot, coloured: Path) -> None:  # type: ignore[no-untyped-def]
    page.show_design(the_spec(coloured), "lesion")
    qtbot.waitUntil(lambda: not page.session.running, timeout=WAIT)
    assert "trained weights" in page.banner.sentence


def test_networks_are_chosen_by_ticks_and_names(page: InsidePage, services, qtbot) -> None:  # type: ignore[no-untyped-def]
    runs = services.store.list_runs()
    dialog = ChooseDialog(services.theme, runs, Chosen())
    qtbot.addWidget(dialog)
    dialog.accept()
    assert dialog.error.text()
    dialog.picker.model.choose([runs[0].id], True)
    dialog.designs.setText("plain-20, nonsense")
    dialog.accept()
    assert "nonsense" in dialog.error.text()
    dialog.designs.setText("plain-20")
    dialog.accept()
    assert dialog.chosen.names == (runs[0].name, "plain-20")


def test_it_fits_the_smallest_window_and_every_widget_has_a_name(page: InsidePage) -> None:
    QApplication.processEvents()
    assert page.minimumSizeHint().width() <= 1060 - 84
    assert page.minimumSizeHint().height() <= 640 - 60
    for widget in (page.map, page.figure.canvas, page.figure.table, page.analyses, page.stored, page.progress):
        assert widget.accessibleName()
        assert widget is page.progress or widget.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_without_runs_the_page_says_what_it_is_for(services, qtbot) -> None:  # type: ignore[no-untyped-def]
    for run in services.store.list_runs():
        services.store.delete([run.id])
    page = InsidePage(services, page_row("inside"))
    qtbot.addWidget(page)
    page.activate()
    assert page.stack.currentWidget() is page.empty
    page.empty.button.click()
    assert services.navigator.asked["check_signal"]


def clicked(page: InsidePage, qtbot, block: str) -> None:  # type: ignore[no-untyped-def]
    rows = page.map.rows
    assert rows is not None
    place = next(i for i, row in enumerate(rows.all) if block in page.map.blocks_of(row))
    point = page.map.position_of(place)
    qtbot.mouseClick(page.map.viewport(), Qt.MouseButton.LeftButton, pos=point + QPoint(2, 0))
    assert page.map.chosen == block


@pytest.mark.parametrize("home", [14], indirect=True)
def test_several_blocks_and_another_order(page: InsidePage, qtbot, services) -> None:  # type: ignore[no-untyped-def]
    page.show_analysis("lesion")
    set_images(page, 18)
    assert page.changes.isVisible()
    page.changes.buttons[Mode.SEVERAL].click()
    clicked(page, qtbot, "stage2.block2")
    clicked(page, qtbot, "stage1.block1")
    several = "without stage1.block1, stage2.block2"
    qtbot.waitUntil(lambda: f"W{several[1:]}: " in page.figure.answer.text(), timeout=WAIT)
    qtbot.waitUntil(lambda: not page.session.running, timeout=WAIT)
    assert page.map.changed == ("stage2.block2", "stage1.block1")
    page.changes.buttons[Mode.SWAP].click()
    assert page.map.changed == ()
    clicked(page, qtbot, "stage3.block1")
    clicked(page, qtbot, "stage3.block2")
    qtbot.waitUntil(lambda: "their shapes differ" in page.banner.sentence, timeout=WAIT)
    qtbot.waitUntil(lambda: not page.session.running, timeout=WAIT)
    clicked(page, qtbot, "stage1.block1")
    clicked(page, qtbot, "stage1.block2")
    swapped = "stage1.block1 and stage1.block2 swapped"
    qtbot.waitUntil(lambda: f"S{swapped[1:]}: " in page.figure.answer.text(), timeout=WAIT)
    qtbot.waitUntil(lambda: not page.session.running, timeout=WAIT)
    shown = page.figure.shown
    assert shown is not None
    assert [[each.name for each in one.blocks] for one in shown.results] == [  # type: ignore[attr-defined]
        ["stage2.block2", several, swapped]
    ] * 2
    stored = [services.store.analysis(one.id) for one in services.store.analyses(None, "lesion")]
    orders = {tuple(record.settings["order"]) for record in stored}
    assert (
        "stage1.block2",
        "stage1.block1",
        "stage2.block1",
        "stage2.block2",
        "stage3.block1",
        "stage3.block2",
    ) in orders
    assert {each.name for record in stored for each in record.result.blocks} == {"stage2.block2", several, swapped}
    again = InsidePage(services, page_row("inside"))
    qtbot.addWidget(again)
    again.activate()
    again.show_analysis("lesion")
    assert again.figure.shown is not None
    assert again.figure.shown.table == shown.table
    again.show()
    set_images(again, 18)
    clicked(again, qtbot, "stage3.block2")  # beside what is stored
    qtbot.waitUntil(lambda: len(again.figure.shown.table.rows) == 8, timeout=WAIT)  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: not again.session.running, timeout=WAIT)
    assert again.figure.shown.records
    assert [line[1] for line in again.figure.shown.table.rows[:2]] == ["stage2.block2", "stage3.block2"]


def test_every_checkpoint_and_training_images(page: InsidePage, qtbot, services) -> None:  # type: ignore[no-untyped-def]
    (run, _other) = page.chosen.runs
    kept = [each.iteration for each in services.store.checkpoints(run.id)]
    dialog = ChooseDialog(services.theme, services.store.list_runs(), page.chosen, kept=page._kept_iterations)
    qtbot.addWidget(dialog)
    assert dialog.checkpoints.count() == 2 + len(kept)
    dialog.checkpoints.setCurrentIndex(1)
    dialog.part.setCurrentIndex(1)
    dialog.accept()
    page.show_chosen(dialog.chosen)
    assert "every checkpoint, training images" in page.chosen.sentence
    measured(page, qtbot, "signal")
    shown = page.figure.shown
    assert shown is not None
    assert [one.net.iteration for one in shown.results] == 2 * sorted(kept)
    assert {record.settings["part"] for record in shown.records} == {"training"}
    assert "(training)" in page.figure.measured.text()
    page.show_runs([each.id for each in page.chosen.runs])  # the newest, on test images: not measured yet
    assert page.figure.shown is None


def test_a_lesion_is_prepared_in_silence_and_gives_way(page: InsidePage, qtbot) -> None:  # type: ignore[no-untyped-def]
    ended: list[object] = []
    page.session.ended.connect(ended.append)
    page.show_analysis("lesion")
    assert page.session._job is not None
    assert not page.session.running
    assert not page.progress.isVisible()
    assert page.run_button.text() == "&Measure"
    clicked(page, qtbot, "stage1.block1")  # waits for it
    assert page.session.running
    qtbot.waitUntil(lambda: bool(ended), timeout=WAIT)
    assert "Without stage1.block1" in page.figure.answer.text()
    page.show_analysis("signal")
    page.show_analysis("lesion")
    assert page.session._job is not None  # prepared once more
    measured(page, qtbot, "signal")
    assert page.figure.shown is not None
    assert page.figure.shown.records


def test_of_a_twin_the_plain_net_is_made_deeper(page: InsidePage, qtbot, services) -> None:  # type: ignore[no-untyped-def]
    measured(page, qtbot, "construct")
    shown = page.figure.shown
    assert shown is not None
    assert [(one.net.residual, one.difference) for one in shown.results] == [(False, 0.0)]  # type: ignore[attr-defined]
    assert not page.banner.sentence
    assert shown.results[0].new_run in {run.id for run in services.store.list_runs()}  # type: ignore[attr-defined]


def test_what_was_built_and_the_shallow_net_train_on_from_the_page(page: InsidePage, qtbot, services) -> None:  # type: ignore[no-untyped-def]
    bar = page.train_on
    assert bar.isHidden()
    measured(page, qtbot, "construct")
    shown = page.figure.shown
    assert shown is not None
    (found,) = shown.results
    assert isinstance(found, Construction)
    assert bar.isVisible()
    assert bar.button.isEnabled()
    started: list[tuple[str, ...]] = []
    bar.started.connect(started.append)
    bar.iterations.setValue(2)
    bar.button.click()
    (run_ids,) = started
    runs = [services.store.get(run_id) for run_id in run_ids]
    assert [run.spec.start_from for run in runs] == [found.net.run_id, found.new_run]
    assert {run.spec.recipe.iterations for run in runs} == {2}
    assert len({run.spec.recipe.seeds for run in runs}) == 1
    page.services.navigator.look_inside([found.net.run_id])
    page.show_analysis("construct")
    qtbot.waitUntil(lambda: "trained on" in bar.why.text(), timeout=WAIT)
    assert f"the built {found.deeper}" in bar.why.text()
    page.show_analysis("signal")
    assert bar.isHidden()


def test_a_construction_whose_run_was_deleted_is_not_trained_on(page: InsidePage, qtbot, services) -> None:  # type: ignore[no-untyped-def]
    measured(page, qtbot, "construct")
    shown = page.figure.shown
    assert shown is not None
    services.store.delete([shown.results[0].new_run])  # type: ignore[attr-defined]
    page.train_on.show_results(shown.results)
    assert not page.train_on.button.isEnabled()
    assert "build it again" in page.train_on.why.text()
