"""Axes with ticks that people read at a glance: thousands apart, clock times, decades; and a line at one value."""

from __future__ import annotations

from math import log10
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF

from resnet_studio.ui.plots.curve_data import XAxis
from resnet_studio.ui.plots.layer_grid import layer_ticks
from resnet_studio.ui.plots.ranges import count_text, log_ticks, nice_step, time_step, time_text, value_label

PIXELS_BETWEEN_LABELS = 90
COUNTED = (XAxis.ITERATION, XAxis.IMAGES)  # whole numbers
PIXELS_BETWEEN_VALUES = 28
PIXELS_BETWEEN_LAYERS = 16


class PositionAxis(pg.AxisItem):
    """The axis below: iterations, epochs or training time in seconds."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self.enableAutoSIPrefix(False)  # it would name the axis "epoch (x0.001)" over labels that are not scaled
        self.setStyle(hideOverlappingLabels=False)
        self.kind = XAxis.ITERATION

    def set_kind(self, kind: XAxis) -> None:
        self.kind = kind
        self.picture = None
        self.update()

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:  # noqa: N803
        least = (maxVal - minVal) * PIXELS_BETWEEN_LABELS / max(size, 1.0)
        if least <= 0:
            return []
        step = time_step(least) if self.kind is XAxis.TIME else nice_step(least)
        if self.kind in COUNTED:
            step = max(1.0, step if step != 2.5 else 5.0)
        return [(step, 0)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: ARG002
        if self.kind is XAxis.TIME:
            return [time_text(value, spacing) for value in values]
        if self.kind in COUNTED:
            return [count_text(value) for value in values]
        return [f"{value:g}" for value in values]

    def boundingRect(self) -> QRectF:
        """Room for the labels at both ends, half of which stands beside the plot."""
        bounds: QRectF = super().boundingRect().adjusted(-30, 0, 30, 0)
        return bounds


class ValueAxis(pg.AxisItem):
    """The axis at the left. With ``log`` the plot's coordinates are powers of ten and the labels are values."""

    def __init__(self) -> None:
        super().__init__("left")
        self.enableAutoSIPrefix(False)
        self.setStyle(hideOverlappingLabels=False)
        self.log = False

    def set_log(self, log: bool) -> None:
        self.log = log
        self.picture = None
        self.update()

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:  # noqa: N803
        least = (maxVal - minVal) * min(max(PIXELS_BETWEEN_VALUES, size / 9), 56) / max(size, 1.0)
        return [(nice_step(least), 0)] if least > 0 else []

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[Any, list[float]]]:  # noqa: N803
        if not self.log:
            ticks: list[tuple[Any, list[float]]] = super().tickValues(minVal, maxVal, size)
            return ticks
        if not -300 < minVal < maxVal < 300:
            return []
        major, minor = log_ticks(10.0**minVal, 10.0**maxVal)
        while len(major) * 20 > max(size, 60.0) and len(major) > 2:
            major = major[::2]
        return [(None, [log10(value) for value in major]), (0.0, [log10(value) for value in minor])]

    def tickStrings(self, values: list[float], scale: float, spacing: float | None) -> list[str]:  # noqa: ARG002
        if not self.log:
            return [value_label(value) for value in values]
        return [""] * len(values) if spacing == 0.0 else [value_label(float(f"{10.0**value:.3g}")) for value in values]

    def boundingRect(self) -> QRectF:
        bounds: QRectF = super().boundingRect().adjusted(0, -10, 0, 10)
        return bounds


class LayerAxis(pg.AxisItem):
    """Layers, counted from 1 at the input."""

    def __init__(self) -> None:
        super().__init__("left")
        self.setStyle(hideOverlappingLabels=False)
        self.layers = 1

    def set_layers(self, layers: int) -> None:
        if layers != self.layers:
            self.layers = layers
            self.picture = None
            self.update()

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[Any, list[float]]]:  # noqa: ARG002, N803
        return [(1, [float(tick) for tick in layer_ticks(self.layers, int(size // PIXELS_BETWEEN_LAYERS))])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: ARG002
        return [count_text(value) for value in values]

    def boundingRect(self) -> QRectF:
        bounds: QRectF = super().boundingRect().adjusted(0, -10, 0, 10)
        return bounds


class BottomValueAxis(pg.AxisItem):
    """Powers of ten as values, from left to right."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self.enableAutoSIPrefix(False)
        self.setStyle(hideOverlappingLabels=False)
        self._decades = ValueAxis()
        self._decades.set_log(True)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[Any, list[float]]]:  # noqa: N803
        return self._decades.tickValues(minVal, maxVal, size / 2.5)

    def tickStrings(self, values: list[float], scale: float, spacing: float | None) -> list[str]:
        return self._decades.tickStrings(values, scale, spacing)

    def boundingRect(self) -> QRectF:
        bounds: QRectF = super().boundingRect().adjusted(-24, 0, 24, 0)
        return bounds


class LevelLine(pg.InfiniteLine):
    """Cannot be moved by the mouse; hidden at first."""

    def __init__(self, *, position: float) -> None:
        """``position``: where along the line the label's end lies, 0 (left) to 1 (right)."""
        super().__init__(angle=0, movable=False)
        self.label = _Label(self, position)
        self.setVisible(False)


class _Label(pg.InfLineLabel):
    def __init__(self, line: LevelLine, position: float) -> None:
        self._side = float(position > 0.5)
        super().__init__(line, position=position, anchors=[(self._side, 1.0)] * 2)

    def updatePosition(self) -> None:
        super().updatePosition()
        box, seen = self.getViewBox(), self.line.viewRect()  # what is seen, with the line at 0
        if not isinstance(box, pg.ViewBox) or seen is None:
            return
        _width, pixel = box.viewPixelSize()
        room = max(seen.top(), seen.bottom()) / pixel if pixel else 0.0  # pixels above the line
        self.setAnchor((self._side, float(room >= self.boundingRect().height())))
