"""Compared networks: the window, its drawing, and what it writes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.diff import Against, diff
from resnet_studio.domain.enums import Block, Family
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RunSpec, replace
from resnet_studio.ui.diagram.rows import COLUMN, Row, RowKind, contents_text, section_text
from resnet_studio.ui.diff.choice import DIFF_PRESETS, PROPOSED
from resnet_studio.ui.diff.export import export_diff
from resnet_studio.ui.diff.heading import heading_lines
from resnet_studio.ui.diff.window import DESIGN, POINT, TWIN, DiffWindow
from resnet_studio.ui.pages.design.page import DesignPage
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.services import Services

from ..waiting import thread_seconds

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform says so of any window


@pytest.fixture
def window(qtbot: QtBot, services: Services) -> DiffWindow:
    made = DiffWindow(services)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    return made


def test_it_opens_no_larger_than_the_screen(qtbot: QtBot, services: Services) -> None:
    made = DiffWindow(services)
    qtbot.addWidget(made)
    room = made.screen().availableGeometry().size()
    assert room.height() < 830  # of the offscreen platform, as of a small notebook
    assert made.height() < 0.95 * room.height()


def button(window: DiffWindow, name: str) -> QPushButton:
    found = window.findChild(QPushButton, name)
    assert found is not None
    return found


def label(window: DiffWindow, name: str) -> str:
    found = window.findChild(QLabel, name)
    assert found is not None
    return found.text()


def type_into(window: DiffWindow, n: int, text: str) -> None:
    window.choice.fields[n].setEditText(text)
    window.choice._read()


def rows_of(window: DiffWindow) -> tuple[Row, ...]:
    assert window.view.rows is not None
    return window.view.rows.all


def test_figure_3_comes_first(window: DiffWindow) -> None:
    assert window.view.diff is not None
    assert window.view.diff.names == ("VGG-19", "plain-34", "ResNet-34 A")
    assert "ResNet-34 A against plain-34: 16 shortcuts added." in label(window, "diff_summary")
    assert window.view.open_sections == [True] * 7
    assert "18.6 % of VGG-19" in window.view.heading_at(window.view.name_rect(1).center())
    assert window.view.heading_at(QPointF(5, 300)) == ""


@pytest.mark.parametrize("index", range(len(DIFF_PRESETS)))
def test_every_preset_is_drawn(window: DiffWindow, index: int) -> None:
    window.choice.preset.setCurrentIndex(index)
    window.choice.preset.activated.emit(index)
    assert window.view.diff is not None
    assert len(window.view.diff.plans) == len(DIFF_PRESETS[index].names)
    assert any(window.view.diff.tally(n).total for n in range(1, len(window.view.diff.plans)))
    target = QPixmap(window.view.viewport().size())
    window.view.viewport().render(target)


def test_everything_proposed_is_a_name() -> None:
    assert len({network_named(name) for name in PROPOSED}) == len(PROPOSED)


def test_own_names_and_stored_runs(window: DiffWindow, services: Services) -> None:
    services.store.create_cohort(CohortSpec(runs=(RunSpec(name="my run", network=NetworkSpec(depth=26)),)))
    type_into(window, 0, "resnet-20")
    type_into(window, 1, "my run")
    type_into(window, 2, "")
    assert [spec.depth for spec in window.choice.networks] == [20, 26]
    assert window.choice.preset.currentText() == "My own choice"


def test_a_wrong_name_is_told_beside_its_field_and_nothing_can_be_exported(window: DiffWindow) -> None:
    for text, words in (("resnet-21", "choose 20 or 26"), ("<b>x", "not the name"), ("", "Name a network")):
        type_into(window, 1, text)
        assert words in label(window, "diff_error_2")
        assert window.choice.fields[1].property("wrong") == "true"
        assert not button(window, "diff_export").isEnabled()
        assert not window.view.isEnabled()
    type_into(window, 1, "resnet-20")
    assert window.choice.problem == ""
    assert button(window, "diff_export").isEnabled()


def test_typing_waits_for_the_end_of_a_word(qtbot: QtBot, window: DiffWindow) -> None:
    with qtbot.waitSignal(window.choice.changed, timeout=3000):
        window.choice.fields[2].setEditText("resnet-50")
    assert window.view.diff is not None
    assert window.view.diff.names[2] == "ResNet-50"


def test_compared_with_the_first(window: DiffWindow) -> None:
    box = window.findChild(QComboBox, "diff_against")
    assert box is not None
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert window.choice.mode is Against.FIRST
    assert window.view.diff is not None
    assert window.view.diff.baselines == (0, 0, 0)


def test_steps_lead_from_difference_to_difference(qtbot: QtBot, window: DiffWindow) -> None:
    window.choice.show_preset(3)  # A, B, C
    marked = []
    for _ in range(40):
        if not window.view.go_to_difference(1):
            break
        marked.append(window.view._mark)
    assert len(marked) == 16
    assert all(rows_of(window)[index].kind is RowKind.GROUP for index in marked)
    button(window, "diff_next").click()
    assert label(window, "diff_pointed") == "No difference comes after the marked place."
    button(window, "diff_previous").click()
    assert window.view._mark == marked[-2]
    assert "identity → projection" in label(window, "diff_pointed")
    button(window, "diff_fold_all").click()
    assert not any(window.view.open_sections)
    assert window.view.go_to_difference(1)
    assert "3 shortcuts changed" in label(window, "diff_pointed")
    qtbot.keyClick(window.view, Qt.Key.Key_Left)
    assert label(window, "diff_pointed").startswith("ResNet-34 B")
    assert "changed" not in label(window, "diff_pointed")


def test_each_step_tells_of_a_network_that_differs_there(window: DiffWindow) -> None:
    for folded in (False, True):
        window.choice.show_preset(0)  # Figure 3
        window.view.start_over()
        window.view.fold_all(folded=folded)
        told = []
        while window.view.go_to_difference(1):
            told.append((window.view._mark, label(window, "diff_pointed")))
        backward = [told[-1]]
        while window.view.go_to_difference(-1):
            backward.append((window.view._mark, label(window, "diff_pointed")))
        assert backward[::-1] == told
        signs = ("only in", "not in", "other than in", "added", "missing", "changed")
        assert [text for _, text in told if not any(sign in text for sign in signs)] == []
        assert [text.partition("  ·  ")[0] for _, text in told[:4]] == ["plain-34"] * 4 if not folded else True
        assert any(text.startswith("ResNet-34 A") and "shortcut" in text for _, text in told)
    assert told[0][1].startswith("plain-34")


def test_each_head_says_what_is_compared_with_what(window: DiffWindow) -> None:
    def heads() -> list[str]:
        found = window.view.diff
        assert found is not None
        return [heading_lines(found, n)[3].partition(":")[0] for n in range(len(found.plans))]

    assert heads() == ["what plain-34 is compared with", "vs VGG-19", "vs plain-34"]
    box = window.findChild(QComboBox, "diff_against")
    assert box is not None
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert heads() == ["what the others are compared with", "vs VGG-19", "vs VGG-19"]
    window.choice.show_names(("plain-20", "resnet-20"))
    assert heads() == ["what ResNet-20 is compared with", "vs plain-20"]


def test_layers_are_those_with_weights_and_pools_are_named(window: DiffWindow) -> None:
    found = window.view.diff
    assert found is not None
    texts = [[section_text(found, s, n) for n in range(3)] for s in range(len(found.sections))]
    assert texts[1] == ["128 filters, 2 layers", "1 layer", "1 layer"]
    inside = [[line[n] for group in found.sections[1].section.groups for line in group.lines] for n in range(3)]
    assert [contents_text([item for item in column if item]) for column in inside] == [
        "2 layers, pool", "1 layer", "1 layer",
    ]  # fmt: skip
    assert texts[-1] == ["3 layers", "1 layer, pool", "1 layer, pool"]


def test_a_window_opened_again_has_forgotten_what_it_told(qtbot: QtBot, window: DiffWindow, tmp_path: Path) -> None:
    window.export(tmp_path / "figure.svg")
    qtbot.waitUntil(lambda: label(window, "diff_pointed").startswith("Saved as"), timeout=10_000)
    window.close()
    window.show()
    assert label(window, "diff_pointed") == POINT


def test_under_the_mouse_lies_what_differs(window: DiffWindow) -> None:
    window.choice.show_names(("resnet-50", "resnet-50-3x3"))
    assert window.view.diff is not None
    row = next(i for i, r in enumerate(rows_of(window)) if r.section == 2 and r.kind is RowKind.GROUP)
    window.view.put_mark(row)
    y = window.view.position_of(row).y() - rows_of(window)[row].height / 2 * window.view.zoom
    first = QPointF(window.view.name_rect(1).center().x(), y + (rows_of(window)[row].box_top(0) + 8) * window.view.zoom)
    assert "other than in ResNet-50: stride 2 → 1, output size 28×28 → 56×56" in window.view.facts_at(first)
    left = QPointF(first.x() - COLUMN * window.view.zoom, first.y())
    assert "other than" not in window.view.facts_at(left)


def test_the_whole_drawing_is_written(qtbot: QtBot, window: DiffWindow, tmp_path: Path) -> None:
    for name in ("figure.svg", "figure.png"):
        window.export(tmp_path / name)
        qtbot.waitUntil(lambda: button(window, "diff_export").isEnabled(), timeout=20_000)
        assert label(window, "diff_pointed") == f"Saved as {tmp_path / name}."
    image = QImage(str(tmp_path / "figure.png"))
    assert window.view.rows is not None
    assert image.height() > 2 * window.view.rows.height
    assert image.pixelColor(2, 2).name() == "#ffffff"
    root = ElementTree.parse(tmp_path / "figure.svg").getroot()
    texts = {"".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"VGG-19", "plain-34", "ResNet-34 A", "fc, 4096", "3×3 conv, 512, /2", "added", "missing"} <= texts
    assert {f"▾  Output {size}×{size}" for size in (224, 112, 56, 28, 14, 7, 1)} <= texts


def test_a_file_that_cannot_be_written_is_told(qtbot: QtBot, window: DiffWindow, tmp_path: Path) -> None:
    window.export(tmp_path / "no folder" / "figure.svg")
    qtbot.waitUntil(lambda: button(window, "diff_export").isEnabled(), timeout=20_000)
    assert "cannot be written" in label(window, "diff_pointed")


def test_the_export_is_white_in_the_dark_too(services: Services, tmp_path: Path) -> None:
    found = diff([blueprint(network_named(name)) for name in ("plain-8", "resnet-8")])
    light = export_diff(found, tmp_path / "light.png", scale=1).read_bytes()
    services.theme.set_mode("dark")
    assert export_diff(found, tmp_path / "dark.png", scale=1).read_bytes() == light
    with pytest.raises(UserError, match=r"\.png, \.svg or \.pdf"):
        export_diff(found, tmp_path / "x.gif")


def test_1202_layers_stay_fluid(window: DiffWindow) -> None:
    """Three columns: at most 20 ms a frame are wanted."""
    window.choice.show_names(("plain-1202", "resnet-1202", "resnet-1202-C"))
    window.view.fold_all(folded=False)
    target = QPixmap(window.view.viewport().size())
    bar = window.view.verticalScrollBar()
    times = []
    for step in range(20):
        bar.setValue(bar.maximum() * step // 20)
        times.append(thread_seconds(lambda: window.view.viewport().render(target)))
    assert window.view.row_count > 600
    assert sorted(times)[len(times) // 2] < 0.1


@pytest.mark.qt_log_ignore("propagateSizeHints", "does not support raise")
def test_the_design_is_compared_with_its_twin_and_followed(qtbot: QtBot, services: Services) -> None:
    page = DesignPage(services, page_row("design"))
    qtbot.addWidget(page)
    page.show()
    page.show_spec(replace(RunSpec(), network=NetworkSpec(depth=32)))
    button_ = page.findChild(QPushButton, "compare_networks_button")
    assert button_ is not None
    button_.click()
    window = page.comparison
    assert window is not None  # the page's child: it goes with it
    assert window.view.diff is not None
    assert window.view.diff.names == ("plain-32", "ResNet-32")
    assert [field.currentText() for field in window.choice.fields] == [TWIN, DESIGN, ""]
    page.show_spec(replace(RunSpec(), network=NetworkSpec(depth=44)))
    assert window.view.diff.names == ("plain-44", "ResNet-44")
    page.show_spec(replace(RunSpec(), network=NetworkSpec(depth=14, block=Block.PLAIN)))
    assert window.view.diff.names == ("ResNet-14", "plain-14")
    page.show_spec(replace(RunSpec(), network=NetworkSpec(family=Family.VGG)))
    assert window.choice.problem == "The network in the form has no twin; name another network."
    window.close()
