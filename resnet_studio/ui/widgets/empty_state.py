"""What a page shows in place of a view that has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import Gap, in_column

_WIDEST, _NARROWEST, _MARGIN = 460, 200, 12  # logical pixels


class EmptyState(QWidget):
    """A heading, a sentence and one button; ``pressed`` when it is pressed."""

    pressed = Signal()

    def __init__(self, heading: str, sentence: str, button: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._head = named(QLabel(heading, self), role="title")
        self._text = named(QLabel(sentence, self), role="muted")
        self.button = named(QPushButton(button, self), role="primary")
        self.button.clicked.connect(self.pressed)
        column = in_column(Gap(stretch=2), of=self, margins=_MARGIN, spacing=12)
        for widget in (self._head, self._text, self.button):
            if isinstance(widget, QLabel):
                widget.setAlignment(Qt.AlignmentFlag.AlignCenter)
                widget.setWordWrap(True)
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self._fit()

    def set_words(self, heading: str, sentence: str) -> None:
        if (heading, sentence) != (self._head.text(), self._text.text()):
            self._head.setText(heading)
            self._text.setText(sentence)
            self._fit()

    def _fit(self) -> None:
        """A wrapped label tells its height only for a known width."""
        width = max(_NARROWEST, min(_WIDEST, self.width() - 2 * _MARGIN))
        for label in (self._head, self._text):
            label.ensurePolished()
            if label.minimumWidth() > width:
                label.setMinimumWidth(0)  # a label takes the larger of both for its width
            height = label.heightForWidth(width)
            if height > 0 and (label.width(), label.height()) != (width, height):
                label.setFixedSize(width, height)

    def minimumSizeHint(self) -> QSize:
        return QSize(_NARROWEST + 2 * _MARGIN, max(1, super().minimumSizeHint().height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._fit()  # the style sheet's fonts are known now
        return done
