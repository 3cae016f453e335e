"""Pages are made from the outside in: what is in them is not styled anew with each layer around it."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.ui.page_stack import PageStack
from resnet_studio.ui.pages.rows import PAGES
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.run_plot import RunPlot
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.field_row import FieldRow

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.mark.parametrize(
    ("page", "inner", "most"),
    [("design", FieldRow, 0), ("compare", RunPlot, 0), ("train", RunPlot, 1)],  # a tab moves what is put into it
)
def test_what_is_deep_in_a_page_is_hardly_styled_again(
    page: str, inner: type[QWidget], most: int, qtbot: QtBot, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    styled: Counter[str] = Counter()
    base = inner.changeEvent

    def count(widget: QWidget, event: QEvent) -> None:
        styled[widget.objectName() or str(id(widget))] += event.type() is QEvent.Type.StyleChange
        base(widget, event)

    monkeypatch.setattr(inner, "changeEvent", count, raising=False)
    stack = PageStack(services, PAGES)
    qtbot.addWidget(stack)
    widgets = stack.page(page).findChildren(inner)
    assert len(widgets) > 4
    assert max(styled.values(), default=0) <= most, styled


def test_plots_make_no_menus_that_nobody_sees(qtbot: QtBot, services: Services) -> None:
    stack = PageStack(services, PAGES)
    qtbot.addWidget(stack)
    plots = stack.page("compare").findChildren(CurvePlot)
    assert plots
    for plot in plots:
        item = plot._view.getPlotItem()
        assert item.getViewBox().menu is None
        assert not item.menuEnabled()
