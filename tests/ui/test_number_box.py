"""The box for whole numbers, and the corner between two scroll bars, as the style sheet draws them."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.number_box import LEFT, NumberBox

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def styled(qtbot: QtBot, widget: QWidget) -> QImage:
    Theme()
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    return widget.grab().toImage()


def test_the_number_keeps_away_from_the_frame(qtbot: QtBot) -> None:
    box = NumberBox()
    box.setValue(3)
    box.resize(56, 28)
    picture = styled(qtbot, box)
    ground = picture.pixelColor(picture.width() // 2, picture.height() // 2).lightness()
    inked = [
        x
        for x in range(3, picture.width() - 3)
        if any(abs(picture.pixelColor(x, y).lightness() - ground) > 60 for y in range(6, picture.height() - 6))
    ]
    assert LEFT <= inked[0] < LEFT + 8


def test_the_corner_between_two_scroll_bars_is_empty(qtbot: QtBot) -> None:
    text = QPlainTextEdit("\n".join(["word " * 80] * 60))
    text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    text.resize(220, 160)
    picture = styled(qtbot, text)
    across, down = text.verticalScrollBar(), text.horizontalScrollBar()
    assert across.isVisible()
    assert down.isVisible()
    left, top = text.width() - across.width() - 2, text.height() - down.height() - 2
    shades = {picture.pixelColor(x, y).name() for x in range(left + 1, left + 8) for y in range(top + 1, top + 8)}
    assert len(shades) == 1, shades
