"""Names with markup are shown as they are, in every tool tip and label that shows other people's names."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.pages.classify.cells import Cell
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.plain_tip import plain_tip

NAMES = ["<b>x</b>", "<img src=/etc/passwd>", "&lt;b&gt;", "a & b <i>", "\u202egnp.<u>x"]


@pytest.mark.parametrize("name", NAMES)
def test_a_tip_is_no_markup(name: str) -> None:
    tip = plain_tip(f"{name}\nsecond line")
    assert not any(tag in tip for tag in ("<b>", "<img", "<i>", "<u>"))
    assert tip.startswith("<span>")
    assert tip.endswith("<br>second line</span>")
    assert "\u202e" not in tip
    assert plain_tip(tip) is tip


def test_a_usual_text_stays_as_it_is() -> None:
    assert plain_tip("ResNet-20\nsecond") == "ResNet-20\nsecond"


@pytest.mark.parametrize("name", NAMES)
def test_cells_headings_and_cut_labels(qtbot: QtBot, name: str) -> None:
    columns = [TableColumn("run", lambda text: text, tip=name, cell_tip=lambda text: text),
               TableColumn("made", lambda text: text, cell_tip=plain_tip)]  # fmt: skip
    model: RecordTableModel[str] = RecordTableModel(columns, key=lambda text: text)
    model.set_records([name])
    role = Qt.ItemDataRole.ToolTipRole
    shown = [model.index(0, column, QModelIndex()).data(role) for column in (0, 1)]
    shown.append(model.headerData(0, Qt.Orientation.Horizontal, role))
    assert shown == [plain_tip(name)] * 3
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.show_text(name)
    assert label.toolTip() == plain_tip(name)
    assert label.textFormat() is Qt.TextFormat.PlainText


CLASSES = {"ship": "Ship", "frog": "frog"}


@pytest.mark.parametrize(
    ("folders", "name", "truth"),
    [
        (("ship", "frog"), "ship/1.png", "Ship"),
        (("Ship", "FROG"), "Ship/1.png", "Ship"),
        (("ship",), "ship/1.png", ""),
        (("ship", "holidays"), "ship/1.png", ""),
        (("ship",), "ship/frog (2).png", "frog"),
        (("boats", "frog"), "boats/ship-07.png", "Ship"),
    ],
)
def test_a_folder_names_the_true_class_beside_another_class(
    tmp_path: Path, folders: tuple[str, ...], name: str, truth: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    assert ImageRow.of(tmp_path / name).truth(CLASSES) == truth


def test_a_note_on_pixels_stands_in_the_cells_tip(tiny_run) -> None:
    from resnet_studio.domain.records import Prediction
    from resnet_studio.ui.pages.classify.results import _tip

    cell = Cell(tiny_run, (Prediction("<b>cat</b>", 0.5),), note="It was inverted.")
    text = _tip(cell, "ResNet-8")
    assert text is not None
    assert text.splitlines() == ["ResNet-8", "<b>cat</b>: 50.00%", "It was inverted."]
