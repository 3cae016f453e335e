"""What every experiment of a lesson has: what it says, what it shows, a button, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.layouts import in_column


class ExperimentView(QWidget):
    """An experiment of a lesson.

    ``done`` when it has been carried out, ``status_message(sentence)``, ``step_requested(key)`` where another step
    has to come first.
    """

    done = Signal()
    status_message = Signal(str)
    step_requested = Signal(str)

    def __init__(self, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self.said: tuple[str, ...] = ()
        self.words = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), f"lesson_words_{key}")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.error = named(QLabel(wordWrap=True), f"lesson_error_{key}", role="error")
        self.error.setTextFormat(Qt.TextFormat.PlainText)
        self.button = named(QPushButton(), f"lesson_button_{key}", role="primary")
        self.progress = named(QProgressBar(), f"lesson_progress_{key}", accessible=_("Progress"))
        self.state = named(ElidedLabel(), f"lesson_state_{key}", role="muted")
        self.body = QVBoxLayout()
        self.body.setSpacing(6)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(10)
        column = in_column(self.progress, self.state, spacing=3)
        self.foot.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.foot.addLayout(column, 1)
        in_column(self.words, (self.body, 1), self.error, self.foot, of=self, margins=0, spacing=8)
        self.button.clicked.connect(self.on_button)
        self.say(())
        self.show_error("")
        self.show_progress(None, running=False)

    def activate(self) -> None:
        """The step is shown."""

    @Slot()
    def on_button(self) -> None:
        """Start, stop, or what the button says."""

    def say(self, sentences: Sequence[str]) -> None:
        """What the numbers show; empty: nothing yet."""
        self.said = tuple(sentences)
        lines = "\n".join(f"• {sentence}" for sentence in self.said)
        self.words.setText(lines.replace(" %", "\u00a0%"))  # a number keeps its unit where a line ends
        self.words.setVisible(bool(self.said))

    def show_error(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))

    def show_progress(self, fraction: float | None, *, running: bool) -> None:
        """``fraction`` in 0..1, None where it is not known."""
        self.progress.setVisible(running)
        self.progress.setRange(0, 0 if fraction is None else 1000)
        self.progress.setValue(round(1000 * (fraction or 0.0)))
