"""HTML and SVG as text; whatever is handed in as content is escaped, unless it is markup itself."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Markup


def escaped(content: Content) -> Markup:
    """``content`` as HTML; markup stays as it is."""
    return content if isinstance(content, Markup) else Markup(html.escape(content, quote=True))


def element(name: str, *content: Content, **attributes: object) -> Markup:
    """``<name a="b">content</name>``; ``class_`` and ``stroke_width`` lose or change their underscores."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_number(value), quote=True)}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{''.join(map(escaped, content))}</{name}>")


def joined(parts: Iterable[Content]) -> Markup:
    return Markup("".join(map(escaped, parts)))


def _number(value: object) -> str:
    """Numbers of a drawing to a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[Content]], *, numbers: Sequence[int] = ()) -> Markup:
    """``numbers``: positions of the columns that are aligned to the right."""

    def row(cells: Sequence[Content], name: str) -> Markup:
        return element(
            "tr",
            *(element(name, cell, class_="n" if place in numbers else "t") for place, cell in enumerate(cells)),
        )

    return element(
        "div",
        element("table", element("thead", row(columns, "th")), element("tbody", *(row(cells, "td") for cells in rows))),
        class_="wide",
    )
