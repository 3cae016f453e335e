"""A label that gives way to what stands beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from resnet_studio.ui.widgets.plain_tip import plain_tip, set_tip


def keep_end(metrics: QFontMetrics, start: str, end: str, width: int) -> str:
    """Both on one line of ``width`` pixels; where that is too narrow ``start`` is cut, and ``end`` stays whole."""
    if metrics.horizontalAdvance(start + end) <= width:
        return start + end
    room = width - metrics.horizontalAdvance(end)
    short = metrics.elidedText(start, Qt.TextElideMode.ElideRight, max(room, 0))
    return metrics.elidedText(short + end, Qt.TextElideMode.ElideLeft, width)


class ElidedLabel(QLabel):
    """One line that takes the room there is; the whole text is its tool tip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str) -> None:
        self._whole = text
        set_tip(self, plain_tip(text))
        self._elide()

    def _elide(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(self.width() - 2, 20)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()
