"""A horizontal line at one value, with a label that stands above it where there is room, else below."""

from __future__ import annotations

import pyqtgraph as pg


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
