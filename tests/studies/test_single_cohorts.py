"""What one button starts: valid cohorts that share all but what they ask about."""

from __future__ import annotations

import pytest

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import replace
from resnet_studio.studies.conformity import State, of_spec
from resnet_studio.studies.single_cohorts import (
    DEEP,
    SHALLOW,
    SINGLE_COHORTS,
    SingleCohort,
    degradation,
    find_single_cohort,
    quick,
)


@pytest.mark.parametrize("study", SINGLE_COHORTS, ids=lambda study: study.key)
def test_a_study_is_a_cohort_of_one_recipe(study: SingleCohort) -> None:
    cohort = study.cohort(7)
    assert cohort.study == study.key
    assert study.question.endswith("?")
    first = cohort.runs[0]
    for run in cohort.runs:
        assert run.recipe == first.recipe
        assert (run.recipe.init_seed, run.recipe.data_seed) == (7, 7)
    assert len({run.network for run in cohort.runs}) == len(cohort.runs)
    assert study.cohort(7) == cohort
    assert study.cohort(8) != cohort
    assert find_single_cohort(study.key) is study


def test_keys_are_unique() -> None:
    assert len({study.key for study in SINGLE_COHORTS}) == len(SINGLE_COHORTS)


def test_the_degradation_study_is_plain_and_residual_shallow_and_deep() -> None:
    runs = degradation().runs
    assert [run.label for run in runs] == [
        f"plain-{SHALLOW}", f"ResNet-{SHALLOW}", f"plain-{DEEP}", f"ResNet-{DEEP}",
    ]  # fmt: skip
    assert {run.data.source for run in runs} == {"builtin"}
    assert all(run.recipe.milestones == () for run in runs)


def test_figure_6_has_the_papers_recipe() -> None:
    """Section 4.2; a test error every 500 iterations is ours."""
    recipe = find_single_cohort("figure-6").cohort(0).runs[0].recipe
    assert (recipe.iterations, recipe.batch_size, recipe.learning_rate) == (64_000, 128, 0.1)
    assert recipe.milestones == (32_000, 48_000)
    for run in find_single_cohort("figure-6").cohort(0).runs:
        assert of_spec(run, 50_000, 10_000).of(State.DIFFERS) == ()


@pytest.mark.parametrize("study", SINGLE_COHORTS, ids=lambda study: study.key)
def test_quick_changes_only_the_length(study: SingleCohort) -> None:
    whole, short = study.cohort(0), quick(study.cohort(0))
    for before, after in zip(whole.runs, short.runs, strict=True):
        assert after.recipe.iterations == before.recipe.iterations // 10
        assert all(milestone <= after.recipe.iterations for milestone in after.recipe.milestones)
        back = replace(after.recipe, iterations=before.recipe.iterations, milestones=before.recipe.milestones)
        assert replace(after, recipe=back) == before


def test_an_unknown_study_names_those_there_are() -> None:
    with pytest.raises(UserError, match="degradation"):
        find_single_cohort("nothing")
