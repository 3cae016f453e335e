"""Frames and splitters as the parts of the Compare page have them.

They are made before what is in them: what has many widgets in it is styled anew each time it gets another parent.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QSplitter, QVBoxLayout, QWidget


def framed_panel(parent: QWidget) -> tuple[QFrame, QVBoxLayout]:
    """An empty panel, and the layout for what comes one below the other in it."""
    panel = QFrame(parent)
    panel.setProperty("role", "panel")
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(10, 8, 10, 8)
    layout.setSpacing(6)
    return panel, layout


def splitter_in(parent: QWidget, orientation: Qt.Orientation) -> QSplitter:
    """The widgets that are made in it become its parts; none of them can be folded away."""
    splitter = QSplitter(orientation, parent)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(8)
    return splitter
