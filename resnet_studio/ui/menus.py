"""The menu bar: the pages, and the table of actions, enabled by their rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from resnet_studio.text import _
from resnet_studio.ui.actions import MENUS, Action, ActionRow, WindowState
from resnet_studio.ui.pages.base import PageRow
from resnet_studio.ui.theme import Theme


class Menus(QObject):
    """Builds the menu bar of ``window``; each action calls its handler. ``page_chosen`` carries a page's key."""

    page_chosen = Signal(str)

    def __init__(
        self,
        window: QMainWindow,
        pages: Sequence[PageRow],
        handlers: dict[Action, Callable[[], object]],
        theme: Theme,
    ) -> None:
        """Every action of the table needs a handler.

        Raises:
            KeyError: If one has none.
        """
        super().__init__(window)
        self._window, self._theme = window, theme
        self._handlers = {action: handlers[action] for action in Action}
        self._menus: dict[str, QMenu] = {}
        for title in MENUS:
            self._menus[title] = window.menuBar().addMenu(title)
            self._menus[title].setToolTipsVisible(True)
        self.page_actions: dict[str, QAction] = {}
        for page in pages:
            row = ActionRow(page.menu_text, page.shortcut, _("&View"), page.tip)
            item = self.page_actions[page.key] = self._add(row, f"go_{page.key}_action")
            item.setData(page.key)
            item.triggered.connect(self._on_page)
        self.actions: dict[Action, QAction] = {}
        groups: dict[str, QActionGroup] = {}
        for action in Action:
            item = self.actions[action] = self._add(action.row, action.object_name)
            if action.row.group:
                item.setCheckable(True)
                groups.setdefault(action.row.group, QActionGroup(window)).addAction(item)
            item.setData(action.name)
            item.triggered.connect(self._on_action)
        self.actions[Action.QUIT].setMenuRole(QAction.MenuRole.QuitRole)
        self.actions[Action.ABOUT].setMenuRole(QAction.MenuRole.AboutRole)
        theme.changed.connect(self.load_icons)

    def _add(self, row: ActionRow, name: str) -> QAction:
        menu = self._menus[row.menu]
        if row.new_section:
            menu.addSeparator()
        item = QAction(row.text, self._window, toolTip=row.tip, statusTip=row.tip)
        item.setObjectName(name)
        if row.shortcut:
            item.setShortcut(QKeySequence(row.shortcut))
            item.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        menu.addAction(item)
        self._window.addAction(item)  # shortcuts go on working in full screen
        return item

    def add_menu(self, title: str, menu: QMenu) -> None:
        """At the end of the menu of that title."""
        self._menus[title].addSeparator()
        self._menus[title].addMenu(menu)

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
    def _on_page(self) -> None:
        item = self.sender()
        if isinstance(item, QAction):
            self.page_chosen.emit(item.data())

    @Slot()
    def _on_action(self) -> None:
        item = self.sender()
        if isinstance(item, QAction):
            self._handlers[Action[item.data()]]()
