"""The actions of the Runs page as Qt has them: made from the table, enabled by its rules."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from resnet_studio.text import _
from resnet_studio.ui.pages.runs.actions import ENTRIES, MENU, RunAction, Situation
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.plain_tip import set_tip

_IN_TABLE = frozenset({"Return", "Del", "F2", "Ctrl+C"})  # keys that mean something else in a text field


class Toolbox(QObject):
    """``requested(action)`` when one is triggered by button, menu or key. Colours are a menu of their own."""

    requested = Signal(object)

    def __init__(self, page: QWidget, table: QWidget, theme: Theme) -> None:
        super().__init__(page)
        self._page, self._theme = page, theme
        self.colour_menu = QMenu(_("Colour"), page)
        self.actions: dict[RunAction, QAction] = {}
        for kind, entry in ENTRIES.items():
            action = self.colour_menu.menuAction() if kind is RunAction.COLOUR else QAction(entry.text, page)
            action.setObjectName(f"runs_{kind.value}_action")
            action.setData(kind)
            if entry.shortcut:
                action.setShortcut(QKeySequence(entry.shortcut))
            in_table = entry.shortcut in _IN_TABLE
            action.setShortcutContext(
                Qt.ShortcutContext.WidgetShortcut if in_table else Qt.ShortcutContext.WidgetWithChildrenShortcut
            )
            (table if in_table else page).addAction(action)
            if kind is not RunAction.COLOUR:
                action.triggered.connect(self._on_triggered)
            self.actions[kind] = action
        self.actions[RunAction.DETAILS].setCheckable(True)
        theme.changed.connect(self._paint)
        self._paint()
        self.set_situation(Situation())

    def set_situation(self, situation: Situation) -> None:
        """Enable what the rules allow; a disabled action's tip says why."""
        for kind, action in self.actions.items():
            entry = ENTRIES[kind]
            reason = entry.why_not(situation)
            action.setEnabled(not reason)
            keys = f" ({QKeySequence(entry.shortcut).toString(QKeySequence.SequenceFormat.NativeText)})"
            # the button may show its icon alone
            set_tip(action, f"{entry.text}: {reason or entry.tip + (keys if entry.shortcut else '')}")

    def button(self, kind: RunAction) -> QToolButton:
        button = named(QToolButton(self._page), f"runs_{kind.value}_button", role="button")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(16, 16))
        button.setDefaultAction(self.actions[kind])
        return button

    def menu(self) -> QMenu:
        menu = QMenu(self._page)
        menu.setToolTipsVisible(True)
        for kind in MENU:
            if kind is None:
                menu.addSeparator()
            else:
                menu.addAction(self.actions[kind])
        return menu

    def _paint(self) -> None:
        for kind, action in self.actions.items():
            role = Role.ERROR if kind is RunAction.DELETE else Role.TEXT
            action.setIcon(self._theme.icon(ENTRIES[kind].icon, role))

    def _on_triggered(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.requested.emit(action.data())
