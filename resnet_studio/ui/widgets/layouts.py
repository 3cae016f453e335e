"""What lies in a row, a column or a splitter, said in one statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QVBoxLayout, QWidget


@dataclass(frozen=True, slots=True)
class Gap:
    """Room between two parts: so many pixels, and a share of what is left."""

    pixels: int = 0
    stretch: int = 0


STRETCH = Gap(stretch=1)

Item = QWidget | QLayout
Part = Item | Gap | tuple[Item, int] | tuple[QWidget, int, Qt.AlignmentFlag]  # with a stretch factor, an alignment
Margins = int | tuple[int, int, int, int]  # pixels: all four alike, or left, top, right, bottom

B = TypeVar("B", bound=QBoxLayout)


def in_row(*parts: Part, of: QWidget | None = None, margins: Margins | None = None, spacing: int = -1) -> QHBoxLayout:
    """The parts from left to right, as the layout of a widget or of none yet; margins and spacing else are Qt's."""
    return _filled(QHBoxLayout(), parts, of, margins, spacing)


def in_column(
    *parts: Part, of: QWidget | None = None, margins: Margins | None = None, spacing: int = -1
) -> QVBoxLayout:
    """The parts from top to bottom; see :func:`in_row`."""
    return _filled(QVBoxLayout(), parts, of, margins, spacing)


def _filled(layout: B, parts: Iterable[Part], of: QWidget | None, margins: Margins | None, spacing: int) -> B:
    if of is not None:
        of.setLayout(layout)
    if margins is not None:
        layout.setContentsMargins(*(margins if isinstance(margins, tuple) else (margins,) * 4))
    if spacing >= 0:
        layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, Gap):
            layout.addSpacing(part.pixels) if part.pixels else layout.addStretch(part.stretch)
        elif isinstance(part, QWidget):
            layout.addWidget(part)
        elif isinstance(part, QLayout):
            layout.addLayout(part)
        elif isinstance(part[0], QLayout):
            layout.addLayout(part[0], part[1])
        else:
            layout.addWidget(*part)
    return layout
