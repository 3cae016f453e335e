"""What every page is."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from resnet_studio.ui.services import Services


class Page(QWidget):
    """One of the window's pages. ``message`` is a sentence for the status bar, ``working(key, sentence)`` what goes on
    here in the background besides training; empty when it is over."""

    key: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""

    message = Signal(str)
    working = Signal(str, str)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.setObjectName(f"{self.key}_page")

    def activate(self) -> None:
        """Called each time the page is shown."""
