"""Who claims what, and the learner's own words."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from resnet_studio.studies.lessons.claims import CLAIMS, Claim
from resnet_studio.studies.lessons.rows import StepRow
from resnet_studio.text import _
from resnet_studio.ui.pages.lessons.course import Course
from resnet_studio.ui.pages.lessons.experiment import ExperimentView
from resnet_studio.ui.widgets.accessible_names import named, set_role
from resnet_studio.ui.widgets.layouts import in_column, in_row, scrolled


class _ClaimRow(QWidget):
    """A sentence, two answers, and once one is given, why."""

    def __init__(self, claim: Claim) -> None:
        super().__init__()
        self.claim = claim
        self.setProperty("role", "clear")
        self.sentence = QLabel(_(claim.sentence), wordWrap=True)
        self.why = named(QLabel(wordWrap=True), f"lesson_why_{claim.key}", role="muted")
        self.buttons = {
            True: named(QPushButton(_("The paper says so")), f"lesson_paper_{claim.key}"),
            False: named(QPushButton(_("It does not")), f"lesson_others_{claim.key}"),
        }
        self.group = QButtonGroup(self)
        top = in_row((self.sentence, 1), spacing=6)
        for button in self.buttons.values():
            button.setCheckable(True)
            self.group.addButton(button)
            top.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        in_column(top, self.why, of=self, margins=(0, 2, 0, 4), spacing=2)
        self.why.hide()

    def show_answer(self, paper: bool) -> None:
        self.buttons[paper].setChecked(True)
        right = paper == self.claim.paper
        wrong = _("Not right, the paper says so.") if self.claim.paper else _("Not right, the paper does not say so.")
        verdict = _("Right.") if right else wrong
        self.why.setText(_("{verdict} {why}", verdict=verdict, why=_(self.claim.why)))
        set_role(self.why, "ok" if right else "error")
        self.why.show()


class ClaimsView(ExperimentView):
    """Answers and words are kept as they are given."""

    def __init__(self, course: Course, step: StepRow, parent: QWidget | None = None) -> None:
        super().__init__(step.key, parent)
        self.course = course
        self.button.hide()
        holder = named(QWidget(), role="clear")
        column = in_column(of=holder, margins=(0, 0, 6, 0), spacing=4)
        self.rows = {claim.key: _ClaimRow(claim) for claim in CLAIMS}
        for key, row in self.rows.items():
            for paper, button in row.buttons.items():
                button.clicked.connect(partial(self.answer, key, paper))
            column.addWidget(row)
        column.addStretch(1)
        scroll = scrolled(holder)
        self.own = named(QPlainTextEdit(course.place.words), "lesson_own_words", accessible=_("In your own words"))
        self.own.setPlaceholderText(_("In your own words: what is degradation, and what does a shortcut change?"))
        self.own.setTabChangesFocus(True)
        self.own.setFixedHeight(64)
        self.own.textChanged.connect(lambda: self.course.place.set_words(self.own.toPlainText()))
        self.body.addWidget(scroll, 1)
        self.body.addWidget(self.own)
        self._show_known()

    def activate(self) -> None:
        self._show_known()

    @Slot()
    def answer(self, key: str, paper: bool, _checked: bool = False) -> None:
        """``paper``: the paper is held to say it."""
        self.course.place.set_answers({**self.course.place.answers, key: paper})
        self._show_known()
        if len(self.course.place.answers) == len(CLAIMS):
            self.done.emit()

    def _show_known(self) -> None:
        answers = self.course.place.answers
        for key, paper in answers.items():
            self.rows[key].show_answer(paper)
        right = sum(answers.get(claim.key) == claim.paper for claim in CLAIMS)
        self.state.show_text(
            _("{right} of {all} right.", right=right, all=len(CLAIMS)) if len(answers) == len(CLAIMS)
            else _("{count} of {all} answered.", count=len(answers), all=len(CLAIMS))
        )  # fmt: skip
