"""The gallery's rows: ten questions whose plans can be trained, and the paper's full recipe where it says so."""

from __future__ import annotations

import re

import pytest

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.spec import defaults
from resnet_studio.domain.specs import RecipeSpec
from resnet_studio.studies.catalog import OLD_KEYS, STUDIES, CohortStudy, find_study, gallery_study
from resnet_studio.studies.conformity import State, of_spec
from resnet_studio.studies.single_cohorts import SINGLE_COHORTS
from resnet_studio.studies.study import BudgetName, Study

CANNOT_MEET = {"bn_images", "test_view"}  # 32 images on one GPU; tests of ten crops are Evaluate's


def test_there_are_ten_in_their_order() -> None:
    assert [study.number for study in STUDIES] == list(range(1, 11))
    assert len({study.key for study in STUDIES}) == 10
    assert all(re.fullmatch(r"[a-z-]+", study.key) for study in STUDIES)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.key)
@pytest.mark.parametrize("budget", BudgetName)
def test_every_plan_can_be_trained(study: Study, budget: BudgetName) -> None:
    plan = study.plan(budget, seeds=3)
    assert study.question.endswith("?")
    assert plan.comparisons
    assert len({arm.spec for arm in plan.arms}) == len(plan.arms) > 1
    for comparison in plan.comparisons:
        assert comparison.question.endswith("?")
        if not comparison.measure.evaluated:
            assert plan.arm(comparison.higher) is not plan.arm(comparison.lower)
    cohorts = plan.cohorts()
    assert [run for cohort in cohorts for run in cohort.runs] == list(plan.runs())
    assert {cohort.study for cohort in cohorts} == {study.key}
    for cohort in cohorts:
        (seeds,) = {run.recipe.seeds for run in cohort.runs}
        assert seeds[0] == seeds[1]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.key)
def test_the_full_recipe_conforms_in_every_point_that_it_can_meet(study: Study) -> None:
    plan = study.plan(BudgetName.PAPER)
    unlike = {"plain", "one", "three", "pre-110"}  # nets that the paper does not have
    for arm in plan.arms:
        if arm.key in unlike:
            continue
        differing = {check.key for check in of_spec(arm.spec, 50_000, 10_000).of(State.DIFFERS)}
        assert differing <= (CANNOT_MEET if study.budgets[BudgetName.PAPER].needs_folder else set())


def test_figure_6_is_the_study_with_every_net_of_table_6() -> None:
    key, budget = OLD_KEYS["figure-6"]
    plan = gallery_study(key).plan(budget)
    assert [arm.label for arm in plan.arms][-1] == "ResNet-110"
    assert len(plan.arms) == 9
    assert plan.seeds == (0, 1, 2, 3, 4)
    assert plan.arm("resnet-110").spec.recipe.warmup_rate == 0.01
    assert plan.arm("resnet-56").spec.recipe.warmup_rate == 0


def test_a_shortened_recipe_drops_the_rate_at_the_same_shares() -> None:
    recipe = gallery_study("degradation").plan(BudgetName.STANDARD).arms[0].spec.recipe
    assert (recipe.iterations, recipe.milestones) == (5_000, (2_500, 3_750))
    same = {name for name in defaults(RecipeSpec) if name not in ("iterations", "milestones", "test_every")}
    whole = gallery_study("degradation").plan(BudgetName.PAPER).arms[0].spec.recipe
    assert all(getattr(recipe, name) == getattr(whole, name) for name in same)


def test_other_images_bring_their_classes() -> None:
    plan = gallery_study("degradation").plan(data="folder:/pictures", classes=7)
    assert {(arm.spec.data.source, arm.spec.network.classes) for arm in plan.arms} == {("folder:/pictures", 7)}


def test_old_names_lead_somewhere() -> None:
    for single in SINGLE_COHORTS:
        assert find_study(single.key).plan(seeds=2).cohorts()
    assert find_study("figure-6") is gallery_study("error-depth")
    with pytest.raises(UserError, match=r"'nothing'.*degradation"):
        find_study("nothing")


def test_a_single_cohort_is_a_study_with_seeds_whose_stored_runs_count() -> None:
    study = find_study("degradation-long")
    assert isinstance(study, CohortStudy)
    plan = study.plan()
    assert plan.cohorts()[1].runs == study.single.cohort(1).runs
    assert [(c.higher, c.lower) for c in plan.comparisons] == [
        ("plain-56", "plain-20"),
        ("resnet-20", "resnet-56"),
        ("plain-56", "resnet-56"),
    ]
    assert [(c.higher, c.lower) for c in find_study("twin").plan().comparisons] == [("plain-56", "resnet-56")]
