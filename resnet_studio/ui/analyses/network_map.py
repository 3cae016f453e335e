"""The drawing of the networks as a map: a block is pointed at or chosen, and shows what taking it out does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from resnet_studio.domain.analyses.lesion import Altered
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.diff import diff
from resnet_studio.domain.text_numbers import signed
from resnet_studio.text import _
from resnet_studio.ui.diagram.colours import drawing_font
from resnet_studio.ui.diagram.rows import COLUMN, Row, RowKind
from resnet_studio.ui.diagram.view import BlueprintView
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named

_BAR, _LONGEST = 10.0, 50.0  # width of a bar, and its length for 100 points: units of the drawing


class NetworkMap(BlueprintView):
    """The drawing of networks as a map, whose blocks are pointed at or chosen.

    ``block_pointed(name)`` while the mouse or the mark is on a block, empty off it; ``block_chosen(name)`` when one is
    clicked, or Return pressed on it.
    """

    block_pointed = Signal(str)
    block_chosen = Signal(str)

    open_groups = 18
    readable_zoom = narrowest_zoom = 0.45  # a map: places count, not words

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        named(self, "network_map", accessible=_("Drawing of the networks: choose a block"))
        self.setMinimumWidth(250)
        self.chosen = ""
        self.changed: tuple[str, ...] = ()
        self._out = True
        self._pointed = ""
        self._values: Sequence[Mapping[str, Altered]] = ()

    def show_plans(self, plans: Sequence[Blueprint]) -> None:
        """Plans beside each other, at most three; without any the drawing stays."""
        if plans:
            self._values = ()
            self.show_diff(diff(plans, sizes=False, blind=True))
            self.start_over()

    def show_lesion(self, values: Sequence[Mapping[str, Altered]]) -> None:
        """What taking out a block does, one mapping from names a column; empty: nothing is shown."""
        self._values = values
        self.viewport().update()

    def choose(self, block: str) -> None:
        """Mark a block in the drawing; empty: none."""
        self.chosen = block
        self.viewport().update()

    def show_changed(self, blocks: Sequence[str], *, out: bool = True) -> None:
        """Blocks that are taken ``out``, or are to change places, beside the chosen one."""
        self.changed, self._out = tuple(blocks), out
        self.viewport().update()

    def blocks_of(self, row: Row) -> tuple[str, ...]:
        """The block's name in each column, empty where a network has none there."""
        if self.diff is None or row.kind is not RowKind.GROUP:
            return ()
        group = self.diff.sections[row.section].groups[row.group].group
        return tuple(block.name if block is not None else "" for block in group.blocks)

    def block_at(self, position: QPointF) -> str:
        """The block that lies there, in the column there or else in any."""
        row = self._row_at(position)
        names = self.blocks_of(row) if row is not None else ()
        column = int((position.x() - self.left()) / self.zoom // COLUMN)
        own = names[column] if 0 <= column < len(names) else ""
        return own or next((name for name in names if name), "")

    def put_mark(self, index: int) -> None:
        super().put_mark(index)
        if self.rows is not None:
            self.point(next((name for name in self.blocks_of(self.rows.all[index]) if name), ""))

    def point(self, block: str) -> None:
        """Show which block is meant; empty: none."""
        if block != self._pointed:
            self._pointed = block
            self.block_pointed.emit(block)
            self.viewport().update()

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.diff is None or self.rows is None:
            return
        p = QPainter(self.viewport())
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setClipRect(QRectF(self.viewport().rect()).adjusted(0, self.names_height, 0, 0))
        p.translate(self.left(), self.names_height - self.verticalScrollBar().value())
        p.scale(self.zoom, self.zoom)
        top, bottom = self.y_at(self.names_height), self.y_at(self.viewport().height())
        p.setFont(drawing_font(17))
        for _index, row in self.rows.between(top, bottom):
            for column, name in enumerate(self.blocks_of(row)):
                where = QRectF(column * COLUMN + 3, row.top + 2, COLUMN - 6, row.height - 4)
                if name and name in self.changed:
                    p.setBrush(Qt.BrushStyle.NoBrush)
                    p.setPen(QPen(self._theme.colour(Role.ERROR if self._out else Role.ACCENT), 2.2))
                    p.drawRoundedRect(where, 6, 6)
                    if self._out:
                        p.drawLine(where.topLeft(), where.bottomRight())
                if name and name in (self.chosen, self._pointed):
                    p.setBrush(Qt.BrushStyle.NoBrush)
                    p.setPen(QPen(self._theme.colour(Role.ACCENT), 2.2 if name == self.chosen else 1.2))
                    p.drawRoundedRect(where, 6, 6)
                if column < len(self._values) and (altered := self._values[column].get(name)):
                    self._paint_value(p, where, altered)

    def _paint_value(self, p: QPainter, where: QRectF, altered: Altered) -> None:
        """A bar as long as the error rises, and the points; hollow while images are still to be seen."""
        colour: QColor = self._theme.colour(Role.ERROR if altered.difference > 0 else Role.OK)
        bar = QRectF(where.left() + 4, where.top() + 4, 3 + abs(altered.difference) / 100 * _LONGEST, _BAR)
        p.setPen(QPen(colour, 1.0))
        p.setBrush(colour if altered.final else Qt.BrushStyle.NoBrush)
        p.drawRect(bar)
        p.setPen(self._theme.colour(Role.TEXT))
        text = signed(altered.difference, digits=1)
        p.drawText(QPointF(where.left() + 4, bar.bottom() + 19), text)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        block = self.block_at(event.position())
        if block:
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.point(block)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        block = self.block_at(event.position())
        if event.button() is Qt.MouseButton.LeftButton and block:
            self.choose(block)
            self.block_chosen.emit(block)
            event.accept()
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        on_block = self.rows is not None and self._mark >= 0 and self.rows.all[self._mark].kind is RowKind.GROUP
        if enter and self._pointed and on_block:
            self.choose(self._pointed)
            self.block_chosen.emit(self._pointed)
            return
        super().keyPressEvent(event)
