"""How runs ended, from curves and records."""

from __future__ import annotations

import math
from dataclasses import replace

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import RunSpec
from resnet_studio.studies.run_results import RunResult, run_result, run_results
from resnet_studio.studies.single_cohorts import plain, residual

from .records import curve, record

RUNS = [record(RunSpec(network=net), n) for n, net in enumerate((plain(20), residual(20), plain(56), residual(56)))]


def test_the_end_of_a_run_is_the_mean_of_its_last_fifty_iterations() -> None:
    training = curve(RUNS[0], Series.TRAINING_ERROR, [90.0] * 350 + [60.0] * 25 + [40.0] * 25)
    test = curve(RUNS[0], Series.TEST_ERROR, [80.0, 62.5])
    found = run_result(RUNS[0], training, test)
    assert (found.training_error, found.test_error) == (50.0, 62.5)


def test_without_curves_the_record_speaks() -> None:
    assert run_result(RUNS[0], None, None) == RunResult(RUNS[0], 50.0, 55.0)
    empty = curve(RUNS[0], Series.TRAINING_ERROR, [])
    assert run_result(replace(RUNS[0], training_error=None), empty, None).training_error is None


def test_what_is_not_finite_is_no_result() -> None:
    training = curve(RUNS[0], Series.TRAINING_ERROR, [math.nan] * 3)
    assert run_result(RUNS[0], training, None).training_error is None


def test_curves_find_their_runs() -> None:
    curves = {(run.id, Series.TRAINING_ERROR): curve(run, Series.TRAINING_ERROR, [i]) for i, run in enumerate(RUNS)}
    assert [found.training_error for found in run_results(RUNS, curves)] == [0, 1, 2, 3]


def test_a_diverged_run_counts_as_the_worst() -> None:
    gone = RunResult(replace(RUNS[0], status=RunStatus.DIVERGED), 40.0, None)
    assert (gone.ended, gone.diverged, gone.counted(gone.training_error)) == (True, True, 100.0)
    stopped = RunResult(replace(RUNS[0], status=RunStatus.STOPPED), 40.0, None)
    assert (stopped.ended, stopped.counted(40.0)) == (False, 40.0)
