"""What the history hands out: frozen, detached values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.specs import RunSpec
from resnet_studio.domain.terms import RunStatus, Series


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One stored run. Errors in percent, None where not measured or not finite; times are UTC; seconds of training.

    ``environment`` holds what the bits depend on (device, precision, threads, versions, data checksum);
    ``class_names`` is empty until the data was first opened.
    """

    id: str
    cohort_id: str
    name: str
    status: RunStatus
    reason: str
    spec: RunSpec
    iteration: int
    training_error: float | None
    test_error: float | None
    best_test_error: float | None
    parameters: int
    multiply_adds: int
    weights_sha256: str | None
    created_at: datetime
    updated_at: datetime
    seconds: float
    colour: str
    note: str = ""
    study: str = ""
    tags: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    deleted: bool = False

    @property
    def iterations(self) -> int:
        return self.spec.recipe.iterations

    @property
    def residual(self) -> bool:
        return self.spec.network.residual

    @property
    def resumable(self) -> bool:
        return self.status.resumable

    @property
    def short_id(self) -> str:
        return self.id[:8]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One whole series of one run, iterations rising, no iteration twice."""

    run_id: str
    series: Series
    iterations: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def last(self) -> float | None:
        return float(self.values[-1]) if len(self.values) else None

    def mean_of_last(self, count: int) -> float | None:
        """Mean of the last ``count`` values, None without any."""
        return float(np.mean(self.values[-count:], dtype=np.float64)) if len(self.values) else None


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A whole checkpoint; ``folder`` is relative to the runs folder."""

    run_id: str
    iteration: int
    folder: str
    weights_sha256: str
    seconds: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Prediction:
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image that is no file, such as a pasted one: its encoded bytes (PNG, JPEG, ...) under a name of its own."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Classification:
    """One image seen by one run: predictions by falling probability, or the sentence that says why there are none."""

    path: str
    run_id: str
    predictions: tuple[Prediction, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Errors of one run on a labelled test set, in percent."""

    run_id: str
    protocol: str
    data: str
    images: int
    top1_error: float
    top5_error: float
    skipped: tuple[str, ...] = ()


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def run_json(run: RunRecord) -> dict[str, object]:
    """A run as the command line prints it with ``--json``."""
    return {
        "id": run.id,
        "name": run.name,
        "status": str(run.status),
        "reason": run.reason,
        "depth": run.spec.network.depth,
        "block": str(run.spec.network.block),
        "shortcut": str(run.spec.network.shortcut),
        "data": run.spec.data.source,
        "seed": run.spec.recipe.init_seed,
        "iteration": run.iteration,
        "iterations": run.iterations,
        "train_error": _number(run.training_error),
        "test_error": _number(run.test_error),
        "best_test_error": _number(run.best_test_error),
        "parameters": run.parameters,
        "multiply_adds": run.multiply_adds,
        "weights_sha256": run.weights_sha256,
        "created_at": run.created_at.isoformat(),
        "seconds": round(run.seconds, 3),
        "cohort": run.cohort_id,
        "study": run.study,
        "note": run.note,
        "tags": list(run.tags),
        "class_names": list(run.class_names),
        "environment": dict(run.environment),
        "spec": run.spec.model_dump(mode="json"),
    }
