"""What a window trains on: a slot for each device, which holds one cohort at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEventLoop

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.queue import QueueStatus, Worker, needed_kind
from resnet_studio.platform.clock import Waited
from resnet_studio.runner.queue_work import EntryWork, this_worker
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.domain.queue import Claim
    from resnet_studio.domain.specs import RunSpec
    from resnet_studio.history.store import RunStore
    from resnet_studio.networks.devices import DevicesHere
    from resnet_studio.runner.queue_work import Training
    from resnet_studio.ui.threads.jobs import Job

AUTOMATIC = ""  # what each recipe says, in this process
ALL = "all"
CPU = "cpu"


def devices_of(choice: str, here: DevicesHere | None) -> tuple[str, ...] | None:
    """The devices that ``choice`` means; None where it takes knowing which are here.

    A single one that would be taken anyway needs no process of its own, and one that is not here is not taken.
    """
    if choice in (AUTOMATIC, CPU):
        return (choice,)
    if here is None:
        return None
    if choice == ALL:
        return here.all if len(here.all) > 1 else (AUTOMATIC,)
    return (choice,) if is_here(choice, here) else (AUTOMATIC,)


def is_here(choice: str, here: DevicesHere) -> bool:
    return choice in (AUTOMATIC, CPU, ALL, *here.kinds, *(name for name, _called in here.gpus))


def kinds_of(device: str) -> tuple[str, ...]:
    """The kinds of devices that a process on ``device`` can train on; none for the automatic choice."""
    return tuple(dict.fromkeys((device.partition(":")[0], CPU))) if device else ()


@dataclass(slots=True)
class TrainingSlot:
    """A device, and the cohort that is trained on it.

    Attributes:
        device: Its name, or automatic.
        runs: Ids of the runs that are trained, empty when idle; ``entry`` is theirs.
        stop: A person wants the cohort stopped; the work looks at it.
        pause: Set and cleared here and by other programs, looked at by the training.
    """

    device: str
    worker: Worker = field(default_factory=this_worker)
    runs: tuple[str, ...] = ()
    entry: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    pause: threading.Event = field(default_factory=threading.Event)
    work: EntryWork | None = None
    job: Job | None = None

    @classmethod
    def on(cls, device: str) -> TrainingSlot:
        return cls(device, this_worker(device, kinds_of(device)))

    @property
    def busy(self) -> bool:
        return self.job is not None

    def begin(self, claim: Claim, store: RunStore, training: Training) -> EntryWork:
        """The work of a claimed entry. It refers to nothing here but the events: its end must not be a slot's."""
        self.runs, self.entry = claim.run_ids, claim.entry_id
        self.pause.clear()
        self.stop = stop = threading.Event()
        self.work = EntryWork(
            claim,
            store,
            training,
            pause=self.pause,
            stopped_as=lambda: QueueStatus.STOPPED if stop.is_set() else QueueStatus.WAITING,
        )
        return self.work

    def clear(self) -> None:
        self.runs, self.entry, self.work, self.job = (), "", None, None
        self.stop.clear()
        self.pause.clear()


class TrainingSlots:
    """The slots of a window, for what was chosen.

    Attributes:
        choice: A device, all, or automatic.
        here: The devices of this machine; None as long as they are not known.
    """

    def __init__(self) -> None:
        self.choice = AUTOMATIC
        self.here: DevicesHere | None = None
        self._slots = [TrainingSlot.on(AUTOMATIC)]

    def __iter__(self) -> Iterator[TrainingSlot]:
        return iter(self._slots)

    @property
    def known(self) -> bool:
        """What was chosen names devices; else there are none until :attr:`here` is known."""
        return devices_of(self.choice, self.here) is not None

    def choose(self) -> None:
        """A slot for each chosen device, besides those that still train; after a choice, a find or an end."""
        there = {slot.device: slot for slot in self._slots}
        wanted = [there.get(device) or TrainingSlot.on(device) for device in devices_of(self.choice, self.here) or ()]
        self._slots = [*(slot for slot in self._slots if slot.busy and slot not in wanted), *wanted]

    @property
    def busy(self) -> list[TrainingSlot]:
        return [slot for slot in self._slots if slot.busy]

    @property
    def free(self) -> list[TrainingSlot]:
        """On which a cohort may begin: none as long as one trains on a device that is no longer chosen."""
        chosen = devices_of(self.choice, self.here) or ()
        if any(slot.device not in chosen for slot in self.busy):
            return []
        return [slot for slot in self._slots if not slot.busy]

    @property
    def waits(self) -> bool:
        """What is started now has to wait for something that trains."""
        return bool(self.busy) and not self.free

    @property
    def runs(self) -> tuple[str, ...]:
        """Ids of all that are trained."""
        return tuple(run_id for slot in self._slots for run_id in slot.runs)

    @property
    def beside(self) -> int:
        """How many train beside one of them."""
        return len(self._slots) - 1

    @property
    def paused(self) -> bool:
        """Something trains, and all of it is held or about to be."""
        return bool(self.busy) and all(slot.pause.is_set() for slot in self.busy)

    @property
    def stopping(self) -> bool:
        """Something trains, and all of it was asked to stop."""
        return bool(self.busy) and all(slot.stop.is_set() for slot in self.busy)

    def end(self, seconds: float) -> bool:
        """End all jobs and wait for their threads; the window keeps painting meanwhile.

        Returns:
            False if one still runs after ``seconds``.
        """
        jobs = [(slot, slot.job) for slot in self._slots if slot.job is not None]
        for _slot, job in jobs:
            job.request_stop()
        waited = Waited()
        for slot, job in jobs:
            while slot.job is job and not job.wait(20):  # released by an event that was processed: it has ended
                QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents, 20)
                if waited.seconds > seconds:
                    return False
            if slot.job is job:
                QCoreApplication.sendPostedEvents(job)  # what the work said last, and its end
        return True

    def refuse_others(self, specs: Iterable[RunSpec]) -> None:
        """Raises UserError if a recipe asks for a device of another kind than the chosen ones."""
        for spec in specs:
            needs = needed_kind(spec.recipe.device)
            if self.lacks(needs):
                raise UserError(
                    _(
                        "{name} asks for {needs}, and this window trains on {devices}: choose otherwise under "
                        "Training, Train on.",
                        name=spec.label,
                        needs=needs,
                        devices=self.title,
                    )
                )

    def lacks(self, kind: str | None) -> bool:
        """Whether none of the chosen devices is of a kind that a recipe asks for."""
        kinds = {each for slot in self._slots for each in slot.worker.kinds}
        return bool(kind) and bool(kinds) and kind not in kinds

    @property
    def title(self) -> str:
        """The devices, in words."""
        return ", ".join(slot.device or _("what each recipe says") for slot in self._slots)
