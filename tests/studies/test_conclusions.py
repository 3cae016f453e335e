"""Conclusions and what is seen meanwhile: sentences from numbers, and none where the numbers show nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.domain import specs
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.studies.catalog import DEMO, LONGER, degradation, plain
from resnet_studio.studies.conclusions import conclusion
from resnet_studio.studies.learning import Stand, guesses, learning_now
from resnet_studio.studies.verdicts import Outcome

from .test_verdicts import record

NAMES = ("plain-20", "ResNet-20", "plain-56", "ResNet-56")


def study(*errors: float | None, seed: int = 0, recipe: specs.RecipeSpec = DEMO) -> list[Outcome]:
    """Of plain-20, ResNet-20, plain-56, ResNet-56."""
    runs = [specs.replace(run, recipe=recipe.with_seeds(seed, seed)) for run in degradation(seed).runs]
    records = [replace(record(run, 10 * seed + n), iteration=recipe.iterations) for n, run in enumerate(runs)]
    return [Outcome(run, error, None) for run, error in zip(records, errors, strict=True)]


def test_degradation_is_said_of_this_run_and_depth_with_shortcuts_is_left_open() -> None:
    assert conclusion(study(58.2, 50.8, 81.5, 60.0)) == (
        "In this run, with one seed: plain-56 ends at a training error of 81.5 %, plain-20 at 58.2 %: more layers made "
        "the plain net worse, on the very images it is trained on. ResNet-56 ends at a training error of 60.0 %, "
        "ResNet-20 at 50.8 %: 250 iterations are too few to show depth pay off; the study “Degradation, longer” "
        "trains longer. At 56 layers, with shortcuts the training error is 21.5 points lower (60.0 % against 81.5 %)."
    )


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((58.2, 50.8, 58.9, 40.0), "depth makes no clear difference to the plain nets"),
        ((58.2, 50.8, 50.0, 40.0), "more layers help the plain nets"),
        ((58.2, 50.8, 89.9, 40.0), "the deeper plain net has not begun to learn"),
        ((58.2, 50.8, 89.9, 40.0), "with shortcuts more layers help"),
        ((89.5, 50.8, 90.1, 40.0), "plain-20 and plain-56 still guess."),
        ((58.2, 50.8, 81.5, 50.2), "with shortcuts depth makes no clear difference"),
        ((58.2, 50.8, 60.5, 60.0), "the training error is not clearly another (60.0 % against 60.5 %)"),
        ((58.2, 50.8, 60.5, 80.0), "19.5 points higher"),
    ],
)
def test_no_more_is_said_than_the_numbers_show(errors: tuple[float, ...], said: str) -> None:
    assert said in conclusion(study(*errors))


def test_after_long_training_depth_is_no_longer_excused() -> None:
    assert "with shortcuts, too, more layers are behind after 2 000 iterations" in conclusion(
        study(8.2, 5.8, 21.5, 12.0, recipe=LONGER)
    )


def test_seeds_are_averaged_and_their_scatter_counts() -> None:
    steady = study(50.0, 50.0, 60.0, 40.0) + study(51.0, 49.0, 61.0, 41.0, seed=1)
    assert conclusion(steady).startswith("On the mean of 2 seeds: plain-56 ends at a training error of 60.5 %")
    scattered = study(40.0, 50.0, 60.0, 40.0) + study(61.0, 49.0, 45.0, 41.0, seed=1)
    assert "depth makes no clear difference to the plain nets" in conclusion(scattered)


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
