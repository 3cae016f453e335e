"""Maps of depth and iteration: the numbers, the colours, the cursor, the pages and the figure."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import LAYERED, Series
from resnet_studio.domain.specs import replace, twin
from resnet_studio.platform.home import Home
from resnet_studio.ui.pages.compare.export import Export, Shown, export
from resnet_studio.ui.pages.compare.page import ComparePage
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.pages.train.plots import TrainPlots
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.layer_colours import coloured
from resnet_studio.ui.plots.layer_grid import (
    COLUMNS,
    colour_span,
    fitting_columns,
    layer_grid,
    layer_profile,
    layer_ticks,
    map_columns,
)
from resnet_studio.ui.plots.layer_plot import LayerPlot
from resnet_studio.ui.plots.panels import LAYER_PANELS, PlotOptions, PlottedRun
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.theme import Theme

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window

PLAIN = PlottedRun("p", "plain-110", "#0072B2", False, 110, 1000)
RESIDUAL = PlottedRun("r", "ResNet-110", "#0072B2", True, 110, 1000)
NORMS = Series.GRADIENT_NORM


def _norms(run: PlottedRun, points: int, first: int = 0) -> CurveChunk:
    """10 to the power of the layer's share, a tenth of it in a residual net; each measurement a little more."""
    layers = np.linspace(0.0, -2.0, run.depth) - (1.0 if run.residual else 0.0)
    values = 10.0 ** (layers[None] + 0.01 * np.arange(first, first + points)[:, None])
    return CurveChunk(run.run_id, NORMS, 1 + 25 * first, values.astype(np.float32), 25)


@pytest.fixture
def book() -> CurveBook:
    book = CurveBook()
    book.extend([_norms(PLAIN, 40), _norms(RESIDUAL, 40)])
    book.extend([CurveChunk("p", Series.SECONDS, 1, (np.arange(1000) / 10).astype(np.float32))])
    book.set_batches_per_epoch("p", 100.0)
    return book


@pytest.fixture
def plot(qtbot, book) -> LayerPlot:
    widget = LayerPlot(Theme(), book, LAYER_PANELS[0])
    qtbot.addWidget(widget)
    widget.resize(1000, 420)
    widget.set_runs([PLAIN, RESIDUAL])
    widget.show()
    qtbot.waitUntil(lambda: widget.frames > 0)
    return widget


def test_a_map_holds_each_measurement_until_the_next(book):
    grid = layer_grid(book, "p", NORMS, XAxis.ITERATION)
    assert (grid.left, grid.right, grid.values.shape) == (1.0, 1001.0, (110, 40))
    assert grid.values[0] == pytest.approx(0.01 * np.arange(40), abs=1e-5)
    assert grid.values[109, 0] == pytest.approx(-2.0, abs=1e-5)
    epochs = layer_grid(book, "p", NORMS, XAxis.EPOCH)
    assert (epochs.left, epochs.right) == (0.01, 10.01)
    assert layer_grid(book, "r", NORMS, XAxis.EPOCH) is None, "the length of its epochs is not known"
    assert layer_grid(book, "p", Series.UPDATE_RATIO, XAxis.ITERATION) is None
    time = layer_grid(book, "p", NORMS, XAxis.TIME)
    assert time.right == pytest.approx(100.0)


def test_long_runs_are_drawn_in_as_many_columns_as_a_screen_shows():
    book = CurveBook()
    book.extend([_norms(PLAIN, 2560)])
    grid = layer_grid(book, "p", NORMS, XAxis.ITERATION)
    assert grid.values.shape == (110, COLUMNS)
    assert grid.right == 1 + 25 * 2560
    assert grid.values[0, [0, 511]] == pytest.approx([0.02, 25.57], abs=0.03)


def test_what_has_no_logarithm_is_left_blank():
    book = CurveBook()
    values = np.array([[1.0, 0.0, np.nan, np.inf, 100.0]], np.float32)
    book.extend([CurveChunk("p", NORMS, 1, values, 25)])
    grid = layer_grid(book, "p", NORMS, XAxis.ITERATION)
    assert np.isfinite(grid.values[:, 0]).tolist() == [True, False, False, False, True]
    pixels = coloured(grid.values, colour_span([grid]))
    assert pixels[:, 0, 3].tolist() == [255, 0, 0, 0, 255]
    profile = layer_profile(book, "p", NORMS, XAxis.ITERATION, None)
    assert [profile.at(layer) for layer in (0, 1, 2, 3, 4, 5, 6)] == [None, 1.0, 0.0, None, None, 100.0, None]


def test_lightness_rises_over_the_scale():
    """What eyes that do not tell red from green go by, and a print in grey."""
    pixels = coloured(np.linspace(-3, 2, 200), (-3.0, 2.0)).astype(float)
    lightness = pixels[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -1.5).all()
    assert lightness[-1] - lightness[0] > 150


def test_all_runs_share_one_scale(plot):
    low, high = plot.span
    assert low == pytest.approx(-3.0, abs=1e-4)
    assert high == pytest.approx(0.39, abs=1e-4)
    plot.set_hidden(["p"])
    plot.draw_if_dirty()
    assert plot.span[1] == pytest.approx(-0.61, abs=1e-4)
    assert [run.run_id for run in plot.shown_runs] == ["r"]
    assert list(plot.profiles) == ["r"]


def test_one_value_makes_a_scale_too():
    book = CurveBook()
    book.extend([CurveChunk("p", NORMS, 1, np.ones((1, 3), np.float32), 25)])
    assert colour_span([layer_grid(book, "p", NORMS, XAxis.ITERATION)]) == (-0.05, 0.05)
    assert colour_span([]) is None


def test_the_cursor_cuts_the_maps(plot):
    assert {run_id: profile.iteration for run_id, profile in plot.profiles.items()} == {"p": 976, "r": 976}
    plot.read_at(260.0, 110)
    assert plot.profiles["p"].iteration == 251
    assert plot.profiles["p"].values == pytest.approx(_norms(PLAIN, 40).values[10])
    assert plot.legend.texts() == [("layer 110",), ("plain-110", "0.0126"), ("ResNet-110", "0.00126")]
    plot.read_at(0.5)
    assert plot.profiles == {}, "nothing was measured yet"


def test_the_mouse_and_the_keys_move_the_cursor(plot, qtbot):
    view = plot._view
    box = plot._maps[0].item.getViewBox().sceneBoundingRect()
    qtbot.mouseMove(view.viewport(), QPoint(int(box.center().x()), int(box.top() + 2)))
    plot.draw_if_dirty()
    assert 400 < plot.profiles["p"].iteration < 600
    assert plot._layer <= 2
    qtbot.mouseMove(view.viewport(), QPoint(int(box.right()) + 12, 2))
    assert plot._cursor is None
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert plot._cursor == pytest.approx(1001.0)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert plot._cursor == pytest.approx(991.0)
    assert plot._layer == 2
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert plot._cursor is None


def test_it_draws_what_arrives_and_only_then(plot, qtbot):
    qtbot.waitUntil(lambda: plot._view.size() == plot.stack.size())  # laid out
    plot.draw_if_dirty()
    frames = plot.frames
    with qtbot.waitSignals([plot._timer.timeout] * 4):
        pass
    assert plot.frames == frames
    plot.book.extend([_norms(PLAIN, 10, first=40)])
    qtbot.waitUntil(lambda: plot.frames > frames)
    assert plot._maps[0].grid.right == 1251.0
    plot.book.truncate("p", 500)
    plot.draw_if_dirty()
    assert plot._maps[0].grid.right == 501.0, "a run that goes on from its checkpoint"


def test_nothing_measured_says_so(qtbot, book):
    plot = LayerPlot(Theme(), book, LAYER_PANELS[1])
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.set_runs([PLAIN])
    plot.show()
    qtbot.waitUntil(lambda: plot.frames > 0)
    assert plot.empty
    assert "Measure layers every" in plot._nothing.text()
    plot.book.extend([CurveChunk("p", Series.UPDATE_RATIO, 1, np.ones((2, 110), np.float32), 25)])
    qtbot.waitUntil(lambda: not plot.empty)


def _four(book: CurveBook, depth: int = 110, count: int = 4) -> list[PlottedRun]:
    runs = [
        PlottedRun(f"{n}", f"ResNet-{depth} with option B, {n}", "#0072B2", bool(n % 2), depth, 1000)
        for n in range(count)
    ]
    book.extend([_norms(run, 40) for run in runs])
    return runs


def _laid_out(qtbot, plot: LayerPlot, width: int, height: int) -> None:
    plot.resize(width, height)
    plot.show()
    qtbot.waitUntil(lambda: (plot._view.width(), plot._view.height()) == (width, height))
    plot.draw_if_dirty()
    plot._view.ci.layout.activate()


@pytest.mark.parametrize(("width", "height", "least"), [(864, 185, 110), (1184, 332, 250)])
def test_four_deep_nets_can_be_read_in_the_height_that_train_has(qtbot, book, width, height, least):
    """As the page lays it out in windows of 1280x720 and 1600x1000."""
    plot = LayerPlot(Theme(), book, LAYER_PANELS[0], legend=False)
    qtbot.addWidget(plot)
    plot.set_runs(_four(book))
    _laid_out(qtbot, plot, width, height)
    boxes = [each.item.getViewBox() for each in plot._maps]
    assert all(box.height() >= least and box.width() >= 80 for box in boxes), "a pixel a layer"
    assert len({(round(box.width()), round(box.height())) for box in boxes}) == 1
    areas = [item.mapRectToScene(item.rect()) for item in (*(each.item for each in plot._maps), plot._profile)]
    areas.append(plot._scale.mapRectToScene(plot._scale.rect()))
    assert all(not one.intersects(other) for i, one in enumerate(areas) for other in areas[:i])
    assert all(plot._view.sceneRect().contains(area) for area in areas)
    titles = [each.item.titleLabel for each in plot._maps]
    assert all(title.itemRect().width() <= title.size().width() for title in titles), "no title on the next one"


@pytest.mark.parametrize("size", [(864, 185), (1184, 332), (600, 110)])
def test_the_colours_have_a_scale_with_values_and_unit(qtbot, book, size):
    plot = LayerPlot(Theme(), book, LAYER_PANELS[0], legend=False)
    qtbot.addWidget(plot)
    plot.set_runs(_four(book))
    _laid_out(qtbot, plot, *size)
    axis, box = plot._scale_values, plot._scale.getViewBox()
    assert axis.label.isVisible()
    assert axis.labelText == "gradient norm (nats)"
    low, high = plot.span
    assert box.viewRange()[1] == pytest.approx([low, high])
    ticks = axis.tickValues(low, high, box.height())[0][1]
    assert len(ticks) >= 2
    assert all(axis.tickStrings(ticks, 1.0, None))
    assert box.height() == pytest.approx(plot._maps[0].item.getViewBox().height(), abs=2)


def test_maps_stand_so_that_each_is_largest(qtbot, book):
    assert fitting_columns(4, lambda columns: (800 / columns, 120 / -(-4 // columns))) == 4
    assert fitting_columns(4, lambda columns: (800 / columns, 600 / -(-4 // columns))) == 2
    assert fitting_columns(4, lambda columns: (200 / columns, 900 / -(-4 // columns))) == 1
    assert fitting_columns(1, lambda _columns: (-5.0, -5.0)) == 1
    plot = LayerPlot(Theme(), book, LAYER_PANELS[0], legend=False)
    qtbot.addWidget(plot)
    plot.set_runs(_four(book))

    def rows(width: int, height: int) -> list[int]:
        _laid_out(qtbot, plot, width, height)
        tops = [round(each.item.y()) for each in plot._maps]
        labelled = [each.bottom.style["showValues"] for each in plot._maps]
        assert labelled == [top == max(tops) for top in tops], "iterations stand below the lowest maps"
        heights = [each.item.getViewBox().height() for each in plot._maps]
        assert max(heights) - min(heights) <= 2
        return [tops.count(top) for top in sorted(set(tops))]

    assert rows(864, 185) == [4]
    assert rows(900, 800) == [2, 2]
    assert rows(864, 185) == [4], "what the second row took is given back"


def test_the_values_at_the_cursor_stand_with_the_names_where_there_is_no_legend(qtbot, book):
    plot = LayerPlot(Theme(), book, LAYER_PANELS[0], legend=False)
    qtbot.addWidget(plot)
    plot.resize(900, 300)
    plot.set_runs([PLAIN, RESIDUAL])
    plot.show()
    qtbot.waitUntil(lambda: plot.frames > 0)
    plot.read_at(260.0, 110)
    assert [each.item.titleLabel.text for each in plot._maps] == ["plain-110  0.0126", "ResNet-110  0.00126"]
    assert plot._profile.titleLabel.text == "iteration 251, layer 110"
    assert (plot._level.isVisible(), plot._level.value()) == (True, 110)
    plot.read_at(None)
    assert [each.item.titleLabel.text for each in plot._maps] == ["plain-110", "ResNet-110"]
    assert not plot._level.isVisible()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_both_themes_and_every_number_of_runs_are_drawn(qtbot, book, mode):
    theme = Theme()
    theme.set_mode(mode)
    plot = LayerPlot(theme, book, LAYER_PANELS[0])
    qtbot.addWidget(plot)
    plot.resize(1100, 500)
    plot.show()
    for count in (1, 2, 3, 4, 9):
        runs = [PlottedRun(f"{n}", f"<plain> & {n}", "#0072B2", False, 20 + n, 1000) for n in range(count)]
        book.extend([CurveChunk(run.run_id, NORMS, 1, np.full((3, run.depth), 2.0, np.float32), 25) for run in runs])
        plot.set_runs(runs)
        plot.draw_if_dirty()
        assert len({(int(m.item.x()), int(m.item.y())) for m in plot._maps}) == count
        for axis in XAxis:
            plot.set_options(PlotOptions(axis))
            plot.draw_if_dirty()
            plot.grab()
        plot.set_options(PlotOptions())
    theme.set_mode("light")


def test_layers_are_labelled_from_the_first_to_the_last():
    assert layer_ticks(20, 30) == list(range(1, 21))
    assert layer_ticks(110, 12) == [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]
    assert layer_ticks(110, 6) == [1, 20, 40, 60, 80, 110]
    assert layer_ticks(1202, 8) == [1, 200, 400, 600, 800, 1000, 1202]
    assert layer_ticks(1, 8) == [1]
    assert [map_columns(range(count)) for count in (1, 2, 3, 4, 5, 8, 9, 20)] == [1, 2, 3, 2, 3, 4, 4, 4]


def test_the_deepest_network_is_drawn(qtbot):
    book = CurveBook()
    deepest = PlottedRun("d", "ResNet-1202", "#0072B2", True, 1202, 64_000)
    book.extend([_norms(deepest, 200)])
    plot = LayerPlot(Theme(), book, LAYER_PANELS[0])
    qtbot.addWidget(plot)
    plot.set_runs([deepest])
    plot.show()
    qtbot.waitUntil(lambda: plot.frames > 0)
    assert plot._maps[0].grid.values.shape == (1202, 200)


def test_train_gives_a_map_half_of_the_height(qtbot, book, home: Home):
    plots = TrainPlots(Theme(), Preferences(home), book)
    qtbot.addWidget(plots)
    plots.resize(900, 600)
    plots.show()
    before = plots.splitter.sizes()
    titles = [plots.tabs.tabText(index) for index in range(plots.tabs.count())]
    assert titles[-2:] == ["Gradient norm by depth", "Relative update by depth"]
    plots.tabs.setCurrentIndex(len(titles) - 2)
    above, below = plots.splitter.sizes()
    assert abs(above - below) <= 1
    plots.tabs.setCurrentIndex(len(titles) - 1)
    assert plots.splitter.sizes() == [above, below]
    plots.tabs.setCurrentIndex(0)
    assert plots.splitter.sizes() == before


@pytest.fixture
def measured(services, tiny_run):
    """Twins with layers measured, and a run from before."""
    runs = services.store.create_cohort(twin(tiny_run))
    (old,) = services.store.create_cohort(twin(replace(tiny_run, name="old")).model_copy(update={"runs": (tiny_run,)}))
    values = 10.0 ** np.linspace(-1, -3, 8 * 3).reshape(3, 8)
    services.store.append_chunks(
        [CurveChunk(run.id, series, 1, values.astype(np.float32), 25) for run in runs for series in LAYERED]
        + [CurveChunk(run.id, Series.TRAINING_ERROR, 1, np.full(60, 50, np.float32)) for run in (*runs, old)]
    )
    return (*runs, old)


@pytest.mark.parametrize("kind", [Export.PNG, Export.SVG, Export.PDF])
def test_a_figure_of_the_maps_is_written(services, measured, tmp_path: Path, kind):
    runs = tuple(services.store.get(run.id) for run in measured)
    shown = Shown(runs, PlotOptions(), LAYER_PANELS[0], None)
    path = export(kind, shown, services.store, tmp_path / "figure")
    if kind is Export.PNG:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
            assert image.size[0] > image.size[1] > 600
        assert len(np.unique(pixels, axis=0)) > 24, "a colour for each value"
    elif kind is Export.SVG:
        words = " ".join(ElementTree.parse(path).getroot().itertext())
        assert all(word in words for word in ("plain-8", "ResNet-8", "iteration 51", "gradient norm (nats)", "layer"))
    assert path.stat().st_size > 2000


def test_figures_of_runs_without_layers_are_refused(services, measured, tmp_path: Path):
    shown = Shown((services.store.get(measured[2].id),), PlotOptions(), LAYER_PANELS[0], None)
    with pytest.raises(UserError, match="measured by layer"):
        export(Export.PNG, shown, services.store, tmp_path / "figure")


def test_layers_are_exported_one_by_one(services, measured, tmp_path: Path):
    runs = tuple(services.store.get(run.id) for run in measured[:2])
    path = export(Export.CURVES, Shown(runs, PlotOptions(), LAYER_PANELS[1], None), services.store, tmp_path / "c")
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    assert len(rows) == 2 * 8 * 3
    assert {row["series"] for row in rows} == {f"update_ratio/{layer}" for layer in range(8)}
    assert {row["iteration"] for row in rows} == {"1", "26", "51"}


def test_compare_draws_the_maps_of_what_is_chosen(services, measured, qtbot):
    page = ComparePage(services, page_row("compare"))
    qtbot.addWidget(page)
    page.resize(1180, 640)
    page.show()
    page.show_runs([run.id for run in measured])
    qtbot.waitUntil(lambda: not page.curves.loading)
    page.curves.quantity.setCurrentIndex(page.curves.quantity.findText("Gradient norm by depth"))
    plot = next(each for each in page.curves.plots if each.panel is LAYER_PANELS[0])
    qtbot.waitUntil(lambda: plot.isVisible() and not plot.empty)
    assert [each.grid is None for each in plot._maps] == [False, False, True]
    plot.legend.row(measured[2].id).click()
    assert page.curves.shown().panel is LAYER_PANELS[0]
    page.curves.quantity.setCurrentIndex(0)
    assert [run.run_id for run in page.curves.plots[0].shown_runs] == [run.id for run in measured[:2]]
    services.controller.blockSignals(True)  # the store closes before the page goes
