"""Frames and splitters as the parts of the Compare page have them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QSplitter, QWidget

from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column


def framed_panel(*widgets: QWidget) -> QFrame:
    """A panel with ``widgets`` one below the other."""
    panel = named(QFrame(), role="panel")
    in_column(*widgets, of=panel, margins=(10, 8, 10, 8), spacing=6)
    return panel


def two_parts(orientation: Qt.Orientation, first: QWidget, second: QWidget, stretch: tuple[int, int]) -> QSplitter:
    """Neither part can be folded away."""
    splitter = QSplitter(orientation, childrenCollapsible=False, handleWidth=8)
    for index, widget in enumerate((first, second)):
        splitter.addWidget(widget)
        splitter.setStretchFactor(index, stretch[index])
    return splitter
