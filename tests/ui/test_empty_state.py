"""What stands where there is nothing to show can be read at every width."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QStackedWidget
from pytestqt.qtbot import QtBot

from resnet_studio.ui.widgets.empty_state import EmptyState

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

SENTENCE = "The figure will stand here, and above it what its numbers say."


@pytest.mark.parametrize("widths", [(700, 300), (300, 700), (700, 300, 700, 260)])
def test_the_sentence_is_whole_after_any_change_of_width(qtbot: QtBot, widths: tuple[int, ...]) -> None:
    holder = QStackedWidget()
    qtbot.addWidget(holder)
    state = EmptyState("Nothing measured yet", SENTENCE, "Measure")
    holder.addWidget(state)
    holder.show()
    for width in widths:
        holder.resize(width, 400)
        assert state.width() == width
    for label in state.findChildren(QLabel):
        fresh = QLabel(label.text(), wordWrap=True)
        qtbot.addWidget(fresh)
        fresh.setFont(label.font())
        assert label.height() >= fresh.heightForWidth(label.width())
        assert label.width() <= widths[-1]
