"""The one way out for other people's names into tool tips: Qt takes a text with tags, or an escape, for HTML."""

from __future__ import annotations

from html import escape

from resnet_studio.domain.visible_text import visible


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
