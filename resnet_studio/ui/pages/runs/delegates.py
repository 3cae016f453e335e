"""Cells of the table of runs that are drawn, not written."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.models.record_table import RecordRole
from resnet_studio.ui.plots.line_sample import paint_sample
from resnet_studio.ui.theme import Role, Theme

Index = QModelIndex | QPersistentModelIndex

STATUS_ROLES = {
    RunStatus.QUEUED: Role.MUTED, RunStatus.RUNNING: Role.ACCENT, RunStatus.PAUSED: Role.WARNING,
    RunStatus.FINISHED: Role.OK, RunStatus.STOPPED: Role.MUTED, RunStatus.INTERRUPTED: Role.WARNING,
    RunStatus.DIVERGED: Role.ERROR, RunStatus.FAILED: Role.ERROR, RunStatus.IMPORTED: Role.TEXT,
}  # fmt: skip


class _RunDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def _background(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> QStyleOptionViewItem:
        """The cell without its text; returns the completed option."""
        cell = QStyleOptionViewItem(option)
        self.initStyleOption(cell, index)
        cell.text = ""
        style = cell.widget.style() if cell.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, cell, painter, cell.widget)
        return cell


class LineDelegate(_RunDelegate):
    """A piece of the run's line: colour by depth, dashed if plain."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = self._background(painter, option, index)
        run = index.data(RecordRole.RECORD)
        if isinstance(run, RunRecord):
            area = QRectF(cell.rect).adjusted(9, 0, -7, 0)
            paint_sample(painter, area, self._theme.run_colour(run.colour), run.residual)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(46, super().sizeHint(option, index).height())


class StatusDelegate(_RunDelegate):
    """A dot in the colour of the status, then its word; a ring if the run can be resumed."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = self._background(painter, option, index)
        run = index.data(RecordRole.RECORD)
        if not isinstance(run, RunRecord):
            return
        colour = QColor(self._theme.colour(STATUS_ROLES[run.status]))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(cell.rect)
        dot = QRectF(area.left() + 9, area.center().y() - 3.5, 8, 8)
        painter.setPen(colour)
        painter.setBrush(Qt.BrushStyle.NoBrush if run.resumable else colour)
        painter.drawEllipse(dot)
        painter.setPen(self._theme.colour(Role.TEXT))
        painter.setFont(cell.font)
        text = cell.fontMetrics.elidedText(
            _(run.status.value), Qt.TextElideMode.ElideRight, max(0, int(area.width()) - 28)
        )
        painter.drawText(area.adjusted(24, 0, -4, 0), int(Qt.AlignmentFlag.AlignVCenter), text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        hint = super().sizeHint(option, index)
        return QSize(hint.width() + 22, hint.height())
