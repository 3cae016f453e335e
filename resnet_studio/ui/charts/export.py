"""Figures of analyses as files: title, legend, panels side by side and the definition below. Loaded only to draw."""

from __future__ import annotations

from math import ceil
from pathlib import Path

from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter

from resnet_studio.domain.analyses.charts import Figure, Line, LineChart
from resnet_studio.text import _
from resnet_studio.ui.charts.painter import LINE, PAPER, font_of, line_pen, paint_panel
from resnet_studio.ui.figures import write_figure
from resnet_studio.ui.offscreen import application

_SAMPLE = 240.0  # of the legend: a line's sample and its label, at least
_PANEL = QSize(520, 380)  # points
_MARGIN, _GAP = 20.0, 16.0


def export_found(found: Figure, path: Path, definition: str) -> Path:
    """Write as the ending of ``path`` says; ``definition`` stands below.

    Raises:
        UserError: As :func:`~resnet_studio.ui.figures.write_figure` does.
    """
    drawing = _Drawing(found, definition)
    return write_figure(
        path, drawing.paint, drawing.size, title=_("ResNet Studio: ") + found.title, description=definition
    )


class _Drawing:
    def __init__(self, found: Figure, definition: str) -> None:
        self.found = found
        self.columns = max(1, min(found.columns, len(found.panels)))
        rows = ceil(len(found.panels) / self.columns)
        width = self.columns * _PANEL.width() + (self.columns - 1) * _GAP + 2 * _MARGIN
        application()  # letters are measured
        room = width - 2 * _MARGIN
        self.head = wrapped(found.title, font_of(PAPER, 15, bold=True), room)
        self.foot = wrapped(definition, font_of(PAPER, 13), room)
        self.legend = legend_of(found)
        self.across = max(1, int(room // _SAMPLE))
        self.legend_rows = ceil(len(self.legend) / self.across)
        self.top = _MARGIN + LINE * (len(self.head) + self.legend_rows) + 8
        height = self.top + rows * (_PANEL.height() + _GAP) + LINE * len(self.foot) + _MARGIN
        self.size = QSize(ceil(width), ceil(height))

    def paint(self, p: QPainter) -> None:
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = self.size.width() - 2 * _MARGIN
        p.setFont(font_of(PAPER, 15, bold=True))
        p.setPen(PAPER.text)
        for row, text in enumerate(self.head):
            p.drawText(QRectF(_MARGIN, _MARGIN + row * LINE, width, LINE), Qt.AlignmentFlag.AlignVCenter, text)
        p.setFont(font_of(PAPER, 13))
        self._paint_legend(p, _MARGIN + len(self.head) * LINE, width)
        for place, panel in enumerate(self.found.panels):
            left = _MARGIN + place % self.columns * (_PANEL.width() + _GAP)
            top = self.top + place // self.columns * (_PANEL.height() + _GAP)
            p.save()
            paint_panel(p, PAPER, panel, QRectF(left, top, _PANEL.width(), _PANEL.height()))
            p.restore()
        p.setPen(PAPER.quiet)
        below = self.size.height() - _MARGIN - LINE * len(self.foot)
        for row, text in enumerate(self.foot):
            p.drawText(QRectF(_MARGIN, below + row * LINE, width, LINE), Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_legend(self, p: QPainter, top: float, width: float) -> None:
        across, cell = self.across, width / self.across
        metrics = QFontMetricsF(p.font())
        for place, line in enumerate(self.legend):
            left, y = _MARGIN + place % across * cell, top + place // across * LINE + LINE / 2
            p.setPen(line_pen(PAPER, line, 2.2))
            p.drawLine(QLineF(left, y, left + 36, y))
            p.setPen(PAPER.text)
            text = metrics.elidedText(line.label, Qt.TextElideMode.ElideMiddle, cell - 56)
            p.drawText(QRectF(left + 44, y - LINE / 2, cell - 50, LINE), Qt.AlignmentFlag.AlignVCenter, text)


def wrapped(text: str, font: QFont, width: float) -> list[str]:
    """Lines that are no wider; a word that alone is wider has one of its own."""
    metrics, lines = QFontMetricsF(font), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if metrics.horizontalAdvance(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def legend_of(found: Figure) -> list[Line]:
    """Each label once."""
    lines = [line for panel in found.panels if isinstance(panel, LineChart) for line in panel.lines if line.label]
    return list({line.label: line for line in reversed(lines)}.values())[::-1]
