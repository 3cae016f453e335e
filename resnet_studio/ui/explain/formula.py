"""Formulas of the glossary as rich text: single letters slanted, indices above and below the line."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from resnet_studio.domain.formula import THIN, Fraction, Glyphs, Part, Root, Row, parse_formula
from resnet_studio.domain.glossary import FIELD_TERMS, Term, find_term
from resnet_studio.text import _
from resnet_studio.ui.widgets.text import unbroken

_MOST_TERMS = 2  # in a tool tip


def formula_html(markup: str) -> str:
    """``a^{[l+2]}`` as HTML that Qt shows."""
    return _html(parse_formula(markup))


def _html(part: Part, *, tight: bool = False) -> str:
    """``tight``: without space around operators, as in scripts."""
    if isinstance(part, Glyphs):
        text = escape(part.text).replace(THIN, "&nbsp;")
        text = f"<i>{text}</i>" if part.italic else text
        return f"&nbsp;{text}&nbsp;" if part.between and not tight else text
    if isinstance(part, Row):
        return "".join(_html(each, tight=tight) for each in part.parts)
    if isinstance(part, Fraction):
        return f"({_html(part.top)})&nbsp;/&nbsp;({_html(part.bottom)})"
    if isinstance(part, Root):
        return f"√({_html(part.inner)})"
    scripts = (("sub", part.below), ("sup", part.above))
    return _html(part.base) + "".join(
        f"<{tag}>{_html(script, tight=True)}</{tag}>" for tag, script in scripts if script is not None
    )


def formulas_html(formulas: Sequence[str], *, points: int = 13) -> str:
    """One a line, in letters with feet."""
    lines = "<br>".join(map(formula_html, formulas))
    return f'<span style="font-family: serif; font-size: {points}pt">{lines}</span>' if lines else ""


def where_text(term: Term) -> str:
    """Its other names, and where the paper has it."""
    parts = [_("also: {names}", names=", ".join(term.also))] if term.also else []
    return "; ".join([*parts, term.where])


def term_html(term: Term) -> str:
    """Name, sentences and formulas, for a tool tip."""
    formulas = f"<br>{formulas_html(term.formulas, points=11)}" if term.formulas else ""
    return f"<b>{escape(term.name)}</b>: {escape(term.text)}{formulas}"


def field_tip(path: str, *texts: str) -> str:
    """A tool tip that wraps: ``texts`` a paragraph each, with what the glossary has on the field after the first."""
    first, *others = [unbroken(escape(text)) for text in texts if text] or [""]
    terms = [term_html(find_term(key)) for key in FIELD_TERMS.get(path, ())[:_MOST_TERMS]]
    return "".join(f"<p>{part}</p>" for part in (first, *terms, *others))
