"""A worker for each of several devices of one machine: this process claims and stores, one process a device trains.

What trains in a process of its own is :func:`~resnet_studio.runner.train.train`, from values to events: the history has
one writer, this process, and a process that dies takes nothing with it but the work since its last checkpoint.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

import torch

from resnet_studio.domain.device_shares import MOST_DEVICES
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import EventSink, StopCheck
from resnet_studio.domain.queue import LostClaimError, QueueEntry
from resnet_studio.history.store import RunStore
from resnet_studio.networks.devices import devices_here, kinds_here, missing_device
from resnet_studio.runner.one_device import train_on
from resnet_studio.runner.queue_work import this_worker
from resnet_studio.runner.worker import WorkerLoop
from resnet_studio.text import _

ALL = "all"
_NAME = re.compile(r"(cpu|cuda|mps)(?::([0-9]{1,3}))?")
_LOOK_SECONDS = 0.1

Showing = Callable[[QueueEntry, str], AbstractContextManager[EventSink]]


def named_devices(text: str) -> tuple[str, ...]:
    """The devices that ``text`` names, with commas between them; ``all`` are those that ``auto`` would choose from.

    A processor may be named several times; those are then called ``cpu:0``, ``cpu:1`` and so on.

    Raises:
        UserError: If one is not here, or is named twice.
    """
    if text == ALL:
        return devices_here().all
    found: list[str] = []
    for name in (part.strip() for part in text.split(",")):
        match = _NAME.fullmatch(name)
        if match is None:
            raise UserError(
                _("There is no device {name!r}; give all, or some of cpu, cuda:N and mps with commas.", name=name)
            )
        kind, number = match[1], int(match[2] or 0)
        if kind not in kinds_here() or (kind == "cuda" and number >= torch.cuda.device_count()):
            raise missing_device(name)
        called = kind if kind == "mps" else f"{kind}:{number}"
        if kind == "cpu":
            called = f"cpu:{sum(each.startswith(kind) for each in found)}"
        if called in found:
            raise UserError(_("The device {name} is named twice.", name=called))
        found.append(called)
    if len(found) > MOST_DEVICES:
        raise UserError(_("At most {most} devices can be named, not {count}.", most=MOST_DEVICES, count=len(found)))
    return tuple(found)


class DeviceWorkers:
    """Trains what waits, a cohort on each device, until nothing waits any more.

    Attributes:
        ended: The entries that were trained, each as it was when its claim was given back.
    """

    def __init__(
        self, store: RunStore, devices: Sequence[str], showing: Showing, on_failed: Callable[[QueueEntry, str], None],
        on_notice: Callable[[str], None], *, checkpoint_seconds: float = 30.0,
    ) -> None:  # fmt: skip
        """Nothing is claimed yet.

        Args:
            store: Claims and stores for all of them; this process may write it.
            devices: As :func:`named_devices` gives them.
            showing: Gives, for the time that an entry is trained on a device, a sink for its events. It and the others
                are called in the thread of the device.
            on_failed: Gets an entry that could not be trained, and a sentence.
            on_notice: Gets a sentence on what is no error of one entry.
            checkpoint_seconds: After so many, a checkpoint is due.
        """
        self.ended: list[QueueEntry] = []
        self._store, self._devices, self._showing = store, tuple(devices), showing
        self._on_failed, self._on_notice, self._checkpoint_seconds = on_failed, on_notice, checkpoint_seconds
        self._loops: dict[str, WorkerLoop] = {}
        self._broken = threading.Event()
        self._errors: list[BaseException] = []

    def run(self, should_stop: StopCheck) -> None:
        """Returns when nothing waits and nothing is trained any more, or, with checkpoints, after a stop.

        Raises:
            Exception: What broke the work on one device; the others are stopped first, with checkpoints.
        """
        for device in self._devices:
            self._loops[device] = self._loop(device)
        threads = [
            threading.Thread(target=self._serve, args=(device, should_stop), name=f"device {device}")
            for device in self._devices
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # the main thread has to wake up for signals
                thread.join(_LOOK_SECONDS)
        if self._errors:
            raise self._errors[0]

    def _loop(self, device: str) -> WorkerLoop:
        kind = device.partition(":")[0]
        return WorkerLoop(
            self._store,
            this_worker(device, tuple(dict.fromkeys((kind, "cpu")))),
            partial(train_on, device, len(self._devices) - 1, checkpoint_seconds=self._checkpoint_seconds),
            lambda entry: self._showing(entry, device),
            self._on_failed,
        )

    def _serve(self, device: str, should_stop: StopCheck) -> None:
        """Until all devices find nothing: what is added meanwhile, or comes back, is taken up."""

        def over() -> bool:
            return should_stop() or self._broken.is_set() or all(loop.idle for loop in self._loops.values())

        try:
            while True:
                loop = self._loops[device]
                try:
                    loop.run(over)
                    return
                except LostClaimError as error:  # the machine slept for longer than a claim holds
                    self._on_notice(error.sentence)
                    self._loops[device] = self._loop(device)
                finally:
                    self.ended += loop.ended
        except BaseException as error:
            self._errors.append(error)
            self._broken.set()
