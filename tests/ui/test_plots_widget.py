"""The plot widget: draws on its clock, reads under the cursor, toggles, zooms and fits."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.platform.home import Home
from resnet_studio.ui.plots import curve_plot
from resnet_studio.ui.plots.controls import PlotControls
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.legend import SAMPLE_WIDTH
from resnet_studio.ui.plots.panels import ERROR, PANELS, PlotOptions, PlottedRun
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.theme import Theme

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window

PLAIN = PlottedRun("p", "plain-20", "#0072B2", False, 20, 1000)
RESIDUAL = PlottedRun("r", "ResNet-20", "#0072B2", True, 20, 1000)


def _grow(book: CurveBook, run: PlottedRun, first: int, count: int, level: float) -> None:
    iterations = np.arange(first, first + count)
    values = (level + 30 * np.exp(-iterations / 300)).astype(np.float32)
    book.extend(
        [
            CurveChunk(run.run_id, Series.TRAINING_ERROR, first, values),
            CurveChunk(run.run_id, Series.TEST_ERROR, first, values[::50] + 2, 50),
            CurveChunk(run.run_id, Series.SECONDS, first, (iterations / 10).astype(np.float32)),
        ]
    )


@pytest.fixture
def plot(qtbot, qapp):
    theme = Theme()
    widget = CurvePlot(theme, CurveBook())
    widget.theme_for_test = theme
    qtbot.addWidget(widget)
    widget.resize(900, 500)
    widget.set_runs([PLAIN, RESIDUAL])
    widget.show()
    qtbot.waitUntil(lambda: widget.frames > 0)
    return widget


def _pixels(widget, colour: str) -> int:
    image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGB32)
    width, height = image.width(), image.height()
    array = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine())[:, : width * 4]
    wanted = np.array([int(colour[i : i + 2], 16) for i in (5, 3, 1)])
    near = np.abs(array.reshape(height, width, 4)[..., :3].astype(int) - wanted).sum(axis=2) < 40
    return int(near.sum())


def test_it_draws_what_arrives_and_only_then(plot, qtbot):
    before, empty = plot.frames, _pixels(plot, PLAIN.colour)
    _grow(plot.book, PLAIN, 1, 200, 40)
    _grow(plot.book, RESIDUAL, 1, 200, 30)
    qtbot.waitUntil(lambda: plot.frames > before)
    assert _pixels(plot, PLAIN.colour) > empty + 200
    drawn = plot.frames
    with qtbot.waitSignals([plot._timer.timeout] * 4):
        pass
    assert plot.frames <= drawn + 1
    plot.hide()
    hidden = plot.frames
    _grow(plot.book, PLAIN, 201, 200, 40)
    assert not plot._timer.isActive()
    plot._on_frame()
    assert plot.frames == hidden
    plot.show()
    qtbot.waitUntil(lambda: plot.frames > hidden)


def test_ranges_follow_until_the_mouse_zooms(plot, qtbot):
    _grow(plot.book, PLAIN, 1, 100, 40)
    plot.draw_if_dirty()
    assert 100 <= plot.spans[0][1] < 200
    _grow(plot.book, PLAIN, 101, 900, 40)
    plot.draw_if_dirty()
    assert plot.spans[0][1] == pytest.approx(1006)
    plot._on_zoomed()
    plot._view.getPlotItem().getViewBox().setRange(xRange=(100, 200), yRange=(40, 60), padding=0)
    plot.draw_if_dirty()
    assert not plot.following
    assert plot.spans[0] == pytest.approx((100, 200))
    with qtbot.waitSignal(plot.following_changed):
        qtbot.mouseDClick(plot._view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(400, 200))
    plot.draw_if_dirty()
    assert plot.spans[0][1] == pytest.approx(1006)


def test_the_legend_reads_under_the_cursor(plot, qtbot):
    _grow(plot.book, PLAIN, 1, 1000, 40)
    _grow(plot.book, RESIDUAL, 1, 1000, 30)
    plot.set_options(PlotOptions(window=1))
    plot.draw_if_dirty()
    plot.read_at(500)
    place, plain, residual, gap = plot.legend.texts()
    assert place == ("iteration 500",)
    assert plain == ("plain-20", "45.7 %", "48.7 %")
    assert residual[1:] == ("35.7 %", "38.7 %")
    assert gap == ("plain − residual (20)", "+10.0 pp", "+10.0 pp")
    box = plot._view.getPlotItem().getViewBox()
    middle = plot._view.mapFromScene(box.mapViewToScene(box.viewRect().center()))
    qtbot.mouseMove(plot._view.viewport(), middle)
    plot.draw_if_dirty()
    assert plot.legend.texts()[0][0].startswith("iteration 50")
    qtbot.keyClick(plot._view, Qt.Key.Key_Escape)
    plot.draw_if_dirty()
    assert plot.legend.texts()[0] == ("latest",)
    qtbot.keyClick(plot._view, Qt.Key.Key_Left)
    qtbot.keyClick(plot._view, Qt.Key.Key_Left)
    plot.draw_if_dirty()
    assert plot.legend.texts()[0] == ("iteration 990",)


def test_the_legend_hides_runs(plot, qtbot):
    _grow(plot.book, PLAIN, 1, 300, 40)
    plot.draw_if_dirty()
    assert _pixels(plot._view, PLAIN.colour) > 200
    with qtbot.waitSignal(plot.hidden_changed) as signal:
        qtbot.mouseClick(plot.legend.row("p"), Qt.MouseButton.LeftButton)
    assert signal.args == [frozenset({"p"})]
    plot.draw_if_dirty()
    assert _pixels(plot._view, PLAIN.colour) == 0
    assert [run.run_id for run in plot.shown_runs] == ["r"]
    plot.set_hidden([])
    assert plot.legend.row("p").isChecked()
    plot.legend.row("p").setFocus()
    plot.legend.pointed_at.emit("r")
    plot.draw_if_dirty()
    assert _pixels(plot._view, PLAIN.colour) == 0  # it fades while another is pointed at


def test_every_axis_and_scale_can_be_drawn(plot):
    _grow(plot.book, PLAIN, 1, 1000, 40)
    plot.book.set_batches_per_epoch("p", 100.0)
    for axis, end in ((XAxis.ITERATION, 1000), (XAxis.EPOCH, 10), (XAxis.TIME, 100)):
        for log in (False, True):
            plot.set_options(PlotOptions(axis, 10, log=log))
            plot.draw_if_dirty()
            plot.grab()
            assert end <= plot.spans[0][1] <= 1.3 * end
    low, high = plot.spans[1]
    assert low < 41
    assert 70 < high < 100


def test_odd_values_do_no_harm(plot):
    values = np.full(1000, np.nan, np.float32)
    values[::7] = np.inf
    plot.book.extend([CurveChunk("p", Series.TRAINING_ERROR, 1, values)])
    plot.book.extend([CurveChunk("r", Series.TEST_ERROR, 0, np.array([0.0], np.float32))])
    for log in (False, True):
        plot.set_options(PlotOptions(window=50, log=log))
        plot.draw_if_dirty()
        plot.grab()
    assert np.isfinite(np.array(plot.spans)).all()


def test_a_million_points_draw_quickly(plot):
    plot.book.extend(
        [CurveChunk("p", Series.TRAINING_ERROR, 1, np.random.default_rng(0).random(1_000_000, np.float32))]
    )
    plot.draw_if_dirty()
    plot.grab()
    assert sum(len(item.getData()[0]) for layer in plot._layers for item in layer.items[:2]) < 10_000


def test_themes_change_the_ground(plot, qtbot):
    _grow(plot.book, RESIDUAL, 1, 300, 40)
    plot.theme_for_test.set_mode("dark")
    plot.draw_if_dirty()
    assert plot.grab().toImage().pixelColor(450, 470).lightness() < 80
    plot.theme_for_test.set_mode("light")
    plot.draw_if_dirty()
    assert plot.grab().toImage().pixelColor(450, 470).lightness() > 200


def test_a_plot_with_one_series(qtbot, qapp):
    plot = CurvePlot(Theme(), CurveBook(), next(panel for panel in PANELS if panel.key == "learning_rate"))
    qtbot.addWidget(plot)
    plot.set_runs([RESIDUAL])
    plot.show()
    plot.book.extend([CurveChunk("r", Series.LEARNING_RATE, 1, np.full(50, 0.1, np.float32))])
    plot.draw_if_dirty()
    assert plot.legend.texts() == [("latest",), ("ResNet-20", "0.1")]
    assert plot.panel is not ERROR


def test_many_runs_scroll_in_the_legend(qtbot, qapp):
    plot = CurvePlot(Theme(), CurveBook())
    qtbot.addWidget(plot)
    plot.resize(700, 500)
    plot.set_runs([PlottedRun(str(i), f"run {i}", "#0072B2", i % 2 == 0, 8 + 6 * (i // 2), 10) for i in range(32)])
    plot.show()
    qtbot.waitExposed(plot)
    assert plot.legend.height() < 200
    assert plot._view.height() > 250


def test_controls_tell_and_remember(qtbot, qapp, home: Home):
    preferences = Preferences(home)
    controls = PlotControls(preferences, "test")
    qtbot.addWidget(controls)
    with qtbot.waitSignal(controls.options_changed) as signal:
        controls.log.click()
    assert signal.args == [PlotOptions(log=True)]
    controls.axis.setCurrentIndex(2)
    controls.smoothing.set_window(1)
    again = PlotControls(preferences, "test")
    qtbot.addWidget(again)
    assert again.options == PlotOptions(XAxis.TIME, 1, False, True)
    preferences.set_value("test/plot_axis", "nonsense")
    preferences.set_value("test/plot_window", "nonsense")
    last = PlotControls(preferences, "test")
    qtbot.addWidget(last)
    assert last.options.axis is XAxis.ITERATION
    assert last.options.window == 50


def test_controls_that_do_not_fit_take_a_second_line(qtbot, qapp, home: Home):
    controls = PlotControls(Preferences(home), "test")
    qtbot.addWidget(controls)
    controls.add(QPushButton("One panel"), QPushButton("Same y"))
    one, wide = controls.heightForWidth(2000), controls.sizeHint().width()
    controls.resize(wide - 40, controls.heightForWidth(wide - 40))
    controls.show()
    qtbot.waitExposed(controls)
    assert controls.width() == wide - 40  # it may be so narrow
    assert controls.height() > one
    shown = [child for child in controls.findChildren(QWidget) if child.parent() is controls and child.isVisible()]
    places = [child.geometry() for child in shown]
    assert all(controls.rect().contains(place) for place in places)
    assert not any(a.intersects(b) for a, b in itertools.combinations(places, 2))
    assert all(child.width() >= child.minimumSizeHint().width() for child in shown)


def test_axes_are_never_rescaled_in_their_names(plot):
    plot.set_options(PlotOptions(XAxis.EPOCH))
    plot.book.set_batches_per_epoch("p", 1e5)
    _grow(plot.book, PLAIN, 1, 20, 1e-4)
    plot.fit()
    plot.draw()
    for name in ("bottom", "left"):
        axis = plot._view.getPlotItem().getAxis(name)
        axis.updateAutoSIPrefix()
        assert "(x" not in axis.labelString()


def test_one_iteration_is_a_dot(plot):
    plot.book.extend([CurveChunk("p", Series.TRAINING_ERROR, 1, np.array([80], np.float32))])
    plot.draw()
    [dot] = [layer for layer in plot._layers if layer.run is PLAIN]
    assert len(dot._first.data) == 1
    assert _pixels(plot, PLAIN.colour) > 5
    plot.book.extend([CurveChunk("p", Series.TRAINING_ERROR, 2, np.array([70], np.float32))])
    plot.draw()
    assert len(dot._first.data) == 0


def test_axes_without_anything_to_count_have_no_numbers(qtbot, qapp):
    loss = next(panel for panel in PANELS if panel.highest is None)
    plot = CurvePlot(Theme(), CurveBook(), loss)
    qtbot.addWidget(plot)
    plot.set_runs([PlottedRun("a", "a", "#0072B2", True, 20, 64_000, imported=True)])
    plot.draw()
    assert plot.spans[0][1] < 64_000
    assert [axis.style["showValues"] for axis in (plot._bottom, plot._left)] == [False, False]
    plot.set_runs([PlottedRun("b", "b", "#0072B2", True, 20, 250)])
    plot.draw()
    assert [axis.style["showValues"] for axis in (plot._bottom, plot._left)] == [True, False]
    plot.book.extend([CurveChunk("b", loss.series[0], 1, np.array([2.3, 2.2], np.float32))])
    plot.draw()
    assert plot._left.style["showValues"]


def _drag(qtbot, plot, start: QPoint, end: QPoint) -> None:
    viewport = plot._view.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 6):
        place = start + (end - start) * step / 5
        QApplication.sendEvent(
            viewport,
            QMouseEvent(
                QEvent.Type.MouseMove, QPointF(place), QPointF(place), Qt.MouseButton.NoButton,
                Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
            ),
        )  # fmt: skip
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=end)


def test_a_drawn_box_is_zoomed_to_and_back_leads_out_again(plot, qtbot, monkeypatch):
    monkeypatch.setattr(curve_plot, "ONE_ZOOM_SECONDS", 0.0)
    monkeypatch.setitem(pg.CONFIG_OPTIONS, "mouseRateLimit", 0)  # no movement is passed over
    _grow(plot.book, PLAIN, 1, 1000, 40)
    plot.draw_if_dirty()
    whole = plot.spans
    box = plot._view.getPlotItem().getViewBox()

    def at(x: float, y: float) -> QPoint:
        return plot._view.mapFromScene(box.mapViewToScene(QPointF(x, y)))

    with qtbot.waitSignal(plot.zoom_changed) as zoomed:
        _drag(qtbot, plot, at(200, 70), at(600, 50))
    assert zoomed.args == [True]
    plot.draw_if_dirty()
    (left, right), (low, high) = plot.spans
    assert (left, right) == pytest.approx((200, 600), abs=10)
    assert (low, high) == pytest.approx((50, 70), abs=3)
    assert not plot.following
    _drag(qtbot, plot, at(300, 65), at(400, 55))
    plot.draw_if_dirty()
    assert plot.spans[0] == pytest.approx((300, 400), abs=10)
    plot.back()
    plot.draw_if_dirty()
    assert plot.spans[0] == pytest.approx((200, 600), abs=10)
    with qtbot.waitSignal(plot.zoom_changed) as out:
        plot.back()
    assert out.args == [False]
    plot.draw_if_dirty()
    assert plot.following
    assert plot.spans[0] == pytest.approx(whole[0])
    assert plot.spans[1] == pytest.approx(whole[1])


def test_the_cross_hair_says_the_value_at_its_level(plot, qtbot):
    _grow(plot.book, PLAIN, 1, 1000, 40)
    plot.draw_if_dirty()
    box = plot._view.getPlotItem().getViewBox()
    qtbot.mouseMove(plot._view.viewport(), plot._view.mapFromScene(box.mapViewToScene(box.viewRect().center())))
    plot.draw_if_dirty()
    assert plot._level_line.isVisible()
    said = plot._level_line.label.toPlainText()
    assert float(said.split()[0]) == pytest.approx(sum(plot.spans[1]) / 2, abs=1.0)
    qtbot.keyClick(plot._view, Qt.Key.Key_Escape)
    plot.draw_if_dirty()
    assert not plot._level_line.isVisible()


def test_plots_beside_each_other_can_have_one_scale(plot, qtbot):
    _grow(plot.book, PLAIN, 1, 1000, 40)
    _grow(plot.book, RESIDUAL, 1, 4000, 5)
    plot.set_runs([PLAIN])
    plot.draw_if_dirty()
    own = plot.spans
    plot.set_scale_runs([PLAIN, RESIDUAL])
    plot.draw_if_dirty()
    assert plot.spans[0][1] > 3 * own[0][1]
    assert plot.spans[1][0] < own[1][0]


def test_the_menu_that_nobody_sees_is_styled_by_no_theme(qtbot) -> None:
    """pyqtgraph keeps a plot's settings in a menu of 44 widgets; 15 plots made 660."""
    plot = CurvePlot(Theme(), CurveBook(), PANELS[0])
    qtbot.addWidget(plot)
    plot.show()
    menu = plot._view.getPlotItem().ctrlMenu
    widgets = [menu, *menu.findChildren(QWidget)]
    assert len(widgets) > 20
    assert not any(widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished) for widget in widgets)


def test_thin_and_bold_are_explained_however_low_the_plot_is(qtbot):
    """Below the curves where there is room; above them always, in the heads of the columns."""
    book = CurveBook()
    plot = CurvePlot(Theme(), book)
    qtbot.addWidget(plot)
    plot.resize(850, 250)
    plot.show()
    _grow(book, PLAIN, 1, 200, 40.0)
    plot.set_runs([PLAIN, RESIDUAL])
    assert not plot.key.isVisible()
    (head, *_others) = plot.legend._heads
    assert [pen.widthF() for pen in head.pens if pen] == [1.0, 2.0]
    assert plot.key.text() in head.toolTip()
    assert plot.legend.row("p").tested  # its sample has the marker: hollow, the residual net's filled
    plain, residual = (plot.legend.row(run_id).grab().toImage() for run_id in "pr")
    middle = plain.height() // 2
    assert any(plain.pixelColor(x, middle) != residual.pixelColor(x, middle) for x in range(4, 32))
    plot.resize(850, 450)
    assert plot.key.isVisible()
    assert "both" not in plot.key.text()
    plot.set_runs([PLAIN, RESIDUAL, replace(PLAIN, run_id="mean", residual=None)])
    assert plot.key.text().endswith("dashes and dots: the mean of both")
    assert plot.key.text() in plot.legend._heads[0].toolTip()
    loss = CurvePlot(Theme(), book, next(panel for panel in PANELS if panel.bold is None))
    qtbot.addWidget(loss)
    loss.set_runs([PLAIN])
    assert not any(loss.legend._heads[0].pens)


def test_names_of_groups_come_before_their_intervals_where_both_have_no_room(qtbot):
    book = CurveBook()
    plot = CurvePlot(Theme(), book)
    qtbot.addWidget(plot)
    plot.show()
    for run_id, level in (("a", 40.0), ("b", 41.0), ("m", 40.5)):
        _grow(book, replace(PLAIN, run_id=run_id), 1, 200, level)
    plot.set_runs([replace(PLAIN, run_id="m", name="depth 20, plain (n 5)", members=("a", "b"))])
    plot.read_at(100)
    row = plot.legend.row("m")
    for width, tight in ((430, True), (900, False), (430, True)):
        plot.resize(width, 400)
        qtbot.waitUntil(lambda tight=tight: row.tight is tight)
        assert "[" in row.values[0], "copied whole all the same"
        left = row.width() - 8 - SAMPLE_WIDTH - 8 - len(row.values) * row._column()
        assert row.fontMetrics().horizontalAdvance(row.label) <= left
