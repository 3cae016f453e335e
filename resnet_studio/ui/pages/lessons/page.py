"""Lessons: five of about three minutes, each a few steps of text, formula and an experiment that runs here and now."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QWidget,
)

from resnet_studio.studies.lessons.cohorts import LessonSizes
from resnet_studio.studies.lessons.rows import (
    LESSONS,
    Claims,
    LessonRow,
    Measure,
    Predict,
    Prices,
    Race,
    StepRow,
    TrainOn,
    find_step,
)
from resnet_studio.text import _
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.lessons.claims_view import ClaimsView
from resnet_studio.ui.pages.lessons.course import Course
from resnet_studio.ui.pages.lessons.experiment import ExperimentView
from resnet_studio.ui.pages.lessons.measure_view import MeasureView
from resnet_studio.ui.pages.lessons.race_view import RaceView, TrainOnView
from resnet_studio.ui.pages.lessons.step_panel import StepPanel
from resnet_studio.ui.pages.lessons.tables_view import PricesView
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named, set_role
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.layouts import STRETCH, Gap, framed_panel, in_column, in_row, in_splitter


class LessonsPage(Page):
    """The place is kept, so that a lesson can be left at any step. ``sizes``: of the experiments."""

    def __init__(
        self,
        services: Services,
        row: PageRow,
        parent: QWidget | None = None,
        *,
        sizes: LessonSizes | None = None,
    ) -> None:
        super().__init__(services, row, parent)
        self.course = Course(services, sizes or LessonSizes(), self)
        self.place = self.course.place
        self._views: dict[str, ExperimentView] = {}
        self._build()
        self.course.watch_requested.connect(self._on_watch)
        self._show(keep=False)

    # Where

    @property
    def lesson(self) -> LessonRow:
        return self.place.lesson

    @property
    def step(self) -> StepRow:
        return self.lesson.steps[self.place.step_of(self.lesson)]

    @property
    def view(self) -> ExperimentView:
        """The experiment of the step that is shown."""
        return self._view(self.step)

    def show_step(self, key: str) -> None:
        """Raises KeyError if there is no such step."""
        lesson, place = find_step(key)
        self.place.go_to(lesson, place)
        self._show()

    def activate(self) -> None:
        self._show()

    @Slot()
    def next_step(self) -> None:
        """Of the next lesson, behind the last step; behind the last lesson the raced nets are shown on Inside."""
        lesson, place = self.lesson, self.place.step_of(self.lesson)
        if place + 1 < len(lesson.steps):
            self.place.go_to(lesson, place + 1)
        elif lesson is not LESSONS[-1]:
            self.place.go_to(LESSONS[LESSONS.index(lesson) + 1], 0)
        else:
            self.services.navigator.look_inside([run.id for run in self.course.trained])
            return
        self._show()

    @Slot()
    def step_before(self) -> None:
        lesson, place = self.lesson, self.place.step_of(self.lesson)
        if place:
            self.place.go_to(lesson, place - 1)
        elif lesson is not LESSONS[0]:
            before = LESSONS[LESSONS.index(lesson) - 1]
            self.place.go_to(before, len(before.steps) - 1)
        self._show()

    def _on_lesson(self, lesson: LessonRow) -> None:
        self.place.go_to(lesson, self.place.step_of(lesson))
        self._show()

    # Showing

    def _view(self, step: StepRow) -> ExperimentView:
        if step.key not in self._views:
            view = self._views[step.key] = self._make(step)
            view.done.connect(partial(self._on_done, step))
            view.status_message.connect(self.message)
            view.step_requested.connect(self.show_step)
            self.experiments.addWidget(view)
        return self._views[step.key]

    def _make(self, step: StepRow) -> ExperimentView:
        what = step.experiment
        if isinstance(what, Measure):
            return MeasureView(self.course, step, what)
        if isinstance(what, Predict | Race):
            return RaceView(self.course, step)
        if isinstance(what, TrainOn):
            return TrainOnView(self.course, step)
        assert isinstance(what, Prices | Claims)
        return PricesView(self.course, step) if isinstance(what, Prices) else ClaimsView(self.course, step)

    def _show(self, *, keep: bool = True) -> None:
        """``keep``: this is where the learner is now."""
        lesson, step = self.lesson, self.step
        place = self.place.step_of(lesson)
        if keep:
            self.place.go_to(lesson, place)
        self.text.show_step(step, self.course.fields, done=step.key in self.place.done)
        view = self._view(step)
        self.experiments.setCurrentWidget(view)
        view.activate()
        self.question.show_text(_(lesson.question))
        self.counter.setText(_("Step {place} of {all}", place=place + 1, all=len(lesson.steps)))
        first, last = lesson is LESSONS[0] and not place, place + 1 == len(lesson.steps)
        self.back_button.setEnabled(not first)
        after = _("Look further inside") if lesson is LESSONS[-1] else _("Next lesson")
        self.next_button.setText(after if last else _("Next"))
        self._show_marks()

    def _show_marks(self) -> None:
        """What of each lesson is done."""
        for number, lesson in enumerate(LESSONS, start=1):
            button = self.buttons[lesson.key]
            done = sum(step.key in self.place.done for step in lesson.steps)
            numbers = {"number": number, "title": _(lesson.title), "done": done, "all": len(lesson.steps)}
            if done == len(lesson.steps):
                button.setText(_("{number}  {title}  ✓", **numbers))
            elif done:
                button.setText(_("{number}  {title}  {done}/{all}", **numbers))
            else:
                button.setText(_("{number}  {title}", **numbers))
            button.setChecked(lesson is self.lesson)
        set_role(self.next_button, "primary" if self.step.key in self.place.done else "")
        steps = self.lesson.steps
        here = self.place.step_of(self.lesson)
        signs = [
            "●" if place == here else "✓" if step.key in self.place.done else "○" for place, step in enumerate(steps)
        ]
        self.dots.setText(" ".join(signs))

    def _on_done(self, step: StepRow) -> None:
        if self.place.set_done(step):
            self._show_marks()
            if step is self.step:
                self.text.show_done(True)

    @Slot()
    def _on_watch(self) -> None:
        self.services.navigator.show_training()

    # Building

    def _build(self) -> None:
        head = in_row(named(QLabel(self.row.title), role="title"), Gap(10))
        self.question = named(ElidedLabel(), "lesson_question", role="muted")
        head.addWidget(self.question, 1)
        self.buttons: dict[str, QPushButton] = {}
        self.group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(8)
        for lesson in LESSONS:
            button = named(QPushButton(), f"lesson_{lesson.key}", tip=_(lesson.question))
            button.setCheckable(True)
            button.clicked.connect(partial(self._on_lesson_clicked, lesson))
            self.group.addButton(button)
            self.buttons[lesson.key] = button
            row.addWidget(button, 1)
        self.text = StepPanel(self.services.theme)
        self.text.term_requested.connect(lambda key: self.services.navigator.explain(key))
        self.experiments = QStackedWidget()
        left, right = (framed_panel(part, margins=(12, 10, 12, 10)) for part in (self.text, self.experiments))
        left.setMinimumWidth(330)
        columns = in_splitter((left, 2), (right, 3), sizes=(400, 760))
        self.back_button = named(QPushButton(_("Back")), "lesson_back")
        self.next_button = named(QPushButton(_("Next")), "lesson_next")
        self.counter = named(QLabel(), "lesson_counter", role="muted")
        self.dots = named(QLabel(), "lesson_dots", role="muted")
        foot = in_row(self.back_button, self.next_button, Gap(6), self.dots, self.counter, STRETCH, spacing=10)
        self.back_button.clicked.connect(self.step_before)
        self.next_button.clicked.connect(self.next_step)
        in_column(head, row, (columns, 1), foot, of=self, margins=(16, 12, 16, 12), spacing=8)

    def _on_lesson_clicked(self, lesson: LessonRow, _checked: bool = False) -> None:
        self._on_lesson(lesson)
