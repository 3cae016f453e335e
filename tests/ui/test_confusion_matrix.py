"""Confusion matrices drawn, read, clicked, and written to files."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF

from resnet_studio.domain.errors import UserError
from resnet_studio.ui.models.record_table import RecordRole
from resnet_studio.ui.pages.compare.evaluate.classes import ClassesModel, PairsModel
from resnet_studio.ui.pages.compare.evaluate.export import Titled, export
from resnet_studio.ui.pages.compare.evaluate.matrices import Matrices
from resnet_studio.ui.pages.compare.evaluate.matrix_colours import MatrixColours, cell_colours, depth, shares
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import ALL, LEAST_CELL, Matrix, fit
from resnet_studio.ui.pages.compare.evaluate.matrix_view import MatrixView
from resnet_studio.ui.plots.run_colours import luminance
from resnet_studio.ui.theme import Theme

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

COUNTS = np.array([[90, 10, 0], [5, 95, 0], [0, 1, 99]], np.int64)
NAMES = ("cat", "dog", "ship")


def small() -> Matrix:
    return Matrix(NAMES, COUNTS)


def large(classes: int = 120) -> Matrix:
    counts = np.random.default_rng(1).integers(0, 3, (classes, classes)).astype(np.int64)
    np.fill_diagonal(counts, 80)
    return Matrix(tuple(f"class {i:03d}" for i in range(classes)), counts)


@pytest.fixture
def theme(qapp) -> Theme:
    return Theme()


@pytest.fixture
def view(qtbot, theme) -> MatrixView:
    view = MatrixView(theme)
    qtbot.addWidget(view)
    view.resize(420, 360)
    view.set_matrix(small())
    view.show()
    return view


def test_sentences_count_what_a_cell_or_a_heading_stands_for():
    matrix = small()
    assert matrix.sentence((0, 1)) == "cat, taken for dog: 10 of 100 images (10.00 %)"
    assert matrix.sentence((2, 2)) == "ship, recognised: 99 of 100 images (99.00 %)"
    assert matrix.sentence((1, ALL)) == "dog: 5 of 100 images (5.00 %) were taken for another class"
    assert matrix.sentence((ALL, 1)) == "dog: 11 images of other classes were taken for it"
    with pytest.raises(ValueError, match="3 x 3"):
        Matrix(NAMES, np.zeros((2, 3), np.int64))


def test_a_class_without_images_has_no_share():
    assert shares(np.array([[0, 0], [1, 3]])).tolist() == [[0.0, 0.0], [0.25, 0.75]]
    assert Matrix(("a", "b"), np.array([[0, 0], [1, 3]])).sentence((0, 1)) == "a, taken for b: 0 of 0 images"


@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_told_apart_by_hue_and_by_lightness(theme, dark):
    theme.set_mode("dark" if dark else "light")
    colours = MatrixColours.of(theme)
    shades = cell_colours(COUNTS, colours)
    assert QColor(*shades[0, 2].tolist()).rgb() == colours.ground.rgb()  # no image, no colour
    steps = [
        abs(
            luminance(QColor(*cell_colours(np.array([[100 - n, n], [0, 1]]), colours)[0, 1].tolist()))
            - luminance(colours.ground)
        )
        for n in (0, 1, 5, 20, 100)
    ]
    assert steps == sorted(steps)
    assert steps[1] > 0.01  # one in a hundred can be seen
    # blue against orange: what protanopes and deuteranopes keep is the difference of blue and yellow
    assert colours.right.blue() - colours.right.red() > 80
    assert colours.wrong.red() - colours.wrong.blue() > 80
    assert depth(np.array([0.25]))[0] == 0.5
    theme.set_mode("light")


def test_colours_are_computed_once_for_a_theme(theme):
    matrix, paper = small(), MatrixColours.on_paper()
    assert matrix.cell_colours(paper) is matrix.cell_colours(MatrixColours.on_paper())
    theme.set_mode("dark")
    dark = matrix.cell_colours(MatrixColours.of(theme))
    np.testing.assert_array_equal(dark, cell_colours(COUNTS, MatrixColours.of(theme)))
    assert (dark != matrix.cell_colours(paper)).any()
    theme.set_mode("light")


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
def test_every_size_fits_or_scrolls(qapp, classes):
    names = tuple(f"class {i}" for i in range(classes))
    frame = fit(names, QFontMetricsF(QFont()), 560, 320)
    assert min(frame.width, frame.height) >= LEAST_CELL
    if classes <= 60:
        assert frame.right <= 560
        assert frame.bottom <= 320
    middle = frame.cell((classes - 1, 0)).center()
    assert frame.at(middle.x(), middle.y()) == (classes - 1, 0)
    assert frame.at(2, middle.y()) == (classes - 1, ALL)
    assert frame.at(frame.right + 5, middle.y()) is None
    assert frame.at(1, 1) is None


def test_clicks_and_keys_ask_for_images(view, qtbot):
    with qtbot.waitSignal(view.chosen) as asked:
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.cell_centre((0, 1)))
    assert asked.args == [0, 1]
    row = QPoint(6, view.cell_centre((2, 0)).y())
    with qtbot.waitSignal(view.chosen) as asked:
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=row)
    assert asked.args == [2, ALL]
    view.set_current((0, 1))
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    with qtbot.waitSignal(view.chosen) as asked:
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert asked.args == [1, 0]
    for _ in range(5):
        qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.current == (1, 0)


def test_the_mouse_reads_a_cell(view, qtbot):
    said = []
    view.hovered.connect(said.append)
    qtbot.mouseMove(view.viewport(), view.cell_centre((1, 0)))
    qtbot.waitUntil(lambda: said and said[-1].startswith("dog, taken for cat: 5 of 100"))


def test_what_is_drawn_has_the_colour_of_its_share(view, theme):
    shown = view.grab().toImage()
    at = view.viewport().mapTo(view, view.cell_centre((0, 0))) + QPoint(-12, -10)
    wanted = QColor(*cell_colours(COUNTS, MatrixColours.of(theme))[0, 0].tolist())
    assert QColor(shown.pixel(at * shown.devicePixelRatio())).rgb() == wanted.rgb()


def test_many_classes_scroll_enlarge_and_come_into_sight(view, qtbot):
    view.set_matrix(large())
    assert view.verticalScrollBar().maximum() > 0
    view.set_current((119, 119))
    assert view.viewport().rect().contains(view.cell_centre((119, 119)))
    before = view.cell_centre((60, 60))
    view.set_zoom(4.0, QPointF(before))
    after = view.cell_centre((60, 60))
    assert (after - before).manhattanLength() <= 8  # what was under the mouse stays there
    assert not view.grab().toImage().isNull()
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.zoom == 1.0


def test_two_matrices_move_and_are_marked_together(qtbot, theme):
    pair = Matrices(theme)
    qtbot.addWidget(pair)
    pair.resize(900, 420)
    pair.show()
    pair.show_matrices([Titled("one", large()), Titled("two", large())])
    first, second = pair.views
    first.set_zoom(3.0)
    assert second.zoom == first.zoom
    first.verticalScrollBar().setValue(200)
    assert second.verticalScrollBar().value() == 200
    with qtbot.waitSignal(pair.chosen) as asked:
        qtbot.mouseClick(second.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
    assert asked.args[0] == 1
    assert first.current == second.current == tuple(asked.args[1:])
    pair.show_matrices([Titled("one", small())])
    assert not second.isVisible()
    assert first.current is None


def test_tables_name_classes_and_confusions(qtbot, qtmodeltester):
    classes, pairs = ClassesModel(), PairsModel()
    other = Matrix(NAMES, np.array([[80, 20, 0], [5, 95, 0], [0, 0, 0]], np.int64))
    classes.set_matrices([small(), other], ["one", "two"])
    pairs.set_matrix(small())
    qtmodeltester.check(classes)
    qtmodeltester.check(pairs)
    rows = [[classes.index(r, c).data() for c in range(5)] for r in range(3)]
    assert (rows[0][0], rows[0][4]) == ("cat", "100")
    assert rows[0][3] == "+10.00"
    assert rows[2][2] == rows[2][3] == "–"
    assert [pairs.index(0, c).data() for c in range(3)] == ["cat", "dog", "10"]
    assert pairs.rowCount() == 3
    assert pairs.index(0, 0).data(RecordRole.RECORD).place == (0, 1)


def test_files_hold_both_matrices(tmp_path, qapp):
    shown = [Titled("ResNet: 5 % wrong", small()), Titled("plain <b>", small())]
    png = export(shown, tmp_path / "m.png", percent=True)
    with Image.open(png) as image:
        assert image.width > image.height
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    assert tuple(cell_colours(COUNTS, MatrixColours.on_paper())[1, 1].tolist()) in colours
    root = ElementTree.parse(export(shown, tmp_path / "m.svg", percent=False)).getroot()
    texts = " ".join(root.itertext())
    for word in ("cat", "ship", "true class", "answer", "90", "% of the class"):
        assert word in texts
    table = list(csv.reader(io.StringIO(export(shown, tmp_path / "m.csv", percent=False).read_text())))
    assert table[1] == ["ResNet: 5 % wrong", "cat", "cat", "90", "90.0000"]
    assert len(table) == 1 + 2 * 6
    with Image.open(export([Titled("many", large(300))], tmp_path / "many.png", percent=False)) as image:
        assert image.width > 3000


def test_an_export_that_cannot_be_says_why(tmp_path, qapp):
    with pytest.raises(UserError, match=r"\.png, \.svg, \.pdf or \.csv"):
        export([Titled("m", small())], tmp_path / "m.gif", percent=False)
    with pytest.raises(UserError, match="No confusion matrix"):
        export([], tmp_path / "m.png", percent=False)
    with pytest.raises(UserError, match="cannot be written"):
        export([Titled("m", small())], tmp_path / "none" / "m.csv", percent=False)
