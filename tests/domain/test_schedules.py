"""Schedules: one class each, and everything that lists them walks the rows. What is decided by what was measured is
tested with the training."""

from __future__ import annotations

import itertools

import pytest

from resnet_studio.domain.recipe_spec import RecipeSpec
from resnet_studio.domain.schedules import SCHEDULES, RateSchedule, Schedule, WarmUp, schedule_of, schedules_help


def test_every_schedule_has_its_row_and_its_help() -> None:
    assert [row.key for row in SCHEDULES] == list(Schedule)
    assert RecipeSpec.model_fields["schedule"].description == schedules_help()
    for row in SCHEDULES:
        assert f"{row.key}: {row.help}" in schedules_help()
        assert row.help.endswith(".")


@pytest.mark.parametrize("key", Schedule)
def test_every_schedule_starts_at_the_recipes_rate_and_never_rises(key: Schedule) -> None:
    schedule = schedule_of(RecipeSpec(schedule=key, learning_rate=0.3, iterations=1000))
    rates = [schedule.rate(iteration) for iteration in range(1, 1001)]
    assert rates[0] == 0.3
    assert all(0 < after <= before for before, after in itertools.pairwise(rates))
    assert schedule.description
    assert schedule.state() == {} or "drops" in schedule.state()


def test_a_milestones_own_update_has_the_old_rate() -> None:
    schedule = schedule_of(RecipeSpec(milestones=(2, 4)))
    assert [schedule.rate(i) for i in range(1, 6)] == [0.1, 0.1, 0.1 * 0.1**1, 0.1 * 0.1**1, 0.1 * 0.1**2]


@pytest.mark.parametrize(
    ("recipe", "constant", "description", "in_paper"),
    [
        (RecipeSpec(milestones=()), True, "never falls", True),
        (RecipeSpec(), False, "divided by 10 after 32 000, 48 000", True),
        (RecipeSpec(iterations=32_000), True, "divided by 10 after 32 000, 48 000", True),
        (RecipeSpec(schedule="plateau"), False, "divided by 10 when the error plateaus", True),
        (RecipeSpec(schedule="cosine"), False, "half a cosine down to zero", False),
    ],
)
def test_a_schedule_says_what_it_does(recipe: RecipeSpec, constant: bool, description: str, in_paper: bool) -> None:
    schedule = schedule_of(recipe)
    assert (schedule.constant, schedule.description, schedule.in_paper) == (constant, description, in_paper)


def test_warm_up_says_what_it_does() -> None:
    assert WarmUp(RecipeSpec()).description == "none"
    assert WarmUp(RecipeSpec(warmup_rate=0.01)).description == "0.01 until the training error is below 80 %"


def test_another_schedule_is_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name in the enum and its row are all that it needs besides; here it takes the place of another one."""

    class Linear(RateSchedule):
        key = Schedule.COSINE
        help = "down to zero along a straight line."

        def rate(self, iteration: int) -> float:
            return self.recipe.learning_rate * (1.0 - (iteration - 1) / self.recipe.iterations)

        @property
        def description(self) -> str:
            return "down to zero along a straight line"

    monkeypatch.setattr("resnet_studio.domain.schedules.SCHEDULES", (*SCHEDULES[:2], Linear))
    recipe = RecipeSpec(schedule="cosine", iterations=10, learning_rate=0.5)
    assert [schedule_of(recipe).rate(i) for i in (1, 6)] == [0.5, 0.25]
    assert schedules_help().endswith("cosine: down to zero along a straight line.")
