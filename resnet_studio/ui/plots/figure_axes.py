"""The axes of exported figures: grid, numbers, frame and names, dark on white in every theme."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

INK, FAINT = QColor("#1b2330"), QColor("#dfe4ec")
RIGHT = 24.0  # points right of the axes, into which the last number may reach
_NAME_BELOW, _NAME_LEFT = 30.0, 18.0  # points below the frame; from the figure's left edge


def paint_axes(
    painter: QPainter,
    area: QRectF,
    across: Iterable[tuple[float, str]],
    up: Iterable[tuple[float, str]],
    below: str,
    side: str,
) -> None:
    """Paint what lies around and under the data.

    Args:
        painter: All texts have its font.
        area: The frame.
        across: Where numbers stand on the horizontal axis, in the figure's points, and their texts.
        up: The same of the vertical axis.
        below: Name of the horizontal axis.
        side: Name of the vertical axis.
    """
    metrics = QFontMetricsF(painter.font())
    for x, text in across:
        painter.setPen(QPen(FAINT, 1))
        painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
        painter.setPen(INK)
        half = metrics.horizontalAdvance(text) / 2
        place = min(x - half, area.right() + RIGHT - 2 * half - 2)
        painter.drawText(QPointF(place, area.bottom() + metrics.height() + 2), text)
    for y, text in up:
        painter.setPen(QPen(FAINT, 1))
        painter.drawLine(QLineF(area.left(), y, area.right(), y))
        painter.setPen(INK)
        painter.drawText(QPointF(area.left() - metrics.horizontalAdvance(text) - 8, y + metrics.ascent() * 0.36), text)
    painter.setPen(QPen(INK, 1.2))
    painter.drawRect(area)
    under = QRectF(area.left(), area.bottom() + _NAME_BELOW, area.width(), metrics.height() + 4)
    painter.drawText(under, Qt.AlignmentFlag.AlignHCenter, below)
    painter.save()
    painter.translate(_NAME_LEFT, area.center().y())
    painter.rotate(-90)
    upright = QRectF(-area.height() / 2, -metrics.height() / 2, area.height(), metrics.height() + 4)
    painter.drawText(upright, Qt.AlignmentFlag.AlignHCenter, side)
    painter.restore()
