"""What every page is, and what the window has to know of one before it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QWidget

from resnet_studio.ui.services import Services


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page. Rail, menu, keys and object names follow from it.

    Attributes:
        key: Names the page in object names and preferences.
        menu_text: The title, with an ampersand before the letter that the View menu underlines.
        icon: A qtawesome name.
        build: Makes the page, of services, this row and a parent; imports it only then, for the plots take a while to
            load.
    """

    key: str
    menu_text: str
    icon: str
    shortcut: str
    tip: str
    build: Callable[..., Page]

    @property
    def title(self) -> str:
        return self.menu_text.replace("&", "")

    @property
    def tip_with_keys(self) -> str:
        keys = QKeySequence(self.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
        return f"{self.tip} ({keys})"


class Page(QWidget):
    """One of the window's pages.

    ``message`` is a sentence for the status bar, ``working`` what goes on here in the background besides training;
    empty when it is over.
    """

    message = Signal(str)
    working = Signal(str)

    def __init__(self, services: Services, row: PageRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.services, self.row = services, row
        self.setObjectName(f"{row.key}_page")

    def activate(self) -> None:
        """Called each time the page is shown."""
