"""Formulas as values: a short markup, read into boxes that whoever draws them sets beside and above one another.

The markup is the part of TeX that residual nets need: ``a^{[l+2]} = g(z^{[l+2]} + a^{[l]})``, ``x_{l}``,
``\\frac{a}{b}``, ``\\sqrt{a}``, ``\\norm{x}``, ``\\text{upright}`` and the names of :data:`SYMBOLS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "epsilon": "ε", "mu": "μ", "sigma": "σ", "partial": "∂", "nabla": "∇",
    "cdot": "·", "times": "×", "le": "≤", "ge": "≥", "approx": "≈", "ne": "≠", "to": "→", "sum": "Σ", "prod": "Π",
    "infty": "∞", "dots": "…",
}  # fmt: skip
_UPRIGHT = set("Σ∂∇∞…")
_BETWEEN = set("=+−×·≤≥≈≠→<>")  # with space on both sides
_TOKEN = re.compile(r"\\[a-zA-Z]+|[{}^_]|\d+(?:[.,\u202f ]\d+)*|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Letters of one kind; ``between``: an operator with space around it."""

    text: str
    italic: bool = False
    between: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Parts side by side."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A base with something raised, lowered, or both."""

    base: Part
    above: Part | None = None
    below: Part | None = None


@dataclass(frozen=True, slots=True)
class Fraction:
    top: Part
    bottom: Part


@dataclass(frozen=True, slots=True)
class Root:
    inner: Part


Part = Glyphs | Row | Script | Fraction | Root


def parse_formula(markup: str) -> Row:
    """Raises ValueError for a name that is not known, or braces that do not fit."""
    reader = _Reader(_TOKEN.findall(markup))
    found = reader.row()
    if reader.left:
        raise ValueError(f"a brace is closed that was not opened, in {markup!r}")
    return found


def spoken(part: Part) -> str:
    """On one line, for whoever has the formula read aloud, and for tests."""
    if isinstance(part, Glyphs):
        return f" {part.text} " if part.between else part.text
    if isinstance(part, Row):
        return "".join(map(spoken, part.parts))
    if isinstance(part, Fraction):
        return f"({spoken(part.top)}) / ({spoken(part.bottom)})"
    if isinstance(part, Root):
        return f"√({spoken(part.inner)})"
    above = f"^{_grouped(part.above)}" if part.above is not None else ""
    below = f"_{_grouped(part.below)}" if part.below is not None else ""
    return f"{spoken(part.base)}{below}{above}"


def _grouped(part: Part) -> str:
    text = spoken(part)
    return text if len(text) == 1 else f"({text})"


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.left = tokens[::-1]

    def row(self) -> Row:
        """Up to the end, or to a closing brace, which stays."""
        parts: list[Part] = []
        while self.left and self.left[-1] != "}":
            token = self.left.pop()
            if token.isspace():
                continue
            if token in "^_":
                parts.append(self.script(parts.pop() if parts else Glyphs(""), token))
            else:
                parts.append(self.part(token))
        return Row(tuple(parts))

    def script(self, base: Part, kind: str) -> Script:
        inner = self.group()
        before = base if isinstance(base, Script) else Script(base)
        if kind == "^":
            return Script(before.base, inner, before.below)
        return Script(before.base, before.above, inner)

    def group(self) -> Part:
        """What stands in braces, or one token."""
        if not self.left:
            raise ValueError("a formula ends where something must follow")
        token = self.left.pop()
        if token != "{":
            return self.part(token)
        found = self.row()
        if not self.left:
            raise ValueError("a brace is not closed")
        self.left.pop()
        return found

    def part(self, token: str) -> Part:
        if token == "{":
            self.left.append(token)
            return self.group()
        if token.startswith("\\"):
            return self.named(token[1:])
        text = {"-": "−", "*": "·"}.get(token, token)
        return Glyphs(text, italic=text.isalpha(), between=text in _BETWEEN)

    def named(self, name: str) -> Part:
        if name == "frac":
            return Fraction(self.group(), self.group())
        if name == "sqrt":
            return Root(self.group())
        if name == "norm":
            return Row((Glyphs("‖"), self.group(), Glyphs("‖")))
        if name == "text":
            return self.upright()
        if name not in SYMBOLS:
            raise ValueError(f"there is no symbol {name!r}; there are {', '.join(SYMBOLS)}")
        text = SYMBOLS[name]
        return Glyphs(text, italic=text.isalpha() and text not in _UPRIGHT, between=text in _BETWEEN)

    def upright(self) -> Glyphs:
        """As it stands, spaces included."""
        if not self.left or self.left.pop() != "{":
            raise ValueError("\\text takes braces")
        inner = ""
        while self.left and self.left[-1] != "}":
            inner += self.left.pop()
        if not self.left:
            raise ValueError("a brace is not closed")
        self.left.pop()
        return Glyphs(inner)
