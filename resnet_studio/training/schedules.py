"""The learning rate of one run: its schedule and its warm-up, and what they decide by what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from resnet_studio.domain.schedules import Plateau, WarmUp, schedule_of
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.domain.specs import RecipeSpec

WINDOW = TRAINING_ERROR_WINDOW  # iterations between two looks at the training error while warming up


class RateControl:
    """Warm-up, then the recipe's schedule.

    Both decide at fixed iterations, so that nothing depends on when curves are stored or where a run was interrupted:
    windows of the training error end at multiples of ``WINDOW``.
    """

    def __init__(self, recipe: RecipeSpec) -> None:
        self.schedule = schedule_of(recipe)
        self._warm_up = WarmUp(recipe)

    @property
    def warming(self) -> bool:
        """Whether warm-up is still going on."""
        return self._warm_up.active

    def rate(self, iteration: int) -> float:
        """What the ``iteration``-th update uses, counted from 1; ask only once everything before it was seen."""
        return self._warm_up.rate if self.warming else self.schedule.rate(iteration)

    def see_training(self, error_percent: float) -> None:
        """The mean training error of a window that has just ended."""
        self._warm_up.see_training(error_percent)

    def see_test(self, error_percent: float) -> None:
        """A test error; tests have to come in the order of their iterations."""
        self.schedule.see_test(error_percent, warming=self.warming)

    def state(self) -> dict[str, float | bool | None]:
        """For a checkpoint; :meth:`restore` takes it back exactly.

        Every one has a plateau's keys: earlier versions read them whatever the schedule.
        """
        return {"warming": self.warming, **Plateau.UNDECIDED, **self.schedule.state()}

    def restore(self, state: Mapping[str, float | bool | None]) -> None:
        """Raises KeyError or TypeError for a state that :meth:`state` did not make."""
        self._warm_up.active = bool(state["warming"])
        self.schedule.restore(state)
