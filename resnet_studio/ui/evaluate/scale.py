"""What the colours of a confusion matrix mean: two strips from nothing to a whole class."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.ui.evaluate.shading import MatrixColours, depth, ink_on
from resnet_studio.ui.theme import Theme

_SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)  # of a class
_PATCH = 26.0
_GAP = 6.0


def scale_width(metrics: QFontMetricsF) -> float:
    return sum(metrics.horizontalAdvance(text) + 2 * _GAP for text in ("right", "wrong", "% of the class")) + (
        2 * len(_SHARES) * _PATCH + 3 * _GAP
    )


def draw_scale(painter: QPainter, area: QRectF, colours: MatrixColours) -> None:
    """``right`` and ``wrong`` patches with their percentages, from the left of ``area``."""
    metrics = QFontMetricsF(painter.font())
    left = area.left()
    middle = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
    for word, deep in (("right", colours.right), ("wrong", colours.wrong)):
        painter.setPen(colours.muted)
        width = metrics.horizontalAdvance(word) + _GAP
        painter.drawText(QRectF(left, area.top(), width + 4, area.height()), middle, word)
        left += width
        for share in _SHARES[1:]:
            part = float(depth(np.array([share]))[0])
            patch = QRectF(left, area.top(), _PATCH, area.height())
            painter.fillRect(patch, mixed(colours.ground, deep, part))
            painter.setPen(colours.line)
            painter.drawRect(patch)
            painter.setPen(ink_on(mixed(colours.ground, deep, part)))
            painter.drawText(patch, int(Qt.AlignmentFlag.AlignCenter), f"{100 * share:.0f}")
            left += _PATCH
        left += 2 * _GAP
    if left + metrics.horizontalAdvance("% of the class") <= area.right() + 1:
        painter.setPen(colours.muted)
        painter.drawText(QRectF(left, area.top(), area.right() - left, area.height()), middle, "% of the class")


def mixed(one: QColor, other: QColor, part: float) -> QColor:
    """``part`` of ``other``, the rest of ``one``."""
    pairs = zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)  # type: ignore[index]
    return QColor(*(round(a + part * (b - a)) for a, b in pairs))


class ScaleBar(QWidget):
    """The scale as a widget."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setObjectName("confusion_scale")
        self.setAccessibleName("Blue: recognised. Orange: taken for another class. The deeper, the more of the class.")
        self.setToolTip(self.accessibleName())
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self.font())
        return QSize(round(scale_width(metrics)), round(metrics.height()) + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        draw_scale(painter, QRectF(0, 0, self.width() - 1, self.height() - 1), MatrixColours.of(self._theme))
        painter.end()
