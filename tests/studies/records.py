"""Stored runs and curves as values, without a history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import Curve, EvaluationSummary, RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import RunSpec
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.stored import StoredStudy, stored_study

MOMENT = datetime(2024, 5, 1, tzinfo=UTC)


def record(spec: RunSpec, number: int = 0, *, training_error: float | None = 50.0, **fields: object) -> RunRecord:
    values: dict[str, object] = {
        "id": f"run{number:05}", "cohort_id": "c", "name": spec.label, "status": RunStatus.FINISHED, "reason": "",
        "spec": spec, "iteration": spec.recipe.iterations, "training_error": training_error, "test_error": 55.0,
        "best_test_error": 54.0, "parameters": 1, "multiply_adds": 1, "weights_sha256": None, "created_at": MOMENT,
        "updated_at": MOMENT, "seconds": 0.0, "colour": "#0072B2",
    }  # fmt: skip
    return RunRecord(**{**values, **fields})  # type: ignore[arg-type]


def curve(run: RunRecord, series: Series, values: Sequence[float]) -> Curve:
    return Curve(run.id, series, np.arange(1, len(values) + 1), np.array(values, dtype=np.float32))


class Shelf:
    """What a study asks of a history, from lists."""

    def __init__(
        self,
        runs: Sequence[RunRecord],
        curves: Mapping[tuple[str, Series], Curve] | None = None,
        evaluations: Sequence[EvaluationSummary] = (),
    ) -> None:
        self._runs, self._curves, self._evaluations = list(runs), curves or {}, evaluations

    def list_runs(self) -> list[RunRecord]:
        return self._runs

    def curves(self, run_ids: Sequence[str], series: Sequence[Series]) -> Mapping[tuple[str, Series], Curve]:
        return {key: found for key, found in self._curves.items() if key[0] in run_ids and key[1] in series}

    def evaluations(self) -> Sequence[EvaluationSummary]:
        return self._evaluations


def trained(plan: StudyPlan, errors: Mapping[str, Sequence[float | None]], **fields: object) -> list[RunRecord]:
    """A finished run for each arm's key and each error, with the seeds 0, 1, ...; None: it diverged."""
    runs = []
    for key, values in errors.items():
        for seed, error in enumerate(values):
            status = RunStatus.DIVERGED if error is None else RunStatus.FINISHED
            spec = plan.arm(key).with_seed(seed)
            runs.append(
                record(spec, len(runs), training_error=error, test_error=error, status=status,
                       study=plan.key, cohort_id=f"cohort{seed}", **fields)
            )  # fmt: skip
    return runs


def stored(plan: StudyPlan, errors: Mapping[str, Sequence[float | None]], **fields: object) -> StoredStudy:
    return stored_study(plan, Shelf(trained(plan, errors, **fields)))
