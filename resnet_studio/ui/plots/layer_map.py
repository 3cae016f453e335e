"""One run's heat map of depth and iteration, and titles that keep to their room."""

from __future__ import annotations

from html import escape

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF
from PySide6.QtWidgets import QApplication

from resnet_studio.ui.plots.axes import LayerAxis, PositionAxis
from resnet_studio.ui.plots.layer_colours import coloured
from resnet_studio.ui.plots.layer_grid import LayerGrid
from resnet_studio.ui.plots.panels import PlottedRun
from resnet_studio.ui.plots.plot_item import without_menu

NAME = 17.0  # pixels of an axis' name
TITLE = 20.0  # pixels of a title's height
_TITLE_POINTS = 9
_TITLE_MARGIN = 10.0  # pixels, of the document that pyqtgraph writes a title in


class LayerMap:
    """One run's heat map."""

    def __init__(self, run: PlottedRun) -> None:
        self.run = run
        self.grid: LayerGrid | None = None
        self.bottom, self.left = PositionAxis(), LayerAxis()
        self.item = pg.PlotItem(axisItems={"bottom": self.bottom, "left": self.left}, enableMenu=False)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.line = pg.InfiniteLine(angle=90, movable=False)
        self.line.setVisible(False)
        quiet(self.item)
        title_over_all(self.item)
        self.item.addItem(self.image)
        self.item.addItem(self.line, ignoreBounds=True)
        self.item.getViewBox().invertY(True)

    def place(self, *, ticks: bool, named: bool, first: bool, height: float, layers: float) -> None:
        """How axes look and what room they take.

        Args:
            ticks: Whether numbers stand below the map.
            named: Whether there is room for the names of axes.
            first: Whether it is the leftmost, which alone names the layers.
            height: Of what is below the map, in pixels.
            layers: Width of the labels of layers, in pixels.
        """
        self.bottom.setStyle(showValues=ticks)
        self.bottom.showLabel(ticks and named)
        self.bottom.setHeight(height if ticks else 0)
        self.left.showLabel(first and named)
        self.left.setWidth(layers + (NAME if first and named else 0))

    def draw(self, span: tuple[float, float] | None, right: float) -> None:
        grid = self.grid
        self.image.setVisible(grid is not None and span is not None)
        layers = self.run.depth if grid is None else grid.layers
        self.left.set_layers(layers)
        if grid is not None and span is not None:
            self.image.setImage(coloured(grid.values, span), autoLevels=False, levels=(0, 255))
            self.image.setRect(QRectF(grid.left, 0.5, grid.right - grid.left, layers))
        self.item.getViewBox().setRange(xRange=(0.0, right), yRange=(0.5, layers + 0.5), padding=0)


def quiet(item: pg.PlotItem) -> None:
    """No menu, no zoom, no margins: everything is always shown."""
    without_menu(item)
    box = item.getViewBox()
    box.disableAutoRange()
    box.setMouseEnabled(False, False)
    box.setDefaultPadding(0.0)


def title_over_all(item: pg.PlotItem) -> None:
    """Give the title the width of the labels at the left, too."""
    item.layout.removeItem(item.titleLabel)
    item.layout.addItem(item.titleLabel, 0, 0, 1, 2)


def entitle(item: pg.PlotItem, room: float, name: str, number: str, colour: QColor) -> None:
    """Fit ``name`` and ``number`` into ``room`` pixels, for a wider title would widen the plot; the number whole."""
    font = QFont(QApplication.font())
    font.setPointSize(_TITLE_POINTS)
    metrics = QFontMetricsF(font)
    number = f"  {number}" if number else ""
    left = room - metrics.horizontalAdvance(number) - _TITLE_MARGIN
    text = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, max(left, 0.0)) + number
    if (text, colour) != getattr(item, "shown_title", None):
        item.shown_title = text, colour
        item.setTitle(escape(text), color=colour, size=f"{_TITLE_POINTS}pt")  # pyqtgraph takes titles for HTML
        item.titleLabel.setMaximumHeight(TITLE)
        item.layout.setRowFixedHeight(0, TITLE)
