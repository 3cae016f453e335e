"""What the colours of a confusion matrix mean: two strips from nothing to a whole class."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.text import _
from resnet_studio.ui.pages.compare.evaluate.matrix_colours import MatrixColours, depth, ink_on
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.plain_tip import set_tip

_SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)  # of a class
_PATCH = 26.0
_GAP = 6.0
_BETWEEN = 2  # lines
_UNIT = _("% of the class")
_MIDDLE = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)


def scale_width(metrics: QFontMetricsF) -> float:
    return sum(metrics.horizontalAdvance(text) + 2 * _GAP for text in ("right", "wrong", _UNIT)) + (
        2 * len(_SHARES) * _PATCH + 3 * _GAP
    )


def draw_scale(painter: QPainter, area: QRectF, colours: MatrixColours) -> None:
    """``right`` and ``wrong`` patches with their percentages, from the left of ``area``."""
    left = _draw_strip(painter, area, colours, right=True)
    left = _draw_strip(painter, area.adjusted(left - area.left(), 0, 0, 0), colours, right=False)
    _draw_unit(painter, area, left, colours)


def _draw_strip(painter: QPainter, area: QRectF, colours: MatrixColours, *, right: bool) -> float:
    """One word with its patches; returns where the next may begin."""
    word, deep = ("right", colours.right) if right else ("wrong", colours.wrong)
    width = painter.fontMetrics().horizontalAdvance(word) + _GAP
    left = area.left() + width
    painter.setPen(colours.muted)
    painter.drawText(QRectF(area.left(), area.top(), width + 4, area.height()), _MIDDLE, word)
    for share in _SHARES[1:]:
        part = float(depth(np.array([share]))[0])
        patch = QRectF(left, area.top(), _PATCH, area.height())
        painter.fillRect(patch, mixed(colours.ground, deep, part))
        painter.setPen(colours.line)
        painter.drawRect(patch)
        painter.setPen(ink_on(mixed(colours.ground, deep, part)))
        painter.drawText(patch, int(Qt.AlignmentFlag.AlignCenter), f"{100 * share:.0f}")
        left += _PATCH
    return left + 2 * _GAP


def _draw_unit(painter: QPainter, area: QRectF, left: float, colours: MatrixColours) -> None:
    if left + painter.fontMetrics().horizontalAdvance(_UNIT) <= area.right() + 1:
        painter.setPen(colours.muted)
        painter.drawText(QRectF(left, area.top(), area.right() - left, area.height()), _MIDDLE, _UNIT)


def mixed(one: QColor, other: QColor, part: float) -> QColor:
    """``part`` of ``other``, the rest of ``one``."""
    pairs = zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)  # type: ignore[index]
    return QColor(*(round(a + part * (b - a)) for a, b in pairs))


class ScaleBar(QWidget):
    """The scale as a widget: in one line, or where it is narrow in two."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("confusion_scale")
        self.setAccessibleName(
            _("Blue: recognised. Orange: taken for another class. The deeper, the more of the class.")
        )
        set_tip(self, self.accessibleName())
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self.font())
        return QSize(round(scale_width(metrics)), round(metrics.height()) + 4)

    def heightForWidth(self, width: int) -> int:
        line = self.sizeHint().height()
        return 2 * line + _BETWEEN if width < self.sizeHint().width() else line

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter, colours, line = QPainter(self), MatrixColours.of(self._theme), self.sizeHint().height() - 1
        if self.width() >= self.sizeHint().width():
            draw_scale(painter, QRectF(0, 0, self.width() - 1, line), colours)
        else:
            _draw_strip(painter, QRectF(0, 0, self.width() - 1, line), colours, right=True)
            below = QRectF(0, self.height() - 1 - line, self.width() - 1, line)
            _draw_unit(painter, below, _draw_strip(painter, below, colours, right=False), colours)
        painter.end()
