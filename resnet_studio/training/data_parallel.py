"""One network on several devices: a process for each, which all hold the same weights and see a share of each batch.

torch's DistributedDataParallel averages the gradients, so that every process makes the same update. The first process
leads: it alone tests, writes and decides, and tells the others step by step what to do; they follow.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from resnet_studio.data.order import BatchShare
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.text import _
from resnet_studio.training.engines.eager import BatchSource, Forward, StepEngine
from resnet_studio.training.member import Member

ANSWER_SECONDS = 600.0  # without a word, after which a process counts as lost
START_SECONDS = 600.0  # until the first word: torch is loaded meanwhile
_AS_LONG_AS_IT_TAKES = timedelta(days=3650)  # the others wait while the first one tests, is paused, or the disk is full
_POLL = 0.02  # seconds between two looks at whether to stop


class LostDeviceError(UserError):
    """A process that trains a share of each batch is gone, or does not answer.

    Each member is as it was before or after its step.
    """


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where processes find one another.

    Attributes:
        file: In an empty folder of their own, on this machine.
        backend: gloo on processors, nccl on NVIDIA's GPUs.
    """

    file: Path
    backend: str
    devices: int
    answer_seconds: float = ANSWER_SECONDS


class DataParallel:
    """This process's place among those that train together.

    Attributes:
        number: Of the process and its device, from 0; the first one leads.
    """

    def __init__(self, meeting: Meeting, number: int) -> None:
        """Meets the others.

        Raises:
            LostDeviceError: If they do not come.
        """
        self.number, self.devices = number, meeting.devices
        loopback = "lo0" if sys.platform == "darwin" else "lo"
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):  # nobody outside this machine takes part
            os.environ.setdefault(variable, loopback)
        with _watching():
            store = dist.FileStore(str(meeting.file), meeting.devices)  # type: ignore[attr-defined]
            dist.init_process_group(
                "gloo", store=store, rank=number, world_size=meeting.devices, timeout=timedelta(seconds=START_SECONDS)
            )
            self._steps = _group(meeting.backend, timedelta(seconds=meeting.answer_seconds))
            self._orders = _group("gloo", _AS_LONG_AS_IT_TAKES)
        self._replicas: dict[str, DistributedDataParallel] = {}

    @property
    def leads(self) -> bool:
        return self.number == 0

    @property
    def share(self) -> BatchShare:
        """What of each batch this process sees."""
        return BatchShare(self.number, self.devices)

    def replicate(self, member: Member, forward: Forward) -> None:
        """Weights and statistics of ``member`` become those of the first process.

        Called by all for the same members in the same order.

        ``forward`` is what a step calls for the member's logits.
        """
        with _watching():
            self._replicas[member.run_id] = DistributedDataParallel(
                _Replica(member.network, lambda images: forward(member, images)),
                process_group=self._steps,
                broadcast_buffers=False,
            )

    def forward(self, member: Member, images: Tensor) -> Tensor:
        """Logits, as the member's forward gives them; the backward pass then averages the gradients."""
        return cast(Tensor, self._replicas[member.run_id](images))

    def passing(self, member: Member) -> Callable[[], AbstractContextManager[object]]:
        """Of shares whose gradients are only added up here."""
        return self._replicas[member.run_id].no_sync

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Around passes and :meth:`mean_`.

        Raises:
            LostDeviceError: If a process is gone.
        """
        with _watching():
            yield

    @torch.no_grad()
    def mean_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each float32 tensor by its mean over the processes, in one operation."""
        together = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(together, group=self._steps)
        together /= self.devices
        parts = together.split([tensor.numel() for tensor in tensors])
        torch._foreach_copy_(list(tensors), [part.view_as(t) for part, t in zip(parts, tensors, strict=True)])

    def broadcast(self, value: object) -> None:
        """From the first process to all others, which :meth:`receive` it."""
        with _watching():
            dist.broadcast_object_list([value], src=0, group=self._orders)

    def receive(self) -> Any:
        """Waits for as long as it takes."""
        found: list[Any] = [None]
        with _watching():
            dist.broadcast_object_list(found, src=0, group=self._orders)
        return found[0]

    def gather_all(self, should_stop: StopCheck) -> None:
        """Until every process has come to this point, for as long as it takes.

        Raises:
            Stopped: When ``should_stop`` says so.
            LostDeviceError: If one never comes.
        """
        with _watching():
            work = dist.all_reduce(torch.zeros(1), group=self._orders, async_op=True)
            assert work is not None
            while not work.is_completed():
                if should_stop():
                    raise Stopped
                time.sleep(_POLL)
            work.wait()

    def order(self, values: Tensor) -> Tensor:
        """float64 of a known size, from the first process to all."""
        with _watching():
            dist.broadcast(values, src=0, group=self._orders)
        return values


def _group(backend: str, patience: timedelta) -> dist.ProcessGroup:
    """Of all processes."""
    return cast(dist.ProcessGroup, dist.new_group(backend=backend, timeout=patience))


class _Replica(nn.Module):
    """Calls what an engine calls, with the network's parameters within reach of what wraps it."""

    def __init__(self, network: nn.Module, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self._call = network, forward

    def forward(self, images: Tensor) -> Tensor:
        return self._call(images)


@contextlib.contextmanager
def _watching() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not _is_of_connection(error):
            raise
        raise LostDeviceError(_lost_sentence(error)) from error


def _is_of_connection(error: RuntimeError) -> bool:
    """torch says it of gloo by the place in its sources alone."""
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower() or "nccl" in str(error).lower()


def _lost_sentence(error: RuntimeError) -> str:
    late = "timed out" in str(error).lower() or "timeout" in str(error).lower()
    if late:
        return _("The process of another device no longer answers.")
    return _("The process of another device has ended unexpectedly, perhaps because memory ran out.")


class LeadingEngine:
    """The first process's engine: before each step the others learn which members take it, with which rate."""

    def __init__(self, engine: StepEngine, team: DataParallel) -> None:
        self._engine, self._team = engine, team
        self._members: list[Member] = []

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def waited(self) -> float:
        return self._engine.waited

    @property
    def compiling(self) -> bool:
        return self._engine.compiling

    def adopt(self, member: Member) -> None:
        self._engine.adopt(member)
        self._members.append(member)

    def advance(self, members: Sequence[Member], batches: BatchSource, until: int) -> None:
        first = members[0].iteration + 1
        stepping = {member.run_id for member in members}
        rates = [m.rates.rate(first) if m.run_id in stepping else math.nan for m in self._members]
        self._team.order(torch.tensor([first, *rates], dtype=torch.float64))
        self._engine.advance(members, batches, until)

    def close(self) -> None:
        self._engine.close()


def take_orders(team: DataParallel, engine: StepEngine, members: Sequence[Member], batches: BatchSource) -> None:
    """Take the steps that the first process orders, until it is gone.

    Raises:
        LostDeviceError: When it is.
    """
    for member in members:
        engine.adopt(member)
    order = torch.zeros(1 + len(members), dtype=torch.float64)
    while True:
        first, *rates = team.order(order).tolist()
        stepping = [(m, rate) for m, rate in zip(members, rates, strict=True) if not math.isnan(rate)]
        for member, rate in stepping:
            member.rates = _Ordered(rate)  # type: ignore[assignment]
            member.iteration = int(first) - 1
            member.table.clear()  # what was measured is the first process's to keep
        engine.advance([member for member, _unused in stepping], batches, int(first))


class _Ordered:
    """In place of a schedule: the rate that the first process has decided on."""

    warming = False

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def rate(self, _iteration: int) -> float:
        return self._rate
