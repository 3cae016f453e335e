"""One row of the form: title, editor, unit, and the sentence that says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QLineEdit, QPushButton, QWidget

from resnet_studio.domain.glossary import FIELD_TERMS
from resnet_studio.text import _
from resnet_studio.ui.explain.formula import field_tip
from resnet_studio.ui.explain.term import set_term
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.plain_tip import plain_tip, set_tip
from resnet_studio.ui.widgets.spec_fields import FormField

STEPS = {"recipe.iterations": 100, "recipe.test_every": 50, "recipe.layers_every": 25, "recipe.batch_size": 16}
PLACEHOLDERS = {
    "name": _("made from the network"),
    "recipe.milestones": "none",
    "network.depth": "–",
    "network.stages": _("by depth; or 3, 4, 6, 3"),
    "network.widths": _("doubled; or 16, 32, 64"),
}
NO_RUN = _("fresh weights")
TITLE_WIDTH, UNIT_WIDTH = 104, 62  # pixels
LONGEST = 18  # letters without a break in a sentence: more would widen the form
_LONG = re.compile(rf"\S{{{LONGEST + 1},}}")


class NumberEdit(QLineEdit):
    """A line of text; the up and down keys change a whole number in it: by ``step``, or along ``ladder``."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step
        self.ladder: tuple[int, ...] = ()

    def _next(self, value: int, sign: int) -> int:
        if not self.ladder:
            return max(0, value + sign * self._step)
        if sign > 0:
            return next((rung for rung in self.ladder if rung > value), self.ladder[-1])
        return next((rung for rung in reversed(self.ladder) if rung < value), self.ladder[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        sign = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        text = "".join(self.text().split())
        if sign is None or event.modifiers() & Qt.KeyboardModifier.AltModifier or not text.isdecimal():
            super().keyPressEvent(event)
            return
        self.setText(str(self._next(int(text), sign)))
        self.textEdited.emit(self.text())


class Choice(QComboBox):
    """A combo box that leaves the wheel to the form around it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def showPopup(self) -> None:
        """The list is as wide as its longest entry, however narrow the box is."""
        view = self.view()
        view.setTextElideMode(Qt.TextElideMode.ElideNone)
        wide = view.sizeHintForColumn(0) + view.verticalScrollBar().sizeHint().width() + 2 * view.frameWidth() + 8
        view.setMinimumWidth(max(self.width(), min(wide, 480)))
        super().showPopup()


class FieldRow(QWidget):
    """``edited`` is emitted when a person changes the value, never when the program does.

    The editor is a line of text, a box of choices, or (depth) a line with proposals; a box may show other words than
    the values it stands for (runs).
    """

    edited = Signal(str)
    cured = Signal(str)  # the button of a remedy was pressed

    def __init__(self, field: FormField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self._around: Choice | None = None  # the box around a line with proposals
        self._editor: QLineEdit | Choice = self._make_editor()
        self._tip = _tip(field)
        named(self._editor, tip=self._tip, accessible=field.title)
        set_term(self, next(iter(FIELD_TERMS.get(field.path, ())), ""))
        self._editor.setAccessibleDescription(field.help)
        title = named(QLabel(field.title, wordWrap=True), tip=self._tip)
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
        unit_beside = bool(field.unit) and not field.several
        grid.addWidget(title, 0, 0)
        grid.addWidget(self._around or self._editor, 0, 1, 1, 1 if unit_beside else 2)
        if unit_beside:
            unit = named(QLabel(field.unit), role="muted")
            unit.setFixedWidth(max(UNIT_WIDTH, unit.sizeHint().width()))
            grid.addWidget(unit, 0, 2)
        grid.addWidget(self._error, 1, 1, 1, 2)
        self._cure = named(QPushButton(), f"cure_{field.path}")
        self._cure.hide()
        self._cure.clicked.connect(lambda: self.cured.emit(field.path))
        grid.addWidget(self._hint, 2, 1, 1, 2)
        grid.addWidget(self._cure, 3, 0, 1, 3, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)

    def _make_editor(self) -> QLineEdit | Choice:
        path = self.field.path
        if self.field.choices or path == "start_from":
            box = named(Choice(), f"field_{path}")
            for value in self.field.choices or ("",):
                box.addItem(value or NO_RUN, value)
            box.textActivated.connect(self._on_edited)
            return box
        line: QLineEdit = QLineEdit() if path == "name" or self.field.several else NumberEdit(STEPS.get(path, 1))
        if path == "network.depth":
            self._around = Choice()
            self._around.setEditable(True)
            self._around.setMinimumWidth(64)  # Qt's own is that of a long line
            self._around.setLineEdit(line)
            self._around.setCompleter(None)  # type: ignore[arg-type]  # completing would type ahead of the person
            self._around.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            self._around.textActivated.connect(self._on_edited)
        named(line, f"field_{path}")
        line.setPlaceholderText(PLACEHOLDERS.get(path, ""))
        line.textEdited.connect(self._on_edited)
        return line

    @property
    def text(self) -> str:
        return str(self._editor.currentData()) if isinstance(self._editor, Choice) else self._editor.text()

    def set_text(self, text: str) -> None:
        """Show a value; the cursor stays where it is if nothing changes."""
        if text == self.text:
            return
        if isinstance(self._editor, Choice):
            if self._editor.findData(text) < 0:
                self._editor.addItem(text, text)
            self._editor.setCurrentIndex(self._editor.findData(text))
        else:
            self._editor.setText(text)
            self._editor.setCursorPosition(0)

    def offer(self, choices: Sequence[str] | Sequence[tuple[str, str]]) -> None:
        """Only these values make sense now, each shown as itself or in another (value, word).

        The field is inert where there is only one. A value that is none of them gives way to the first.
        """
        if not isinstance(self._editor, Choice):
            return
        pairs = [(choice, choice) if isinstance(choice, str) else choice for choice in choices]
        here = [(self._editor.itemData(i), self._editor.itemText(i)) for i in range(self._editor.count())]
        if here != pairs:
            now = self.text
            with QSignalBlocker(self._editor):
                self._editor.clear()
                for value, word in pairs:
                    self._editor.addItem(word, value)
                self._editor.setCurrentIndex(max(self._editor.findData(now), 0))
        self._editor.setEnabled(len(pairs) > 1)

    def propose(self, numbers: Sequence[int], ladder: Sequence[int]) -> None:
        """Numbers to choose from besides typing, and those that the up and down keys go along."""
        if isinstance(self._editor, NumberEdit):
            self._editor.ladder = tuple(ladder)
        if self._around is not None:
            texts = [str(number) for number in numbers]
            if texts != [self._around.itemText(i) for i in range(self._around.count())]:
                now, cursor = self.text, self._editor.cursorPosition() if isinstance(self._editor, QLineEdit) else 0
                with QSignalBlocker(self._around):
                    self._around.clear()
                    self._around.addItems(texts)
                    self._around.setEditText(now)
                if isinstance(self._editor, QLineEdit):
                    self._editor.setCursorPosition(cursor)

    def lock(self, why: str) -> None:
        """The value follows from another field; ``why`` is its tool tip. Empty: it is free."""
        widget = self._around or self._editor
        widget.setEnabled(not why)
        set_tip(self._editor, plain_tip(why) if why else self._tip)

    def show_error(self, sentence: str) -> None:
        """What is wrong with the value; empty where nothing is."""
        if sentence and isinstance(self._editor, QLineEdit) and not self.text.strip() and "number" in sentence:
            sentence = _("Enter a {value}number.", value=_("whole ") if "whole" in sentence else "")
        sentence = _LONG.sub(lambda found: f"{found.group()[:LONGEST]}…", sentence)
        self._error.setText(
            sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith(".") or not sentence else ".")
        )
        self._error.setVisible(bool(sentence))
        wrong = "true" if sentence else "false"
        widget = self._around or self._editor
        if widget.property("wrong") != wrong:
            widget.setProperty("wrong", wrong)
            widget.style().unpolish(widget)
            widget.style().polish(widget)

    def hint(self, sentence: str) -> None:
        """A gentle remark on a value that is allowed."""
        self._hint.setText(sentence)
        self._hint.setVisible(bool(sentence))

    def remedy(self, sentence: str, cure: str) -> None:
        """A remark on a value that is allowed but stands in the way, and the button that changes it; empty: neither."""
        self.hint(sentence)
        self._cure.setText(cure)
        self._cure.setVisible(bool(cure))

    @property
    def sentence(self) -> str:
        return self._error.text()

    @Slot(str)
    def _on_edited(self, _text: str) -> None:
        self.edited.emit(self.field.path)


def _tip(field: FormField) -> str:
    """Help, bounds, what the glossary has on it, and what the paper says."""
    paper = _("The paper: {paper}", paper=field.paper) if field.paper else ""
    return field_tip(field.path, f"{field.help} {field.bounds}".strip(), paper)
