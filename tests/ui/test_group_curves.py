"""Groups of runs in the plot: mean, band and seeds, and what the legend says of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.ui.plots.cursor_values import readings
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.group_curves import band, put_group_curves
from resnet_studio.ui.plots.panels import ERROR, PlotOptions, PlottedRun
from resnet_studio.ui.theme import Theme

GROUP = PlottedRun("group:x", "ResNet-20 (n 3)", "#0072B2", True, 20, 100, cohort="groups", members=("a", "b", "c"))


@pytest.fixture
def book() -> CurveBook:
    book = CurveBook()
    for place, run_id in enumerate("abc"):
        values = np.full(100 if place < 2 else 80, 30.0 + place, np.float32)
        book.extend([CurveChunk(run_id, Series.TRAINING_ERROR, 1, values)])
        book.extend([CurveChunk(run_id, Series.TEST_ERROR, 20, values[19::20] + 2, 20)])
        book.extend([CurveChunk(run_id, Series.SECONDS, 1, np.arange(len(values), dtype=np.float32) * (place + 1))])
        book.set_batch_size(run_id, 64)
    return book


def test_the_mean_stands_where_all_runs_have_points(book):
    put_group_curves(book, [GROUP])
    mean = book.get(GROUP.run_id, Series.TRAINING_ERROR)
    assert mean.iterations.tolist() == list(range(1, 81))
    np.testing.assert_allclose(mean.values, 31.0)
    assert book.positions(GROUP.run_id, Series.TEST_ERROR, XAxis.IMAGES).tolist() == [64 * i for i in (20, 40, 60, 80)]
    assert book.positions(GROUP.run_id, Series.TEST_ERROR, XAxis.TIME)[-1] == pytest.approx(79 * 2)
    low, high = band(book, GROUP, Series.TRAINING_ERROR, 50)
    np.testing.assert_allclose((low[-1], high[-1]), (30.0, 32.0), rtol=1e-5)  # one sample standard deviation
    put_group_curves(book, [GROUP])  # again changes nothing
    assert len(book.get(GROUP.run_id, Series.TRAINING_ERROR)) == 80


def test_two_runs_without_common_points_have_no_mean(book):
    other = PlottedRun("group:y", "y", "#0072B2", True, 20, 100, members=("a", "nobody"))
    put_group_curves(book, [other])
    assert book.get(other.run_id, Series.TRAINING_ERROR) is None
    assert band(book, other, Series.TRAINING_ERROR, 1) is None


def test_a_group_reads_as_mean_and_deviation(book):
    put_group_curves(book, [GROUP])
    [found] = readings(book, [GROUP], ERROR, PlotOptions(), 60)
    assert found.values == pytest.approx((31.0, 33.0))
    assert [each.deviation for each in found.statistics] == pytest.approx([1.0, 1.0])
    assert [each.low for each in found.statistics] == pytest.approx([28.516, 30.516], abs=0.001)


def test_the_plot_draws_band_and_seeds_and_the_legend_their_numbers(book, qtbot, qapp):
    plot = CurvePlot(Theme(), book)
    qtbot.addWidget(plot)
    plot.resize(700, 450)
    put_group_curves(book, [GROUP])
    plot.set_runs([GROUP])
    plot.show()
    qtbot.waitExposed(plot)
    plot.draw_if_dirty()
    (layer,) = plot._layers
    assert len(layer._seeds) == 6
    assert all(len(line.xData) for line in layer._seeds)
    assert all(shade.item.brush().color().alphaF() == pytest.approx(0.16, abs=0.01) for shade in layer._bands)
    assert plot.legend.texts()[1] == ("ResNet-20 (n 3)", "31.0 ± 1.0 [28.5, 33.5]", "33.0 ± 1.0 [30.5, 35.5]")
    assert plot.spans[1][0] < 30 < 34 < plot.spans[1][1]  # the seeds are in sight, not the mean alone
    qtbot.mouseClick(plot.legend.row(GROUP.run_id), Qt.MouseButton.LeftButton)
    plot.draw_if_dirty()
    assert not any(line.isVisible() for line in layer._seeds)


def test_ctrl_and_click_show_one_alone_and_then_all(book, qtbot, qapp):
    plot = CurvePlot(Theme(), book)
    qtbot.addWidget(plot)
    plot.resize(700, 450)
    plot.set_runs([PlottedRun(i, i, "#0072B2", True, 20, 100) for i in "abc"])
    plot.show()
    qtbot.waitExposed(plot)
    row = plot.legend.row("b")
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, QPoint(5, 5))
    assert [run.run_id for run in plot.shown_runs] == ["b"]
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, QPoint(5, 5))
    assert [run.run_id for run in plot.shown_runs] == ["a", "b", "c"]


def test_nets_of_different_depth_have_a_mean_but_none_by_layer(book):
    for run_id, layers in (("a", 20), ("b", 56), ("c", 56)):
        for series in (Series.GRADIENT_NORM, Series.UPDATE_RATIO):
            book.extend([CurveChunk(run_id, series, 1, np.ones((3, layers), np.float32), 25)])
    alike = PlottedRun("group:56", "56", "#0072B2", True, 56, 100, members=("b", "c"))
    put_group_curves(book, [GROUP, alike])
    assert len(book.get(GROUP.run_id, Series.TRAINING_ERROR)) == 80
    assert book.get(GROUP.run_id, Series.GRADIENT_NORM) is None
    assert book.get(alike.run_id, Series.GRADIENT_NORM).values.shape == (3, 56)
    put_group_curves(book, [replace(alike, members=("a", "b"))])
    assert book.get(alike.run_id, Series.GRADIENT_NORM) is None  # that mean was of others


def test_the_legend_has_room_for_a_wide_interval_and_keeps_it(book, qtbot):
    apart = CurveBook()
    for run_id, value in (("a", 10.0), ("b", 90.0)):
        levels = np.concatenate([np.full(50, 50.0, np.float32), np.full(50, value, np.float32)])
        apart.extend([CurveChunk(run_id, Series.TRAINING_ERROR, 1, levels)])
    pair = replace(GROUP, members=("a", "b"))
    put_group_curves(apart, [pair])
    plot = CurvePlot(Theme(), apart)
    qtbot.addWidget(plot)
    plot.resize(900, 450)
    plot.set_runs([pair])
    plot.show()
    qtbot.waitExposed(plot)
    plot.draw_if_dirty()
    row = plot.legend.row(pair.run_id)
    longest = max(plot.legend.texts()[1][1:], key=len)
    assert "\N{MINUS SIGN}" in longest  # the interval of two such runs reaches below zero
    assert row._column() > row.fontMetrics().horizontalAdvance(longest)
    width = row.width()
    plot.read_at(10.0)  # where both are alike
    assert plot.legend.row(pair.run_id).width() == width


def test_the_mean_of_plain_and_residual_runs_is_drawn_as_neither():
    pens = {kind: Theme().run_pen("#0072B2", residual=kind, bold=True) for kind in (True, False, None)}
    assert pens[True].style() is Qt.PenStyle.SolidLine
    assert len(pens[False].dashPattern()) == 2
    assert len(pens[None].dashPattern()) == 4
