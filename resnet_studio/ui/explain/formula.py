"""Formulas of the glossary as rich text: single letters slanted, indices above and below the line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from resnet_studio.domain.glossary import FIELD_TERMS, Term, find_term, formula_parts
from resnet_studio.text import _
from resnet_studio.ui.widgets.text import unbroken

_SINGLE = re.compile(r"(?<![^\W\d_])[^\W\d_](?![^\W\d_])")  # a letter on its own; words such as pad stand upright
_TAGS = {"": "", "^": "sup", "_": "sub"}
_MOST_TERMS = 2  # in a tool tip


def formula_html(formula: str) -> str:
    """``a^{[l+2]}`` as HTML that Qt shows."""
    found = []
    for place, text in formula_parts(formula):
        slanted = _SINGLE.sub(r"<i>\g<0></i>", text) if "&" not in escape(text) else escape(text)
        tag = _TAGS[place]
        found.append(f"<{tag}>{slanted}</{tag}>" if tag else slanted.replace(" ", "&nbsp;"))
    return "".join(found)


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
