"""Conclusions and what is seen meanwhile: sentences from numbers, and none where the numbers show nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.domain import specs
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.studies.conclusions import all_verdicts, conclusion
from resnet_studio.studies.learning import Stand, guesses, learning_now
from resnet_studio.studies.rule import Outcome
from resnet_studio.studies.run_results import RunResult
from resnet_studio.studies.single_cohorts import DEMO, LONGER, degradation, plain

from .records import record

NAMES = ("plain-20", "ResNet-20", "plain-56", "ResNet-56")


def study(*errors: float | None, seed: int = 0, recipe: specs.RecipeSpec = DEMO) -> list[RunResult]:
    """Of plain-20, ResNet-20, plain-56, ResNet-56."""
    runs = [specs.replace(run, recipe=recipe.with_seeds(seed, seed)) for run in degradation(seed).runs]
    records = [replace(record(run, 10 * seed + n), iteration=recipe.iterations) for n, run in enumerate(runs)]
    return [RunResult(run, error, None) for run, error in zip(records, errors, strict=True)]


def test_degradation_is_said_of_this_run_and_depth_with_shortcuts_is_left_open() -> None:
    assert conclusion(study(58.2, 50.8, 81.5, 60.0)) == (
        "In this run, with one seed: plain-56 ends at a training error of 81.5 %, 23.3 points above plain-20 (58.2 %). "
        "ResNet-20 ends at a training error of 50.8 %, 9.2 points below ResNet-56 (60.0 %). 250 iterations are too few "
        "to show depth pay off; the study “Degradation, longer” trains longer. plain-56 ends at a training error of "
        "81.5 %, 21.5 points above ResNet-56 (60.0 %). One seed speaks of this run only; 3 give a verdict."
    )


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((58.2, 50.8, 58.9, 40.0), "0.7 points above plain-20"),
        ((58.2, 50.8, 50.0, 40.0), "8.2 points below plain-20"),
        ((58.2, 50.8, 89.9, 40.0), "The deeper plain net has not begun to learn."),
        ((58.2, 50.8, 89.9, 40.0), "10.8 points above ResNet-56 (40.0 %)."),
        ((89.5, 50.8, 90.1, 40.0), "plain-56 and plain-20 still guess."),
        ((58.2, 50.8, 60.5, 80.0), "19.5 points below ResNet-56"),
    ],
)
def test_one_seed_gives_numbers_and_no_verdict(errors: tuple[float, ...], said: str) -> None:
    text = conclusion(study(*errors))
    assert said in text
    assert text.endswith("One seed speaks of this run only; 3 give a verdict.")
    assert {verdict.outcome for verdict in all_verdicts(study(*errors))} == {Outcome.NOT_ENOUGH}


def test_three_seeds_give_verdicts() -> None:
    seeds = [study(58.0 + n, 50.0 + n, 81.0 + 1.1 * n, 49.9 + 1.02 * n, seed=n) for n in range(3)]
    results = [result for one in seeds for result in one]
    assert [verdict.outcome for verdict in all_verdicts(results)] == [
        Outcome.SHOWN,
        Outcome.NO_DIFFERENCE,
        Outcome.SHOWN,
    ]
    text = conclusion(results)
    assert text.startswith("Shown: the training error of plain-56 is 23.1 points above that of plain-20 (")
    assert "No difference of 1 point or more: the training error of ResNet-20" in text
    assert "speaks of this run only" not in text


def test_a_diverged_run_is_counted_and_named() -> None:
    results = study(58.0, 50.0, 40.0, 49.0)
    results[2] = replace(results[2], run=replace(results[2].run, status=RunStatus.DIVERGED), training_error=None)
    text = conclusion(results)
    assert "plain-56 ends at a training error of 100.0 %" in text
    assert "plain-56 (seed 0) diverged and counts as an error of 100 %." in text


def test_after_long_training_depth_is_no_longer_excused() -> None:
    text = conclusion(study(8.2, 5.8, 21.5, 12.0, recipe=LONGER))
    assert "6.2 points below ResNet-56" in text
    assert "too few" not in text


def test_two_seeds_are_averaged_and_give_no_verdict() -> None:
    both = study(50.0, 50.0, 60.0, 40.0) + study(51.0, 49.0, 61.0, 41.0, seed=1)
    text = conclusion(both)
    assert text.startswith("On the mean of 2 seeds: plain-56 ends at a training error of 60.5 %, 10.0 points above")
    assert text.endswith("3 seeds give a verdict.")


def test_only_finished_runs_of_one_recipe_are_compared() -> None:
    short, long = study(58.2, None, None, None), study(None, None, 81.5, None, recipe=LONGER)
    assert conclusion([*short, *long]) == ""
    whole = study(58.2, 50.8, 81.5, 60.0)
    stopped = [replace(o, run=replace(o.run, status=RunStatus.STOPPED)) for o in whole]
    assert conclusion(stopped) == ""
    assert conclusion(whole[:1]) == conclusion([]) == ""
    other_seed = study(None, None, 81.5, None, seed=1)
    assert conclusion([*short, *other_seed]) == ""


def test_two_recipes_have_a_line_each() -> None:
    lines = conclusion(study(58.2, 50.8, 81.5, 60.0) + study(18.2, 10.8, 31.5, 8.0, recipe=LONGER)).splitlines()
    assert len(lines) == 2
    assert "250 iterations: In this run" in lines[0]
    assert "2 000 iterations: In this run" in lines[1]


def stands(*errors: float, iterations: int = 50) -> list[Stand]:
    return [Stand(o.run, name, e, iterations) for o, name, e in zip(study(*errors), NAMES, errors, strict=True)]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((89.0, 90.2, 89.9, 88.5), "All four still guess: chance is 90.0 %."),
        (
            (70.0, 60.0, 89.9, 65.0),
            "plain-56 stays at chance (90.0 %) while plain-20, ResNet-20 and ResNet-56 learn.",
        ),
        ((88.1, 81.0, 87.3, 86.0), "plain-20 stays at chance (90.0 %) while ResNet-20 learns."),
        ((88.1, 87.9, 87.3, 88.0), "All four are near chance so far (90.0 %)."),
        ((89.0, 60.0, 89.9, 88.9), "plain-20, plain-56 and ResNet-56 stay at chance (90.0 %) while ResNet-20 learns."),
        ((60.0, 60.5, 61.0, 60.2), "All four learn, so far without a clear difference."),
        (
            (60.0, 50.0, 80.0, 55.0),
            "All four learn: the training error of ResNet-20 is the lowest now (50.0 %), that of plain-56 the highest "
            "(80.0 %).",
        ),
    ],
)
def test_what_is_seen_now(errors: tuple[float, ...], said: str) -> None:
    assert learning_now(stands(*errors)) == said


def test_one_run_alone_and_none() -> None:
    assert learning_now(stands(89.0, 1, 1, 1)[:1]) == "plain-20 still guesses: chance is 90.0 %."
    assert learning_now(stands(60.0, 1, 1, 1)[:1]) == "plain-20 learns: its training error is 60.0 %."
    assert learning_now(stands(float("nan"), 1, 1, 1)[:1]) == learning_now([]) == ""


def test_few_batches_must_be_far_from_chance_to_count() -> None:
    run: RunRecord = record(specs.RunSpec(network=plain(20), recipe=DEMO))
    assert guesses(82.0, run, 1)
    assert not guesses(82.0, run, 50)
