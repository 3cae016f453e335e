"""The drawing of a comparison: as on the Design page, with a head of several lines and steps between differences."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QToolTip, QWidget

from resnet_studio.ui.design.blueprint_view import BlueprintView
from resnet_studio.ui.design.rows import Row, RowKind
from resnet_studio.ui.diff.heading import HEADING_HEIGHT, heading_text, paint_heading
from resnet_studio.ui.theme import Role, Theme


class DiffView(BlueprintView):
    """Two or three networks beside each other."""

    names_height = HEADING_HEIGHT
    open_groups = 8
    fit_zoom = 1.0

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.setObjectName("diff_view")
        self.setAccessibleName("Drawing of the compared networks")

    def go_to_difference(self, step: int) -> bool:
        """Mark the next row (``step`` 1) or the previous one (-1) in which something differs; False: there is none."""
        if self.rows is None:
            return False
        rows = self.rows.all
        start = self._mark if self._mark >= 0 else (-1 if step > 0 else len(rows))
        index = start + step
        while 0 <= index < len(rows):
            if self._differs(rows[index]):
                self.put_mark(index)
                return True
            index += step
        return False

    def _differs(self, row: Row) -> bool:
        assert self.diff is not None
        if row.kind is RowKind.GROUP:
            return self.diff.sections[row.section].groups[row.group].differs
        return row.kind is RowKind.FOLDED and any(group.differs for group in self.diff.sections[row.section].groups)

    def paint_names(self, p: QPainter) -> None:
        assert self.diff is not None
        p.fillRect(0, 0, self.viewport().width(), self.names_height, self._theme.colour(Role.PANEL))
        for n in range(len(self.diff.plans)):
            paint_heading(p, self.name_rect(n), self.diff, n, self._painter, self.font().family())
        p.setPen(self._theme.colour(Role.BORDER))
        p.drawLine(0, self.names_height - 1, self.viewport().width(), self.names_height - 1)

    def heading_at(self, position: QPointF) -> str:
        """The whole head of the column there; empty elsewhere."""
        if self.diff is None:
            return ""
        inside = (n for n in range(len(self.diff.plans)) if self.name_rect(n).contains(position))
        return next((heading_text(self.diff, n) for n in inside), "")

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.heading_at(QPointF(event.pos()))
            if text:
                QToolTip.showText(event.globalPos(), text, self.viewport())
                return True
        return super().eventFilter(watched, event)
