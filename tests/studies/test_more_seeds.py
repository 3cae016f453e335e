"""Further seeds of chosen runs: up to the next look, with the same seeds for all, in cohorts."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.studies.more_seeds import more_seeds, more_seeds_sentence

from .records import record


def runs(depth: int, seeds: Sequence[int], **fields: object) -> list[RunRecord]:
    specs = [RunSpec(network=NetworkSpec(depth=depth), recipe=RecipeSpec(init_seed=s, data_seed=s)) for s in seeds]
    return [record(spec, 100 * depth + seed, **fields) for spec, seed in zip(specs, seeds, strict=True)]


def asked(chosen: Sequence[RunRecord], stored: Sequence[RunRecord] = ()) -> list[list[tuple[int, int]]]:
    """By cohort, depth and seed of each run."""
    return [[(run.network.depth, run.recipe.init_seed) for run in cohort.runs] for cohort in more_seeds(chosen, stored)]


def test_all_get_the_same_seeds_up_to_the_next_look() -> None:
    chosen = [*runs(8, [0]), *runs(14, [0])]
    assert asked(chosen) == [[(8, 1), (14, 1)], [(8, 2), (14, 2)]]
    assert asked(runs(8, [0, 1, 2])) == [[(8, 3)], [(8, 4)]]
    assert asked(runs(8, range(10))) == [[(8, 10)]]


def test_who_has_fewer_comes_up_to_the_others_first() -> None:
    assert asked([*runs(8, [0, 1, 5]), *runs(14, [1])]) == [[(14, 0)], [(14, 5)]]


def test_stored_seeds_are_not_trained_again() -> None:
    (first,) = runs(8, [0])
    assert asked([first], runs(8, [1, 3])) == [[(8, 2)], [(8, 4)]]


def test_runs_that_were_trained_elsewhere_are_passed_over() -> None:
    nothing = more_seeds(runs(8, [0], status=RunStatus.IMPORTED), [])
    assert nothing == ()
    assert more_seeds_sentence(nothing).startswith("Nothing was added: ")


def test_the_study_goes_on_where_all_are_of_one() -> None:
    one = more_seeds(runs(8, [0], study="degradation"), [])
    assert {cohort.study for cohort in one} == {"degradation"}
    assert more_seeds_sentence(one) == "2 runs with 2 seeds more."
    both = more_seeds([*runs(8, [0], study="degradation"), *runs(14, [0])], [])
    assert {cohort.study for cohort in both} == {""}
