"""Which word of the glossary a widget is about: what F1 explains while it has the focus."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

_TERM = "term"


def set_term(widget: QWidget, key: str) -> None:
    """``key`` is the glossary's; empty: the widget is about none."""
    widget.setProperty(_TERM, key)


def term_of(widget: QWidget | None) -> str:
    """The glossary's key of what a widget, or one around it, is about; empty where none says so."""
    while widget is not None:
        key = widget.property(_TERM)
        if isinstance(key, str) and key:
            return key
        widget = widget.parentWidget()
    return ""
