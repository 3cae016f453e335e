"""A sentence across the top of the window, with at most one thing to do about it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QWidget

from resnet_studio.domain.visible_text import visible
from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_row


class Banner(QFrame):
    """Hidden while it has nothing to say. ``acted`` is emitted with the key of the notice whose button was pressed."""

    acted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "banner", role="banner")
        self._notices: dict[str, tuple[str, str, str]] = {}
        self._text = named(QLabel(wordWrap=True), "banner_text")
        self._text.setTextFormat(Qt.TextFormat.PlainText)  # it names files and runs
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._act = named(QPushButton(), "banner_button")
        self._close = named(QPushButton(_("Dismiss")), "banner_dismiss")
        in_row((self._text, 1), self._act, self._close, of=self, margins=(14, 6, 8, 6))
        self._act.clicked.connect(self._on_act)
        self._close.clicked.connect(self._on_close)
        self._show_last()

    def show_notice(self, key: str, sentence: str, *, kind: str = "info", action: str = "") -> None:
        """Show a notice; one with the same ``key`` is replaced. Kinds: info, warning, error."""
        self._notices.pop(key, None)
        self._notices[key] = (sentence, kind, action)
        self._show_last()

    def say_instead(self, key: str, sentence: str) -> None:
        """Give a notice another sentence, in its place, unless it was withdrawn or dismissed."""
        if key in self._notices:
            self._notices[key] = (sentence, *self._notices[key][1:])
            self._show_last()

    def withdraw(self, key: str) -> None:
        if self._notices.pop(key, None):
            self._show_last()

    @property
    def sentence(self) -> str:
        """What is shown now, empty when hidden."""
        return next(reversed(self._notices.values()))[0] if self._notices else ""

    def _show_last(self) -> None:
        if self._notices:
            sentence, kind, action = next(reversed(self._notices.values()))
            self._text.setText(visible(sentence))
            self._act.setText(action)
            self._act.setVisible(bool(action))
            if self.property("kind") != kind:
                self.setProperty("kind", kind)
                self.style().unpolish(self)
                self.style().polish(self)
        self.setVisible(bool(self._notices))

    @Slot()
    def _on_act(self) -> None:
        if self._notices:
            self.acted.emit(next(reversed(self._notices)))

    @Slot()
    def _on_close(self) -> None:
        if self._notices:
            self.withdraw(next(reversed(self._notices)))
