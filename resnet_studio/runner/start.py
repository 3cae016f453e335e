"""What training begins from, as plain values: no history, no open file; all of it can be pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.records import Curve
from resnet_studio.domain.specs import RunSpec
from resnet_studio.platform.home import Home
from resnet_studio.training.checkpoints import Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class StartWeights:
    """Weights of another run; ``where`` says at which of its iterations, empty if it was imported."""

    parent: str
    where: str
    residual: bool
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """As the history names it; ``problem`` is a sentence if it is not whole, else empty."""

    iteration: int
    folder: str
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class MemberStart:
    """One run, where it stands.

    Attributes:
        environment: What its bits depend on, as recorded when it began; empty for one that never did.
        snapshot: Its newest whole checkpoint, None to begin at the start.
        checkpoints: All that are on record, newest first.
        test_errors: Up to the snapshot.
        weights: What its network begins with, None for initial ones or if there is a snapshot.
    """

    run_id: str
    name: str
    spec: RunSpec
    environment: Mapping[str, str]
    snapshot: Snapshot | None
    checkpoints: tuple[StoredCheckpoint, ...]
    test_errors: Curve
    weights: StartWeights | None

    @property
    def whole(self) -> tuple[StoredCheckpoint, ...]:
        return tuple(each for each in self.checkpoints if not each.problem)

    @property
    def damaged(self) -> tuple[StoredCheckpoint, ...]:
        return tuple(each for each in self.checkpoints if each.problem)


@dataclass(frozen=True, slots=True, eq=False)
class CohortStart:
    """Runs that train in lock-step.

    Attributes:
        home: Where the runs' files, the data and what was measured on this machine lie.
        preprocessing: Of the weights that training begins with, None where it is to be measured.
    """

    home: Home
    members: tuple[MemberStart, ...]
    preprocessing: Preprocessing | None

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(member.run_id for member in self.members)

    @property
    def spec(self) -> RunSpec:
        """The first run's: data, batches and length are those of all."""
        return self.members[0].spec
