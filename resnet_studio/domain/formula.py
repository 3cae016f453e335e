"""Formulas as values: a short markup, read into boxes that whoever draws them sets beside and above one another.

The markup is the part of TeX that residual nets need: ``a^{[l+2]} = g(z^{[l+2]} + a^{[l]})``, ``x_{l}``,
``\\frac{a}{b}``, ``\\sqrt{a}``, ``\\norm{x}``, ``\\text{upright}`` and the names of :data:`SYMBOLS`. Words of several
letters stand upright by themselves; a space between factors is a thin one, two spaces are a wide one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "epsilon": "ε", "mu": "μ", "sigma": "σ", "partial": "∂", "nabla": "∇",
    "cdot": "·", "times": "×", "le": "≤", "ge": "≥", "approx": "≈", "ne": "≠", "to": "→", "sum": "Σ", "prod": "Π",
    "infty": "∞", "dots": "…",
}  # fmt: skip
THIN, WIDE = "\u2009", "\u2003"
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_UPRIGHT = set("Σ∂∇∞…")
_BETWEEN = set("=+−×·≤≥≈≠→⇒<>")  # with space on both sides
_TOKEN = re.compile(r"\\[a-zA-Z]+ ?|[^\W\d_]{2,}|[{}^_]|\d+(?:[.,\u202f ]\d+)*|\s+|.", re.DOTALL)


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


def in_line(markup: str) -> str:
    """The formula of this markup on one line, as :func:`spoken` has it."""
    return spoken(parse_formula(markup))


def spoken(part: Part, *, tight: bool = False) -> str:
    """On one line, for tool tips and for whoever has the formula read aloud: ``a[l+2] = g(z[l+2] + a[l])``, ``64²``.

    ``tight``: without space around operators, as in scripts.
    """
    if isinstance(part, Glyphs):
        return f" {part.text} " if part.between and not tight else part.text.replace(THIN, " ").replace(WIDE, " ")
    if isinstance(part, Row):
        return "".join(spoken(each, tight=tight) for each in part.parts)
    if isinstance(part, Fraction):
        return f"({spoken(part.top)}) / ({spoken(part.bottom)})"
    if isinstance(part, Root):
        return f"√({spoken(part.inner)})"
    below = spoken(part.below, tight=True) if part.below is not None else ""
    above = spoken(part.above, tight=True) if part.above is not None else ""
    if above.isdecimal():
        above = above.translate(_RAISED)
    elif above and not above.startswith("["):
        above = f"^{above}" if len(above) == 1 else f"^({above})"
    return f"{spoken(part.base)}{below}{above}"


def _operator(token: str) -> str:
    """As it is set; names of symbols too."""
    return {"-": "−", "*": "·"}.get(token, SYMBOLS.get(token.strip("\\ "), token))


def _between(part: Part) -> bool:
    return isinstance(part, Glyphs) and part.between


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.left = tokens[::-1]

    def row(self) -> Row:
        """Up to the end, or to a closing brace, which stays."""
        parts: list[Part] = []
        while self.left and self.left[-1] != "}":
            token = self.left.pop()
            if token.isspace():
                self.space(token, parts)
                continue
            if token in "^_":
                parts.append(self.script(parts.pop() if parts else Glyphs(""), token))
            else:
                parts.append(self.part(token))
        return Row(tuple(parts))

    def space(self, token: str, parts: list[Part]) -> None:
        """Operators have their own."""
        after = self.left[-1] if self.left else "}"
        if parts and after != "}" and (len(token) > 1 or not (_between(parts[-1]) or _operator(after) in _BETWEEN)):
            parts.append(Glyphs(THIN if len(token) == 1 else WIDE))

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
            return self.named(token[1:].strip())
        text = _operator(token)
        return Glyphs(text, italic=len(text) == 1 and text.isalpha(), between=text in _BETWEEN)

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
