"""Names and roles of widgets in one line."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QWidget

from resnet_studio.ui.widgets.plain_tip import set_tip

W = TypeVar("W", bound=QWidget)


def named(widget: W, name: str = "", *, role: str = "", tip: str = "", accessible: str = "") -> W:
    """``widget`` with an object name (for tests and saved layouts), a role of the style sheet and a tool tip.

    ``accessible`` is what a screen reader calls it.
    """
    if name:
        widget.setObjectName(name)
    if role:
        widget.setProperty("role", role)
    if tip:
        set_tip(widget, tip)
    if accessible:
        widget.setAccessibleName(accessible)
    return widget


def set_role(widget: QWidget, role: str) -> None:
    """Another role of the style sheet than before."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
