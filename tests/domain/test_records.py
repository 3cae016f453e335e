"""Records: what the command line promises of a run's JSON, and sums over curves."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from resnet_studio.domain.colours import OKABE_ITO, colour_for_depth
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import Curve, RunRecord, run_json
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import RunSpec

PROMISED = (
    "id name status reason depth block shortcut data seed iteration iterations train_error test_error best_test_error "
    "parameters multiply_adds weights_sha256 created_at seconds"
)


@pytest.fixture
def record() -> RunRecord:
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    return RunRecord(
        id="0123456789abcdef", cohort_id="c", name="mine", status=RunStatus.STOPPED, reason="", spec=RunSpec(),
        iteration=5, training_error=12.5, test_error=float("nan"), best_test_error=None, parameters=269_722,
        multiply_adds=1, weights_sha256=None, created_at=moment, updated_at=moment, seconds=1.23456, colour="#000000",
    )  # fmt: skip


def test_the_json_of_a_run_holds_what_was_promised(record: RunRecord) -> None:
    told = json.loads(json.dumps(run_json(record), allow_nan=False))
    assert set(PROMISED.split()) <= set(told)
    assert (told["block"], told["shortcut"], told["data"], told["iterations"]) == ("basic", "A", "builtin", 64_000)
    assert told["test_error"] is None
    assert told["created_at"] == "2024-05-01T12:00:00+00:00"
    assert RunSpec.model_validate(told["spec"]) == record.spec


def test_what_has_not_ended_and_is_not_active_is_resumable(record: RunRecord) -> None:
    resumable = {status for status in RunStatus if replace(record, status=status).resumable}
    assert resumable == {RunStatus.QUEUED, RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED}


def curve(values: list[float]) -> Curve:
    return Curve("r", Series.TRAINING_ERROR, np.arange(1, len(values) + 1), np.array(values, dtype=np.float32))


def test_the_mean_of_the_last_points() -> None:
    assert curve([1, 2, 3, 4]).mean_of_last(2) == 3.5
    assert curve([1, 2]).mean_of_last(50) == 1.5
    assert curve([]).mean_of_last(50) is None
    assert curve([]).last is None
    assert math.isnan(curve([1, math.nan]).mean_of_last(2) or 0)


def test_depths_of_one_figure_have_different_colours() -> None:
    assert len({colour_for_depth(depth) for depth in (20, 32, 44, 56, 110)}) == 5
    assert all(colour_for_depth(6 * n + 2) in OKABE_ITO for n in range(1, 201))
