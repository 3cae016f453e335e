"""The box above the curves: every run with its numbers under the cursor, and the gap between the twins."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QFrame, QScrollArea, QWidget

from resnet_studio.domain.grouping import LEVEL, Statistic
from resnet_studio.domain.series import Per
from resnet_studio.domain.text_numbers import signed, true_minus
from resnet_studio.text import _
from resnet_studio.ui.plots.cursor_values import Gap, Reading
from resnet_studio.ui.plots.line_sample import paint_sample
from resnet_studio.ui.plots.panels import Panel, PlottedRun
from resnet_studio.ui.plots.run_colours import plain_tip
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.plain_tip import set_tip

KEY = _("thin: training, bold: test   ·   dashed, hollow: plain, solid, filled: residual")
MIXED_KEY = _("dashes and dots: the mean of both")
DASH = "–"
NAME_WIDTH = 170
SAMPLE_WIDTH = 28
COLUMN_GAP = 16
SCROLL_BAR = 12
MOST_ROWS = 6
_HEADS = {Per.ITERATION: "training", Per.TEST: "test", Per.LAYER: ""}
HEAD_SAMPLE = 14


def value_text(value: float | None, found: Statistic | None, unit: str) -> str:
    """Errors with one decimal, everything else with three digits.

    Of a group's mean the standard deviation, and the interval in brackets, without a unit: ``8.9 ± 0.2 [8.4, 9.4]``.
    """
    if value is None:
        return DASH
    percent = unit == "%"
    mean = true_minus(f"{value:.1f}" if percent else f"{value:.3g}")
    if found is None or found.deviation is None or found.low is None or found.high is None:
        return f"{mean} %" if percent else mean
    low, high = (true_minus(f"{end:.1f}" if percent else f"{end:.3g}") for end in (found.low, found.high))
    spread = f"{found.deviation:.1f}" if percent else f"{found.deviation:.2g}"
    return f"{mean} ± {spread} [{low}, {high}]"


def gap_text(value: float | None, unit: str) -> str:
    """Signed; errors in percentage points."""
    if value is None:
        return DASH
    return _("{value} pp", value=signed(value, digits=1)) if unit == "%" else true_minus(f"{value:+.3g}")


def key_of(runs: Iterable[PlottedRun | None]) -> str:
    """What lines and markers mean, of means of plain and residual runs only where there is one."""
    mixed = any(run is not None and run.residual is None for run in runs)
    return f"{KEY}   ·   {MIXED_KEY}" if mixed else KEY


class _Row(QAbstractButton):
    """Line sample, name and two numbers; painted, because the numbers change with each move of the mouse."""

    pointed = Signal(bool)
    alone_requested = Signal(str)

    def __init__(self, theme: Theme, columns: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._columns = theme, columns
        self.run: PlottedRun | None = None
        self.label, self.values = "", ("",) * columns
        self.muted = False
        self.tested = False  # the curves have markers
        self.pens: tuple[QPen | None, ...] = ()  # of a head: lines before its words
        self.wide = False  # room for deviations and intervals
        self.tight = False  # but none for intervals: names come first, and the table below has them
        self.widest = ""  # a value for which every column has room, too

    def show_values(self, values: Sequence[str]) -> None:
        if tuple(values) != self.values:
            self.values = tuple(values)
            self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        name = min(metrics.horizontalAdvance(self.label), NAME_WIDTH)
        sample = 0 if self.run is None else SAMPLE_WIDTH + 8
        return QSize(sample + name + self._columns * self._column() + 10, metrics.height() + 4)

    def _column(self) -> int:
        usual = "88.8 ± 8.8 [88.8, 88.8]" if self.wide else "+88.8 pp"
        metrics = QFontMetrics(self.font())
        return max(metrics.horizontalAdvance(self._shortened(text)) for text in (usual, self.widest)) + 8

    def _shortened(self, text: str) -> str:
        return text.partition(" [")[0] if self.tight else text

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and self.run is not None:
            self.setDown(False)
            self.alone_requested.emit(self.run.run_id)
            return
        super().mouseReleaseEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.pointed.emit(True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.pointed.emit(False)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.pointed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.pointed.emit(False)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        area = self.rect().adjusted(4, 0, -4, 0)
        if self.isCheckable() and (self.underMouse() or self.hasFocus()):
            painter.fillRect(self.rect(), self._theme.colour(Role.RAISED))
        if self.isCheckable() and not self.isChecked():
            painter.setOpacity(0.4)
        left = area.left()
        if self.run is not None:
            colour = self.run.paint(self._theme)
            sample = QRectF(left, area.top(), SAMPLE_WIDTH, area.height())
            paint_sample(painter, sample, colour, self.run.residual)
            if self.tested:
                paint_marker(painter, sample.center(), colour, None if self.run.residual else self._theme)
            left += SAMPLE_WIDTH + 8
        painter.setPen(self._theme.colour(Role.MUTED if self.muted else Role.TEXT))
        right = area.right() - self._columns * self._column()
        align = Qt.AlignmentFlag.AlignVCenter
        metrics = painter.fontMetrics()
        name = metrics.elidedText(self.label, Qt.TextElideMode.ElideMiddle, max(right - left, 10))
        painter.drawText(QRectF(left, area.top(), right - left, area.height()), align, name)
        for i, text in enumerate(map(self._shortened, self.values)):
            cell = QRectF(right + i * self._column(), area.top(), self._column(), area.height())
            painter.drawText(cell, align | Qt.AlignmentFlag.AlignRight, text)
            if i < len(self.pens) and (pen := self.pens[i]) is not None:
                end = cell.right() - metrics.horizontalAdvance(text) - 4
                self._paint_head_sample(painter, end, cell.center().y(), pen)
        painter.end()

    def _paint_head_sample(self, painter: QPainter, right: float, middle: float, pen: QPen) -> None:
        """Thin, or bold with the marker of a test."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.drawLine(QPointF(right - HEAD_SAMPLE, middle), QPointF(right, middle))
        if pen.widthF() > 1.0:
            paint_marker(painter, QPointF(right - HEAD_SAMPLE / 2, middle), pen.color(), None)
        painter.restore()


class Legend(QScrollArea):
    """Toggles runs, ``toggled(run id, shown)``, and points at one, ``pointed_at(run id or empty)``.

    It stands above the curves and hides none of them. Runs of one depth follow each other, their gap after them, from
    top to bottom and then in the next column.
    """

    toggled, pointed_at = Signal(str, bool), Signal(str)

    def __init__(self, theme: Theme, panel: Panel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("plot_legend")
        self._theme, self._panel = theme, panel
        self._columns = len(panel.series)
        self._rows: dict[str, _Row] = {}
        self._gaps: dict[int, _Row] = {}
        self._heads: list[_Row] = []
        self._place = ""
        self._wide = False
        self._widest = ""
        self._room = 10_000
        self._body = named(QWidget(), role="clear")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(self._body)
        set_tip(self, _("Click a run to hide or show it. Move the mouse over the plot, or press Left and Right in it."))
        theme.changed.connect(self.on_theme_changed)

    def set_runs(self, runs: Sequence[PlottedRun], hidden: set[str]) -> None:
        """One line a run, those of one depth together."""
        for row in [*self._rows.values(), *self._gaps.values()]:
            _drop(row)
        self._rows, self._gaps = {}, {}
        self._wide, self._widest = any(run.members for run in runs), ""
        for run in runs:
            row = self._new_row()
            row.run, row.label, row.values = run, run.name, (DASH,) * self._columns
            named(row, f"legend_{run.run_id}", accessible=run.name)
            about = _("{name}: click to hide or show it, with Ctrl to see it alone", name=run.name)
            if run.members:
                about += "\n" + _(
                    "Mean of {count} runs ± standard deviation [{level:.0%} interval of the mean, by Student's t]; "
                    "band: one standard deviation",
                    count=len(run.members),
                    level=LEVEL,
                )
            set_tip(row, plain_tip(about))
            row.setCheckable(True)
            row.setChecked(run.run_id not in hidden)
            row.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row.toggled.connect(self._on_row_toggled)
            row.pointed.connect(self._on_row_pointed)
            row.alone_requested.connect(self.show_alone)
            self._rows[run.run_id] = row
        self._arrange()

    def set_room(self, height: int) -> None:
        """Take at most ``height`` pixels, two lines at least; the rest scrolls."""
        if height != self._room:
            self._room = height
            self._arrange()

    def row(self, run_id: str) -> QAbstractButton:
        return self._rows[run_id]

    def show_readings(self, place: str, readings: Sequence[Reading], gaps: Sequence[Gap]) -> None:
        """``place`` names where they were taken."""
        unit = self._panel.unit
        if place != self._place:
            self._place = place
            for head in self._heads[:1]:
                head.label = place
                head.update()
        for reading in readings:
            if reading.run.run_id in self._rows:
                spread = reading.statistics or (None,) * len(reading.values)
                texts = [value_text(*pair, unit) for pair in zip(reading.values, spread, strict=True)]
                self._rows[reading.run.run_id].show_values(texts)
        if {gap.depth for gap in gaps} != set(self._gaps):
            for row in self._gaps.values():
                _drop(row)
            self._gaps = {gap.depth: self._new_row() for gap in gaps}
            for depth, row in self._gaps.items():
                row.muted, row.label = True, _("plain − residual ({depth})", depth=depth)
                set_tip(
                    row,
                    _(
                        "How far the plain net of {depth} layers lies above its residual twin, "
                        "at the last place that both have reached",
                        depth=depth,
                    ),
                )
            self._arrange()
        for gap in gaps:
            self._gaps[gap.depth].show_values([gap_text(value, unit) for value in gap.values])
        self._widen()

    def _widen(self) -> None:
        """Room for the longest value that was shown since the runs are these: columns do not jump with the cursor."""
        metrics = self.fontMetrics()
        widest = max(
            (value for row in self._ordered() for value in row.values), key=metrics.horizontalAdvance, default=""
        )
        if metrics.horizontalAdvance(widest) > metrics.horizontalAdvance(self._widest):
            self._widest = widest
            for row in self._ordered():
                row.widest = widest
            self._arrange()

    def texts(self) -> list[tuple[str, ...]]:
        """Every line as shown, the place first."""
        return [(self._place,), *((row.label, *row.values) for row in self._ordered())]

    def _ordered(self) -> list[_Row]:
        """Lines in reading order: by depth, in the order in which depths first appear."""
        depths = list(dict.fromkeys(row.run.depth for row in self._rows.values() if row.run))
        lines: list[_Row] = []
        for depth in depths:
            lines += [row for row in self._rows.values() if row.run and row.run.depth == depth]
            lines += [self._gaps[depth]] if depth in self._gaps else []
        return lines

    def _new_row(self) -> _Row:
        row = _Row(self._theme, self._columns, self._body)
        row.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row.wide, row.tested, row.widest = self._wide, self._panel.bold is not None, self._widest
        row.show()
        return row

    def _arrange(self) -> None:
        """Columns as wide as the longest line, as many as fit; at most six lines are visible at once."""
        lines, width = self._ordered(), max(self.width(), 80)
        for tight in (False, self._wide):
            for row in lines:
                row.tight = tight
            cell = max((row.sizeHint().width() for row in lines), default=80)
            if cell <= width - SCROLL_BAR:
                break
        height = lines[0].sizeHint().height() if lines else 0
        columns = max(1, min(width // (cell + COLUMN_GAP), len(lines)))
        rows = -(-len(lines) // columns) if lines else 0
        if rows < 3 and 3 * columns >= len(lines) and len(lines) == 3 * len(self._gaps):
            rows = 3  # plain, residual, gap: one depth a column
        columns = -(-len(lines) // rows) if rows else 0
        for row in self._heads:
            _drop(row)
        self._heads = [self._new_row() for _unused in range(columns)]
        cell = min(cell, width - SCROLL_BAR)
        for column, head in enumerate(self._heads):
            head.muted, head.values = True, tuple(_HEADS[series.per] for series in self._panel.series)
            head.label = self._place if column == 0 else ""
            head.pens, head.tight = self._head_pens(), lines[0].tight
            set_tip(head, key_of([row.run for row in self._rows.values()]) if any(head.pens) else "")
            head.setGeometry(column * (cell + COLUMN_GAP), 0, cell, height)
        for index, row in enumerate(lines):
            row.setGeometry(index // rows * (cell + COLUMN_GAP), (1 + index % rows) * height, cell, height)
        self._body.resize(max(width - SCROLL_BAR, 1), (rows + 1) * height)
        visible = min(rows, MOST_ROWS, max(self._room // height - 1, 1)) if lines else 0
        self.setFixedHeight((visible + 1) * height if lines else 0)
        for before, after in itertools.pairwise(lines):
            QWidget.setTabOrder(before, after)

    def _head_pens(self) -> tuple[QPen | None, ...]:
        """What thin and bold mean, where both are drawn."""
        if self._panel.thin is None or self._panel.bold is None:
            return ()
        bold = {self._panel.thin: False, self._panel.bold: True}
        return tuple(
            self._theme.run_pen(self._theme.colour(Role.MUTED).name(), residual=True, bold=bold[series])
            if series in bold
            else None
            for series in self._panel.series
        )

    @Slot(bool)
    def _on_row_toggled(self, shown: bool) -> None:
        row = self.sender()
        if isinstance(row, _Row) and row.run is not None:
            self.toggled.emit(row.run.run_id, shown)

    @Slot(str)
    def show_alone(self, run_id: str) -> None:
        """Hide every other run; where that is so already, show all again."""
        others = [row for key, row in self._rows.items() if key != run_id]
        alone = self._rows[run_id].isChecked() and not any(row.isChecked() for row in others)
        self._rows[run_id].setChecked(True)
        for row in others:
            row.setChecked(alone)

    @Slot(bool)
    def _on_row_pointed(self, here: bool) -> None:
        row = self.sender()
        if isinstance(row, _Row) and row.run is not None:
            self.pointed_at.emit(row.run.run_id if here else "")

    @Slot()
    def on_theme_changed(self) -> None:
        for head in self._heads:
            head.pens = self._head_pens()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self._arrange()


def paint_marker(painter: QPainter, middle: QPointF, colour: QColor, hollow: Theme | None) -> None:
    """A test's marker: filled for residual nets, ``hollow`` on that theme's ground for plain ones."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.2))
    painter.setBrush(colour if hollow is None else hollow.colour(Role.PANEL))
    painter.drawEllipse(middle, 3.0, 3.0)
    painter.restore()


def _drop(row: _Row) -> None:
    row.hide()
    row.deleteLater()
