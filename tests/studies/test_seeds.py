"""Runs that differ in seeds alone: which they are, and what is said of them."""

from __future__ import annotations

from dataclasses import replace as with_fields
from datetime import UTC, datetime
from typing import Any

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import RunSpec, replace
from resnet_studio.studies.seeds import seed_group, seed_groups


def run(number: int, error: float | None, *, name: str = "", status: RunStatus = RunStatus.FINISHED, **recipe: Any):
    spec = RunSpec(name=name)
    spec = replace(spec, recipe=replace(spec.recipe, **{"init_seed": number, "data_seed": number, **recipe}))
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    return RunRecord(
        id=f"run{number}", cohort_id="c", name=spec.label, status=status, reason="", spec=spec, iteration=1,
        training_error=1.0, test_error=error, best_test_error=None if error is None else error - 0.2, parameters=1,
        multiply_adds=1, weights_sha256=None, created_at=moment, updated_at=moment, seconds=0.0, colour="#0072B2",
    )  # fmt: skip


def test_mean_and_sample_deviation_of_last_errors() -> None:
    runs = [run(0, 8.9), run(1, 9.1, name="mine"), run(2, 8.7)]
    group = seed_group(runs[1], runs)
    assert (group.count, group.mean, group.deviation) == (3, pytest.approx(8.9), pytest.approx(0.2))
    assert group.sentence == "last 8.90 ± 0.20 % over 3 seeds (best 8.50 %)"


def test_another_recipe_state_data_or_the_same_seeds_do_not_count() -> None:
    first = run(0, 8.9)
    seen = with_fields(first, environment={"data_sha256": "a"})
    others = [
        run(1, 9.1, batch_size=64),
        run(2, 9.1, status=RunStatus.STOPPED),
        with_fields(run(0, 8.9), id="again"),
        with_fields(run(3, 9.9), environment={"data_sha256": "b"}),
    ]
    assert seed_group(seen, [seen, *others]).count == 1
    assert seed_group(seen, [seen, *others]).sentence == "last 8.90 %, 1 seed (best 8.70 %)"
    assert seed_group(others[1], [first, others[1]]).runs == (others[1],)


def test_a_run_without_an_error_says_nothing_and_is_not_averaged() -> None:
    assert seed_group(run(0, None), []).sentence == ""
    runs = [run(0, 8.0), run(1, None), run(2, float("nan"))]
    assert seed_group(runs[0], runs).sentence == "last 8.00 %, 1 seed (best 7.80 %)"


def test_groups_are_found_once_each() -> None:
    runs = [run(0, 8.0), run(0, 20.0, batch_size=64), run(1, 9.0), run(1, 21.0, batch_size=64), run(2, 9.0, momentum=0)]
    runs = [with_fields(one, id=f"id{number}") for number, one in enumerate(runs)]
    assert [[member.id for member in group.runs] for group in seed_groups(runs)] == [["id0", "id2"], ["id1", "id3"]]
