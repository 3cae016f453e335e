"""The text of a step: title, paragraphs, formulas with their words, and what to do now."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from resnet_studio.domain.glossary import terms_in
from resnet_studio.studies.lessons.rows import StepRow
from resnet_studio.text import _
from resnet_studio.ui.explain.window import words_html
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named, set_role
from resnet_studio.ui.widgets.formula import FormulaView
from resnet_studio.ui.widgets.layouts import in_column
from resnet_studio.ui.widgets.link_label import LinkLabel


class StepPanel(QScrollArea):
    """``show_step`` replaces what stood there; ``term_requested(key)`` when a word of the glossary is pressed."""

    term_requested = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.formulas: list[FormulaView] = []
        self.labels: list[QLabel] = []
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        named(self, "lesson_text", accessible=_("Text of the step"))

    def show_step(self, step: StepRow, fields: Mapping[str, object], *, done: bool = False) -> None:
        """``fields``: what the texts may name; the formulas' DEEP and SHALLOW are depths."""
        self.formulas, self.labels = [], []
        holder = named(QWidget(), role="clear")
        column = in_column(of=holder, margins=(0, 0, 8, 0), spacing=9)
        self._add(column, _(step.title), "heading")
        for paragraph in step.text:
            self._add(column, _(paragraph, **fields))
        for row in step.formulas:
            markup = row.markup.replace("DEEP", f"{{{fields['deep_depth']}}}")
            formula = FormulaView(self._theme, markup.replace("SHALLOW", f"{{{fields['shallow_depth']}}}"))
            self.formulas.append(formula)
            column.addSpacing(2)
            column.addWidget(formula)
            self._add(column, _(row.words, **fields), "muted")
        column.addSpacing(4)
        self.todo = self._add(column, _(step.todo, **fields), "heading")
        self.done = self._add(column, _("✓ Done. Go on, or do it again."), "heading")
        self._add_words(column, " ".join(label.text() for label in self.labels))
        column.addStretch(1)
        self.setWidget(holder)  # the one before is deleted
        self.show_done(done)

    def show_done(self, done: bool) -> None:
        """Whether what the step asks for has been done."""
        set_role(self.todo, "muted" if done else "heading")
        self.done.setVisible(done)

    def _add_words(self, column: QVBoxLayout, text: str) -> None:
        """Those of the glossary that stand in ``text``, each a link."""
        self.words = named(LinkLabel(wordWrap=True), "lesson_glossary", role="muted")
        found = terms_in(text)
        self.words.setText(words_html(found))
        self.words.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.words.linkActivated.connect(self.term_requested)
        if found:
            column.addSpacing(4)
            column.addWidget(self.words)

    def _add(self, column: QVBoxLayout, text: str, role: str = "") -> QLabel:
        label = named(QLabel(text, wordWrap=True, textFormat=Qt.TextFormat.PlainText), role=role)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.labels.append(label)
        column.addWidget(label)
        return label
