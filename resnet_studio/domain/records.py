"""What the history hands out: frozen, detached values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import RunSpec
from resnet_studio.domain.text_numbers import grouped, percent
from resnet_studio.text import _, _n

NOT_KNOWN = _("not known")
_STORED_PREPROCESSING = "recipe.normalisation"  # what a run does to its images, wherever it was trained


@dataclass(frozen=True, slots=True)
class EvaluatedError:
    """What one run got on a labelled test set under one protocol, alone or as a member of an ensemble.

    Attributes:
        data: Source of the test set.
        images: How many were seen.
        top1, top5: In percent; top-5 is None for a member of an ensemble.
        outdated: The run has other weights by now.
    """

    protocol: Protocol
    data: str
    images: int
    top1: float
    top5: float | None
    outdated: bool = False

    @property
    def measure(self) -> tuple[str, str, int]:
        """Only errors with the same one may be compared: protocol, data and number of images."""
        return self.protocol.key, self.data, self.images

    @property
    def sentence(self) -> str:
        """``6.61 % (top-5 0.20 %), single view, 10 000 images of`` the data."""
        top5 = "" if self.top5 is None else _(" (top-5 {error})", error=percent(self.top5))
        old = _(", with other weights than now") if self.outdated else ""
        return _(
            "{error}{top5}, {protocol}, {images} of {data}{old}",
            error=percent(self.top1),
            top5=top5,
            protocol=self.protocol.label,
            images=_n("{number} image", "{number} images", self.images, number=grouped(self.images)),
            data=self.data,
            old=old,
        )


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One stored run. Errors in percent, None where not measured or not finite; times are UTC; seconds of training.

    ``environment`` holds what the bits depend on (device, precision, threads, versions, data checksum);
    ``class_names`` is empty until the data was first opened; ``evaluated`` has the newest first; ``ended_at`` is None
    before the end, and of runs of earlier programs.
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
    archived: bool = False
    evaluated: tuple[EvaluatedError, ...] = ()
    ended_at: datetime | None = None

    @property
    def end_order(self) -> tuple[bool, datetime]:
        """Rises from run to run in the order in which they ended.

        Those whose end was not noted come before all others, in the order in which they were made.
        """
        return (False, self.created_at) if self.ended_at is None else (True, self.ended_at)

    @property
    def evaluated_error(self) -> EvaluatedError | None:
        """The newest evaluation of the weights that the run has now."""
        return next((found for found in self.evaluated if not found.outdated), None)

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
    def imported(self) -> bool:
        """Trained by another program: its recipe, seeds and data are not known; the specification has stopgaps."""
        return self.status is RunStatus.IMPORTED

    @property
    def constructed_from(self) -> str:
        """Of an imported run whose weights were built here from another run's: that run's id and iteration."""
        return self.environment.get("constructed_from", "")

    @property
    def constructed_from_weights(self) -> str:
        """Likewise: the digest of the weights it was built from."""
        return self.environment.get("constructed_from_weights", "")

    def knows(self, field: str) -> bool:
        """Whether the specification's value of a field, by its dotted name, is a fact and no stopgap.

        Of weights of another program only the network is, and what they do to their images; of a net that was built
        here also the data, those of the run it was built from.
        """
        if not self.imported:
            return True
        part = field.partition(".")[0]
        if part == "data":
            return bool(self.constructed_from) and self.spec.data.known
        return part in ("schema_version", "name", "network") or field == _STORED_PREPROCESSING

    @property
    def data_known(self) -> bool:
        return self.knows("data")

    @property
    def short_id(self) -> str:
        return self.id[:8]


def refuse_ended(runs: Iterable[RunRecord]) -> None:
    """Raises UserError if one of them cannot go on."""
    for run in runs:
        if not run.resumable:
            raise UserError(
                _(
                    "Run {name} ({short_id}) is {status}; only a run that has not ended can go on.",
                    name=run.name,
                    short_id=run.short_id,
                    status=run.status,
                )
            )


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One whole series of one run, iterations rising, no iteration twice.

    Of a series of layers the values have the shape (points, layers).
    """

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
    """One image seen by one run: predictions by falling probability, or the sentence that says why there are none.

    ``views`` of the test protocol's ``of`` views are averaged in the predictions. 0 views: a first answer from the
    single view, which the protocol's own views then replace. ``note``: what was done to the file's pixels that a person
    may not expect, as a sentence, or empty.
    """

    path: str
    run_id: str
    predictions: tuple[Prediction, ...] = ()
    error: str = ""
    views: int = 1
    of: int = 1
    note: str = ""

    @property
    def final(self) -> bool:
        return self.views == self.of


class _Errors:
    """The errors of an ensemble, as an evaluation and its summary both have them."""

    __slots__ = ()
    run_ids: tuple[str, ...]
    top1_error: float
    member_errors: tuple[float, ...]

    @property
    def is_ensemble(self) -> bool:
        return len(self.run_ids) > 1

    @property
    def gain(self) -> float | None:
        """Percentage points by which the ensemble is better than its best member; None for one run."""
        return min(self.member_errors) - self.top1_error if self.member_errors else None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation(_Errors):
    """Errors of one run, or of an ensemble of runs, on a labelled test set under one protocol. Errors in percent.

    Attributes:
        run_ids: One run, or the members of the ensemble.
        data_seed: The data draw; with ``data`` and ``data_sha256`` it fixes which images were seen.
        class_names: The data's, in its order; all class numbers below count in it.
        confusion: int64 (classes, classes), images by true class (rows) and predicted class (columns).
        labels: int32 (images,), true classes.
        predicted: int32 (images,), the most probable class.
        confidence: float32 (images,), its probability.
        names: (images,), what the data calls each image: a file's path in the folder, or its number.
        member_errors: Top-1 error of each member of an ensemble under the same protocol; empty for one run.
        weights: SHA-256 of each run's weights.
        iterations: Of the checkpoint of each run.
        seconds: What it took.
        skipped: Files that could not be read.
        notes: How many images had what done to them that a person may not expect, a sentence each.
    """

    id: str
    run_ids: tuple[str, ...]
    protocol: Protocol
    data: str
    data_seed: int
    data_sha256: str
    images: int
    top1_error: float
    top5_error: float
    class_names: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float32]
    names: tuple[str, ...]
    member_errors: tuple[float, ...]
    weights: tuple[str, ...]
    iterations: tuple[int, ...]
    created_at: datetime
    seconds: float
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def per_class_errors(self) -> tuple[float | None, ...]:
        """Top-1 error of each class in percent, None for a class without test images."""
        right, all_of = np.diagonal(self.confusion), self.confusion.sum(axis=1)
        return tuple(
            100.0 * float(n - k) / float(n) if n else None for k, n in zip(right.tolist(), all_of.tolist(), strict=True)
        )

    def cell(self, label: int, predicted: int) -> npt.NDArray[np.int64]:
        """Positions of the images of one cell of the confusion matrix, the most confident first."""
        places = np.flatnonzero((self.labels == label) & (self.predicted == predicted))
        return places[np.argsort(-self.confidence[places], kind="stable")]


@dataclass(frozen=True, slots=True)
class EvaluationSummary(_Errors):
    """A stored evaluation without its images, for lists; fields as in :class:`Evaluation`.

    Attributes:
        outdated: For each member, whether its run has other weights by now.
        skipped: How many files could not be read.
    """

    id: str
    run_ids: tuple[str, ...]
    protocol: Protocol
    data: str
    data_seed: int
    data_sha256: str
    images: int
    classes: int
    top1_error: float
    top5_error: float
    member_errors: tuple[float, ...]
    weights: tuple[str, ...]
    iterations: tuple[int, ...]
    outdated: tuple[bool, ...]
    created_at: datetime
    seconds: float
    skipped: int = 0


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def run_json(run: RunRecord) -> dict[str, object]:
    """A run as the command line prints it with ``--json``; of an imported one, null where nothing is known."""
    spec = run.spec.model_dump(mode="json")
    spec |= {part: None for part in spec if not run.knows(part)}
    return {
        "id": run.id,
        "name": run.name,
        "status": str(run.status),
        "reason": run.reason,
        "depth": run.spec.network.depth,
        "block": str(run.spec.network.block),
        "shortcut": str(run.spec.network.shortcut),
        "data": run.spec.data.source if run.data_known else None,
        "seed": None if run.imported else run.spec.recipe.init_seed,
        "iteration": None if run.imported else run.iteration,
        "iterations": None if run.imported else run.iterations,
        "train_error": _number(run.training_error),
        "test_error": _number(run.test_error),
        "best_test_error": _number(run.best_test_error),
        "evaluated": [
            {
                "protocol": found.protocol.key,
                "data": found.data,
                "images": found.images,
                "top1_error": found.top1,
                "top5_error": found.top5,
                "outdated": found.outdated,
            }
            for found in run.evaluated
        ],
        "parameters": run.parameters,
        "multiply_adds": run.multiply_adds,
        "weights_sha256": run.weights_sha256,
        "created_at": run.created_at.isoformat(),
        "ended_at": None if run.ended_at is None else run.ended_at.isoformat(),
        "seconds": None if run.imported else round(run.seconds, 3),
        "cohort": run.cohort_id,
        "study": run.study,
        "note": run.note,
        "tags": list(run.tags),
        "class_names": list(run.class_names),
        "environment": dict(run.environment),
        "spec": spec,
    }
