"""The learning rate of one run: what its recipe fixes beforehand, and what is decided by what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from resnet_studio.domain.enums import Schedule
from resnet_studio.domain.specs import RecipeSpec

WINDOW = 50  # iterations whose mean training error the warm-up rule looks at, and between two looks


class RateControl:
    """Warm-up (section 4.2: ResNet-110) and plateaus (section 3.4), decided at fixed iterations so that they do not
    depend on when curves are stored or where a run was interrupted.

    Warm-up lasts until the mean training error of a window of ``WINDOW`` iterations is below the recipe's; windows end
    at multiples of ``WINDOW``. Iterations of milestones and cosines count from the start of training all the same.
    A plateau is ``plateau_patience`` tests in a row none of which was lower than the lowest so far by
    ``plateau_margin`` points; the rate is then divided by ten and the count begins anew. Tests during warm-up set the
    lowest error but are not counted.
    """

    def __init__(self, recipe: RecipeSpec) -> None:
        self._recipe = recipe
        self.warming = recipe.warmup_rate > 0
        self.drops = 0
        self._lowest: float | None = None
        self._waited = 0

    def rate(self, iteration: int) -> float:
        """What the ``iteration``-th update uses, counted from 1; ask only once everything before it was seen."""
        if self.warming:
            return self._recipe.warmup_rate
        planned = self._recipe.learning_rate_at(iteration)
        return planned * 0.1**self.drops if self.drops else planned

    def see_training(self, error_percent: float) -> None:
        """The mean training error of a window that has just ended."""
        if error_percent < self._recipe.warmup_error:
            self.warming = False

    def see_test(self, error_percent: float) -> None:
        """A test error; tests have to come in the order of their iterations."""
        if self._recipe.schedule is not Schedule.PLATEAU:
            return
        lowest = self._lowest
        if lowest is None or (error_percent < lowest and lowest - error_percent >= self._recipe.plateau_margin):
            self._lowest, self._waited = error_percent, 0
            return
        if self.warming:
            return
        self._waited += 1
        if self._waited >= self._recipe.plateau_patience:
            self.drops, self._waited = self.drops + 1, 0

    def state(self) -> dict[str, float | bool | None]:
        """For a checkpoint; :meth:`restore` takes it back exactly."""
        return {
            "warming": self.warming,
            "drops": self.drops,
            "lowest_test_error": self._lowest,
            "tests_waited": self._waited,
        }

    def restore(self, state: Mapping[str, float | bool | None]) -> None:
        """Raises KeyError or TypeError for a state that :meth:`state` did not make."""
        lowest = state["lowest_test_error"]
        self.warming = bool(state["warming"])
        self.drops, self._waited = int(state["drops"] or 0), int(state["tests_waited"] or 0)
        self._lowest = None if lowest is None else float(lowest)
