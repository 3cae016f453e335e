"""Networks beside each other, drawn. Only what is visible is painted, so 1202 layers stay fluid."""

from __future__ import annotations

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
from PySide6.QtWidgets import QFrame, QToolTip, QWidget

from resnet_studio.domain.alignment import Key
from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Layer
from resnet_studio.domain.diff import Diff, diff
from resnet_studio.domain.explain import formula_of, mapping_of
from resnet_studio.domain.formula import in_line
from resnet_studio.text import _
from resnet_studio.ui.diagram.painter import TEXT_FROM_ZOOM, RowPainter
from resnet_studio.ui.diagram.rows import COLUMN, Row, RowKind, Rows, foldable
from resnet_studio.ui.diagram.text import facts
from resnet_studio.ui.diagram.zoomed_area import ZoomedArea
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named

OPEN_GROUPS = 5  # sections with more blocks start folded


class BlueprintView(ZoomedArea):
    """Networks drawn side by side, row by row.

    ``pointed`` has one line on what is under the mouse or the mark; empty when nothing is. Where it ``explains``,
    ``explain_requested(plan, block or layer)`` comes when one is pressed, or F1 or ? on the mark.

    Keys: Up and Down move the mark, Left and Right choose its network, Return opens or folds its stage, Page Up and
    Down, Home and End scroll, + and - zoom, 0 fits the width.
    """

    pointed = Signal(str)
    explain_requested = Signal(object, object)

    open_groups = OPEN_GROUPS
    explains = False  # a press on a block asks for its explanation
    narrowest_zoom = 0.54  # a twin in the smallest window: both networks in sight come before words

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "blueprint_view", accessible=_("Drawing of the networks"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(300)
        self.viewport().setMouseTracking(True)
        self.viewport().installEventFilter(self)
        self._theme = theme
        self._painter = RowPainter(theme)
        self.diff: Diff | None = None
        self._designed = -1
        self._chosen: dict[tuple[tuple[str, ...], Key], bool] = {}  # by networks and section
        self.rows: Rows | None = None
        self._mark, self._marked_column = -1, -1
        theme.changed.connect(self._on_theme_changed)

    def show_twin(self, plain: Blueprint, residual: Blueprint, *, designed: int) -> None:
        """Draw two networks of one depth. ``designed``: 0 or 1, the one in the form; -1 for neither."""
        self.show_diff(diff((plain, residual), sizes=False, blind=True), designed=designed)

    def show_alone(self, plan: Blueprint) -> None:
        """Draw one network that has no counterpart."""
        self.show_diff(diff((plan,), sizes=False, blind=True), designed=0)

    def show_diff(self, found: Diff, *, designed: int = -1) -> None:
        """Draw networks beside each other, with what differs. ``designed``: the one whose name is bold."""
        other = designed != self._designed
        self.diff, self._designed = found, designed
        self._lay_out()
        if other:
            self._bring_column(designed)

    @property
    def width_drawn(self) -> float:
        """Of all columns."""
        return COLUMN * (len(self.diff.plans) if self.diff else 2)

    @property
    def height_drawn(self) -> float:
        return self.rows.height if self.rows else 0.0

    def is_open(self, section: int) -> bool:
        """Whether a section shows its blocks: as a person chose, else if they are few."""
        if self.diff is None:
            return False
        found = self.diff.sections[section]
        if not foldable(found):
            return True
        return self._chosen.get((self.diff.names, found.section.key), len(found.groups) <= self.open_groups)

    def toggle(self, section: int) -> None:
        """Open a folded section or fold an open one; its line stays where it is."""
        if self.diff is None or self.rows is None or not foldable(self.diff.sections[section]):
            return
        self._chosen[self.diff.names, self.diff.sections[section].section.key] = not self.is_open(section)
        marked = self.rows.all[self._mark] if self._mark >= 0 else None
        self._lay_out()
        if marked is not None:
            self._mark = next(
                (i for i, row in enumerate(self.rows.all) if row.kind is RowKind.SECTION and row.section == section),
                -1,
            )

    def fold_all(self, *, folded: bool) -> None:
        """Fold or open every section."""
        if self.diff is not None:
            names = self.diff.names
            self._chosen.update({(names, found.section.key): not folded for found in self.diff.sections})
            self._mark = -1
            self._lay_out()

    @property
    def open_sections(self) -> list[bool]:
        """One for each section."""
        return [self.is_open(s) for s in range(len(self.diff.sections))] if self.diff else []

    def start_over(self) -> None:
        """Forget mark and zoom: other networks are shown, from their top."""
        self._mark = self._marked_column = -1
        self.fit_width()
        self.verticalScrollBar().setValue(0)

    @property
    def row_count(self) -> int:
        return len(self.rows.all) if self.rows else 0

    def _lay_out(self) -> None:
        if self.diff is None:
            return
        self.rows = Rows(self.diff, self.open_sections)
        self._mark = min(self._mark, len(self.rows.all) - 1)
        if self._fitted:
            self.fit_width()
        self._update_bars()
        self.viewport().update()

    def _row_at(self, position: QPointF) -> Row | None:
        y = self.y_at(position.y())
        if self.rows is None or position.y() < self.names_height or not 0 <= y < self.rows.height:
            return None
        return self.rows.all[self.rows.index_at(y)]

    def facts_at(self, position: QPointF) -> str:
        """One line on what lies at a point of the viewport; empty beside the drawing."""
        row, x = self._row_at(position), (position.x() - self.left()) / self.zoom
        if row is None or self.diff is None or not 0 <= x < self.width_drawn:
            return ""
        n = int(x // COLUMN)
        return self._facts(n, row, x - n * COLUMN, self.y_at(position.y()) - row.top)

    def _facts(self, n: int, row: Row, x: float, y: float) -> str:
        assert self.diff is not None
        return f"{self.diff.names[n]}  ·  {facts(self.diff, n, row, x, y)}"

    def subject_of(self, row: Row, n: int) -> BlockPlan | Layer | None:
        """What can be explained of a row in column ``n``: a block, or a layer of stem or head."""
        if self.diff is None or row.kind is not RowKind.GROUP or not 0 <= n < len(self.diff.plans):
            return None
        group = self.diff.sections[row.section].groups[row.group].group
        block = group.blocks[n]
        if block is not None:
            return block
        item = next((line[n] for line in group.lines if line[n] is not None), None)
        return item.main if item is not None else None

    def tip_at(self, position: QPointF) -> str:
        """The facts, a line each, and of a block what it computes."""
        text = self.facts_at(position).replace("  ·  ", "\n").replace("; ", "\n")
        row, n = self._row_at(position), int((position.x() - self.left()) / self.zoom // COLUMN)
        what = self.subject_of(row, n) if row is not None and text else None
        if self.diff is None or not isinstance(what, BlockPlan):
            return text
        formulas = (mapping_of(what), formula_of(self.diff.plans[n], what))
        text = "\n".join((text, *map(in_line, formulas)))
        return "\n".join((text, _("Press it for figure, formulas and prices."))) if self.explains else text

    @property
    def has_mark(self) -> bool:
        """Whether a row is marked."""
        return self._mark >= 0

    def explain_mark(self) -> None:
        """Ask for the explanation of what is marked, in the marked column or the first that has something there."""
        if self.rows is None or self.diff is None or self._mark < 0:
            return
        last = len(self.diff.plans) - 1
        columns = [last if self._marked_column < 0 else min(self._marked_column, last), *range(last, -1, -1)]
        row = self.rows.all[self._mark]
        found = ((n, what) for n in columns if (what := self.subject_of(row, n)) is not None)
        if (first := next(found, None)) is not None:
            self.explain_requested.emit(self.diff.plans[first[0]], first[1])

    def move_mark(self, step: int) -> None:
        """To the next row, or the ``step``-th one."""
        if self.rows is None:
            return
        first = self.rows.index_at(self.y_at(self.names_height + 1.0))
        self.put_mark(min(max(self._mark + step, 0), len(self.rows.all) - 1) if self._mark >= 0 else first)

    def put_mark(self, index: int) -> None:
        """Mark a row and bring it into sight."""
        if self.rows is None or self.diff is None:
            return
        self._mark = index
        row = self.rows.all[index]
        self.show_span(row.top, row.bottom)
        last = len(self.diff.plans) - 1
        self.pointed.emit(
            self._facts(last if self._marked_column < 0 else min(self._marked_column, last), row, 0.0, 0.0)
        )
        self.viewport().update()

    def _bring_column(self, n: int) -> None:
        """Scroll sideways until column ``n`` is in sight; -1 stands for none."""
        bar, left, right = self.horizontalScrollBar(), n * COLUMN * self.zoom, (n + 1) * COLUMN * self.zoom
        if n >= 0 and bar.maximum() > 0:
            bar.setValue(round(min(max(bar.value(), right - self.viewport().width()), left)))

    def _move_column(self, step: int) -> None:
        if self.diff is not None and self._mark >= 0:
            last = len(self.diff.plans) - 1
            now = last if self._marked_column < 0 else self._marked_column
            self._marked_column = min(max(now + step, 0), last)
            self._bring_column(self._marked_column)
            self.put_mark(self._mark)

    @Slot()
    def _on_theme_changed(self) -> None:
        self._painter = RowPainter(self._theme)
        self.viewport().update()

    def paint_names(self, p: QPainter) -> None:
        """The names above the columns, in pixels of the viewport."""
        assert self.diff is not None
        p.fillRect(0, 0, self.viewport().width(), self.names_height, self._theme.colour(Role.PANEL))
        for n, name in enumerate(self.diff.names):
            where = self.name_rect(n)
            font = self.font()
            font.setBold(n == self._designed)
            p.setFont(font)
            p.setPen(self._painter.text if n == self._designed else self._painter.muted)
            text = p.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, round(where.width()) - 8)
            p.drawText(where, Qt.AlignmentFlag.AlignCenter, text)
        p.setPen(self._theme.colour(Role.BORDER))
        p.drawLine(0, self.names_height - 1, self.viewport().width(), self.names_height - 1)

    def name_rect(self, n: int) -> QRectF:
        """Where the name of column ``n`` stands, in pixels of the viewport."""
        return QRectF(self.left() + n * COLUMN * self.zoom, 0, COLUMN * self.zoom, self.names_height)

    # Qt

    def sizeHint(self) -> QSize:
        return QSize(round(2 * COLUMN) + 20, 420)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(QPointF(event.pos())), self.viewport())
            return True
        if event.type() is QEvent.Type.Leave:
            self.pointed.emit("")
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = QPainter(self.viewport())
        p.fillRect(event.rect(), self._theme.colour(Role.PANEL))
        if self.diff is None or self.rows is None:
            return
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = self.y_at(max(event.rect().top(), self.names_height))
        bottom = self.y_at(event.rect().bottom() + 1)
        words = self.zoom >= TEXT_FROM_ZOOM
        left, offset = self.left(), self.names_height - self.verticalScrollBar().value()
        p.save()
        p.setClipRect(QRectF(self.viewport().rect()).adjusted(0, self.names_height, 0, 0))
        p.translate(left, offset)
        p.scale(self.zoom, self.zoom)
        for index, row in self.rows.between(top, bottom):
            p.save()
            p.translate(0, row.top)
            marked = index == self._mark and self.hasFocus()
            if row.kind is RowKind.SECTION:
                self._painter.strip(p, self.diff, row, self.is_open(row.section), marked=marked)
            elif marked:
                p.fillRect(QRectF(4, 0, self.width_drawn - 8, row.height), self._painter.mark)
            for n in range(len(self.diff.plans)):
                self._painter.column(p, self.diff, n, row, words=words)
                p.translate(COLUMN, 0)
            p.restore()
        p.restore()
        self.paint_names(p)
        if not self.isEnabled():  # dimmed while the form is at fault; what lies below a box stays hidden
            veil = self._theme.colour(Role.PANEL)
            veil.setAlphaF(0.65)
            p.fillRect(event.rect(), veil)
        if self.hasFocus():
            p.setPen(self._theme.colour(Role.ACCENT))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(QRectF(self.viewport().rect()).adjusted(1, 1, -1, -1), 6, 6)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit_width()
            self._bring_column(self._designed)
        else:
            self._update_bars()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(1.0015 ** event.angleDelta().y(), event.position().y())
            event.accept()
        else:
            super().wheelEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position())
        n = int((event.position().x() - self.left()) / self.zoom // COLUMN)
        active = row is not None and row.kind in (RowKind.SECTION, RowKind.FOLDED)
        active |= self.explains and row is not None and self.subject_of(row, n) is not None
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if active else Qt.CursorShape.ArrowCursor)
        self.pointed.emit(self.facts_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position())
        if event.button() is Qt.MouseButton.LeftButton and row and row.kind in (RowKind.SECTION, RowKind.FOLDED):
            self.toggle(row.section)
            event.accept()
        elif event.button() is Qt.MouseButton.LeftButton and row and self.explains and self.diff is not None:
            n = int((event.position().x() - self.left()) / self.zoom // COLUMN)
            if (what := self.subject_of(row, n)) is not None:
                self.explain_requested.emit(self.diff.plans[n], what)
                event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def event(self, event: QEvent) -> bool:
        """F1 is the window's, but of a marked block it is the drawing's."""
        takes = self.explains and self._mark >= 0 and event.type() is QEvent.Type.ShortcutOverride
        if takes and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_F1 and not event.modifiers():
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, bar = event.key(), self.verticalScrollBar()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_mark(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.rows and self._mark >= 0:
            section = self.rows.all[self._mark].section
            if section >= 0:
                self.toggle(section)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._mark >= 0:
            self._move_column(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            bar.setValue(bar.value() + (bar.pageStep() if key == Qt.Key.Key_PageDown else -bar.pageStep()))
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            bar.setValue(bar.minimum() if key == Qt.Key.Key_Home else bar.maximum())
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom_by(1 / 1.2 if key == Qt.Key.Key_Minus else 1.2)
        elif key == Qt.Key.Key_0:
            self.fit_width()
        elif key in (Qt.Key.Key_F1, Qt.Key.Key_Question) and self.explains:
            self.explain_mark()
        else:
            super().keyPressEvent(event)

    def position_of(self, index: int) -> QPoint:
        """The middle of a row's left column, in pixels of the viewport."""
        assert self.rows is not None
        row = self.rows.all[index]
        y = (row.top + row.height / 2) * self.zoom + self.names_height - self.verticalScrollBar().value()
        return QPoint(round(self.left() + COLUMN / 2 * self.zoom), round(y))
