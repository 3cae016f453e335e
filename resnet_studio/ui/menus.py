"""QActions from the table, in menus, enabled by their rules."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from resnet_studio.ui.actions import Action, WindowState
from resnet_studio.ui.theme import Theme


class Menus(QObject):
    """Builds the menu bar of ``window``; each action calls its handler."""

    fired = Signal(str)

    def __init__(self, window: QMainWindow, handlers: dict[Action, Callable[[], object]], theme: Theme) -> None:
        """Every action of the table needs a handler.

        Raises:
            KeyError: If one has none.
        """
        super().__init__(window)
        self._theme = theme
        self._handlers = {action: handlers[action] for action in Action}
        self.actions: dict[Action, QAction] = {}
        menus: dict[str, QMenu] = {}
        groups: dict[str, QActionGroup] = {}
        for action in Action:
            row = action.row
            if row.menu not in menus:
                menus[row.menu] = window.menuBar().addMenu(row.menu)
                menus[row.menu].setToolTipsVisible(True)
            if row.new_section:
                menus[row.menu].addSeparator()
            item = QAction(row.text, window, toolTip=row.tip, statusTip=row.tip)
            item.setObjectName(action.object_name)
            if row.shortcut:
                item.setShortcut(QKeySequence(row.shortcut))
                item.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            if row.group:
                item.setCheckable(True)
                groups.setdefault(row.group, QActionGroup(window)).addAction(item)
            if action is Action.QUIT:
                item.setMenuRole(QAction.MenuRole.QuitRole)
            elif action is Action.ABOUT:
                item.setMenuRole(QAction.MenuRole.AboutRole)
            item.setData(action.name)
            item.triggered.connect(self._on_triggered)
            menus[row.menu].addAction(item)
            window.addAction(item)  # shortcuts go on working in full screen
            self.actions[action] = item
        theme.changed.connect(self.load_icons)

    def apply(self, state: WindowState) -> None:
        """Enable what the rules allow."""
        for action, item in self.actions.items():
            item.setEnabled(action.row.rule(state))

    @Slot()
    def load_icons(self) -> None:
        for action, item in self.actions.items():
            if action.row.icon:
                item.setIcon(self._theme.icon(action.row.icon))

    @Slot()
    def _on_triggered(self) -> None:
        item = self.sender()
        if isinstance(item, QAction):
            self._handlers[Action[item.data()]]()
