"""Plans: more seeds, cohorts that form by themselves, and what of them the history has."""

from __future__ import annotations

from dataclasses import replace as changed

import pytest

from resnet_studio.domain.enums import Engine, Precision, RunStatus
from resnet_studio.domain.specs import RunSpec, replace
from resnet_studio.platform.host import cpu_name
from resnet_studio.studies.catalog import gallery_study
from resnet_studio.studies.cohorts import form_cohorts
from resnet_studio.studies.estimate import Estimate, estimate, estimate_left
from resnet_studio.studies.plan import Work, disk_bytes, places, work_left
from resnet_studio.studies.single_cohorts import plain, residual

from ..platform.test_training_speed import figure, known
from .records import record, trained

PLAN = gallery_study("degradation").plan()


def test_more_seeds_go_to_the_next_look() -> None:
    assert PLAN.seeds == (0, 1, 2)
    assert PLAN.more_seeds().seeds == (0, 1, 2, 3, 4)
    assert PLAN.more_seeds().more_seeds().seeds == tuple(range(10))
    assert PLAN.with_seeds(10).more_seeds().seeds == tuple(range(11))
    assert PLAN.more_seeds(1).seeds == (0, 1, 2, 3)
    assert changed(PLAN, seeds=(7,)).more_seeds(2).seeds == (7, 0, 1)


def test_the_seeds_of_a_plan_come_first_then_the_smallest_others() -> None:
    own = changed(PLAN, seeds=(5, 1, 7))
    assert [own.with_seeds(count).seeds for count in (1, 3, 6)] == [(5,), (5, 1, 7), (5, 1, 7, 0, 2, 3)]


def test_cohorts_form_of_runs_that_share_batches() -> None:
    run = RunSpec(network=plain(20))
    other = replace(run, network=residual(20))
    longer = replace(run, recipe=replace(run.recipe, iterations=70_000))
    rate = replace(run, recipe=replace(run.recipe, learning_rate=0.02))
    seeded = run.with_seeds(1, 1)
    only_weights = run.with_seeds(1, 0)
    found = form_cohorts([run, seeded, longer, other, rate, only_weights], study="s")
    assert [cohort.runs for cohort in found] == [(run, other, rate, only_weights), (seeded,), (longer,)]
    assert {cohort.study for cohort in found} == {"s"}


def test_a_cohort_is_cut_where_it_grows_too_large() -> None:
    runs = [RunSpec(network=residual(depth)) for depth in range(8, 8 + 6 * 40, 6)]
    assert [len(cohort.runs) for cohort in form_cohorts(runs)] == [32, 8]
    assert [len(cohort.runs) for cohort in form_cohorts(runs, most=15)] == [15, 15, 10]


def test_nothing_stored_is_everything_left() -> None:
    assert {place.run for place in places(PLAN, [])} == {None}
    assert [work.cohort for work in work_left(PLAN, [])] == list(PLAN.cohorts())


def test_what_has_ended_is_not_trained_again_and_what_has_not_goes_on() -> None:
    runs = trained(PLAN, {"plain-20": [50.0, 51.0], "plain-56": [None]})
    stopped = record(
        PLAN.arm("plain-56").with_seed(1), 9, status=RunStatus.INTERRUPTED, iteration=100, study=PLAN.key,
        cohort_id="second",
    )  # fmt: skip
    work = work_left(PLAN, [*runs, stopped])
    assert work[0].resume == (stopped,)
    new = {(run.label, run.recipe.init_seed) for one in work[1:] for run in one.cohort.runs}  # type: ignore[union-attr]
    every = {(arm.label, seed) for arm in PLAN.arms for seed in (0, 1, 2)}
    assert new == every - {("plain-20", 0), ("plain-20", 1), ("plain-56", 0), ("plain-56", 1)}


def test_a_run_is_the_same_whatever_computed_it_and_whatever_it_is_called() -> None:
    spec = PLAN.arms[0].with_seed(0)
    machine = replace(spec.recipe, engine=Engine.EAGER, precision=Precision.FLOAT32)
    run = record(replace(spec, recipe=machine, name="mine"), study=PLAN.key)
    assert places(PLAN, [run])[0].run is run
    other_rate = record(replace(spec, recipe=replace(spec.recipe, learning_rate=0.5)), study=PLAN.key)
    other_order = record(spec.with_seeds(0, 1), study=PLAN.key)
    assert {place.run for place in places(PLAN, [other_rate, other_order])} == {None}


def test_other_studies_lend_what_has_ended_and_nothing_else() -> None:
    spec = PLAN.arms[0].with_seed(0)
    assert places(PLAN, [record(spec, study="another")])[0].run is not None
    assert places(PLAN, [record(spec, study="another", status=RunStatus.STOPPED)])[0].run is None


def test_the_run_that_came_farthest_counts_and_seeds_beyond_the_plan_are_found() -> None:
    spec = PLAN.arms[0].with_seed(0)
    stopped = record(spec, 1, status=RunStatus.STOPPED, iteration=249, study=PLAN.key)
    finished = record(spec, 2, study=PLAN.key)
    assert places(PLAN, [finished, stopped])[0].run is finished
    beyond = record(spec.with_seeds(8, 8), 3, study=PLAN.key)
    found = places(PLAN, [finished, beyond])
    assert [place.seed for place in found] == [0] * 4 + [1] * 4 + [2] * 4 + [8] * 4
    assert found[-4].run is beyond


def test_time_is_told_with_its_doubt() -> None:
    assert estimate(PLAN, known()) is None
    figures = [figure(depth, 0.01 * depth, block="plain", batch_size=64) for depth in (20, 32, 44, 56)]
    found = estimate(PLAN, known(*figures))
    assert found is not None
    steps = 250 + 5 * 2400 / 64 / 3
    assert found.seconds == pytest.approx(3 * steps * 0.01 * (20 + 32 + 44 + 56))
    assert found.low == pytest.approx(found.seconds / 1.25)
    assert found.high == pytest.approx(found.seconds * 1.25)
    assert Estimate(1, 480, 720).words == "8 to 12 min"
    runs = trained(PLAN, {arm.key: [50.0] for arm in PLAN.arms})
    left = estimate_left(work_left(PLAN, runs), known(*figures))
    assert left is not None
    assert left.seconds == pytest.approx(found.seconds * 2 / 3)
    assert estimate_left((), known()) == Estimate(0, 0, 0)


def test_what_goes_on_is_expected_to_go_on_as_fast_as_it_went() -> None:
    figures = [figure(20, 0.2, block="plain", batch_size=64)] * 9
    spec = PLAN.arm("plain-20").with_seed(0)
    facts = {"device": "cpu", "device_name": cpu_name(), "precision": "float32", "engine": "eager"}
    run = record(spec, status=RunStatus.STOPPED, iteration=100, seconds=500.0, environment=facts)
    found = estimate_left([Work(None, (run,))], known(*figures))
    assert found is not None
    steps = 150 + 3 * 2400 / 64 / 3  # three tests are left
    assert found.seconds == pytest.approx(5.0 * steps)
    unmeasured = changed(run, environment={})
    other = estimate_left([Work(None, (unmeasured,))], known(*figures))
    assert other is not None
    assert other.seconds == pytest.approx(0.2 * steps)


def test_the_disk_holds_two_checkpoints_of_each_run() -> None:
    run = RunSpec(network=residual(20))
    assert disk_bytes(run) == pytest.approx(2 * 2 * 4 * 269_722, rel=0.25)
    assert PLAN.disk_bytes == 3 * sum(disk_bytes(arm.spec) for arm in PLAN.arms)
