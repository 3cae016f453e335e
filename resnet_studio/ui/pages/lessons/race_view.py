"""The race, before it, during it and after it; and the two nets that train on from what was built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QPushButton, QWidget

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.studies.learning import Stand, chance_error
from resnet_studio.studies.lessons import race_words
from resnet_studio.studies.lessons.cohorts import ROLES, race
from resnet_studio.studies.lessons.race_words import RaceEnd
from resnet_studio.studies.lessons.rows import Predict, Race, StepRow
from resnet_studio.studies.training_on import LESSON_TITLE, training_on, training_on_words
from resnet_studio.text import _
from resnet_studio.ui.pages.lessons.course import Course
from resnet_studio.ui.pages.lessons.experiment import ExperimentView
from resnet_studio.ui.pages.lessons.lesson_runs import LessonRuns
from resnet_studio.ui.pages.lessons.race_chart import RaceChart, Racer
from resnet_studio.ui.widgets.accessible_names import named, set_role

DRAW_MS = 100
_WINDOW = 25  # batches in the mean of a training curve
_TITLES = {Series.TRAINING_ERROR: _("training error, %"), Series.TEST_ERROR: _("test error, % (faint: training error)")}


class TrainingView(ExperimentView):
    """Runs of the lessons with their curves and one button; the drawing waits for a clock."""

    series = Series.TRAINING_ERROR

    def __init__(self, course: Course, step: StepRow, runs: LessonRuns, parent: QWidget | None = None) -> None:
        super().__init__(step.key, parent)
        self.course, self.step, self.runs = course, step, runs
        self.chart = RaceChart(course.services.theme)
        self.body.addWidget(self.chart, 1)
        self.second = named(QPushButton(), f"lesson_second_{step.key}")
        self.foot.addWidget(self.second)
        policy = self.second.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the chart keeps its height while an end is dragged
        self.second.setSizePolicy(policy)
        self.second.hide()
        self._drawer = QTimer(self, singleShot=True, interval=DRAW_MS)
        self._drawer.timeout.connect(self.draw)
        runs.changed.connect(self._on_changed)
        runs.failed.connect(self.show_error)
        course.services.controller.failed.connect(self._on_training_failed)

    def activate(self) -> None:
        self.draw()

    @Slot()
    def _on_changed(self) -> None:
        if self.isVisible() and not self._drawer.isActive():
            self._drawer.start()

    @Slot(str)
    def _on_training_failed(self, sentence: str) -> None:
        if self.runs.runs and self.isVisible():
            self.show_error(sentence)

    @Slot()
    def draw(self) -> None:
        """All of it, from what is known now."""
        raise NotImplementedError

    def show_state(self, start: str) -> None:
        """Button, progress and words on the runs; ``start`` is the button's where nothing runs."""
        runs = self.runs
        busy = runs.running or runs.waiting
        again = _("Go on") if runs.held else _("Resume") if runs.resumable else start
        text = _("Stop") if busy and not runs.held else again
        self.button.setText(text)
        self.button.setEnabled(not (runs.running and self.course.services.controller.stopping))
        self.show_progress(runs.fraction if runs.running else None, running=runs.running)
        self.state.show_text(runs.sentence)
        if busy:
            self.show_error("")
        elif runs.trouble:
            self.show_error(runs.trouble)

    def lines_of(
        self, roles: Sequence[str], runs: Sequence[RunRecord], series: Series | None = None
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Of the view's own series, or another."""
        series = series or self.series
        found = {}
        for role, run in zip(roles, runs, strict=False):
            buffer = self.runs.book.get(run.id, series)
            if buffer is not None:
                values = buffer.smoothed(_WINDOW) if series is Series.TRAINING_ERROR else buffer.values
                found[role] = (buffer.iterations.astype(np.float64), values.astype(np.float64))
        return found

    def begin(self) -> None:
        """Raises UserError."""
        raise NotImplementedError

    @Slot()
    def on_button(self) -> None:
        self.show_error("")
        try:
            if self.runs.held:
                self.course.services.controller.go_on()
            elif self.runs.running or self.runs.waiting:
                self.runs.stop()
            elif self.runs.resumable:
                self.runs.resume()
            else:
                self.begin()
        except UserError as error:
            self.show_error(str(error))
        self.draw()


class RaceView(TrainingView):
    """Predicted curves, and the true ones over them.

    In a step that predicts, the ends can be dragged until the race begins; likewise in one that races.
    """

    def __init__(self, course: Course, step: StepRow, parent: QWidget | None = None) -> None:
        super().__init__(course, step, course.race, parent)
        self.predicts = isinstance(step.experiment, Predict)
        if isinstance(step.experiment, Race):
            self.series = step.experiment.series
        self.chart.predicted.connect(self._on_predicted)
        self.second.clicked.connect(self._on_second)
        if self.predicts:
            self.button.hide()
        self.runs.ended.connect(self._on_ended)

    @property
    def _of_training(self) -> bool:
        return self.series is Series.TRAINING_ERROR

    def draw(self) -> None:
        sizes, runs = self.course.sizes, self.runs.runs
        networks = [run.spec.network for run in runs] if len(runs) == len(ROLES) else list(sizes.networks)
        names = [run.name for run in runs] if len(runs) == len(ROLES) else [network.label for network in networks]
        colours = [run.colour for run in runs] if len(runs) == len(ROLES) else [self.course.colour(n) for n in networks]
        self.chart.show_racers(
            [
                Racer(role, name, colour, network.residual)
                for role, name, colour, network in zip(ROLES, names, colours, networks, strict=True)
            ],
            runs[0].iterations if runs else sizes.recipe.iterations,
            100 - 100 / networks[0].classes,
            _TITLES[self.series],
        )
        predictions = self.course.place.predicted if self._of_training else {}
        self.chart.show_predictions(predictions, editable=not runs and self._of_training)
        end = self.course.race_end if self._of_training else None
        ends = {role: stand.error for role, stand in zip(ROLES, end.stands, strict=True)} if end is not None else {}
        self.chart.show_lines(self.lines_of(ROLES, runs), ends)
        self.chart.show_behind({} if self._of_training else self.lines_of(ROLES, runs, Series.TRAINING_ERROR))
        self._say()
        self._show_foot()
        if self.predicts and runs:  # too late to predict
            self.done.emit()
        if self.isVisible() and not self.predicts and self.course.race_end is not None:
            self.done.emit()

    def _say(self) -> None:
        end = self.course.race_end
        predicted = self.course.place.predicted
        if not self._of_training:
            early = () if self.runs.over else race_words.too_early(begun=bool(self.runs.runs))
            self.say(race_words.overfitting_words(end) if end is not None else early)
        elif end is not None:
            said = race_words.prediction_words(predicted, end.stands, ROLES)
            self.say((*said, *race_words.race_words(end)) if not self.predicts else said)
        elif self.runs.runs:
            stands = [stand for run in self.runs.runs if (stand := self.runs.stand(run)) is not None]
            self.say(race_words.while_racing(stands))
        else:
            self.say(())

    def _show_foot(self) -> None:
        if self.predicts:
            racing = bool(self.runs.runs)
            self.progress.hide()
            predicted = self.course.place.predicted
            self.second.setText(_("Begin again"))
            self.second.setToolTip(_("Forget the prediction"))
            self.second.setVisible(bool(predicted) and not racing)
            if racing:
                self.state.show_text(_("The race has begun: the prediction stays as it is."))
            elif len(predicted) < len(ROLES):
                self.state.show_text(
                    _("{count} of {all} predicted; the keys work too: ← → choose, ↑ ↓ move.", count=len(predicted),
                      all=len(ROLES))
                )  # fmt: skip
            else:
                self.state.show_text(_("Kept. It can be changed until the race begins."))
            return
        self.show_state(_("Start the race") if not self.runs.runs else _("Race again, next seed"))
        set_role(self.button, "" if self.runs.over else "primary")
        if not self.runs.runs:
            self.state.show_text(self._lacking() if self._of_training else "")
        self.second.setText(_("Watch on Train"))
        self.second.setVisible(self.runs.running)

    def _lacking(self) -> str:
        """What is not predicted yet; once the race has begun it is too late."""
        predicted = len(self.course.place.predicted)
        if not predicted:
            return _("You have predicted nothing yet: drag the ends first.")
        if predicted < len(ROLES):
            return _("{count} of {all} predicted: drag the other ends first.", count=predicted, all=len(ROLES))
        return ""

    def begin(self) -> None:
        course = self.course
        cohort = race(course.sizes, course.place.races)
        roles = dict(zip(course.sizes.networks, ROLES, strict=True))
        self.runs.begin([cohort], partial(_predicted_note, course.place.predicted, roles))
        course.place.count_race()

    @Slot(str, float)
    def _on_predicted(self, role: str, value: float) -> None:
        predicted = {**self.course.place.predicted, role: value}
        self.course.place.set_predicted(predicted)
        self._show_foot()
        if len(predicted) == len(ROLES) and self.predicts:
            self.done.emit()

    @Slot()
    def _on_second(self) -> None:
        if self.predicts:
            self.course.place.set_predicted({})
            self.draw()
        else:
            self.course.watch()

    @Slot()
    def _on_ended(self) -> None:
        """Wherever the learner is now, the race has been run."""
        self.draw()
        if self.course.race_end is not None and self._of_training and not self.predicts:
            self.done.emit()


def _predicted_note(predicted: Mapping[str, float], roles: Mapping[NetworkSpec, str], run: RunRecord) -> str:
    role = roles.get(run.spec.network, "")
    if role not in predicted:
        return ""
    return _("Predicted before the race: a training error of {value:.0f} %.", value=predicted[role])


class TrainOnView(TrainingView):
    """The raced shallow net and what was built from it, on the same batches."""

    _ROLES = ("shallow", "built")

    def __init__(self, course: Course, step: StepRow, parent: QWidget | None = None) -> None:
        super().__init__(course, step, course.further, parent)
        self.second.setText(_("To the step before"))
        self.second.clicked.connect(self._on_second)
        self.runs.ended.connect(self._on_ended)

    def draw(self) -> None:
        runs, sizes = self.runs.runs, self.course.sizes
        begun = len(runs) == len(self._ROLES)
        there = () if begun else (self.course.shallow_run, self.course.built_run)
        shown = runs if begun else tuple(run for run in there if run is not None)
        self.chart.show_racers(
            [
                Racer(role, run.spec.network.label, run.colour, run.residual)
                for role, run in zip(self._ROLES, shown, strict=False)
            ],
            runs[0].iterations if runs else sizes.further,
            chance_error(shown[0]) if shown else 90.0,
            _TITLES[self.series],
        )
        stands = [self.runs.stand(run) for run in runs] if self.runs.over else []
        ends = {role: stand.error for role, stand in zip(self._ROLES, stands, strict=False) if stand is not None}
        self.chart.show_lines(self.lines_of(self._ROLES, runs), ends)
        self.say(self._words())
        self.show_state(_("Train both on") if not runs else _("Train both on again"))
        set_role(self.button, "" if self.runs.over else "primary")
        ready = begun or len(shown) == len(self._ROLES)
        if not ready and not runs:
            self.button.setEnabled(False)
            self.state.show_text(_("The deeper net has not been built yet: that is the step before."))
        self.second.setVisible(not ready and not runs)

    def _words(self) -> tuple[str, ...]:
        if not self.runs.over or len(self.runs.runs) != len(self._ROLES):
            return ()
        stands = [self.runs.stand(run) for run in self.runs.runs]
        if any(stand is None for stand in stands):
            return ()
        end: RaceEnd | None = self.course.race_end
        shallow, built = (stand for stand in stands if isinstance(stand, Stand))
        return training_on_words(shallow, built, end.deep if end is not None else None)

    def begin(self) -> None:
        pair, sizes = self.course.pair, self.course.sizes
        shallow = self.course.services.store.get(pair.shallow_run)
        self.runs.begin(training_on(pair, sizes.recipe, shallow.spec.data, sizes.further, LESSON_TITLE))

    @Slot()
    def _on_second(self) -> None:
        self.step_requested.emit("construct")

    @Slot()
    def _on_ended(self) -> None:
        self.draw()
        if self._words():
            self.done.emit()
