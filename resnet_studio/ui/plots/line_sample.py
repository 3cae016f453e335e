"""A short piece of a run's line, as legends, cards and tables show it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from resnet_studio.text import _
from resnet_studio.ui.theme import set_dashes

SAMPLE_WIDTH = 34


def sample_pen(colour: QColor, residual: bool | None) -> QPen:
    """See :func:`set_dashes`."""
    pen = QPen(colour, 2.4)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    set_dashes(pen, residual, 2.6, 1.7)
    return pen


def paint_sample(painter: QPainter, area: QRectF, colour: QColor, residual: bool | None) -> None:
    """The line alone, without a test's marker."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = area.center()
    painter.setPen(sample_pen(colour, residual))
    painter.drawLine(QPointF(area.left(), middle.y()), QPointF(area.right(), middle.y()))
    painter.restore()


class LineSample(QWidget):
    """The sample as a widget of fixed size."""

    def __init__(self, colour: QColor, residual: bool) -> None:
        super().__init__()
        self._colour, self._residual = colour, residual
        self.setFixedSize(SAMPLE_WIDTH, 14)
        self.setAccessibleName(_("residual: solid line") if residual else _("plain: dashed line"))

    def set_colour(self, colour: QColor) -> None:
        self._colour = colour
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        paint_sample(painter, QRectF(self.rect()), self._colour, self._residual)
        painter.end()


def sample_icon(colour: QColor, residual: bool | None, ratio: float = 1.0) -> QIcon:
    """The sample for a table's cell."""
    size = QSize(SAMPLE_WIDTH, 14)
    pixmap = QPixmap(size * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_sample(painter, QRectF(0, 0, size.width(), size.height()), colour, residual)
    painter.end()
    return QIcon(pixmap)
