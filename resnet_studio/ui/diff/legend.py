"""What the signs of a comparison mean."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.domain.diff import Verdict
from resnet_studio.text import _
from resnet_studio.ui.diagram.painter import BADGE_RADIUS, RowPainter
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named

LEGEND = ((Verdict.ADDED, "added"), (Verdict.MISSING, "missing"), (Verdict.CHANGED, "changed"))
_HEIGHT, _GAP = 22, 18


class Legend(QWidget):
    """The three signs in a row."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "diff_legend", accessible=_("Plus: added. Minus: missing. Not equal: changed."))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self._painter = RowPainter(theme)
        theme.changed.connect(self._on_theme_changed)

    @Slot()
    def _on_theme_changed(self) -> None:
        self._painter = RowPainter(self._theme)
        self.update()

    # Qt

    def sizeHint(self) -> QSize:
        words = sum(self.fontMetrics().horizontalAdvance(word) for _unused, word in LEGEND)
        return QSize(round(words + len(LEGEND) * (2 * BADGE_RADIUS + 6 + _GAP)), _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = BADGE_RADIUS + 1
        for verdict, word in LEGEND:
            self._painter.badge(p, QPointF(x, _HEIGHT / 2), verdict)
            p.setFont(self.font())
            p.setPen(self._theme.colour(Role.MUTED))
            x += BADGE_RADIUS + 6
            width = self.fontMetrics().horizontalAdvance(word)
            p.drawText(QRectF(x, 0, width + 2, _HEIGHT), Qt.AlignmentFlag.AlignVCenter, word)
            x += width + _GAP + BADGE_RADIUS
