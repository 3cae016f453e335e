"""What plots of runs share: which runs are shown, a clock that draws, a cursor under the mouse and by keys."""

from __future__ import annotations

from collections.abc import Iterable

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, QMouseEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from resnet_studio.text import _
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.legend import Legend
from resnet_studio.ui.plots.panels import Panel, PlotOptions, PlottedRun
from resnet_studio.ui.plots.ranges import count_text, time_text
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.layouts import in_column

LEGEND_SHARE = 0.42  # of the height, at most


class RunPlot(QWidget):
    """A legend above a view that is drawn at most every ``frame_ms``, and only while it can be seen.

    ``hidden_changed`` tells which runs the legend hides, so that plots beside it can follow. The cursor is under the
    mouse or moved by the arrow keys; Escape and leaving take it away.
    """

    hidden_changed = Signal(object)

    def __init__(
        self, theme: Theme, book: CurveBook, panel: Panel, parent: QWidget | None, *, frame_ms: int, legend: bool
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{panel.key}_plot")
        self._theme, self.book, self.panel = theme, book, panel
        self.options = PlotOptions()
        self.frames = 0
        self._runs: tuple[PlottedRun, ...] = ()
        self._hidden: set[str] = set()
        self._cursor: float | None = None
        self._drawn: object = None
        self._read: object = None
        self.legend = Legend(theme, panel, self)
        self.legend.setVisible(legend)
        self.legend.toggled.connect(self._on_legend_toggled)
        self.setMinimumSize(240, 110)
        self._timer = QTimer(self, interval=frame_ms)
        self._timer.timeout.connect(self._on_frame)

    def _lay_out(self, view: pg.GraphicsView, *below_legend: QWidget, content: QWidget | None = None) -> None:
        """``view`` shows the runs and takes mouse and keys; ``content`` holds it where other things share its place."""
        view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        view.setFrameShape(pg.GraphicsView.Shape.NoFrame)
        view.setAccessibleName(_("{title} plot", title=self.panel.title))
        view.viewport().setMouseTracking(True)
        view.viewport().installEventFilter(self)
        view.installEventFilter(self)
        self._view = view
        in_column(self.legend, *below_legend, (content or view, 1), of=self, margins=0, spacing=4)

    @property
    def runs(self) -> tuple[PlottedRun, ...]:
        return self._runs

    @property
    def shown_runs(self) -> tuple[PlottedRun, ...]:
        return tuple(run for run in self._runs if run.run_id not in self._hidden)

    def set_hidden(self, run_ids: Iterable[str]) -> None:
        """Hide these runs; the legend keeps their rows."""
        hidden = set(run_ids) & {run.run_id for run in self._runs}
        if hidden != self._hidden:
            self._hidden = hidden
            for run in self._runs:
                self.legend.row(run.run_id).setChecked(run.run_id not in hidden)
            self._on_hidden()

    @Slot(str, bool)
    def _on_legend_toggled(self, run_id: str, shown: bool) -> None:
        hidden = self._hidden - {run_id} if shown else self._hidden | {run_id}
        if hidden != self._hidden:
            self._hidden = hidden
            self._on_hidden()
            self.hidden_changed.emit(frozenset(hidden))

    def _on_hidden(self) -> None:
        """Other runs are hidden than before."""

    @Slot()
    def _on_frame(self) -> None:
        self.draw_if_dirty()

    @Slot()
    def draw_if_dirty(self) -> None:
        """Do nothing for a plot that nobody sees or that is up to date."""
        raise NotImplementedError

    def _cursor_text(self, place: float) -> str:
        """A position on the axis below, in words."""
        match self.options.axis:
            case XAxis.TIME:
                return _("after {place}", place=time_text(place))
            case XAxis.IMAGES:
                return _("{place} images", place=count_text(place))
            case XAxis.EPOCH:
                return _("epoch {place:.2f}", place=place)
            case _:
                return _("iteration {place}", place=count_text(place))

    def _paint_axes(self, axes: Iterable[pg.AxisItem]) -> None:
        for axis in axes:
            axis.setPen(QPen(self._theme.colour(Role.FIELD_BORDER), 1))
            axis.setTextPen(QPen(self._theme.colour(Role.MUTED)))

    def _line_pen(self, role: Role, style: Qt.PenStyle = Qt.PenStyle.DashLine) -> QPen:
        """One pixel wide at every zoom."""
        pen = QPen(self._theme.colour(role), 1, style)
        pen.setCosmetic(True)
        return pen

    def _move_cursor(self, position: QPointF) -> None:
        """Put the cursor where the mouse is, given in the view's pixels."""
        raise NotImplementedError

    def _step_cursor(self, direction: int) -> None:
        """Move the cursor a hundredth of what is seen, to the right (1) or the left (-1)."""
        raise NotImplementedError

    def _stepped(self, ends: tuple[float, float], step: float) -> float:
        """The cursor after a step, within ``ends``; the first step puts it at the right end."""
        return min(max(ends[1] if self._cursor is None else self._cursor + step, ends[0]), ends[1])

    def _drop_cursor(self) -> None:
        self._cursor = None

    def _press_key(self, key: int) -> bool:
        """Whether the key meant something here."""
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step_cursor(1 if key == Qt.Key.Key_Right else -1)
            return True
        if key == Qt.Key.Key_Escape and self._cursor is not None:
            self._cursor = None
            return True
        return False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind is QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._move_cursor(event.position())
        elif kind is QEvent.Type.Leave:
            self._drop_cursor()
        elif kind is QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and watched is self._view:
            return self._press_key(event.key()) or super().eventFilter(watched, event)
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.legend.set_room(int(LEGEND_SHARE * self.height()))
