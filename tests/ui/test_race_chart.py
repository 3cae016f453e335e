"""Curves of a race: seen one by one where they lie on one another, with names at their ends."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from resnet_studio.ui.charts.canvas import window_ink
from resnet_studio.ui.pages.lessons.race_chart import RaceChart, Racer
from resnet_studio.ui.theme import Theme

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

RACERS = (
    Racer("shallow", "plain-20", "#0072B2", False),
    Racer("deep", "plain-56", "#009E73", False),
    Racer("residual", "ResNet-56", "#D55E00", True),
)
MODES = pytest.mark.parametrize("mode", ["light", "dark"])


def made(qtbot: QtBot, mode: str = "light", until: int = 60, error: float = 90.0) -> RaceChart:
    """All three measured at one and the same error."""
    theme = Theme()
    theme.set_mode(mode)
    chart = RaceChart(theme)
    qtbot.addWidget(chart)
    chart.resize(730, 420)
    chart.show_racers(RACERS, 250, 90.0, "training error, %")
    line = np.arange(1.0, until + 1), np.full(until, error)
    chart.show_lines({racer.role: line for racer in RACERS})
    chart.show()
    return chart


def colours_near(image: QImage, where: QPointF, reach: int = 9) -> set[str]:
    """Of the racers, whose colour stands within ``reach`` pixels above or below a place, or beside it."""
    x, y = round(where.x()), round(where.y())
    return {image.pixelColor(x + i, y + j).name() for i in range(-2, 40) for j in range(-reach, reach + 1)}


def hues_near(image: QImage, where: QPointF) -> set[str]:
    """The nets one of whose colour's hue, however pale, stands near a place."""
    found = [QColor(colour) for colour in colours_near(image, where)]
    hues = [colour.hsvHue() for colour in found if colour.hsvSaturation() > 50 and colour.value() > 90]
    return {racer.name for racer in RACERS if any(abs(hue - QColor(racer.colour).hsvHue()) < 20 for hue in hues)}


@MODES
def test_curves_upon_one_another_are_all_seen(qtbot: QtBot, mode: str) -> None:
    chart = made(qtbot, mode)
    image = chart.grab().toImage()
    names = {racer.name for racer in RACERS}
    middle = QPointF(float(chart.axes.x(15.0)), float(chart.axes.y(90.0)))
    assert hues_near(image, middle) == names
    widths = [line.width for line in chart.chart.lines]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3
    end = chart.end(RACERS[0])
    assert end is not None
    assert hues_near(image, end) == names
    nowhere = QPointF(float(chart.axes.x(15.0)), float(chart.axes.y(40.0)))
    assert hues_near(image, nowhere) == set()


@MODES
@pytest.mark.parametrize("until", [1, 3, 60, 249, 250])
def test_names_go_along_with_the_ends(qtbot: QtBot, mode: str, until: int) -> None:
    chart = made(qtbot, mode, until)
    end, names = chart.end(RACERS[0]), list(chart.names().values())
    assert end is not None
    assert all(0 < name.left() - end.x() <= 40 for name in names)
    assert all(not one.intersects(other) for i, one in enumerate(names) for other in names[:i])
    assert all(chart.rect().contains(name.toAlignedRect()) for name in names)
    chart.grab()


def test_without_a_measurement_names_stand_at_the_predicted_ends(qtbot: QtBot) -> None:
    chart = made(qtbot)
    chart.show_lines({})
    chart.show_predictions({"shallow": 40.0, "deep": 30.0, "residual": 20.0}, editable=True)
    assert {name.left() for name in chart.names().values()} == {chart.axes.area.right() + 36}
    assert chart.end(RACERS[0]) is None


def test_an_error_that_is_not_finite_has_no_end(qtbot: QtBot) -> None:
    chart = made(qtbot)
    lost = {"deep": (np.array([1.0, 2.0, 3.0]), np.array([90.0, 80.0, np.nan]))}
    chart.show_lines(lost)
    end = chart.end(RACERS[1])
    assert end is not None
    assert end.x() == pytest.approx(float(chart.axes.x(2.0)))
    chart.show_lines({"deep": (np.array([1.0]), np.array([np.nan]))})
    assert chart.end(RACERS[1]) is None
    assert chart.names() == {}
    chart.grab()


def test_another_series_is_drawn_faint_behind(qtbot: QtBot) -> None:
    chart = made(qtbot)
    place = QPointF(float(chart.axes.x(150.0)), float(chart.axes.y(40.0)))
    before = colours_near(chart.grab().toImage(), place)
    line = np.arange(1.0, 251.0), np.full(250, 40.0)
    chart.show_behind({"residual": line})
    behind = colours_near(chart.grab().toImage(), place) - before
    assert behind
    assert QColor(window_ink(chart._theme).line("#D55E00")).name() not in behind, "fainter than the curve itself"
    assert {name.left() for name in chart.names().values()} == {chart.axes.area.right() + 36}, "right of it, too"
    chart.show_behind({})
    assert colours_near(chart.grab().toImage(), place) == before
