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
from resnet_studio.ui.charts.painter import Axes, Ink, axes_of, font_of, line_pen, paint_panel
from resnet_studio.ui.theme import Role, Theme

MIDDLE = 50.0  # percent, where an end lies that nobody has dragged
_NAMES = 178.0  # pixels right of the curves, for names
_APART = 22.0  # between two names
_REACH = 14.0  # from a handle, where it is grasped
_BEND = 4.0  # how fast a predicted curve falls: e-foldings over the whole race
_FAINT = 0.42
_GROUND = 0.86  # opacity behind names within the curves
_THIN, _WIDER = 1.8, 1.4  # pixels of the last net's curve, and how much wider each before it is
_RING, _LARGER = 3.5, 2.0  # radius of the last net's mark, and how much larger each before it is


@dataclass(frozen=True)
class Racer:
    """One net: its role in the lesson, and how it is drawn."""

    role: str
    name: str
    colour: str
    residual: bool


class RaceChart(QWidget):
    """``predicted(role, percent)`` while an end is dragged, or moved with the arrow keys.

    Curves may lie on one another for long: each is narrower than the one before it, and so is the mark at its end, so
    that all are seen there. The names go along with the ends.
    """

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
        self.behind: dict[str, tuple[np.ndarray, np.ndarray]] = {}
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

    def show_behind(self, lines: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """Measured too, of another series on the same axes: faint, and without names."""
        self.behind = dict(lines)
        self.update()

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
            Line(
                *self.lines[racer.role], colour=racer.colour, dashed=not racer.residual, width=self._width(racer),
                bare=bool((np.diff(self.lines[racer.role][0]) <= 1).all()),
            )
            for racer in self.racers
            if self._measured(racer)
        )  # fmt: skip
        return LineChart(
            "", _("iteration"), self.y_title, lines, level=self.chance, x_range=(0.0, float(self.iterations)),
            y_range=(0.0, 100.0),
        )  # fmt: skip

    def _after(self, racer: Racer) -> int:
        """How many curves are painted after this one's."""
        return len(self.racers) - 1 - self.racers.index(racer)

    def _width(self, racer: Racer) -> float:
        return _THIN + _WIDER * self._after(racer)

    def _radius(self, racer: Racer) -> float:
        return _RING + _LARGER * self._after(racer)

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

    def end(self, racer: Racer) -> QPointF | None:
        """Where its measured curve ends, or None."""
        if not self._measured(racer):
            return None
        x, y = self.lines[racer.role]
        finite = np.flatnonzero(np.isfinite(y))
        axes = self.axes
        return QPointF(float(axes.x(x[finite[-1]])), float(axes.y(y[finite[-1]]))) if len(finite) else None

    def names(self) -> dict[str, QRectF]:
        """Where each name stands: beside its value and right of all curves that are measured, none upon another."""
        axes = self.axes
        at = {racer.role: float(axes.y(value)) for racer in self.racers if (value := self.value_of(racer)) is not None}
        order = sorted(at, key=lambda role: at[role])
        places: list[float] = []
        for role in order:
            places.append(max(at[role], places[-1] + _APART) if places else at[role])
        overshoot = max(0.0, places[-1] - axes.area.bottom()) if places else 0.0
        middle = sum(places) / len(places) - sum(at.values()) / len(at) if places else 0.0
        up = max(overshoot, middle)
        last = axes.area.right() + 36
        ends = [end.x() for racer in self.racers if (end := self.end(racer)) is not None]
        behind = [float(axes.x(x[-1])) for x, _y in self.behind.values() if len(x)]
        left = {r.role: min(max(ends + behind) + 36, last) if self._measured(r) and ends else last for r in self.racers}
        return {
            role: QRectF(left[role], y - up - 10, self.width() - last - 2, 20)
            for role, y in zip(order, places, strict=True)
        }

    # Painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.racers:
            return
        ink, axes = window_ink(self._theme), self.axes
        p.save()
        for racer in self.racers:
            if racer.role in self.behind:
                self._paint_faint(p, axes, racer, *self.behind[racer.role])
        paint_panel(p, ink, self.chart, self._plot)
        p.restore()
        names = self.names()
        for racer in self.racers:
            self._paint_prediction(p, axes, racer)
        self._paint_chance(p, ink, axes)
        for racer in self.racers:
            self._paint_end(p, racer)
        for number, racer in enumerate(self.racers):
            if racer.role in names:
                self._paint_name(p, axes, racer, names[racer.role], chosen=self.hasFocus() and number == self._chosen)

    def _paint_chance(self, p: QPainter, ink: Ink, axes: Axes) -> None:
        """Over the curves: they often run there."""
        p.setFont(font_of(ink, 11))
        text = _("a guess: {chance:.0f} %", chance=self.chance)
        above = QRectF(axes.area.left(), float(axes.y(self.chance)) - 27, axes.area.width() - 8, 20)
        place = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
        p.fillRect(p.boundingRect(above, place, text).adjusted(-3, 0, 3, 0), ink.ground)
        p.setPen(ink.quiet)
        p.drawText(above, place, text)

    def _paint_faint(
        self, p: QPainter, axes: Axes, racer: Racer, x: np.ndarray, y: np.ndarray, *, faint: bool = True
    ) -> QColor:
        """A curve in the net's own way; the colour that it got."""
        pen = line_pen(window_ink(self._theme), Line(x, y, colour=racer.colour, dashed=not racer.residual), 0.0)
        colour = QColor(pen.color())
        if faint:
            colour.setAlphaF(_FAINT)
        pen.setColor(colour)
        pen.setWidthF(self._width(racer) if self.editable else _THIN)
        p.setPen(pen)
        p.setBrush(Qt.BrushStyle.NoBrush)
        good = np.isfinite(y)
        points = zip(axes.x(x[good]).tolist(), axes.y(y[good]).tolist(), strict=True)
        p.drawPolyline(QPolygonF([QPointF(a, b) for a, b in points]))
        return colour

    def _paint_prediction(self, p: QPainter, axes: Axes, racer: Racer) -> None:
        given = racer.role in self.predictions
        if not given and not self.editable:
            return
        end = self.predictions.get(racer.role, MIDDLE)
        x = np.linspace(0.0, self.iterations, 60)
        fall = (1 - np.exp(-_BEND * x / self.iterations)) / (1 - np.exp(-_BEND))
        y = self.chance + (end - self.chance) * fall
        ink = window_ink(self._theme)
        colour = self._paint_faint(p, axes, racer, x, y, faint=not given or not self.editable)
        radius = self._radius(racer) + 1.5 if self.editable else _RING
        p.setPen(QPen(colour, 2.0))
        p.setBrush(ink.line(racer.colour) if self.editable and given else ink.ground)
        p.drawEllipse(self.handle(racer.role), radius, radius)

    def _paint_end(self, p: QPainter, racer: Racer) -> None:
        end = self.end(racer)
        if end is not None:
            ink = window_ink(self._theme)
            p.setPen(QPen(ink.line(racer.colour), 1.6))
            p.setBrush(ink.line(racer.colour) if racer.residual else ink.ground)
            p.drawEllipse(end, self._radius(racer), self._radius(racer))

    def _paint_name(self, p: QPainter, axes: Axes, racer: Racer, where: QRectF, *, chosen: bool) -> None:
        ink, value = window_ink(self._theme), self.value_of(racer)
        assert value is not None
        colour = ink.line(racer.colour)
        p.setPen(line_pen(ink, Line(np.zeros(0), np.zeros(0), colour=racer.colour, dashed=not racer.residual), 2.0))
        end = self.end(racer)
        begin = axes.area.right() if end is None else end.x()
        y = float(axes.y(value)) if end is None or begin >= axes.area.right() - 1 else end.y()
        p.drawLine(QLineF(begin + 10, y, where.left() - 3, where.center().y()))
        if chosen and self.editable:
            p.setPen(QPen(self._theme.colour(Role.ACCENT), 1.6))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(where.adjusted(-2, 0, 0, 0), 5, 5)
        p.setFont(font_of(ink, 12, bold=True))
        known = self._measured(racer) or racer.role in self.predictions
        number = _("{value:.0f} %", value=value) if not self._measured(racer) else _("{value:.1f} %", value=value)
        text = f"{racer.name}  {number if known else '?'}"
        short = QFontMetricsF(p.font()).elidedText(text, Qt.TextElideMode.ElideMiddle, where.width() - 4)
        if where.left() < axes.area.right():
            ground = QColor(ink.ground)
            ground.setAlphaF(_GROUND)
            taken = QFontMetricsF(p.font()).horizontalAdvance(short) + 6
            p.fillRect(QRectF(where.left(), where.top(), taken, where.height()), ground)
        p.setPen(colour)
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
