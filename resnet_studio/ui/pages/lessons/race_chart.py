"""Curves of a race over the predicted ones, whose ends are dragged before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from resnet_studio.domain.analyses.charts import Line, LineChart
from resnet_studio.text import _
from resnet_studio.ui.charts.canvas import window_ink
from resnet_studio.ui.charts.painter import Axes, axes_of, font_of, line_pen, paint_panel
from resnet_studio.ui.theme import Role, Theme

MIDDLE = 50.0  # percent, where an end lies that nobody has dragged
_NAMES = 178.0  # pixels right of the curves, for names
_APART = 22.0  # between two names
_REACH = 14.0  # from a handle, where it is grasped
_BEND = 4.0  # how fast a predicted curve falls: e-foldings over the whole race
_FAINT = 0.42


@dataclass(frozen=True)
class Racer:
    """One net: its role in the lesson, and how it is drawn."""

    role: str
    name: str
    colour: str
    residual: bool


class RaceChart(QWidget):
    """``predicted(role, percent)`` while an end is dragged, or moved with the arrow keys."""

    predicted = Signal(str, float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("race_chart")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(QSize(380, 210))
        self._theme = theme
        self.racers: tuple[Racer, ...] = ()
        self.predictions: dict[str, float] = {}
        self.lines: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.ends: dict[str, float] = {}
        self.iterations, self.chance = 1, 90.0
        self.y_title = ""
        self.editable = False
        self._held = ""
        self._grip = 0.0  # from the pointer to the value that is dragged, in pixels
        self._chosen = 0
        theme.changed.connect(self.update)

    def show_racers(self, racers: Sequence[Racer], iterations: int, chance: float, y_title: str) -> None:
        self.racers, self.iterations, self.chance, self.y_title = tuple(racers), iterations, chance, y_title
        self._describe()

    def show_predictions(self, predictions: Mapping[str, float], *, editable: bool) -> None:
        """By role, in percent. While they are editable, those not given lie in the middle."""
        self.predictions, self.editable = dict(predictions), editable
        self._describe()

    def show_lines(
        self, lines: Mapping[str, tuple[np.ndarray, np.ndarray]], ends: Mapping[str, float] | None = None
    ) -> None:
        """Measured: iterations and percent, by role; ``ends``: what stands with the names, where it is not the last."""
        self.lines, self.ends = dict(lines), dict(ends or {})
        self._describe()

    def _describe(self) -> None:
        said = [
            _("{name} predicted {value:.0f} %", name=racer.name, value=self.predictions[racer.role])
            for racer in self.racers
            if racer.role in self.predictions
        ]
        said += [
            _("{name} measured {value:.1f} %", name=racer.name, value=self.value_of(racer) or 0.0)
            for racer in self.racers
            if self._measured(racer)
        ]
        self.setAccessibleName(self.y_title)
        self.setAccessibleDescription("; ".join(said))
        self.update()

    def _measured(self, racer: Racer) -> bool:
        return racer.role in self.lines and len(self.lines[racer.role][0]) > 0

    # Places

    @property
    def chart(self) -> LineChart:
        lines = tuple(
            Line(*self.lines[racer.role], colour=racer.colour, dashed=not racer.residual)
            for racer in self.racers
            if self._measured(racer)
        )
        return LineChart(
            "", _("iteration"), self.y_title, lines, level=self.chance, x_range=(0.0, float(self.iterations)),
            y_range=(0.0, 100.0),
        )  # fmt: skip

    @property
    def _plot(self) -> QRectF:
        return QRectF(0, -20, self.width() - _NAMES, self.height() + 20)

    @property
    def axes(self) -> Axes:
        return axes_of(self.chart, self._plot)

    def value_of(self, racer: Racer) -> float | None:
        """What its name stands at: the newest measured error, else the predicted one."""
        if racer.role in self.ends:
            return self.ends[racer.role]
        if self._measured(racer):
            finite = self.lines[racer.role][1][np.isfinite(self.lines[racer.role][1])]
            return float(finite[-1]) if len(finite) else None
        if self.editable:
            return self.predictions.get(racer.role, MIDDLE)
        return self.predictions.get(racer.role)

    def handle(self, role: str) -> QPointF:
        """The end of a predicted curve."""
        axes = self.axes
        value = self.predictions.get(role, MIDDLE)
        return QPointF(axes.area.right(), float(axes.y(value)))

    def names(self) -> dict[str, QRectF]:
        """Where each name stands: beside its value, and none upon another."""
        axes = self.axes
        at = {racer.role: float(axes.y(value)) for racer in self.racers if (value := self.value_of(racer)) is not None}
        order = sorted(at, key=lambda role: at[role])
        places: list[float] = []
        for role in order:
            places.append(max(at[role], places[-1] + _APART) if places else at[role])
        overshoot = max(0.0, places[-1] - axes.area.bottom()) if places else 0.0
        middle = sum(places) / len(places) - sum(at.values()) / len(at) if places else 0.0
        up = max(overshoot, middle)
        left = axes.area.right() + 36
        return {
            role: QRectF(left, y - up - 10, self.width() - left - 2, 20) for role, y in zip(order, places, strict=True)
        }

    # Painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.racers:
            return
        ink, axes = window_ink(self._theme), self.axes
        p.save()
        paint_panel(p, ink, self.chart, self._plot)
        p.restore()
        p.setFont(font_of(ink, 11))
        p.setPen(ink.quiet)
        text = _("a guess: {chance:.0f} %", chance=self.chance)
        p.drawText(QPointF(axes.area.left() + 8, float(axes.y(self.chance)) - 5), text)
        names = self.names()
        for racer in self.racers:
            self._paint_prediction(p, axes, racer)
        for number, racer in enumerate(self.racers):
            if racer.role in names:
                self._paint_name(p, axes, racer, names[racer.role], chosen=self.hasFocus() and number == self._chosen)

    def _paint_prediction(self, p: QPainter, axes: Axes, racer: Racer) -> None:
        given = racer.role in self.predictions
        if not given and not self.editable:
            return
        end = self.predictions.get(racer.role, MIDDLE)
        x = np.linspace(0.0, self.iterations, 60)
        fall = (1 - np.exp(-_BEND * x / self.iterations)) / (1 - np.exp(-_BEND))
        y = self.chance + (end - self.chance) * fall
        ink = window_ink(self._theme)
        pen = line_pen(ink, Line(x, y, colour=racer.colour, dashed=not racer.residual), 1.8)
        colour = QColor(pen.color())
        if not given or not self.editable:
            colour.setAlphaF(_FAINT)
        pen.setColor(colour)
        p.setPen(pen)
        p.setBrush(Qt.BrushStyle.NoBrush)
        points = zip(axes.x(x).tolist(), axes.y(y).tolist(), strict=True)
        p.drawPolyline(QPolygonF([QPointF(a, b) for a, b in points]))
        radius = 6.5 if self.editable else 4.0
        p.setPen(QPen(colour, 2.0))
        p.setBrush(ink.line(racer.colour) if self.editable and given else ink.ground)
        p.drawEllipse(self.handle(racer.role), radius, radius)

    def _paint_name(self, p: QPainter, axes: Axes, racer: Racer, where: QRectF, *, chosen: bool) -> None:
        ink, value = window_ink(self._theme), self.value_of(racer)
        assert value is not None
        colour = ink.line(racer.colour)
        p.setPen(line_pen(ink, Line(np.zeros(0), np.zeros(0), colour=racer.colour, dashed=not racer.residual), 2.0))
        p.drawLine(QLineF(axes.area.right() + 8, float(axes.y(value)), where.left() - 3, where.center().y()))
        if chosen and self.editable:
            p.setPen(QPen(self._theme.colour(Role.ACCENT), 1.6))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(where.adjusted(-2, 0, 0, 0), 5, 5)
        p.setFont(font_of(ink, 12, bold=True))
        p.setPen(colour)
        known = self._measured(racer) or racer.role in self.predictions
        number = _("{value:.0f} %", value=value) if not self._measured(racer) else _("{value:.1f} %", value=value)
        text = f"{racer.name}  {number if known else '?'}"
        short = QFontMetricsF(p.font()).elidedText(text, Qt.TextElideMode.ElideMiddle, where.width() - 4)
        p.drawText(where.adjusted(3, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, short)

    # Dragging

    def _at(self, point: QPointF) -> str:
        """The role whose handle or name lies there."""
        if not self.editable:
            return ""
        near = sorted(self.racers, key=lambda racer: QLineF(point, self.handle(racer.role)).length())
        if near and QLineF(point, self.handle(near[0].role)).length() <= _REACH:
            level = [r for r in near if QLineF(self.handle(r.role), self.handle(near[0].role)).length() < 1.0]
            if len(level) == 1:  # of several in one place the name decides
                return near[0].role
        return next((role for role, where in self.names().items() if where.contains(point)), "")

    def predict(self, role: str, value: float) -> None:
        self.predictions[role] = min(max(value, 0.0), 100.0)
        self._describe()
        self.predicted.emit(role, self.predictions[role])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._held = self._at(event.position()) if event.button() is Qt.MouseButton.LeftButton else ""
        if self._held:
            self._grip = self.handle(self._held).y() - event.position().y()
            self._chosen = [racer.role for racer in self.racers].index(self._held)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held:
            axes = self.axes
            share = (axes.area.bottom() - event.position().y() - self._grip) / axes.area.height()
            self.predict(self._held, 100.0 * share)
            return
        hand = Qt.CursorShape.SizeVerCursor if self._at(event.position()) else Qt.CursorShape.ArrowCursor
        self.setCursor(hand)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._held = ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right choose a net, up and down move its end."""
        key = event.key()
        if not self.editable or not self.racers:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._chosen = (self._chosen + (1 if key == Qt.Key.Key_Right else -1)) % len(self.racers)
            self.update()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            role = self.racers[self._chosen].role
            step = 1.0 if key == Qt.Key.Key_Up else -1.0
            self.predict(role, round(self.predictions.get(role, MIDDLE)) + step)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: object) -> None:
        super().focusInEvent(event)  # type: ignore[arg-type]
        self.update()

    def focusOutEvent(self, event: object) -> None:
        super().focusOutEvent(event)  # type: ignore[arg-type]
        self.update()
