"""A figure in the window, in the theme's colours: panels side by side, as many as there is room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from PySide6.QtCore import QEvent, QLineF, QObject, QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QToolTip, QWidget

from resnet_studio.domain.analyses.charts import Figure, HeatMap, Line, LineChart, Panel, Picture
from resnet_studio.text import _
from resnet_studio.ui.charts.export import legend_of
from resnet_studio.ui.charts.painter import LINE, TITLE, Ink, font_of, head_height, line_pen, name_at, paint_panel
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named

_NARROWEST, _LOWEST, _HIGHEST, _GAP = 250, 230, 460, 12  # pixels
_NARROWEST_PICTURE = 88  # so that what belongs together stays in one row
_SHAPE = 0.72  # of a panel: height over width
_CELL = 190.0  # of the legend


def window_ink(theme: Theme) -> Ink:
    """The theme's colours; a run's is lightened on dark ground, as everywhere."""
    return Ink(
        theme.colour(Role.TEXT), theme.colour(Role.MUTED), theme.colour(Role.GRID), theme.colour(Role.PANEL),
        theme.colour(Role.ACCENT), theme.run_colour,
    )  # fmt: skip


def _picture_height(picture: Picture, wide: float, head: float) -> float:
    """As its shape has it, below its title."""
    height, width = picture.pixels.shape[:2]
    return min(head + wide * float(height / width), max(_LOWEST, _SHAPE * wide) + head - TITLE)


def _panel_area(panels: Sequence[Panel], columns: int, width: float, height: float) -> float:
    """Of one of the panels, no higher than wide, where none is out of sight; 0 where they do not fit.

    Where there are maps, as much counts as is square: of layers by layers, or of a surface from above.
    """
    rows = ceil(len(panels) / columns)
    wide, tall = (width - (columns - 1) * _GAP) / columns, (height - (rows - 1) * _GAP) / rows
    if tall < _LOWEST:
        return 0.0
    side = min(tall, wide)
    return side * side if any(isinstance(panel, HeatMap) for panel in panels) else wide * side


class _Sheet(QWidget):
    """What scrolls; ``pointed(name)``: the layer or block under the mouse; ``pressed(panel)``."""

    pointed = Signal(str)
    pressed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.figure: Figure | None = None
        self.marked = ""
        self.alone: Panel | None = None  # one that fills the room
        self.setMouseTracking(True)
        self.setProperty("role", "clear")

    @property
    def _legend(self) -> list[Line]:
        return legend_of(self.figure) if self.figure is not None else []

    def _legend_height(self, width: float) -> float:
        across = max(1, int(width // _CELL))
        return LINE * ceil(len(self._legend) / across) + (6 if self._legend else 0)

    def lay_out(self, width: int, height: int) -> None:
        """As wide as there is room; a single row of panels takes the height that is free."""
        self._places: list[QRectF] = []
        self._heads: list[float] = []
        found = self.figure
        if found is None or not found.panels:
            self.setFixedSize(width, height)
            return
        if self.alone is not None:
            top = self._legend_height(width)
            self._places = [QRectF(0, top, width, max(_LOWEST, height - top))]
            self._heads = [TITLE]
            self.setFixedSize(width, max(height, ceil(self._places[0].bottom())))
            self.update()
            return
        pictures = any(isinstance(panel, Picture) for panel in found.panels)
        narrowest = _NARROWEST_PICTURE if pictures else _NARROWEST
        columns = max(1, min(found.columns, len(found.panels), (width + _GAP) // (narrowest + _GAP)))
        top = self._legend_height(width)
        if not pictures:
            columns = max(range(columns, 0, -1), key=lambda few: _panel_area(found.panels, few, width, height - top))
        rows = ceil(len(found.panels) / columns)
        wide = (width - (columns - 1) * _GAP) / columns
        free = (height - top - (rows - 1) * _GAP) / rows
        tall = min(max(_LOWEST, _SHAPE * wide, min(free, _HIGHEST)), _HIGHEST)
        if rows == 1 or (not pictures and free >= _LOWEST):
            tall = max(_LOWEST, min(free, wide))
        above, ink = top, window_ink(self._theme)
        for first in range(0, len(found.panels), columns):
            row = found.panels[first : first + columns]
            lines = all(isinstance(panel, LineChart) for panel in row)  # few of them share the whole width
            own = (width - (len(row) - 1) * _GAP) / len(row) if lines else wide
            titles = [head_height(ink, panel, wide) for panel in row if isinstance(panel, Picture)]
            head = max([TITLE, *titles])
            self._heads += [head] * len(row)
            high = max(_picture_height(panel, wide, head) if isinstance(panel, Picture) else tall for panel in row)
            self._places += [QRectF(place * (own + _GAP), above, own, high) for place in range(len(row))]
            above += high + _GAP
        self.setFixedSize(width, max(height, ceil(self._places[-1].bottom())))
        self.update()

    def panels(self) -> Iterator[tuple[Panel, QRectF]]:
        if self.alone is not None:
            yield self.alone, self._places[0]
        elif self.figure is not None:
            yield from zip(self.figure.panels, self._places, strict=False)

    def at(self, point: QPointF) -> tuple[str, str]:
        """Name and words of what is drawn there."""
        for panel, where in self.panels():
            if where.contains(point):
                return name_at(panel, where, point)
        return "", ""

    def paintEvent(self, event: QPaintEvent) -> None:
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = window_ink(self._theme)
        p.setFont(font_of(ink, 12))
        across = max(1, int(self.width() // _CELL))
        cell, metrics = self.width() / across, QFontMetricsF(p.font())
        for number, line in enumerate(self._legend):
            left, y = number % across * cell, number // across * LINE + LINE / 2
            p.setPen(line_pen(ink, line, 2.2))
            p.drawLine(QLineF(left, y, left + 30, y))
            p.setPen(ink.text)
            text = metrics.elidedText(line.label, Qt.TextElideMode.ElideMiddle, cell - 44)
            p.drawText(QRectF(left + 36, y - LINE / 2, cell - 40, LINE), Qt.AlignmentFlag.AlignVCenter, text)
        for (panel, where), head in zip(self.panels(), self._heads, strict=False):
            if where.intersects(QRectF(event.rect())):
                p.save()
                paint_panel(p, ink, panel, where, self.marked, head)
                p.restore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointed.emit(self.at(event.position())[0])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = next((panel for panel, where in self.panels() if where.contains(event.position())), None)
        if found is not None and event.button() is Qt.MouseButton.LeftButton:
            self.pressed.emit(found)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.at(QPointF(event.pos()))[1], self)
            return True
        return super().event(event)


class FigureCanvas(QScrollArea):
    """A figure of panels; one that is clicked fills the room until it is clicked again, or Escape pressed.

    ``pointed(name)``: the layer or block under the mouse, empty where there is none.
    """

    pointed = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        named(self, "figure_canvas", accessible=_("Figure"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.sheet = _Sheet(theme)
        self.setWidget(self.sheet)
        self.sheet.pointed.connect(self.pointed)
        self.sheet.pressed.connect(self._on_pressed)
        self.sheet.installEventFilter(self)
        theme.changed.connect(self.sheet.update)
        self._lay_out()

    @property
    def figure(self) -> Figure | None:
        return self.sheet.figure

    @property
    def marked(self) -> str:
        return self.sheet.marked

    def show_figure(self, found: Figure | None) -> None:
        self.sheet.figure, self.sheet.alone = found, None
        self.setAccessibleDescription(found.title if found is not None else "")
        self._lay_out()

    def mark(self, block: str) -> None:
        """Show where this block stands in every panel; empty: no block."""
        if block != self.sheet.marked:
            self.sheet.marked = block
            self.sheet.update()

    def enlarge(self, panel: Panel | None) -> None:
        """Show a panel of the figure alone; None: all of them."""
        self.sheet.alone = panel
        self._lay_out()
        self.sheet.update()

    @Slot(object)
    def _on_pressed(self, panel: Panel) -> None:
        several = self.figure is not None and len(self.figure.panels) > 1
        self.enlarge(panel if several and self.sheet.alone is None else None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.sheet.alone is not None:
            self.enlarge(None)
        else:
            super().keyPressEvent(event)

    def _lay_out(self) -> None:
        bar = self.verticalScrollBar().sizeHint().width()
        self.sheet.lay_out(max(120, self.width() - bar - 4), max(80, self.height() - 4))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Leave:
            self.pointed.emit("")
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()
