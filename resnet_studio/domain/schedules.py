"""How the learning rate of a run changes: one class a schedule, and the warm-up that may come before it.

A new schedule is a class here, its name in :class:`Schedule` and its row in :data:`SCHEDULES`; a field that it alone
reads stands in the recipe with ``read_when``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from resnet_studio.domain.text_numbers import counted, listed
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.domain.recipe_spec import RecipeSpec

State = dict[str, float | bool | None]


class Schedule(StrEnum):
    """When the learning rate falls."""

    MILESTONES = "milestones"
    PLATEAU = "plateau"
    COSINE = "cosine"


class RateSchedule:
    """One run's schedule.

    Attributes:
        key: Its name in a recipe.
        help: What it does, for people, after its name.
        in_paper: Whether He et al. 2015 (arXiv:1512.03385) train with such a schedule.
    """

    key: ClassVar[Schedule]
    help: ClassVar[str]
    in_paper: ClassVar[bool] = False

    def __init__(self, recipe: RecipeSpec) -> None:
        self.recipe = recipe

    def rate(self, iteration: int) -> float:
        """Learning rate of the ``iteration``-th update, counted from 1, once everything before it was seen."""
        raise NotImplementedError

    @property
    def description(self) -> str:
        """What it does in this run, for a line of a list."""
        raise NotImplementedError

    @property
    def constant(self) -> bool:
        """Whether the rate is the same all through the run."""
        return False

    def see_test(self, error_percent: float, *, warming: bool) -> None:
        """Take note of a test error; they come in the order of their iterations."""

    def state(self) -> State:
        """What was decided by what was measured, for a checkpoint."""
        return {}

    def restore(self, state: Mapping[str, float | bool | None]) -> None:
        """Raises KeyError or TypeError for a state that :meth:`state` did not make."""


class Milestones(RateSchedule):
    """Divided by ten after given iterations, whose own updates still have the old rate: section 4.2."""

    key = Schedule.MILESTONES
    help = _("divided by ten at given iterations.")
    in_paper = True

    def rate(self, iteration: int) -> float:
        return self.recipe.learning_rate * 0.1 ** sum(iteration > milestone for milestone in self.recipe.milestones)

    @property
    def description(self) -> str:
        milestones = self.recipe.milestones
        return _("divided by 10 after {listed}", listed=listed(milestones)) if milestones else _("never falls")

    @property
    def constant(self) -> bool:
        return not any(milestone < self.recipe.iterations for milestone in self.recipe.milestones)


class Plateau(RateSchedule):
    """Divided by ten when the test error no longer falls: section 3.4.

    That is when ``plateau_patience`` tests in a row were not lower than the lowest so far by ``plateau_margin`` points;
    the count then begins anew.

    Tests during warm-up set the lowest error but are not counted.
    """

    key = Schedule.PLATEAU
    help = _("divided by ten when the test error no longer falls (the paper, on ImageNet).")
    in_paper = True
    UNDECIDED: ClassVar[State] = {"drops": 0, "lowest_test_error": None, "tests_waited": 0}

    def __init__(self, recipe: RecipeSpec) -> None:
        super().__init__(recipe)
        self.drops = 0
        self._lowest: float | None = None
        self._waited = 0

    def rate(self, iteration: int) -> float:  # noqa: ARG002 - the tests that were seen decide
        return self.recipe.learning_rate * 0.1**self.drops if self.drops else self.recipe.learning_rate

    @property
    def description(self) -> str:
        return _("divided by 10 when the error plateaus")

    @property
    def patience(self) -> str:
        """What counts as a plateau, in words."""
        recipe = self.recipe
        return _(
            "{plateau_patience} without an error lower by {plateau_margin:g} points, test every {test_every}",
            plateau_patience=counted(recipe.plateau_patience, "test", "tests"),
            plateau_margin=recipe.plateau_margin,
            test_every=counted(recipe.test_every, "iteration", "iterations"),
        )

    def see_test(self, error_percent: float, *, warming: bool) -> None:
        lowest = self._lowest
        if lowest is None or (error_percent < lowest and lowest - error_percent >= self.recipe.plateau_margin):
            self._lowest, self._waited = error_percent, 0
            return
        if warming:
            return
        self._waited += 1
        if self._waited >= self.recipe.plateau_patience:
            self.drops, self._waited = self.drops + 1, 0

    def state(self) -> State:
        return {"drops": self.drops, "lowest_test_error": self._lowest, "tests_waited": self._waited}

    def restore(self, state: Mapping[str, float | bool | None]) -> None:
        lowest = state["lowest_test_error"]
        self.drops, self._waited = int(state["drops"] or 0), int(state["tests_waited"] or 0)
        self._lowest = None if lowest is None else float(lowest)


class Cosine(RateSchedule):
    """Half a cosine: starts at the full rate and would reach zero one update after the last."""

    key = Schedule.COSINE
    help = _("down to zero along half a cosine; the paper has no such thing.")

    def rate(self, iteration: int) -> float:
        recipe = self.recipe
        return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (iteration - 1) / recipe.iterations))

    @property
    def description(self) -> str:
        return _("half a cosine down to zero")


SCHEDULES: tuple[type[RateSchedule], ...] = (Milestones, Plateau, Cosine)


def schedule_of(recipe: RecipeSpec) -> RateSchedule:
    """The recipe's schedule at the beginning of a run."""
    return next(row for row in SCHEDULES if row.key == recipe.schedule)(recipe)


def schedules_help() -> str:
    """Every schedule by name with what it does, in sentences."""
    return " ".join(f"{row.key}: {row.help}" for row in SCHEDULES)


class WarmUp:
    """A lower rate until the training error of a window of iterations is below the recipe's.

    Section 4.2, for ResNet-110 alone. Iterations of the schedule count from the start of training all the same.
    """

    def __init__(self, recipe: RecipeSpec) -> None:
        self.recipe = recipe
        self.active = recipe.warmup_rate > 0

    @property
    def rate(self) -> float:
        """Learning rate while it is active."""
        return self.recipe.warmup_rate

    @property
    def description(self) -> str:
        """What this run has, for a line of a list."""
        recipe = self.recipe
        if not recipe.warmup_rate:
            return "none"
        return _(
            "{warmup_rate:g} until the training error is below {warmup_error:g} %",
            warmup_rate=recipe.warmup_rate,
            warmup_error=recipe.warmup_error,
        )

    def see_training(self, error_percent: float) -> None:
        """The mean training error of a window that has just ended."""
        if error_percent < self.recipe.warmup_error:
            self.active = False
