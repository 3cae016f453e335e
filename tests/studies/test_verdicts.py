"""Verdicts of studies: the rule on stored runs, and a sentence for each outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import Evaluation, EvaluationSummary, RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.studies.catalog import gallery_study
from resnet_studio.studies.own_study import OwnStudy
from resnet_studio.studies.report.page import report_page
from resnet_studio.studies.result_rows import seeds_note
from resnet_studio.studies.rule import Outcome
from resnet_studio.studies.stored import stored_study, trained_plans
from resnet_studio.studies.study import BudgetName
from resnet_studio.studies.together import mcnemar
from resnet_studio.studies.verdicts import Verdict, throughout

from .records import MOMENT, Shelf, curve, record, stored, trained

PLAN = gallery_study("degradation").plan()


def verdict(deep: list[float | None], shallow: list[float | None]) -> Verdict:
    (found,) = stored(PLAN, {"plain-56": deep, "plain-20": shallow}).verdicts
    return found


def test_shown() -> None:
    found = verdict([81.0, 82.0, 83.5], [58.0, 58.5, 59.0])
    assert found.outcome is Outcome.SHOWN
    assert found.as_expected is True
    assert found.seeds == (0, 1, 2)
    assert found.text == (
        "Shown: the training error of plain-56 is 23.7 points above that of plain-20 (98.3 % interval 20.3 to 27.0, "
        "3 seeds)."
    )


def test_the_opposite() -> None:
    found = verdict([58.0, 58.5, 59.0], [81.0, 82.0, 83.5])
    assert found.outcome is Outcome.OPPOSITE
    assert found.as_expected is False
    assert found.sentence.startswith(
        "The opposite is shown: the training error of plain-56 is 23.7 points below that of plain-20"
    )


def test_no_difference() -> None:
    found = verdict([50.1, 50.0, 49.9], [50.0, 50.0, 50.0])
    assert found.outcome is Outcome.NO_DIFFERENCE
    assert found.sentence.startswith("No difference of 1 point or more: ")


def test_not_distinguishable_says_what_would_tell() -> None:
    found = verdict([60.0, 66.0, 54.0], [50.0, 50.0, 50.0])
    assert found.outcome is Outcome.NOT_DISTINGUISHABLE
    assert found.as_expected is None
    assert "Not distinguishable yet" in found.sentence
    assert found.sentence.endswith("; 10 seeds would tell.")


@pytest.mark.parametrize(
    ("deep", "words"),
    [
        ([], "no seed of plain-56 and plain-20 has finished; 3 are needed"),
        ([81.5], "in this run, with one seed, the training error of plain-56 is 31.5 points above that of plain-20 "
                 "(81.5 % against 50.0 %); 3 seeds are needed"),
        ([81.5, 80.5], "on the mean of 2 seeds the training error of plain-56 is 31.0 points above"),
    ],
)  # fmt: skip
def test_below_three_seeds_there_is_no_verdict(deep: list[float | None], words: str) -> None:
    found = verdict(deep, [50.0] * len(deep))
    assert found.outcome is Outcome.NOT_ENOUGH
    assert words in found.sentence
    assert found.more_seeds == 3 - len(deep)


def test_nets_that_diverged_with_every_seed_are_not_called_equal() -> None:
    found = verdict([None, None, None], [None, None, None])
    assert found.outcome is Outcome.NOT_ENOUGH
    assert (found.judgement.estimate, found.judgement.low, found.judgement.needed) == (None, None, None)
    assert found.text.startswith(
        "Not enough: plain-56 and plain-20 diverged with every seed that was looked at, which says nothing of how "
        "they differ. "
    )
    assert "plain-56 (seed 0)" in found.text
    assert verdict([100.0] * 3, [100.0] * 3).outcome is Outcome.NO_DIFFERENCE
    assert verdict([None, None, 60.0], [None, None, 50.0]).outcome is not Outcome.NOT_ENOUGH


def test_a_diverged_run_is_the_worst_outcome_and_is_named() -> None:
    found = verdict([None, None, 90.0], [50.0, 51.0, 50.0])
    assert [pair.difference for pair in found.pairs] == [50.0, 49.0, 40.0]
    assert "plain-56 (seed 0), plain-56 (seed 1) diverged and count as an error of 100 %." in found.text
    assert found.as_json()["diverged"] == ["plain-56 (seed 0)", "plain-56 (seed 1)"]


def test_a_seed_counts_where_both_have_ended() -> None:
    assert [pair.seed for pair in verdict([80.0, 81.0, 82.0], [50.0]).pairs] == [0]
    runs = trained(PLAN, {"plain-56": [80.0, 81.0], "plain-20": [50.0, 51.0]})
    runs[0] = replace(runs[0], status=RunStatus.STOPPED)
    (found,) = stored_study(PLAN, Shelf(runs)).verdicts
    assert [pair.seed for pair in found.pairs] == [1]


def test_seeds_between_looks_are_counted_and_wait() -> None:
    found = verdict([81.0, 82.0, 83.5, 10.0], [58.0, 58.5, 59.0, 60.0])
    assert found.outcome is Outcome.SHOWN
    assert found.seeds == (0, 1, 2)
    assert len(found.pairs) == 4
    assert "1 seed more is there; the next look is at 5." in found.text


def test_curves_are_read_where_they_are_and_agreement_throughout_is_told() -> None:
    runs = trained(PLAN, {"plain-56": [1.0, 1.0, 1.0], "plain-20": [1.0, 1.0, 1.0]})
    curves = {}
    for run in runs:
        base = 80.0 + run.spec.recipe.init_seed if run.spec.network.depth == 56 else 50.0
        early = 20.0 if run.spec.network.depth == 56 and run.spec.recipe.init_seed == 1 else base
        values = [early] * 75 + [base] * 175
        curves[run.id, Series.TRAINING_ERROR] = curve(run, Series.TRAINING_ERROR, values)
    (found,) = stored_study(PLAN, Shelf(runs, curves)).verdicts
    assert found.judgement.estimate == pytest.approx(31.0)
    assert found.throughout == pytest.approx(3 / 4)  # of four moments after the first tenth, one is early
    assert "All seeds agree in sign at 75 % of the measured moments" in found.text
    assert throughout([(runs[0], runs[3])], curves) is None  # one pair always agrees with itself
    assert throughout([(runs[0], runs[3]), (runs[1], runs[4])], {}) is None


def test_json_has_what_was_promised() -> None:
    told = verdict([81.0, 82.0, 83.5], [58.0, 58.5, 59.0]).as_json()
    assert {"question", "outcome", "estimate", "low", "high", "seeds", "sentence"} <= told.keys()
    assert (told["outcome"], told["seeds"]) == ("shown", [0, 1, 2])
    assert told["low"] < told["estimate"] < told["high"]  # type: ignore[operator]


def test_a_test_error_is_asked_where_the_paper_prints_test_errors() -> None:
    plan = gallery_study("shortcuts").plan()
    found = stored(plan, {"plain": [60.0, 61.0, 62.0], "A": [50.0, 51.0, 52.0], "B": [50.0, 51.0, 52.1]})
    assert [one.outcome for one in found.verdicts] == [Outcome.SHOWN, Outcome.NO_DIFFERENCE, Outcome.NOT_ENOUGH]
    assert "the test error of plain-34" in found.verdicts[0].sentence
    assert found.done == 9
    assert found.seeds_done == 0


def test_together_is_told_by_evaluations() -> None:
    plan = gallery_study("together").plan()
    runs = trained(plan, {arm.key: [50.0, 50.0, 50.0] for arm in plan.arms})
    by_seed = {seed: [run for run in runs if run.spec.recipe.init_seed == seed] for seed in range(3)}
    evaluations = [summary([run.id for run in by_seed[seed]], 20.0 - seed, (30.0, 25.0, 27.0)) for seed in range(3)]
    study = stored_study(plan, Shelf(runs, evaluations=evaluations))
    found, scales = study.verdicts
    assert [pair.difference for pair in found.pairs] == [5.0, 6.0, 7.0]
    assert "the test error of the best single net is 6.0 points above that of all 3 together" in found.text
    assert (scales.pairs, scales.outcome) == ((), Outcome.NOT_ENOUGH)
    assert [(each.seed, each.protocol.kind) for each in study.lacking] == [
        (seed, ProtocolKind.MULTI_SCALE) for seed in range(3)
    ]
    several = [
        replace(one, protocol=plan.protocols[1], member_errors=(24.0, 25.0, 27.0), top1_error=19.0)
        for one in evaluations
    ]
    whole = stored_study(plan, Shelf(runs, evaluations=[*evaluations, *several]))
    assert whole.lacking == ()
    assert [pair.difference for pair in whole.verdicts[1].pairs] == [1.0, 1.0, 1.0]
    assert "the test error of the best net from a single view is 1.0 points above" in whole.verdicts[1].text
    assert whole.verdicts[0].pairs == found.pairs
    old = [replace(one, outdated=(True, False, False)) for one in evaluations]
    assert stored_study(plan, Shelf(runs, evaluations=old)).verdicts[0].pairs == ()
    assert stored_study(plan, Shelf(runs[:-1], evaluations=evaluations)).verdicts[0].pairs == found.pairs[:2]


def summary(run_ids: list[str], together: float, members: tuple[float, ...]) -> EvaluationSummary:
    count = len(run_ids)
    return EvaluationSummary(
        id="e", run_ids=tuple(run_ids), protocol=Protocol(), data="builtin", data_seed=0, data_sha256="", images=10,
        classes=10, top1_error=together, top5_error=1.0, member_errors=members, weights=("",) * count,
        iterations=(1,) * count, outdated=(False,) * count, created_at=MOMENT, seconds=1.0,
    )  # fmt: skip


def seen(right: list[bool]) -> Evaluation:
    labels = np.zeros(len(right), np.int32)
    return Evaluation(
        id="", run_ids=("a",), protocol=Protocol(), data="builtin", data_seed=0, data_sha256="", images=len(right),
        top1_error=0.0, top5_error=0.0, class_names=("x", "y"), confusion=np.zeros((2, 2), np.int64), labels=labels,
        predicted=np.array([0 if each else 1 for each in right], np.int32),
        confidence=np.ones(len(right), np.float32), names=tuple(map(str, range(len(right)))), member_errors=(),
        weights=("",), iterations=(1,), created_at=MOMENT, seconds=0.0,
    )  # fmt: skip


def test_two_nets_on_the_same_images_by_mcnemar() -> None:
    first = seen([True] * 12 + [False] * 3 + [True] * 5)
    second = seen([False] * 12 + [True] * 3 + [True] * 5)
    found = mcnemar(first, second, ("one", "two"))
    assert (found.only_first, found.only_second, found.clear) == (12, 3, True)
    assert found.p == pytest.approx(0.03515625)
    assert found.sentence == (
        "Of the same 20 test images one alone gets 12 right, two alone 3 (McNemar, exact, p = 0.035): these weights of "
        "one are better than these of two; other seeds may differ."
    )
    assert "cannot be told apart" in mcnemar(first, first, ("one", "two")).sentence
    with pytest.raises(ValueError, match="same images"):
        mcnemar(first, seen([True]), ("one", "two"))


def test_what_was_trained_is_found_with_its_budget_and_data() -> None:
    study = gallery_study("degradation")
    other = study.plan(data="folder:/pictures", classes=3)
    runs = [*trained(other, {"plain-20": [50.0, 50.0]}), *trained(PLAN, {"plain-20": [50.0]})]
    assert [(plan.budget, plan.arms[0].spec.data.source) for plan in trained_plans(study, runs)] == [
        ("quick", "folder:/pictures"),
        ("quick", "builtin"),
    ]
    assert trained_plans(study, [record(PLAN.arms[0].with_seed(0), study="else", iteration=1)]) == ()


def _ended_in_order(seeds: list[int]) -> list[RunRecord]:
    """Finished runs of both nets, made at once, that ended seed by seed; the differences are 1, 2, 4, ... by seed."""
    runs = []
    for place, seed in enumerate(seeds):
        ended = MOMENT + timedelta(minutes=place)
        for key, error in (("plain-56", 50.0 + 2**seed), ("plain-20", 50.0)):
            spec = PLAN.arm(key).with_seed(seed)
            runs.append(record(spec, len(runs), training_error=error, test_error=error, study=PLAN.key, ended_at=ended))
    return runs


@pytest.mark.parametrize("asked", [(5, 6, 7), (0, 1, 2), (0, 1, 2, 3, 4), tuple(range(8))])
def test_which_seeds_are_looked_at_does_not_depend_on_those_asked_for(asked: tuple[int, ...]) -> None:
    (found,) = stored_study(replace(PLAN, seeds=asked), Shelf(_ended_in_order([5, 6, 7, 0, 1, 2, 3, 4]))).verdicts
    assert found.seeds == (5, 6, 7, 0, 1)
    told = found.as_json()
    assert told["differences"] == [32.0, 64.0, 128.0, 1.0, 2.0]
    assert told["unseen"] == [{"seed": 2, "difference": 4.0}, {"seed": 3, "difference": 8.0},
                              {"seed": 4, "difference": 16.0}]  # fmt: skip
    assert "Looked at are the seeds 5, 6, 7, 0, 1, which ended first." in found.text


def test_a_later_look_keeps_the_seeds_of_an_earlier_one() -> None:
    seeds = [9, 2, 7, 0, 1, 8, 3, 4, 5, 6]
    looks = []
    for count in (3, 5, 10):
        (found,) = stored_study(replace(PLAN, seeds=(0, 1, 2)), Shelf(_ended_in_order(seeds[:count]))).verdicts
        looks.append(found.seeds)
    assert looks == [(9, 2, 7), (9, 2, 7, 0, 1), tuple(seeds)]


def test_a_repeated_run_replaces_no_result() -> None:
    runs = _ended_in_order([0, 1, 2])
    again = replace(runs[0], id="again", training_error=99.0, test_error=99.0, ended_at=MOMENT + timedelta(days=1))
    (found,) = stored_study(PLAN, Shelf([*runs, again])).verdicts
    assert found.seeds == (0, 1, 2)
    assert [pair.difference for pair in found.pairs] == [1.0, 2.0, 4.0]
    diverged = replace(runs[0], status=RunStatus.DIVERGED, iteration=40)
    (found,) = stored_study(PLAN, Shelf([diverged, *runs[1:], again])).verdicts
    assert [pair.difference for pair in found.pairs] == [50.0, 2.0, 4.0]


def test_a_seed_that_was_made_earlier_and_ends_later_changes_no_look() -> None:
    runs = _ended_in_order([0, 2, 3])
    late = [
        replace(run, id=f"late{place}", created_at=MOMENT - timedelta(days=1), ended_at=None, status=RunStatus.STOPPED)
        for place, run in enumerate(_ended_in_order([1]))
    ]
    (before,) = stored_study(PLAN, Shelf([*runs, *late])).verdicts
    assert before.seeds == (0, 2, 3)
    ended = [replace(run, status=RunStatus.FINISHED, ended_at=MOMENT + timedelta(days=1)) for run in late]
    (after,) = stored_study(PLAN, Shelf([*runs, *ended])).verdicts
    assert after.seeds == before.seeds
    assert after.judgement == before.judgement
    assert [pair.seed for pair in after.unseen] == [1]


def test_a_run_of_another_study_that_ends_later_changes_no_look() -> None:
    runs = _ended_in_order([0, 1, 2])
    other = replace(
        runs[0], id="other", study="another", training_error=99.0, test_error=99.0,
        created_at=MOMENT - timedelta(days=1), ended_at=MOMENT + timedelta(days=1),
    )  # fmt: skip
    (found,) = stored_study(PLAN, Shelf([other, *runs])).verdicts
    assert [pair.difference for pair in found.pairs] == [1.0, 2.0, 4.0]


def test_without_a_noted_end_the_order_is_that_of_making_and_before_all_others() -> None:
    old = [
        replace(run, ended_at=None, created_at=MOMENT + timedelta(days=9 - run.spec.recipe.init_seed))
        for run in _ended_in_order([0, 1, 2])
    ]
    new = [replace(run, id=f"new{place}") for place, run in enumerate(_ended_in_order([3, 4]))]
    (found,) = stored_study(PLAN, Shelf([*new, *old])).verdicts
    assert found.seeds == (2, 1, 0, 3, 4)


def test_evaluations_count_in_the_order_in_which_they_were_made_and_the_first_of_them() -> None:
    plan = gallery_study("together").plan(seeds=4)
    runs = trained(plan, {arm.key: [50.0] * 4 for arm in plan.arms})
    by_seed = {seed: [run.id for run in runs if run.spec.recipe.init_seed == seed] for seed in range(4)}
    made = {}
    for hour, seed in enumerate((0, 2, 3, 1)):
        one = summary(by_seed[seed], 20.0 - seed, (30.0, 25.0, 27.0))
        made[seed] = replace(one, created_at=MOMENT + timedelta(hours=hour))
    again = replace(summary(by_seed[0], 1.0, (30.0, 25.0, 27.0)), created_at=MOMENT + timedelta(days=1))
    newest_first = [again, *sorted(made.values(), key=lambda one: one.created_at, reverse=True)]
    found = stored_study(plan, Shelf(runs, evaluations=newest_first)).verdicts[0]
    assert found.seeds == (0, 2, 3)
    assert [pair.difference for pair in found.pairs] == [5.0, 7.0, 8.0, 6.0]


def test_diverged_runs_that_wait_for_the_next_look_are_not_named() -> None:
    found = verdict([81.0, 82.0, 83.5, None], [58.0, 58.5, 59.0, 60.0])
    assert found.diverged == ()
    assert "diverged" not in found.text


def test_the_table_names_its_seeds_where_a_verdict_looks_at_fewer() -> None:
    study = stored_study(PLAN, Shelf(_ended_in_order([5, 6, 7, 0])))
    assert seeds_note(study) == (
        "Of every seed that has ended: 0, 5, 6, 7. A verdict looks at the first of them, which it names."
    )
    assert seeds_note(study) in report_page(study, "")


def test_budgets_and_data_sets_are_never_in_one_verdict() -> None:
    study = gallery_study("degradation")
    plans = [PLAN, study.plan(BudgetName.STANDARD), study.plan(data="folder:/pictures", classes=3)]
    runs = []
    for place, plan in enumerate(plans):
        for seed in range(3 * place, 3 * place + 2):
            runs += [
                record(plan.arm(key).with_seed(seed), len(runs) + at, training_error=error, study=plan.key)
                for at, (key, error) in enumerate((("plain-56", 80.0 + place), ("plain-20", 50.0)))
            ]
    for place, plan in enumerate(plans):
        (found,) = stored_study(replace(plan, seeds=tuple(range(9))), Shelf(runs)).verdicts
        assert found.outcome is Outcome.NOT_ENOUGH
        assert [(pair.seed, pair.difference) for pair in found.pairs] == [
            (3 * place, 30.0 + place), (3 * place + 1, 30.0 + place)
        ]  # fmt: skip


def test_what_was_trained_on_other_images_of_the_same_name_does_not_count() -> None:
    runs = _ended_in_order([0, 1, 2, 3, 4])
    images = {0: "a", 1: "a", 2: "b", 3: "a", 4: ""}
    known = [replace(run, environment={"data_sha256": images[run.spec.recipe.init_seed]}) for run in runs]
    (found,) = stored_study(PLAN, Shelf(known)).verdicts
    assert found.seeds == (0, 1, 3)  # of the fourth nobody knows it; it waits for the next look
    assert found.elsewhere == (2,)
    assert found.text.endswith("Seed 2 was trained on other images and does not count.")
    torn = [replace(run, environment={"data_sha256": "b"}) if run.id == known[0].id else run for run in known]
    (mixed,) = stored_study(PLAN, Shelf(torn)).verdicts
    assert mixed.elsewhere == (0, 2)
    assert mixed.as_json()["other_images"] == [0, 2]


def test_nets_on_two_data_sets_are_compared_where_the_grid_asks_for_it() -> None:
    study = OwnStudy.from_toml('name = "d"\n[grid]\ndata = ["builtin", "folder:/pictures"]\n[fixed]\ndepth = 8')
    plan = study.plan()
    runs = [
        record(arm.with_seed(seed), 10 * place + seed, training_error=50.0 + 10 * place + seed / 10, study=plan.key,
               environment={"data_sha256": arm.key})
        for place, arm in enumerate(plan.arms)
        for seed in range(3)
    ]  # fmt: skip
    assert [(one.elsewhere, len(one.pairs)) for one in stored_study(plan, Shelf(runs)).verdicts] == [((), 3)]
