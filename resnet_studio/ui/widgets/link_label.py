"""Rich text with links in the colour of the theme that is there now."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QLabel


class LinkLabel(QLabel):
    """Qt colours links when a text is set and never again: in another palette the text is set anew."""

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange) and self.text():
            text = self.text()
            self.clear()  # a text that is there already is not set
            self.setText(text)
