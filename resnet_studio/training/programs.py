"""Whole optimizer steps as programs that can be captured: nothing in them waits for the host.

What a captured program must not hold on to is kept outside it: the learning rate is a tensor on the device, which
samples come next is a tensor too, and what was measured is written to a tensor that is copied out after the replay.
Members of a cohort run on streams of their own inside one program, forked after the batch is made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.terms import Precision
from resnet_studio.training.engines import BatchSource
from resnet_studio.training.members import Member
from resnet_studio.training.precision import arithmetic
from resnet_studio.training.regions import CompiledNetwork


@runtime_checkable
class DeviceBatches(Protocol):
    """Batches that can be made from sample numbers that lie on the device."""

    def samples(self, iteration: int) -> tuple[Tensor, Tensor]:
        """Positions and epochs of a batch's samples, int64 (B,)."""

    def gather(self, indices: Tensor, epochs: Tensor) -> tuple[Tensor, Tensor]:
        """The batch of these samples; nothing in it waits for the host."""


class StepProgram:
    """``steps`` updates of each member, reading and writing nothing but tensors that stay where they are.

    Calling it does the updates; :meth:`fill` says which samples and rates they use, ``measured`` what came out.
    """

    def __init__(
        self, members: Sequence[Member], batches: BatchSource, steps: int, precision: Precision, iteration: int,
        networks: Mapping[str, CompiledNetwork] | None = None,
    ) -> None:  # fmt: skip
        """``iteration`` is any one whose batch may be made now; its shape is that of all. ``networks`` are compiled
        ones by run id, to be called in place of the members' own."""
        self.members, self.steps = tuple(members), steps
        self._networks = networks or {}
        self._batches, self._precision = batches, precision
        device = members[0].device
        self._device_batches = batches if isinstance(batches, DeviceBatches) else None
        if self._device_batches is not None:
            indices, epochs = self._device_batches.samples(iteration)
            self._indices = torch.stack([indices.to(device)] * steps)  # (K, B)
            self._epochs = torch.stack([epochs.to(device)] * steps)  # (K, B)
        else:
            if steps != 1:
                raise ValueError("batches that the host prepares are replayed one at a time")
            images, labels = batches.batch(iteration)
            self._images, self._labels = images.clone(memory_format=torch.preserve_format), labels.clone()
        self._rates = {member.run_id: torch.zeros(steps, device=device) for member in members}
        self.measured = {member.run_id: torch.zeros(steps, 2, device=device) for member in members}
        self._streams = _streams(device, len(members))

    def fill(self, iteration: int, rates: dict[str, list[float]]) -> None:
        """Updates ``iteration`` to ``iteration + steps - 1``, with the rates of each member by run id."""
        if self._device_batches is not None:
            for k in range(self.steps):
                indices, epochs = self._device_batches.samples(iteration + k)
                self._indices[k].copy_(indices, non_blocking=True)
                self._epochs[k].copy_(epochs, non_blocking=True)
        else:
            images, labels = self._batches.batch(iteration)
            self._images.copy_(images, non_blocking=True)
            self._labels.copy_(labels, non_blocking=True)
        for run_id, values in rates.items():
            self._rates[run_id].copy_(torch.tensor(values), non_blocking=True)

    def __call__(self) -> None:
        for k in range(self.steps):
            if self._device_batches is not None:
                images, labels = self._device_batches.gather(self._indices[k], self._epochs[k])
            else:
                images, labels = self._images, self._labels
            with _forked(self._streams) as on:
                for number, member in enumerate(self.members):
                    with on(number):
                        self._update(member, images, labels, k)

    def _update(self, member: Member, images: Tensor, labels: Tensor, k: int) -> None:
        member.descent.clear()
        with arithmetic(member.device, self._precision):  # as compiled regions were proven, or they compile anew
            logits = self._networks.get(member.run_id, member.network)(images)
        logits = logits.float()
        loss = F.cross_entropy(logits, labels, label_smoothing=member.spec.recipe.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        member.descent.step_on_device(self._rates[member.run_id][k])
        found = self.measured[member.run_id][k]
        found[0].copy_(loss.detach())
        found[1].copy_((logits.detach().argmax(1) != labels).float().mean() * 100.0)


def _streams(device: torch.device, count: int) -> list[torch.cuda.Stream]:
    """One for each member but the first, which runs where the batch is made."""
    if device.type != "cuda":
        return []
    return [torch.cuda.Stream(device) for _ in range(count - 1)]  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _forked(streams: Sequence[torch.cuda.Stream]) -> Iterator[Callable[[int], AbstractContextManager[object]]]:
    """Work of member 0 stays on the current stream, that of the others runs beside it; all are joined at the end."""
    if not streams:
        yield lambda _number: nullcontext()
        return
    here = torch.cuda.current_stream()
    for stream in streams:
        stream.wait_stream(here)
    yield lambda number: torch.cuda.stream(streams[number - 1]) if number else nullcontext()
    for stream in streams:
        here.wait_stream(stream)
