"""A box for a whole number, which is typed or stepped with the keys."""

from __future__ import annotations

from PySide6.QtWidgets import QSpinBox, QWidget

LEFT = 8  # pixels between the frame and the number, as in a line of text


class NumberBox(QSpinBox):
    """Without buttons Qt begins the number on the frame itself, whatever the style sheet's padding is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lineEdit().setTextMargins(LEFT, 0, 0, 0)
