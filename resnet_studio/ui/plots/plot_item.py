"""What every plot of pyqtgraph is made without."""

from __future__ import annotations

from pyqtgraph import PlotItem
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

_POLISHED, _OWN_STYLE = Qt.WidgetAttribute.WA_WState_Polished, Qt.WidgetAttribute.WA_SetStyle


def without_menu(item: PlotItem) -> None:
    """No menu at the right button, no button for the range; ``item`` was made with ``enableMenu=False``.

    The menu's 44 widgets hold the item's settings and stay; nobody sees them, so no theme has to style them.
    """
    item.hideButtons()
    for widget in [item.ctrlMenu, *item.ctrlMenu.findChildren(QWidget)]:
        widget.ensurePolished()  # once; never again without this:
        widget.setAttribute(_POLISHED, False)
        widget.setAttribute(_OWN_STYLE)
