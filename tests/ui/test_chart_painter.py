"""Figures of analyses: what the values are is where it must be in the drawing."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF

from resnet_studio.cli.figures import draw_found
from resnet_studio.domain.analyses.charts import Figure, HeatMap, Line, LineChart, Picture
from resnet_studio.domain.errors import UserError
from resnet_studio.ui.charts.canvas import FigureCanvas
from resnet_studio.ui.charts.export import export_found
from resnet_studio.ui.charts.painter import (
    PAPER,
    TITLE,
    Axes,
    _ticks,
    _value_ticks,
    axes_of,
    head_height,
    title_lines,
)

LONG = "A title of very many words that does not fit into one line of such a narrow figure, whatever one tries " * 2


def pixels(figure: Figure, file: Path) -> np.ndarray:
    export_found(figure, file, "What is measured.")
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def places_of(drawn: np.ndarray, colour: tuple[int, int, int], near: int = 30) -> np.ndarray:
    """Rows and columns of the pixels of that colour, (N, 2)."""
    return np.argwhere(np.abs(drawn - np.array(colour)).max(axis=2) <= near)


def chart(*lines: Line, **words: object) -> LineChart:
    return LineChart("Panel", "x", "y", lines, **words)  # type: ignore[arg-type]


def test_a_line_rises_where_its_values_do(tmp_path: Path) -> None:
    x = np.arange(50.0)
    drawn = pixels(Figure("Rises", (chart(Line(x, x, "up", "#d00000")),)), tmp_path / "a.png")
    found = places_of(drawn, (0xD0, 0, 0))
    found = found[found[:, 0] > drawn.shape[0] // 4]  # below the legend's sample
    left, right = found[found[:, 1].argmin()], found[found[:, 1].argmax()]
    assert right[1] - left[1] > 600
    assert left[0] - right[0] > 300


@pytest.mark.parametrize(
    "lines",
    [[Line(np.array([27.0]), np.ones(1))], [Line(np.arange(9.0), np.ones(9)), Line(np.array([8.0]), np.ones(1))]],
    ids=["alone", "beside a line"],
)
def test_a_mark_lies_beside_the_frame(lines: list[Line]) -> None:
    axes = axes_of(chart(*lines), QRectF(0, 0, 400, 300))
    for line in lines:
        x = axes.x(line.x)
        assert axes.area.left() + 5 < x.min()
        assert x.max() < axes.area.right() - 5


def test_gaps_logarithms_and_intervals(tmp_path: Path) -> None:
    x = np.arange(1.0, 61.0)
    y = 10.0**x
    y[20:40] = np.nan
    y[5] = -1.0  # has no logarithm
    drawn = pixels(Figure("Log", (chart(Line(x, y, "", "#d00000"), log=True, level=1.0),)), tmp_path / "a.png")
    columns = np.unique(places_of(drawn, (0xD0, 0, 0))[:, 1])
    assert np.diff(columns).max() > 200  # nothing is drawn over the gap
    flat = Line(np.arange(3.0), np.ones(3), "", "#0000d0", low=np.zeros(3), high=np.full(3, 2.0), points=True)
    blue = places_of(pixels(Figure("Bars", (chart(flat),)), tmp_path / "b.png"), (0, 0, 0xD0), 60)
    assert np.ptp(blue[:, 0]) > 500  # from the lower to the upper end, two pixels a point
    empty = Line(np.arange(2.0), np.full(2, np.nan), "nothing")
    assert pixels(Figure("Empty", (chart(empty), chart())), tmp_path / "c.png").shape[0] > 1000


def test_counts_have_whole_numbers_and_large_ones_a_unit(tmp_path: Path) -> None:
    """Paths by length: 2.5 branches are none, and few people read 1e+07."""
    x = np.arange(28.0)
    panel = chart(Line(x, 10.0 ** (7 - np.abs(x - 14) / 2)), log=True)
    export_found(Figure("Paths", (panel,)), tmp_path / "a.svg", "")
    words = ["".join(one.itertext()).strip() for one in ElementTree.parse(tmp_path / "a.svg").iter() if one.text]
    assert {"5", "10", "15", "20", "25"} <= set(words)
    assert {"10\u202fM", "100\u202fk"} & set(words)
    assert not [word for word in words if "." in word or "e+" in word]
    halves = chart(Line(x / 27, x))
    export_found(Figure("Way", (halves,)), tmp_path / "b.svg", "")
    assert "0.2" in "".join(ElementTree.parse(tmp_path / "b.svg").getroot().itertext())


def test_a_heat_map_has_its_first_row_at_the_top(tmp_path: Path) -> None:
    values = np.array([[1.0, 1.0], [0.0, np.nan]])
    drawn = pixels(Figure("Heat", (HeatMap("H", "x", "y", values),)), tmp_path / "a.png")
    light, dark = places_of(drawn, (253, 231, 37), 3), places_of(drawn, (68, 1, 84), 3)
    body = light[light[:, 1] < dark[:, 1].max() * 0.9]
    assert np.median(body[:, 0]) < np.median(dark[:, 0])
    cell = dark[dark[:, 1] < drawn.shape[1] // 2]
    beside = drawn[int(np.median(cell[:, 0])), int(cell[:, 1].max()) + 60]
    assert beside.tolist() == [255, 255, 255]  # NaN is blank
    with pytest.raises(ValueError, match="rows, columns"):
        HeatMap("H", "x", "y", np.zeros(3))


def test_pictures_keep_their_pixels_and_titles_are_broken(tmp_path: Path) -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 1] = (10, 200, 30)
    figure = Figure(LONG, (Picture("P", image), Picture("Q", image)), columns=2)
    drawn = pixels(figure, tmp_path / "a.png")
    green = places_of(drawn, (10, 200, 30), 0)
    assert len(green) == 2 * (len(np.unique(green[:, 0])) * len(np.unique(green[:, 1])) // 2)
    ink = places_of(drawn, (0x1B, 0x23, 0x30), 60)
    assert ink[:, 1].max() < drawn.shape[1] - 20  # nothing is cut at the right
    with pytest.raises(ValueError, match="uint8"):
        Picture("P", np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match="one length"):
        Line(np.zeros(2), np.zeros(3))
    with pytest.raises(UserError, match=r"does not end in \.svg"):
        draw_found(figure, tmp_path / "a.png", ".svg", "")


@pytest.mark.parametrize("first", [HeatMap("A", "layer", "layer", np.eye(4)), chart(Line(np.ones(2), np.ones(2)))])
def test_maps_are_as_square_as_there_is_room(qtbot, services, first: HeatMap | LineChart) -> None:  # type: ignore[no-untyped-def]
    """Three panels, with room for two beside each other: not three wide strips."""
    canvas = FigureCanvas(services.theme)
    qtbot.addWidget(canvas)
    canvas.resize(700, 760)
    square = HeatMap("A", "layer", "layer", np.eye(4))
    canvas.show_figure(Figure("Three", (first, square, square), columns=3))
    places = [where for _panel, where in canvas.sheet.panels()]
    assert places[0].top() == places[1].top() < places[2].top()
    assert places[1].height() > 0.9 * places[1].width()


@pytest.mark.parametrize(("size", "columns"), [((800, 700), 1), ((800, 300), 2), ((400, 300), 1)])
def test_panels_stand_where_they_are_largest(qtbot, services, size: tuple[int, int], columns: int) -> None:  # type: ignore[no-untyped-def]
    canvas = FigureCanvas(services.theme)
    qtbot.addWidget(canvas)
    x = np.arange(5.0)
    canvas.resize(*size)
    canvas.show_figure(Figure("Two", (chart(Line(x, x)), chart(Line(x, x))), columns=2))
    first, second = (where for _panel, where in canvas.sheet.panels())
    assert (first.top() == second.top()) == (columns == 2)
    assert first.width() >= 350


def test_a_panel_that_is_clicked_fills_the_room(qtbot, services) -> None:  # type: ignore[no-untyped-def]
    canvas = FigureCanvas(services.theme)
    qtbot.addWidget(canvas)
    x = np.arange(5.0)
    canvas.resize(700, 300)
    small = Picture("Small", np.zeros((4, 4, 3), np.uint8), "stage1.block1")
    canvas.show_figure(Figure("Two", (chart(Line(x, x)), small), columns=2))
    before = dict(canvas.sheet.panels())
    qtbot.mouseClick(canvas.sheet, Qt.MouseButton.LeftButton, pos=before[small].center().toPoint())
    ((alone, where),) = canvas.sheet.panels()
    assert alone is small
    assert where.width() > 1.8 * before[small].width()
    assert canvas.sheet.at(where.center())[0] == "stage1.block1"
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert dict(canvas.sheet.panels()) == before
    canvas.enlarge(small)
    canvas.show_figure(canvas.figure)
    assert dict(canvas.sheet.panels()) == before


def test_a_long_title_takes_two_lines_and_loses_nothing(qtbot) -> None:  # type: ignore[no-untyped-def]
    title = "ResNet-20: automobile 29 %, up to 4.12"
    font, lines = title_lines(PAPER, title, 150.0)
    assert len(lines) == 2
    assert " ".join(lines) == title
    assert max(QFontMetricsF(font).horizontalAdvance(line) for line in lines) <= 150
    assert title_lines(PAPER, title, 500.0)[1] == (title,)
    picture = Picture("ResNet-20, Grad-CAM at stage2.block1: up to 0.106", np.zeros((2, 2, 3), np.uint8))
    assert " ".join(title_lines(PAPER, picture.title, 95.0, 4)[1]) == picture.title
    assert head_height(PAPER, picture, 95.0) > head_height(PAPER, picture, 400.0) == TITLE
    assert title_lines(PAPER, 4 * title, 150.0)[1][1].endswith("…")


@pytest.mark.parametrize("last", [8, 19, 20, 55])
@pytest.mark.parametrize("room", [1.2, 2.6, 4.0])
def test_an_axis_has_two_ticks_at_least(last: int, room: float) -> None:
    found = _ticks(1.0, float(last), room, whole=True)
    assert 2 <= len(found) <= 2 * room + 3
    assert all(value == int(value) and 1 <= value <= last for value in found)


def test_numbers_on_an_axis_have_a_minus_sign() -> None:
    words = [text for _value, text in _value_ticks(Axes(QRectF(0, 0, 200, 200), 0.0, 1.0, -1.0, 1.0), False)]
    assert any(text.startswith("\N{MINUS SIGN}") for text in words)
    assert not any("-" in text for text in words)
