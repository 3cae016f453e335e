"""A line at one value: its label is whole wherever the line lies."""

from __future__ import annotations

import pyqtgraph as pg
import pytest

from resnet_studio.ui.plots.axes import LevelLine


@pytest.mark.parametrize("position", [0.0, 0.99])
@pytest.mark.parametrize("height", [120, 600])
@pytest.mark.parametrize("value", [1.0, 50.0, 90.0, 99.5])
def test_the_label_is_inside_the_plot(qtbot, position, height, value):
    view = pg.PlotWidget()
    qtbot.addWidget(view)
    view.resize(400, height)
    view.setYRange(0, 100, padding=0)
    line = LevelLine(position=position)
    view.addItem(line, ignoreBounds=True)
    line.setValue(value)
    line.label.setFormat("chance 90.0 %")
    line.setVisible(True)
    view.show()
    qtbot.waitExposed(view)
    view.grab()
    plot = view.plotItem.vb.sceneBoundingRect()
    label = line.label.mapRectToScene(line.label.boundingRect())
    at = line.mapToScene(0.0, 0.0).y()
    assert plot.top() - 1 <= label.top() <= label.bottom() <= plot.bottom() + 1
    above = abs(label.bottom() - at) < 2
    assert above or abs(label.top() - at) < 2, "it touches its line"
    assert above == (at - plot.top() >= label.height())
