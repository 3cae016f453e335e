"""A confusion matrix to look at: zoomed, scrolled, read with mouse and keys; a click on a cell asks for its images."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from resnet_studio.text import _
from resnet_studio.ui.pages.compare.evaluate.matrix_colours import MatrixColours
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import Matrix, Place, draw, fit
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named

ZOOM_STEP = 1.25
MOST_ZOOM = 64.0
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class MatrixView(QAbstractScrollArea):
    """``chosen(true, answer)`` by click or Return; a heading gives ``ALL`` for the other. ``hovered`` likewise."""

    chosen = Signal(int, int)
    hovered = Signal(str)
    zoom_changed = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._matrix: Matrix | None = None
        self._percent = False
        self._zoom = 1.0
        self._current: Place | None = None
        self._hovered: Place | None = None
        self._pressed: Place | None = None
        named(self, "confusion_matrix", accessible=_("Confusion matrix"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setStyleSheet("QAbstractScrollArea { border: 0; background: transparent; }")
        self.setMinimumSize(QSize(170, 150))
        theme.changed.connect(self.viewport().update)
        self._lay_out()

    @property
    def matrix(self) -> Matrix | None:
        return self._matrix

    @property
    def current(self) -> Place | None:
        return self._current

    @property
    def zoom(self) -> float:
        """1 fits into the view."""
        return self._zoom

    def set_matrix(self, matrix: Matrix | None) -> None:
        """Another matrix; one with the same classes keeps zoom, place and chosen cell."""
        same = matrix is not None and self._matrix is not None and matrix.names == self._matrix.names
        self._matrix = matrix
        if not same:
            self._current = self._hovered = None
            self._zoom = 1.0
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if matrix else Qt.CursorShape.ArrowCursor)
        self._lay_out()

    def set_percent(self, percent: bool) -> None:
        self._percent = percent
        self.viewport().update()

    def set_current(self, place: Place | None) -> None:
        """Mark a cell and bring it into sight."""
        self._current = place
        if place is not None:
            self._show(place)
        self.viewport().update()

    def set_zoom(self, zoom: float, around: QPointF | None = None) -> None:
        """``around`` stays where it is in the view."""
        zoom = min(max(zoom, 1.0), MOST_ZOOM)
        if zoom == self._zoom or self._matrix is None:
            return
        before = self._frame
        place = around or QPointF(self.viewport().width() / 2, self.viewport().height() / 2)
        x = (place.x() + self._offset.x() - before.left) / before.width
        y = (place.y() + self._offset.y() - before.top) / before.height
        self._zoom = zoom
        self._lay_out()
        self.horizontalScrollBar().setValue(round(x * self._frame.width + self._frame.left - place.x()))
        self.verticalScrollBar().setValue(round(y * self._frame.height + self._frame.top - place.y()))
        self.zoom_changed.emit(zoom)

    def sentence(self) -> str:
        """What is under the mouse, else what is marked; empty without either."""
        place = self._hovered or self._current
        return self._matrix.sentence(place) if self._matrix is not None and place is not None else ""

    def cell_centre(self, place: Place) -> QPoint:
        """In the viewport."""
        return (self._frame.cell(place).center() - self._offset).toPoint()

    @property
    def _offset(self) -> QPointF:
        return QPointF(self.horizontalScrollBar().value(), self.verticalScrollBar().value())

    def _lay_out(self) -> None:
        size = self.maximumViewportSize()
        names = self._matrix.names if self._matrix else ()
        self._frame = fit(names, QFontMetricsF(self.font()), size.width(), size.height(), self._zoom)
        self._range()
        self.viewport().update()

    def _range(self) -> None:
        view = self.viewport().size()
        for bar, whole, part, step in (
            (self.horizontalScrollBar(), self._frame.right + 2, view.width(), self._frame.width),
            (self.verticalScrollBar(), self._frame.bottom + 2, view.height(), self._frame.height),
        ):
            bar.setRange(0, max(0, round(whole - part)) if self._matrix else 0)
            bar.setPageStep(part)
            bar.setSingleStep(max(8, round(step)))

    def _show(self, place: Place) -> None:
        cell = self._frame.cell((max(place[0], 0), max(place[1], 0)))
        view = self.viewport().size()
        for bar, low, high, start, end in (
            (self.horizontalScrollBar(), cell.left(), cell.right(), self._frame.left, view.width()),
            (self.verticalScrollBar(), cell.top(), cell.bottom(), self._frame.top, view.height()),
        ):
            if low - bar.value() < start:
                bar.setValue(int(low - start))
            elif high - bar.value() > end:
                bar.setValue(int(high - end) + 2)

    def _place_at(self, point: QPointF) -> Place | None:
        x = point.x() if point.x() < self._frame.left else point.x() + self._offset.x()
        y = point.y() if point.y() < self._frame.top else point.y() + self._offset.y()
        return self._frame.at(x, y) if self._matrix else None

    def _hover(self, place: Place | None) -> None:
        if place != self._hovered:
            self._hovered = place
            self.hovered.emit(self.sentence())
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event  # the whole view is cheap
        if self._matrix is None:
            return
        painter = QPainter(self.viewport())
        painter.setFont(self.font())
        view = QRectF(self.viewport().rect()).adjusted(0, 0, -1, -1)
        draw(
            painter, self._matrix, self._frame, MatrixColours.of(self._theme), view=view, offset=self._offset,
            percent=self._percent, current=self._current, hovered=self._hovered,
        )  # fmt: skip
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._place_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._place_at(event.position())
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        place, pressed = self._place_at(event.position()), self._pressed
        self._pressed = None
        if event.button() is Qt.MouseButton.LeftButton and place is not None and place == pressed:
            self.set_current(place)
            self.chosen.emit(*place)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            steps = event.angleDelta().y() / 120
            self.set_zoom(self._zoom * ZOOM_STEP**steps, event.position())
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self._matrix is not None and key in _STEPS:
            last = len(self._matrix) - 1
            true, answer = self._current or (0, 0)
            if self._current is not None:
                true, answer = true + _STEPS[key][0], answer + _STEPS[key][1]
            self.set_current((min(max(true, 0), last), min(max(answer, 0), last)))
            self.hovered.emit(self.sentence())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._current is not None:
            self.chosen.emit(*self._current)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.set_zoom(self._zoom * (1 / ZOOM_STEP if key == Qt.Key.Key_Minus else ZOOM_STEP))
        elif key == Qt.Key.Key_0:
            self.set_zoom(1.0)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._place_at(QPointF(event.pos()))
            text = self._matrix.sentence(place) if self._matrix is not None and place is not None else ""
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        if event.type() is QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)
