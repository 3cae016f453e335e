"""Names with markup are shown as they are, in every tool tip and label that shows other people's names."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QApplication, QLabel, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.pages.classify.cells import Cell
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.plain_tip import LONG, WIDTH, plain_tip, set_tip

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


@pytest.mark.qt_log_ignore("propagateSizeHints", "raise")
@pytest.mark.parametrize("key", ["design", "compare", "train"])
def test_no_tip_covers_what_it_explains(qtbot, services, key):
    """Qt breaks no line of a plain text: tips were up to 760 pixels wide."""
    row = page_row(key)
    page = row.build(services, row)
    qtbot.addWidget(page)
    page.show()
    texts = {widget.toolTip() for widget in [page, *page.findChildren(QWidget)]} - {""}
    assert any(f'<table width="{WIDTH}">' in text for text in texts)
    for text in texts:
        QToolTip.showText(QPoint(10, 10), text, page)
        (shown,) = [
            w for w in QApplication.topLevelWidgets() if w.metaObject().className() == "QTipLabel" and w.isVisible()
        ]
        assert shown.width() <= WIDTH + 120, text
        QToolTip.hideText()
        shown.hide()


def test_a_long_tip_is_shown_as_it_is_meant(qtbot):
    label = QLabel()
    qtbot.addWidget(label)
    set_tip(label, f"depth<20 or depth>56 {'and so on ' * 10}")
    document = QTextDocument()
    document.setHtml(label.toolTip())
    assert document.toPlainText().strip() == f"depth<20 or depth>56 {'and so on ' * 10}".strip()
    for text in ("x" * LONG, "<p>markup</p>" * 20):
        set_tip(label, text)
        assert label.toolTip() == text
