"""How runs ended: training and test error of each, from records and curves alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.studies.rule import WORST_ERROR

Curves = Mapping[tuple[str, Series], Curve]


@dataclass(frozen=True, slots=True)
class RunResult:
    """Errors in percent, None where not measured or not finite."""

    run: RunRecord
    training_error: float | None
    test_error: float | None

    @property
    def depth(self) -> int:
        return self.run.spec.network.depth

    @property
    def label(self) -> str:
        return self.run.spec.network.label

    @property
    def diverged(self) -> bool:
        return self.run.status is RunStatus.DIVERGED

    @property
    def ended(self) -> bool:
        """Whether it counts for a verdict: finished or diverged."""
        return self.run.status.ended

    def counted(self, error: float | None) -> float | None:
        """``error`` as verdicts count it: a diverged run has the worst there is."""
        return WORST_ERROR if self.diverged else error


def run_result(run: RunRecord, training_error: Curve | None, test_error: Curve | None) -> RunResult:
    """Training error: mean of the last iterations; test error: the last one; without a curve, the record's."""
    training = (
        training_error.mean_of_last(TRAINING_ERROR_WINDOW)
        if training_error is not None and len(training_error)
        else None
    )
    test = test_error.last if test_error is not None and len(test_error) else None
    return RunResult(
        run,
        _finite(training if training is not None else run.training_error),
        _finite(test if test is not None else run.test_error),
    )


def run_results(runs: Iterable[RunRecord], curves: Curves) -> tuple[RunResult, ...]:
    """One result per run; ``curves`` is what the history hands out for training and test error."""
    return tuple(
        run_result(run, curves.get((run.id, Series.TRAINING_ERROR)), curves.get((run.id, Series.TEST_ERROR)))
        for run in runs
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
