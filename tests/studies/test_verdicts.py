"""Verdicts: pure functions from records and curves to numbers and sentences."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import RunSpec
from resnet_studio.studies.catalog import find_study, plain, residual
from resnet_studio.studies.verdicts import (
    Outcome,
    Question,
    outcome,
    outcomes,
    plain_and_residual,
    shallow_and_deep,
    verdicts,
)


def record(spec: RunSpec, number: int = 0) -> RunRecord:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    return RunRecord(
        id=f"run{number}", cohort_id="c", name=spec.label, status=RunStatus.FINISHED, reason="", spec=spec,
        iteration=400, training_error=50.0, test_error=55.0, best_test_error=54.0, parameters=1, multiply_adds=1,
        weights_sha256=None, created_at=moment, updated_at=moment, seconds=0.0, colour="#0072B2",
    )  # fmt: skip


NETWORKS = (plain(20), residual(20), plain(56), residual(56))
RUNS = [record(RunSpec(network=network), number) for number, network in enumerate(NETWORKS)]


def results(*errors: float | None) -> list[Outcome]:
    """Of plain-20, ResNet-20, plain-56, ResNet-56."""
    return [Outcome(run, error, None) for run, error in zip(RUNS, errors, strict=True)]


def curve(run: RunRecord, series: Series, values: list[float]) -> Curve:
    return Curve(run.id, series, np.arange(1, len(values) + 1), np.array(values, dtype=np.float32))


def test_the_end_of_a_run_is_the_mean_of_its_last_fifty_iterations() -> None:
    training = curve(RUNS[0], Series.TRAINING_ERROR, [90.0] * 350 + [60.0] * 25 + [40.0] * 25)
    test = curve(RUNS[0], Series.TEST_ERROR, [80.0, 62.5])
    found = outcome(RUNS[0], training, test)
    assert (found.training_error, found.test_error) == (50.0, 62.5)


def test_without_curves_the_record_speaks() -> None:
    assert outcome(RUNS[0], None, None) == Outcome(RUNS[0], 50.0, 55.0)
    empty = curve(RUNS[0], Series.TRAINING_ERROR, [])
    assert outcome(replace(RUNS[0], training_error=None), empty, None).training_error is None


def test_what_is_not_finite_is_no_result() -> None:
    training = curve(RUNS[0], Series.TRAINING_ERROR, [math.nan] * 3)
    assert outcome(RUNS[0], training, None).training_error is None


def test_curves_find_their_runs() -> None:
    curves = {(run.id, Series.TRAINING_ERROR): curve(run, Series.TRAINING_ERROR, [i]) for i, run in enumerate(RUNS)}
    assert [found.training_error for found in outcomes(RUNS, curves)] == [0, 1, 2, 3]


def test_the_paper_in_four_sentences() -> None:
    """The shape of Figure 6: depth hurts the plain net, helps the residual one, and shortcuts help more when deep."""
    found = verdicts(results(58.2, 50.8, 81.5, 48.0))
    assert [verdict.sentence for verdict in found] == [
        "From plain-20 to plain-56, more depth raises the training error by 23.3 points (81.5 % against 58.2 %).",
        "From ResNet-20 to ResNet-56, more depth lowers the training error by 2.8 points (48.0 % against 50.8 %).",
        "At 20 layers, shortcuts lower the training error by 7.4 points (50.8 % against 58.2 %).",
        "At 56 layers, shortcuts lower the training error by 33.5 points (48.0 % against 81.5 %).",
    ]
    assert [verdict.difference for verdict in found] == pytest.approx([23.3, -2.8, -7.4, -33.5])
    assert all(verdict.clear for verdict in found)


def test_a_small_difference_is_called_none() -> None:
    found = plain_and_residual(results(50.0, 49.5, 50.0, 51.5))
    assert [verdict.clear for verdict in found] == [False, True]
    assert "hardly change" in found[0].sentence
    assert "raise the training error by 1.5 points" in found[1].sentence


def test_runs_without_a_number_are_left_out() -> None:
    assert verdicts(results(None, None, None, None)) == ()
    found = verdicts(results(50.0, None, 60.0, 40.0))
    assert [(v.question, v.first.label, v.second.label) for v in found] == [
        (Question.DEPTH, "plain-20", "plain-56"),
        (Question.SHORTCUT, "plain-56", "ResNet-56"),
    ]


def test_order_does_not_matter() -> None:
    given = results(58.2, 50.8, 81.5, 48.0)
    assert verdicts(given[::-1]) == verdicts(given)


def test_every_shortcut_meets_the_plain_net_and_depths_are_compared_within_a_kind() -> None:
    runs = [record(spec, i) for i, spec in enumerate(find_study("shortcuts").cohort(0).runs)]
    found = [Outcome(run, float(i), None) for i, run in enumerate(runs)]
    assert [verdict.second.label for verdict in plain_and_residual(found)] == [
        "ResNet-20",
        "ResNet-20 B",
        "ResNet-20 C",
    ]
    assert shallow_and_deep(found) == ()
    four = [record(spec, i) for i, spec in enumerate(find_study("figure-6").cohort(0).runs)]
    pairs = [(v.first.depth, v.second.depth) for v in shallow_and_deep([Outcome(run, 1.0, None) for run in four])]
    assert pairs == [(20, 32), (32, 44), (44, 56)] * 2
