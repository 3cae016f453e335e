"""Groups of runs: what they share, what is averaged, and how they are named."""

from __future__ import annotations

import csv
import io
from dataclasses import replace as changed
from datetime import UTC, datetime
from statistics import fmean, stdev
from uuid import uuid4

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.grouping import ALL_BUT_SEEDS, group_runs, grouping_text, groups_csv, statistic
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import EvaluatedError, RunRecord
from resnet_studio.domain.run_fields import find_field
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec

from ..waiting import thread_seconds

TEST_ERROR, EVALUATED = find_field("test_error"), find_field("evaluated_error")


def record(depth: int, block: str, seed: int, error: float | None, **recipe: object) -> RunRecord:
    network = NetworkSpec(depth=depth, block=block)
    spec = RunSpec(network=network, recipe=RecipeSpec(init_seed=seed, data_seed=seed, **recipe), data=DataSpec())
    return RunRecord(
        id=uuid4().hex, cohort_id="c" * 32, name=f"my {seed}", status=RunStatus.FINISHED, reason="", spec=spec,
        iteration=600, training_error=1.0, test_error=error, best_test_error=0.5, parameters=1, multiply_adds=1,
        weights_sha256="ab", created_at=datetime(2026, 1, 1, tzinfo=UTC),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC), seconds=3.0, colour="#0072B2",
    )  # fmt: skip


@pytest.fixture
def runs() -> list[RunRecord]:
    return [record(d, b, s, d + s**2) for s in range(4) for d in (20, 56) for b in ("plain", "basic")]


T_975 = {2: 12.706204736432095, 3: 4.302652729911275, 4: 3.182446305284263, 30: 2.045229642132703}  # by count; tables


@pytest.mark.parametrize("values", [[8.7, 9.1], [8.7, 9.1, 8.9], [1.0, 1.0, 1.0, 1.0], list(map(float, range(30)))])
def test_mean_deviation_and_interval(values: list[float]) -> None:
    found = statistic(values)
    assert found.count == len(values)
    assert found.mean == pytest.approx(fmean(values), rel=1e-12)
    assert found.deviation == pytest.approx(stdev(values), rel=1e-12, abs=1e-12)
    half = T_975[len(values)] * stdev(values) / len(values) ** 0.5
    assert (found.low, found.high) == pytest.approx((fmean(values) - half, fmean(values) + half), rel=1e-9)


def test_few_values_claim_little() -> None:
    assert statistic([]) is None
    alone = statistic([5.0])
    assert (alone.count, alone.mean, alone.deviation, alone.low) == (1, 5.0, None, None)
    assert (alone.text, alone.interval_text) == ("5.00", "–")
    assert statistic([1.0, 3.0]).interval_text == "\N{MINUS SIGN}10.71 to 14.71"


def test_all_but_the_seed(runs: list[RunRecord]) -> None:
    groups = group_runs(runs, ALL_BUT_SEEDS)
    assert [group.name for group in groups] == ["plain-20", "ResNet-20", "plain-56", "ResNet-56"]
    assert {len(group.runs) for group in groups} == {4}
    assert groups[0].statistic(TEST_ERROR).mean == 20 + (0 + 1 + 4 + 9) / 4
    assert [group.id for group in group_runs(runs[4:], ALL_BUT_SEEDS)] == [group.id for group in groups]


def test_groups_of_one_network_are_named_by_what_differs(runs: list[RunRecord]) -> None:
    more = [record(20, "plain", seed, 9.0, learning_rate=0.05) for seed in range(2)]
    names = [group.name for group in group_runs([*runs, *more], ALL_BUT_SEEDS)]
    assert names == [
        "plain-20 · learning rate 0.1", "ResNet-20", "plain-56", "ResNet-56", "plain-20 · learning rate 0.05",
    ]  # fmt: skip
    elsewhere = [changed(run, id=uuid4().hex, environment={"data_sha256": "x"}) for run in runs[:1]]
    assert len({group.name for group in group_runs([*runs, *elsewhere], ALL_BUT_SEEDS)}) == 5


def test_by_any_fields(runs: list[RunRecord]) -> None:
    assert [(group.name, len(group.runs)) for group in group_runs(runs, ("depth",))] == [
        ("depth 20", 8),
        ("depth 56", 8),
    ]
    assert [group.name for group in group_runs(runs, ("block", "depth"))][:2] == ["plain, depth 20", "basic, depth 20"]
    assert grouping_text(("block", "depth")) == "Block, Depth"
    assert len(group_runs(runs, ("nonsense",))) == 1


def test_plain_and_residual_runs_together_are_neither(runs: list[RunRecord]) -> None:
    by_depth = group_runs(runs, ("depth",))
    assert {group.residual for group in by_depth} == {None}
    assert {group.residual for group in group_runs(runs, ALL_BUT_SEEDS)} == {True, False}


def test_what_is_not_whole_is_not_averaged_and_the_same_run_twice_counts_once(runs: list[RunRecord]) -> None:
    twice = changed(runs[0], id=uuid4().hex, test_error=50.0)
    stopped = changed(record(20, "plain", 9, 90.0), status=RunStatus.STOPPED)
    diverged = changed(record(20, "plain", 10, None), status=RunStatus.DIVERGED)
    group = group_runs([*runs, twice, stopped, diverged], ALL_BUT_SEEDS)[0]
    assert len(group.runs) == 7
    assert group.statistic(TEST_ERROR).count == 4
    assert group.statistic(TEST_ERROR).mean == 20 + 14 / 4
    assert group.left_out == "1 stopped, 1 diverged"


def test_errors_of_different_tests_have_no_mean(runs: list[RunRecord]) -> None:
    single = EvaluatedError(Protocol(), "x", 100, 8.0, 1.0)
    ten = changed(single, protocol=Protocol(kind=ProtocolKind.TEN_CROP), top1=7.0)
    alike = [changed(run, evaluated=(single,)) for run in runs[::4]]
    assert group_runs(alike, ALL_BUT_SEEDS)[0].statistic(EVALUATED).mean == 8.0
    mixed = [*alike[:3], changed(alike[3], evaluated=(ten,))]
    assert group_runs(mixed, ALL_BUT_SEEDS)[0].statistic(EVALUATED) is None


def test_ten_thousand_runs_group_quickly() -> None:
    """Wanted: 0.15 s."""
    some = [record(d, b, s, 8.0) for s in range(10) for d in (20, 32, 44, 56, 110) for b in ("plain", "basic")]
    runs = some * 100
    means: list[object] = []

    def group() -> None:
        means[:] = [group.statistic(TEST_ERROR) for group in group_runs(runs, ALL_BUT_SEEDS)]

    seconds = thread_seconds(group, 3)
    assert len(means) == 10
    print(f"{seconds:.3f} s")
    assert seconds < 0.45


def test_groups_are_written_as_they_are_shown(runs: list[RunRecord]) -> None:
    groups = group_runs([*runs, changed(record(20, "plain", 9, 1.0), status=RunStatus.STOPPED)], ("depth", "block"))
    rows = list(csv.DictReader(io.StringIO(groups_csv(groups, groups[1].id))))
    assert [row["group"] for row in rows] == [group.name for group in groups]
    first, found = rows[0], groups[0].statistic(TEST_ERROR)
    assert (first["test_error_n"], first["left_out"]) == ("4", "1 stopped")
    assert first["runs"].split() == [run.id for run in groups[0].counted]
    wanted = (found.mean, found.deviation, found.low, found.high)
    assert [float(first[f"test_error_{part}"]) for part in ("mean", "deviation", "low", "high")] == [
        pytest.approx(value, rel=1e-5) for value in wanted
    ]
    assert float(first["test_error_delta"]) == pytest.approx(found.mean - groups[1].statistic(TEST_ERROR).mean)
    assert (first["evaluated_error_n"], first["evaluated_error_mean"]) == ("0", "")
    assert "delta" not in groups_csv(groups).splitlines()[0]
