"""The drawing: rows, folding, what lies under the mouse, keys, and how long a repaint takes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.diff import diff
from resnet_studio.domain.enums import Family, Shortcut
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.specs import NetworkSpec, counterpart
from resnet_studio.ui.diagram.rows import COLUMN, RowKind, Rows
from resnet_studio.ui.diagram.view import BlueprintView
from resnet_studio.ui.diagram.zoomed_area import READABLE_ZOOM
from resnet_studio.ui.services import Services

from ..waiting import thread_seconds

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window


@pytest.fixture
def view(qtbot: QtBot, services: Services) -> BlueprintView:
    made = BlueprintView(services.theme)
    qtbot.addWidget(made)
    made.resize(700, 560)
    made.show()
    return made


def draw(view: BlueprintView, depth: int, shortcut: Shortcut = Shortcut.A) -> None:
    network = NetworkSpec(depth=depth, shortcut=shortcut)
    view.show_twin(blueprint(counterpart(network)), blueprint(network), designed=1)


def centre_of(view: BlueprintView, kind: RowKind, stage: int) -> QPointF:
    assert view.rows is not None
    index = next(i for i, row in enumerate(view.rows.all) if (row.kind, row.section) == (kind, stage + 1))
    return QPointF(view.position_of(index))


@pytest.mark.parametrize("depth", [8, 20, 110, 1202])
def test_rows_hold_every_block_without_gaps(depth: int) -> None:
    rows = Rows(diff([blueprint(NetworkSpec(depth=depth))]), [True] * 5)
    assert sum(row.kind is RowKind.GROUP for row in rows.all) == (depth - 2) // 2 + 3
    assert all(a.bottom == b.top for a, b in zip(rows.all, rows.all[1:], strict=False))
    assert rows.all[-1].bottom == rows.height
    middle = rows.height / 2
    row = rows.all[rows.index_at(middle)]
    assert row.top <= middle < row.bottom
    assert [index for index, _ in rows.between(middle, middle)] == [rows.index_at(middle)]


def test_small_networks_are_open_and_large_ones_folded(view: BlueprintView) -> None:
    draw(view, 20)
    assert [view.is_open(s) for s in (1, 2, 3)] == [True] * 3
    draw(view, 56)
    assert [view.is_open(s) for s in (1, 2, 3)] == [False] * 3


def test_a_press_on_a_stage_opens_it(qtbot: QtBot, view: BlueprintView) -> None:
    draw(view, 56)
    before = view.row_count
    position = centre_of(view, RowKind.SECTION, 1).toPoint()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert view.is_open(2)
    assert view.row_count == before - 1 + 9
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=centre_of(view, RowKind.SECTION, 1).toPoint())
    assert view.row_count == before


def test_under_the_mouse_lie_shape_parameters_and_multiply_adds(view: BlueprintView) -> None:
    draw(view, 20)
    block = centre_of(view, RowKind.GROUP, 0)
    first_conv = QPointF(block.x(), block.y() - 18 * view.zoom)
    text = view.facts_at(first_conv)
    assert text.startswith("plain-20")
    assert "stage1.block1.conv1" in text
    assert "16 × 32 × 32 → 16 × 32 × 32" in text
    assert "2\u202f304 parameters" in text
    assert "2\u202f359\u202f296 multiply-adds" in text
    right = view.facts_at(QPointF(first_conv.x() + COLUMN * view.zoom, first_conv.y()))
    assert right.startswith("ResNet-20")
    assert view.facts_at(QPointF(-5, first_conv.y())) == ""
    assert view.facts_at(QPointF(first_conv.x(), view.names_height / 2)) == ""


def test_shortcuts_that_change_dimensions_say_how(view: BlueprintView) -> None:
    for shortcut, words in (
        (Shortcut.A, "and zero channels (option A)"),
        (Shortcut.B, "stage2.block1.projection.conv: 1×1 conv"),
    ):
        draw(view, 8, shortcut)
        block = centre_of(view, RowKind.GROUP, 1)
        assert words in view.facts_at(QPointF(block.x() + (COLUMN + 95) * view.zoom, block.y()))


def test_keys_mark_open_zoom_and_scroll(qtbot: QtBot, view: BlueprintView) -> None:
    draw(view, 56)
    told: list[str] = []
    view.pointed.connect(told.append)
    view.setFocus()
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_Down)
    assert told[-1].startswith("ResNet-56  ·  stage1: 32×32, 16 filters, 9 blocks")
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert view.is_open(1)
    zoom = view.zoom
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.zoom > zoom
    qtbot.keyClick(view, Qt.Key.Key_End)
    bar = view.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert bar.value() == 0
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.zoom == pytest.approx(min(view.viewport().width() / (2 * COLUMN), 1.35))


def test_zoom_keeps_what_is_under_the_mouse(view: BlueprintView) -> None:
    draw(view, 1202)
    view.toggle(1)
    view.verticalScrollBar().setValue(4000)
    y = view.y_at(300)
    view.set_zoom(view.zoom * 1.5, 300)
    assert view.y_at(300) == pytest.approx(y, abs=1.0)


def test_1202_layers_stay_fluid(view: BlueprintView) -> None:
    """At most 16 ms a frame are wanted, about 5 measured."""
    draw(view, 1202)
    for stage in (1, 2, 3):
        view.toggle(stage)
    target = QPixmap(view.viewport().size())
    bar = view.verticalScrollBar()
    times = []
    for step in range(20):
        bar.setValue(bar.maximum() * step // 20)
        times.append(thread_seconds(lambda: view.viewport().render(target)))
    assert view.row_count == 600 + 3 + 4
    assert sorted(times)[len(times) // 2] < 0.060


def test_a_new_depth_at_each_key_is_fast(view: BlueprintView) -> None:
    assert thread_seconds(lambda: draw(view, 1202, Shortcut.C)) < 0.5


@pytest.mark.parametrize(
    "name",
    [
        "resnet-50", "plain-50", "resnet-34-C", "pre-resnet-50", "resnet-20-single", "plain-20-single", "vgg-16",
        "resnet-42-B-3-4-6-4-3", "resnet-26-1-1-1-1-1-1-1-5", "cifar-resnet-164-bottleneck-pre",
    ],
)  # fmt: skip
def test_every_network_is_drawn_and_told(view: BlueprintView, name: str) -> None:
    network = network_named(name)
    if network.family is Family.VGG:
        view.show_alone(blueprint(network))
    else:
        own, other = blueprint(network), blueprint(counterpart(network))
        view.show_twin(*((other, own) if network.residual else (own, other)), designed=1)
    view.fold_all(folded=False)
    assert view.rows is not None
    view.viewport().render(QPixmap(view.viewport().size()))
    told = set()
    for index in range(len(view.rows.all)):
        view.put_mark(index)
        told.add(view.facts_at(QPointF(view.position_of(index))))
    assert len(told) > len(view.rows.all) / 2
    assert all("  ·  " in text for text in told)


def test_a_pre_activation_layer_says_what_comes_before_it(view: BlueprintView) -> None:
    network = network_named("pre-resnet-20")
    view.show_twin(blueprint(counterpart(network)), blueprint(network), designed=1)
    block = centre_of(view, RowKind.GROUP, 1)
    second = QPointF(block.x() + COLUMN * view.zoom, block.y() - 18 * view.zoom)
    assert "after batch norm and ReLU" in view.facts_at(second)


def test_where_there_is_little_room_both_networks_are_in_sight_and_then_it_scrolls(view: BlueprintView) -> None:
    plain, residual = (blueprint(NetworkSpec(depth=20, block=block)) for block in ("plain", "basic"))
    view.show_twin(plain, residual, designed=1)
    view.resize(320, 400)
    assert view.narrowest_zoom <= view.zoom < READABLE_ZOOM
    assert view.horizontalScrollBar().maximum() == 0
    view.setMinimumWidth(0)
    view.resize(250, 400)
    assert view.zoom == view.narrowest_zoom
    assert view.horizontalScrollBar().maximum() > 0
    assert view.name_rect(1).right() == pytest.approx(view.viewport().width(), abs=1)


def test_each_design_keeps_its_own_folds(view: BlueprintView) -> None:
    draw(view, 56)
    assert view.open_sections[1:4] == [False] * 3
    view.toggle(1)
    draw(view, 110)
    assert not view.is_open(1)
    draw(view, 56)
    assert view.is_open(1)


def test_a_dimmed_drawing_hides_what_lies_below_its_boxes(view: BlueprintView) -> None:
    """The line from layer to layer ends at a box, also while the form is at fault."""
    draw(view, 8)
    view.setEnabled(False)
    image = view.viewport().grab().toImage()
    row = next(row for row in view.rows.all if row.kind is RowKind.GROUP and row.lines == 2)
    y = round((row.box_top(0) + 2.5) * view.zoom + row.top * view.zoom + view.names_height)
    x = round(view.left() + COLUMN / 2 * view.zoom)
    assert image.pixelColor(x, y) == image.pixelColor(x - 30, y) != image.pixelColor(3, y)


def test_all_of_152_layers_at_once(view: BlueprintView) -> None:
    view.show_alone(blueprint(network_named("resnet-152")))
    view.fold_all(folded=False)
    view.fit_width()
    assert view.verticalScrollBar().maximum() > 3 * view.viewport().height()
    view.fit_whole()
    assert view.verticalScrollBar().maximum() == 0
    view.grab()
