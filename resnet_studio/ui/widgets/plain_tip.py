"""The one way out for other people's names into tool tips, and how wide a tip may be.

Qt takes a text with tags, or an escape, for HTML; it never breaks the lines of a plain one, which then covers what it
explains.
"""

from __future__ import annotations

from html import escape
from typing import Protocol

from PySide6.QtGui import Qt

from resnet_studio.domain.visible_text import visible

LONG = 76  # characters of a line
WIDTH = 440  # pixels of a text with longer ones


class PlainTip(str):
    """A text that Qt shows as it is meant; made by :func:`plain_tip` alone."""

    __slots__ = ()


def plain_tip(text: str) -> PlainTip:
    """A tool tip that shows ``text`` as it is; one that was made so before stays the same."""
    if isinstance(text, PlainTip):
        return text
    text = visible(text)
    rich = "<" in text or "&" in text
    return PlainTip(f"<span>{escape(text)}</span>".replace("\n", "<br>") if rich else text)


class _Tipped(Protocol):
    def setToolTip(self, text: str, /) -> None: ...


def set_tip(widget: _Tipped, text: str) -> None:
    """A tool tip whose long lines are broken."""
    widget.setToolTip(broken_tip(text))


def broken_tip(text: str) -> str:
    """The text of a tool tip, its long lines broken. Markup stays as it is: Qt breaks the lines of that."""
    if not Qt.mightBeRichText(text) and any(len(line) > LONG for line in text.split("\n")):
        lines = escape(text, quote=False).replace("\n", "<br>")
        return f'<table width="{WIDTH}"><tr><td>{lines}</td></tr></table>'
    return text
