"""A drawing of any size in a scroll area: zoomed around a place, fitted to the width, below a head that stays."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QAbstractScrollArea, QWidget

MIN_ZOOM, MAX_ZOOM = 0.04, 3.0
READABLE_ZOOM = 0.8  # writing of 13 pixels is then 10 high
BOTTOM = 12  # pixels below the drawing


class ZoomedArea(QAbstractScrollArea):
    """Where the drawing lies in the viewport; subclasses say how large it is, and paint it."""

    names_height = 32  # pixels at the top that do not scroll
    readable_zoom = READABLE_ZOOM  # at least, when the height is fitted too
    narrowest_zoom = READABLE_ZOOM  # at least, when the width is fitted
    fit_zoom = 1.35  # at most, when the width is fitted

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.zoom = 1.0
        self._fitted = True

    @property
    def width_drawn(self) -> float:
        """Of the drawing, in its units."""
        raise NotImplementedError

    @property
    def height_drawn(self) -> float:
        """As :attr:`width_drawn`; 0 where there is no drawing."""
        raise NotImplementedError

    @property
    def page_height(self) -> int:
        """Pixels for the drawing."""
        return self.viewport().height() - self.names_height

    def set_zoom(self, zoom: float, anchor_y: float | None = None) -> None:
        """What is at ``anchor_y`` pixels from the top (default: the middle) stays there."""
        anchor = self.page_height / 2 + self.names_height if anchor_y is None else anchor_y
        y = self.y_at(anchor)
        self.zoom = min(max(zoom, MIN_ZOOM), MAX_ZOOM)
        self._update_bars()
        self.verticalScrollBar().setValue(round(y * self.zoom - (anchor - self.names_height)))
        self.viewport().update()

    def zoom_by(self, factor: float, anchor_y: float | None = None) -> None:
        """A person's zoom: the width is fitted no longer."""
        self._fitted = False
        self.set_zoom(self.zoom * factor, anchor_y)

    def fit_width(self) -> None:
        """As wide as there is room and as is good to read; the whole height if that still can be read.

        Where there is room for less than ``narrowest_zoom`` it scrolls sideways.
        """
        self._fitted = True
        zoom = max(min(self.viewport().width() / self.width_drawn, self.fit_zoom), self.narrowest_zoom)
        if self.height_drawn:
            whole = (self.page_height - BOTTOM) / self.height_drawn
            zoom = min(zoom, whole) if whole > self.readable_zoom else zoom
        self.set_zoom(zoom, self.names_height)

    def fit_whole(self) -> None:
        """All of it at once, however small, as far as ``MIN_ZOOM`` goes."""
        self.fit_width()
        wanted = self.height_drawn * self.zoom + BOTTOM
        if wanted > self.page_height:
            self.zoom_by((self.page_height - BOTTOM) / (wanted - BOTTOM), self.names_height)

    def left(self) -> float:
        """Pixels from the viewport's left edge to the drawing's."""
        spare = self.viewport().width() - self.width_drawn * self.zoom
        return spare / 2 if spare > 0 else -float(self.horizontalScrollBar().value())

    def y_at(self, pixel: float) -> float:
        """The drawing's height at a pixel of the viewport."""
        return (pixel - self.names_height + self.verticalScrollBar().value()) / self.zoom

    def show_span(self, top: float, bottom: float) -> None:
        """Scroll until a stretch of the drawing's height is in sight."""
        bar = self.verticalScrollBar()
        if top * self.zoom < bar.value():
            bar.setValue(math.floor(top * self.zoom))
        elif bottom * self.zoom > bar.value() + self.page_height:
            bar.setValue(math.ceil(bottom * self.zoom - self.page_height))

    def _update_bars(self) -> None:
        bar, side = self.verticalScrollBar(), self.horizontalScrollBar()
        bar.setRange(0, max(0, math.ceil(self.height_drawn * self.zoom + BOTTOM - self.page_height)))
        bar.setPageStep(max(1, self.page_height))
        bar.setSingleStep(max(1, round(24 * self.zoom)))
        side.setRange(0, max(0, math.ceil(self.width_drawn * self.zoom - self.viewport().width())))
        side.setPageStep(self.viewport().width())
        side.setSingleStep(24)

    # Qt

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        self.viewport().update()
