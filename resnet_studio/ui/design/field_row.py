"""One row of the form: title, editor, unit, and the sentence that says what is wrong."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QLineEdit, QWidget

from resnet_studio.ui.design.fields import FormField
from resnet_studio.ui.widgets.naming import named

STEPS = {"network.depth": 6, "recipe.iterations": 100, "recipe.test_every": 50, "recipe.batch_size": 16}
TITLE_WIDTH, UNIT_WIDTH = 104, 62  # pixels
LONGEST = 18  # letters without a break in a sentence: more would widen the form
_LONG = re.compile(rf"\S{{{LONGEST + 1},}}")


class NumberEdit(QLineEdit):
    """A line of text; the up and down keys change a whole number in it."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step

    def keyPressEvent(self, event: QKeyEvent) -> None:
        sign = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        text = "".join(self.text().split())
        if sign is None or not text.isdecimal():
            super().keyPressEvent(event)
            return
        self.setText(str(max(0, int(text) + sign * self._step)))
        self.textEdited.emit(self.text())


class Choice(QComboBox):
    """A combo box that leaves the wheel to the form around it."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class FieldRow(QWidget):
    """``edited`` is emitted when a person changes the value, never when the program does."""

    edited = Signal(str)

    def __init__(self, field: FormField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self._editor: QLineEdit | Choice = self._make_editor()
        self._editor.setToolTip(_tip(field))
        self._editor.setAccessibleName(field.title)
        self._editor.setAccessibleDescription(field.help)
        title = QLabel(field.title)
        title.setToolTip(_tip(field))
        title.setFixedWidth(TITLE_WIDTH)
        title.setBuddy(self._editor)
        self._error = named(QLabel(wordWrap=True), f"error_{field.path}", role="error")
        self._error.hide()
        self._hint = named(QLabel(wordWrap=True), f"hint_{field.path}", role="muted")
        self._hint.hide()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.addWidget(title, 0, 0)
        grid.addWidget(self._editor, 0, 1, 1, 1 if field.unit else 2)
        if field.unit:
            unit = named(QLabel(field.unit), role="muted")
            unit.setFixedWidth(UNIT_WIDTH)
            grid.addWidget(unit, 0, 2)
        grid.addWidget(self._error, 1, 1, 1, 2)
        grid.addWidget(self._hint, 2, 1, 1, 2)
        grid.setColumnStretch(1, 1)

    def _make_editor(self) -> QLineEdit | Choice:
        if self.field.choices:
            box = named(Choice(), f"field_{self.field.path}")
            box.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
            box.addItems(list(self.field.choices))
            box.textActivated.connect(self._on_edited)
            return box
        line: QLineEdit = NumberEdit(STEPS.get(self.field.path, 1)) if self.field.path != "name" else QLineEdit()
        named(line, f"field_{self.field.path}")
        if self.field.path == "name":
            line.setPlaceholderText("made from the network")
        elif self.field.path == "recipe.milestones":
            line.setPlaceholderText("none")
        line.textEdited.connect(self._on_edited)
        return line

    @property
    def text(self) -> str:
        return self._editor.currentText() if isinstance(self._editor, Choice) else self._editor.text()

    def set_text(self, text: str) -> None:
        """Show a value; the cursor stays where it is if nothing changes."""
        if text == self.text:
            return
        if isinstance(self._editor, Choice):
            self._editor.setCurrentText(text)
        else:
            self._editor.setText(text)
            self._editor.setCursorPosition(0)

    def offer(self, choices: tuple[str, ...]) -> None:
        """Only these choices of an enum make sense now; the field is inert where there is only one."""
        if isinstance(self._editor, Choice):
            now = self._editor.currentText()
            self._editor.clear()
            self._editor.addItems(list(choices))
            self._editor.setCurrentText(now if now in choices else choices[0])
            self._editor.setEnabled(len(choices) > 1)

    def lock(self, why: str) -> None:
        """The value follows from another field; ``why`` is its tool tip."""
        if isinstance(self._editor, QLineEdit):
            self._editor.setReadOnly(True)
            self._editor.setEnabled(False)
            self._editor.setToolTip(why)

    def tell(self, sentence: str) -> None:
        """What is wrong with the value; empty where nothing is."""
        if sentence and isinstance(self._editor, QLineEdit) and not self.text.strip() and "number" in sentence:
            sentence = f"Enter a {'whole ' if 'whole' in sentence else ''}number."
        sentence = _LONG.sub(lambda found: f"{found.group()[:LONGEST]}…", sentence)
        self._error.setText(
            sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith(".") or not sentence else ".")
        )
        self._error.setVisible(bool(sentence))
        wrong = "true" if sentence else "false"
        if self._editor.property("wrong") != wrong:
            self._editor.setProperty("wrong", wrong)
            self._editor.style().unpolish(self._editor)
            self._editor.style().polish(self._editor)

    def hint(self, sentence: str) -> None:
        """A gentle remark on a value that is allowed."""
        self._hint.setText(sentence)
        self._hint.setVisible(bool(sentence))

    @property
    def sentence(self) -> str:
        return self._error.text()

    @Slot(str)
    def _on_edited(self, _text: str) -> None:
        self.edited.emit(self.field.path)


def _tip(field: FormField) -> str:
    return f"{field.help} {field.bounds}".strip().rstrip(",")
