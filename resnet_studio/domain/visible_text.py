"""Characters that nobody sees but that change what is seen: they are shown as what they are on every way out."""

from __future__ import annotations

import re

# Control characters, marks of writing direction, separators of lines, surrogates; a tab and a new line are text.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """``text`` with each such character as ``\\u`` and four digits.

    JSON reads that as the character itself: a file name that is no text (a lone surrogate for each byte, as Python
    has it) comes back whole, for ``os.fsencode``.
    """
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def visible_line(text: str) -> str:
    """The same on one line, for a name among others."""
    return visible(text).replace("\n", "\\n")
