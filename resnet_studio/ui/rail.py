"""The slim rail on the left: one button a page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton

from resnet_studio.ui.pages.base import PageRow
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named, set_role
from resnet_studio.ui.widgets.layouts import in_column

_BY_KEYS = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
_COMES_BACK = (  # from another window or a menu
    Qt.FocusReason.ActiveWindowFocusReason,
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
)


class _PageButton(QToolButton):
    """Has a ring where the focus came by keys; elsewhere it would look like a second marked page."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() not in _COMES_BACK:
            set_role(self, "ring" if event.reason() in _BY_KEYS else "")


class Rail(QFrame):
    """``chosen`` is emitted with a page's key when its button is pressed. Arrow keys move between the buttons."""

    chosen = Signal(str)

    def __init__(self, pages: Sequence[PageRow], theme: Theme) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(84)
        self._theme = theme
        self._icon_names = {page.key: page.icon for page in pages}
        self._icons_loaded = False
        self._buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        column = in_column(of=self, margins=(8, 12, 8, 12), spacing=6)
        for page in pages:
            button = named(_PageButton(), f"rail_{page.key}", tip=page.tip_with_keys, accessible=page.title)
            button.setText(page.title)
            button.setCheckable(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(24, 24))
            button.setFixedSize(68, 60)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self._group.addButton(button)
            self._buttons[page.key] = button
            column.addWidget(button)
        column.addStretch(1)
        self._group.buttonClicked.connect(self._on_clicked)
        theme.changed.connect(self.load_icons)

    def choose(self, key: str) -> None:
        """Mark a page as the one that is shown; the focus does not stay on another's button."""
        self._buttons[key].setChecked(True)
        focused = next((button for button in self._buttons.values() if button.hasFocus()), None)
        if focused is not None:
            by_keys = focused.property("role") == "ring"
            self._buttons[key].setFocus(_BY_KEYS[0] if by_keys else Qt.FocusReason.OtherFocusReason)
        if self._icons_loaded:
            self.load_icons()

    @Slot()
    def load_icons(self) -> None:
        """Called once the window is visible: the icon fonts take a fifth of a second."""
        self._icons_loaded = True
        for key, button in self._buttons.items():
            button.setIcon(self._theme.icon(self._icon_names[key], Role.ACCENT if button.isChecked() else Role.MUTED))

    @Slot(object)
    def _on_clicked(self, button: QToolButton) -> None:
        self.chosen.emit(button.objectName().removeprefix("rail_"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        focused = [i for i, button in enumerate(self._buttons.values()) if button.hasFocus()]
        if step is None or not focused:
            super().keyPressEvent(event)
            return
        buttons = list(self._buttons.values())
        buttons[(focused[0] + step) % len(buttons)].setFocus(Qt.FocusReason.TabFocusReason)
