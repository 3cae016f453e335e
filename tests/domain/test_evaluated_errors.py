"""Evaluated errors beside those of training: which one is the run's, and which are compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from resnet_studio.domain.comparison import Quantity, deltas, result, summary_csv
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import EvaluatedError, RunRecord, run_json
from resnet_studio.domain.specs import RunSpec

DAY = datetime(2024, 5, 1, tzinfo=UTC)
SINGLE, TEN = Protocol(), Protocol(kind=ProtocolKind.TEN_CROP)


def run(name: str, *evaluated: EvaluatedError) -> RunRecord:
    return RunRecord(
        id=name, cohort_id=name, name=name, status=RunStatus.FINISHED, reason="", spec=RunSpec(), iteration=600,
        training_error=1.0, test_error=9.0, best_test_error=8.5, parameters=1, multiply_adds=1, weights_sha256="ab",
        created_at=DAY, updated_at=DAY, seconds=3.0, colour="#0072B2", evaluated=evaluated,
    )  # fmt: skip


def error(top1: float, protocol: Protocol = SINGLE, **changes) -> EvaluatedError:
    return replace(EvaluatedError(protocol, "cifar10", 10_000, top1, 1.0), **changes)


def test_the_newest_of_the_present_weights_is_the_runs_error():
    one = run("one", error(5.0, outdated=True), error(8.0, TEN), error(8.5))
    assert result(one, Quantity.EVALUATED_ERROR) == 8.0
    assert result(run("none"), Quantity.EVALUATED_ERROR) is None
    assert [e["top1_error"] for e in run_json(one)["evaluated"]] == [5.0, 8.0, 8.5]


def test_errors_of_different_tests_are_not_subtracted():
    base, same = run("base", error(9.0)), run("same", error(8.0))
    found = deltas([base, same, run("ten", error(7.0, TEN)), run("few", error(7.0, images=100))], base)
    assert {name: row[Quantity.EVALUATED_ERROR] for name, row in found.items()} == {
        "base": 0.0,
        "same": -1.0,
        "ten": None,
        "few": None,
    }
    assert "evaluated_error_delta" in summary_csv([base, same], base).splitlines()[0]
