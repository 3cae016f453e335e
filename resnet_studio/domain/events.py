"""What happens during training, as frozen, picklable values.

The recorder stores each event first; then the same event is shown. Curves travel as chunks of many iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.series import Series

Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CurveChunk:
    """Points of one series of one run: ``values[i]`` belongs to iteration ``first_iteration + i * stride``.

    Iterations count from 1: the point of iteration k describes the k-th weight update, or the weights after it. A test
    error before training has iteration 0. Values may be NaN or infinite; those of a series of layers have the shape
    (points, layers).
    """

    run_id: str
    series: Series
    first_iteration: int
    values: Values
    stride: int = 1

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def last_iteration(self) -> int:
        return self.first_iteration + (self.count - 1) * self.stride

    @property
    def iterations(self) -> npt.NDArray[np.int64]:
        return self.first_iteration + self.stride * np.arange(self.count, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class CohortStarted:
    """Training is about to begin or to go on.

    ``environment`` holds what the bits depend on: device, precision, threads, versions, data checksum.
    """

    run_ids: tuple[str, ...]
    iteration: int
    iterations: int
    batches_per_epoch: float
    training_images: int
    test_images: int
    class_names: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnvironmentChanged:
    """Some of what the bits depend on is no longer as it was at the start, such as the engine."""

    run_ids: tuple[str, ...]
    changes: dict[str, str]


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """What the cohort is busy with; ``fraction`` in 0..1 where it is known."""

    run_ids: tuple[str, ...]
    phase: Phase
    detail: str = ""
    fraction: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CurvesGrew:
    """New points of every run of the cohort, stored in one transaction."""

    chunks: tuple[CurveChunk, ...]


@dataclass(frozen=True, slots=True)
class ProgressMade:
    """Where the cohort is.

    ``seconds`` is training time so far, over all resumes; the rate is of recent iterations; the time left is None where
    it is not known, such as for what follows the last iteration.
    """

    run_ids: tuple[str, ...]
    iteration: int
    iterations: int
    seconds: float
    iterations_per_second: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """A whole checkpoint lies at ``folder`` (relative to the runs folder); its row may now be written.

    ``weights_sha256`` is the digest of the weights' names, shapes and bytes.
    """

    run_id: str
    iteration: int
    folder: str
    weights_sha256: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckpointDropped:
    """A checkpoint is no longer to be used. Its files go, or are set aside, once this is stored."""

    run_id: str
    iteration: int


@dataclass(frozen=True, slots=True)
class CurvesCut:
    """A run goes on after ``after_iteration``; what was measured beyond it will be measured again."""

    run_id: str
    after_iteration: int


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """``reason`` is a sentence for people, empty where the status is enough."""

    run_id: str
    status: RunStatus
    reason: str = ""
    iteration: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeGiven:
    """Something the user should know that does not end the training, as one sentence."""

    run_ids: tuple[str, ...]
    sentence: str


Event = (
    CohortStarted
    | EnvironmentChanged
    | PhaseChanged
    | CurvesGrew
    | ProgressMade
    | CheckpointSaved
    | CheckpointDropped
    | CurvesCut
    | StatusChanged
    | NoticeGiven
)
EventSink = Callable[[Event], None]
StopCheck = Callable[[], bool]
Report = Callable[[str, float | None], None]  # what is being done, and how far in 0..1 where that is known


def never_stop() -> bool:
    """The stop check of work that cannot be stopped."""
    return False


def no_report(_text: str, _fraction: float | None) -> None:
    """The report of work that nobody watches."""
