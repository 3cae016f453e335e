"""The drawing of a comparison: as on the Design page, with a head of several lines and steps between differences."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QToolTip, QWidget

from resnet_studio.domain.diff import Tally
from resnet_studio.text import _
from resnet_studio.ui.diagram.rows import Row, RowKind
from resnet_studio.ui.diagram.view import BlueprintView
from resnet_studio.ui.diff.heading import HEADING_HEIGHT, heading_text, paint_heading
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named


class DiffView(BlueprintView):
    """Two or three networks beside each other."""

    names_height = HEADING_HEIGHT
    open_groups = 8
    fit_zoom = 1.0

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        named(self, "diff_view", accessible=_("Drawing of the compared networks"))

    def go_to_difference(self, step: int) -> bool:
        """Mark the next place (``step`` 1) or the previous one (-1) where a network differs, and the network with it.

        Rows from top to bottom, in each one the networks from left to right. False: there is none.
        """
        if self.rows is None:
            return False
        rows = self.rows.all
        mark = self._mark if self._mark >= 0 else (-1 if step > 0 else len(rows))
        here = (mark, self._marked_column if self._mark >= 0 else -1)
        for index in range(max(mark, 0), len(rows)) if step > 0 else range(min(mark, len(rows) - 1), -1, -1):
            columns = self._differing(rows[index])
            for column in columns if step > 0 else reversed(columns):
                if (index, column) > here if step > 0 else (index, column) < here:
                    self._marked_column = column
                    self.put_mark(index)
                    return True
        return False

    def _differing(self, row: Row) -> list[int]:
        """The networks that differ in a row from the one they are compared with."""
        assert self.diff is not None
        if row.kind is RowKind.GROUP:
            groups = self.diff.sections[row.section].groups[row.group : row.group + 1]
        elif row.kind is RowKind.FOLDED:
            groups = self.diff.sections[row.section].groups
        else:
            return []
        return [n for n in range(len(self.diff.plans)) if Tally.of(groups, n).total]

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
