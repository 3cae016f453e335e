"""Colours of a confusion matrix: right answers blue, wrong ones orange, apart for every kind of colour vision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor, QImage

from resnet_studio.ui.plots.run_colours import luminance
from resnet_studio.ui.theme import Role, Theme

Counts = npt.NDArray[np.int64]
_RIGHT = ("#1d4fa3", "#8db4ff")  # on light ground, on dark ground
_WRONG = ("#b34a00", "#ffb066")


@dataclass(frozen=True, slots=True)
class MatrixColours:
    """``right`` and ``wrong`` are the colours of a whole class in one cell; fewer images are nearer to ``ground``."""

    ground: QColor
    ink: QColor
    muted: QColor
    line: QColor
    frame: QColor
    mark: QColor
    right: QColor
    wrong: QColor

    @classmethod
    def of(cls, theme: Theme) -> MatrixColours:
        roles = (Role.PANEL, Role.TEXT, Role.MUTED, Role.GRID, Role.FIELD_BORDER, Role.ACCENT)
        ground, ink, muted, line, frame, mark = (theme.colour(role) for role in roles)
        return cls(ground, ink, muted, line, frame, mark, QColor(_RIGHT[theme.dark]), QColor(_WRONG[theme.dark]))

    @classmethod
    def on_paper(cls) -> MatrixColours:
        """For exports: on white whatever the window looks like."""
        texts = ("#ffffff", "#1b2330", "#5a6578", "#e4e8ef", "#8591a5", "#1b2330", _RIGHT[0], _WRONG[0])
        return cls(*(QColor(text) for text in texts))


def shares(confusion: Counts) -> npt.NDArray[np.float64]:
    """Of each true class, 0 to 1; a class without images has zeros."""
    totals = confusion.sum(1, keepdims=True)
    parts: npt.NDArray[np.float64] = np.divide(confusion, totals, out=np.zeros(confusion.shape), where=totals > 0)
    return parts


def depth(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How deep a share is coloured, 0 to 1: its square root, so that one image in a hundred can still be seen."""
    return np.sqrt(share)


def cell_colours(confusion: Counts, colours: MatrixColours) -> npt.NDArray[np.uint8]:
    """RGB, shape (classes, classes, 3)."""
    deep = depth(shares(confusion))[..., None]  # (C, C, 1)
    ends = np.broadcast_to(_rgb(colours.wrong), (*confusion.shape, 3)).copy()
    diagonal = np.arange(len(confusion))
    ends[diagonal, diagonal] = _rgb(colours.right)
    ground = _rgb(colours.ground)
    return np.asarray(np.rint(ground + deep * (ends - ground)), np.uint8)


def picture(colours: npt.NDArray[np.uint8]) -> QImage:
    """One pixel a cell."""
    pixels = np.ascontiguousarray(colours)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def ink_on(ground: QColor) -> QColor:
    """Black or white, whichever is read more easily."""
    return QColor("black") if luminance(ground) > 0.179 else QColor("white")


def _rgb(colour: QColor) -> npt.NDArray[np.float64]:
    return np.array([colour.red(), colour.green(), colour.blue()], np.float64)
