"""Where the learner is, what was predicted and answered, and which runs are the lessons': kept in the preferences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from resnet_studio.studies.lessons.claims import CLAIMS
from resnet_studio.studies.lessons.cohorts import ROLES
from resnet_studio.studies.lessons.rows import LESSONS, LessonRow, StepRow
from resnet_studio.ui.preferences import Preferences


class LessonPlace:
    """Bad values give the beginning."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences

    # Where

    @property
    def lesson(self) -> LessonRow:
        key = self._preferences.value("lessons/lesson", "", str)
        return next((row for row in LESSONS if row.key == key), LESSONS[0])

    @property
    def begun(self) -> bool:
        """Somebody has been here."""
        return bool(self._preferences.value("lessons/lesson", "", str))

    def step_of(self, lesson: LessonRow) -> int:
        place = self._preferences.value(f"lessons/step/{lesson.key}", 0, int)
        return place if 0 <= place < len(lesson.steps) else 0

    def go_to(self, lesson: LessonRow, step: int) -> None:
        self._preferences.set_value("lessons/lesson", lesson.key)
        self._preferences.set_value(f"lessons/step/{lesson.key}", step)

    # What is done

    @property
    def done(self) -> frozenset[str]:
        """Keys of steps."""
        return frozenset(self._preferences.value("lessons/done", [], list))

    def set_done(self, step: StepRow) -> bool:
        """Whether it was not before."""
        if step.key in self.done:
            return False
        self._preferences.set_value("lessons/done", sorted({*self.done, step.key}))
        return True

    def finished(self, lesson: LessonRow) -> bool:
        return all(step.key in self.done for step in lesson.steps)

    # Prediction

    @property
    def predicted(self) -> dict[str, float]:
        """Training errors in percent at the end of the race, by role; only those that were given."""
        found = {}
        for role, text in _pairs(self._preferences.value("lessons/predicted", [], list)):
            try:
                value = float(text)
            except ValueError:
                continue
            if role in ROLES and math.isfinite(value) and 0 <= value <= 100:
                found[role] = value
        return found

    def set_predicted(self, predicted: Mapping[str, float]) -> None:
        self._preferences.set_value("lessons/predicted", [f"{role}={value:.1f}" for role, value in predicted.items()])

    # Runs

    def runs(self, name: str) -> tuple[str, ...]:
        """Ids; they may have been deleted since."""
        return tuple(self._preferences.value(f"lessons/runs/{name}", [], list))

    def set_runs(self, name: str, run_ids: Sequence[str]) -> None:
        self._preferences.set_value(f"lessons/runs/{name}", list(run_ids))

    @property
    def races(self) -> int:
        """How many were begun: the next one has this seed."""
        return max(0, self._preferences.value("lessons/races", 0, int))

    def count_race(self) -> None:
        self._preferences.set_value("lessons/races", self.races + 1)

    # What was said

    @property
    def answers(self) -> dict[str, bool]:
        """By claim: whether the paper was held to say it."""
        known = {claim.key for claim in CLAIMS}
        return {
            key: text == "paper"
            for key, text in _pairs(self._preferences.value("lessons/answers", [], list))
            if key in known
        }

    def set_answers(self, answers: Mapping[str, bool]) -> None:
        kept = [f"{key}={'paper' if paper else 'others'}" for key, paper in answers.items()]
        self._preferences.set_value("lessons/answers", kept)

    @property
    def words(self) -> str:
        return self._preferences.value("lessons/words", "", str)

    def set_words(self, words: str) -> None:
        self._preferences.set_value("lessons/words", words)


def _pairs(items: Sequence[str]) -> list[tuple[str, str]]:
    return [(key, text) for key, mark, text in (item.partition("=") for item in items) if mark]
