"""The small chart of a verdict: a dot a seed, mean and interval, the margin and zero."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.domain.text_numbers import true_minus
from resnet_studio.studies.report.charts import round_ticks
from resnet_studio.studies.rule import MARGIN
from resnet_studio.studies.verdicts import Verdict
from resnet_studio.text import _
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.plain_tip import set_tip

_HEIGHT, _SIDE = 74, 22


class SeedDots(QWidget):
    """Differences of one verdict, in points; to the right they speak for the question."""

    def __init__(self, verdict: Verdict, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdict, self._theme = verdict, theme
        self.setObjectName("seed_dots")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        values = ", ".join(f"{pair.difference:.2f}" for pair in verdict.pairs)
        self.setAccessibleName(_("Differences by seed, in points: {values}", values=values))
        set_tip(
            self,
            _(
                "A dot a seed: {higher} minus {lower}, in points; to the right it speaks for the question. Square and "
                "line: mean and interval. Grey: less than a point.",
                higher=verdict.higher,
                lower=verdict.lower,
            ),
        )
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(360, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        judged, pairs = self._verdict.judgement, self._verdict.pairs
        ends = [*(pair.difference for pair in pairs), 0.0, -MARGIN, MARGIN]
        ends += [end for end in (judged.low, judged.high) if end is not None]
        room = 0.06 * (max(ends) - min(ends))
        low, high = min(ends) - room, max(ends) + room

        def x(value: float) -> float:
            return _SIDE + (value - low) / (high - low) * (self.width() - 2 * _SIDE)

        p, colour = QPainter(self), self._theme.colour
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.fillRect(QRectF(x(-MARGIN), 4, x(MARGIN) - x(-MARGIN), 46), colour(Role.BORDER))
        p.setPen(QPen(colour(Role.TEXT), 1))
        p.drawLine(QPointF(x(0), 2), QPointF(x(0), 52))
        if judged.low is not None and judged.high is not None and judged.estimate is not None:
            p.setPen(QPen(colour(Role.TEXT), 2))
            p.drawLine(QPointF(x(judged.low), 40), QPointF(x(judged.high), 40))
            for end in (judged.low, judged.high):
                p.drawLine(QPointF(x(end), 35), QPointF(x(end), 45))
            p.fillRect(QRectF(x(judged.estimate) - 4, 36, 8, 8), colour(Role.TEXT))
        for place, pair in enumerate(pairs):
            p.setPen(QPen(colour(Role.ACCENT), 1.5))
            p.setBrush(colour(Role.ACCENT) if place < judged.used else Qt.BrushStyle.NoBrush)
            p.drawEllipse(QPointF(x(pair.difference), 18), 4.5, 4.5)
        p.setPen(colour(Role.MUTED))
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        p.setFont(font)
        for value in round_ticks(low, high, 6):
            text = true_minus(f"{value:g}") if abs(value) > 1e-9 else "0"
            p.drawText(QRectF(x(value) - 30, 54, 60, 18), Qt.AlignmentFlag.AlignCenter, text)
        p.end()
