"""The row of tools above the table: words beside the icons where there is room, icons alone where there is not."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from resnet_studio.ui.widgets.layouts import in_row

_FIELD = 200  # logical pixels that the field keeps
_SPACING = 6


class ToolRow(QWidget):
    """A field that takes the room left, then buttons; ``shrinking`` ones lose their words first."""

    def __init__(
        self, field: QWidget, shrinking: Sequence[QToolButton], others: Sequence[QToolButton], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._shrinking, self._others = tuple(shrinking), tuple(others)
        self._widths: dict[Qt.ToolButtonStyle, int] = {}
        field.setMinimumWidth(_FIELD)
        in_row((field, 1), *self._shrinking, *self._others, of=self, margins=0, spacing=_SPACING)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._measure()
        self._fit()

    @property
    def compact(self) -> bool:
        return self._shrinking[0].toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonIconOnly

    def _measure(self) -> None:
        """What the row takes with words, and what it takes without: the style sheet decides."""
        for style in (Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly):
            self._set_style(style)
            buttons = (*self._shrinking, *self._others)
            self._widths[style] = _FIELD + sum(button.sizeHint().width() + _SPACING for button in buttons)
        self.updateGeometry()

    def _set_style(self, style: Qt.ToolButtonStyle) -> None:
        for button in self._shrinking:
            button.setToolButtonStyle(style)

    def _fit(self) -> None:
        words = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        self._set_style(words if self._widths[words] <= self.width() else Qt.ToolButtonStyle.ToolButtonIconOnly)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._widths[Qt.ToolButtonStyle.ToolButtonIconOnly], super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._measure()  # the style sheet's fonts are known now
        self._fit()
