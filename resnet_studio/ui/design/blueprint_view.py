"""The twin, drawn: plain left, residual right. Only what is visible is painted, so 1202 layers stay fluid."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.ui.design.elements import facts
from resnet_studio.ui.design.painter import TEXT_FROM_ZOOM, RowPainter
from resnet_studio.ui.design.rows import COLUMN, WIDTH, Row, RowKind, Rows
from resnet_studio.ui.theme import Role, Theme

OPEN_BLOCKS = 5  # stages with more blocks start folded
MIN_ZOOM, MAX_ZOOM = 0.2, 3.0
FIT_ZOOM, READABLE_ZOOM = 1.35, 0.72
NAMES = 32  # pixels at the top for the names of the two columns
BOTTOM = 12


class BlueprintView(QAbstractScrollArea):
    """``pointed`` tells in one line what is under the mouse or the mark; empty when nothing is.

    Keys: Up and Down move the mark, Return opens or folds its stage, Page Up and Down, Home and End scroll, + and -
    zoom, 0 fits the width.
    """

    pointed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("blueprint_view")
        self.setAccessibleName("Drawing of the plain and the residual network")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(300)
        self.viewport().setMouseTracking(True)
        self.viewport().installEventFilter(self)
        self._theme = theme
        self._painter = RowPainter(theme)
        self._plans: tuple[Blueprint, Blueprint] | None = None
        self._designed = -1
        self._chosen: dict[int, bool] = {}
        self._rows: Rows | None = None
        self._mark = -1
        self._fit = True
        self.zoom = 1.0
        theme.changed.connect(self._on_theme_changed)

    def show_twin(self, plain: Blueprint, residual: Blueprint, *, designed: int) -> None:
        """Draw two networks of one depth. ``designed``: 0 or 1, the one in the form; -1 for neither."""
        self._plans, self._designed = (plain, residual), designed
        self._lay_out()

    def is_open(self, stage: int) -> bool:
        """Whether a stage shows its blocks: as a person chose, else if they are few."""
        if self._plans is None:
            return False
        return self._chosen.get(stage, len(self._plans[0].stages[stage].blocks) <= OPEN_BLOCKS)

    def toggle(self, stage: int) -> None:
        """Open a folded stage or fold an open one; its line stays where it is."""
        if self._plans is None or self._rows is None:
            return
        self._chosen[stage] = not self.is_open(stage)
        marked = self._rows.all[self._mark] if self._mark >= 0 else None
        self._lay_out()
        if marked is not None and self._rows is not None:
            self._mark = next(
                (i for i, row in enumerate(self._rows.all) if row.kind is RowKind.STAGE and row.stage == stage), -1
            )

    def set_zoom(self, zoom: float, anchor_y: float | None = None) -> None:
        """What is at ``anchor_y`` pixels from the top (default: the middle) stays there."""
        anchor = (self.viewport().height() - NAMES) / 2 + NAMES if anchor_y is None else anchor_y
        y = self._y_at(anchor)
        self.zoom = min(max(zoom, MIN_ZOOM), MAX_ZOOM)
        self._update_bars()
        self.verticalScrollBar().setValue(round(y * self.zoom - (anchor - NAMES)))
        self.viewport().update()

    def fit_width(self) -> None:
        """As wide as there is room and as is good to read; the whole height if that still can be read."""
        self._fit = True
        zoom = min(self.viewport().width() / WIDTH, FIT_ZOOM)
        if self._rows:
            whole = (self.viewport().height() - NAMES - BOTTOM) / self._rows.height
            zoom = min(zoom, whole) if whole > READABLE_ZOOM else zoom
        self.set_zoom(zoom, NAMES)

    @property
    def row_count(self) -> int:
        return len(self._rows.all) if self._rows else 0

    def _lay_out(self) -> None:
        if self._plans is None:
            return
        self._rows = Rows(self._plans[0], [self.is_open(s) for s in range(len(self._plans[0].stages))])
        self._mark = min(self._mark, len(self._rows.all) - 1)
        if self._fit:
            self.fit_width()
        self._update_bars()
        self.viewport().update()

    def _update_bars(self) -> None:
        height = (self._rows.height if self._rows else 0.0) * self.zoom + BOTTOM
        page = self.viewport().height() - NAMES
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, math.ceil(height - page)))
        bar.setPageStep(max(1, page))
        bar.setSingleStep(max(1, round(24 * self.zoom)))
        side = self.horizontalScrollBar()
        side.setRange(0, max(0, math.ceil(WIDTH * self.zoom - self.viewport().width())))
        side.setPageStep(self.viewport().width())
        side.setSingleStep(24)

    def _left(self) -> float:
        """Pixels from the viewport's left edge to the drawing's."""
        spare = self.viewport().width() - WIDTH * self.zoom
        return spare / 2 if spare > 0 else -float(self.horizontalScrollBar().value())

    def _y_at(self, pixel: float) -> float:
        return (pixel - NAMES + self.verticalScrollBar().value()) / self.zoom

    def _row_at(self, position: QPointF) -> Row | None:
        y = self._y_at(position.y())
        if self._rows is None or position.y() < NAMES or not 0 <= y < self._rows.height:
            return None
        return self._rows.all[self._rows.index_at(y)]

    def facts_at(self, position: QPointF) -> str:
        """One line on what lies at a point of the viewport; empty beside the drawing."""
        row, x = self._row_at(position), (position.x() - self._left()) / self.zoom
        if row is None or self._plans is None or not 0 <= x < WIDTH:
            return ""
        side = int(x >= COLUMN)
        plan = self._plans[side]
        return f"{plan.spec.label}  ·  {facts(plan, row, x - side * COLUMN, self._y_at(position.y()) - row.top)}"

    def _move_mark(self, step: int) -> None:
        if self._rows is None or self._plans is None:
            return
        first = self._rows.index_at(self._y_at(NAMES + 1.0))
        self._mark = min(max(self._mark + step, 0), len(self._rows.all) - 1) if self._mark >= 0 else first
        row = self._rows.all[self._mark]
        bar, page = self.verticalScrollBar(), self.viewport().height() - NAMES
        if row.top * self.zoom < bar.value():
            bar.setValue(math.floor(row.top * self.zoom))
        elif row.bottom * self.zoom > bar.value() + page:
            bar.setValue(math.ceil(row.bottom * self.zoom - page))
        plan = self._plans[1]
        self.pointed.emit(f"{plan.spec.label}  ·  {facts(plan, row, 0.0, 0.0)}")
        self.viewport().update()

    @Slot()
    def _on_theme_changed(self) -> None:
        self._painter = RowPainter(self._theme)
        self.viewport().update()

    def _paint_names(self, p: QPainter) -> None:
        assert self._plans is not None
        p.fillRect(0, 0, self.viewport().width(), NAMES, self._theme.colour(Role.PANEL))
        font = self.font()
        for side, plan in enumerate(self._plans):
            where = QRectF(self._left() + side * COLUMN * self.zoom, 0, COLUMN * self.zoom, NAMES)
            font.setBold(side == self._designed)
            p.setFont(font)
            p.setPen(self._painter.text if side == self._designed else self._painter.muted)
            p.drawText(where, Qt.AlignmentFlag.AlignCenter, plan.spec.label)
        p.setPen(self._theme.colour(Role.BORDER))
        p.drawLine(0, NAMES - 1, self.viewport().width(), NAMES - 1)

    # Qt

    def sizeHint(self) -> QSize:
        return QSize(round(WIDTH) + 20, 420)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.facts_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), text.replace("  ·  ", "\n").replace("; ", "\n"), self.viewport())
            return True
        if event.type() is QEvent.Type.Leave:
            self.pointed.emit("")
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = QPainter(self.viewport())
        p.fillRect(event.rect(), self._theme.colour(Role.PANEL))
        if self._plans is None or self._rows is None:
            return
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setOpacity(1.0 if self.isEnabled() else 0.35)  # dimmed while the form is at fault
        top = self._y_at(max(event.rect().top(), NAMES))
        bottom = self._y_at(event.rect().bottom() + 1)
        words = self.zoom >= TEXT_FROM_ZOOM
        left, offset = self._left(), NAMES - self.verticalScrollBar().value()
        p.save()
        p.translate(left, offset)
        p.scale(self.zoom, self.zoom)
        for index, row in self._rows.between(top, bottom):
            p.save()
            p.translate(0, row.top)
            marked = index == self._mark and self.hasFocus()
            if row.kind is RowKind.STAGE:
                self._painter.stage_strip(p, self._plans[0], row, self.is_open(row.stage), marked=marked)
            elif marked:
                p.fillRect(QRectF(4, 0, WIDTH - 8, row.height), self._painter.mark)
            for plan in self._plans:
                self._painter.column(p, plan, row, words=words)
                p.translate(COLUMN, 0)
            p.restore()
        p.restore()
        self._paint_names(p)
        if self.hasFocus():
            p.setPen(self._theme.colour(Role.ACCENT))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(QRectF(self.viewport().rect()).adjusted(1, 1, -1, -1), 6, 6)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fit:
            self.fit_width()
        else:
            self._update_bars()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._fit = False
            self.set_zoom(self.zoom * 1.0015 ** event.angleDelta().y(), event.position().y())
            event.accept()
        else:
            super().wheelEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position())
        strip = row is not None and row.kind in (RowKind.STAGE, RowKind.FOLDED)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if strip else Qt.CursorShape.ArrowCursor)
        self.pointed.emit(self.facts_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position())
        if event.button() is Qt.MouseButton.LeftButton and row and row.kind in (RowKind.STAGE, RowKind.FOLDED):
            self.toggle(row.stage)
            event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, bar = event.key(), self.verticalScrollBar()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._move_mark(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._rows and self._mark >= 0:
            stage = self._rows.all[self._mark].stage
            if stage >= 0:
                self.toggle(stage)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            bar.setValue(bar.value() + (bar.pageStep() if key == Qt.Key.Key_PageDown else -bar.pageStep()))
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            bar.setValue(bar.minimum() if key == Qt.Key.Key_Home else bar.maximum())
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._fit = False
            self.set_zoom(self.zoom * (1 / 1.2 if key == Qt.Key.Key_Minus else 1.2))
        elif key == Qt.Key.Key_0:
            self.fit_width()
        else:
            super().keyPressEvent(event)

    def position_of(self, index: int) -> QPoint:
        """The middle of a row's left column, in pixels of the viewport."""
        assert self._rows is not None
        row = self._rows.all[index]
        y = (row.top + row.height / 2) * self.zoom + NAMES - self.verticalScrollBar().value()
        return QPoint(round(self._left() + COLUMN / 2 * self.zoom), round(y))
