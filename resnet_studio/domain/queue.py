"""The queue of cohorts as values: its entries, what can be asked of them, and who trains one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.spec import Spec
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.text import N_, _

LEASE_SECONDS = 60.0  # how long a claim holds after its last renewal, by the database's clock
RENEW_SECONDS = 15.0
MOST_RUNS = 32  # of one cohort


class QueueStatus(StrEnum):
    """Only a waiting entry is begun by itself; a paused or stopped one waits for a person."""

    WAITING = N_("waiting")
    RUNNING = N_("running")
    PAUSED = N_("paused")
    STOPPED = N_("stopped")
    FINISHED = N_("finished")
    FAILED = N_("failed")

    @property
    def ended(self) -> bool:
        return self in (QueueStatus.FINISHED, QueueStatus.FAILED)


class QueueRequest(StrEnum):
    """What whoever trains an entry is to do with it."""

    GO_ON = ""
    PAUSE = "pause"
    STOP = "stop"


class LostClaimError(StoreError):
    """Somebody else has the entry by now; nothing of it may be written any more."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who trains. ``name`` is of one process alone; ``device`` is what it trains on, empty where it chooses.

    ``kinds`` are those of its devices, as a recipe names them; without any it takes whatever waits.
    """

    name: str
    host: str
    device: str = ""
    kinds: tuple[str, ...] = ()


def needed_kind(device: Device) -> str | None:
    """The kind of device that training by a recipe with ``device`` takes; None if every machine has it."""
    return str(device) if device in (Device.CUDA, Device.MPS) else None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to train an entry: it holds as long as the entry's fence is this one."""

    entry_id: str
    fence: int
    run_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A cohort, or some of its runs, in the queue. Times are UTC, by the database's clock.

    Attributes:
        place: Counted from 1 over the entries that have not ended; 0 for one that has.
        name: Of the cohort.
        runs: Those that are trained, in the cohort's order; deleted ones are left out.
        reason: A sentence on its status, or empty.
        owner: Name of the worker that has claimed it, empty without one; ``host`` and ``device`` are the worker's.
        speed: Iterations a second, of the cohort, when the claim was last renewed; None where not known.
        needs: The kind of device that a worker must have to train it, empty where any will do.
        lacking: That kind, where it waits and none of the workers that are there has one; else empty.
    """

    id: str
    cohort_id: str
    place: int
    name: str
    study: str
    status: QueueStatus
    request: QueueRequest
    reason: str
    runs: tuple[RunRecord, ...]
    added_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    owner: str = ""
    host: str = ""
    device: str = ""
    fence: int = 0
    lease_until: datetime | None = None
    heard_at: datetime | None = None
    speed: float | None = None
    needs: str = ""
    lacking: str = ""

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.runs)

    @property
    def claimed(self) -> bool:
        """Somebody trains it, or holds it paused."""
        return bool(self.owner)

    @property
    def state(self) -> str:
        """The status in words, and what it waits for that nobody has."""
        if self.lacking:
            return _("waiting for {device}, which no worker has", device=self.lacking)
        return _(self.status.value)

    @property
    def title(self) -> str:
        return self.name or " + ".join(run.name for run in self.runs)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the initial weights, each once."""
        return tuple(sorted({run.spec.recipe.init_seed for run in self.runs}))

    @property
    def iterations(self) -> int:
        return max((run.iterations for run in self.runs), default=0)

    @property
    def iteration(self) -> int:
        """Where the run stands that is furthest behind; a run that has ended early does not count."""
        going = [run.iteration for run in self.runs if run.resumable or run.status.active]
        return min(going, default=max((run.iteration for run in self.runs), default=0))

    @property
    def progress(self) -> float:
        """Share of the iterations that are done, 0..1; runs that have ended count as done."""
        shares = [_share(run) for run in self.runs]
        return sum(shares) / len(shares) if shares else 0.0

    @property
    def begun(self) -> bool:
        return any(run.iteration for run in self.runs)


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker, or whoever else trains.

    Attributes:
        heard_seconds: How long ago it was last heard of, by the database's clock.
        entry: What it trains, None while it waits for work.
    """

    name: str
    host: str
    device: str
    heard_seconds: float
    entry: QueueEntry | None = None

    @property
    def gone(self) -> bool:
        """Nothing was heard of it for longer than a claim holds."""
        return self.heard_seconds > LEASE_SECONDS

    @property
    def state(self) -> str:
        if self.gone:
            return _("gone")
        return _("waits for work") if self.entry is None else _(self.entry.status.value)

    @property
    def speed(self) -> float | None:
        """Iterations a second, where known."""
        return None if self.entry is None else self.entry.speed


def _share(run: RunRecord) -> float:
    if run.status.ended or not run.iterations:
        return 1.0
    return min(run.iteration / run.iterations, 1.0)


class QueueVerb(StrEnum):
    ADD = "add"
    RESUME = "resume"
    MOVE = "move"
    REMOVE = "remove"
    REPEAT = "repeat"
    STEER = "steer"


class QueueCommand(Spec):
    """One change of the queue, as one program hands it to the one that writes the history.

    Attributes:
        entry: Id of the entry that it is about; empty for ``add`` and ``resume``.
        place: For ``move``, from 1 on.
        step: For ``move``, instead: so many places down from where it stands when the command is done.
        request: For ``steer``.
        cohort, environment: For ``add``; see :meth:`resnet_studio.history.store.RunStore.create_cohort`.
        run_ids: For ``resume``.
        first: For ``add`` and ``resume``: before everything that waits.
        join: For ``add``: with what waits and may share its batches, where there is such an entry.
    """

    verb: QueueVerb
    entry: str = Field("", max_length=32)
    place: int = Field(1, ge=1)
    step: int = 0
    request: QueueRequest = QueueRequest.GO_ON
    cohort: CohortSpec | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    run_ids: tuple[str, ...] = ()
    first: bool = False
    join: bool = False
