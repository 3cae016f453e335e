"""The box in the plot's corner: every run with its numbers under the cursor, and the gap between the twins."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QScrollArea, QVBoxLayout, QWidget

from resnet_studio.ui.plots.panels import Panel, PlottedRun
from resnet_studio.ui.plots.readout import Gap, Reading
from resnet_studio.ui.plots.samples import SAMPLE_WIDTH, paint_sample
from resnet_studio.ui.theme import Role, Theme

DASH = "–"
NAME_WIDTH = 150


def value_text(value: float | None, unit: str) -> str:
    """Errors with one decimal, everything else with three digits."""
    if value is None:
        return DASH
    return f"{value:.1f} %" if unit == "%" else f"{value:.3g}"


def gap_text(value: float | None, unit: str) -> str:
    """Signed; errors in percentage points."""
    if value is None:
        return DASH
    return f"{value:+.1f} pp" if unit == "%" else f"{value:+.3g}"


class _Row(QAbstractButton):
    """Line sample, name and two numbers; painted, because the numbers change with each move of the mouse."""

    def __init__(self, theme: Theme, columns: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._columns = theme, columns
        self.run: PlottedRun | None = None
        self.label, self.values = "", ("",) * columns
        self.muted = False

    def show_values(self, values: Sequence[str]) -> None:
        if tuple(values) != self.values:
            self.values = tuple(values)
            self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        name = min(metrics.horizontalAdvance(self.label), NAME_WIDTH)
        return QSize(SAMPLE_WIDTH + 8 + name + self._columns * self._column() + 8, metrics.height() + 4)

    def _column(self) -> int:
        return QFontMetrics(self.font()).horizontalAdvance("+88.8 pp") + 10

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        area = self.rect().adjusted(4, 0, -4, 0)
        if self.isCheckable() and (self.underMouse() or self.hasFocus()):
            painter.fillRect(self.rect(), self._theme.colour(Role.RAISED))
        if self.isCheckable() and not self.isChecked():
            painter.setOpacity(0.4)
        left = area.left()
        if self.run is not None:
            colour = self._theme.run_colour(self.run.colour)
            paint_sample(painter, QRectF(left, area.top(), SAMPLE_WIDTH, area.height()), colour, self.run.residual)
            left += SAMPLE_WIDTH + 8
        painter.setPen(self._theme.colour(Role.MUTED if self.muted else Role.TEXT))
        right = area.right() - self._columns * self._column()
        align = Qt.AlignmentFlag.AlignVCenter
        metrics = painter.fontMetrics()
        name = metrics.elidedText(self.label, Qt.TextElideMode.ElideRight, max(right - left, 10))
        painter.drawText(QRectF(left, area.top(), right - left, area.height()), align, name)
        for i, text in enumerate(self.values):
            cell = QRectF(right + i * self._column(), area.top(), self._column(), area.height())
            painter.drawText(cell, align | Qt.AlignmentFlag.AlignRight, text)
        painter.end()


class Legend(QFrame):
    """Toggles runs; ``toggled(run id, shown)``. The owner places it and feeds it readings."""

    toggled = Signal(str, bool)

    def __init__(self, theme: Theme, panel: Panel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("plot_legend")
        self._theme, self._panel = theme, panel
        self._columns = 1 if panel.bold is None else 2
        self._rows: dict[str, _Row] = {}
        self._gaps: list[_Row] = []
        self._head = _Row(theme, self._columns, self)
        self._head.muted = True
        self._head.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._body = QWidget()
        self._body.setProperty("role", "clear")
        self._list = QVBoxLayout(self._body)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(0)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 5)
        layout.setSpacing(1)
        layout.addWidget(self._head)
        layout.addWidget(self._scroll)
        self.setToolTip("Click a run to hide or show it. Move the mouse over the plot, or press Left and Right in it.")
        theme.changed.connect(self.on_theme_changed)
        self.on_theme_changed()

    def set_runs(self, runs: Sequence[PlottedRun], hidden: set[str]) -> None:
        """One row a run, in this order."""
        for row in [*self._rows.values(), *self._gaps]:
            self._list.removeWidget(row)
            row.deleteLater()
        self._rows, self._gaps = {}, []
        for run in runs:
            row = _Row(self._theme, self._columns, self._body)
            row.run, row.label = run, run.name
            row.setObjectName(f"legend_{run.run_id}")
            row.setAccessibleName(run.name)
            row.setCheckable(True)
            row.setChecked(run.run_id not in hidden)
            row.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row.toggled.connect(self._on_row_toggled)
            self._list.addWidget(row)
            self._rows[run.run_id] = row
        self.updateGeometry()

    def row(self, run_id: str) -> QAbstractButton:
        return self._rows[run_id]

    def show_readings(self, place: str, readings: Sequence[Reading], gaps: Sequence[Gap]) -> bool:
        """``place`` names where they were taken. Returns whether the box needs another size."""
        unit = self._panel.unit
        self._head.label = place
        self._head.show_values(["training", "test"][: self._columns])
        self._head.update()
        for reading in readings:
            if reading.run.run_id in self._rows:
                values = [value_text(reading.thin, unit), value_text(reading.bold, unit)][: self._columns]
                self._rows[reading.run.run_id].show_values(values)
        changed = len(gaps) != len(self._gaps)
        while len(self._gaps) < len(gaps):
            row = _Row(self._theme, self._columns, self._body)
            row.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            row.muted = True
            self._list.addWidget(row)
            self._gaps.append(row)
        while len(self._gaps) > len(gaps):
            row = self._gaps.pop()
            self._list.removeWidget(row)
            row.deleteLater()
        for row, gap in zip(self._gaps, gaps, strict=True):
            row.label = f"plain − residual, {gap.depth} layers"
            row.show_values([gap_text(gap.thin, unit), gap_text(gap.bold, unit)][: self._columns])
        return changed

    def texts(self) -> list[tuple[str, ...]]:
        """Every line as shown, for tests and for screen readers."""
        return [(row.label, *row.values) for row in (self._head, *self._rows.values(), *self._gaps)]

    def wanted_size(self, room: QSize) -> QSize:
        """As large as its rows, within ``room``."""
        rows = [self._head, *self._rows.values(), *self._gaps]
        hints = [row.sizeHint() for row in rows]
        height = sum(hint.height() for hint in hints) + 12
        width = max(hint.width() for hint in hints) + 14
        return QSize(min(width + (12 if height > room.height() else 0), room.width()), min(height, room.height()))

    @Slot(bool)
    def _on_row_toggled(self, shown: bool) -> None:
        row = self.sender()
        if isinstance(row, _Row) and row.run is not None:
            self.toggled.emit(row.run.run_id, shown)

    @Slot()
    def on_theme_changed(self) -> None:
        ground, border = self._theme.colour(Role.PANEL), self._theme.colour(Role.BORDER)
        self.setStyleSheet(
            f"#plot_legend {{ background: rgba({ground.red()}, {ground.green()}, {ground.blue()}, 225);"
            f" border: 1px solid {border.name()}; border-radius: 6px; }}"
        )
        self.update()
