"""Several words as one part of a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from resnet_studio.text import _


def any_of(words: Iterable[str]) -> str:
    """``a, b or c``; empty without words."""
    *most, last = list(words) or [""]
    return _("{most} or {last}", most=", ".join(most), last=last) if most else last


def all_of(words: Iterable[str]) -> str:
    """``a, b and c``; empty without words."""
    *most, last = list(words) or [""]
    return _("{most} and {last}", most=", ".join(most), last=last) if most else last
