"""A strip that says what was deleted and offers it back for some seconds."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QWidget

from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_row

SHOWN_MS = 12_000


class UndoBar(QFrame):
    """Hidden until :meth:`show_text`; ``undone`` when the button is pressed."""

    undone = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "undo_bar", role="banner")
        self._label = QLabel(self)
        self._label.setTextFormat(Qt.TextFormat.PlainText)  # it names runs
        button = named(QPushButton(_("&Undo"), self), "undo_button", tip=_("Ctrl+Z, also later"))
        button.clicked.connect(self._on_undo)
        in_row((self._label, 1), button, of=self, margins=(14, 6, 6, 6))
        self._timer = QTimer(self, interval=SHOWN_MS, singleShot=True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        return self._label.text()

    def show_text(self, text: str) -> None:
        self._label.setText(text)
        self.show()
        self._timer.start()

    def _on_undo(self) -> None:
        self.hide()
        self.undone.emit()
