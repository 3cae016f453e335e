"""Colours and fonts of the drawing, in the window and on paper."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtGui import QColor, QFont

from resnet_studio.domain.diff import Verdict
from resnet_studio.ui.theme import Role

STAGE_HUES = ("#3b82f6", "#10a37f", "#c2650c", "#8b5cf6", "#c13f7e")  # told apart by size and label too
VERDICT_COLOURS = {  # on light and on dark ground; after Okabe and Ito's colour-blind safe palette
    Verdict.ADDED: ("#0072b2", "#5ab4e6"),
    Verdict.MISSING: ("#c24e00", "#ff9a5c"),
    Verdict.CHANGED: ("#7a5c00", "#f0d060"),
}


class Colours(Protocol):
    """Where a painter's colours come from: the window's theme, or paper."""

    dark: bool

    def colour(self, role: Role) -> QColor: ...


class Paper:
    """White paper, whatever the theme is."""

    dark = False

    def colour(self, role: Role) -> QColor:
        return QColor(role.value[False])


def drawing_font(pixels: int, family: str = "", *, bold: bool = False) -> QFont:
    font = QFont(family) if family else QFont()
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(pixels)
    if bold:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def mixed(base: QColor, other: QColor, share: float) -> QColor:
    """``share`` of ``other`` in ``base``."""
    rest = 1.0 - share
    return QColor.fromRgbF(
        rest * base.redF() + share * other.redF(),
        rest * base.greenF() + share * other.greenF(),
        rest * base.blueF() + share * other.blueF(),
    )
