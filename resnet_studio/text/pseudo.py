"""A language that nobody speaks: every text longer by a third, accented and bracketed, its fields intact.

What appears without brackets was never translated; what is cut would be cut in a longer language.
"""

from __future__ import annotations

import re

OPEN, CLOSE = "⟦", "⟧"
_LETTERS = str.maketrans("aceinosuyzACEINOSUYZ", "åçéîñöšüýžÅÇÉÎÑÖŠÜÝŽ")
_KEPT = re.compile(
    r"""\{\{ | \}\} | \{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}  # fields, with fields in their specification
    | </?[a-zA-Z][^<>]*> | &\#?\w+;                     # markup of Qt
    | \[/?[a-z][a-z0-9 _#]*\]                           # markup of the terminal
    | \(\*[^()]*\) | `[^`]*` | https?://\S+             # file patterns, commands, addresses
    """,
    re.VERBOSE,
)


class PseudoTexts:
    def gettext(self, message: str, /) -> str:
        return pseudo(message)

    def ngettext(self, one: str, many: str, number: int, /) -> str:
        return pseudo(one if number == 1 else many)


def pseudo(text: str) -> str:
    """``{runs} runs finished`` as ``⟦{runs} rüñš fîñîšhéd öööööö⟧``; what is pseudo already stays as it is."""
    if not text.strip() or text.startswith(OPEN):
        return text
    parts, end = [], 0
    for kept in _KEPT.finditer(text):
        parts += [text[end : kept.start()].translate(_LETTERS), kept[0]]
        end = kept.end()
    parts.append(text[end:].translate(_LETTERS))
    letters = len(_KEPT.sub("", text))
    more = " ".join("ö" * min(6, letters // 3 - done) for done in range(0, letters // 3, 6))
    return f"{OPEN}{''.join(parts)}{' ' if more else ''}{more}{CLOSE}"
