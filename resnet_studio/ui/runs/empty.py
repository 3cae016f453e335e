"""What a page shows in place of a view that has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget


class EmptyState(QWidget):
    """A heading, a sentence and one button; ``pressed`` is the wish."""

    pressed = Signal()

    def __init__(self, heading: str, sentence: str, button: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        head = QLabel(heading, self)
        head.setProperty("role", "title")
        text = QLabel(sentence, self)
        text.setProperty("role", "muted")
        text.setWordWrap(True)
        text.setFixedWidth(460)  # a wrapped label tells its height only for a known width
        self.button = QPushButton(button, self)
        self.button.setProperty("role", "primary")
        self.button.clicked.connect(self.pressed)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(2)
        for widget in (head, text, self.button):
            if isinstance(widget, QLabel):
                widget.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
