"""Whole optimizer steps as programs that can be captured: nothing in them waits for the host.

What a captured program must not hold on to is kept outside it: the learning rate is a tensor on the device, which
samples come next is a tensor too, and what was measured is written to a tensor that is copied out after the replay.
The batches of all steps are made first. Then each member of a cohort takes all its steps on a stream of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from resnet_studio.domain.enums import Precision
from resnet_studio.training.batch_norm import batch_norms
from resnet_studio.training.engines.captures import first_in_line
from resnet_studio.training.engines.eager import BatchSource
from resnet_studio.training.measurements import COLUMNS, Measured, Outputs
from resnet_studio.training.member import Member
from resnet_studio.training.shares import forward_and_backward

Network = Callable[[Tensor], Tensor]
"""Logits of images, in training; it counts its batches itself."""

_GATHERED = 2**28  # bytes of normalised images made at once, and some times as many while they are made


@runtime_checkable
class DeviceBatches(Protocol):
    """Batches that can be made from sample numbers that lie on the device."""

    def samples(self, iteration: int, count: int = 1) -> tuple[Tensor, Tensor]:
        """Positions and epochs of the samples of ``count`` batches in a row, int64 (count * B,)."""

    def gather(self, indices: Tensor, epochs: Tensor) -> tuple[Tensor, Tensor]:
        """Images (n, 3, S, S) and labels (n,) of these samples; nothing in it waits for the host."""


class StepProgram:
    """``steps`` updates of each member, reading and writing nothing but tensors that stay where they are.

    Calling it does the updates; :meth:`fill` says which samples and rates they use, ``measured`` what came out by run
    id. Layers are measured at the first step of every replay: whether that is one of those to keep is not known here.
    """

    def __init__(
        self, members: Sequence[Member], batches: BatchSource, steps: int, precision: Precision, iteration: int,
        networks: Mapping[str, Network] | None = None,
    ) -> None:  # fmt: skip
        """``iteration`` is any one whose batch may be made now; its shape is that of all.

        ``networks`` by run id are called in place of the members' own: compiled ones, say.
        """
        self.members, self.steps = tuple(members), steps
        self._networks = networks or {}
        self._batches, self._precision = batches, precision
        device = members[0].device
        self._device_batches = batches if isinstance(batches, DeviceBatches) else None
        self._together = 1  # steps whose batches are made at once
        if self._device_batches is not None:
            indices, epochs = self._device_batches.samples(iteration, steps)
            self._indices, self._epochs = indices.to(device, copy=True), epochs.to(device, copy=True)  # (K * B,)
            image = 4 * 3 * members[0].spec.network.image_size ** 2
            self._together = max(1, min(steps, _GATHERED // (image * (len(indices) // steps))))
        else:
            if steps != 1:
                raise ValueError("batches that the host prepares are replayed one at a time")
            images, labels = batches.batch(iteration)
            self._images, self._labels = images.clone(memory_format=torch.preserve_format), labels.clone()
        self._rates = torch.zeros(len(members), steps, device=device)
        self.measured = {member.run_id: torch.zeros(steps, len(COLUMNS), device=device) for member in members}
        self._layers = {
            member.run_id: torch.zeros(*member.meter.layers_shape, device=device)
            for member in members
            if member.spec.recipe.layers_every
        }
        self._counters = [_Counters(member) for member in members]
        self._streams = _streams(device, len(members))

    def fill(self, iteration: int, rates: dict[str, list[float]]) -> None:
        """Updates ``iteration`` to ``iteration + steps - 1``, with the rates of each member by run id."""
        if self._device_batches is not None:
            indices, epochs = self._device_batches.samples(iteration, self.steps)
            self._indices.copy_(indices, non_blocking=True)
            self._epochs.copy_(epochs, non_blocking=True)
        else:
            images, labels = self._batches.batch(iteration)
            self._images.copy_(images, non_blocking=True)
            self._labels.copy_(labels, non_blocking=True)
        values = torch.tensor([rates[member.run_id] for member in self.members])  # (members, K)
        self._rates.copy_(values, non_blocking=True)

    def __call__(self) -> None:
        for first in range(0, self.steps, self._together):
            steps = range(first, min(first + self._together, self.steps))
            images, labels = self._batches_of(steps)  # (k, B, 3, S, S), (k, B)
            with _forked(self._streams) as on:
                for number in range(len(self.members)):
                    with on(number):
                        self._train(number, steps, images, labels)

    def result(self, run_id: str) -> Measured:
        """What the newest replay measured; read before the next one."""
        return Measured(self.measured[run_id], self._layers.get(run_id))

    def _batches_of(self, steps: range) -> tuple[Tensor, Tensor]:
        """Images (k, B, 3, S, S) and labels (k, B) of these steps."""
        if self._device_batches is None:
            return self._images[None], self._labels[None]
        size = len(self._indices) // self.steps
        part = slice(steps.start * size, steps.stop * size)
        images, labels = self._device_batches.gather(self._indices[part], self._epochs[part])
        return images.view(len(steps), size, *images.shape[1:]), labels.view(len(steps), size)

    def _train(self, number: int, steps: range, images: Tensor, labels: Tensor) -> None:
        """The updates of one member, and what is measured in them."""
        done = [self._update(number, images[row], labels[row], k) for row, k in enumerate(steps)]
        losses, logits, columns = zip(*done, strict=True)
        outputs = Outputs(torch.stack(losses), torch.stack(logits), labels)
        member = self.members[number]
        found = self.measured[member.run_id][steps.start : steps.stop]  # (k, columns)
        found.copy_(member.meter.columns(member.meter.of_outputs(outputs), columns))

    def _update(self, number: int, images: Tensor, labels: Tensor, k: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Loss, logits (B, classes) and the update's own columns of step ``k``."""
        member = self.members[number]
        member.descent.clear()
        other = self._networks.get(member.run_id)
        with nullcontext() if other else self._counters[number].once():
            loss, logits = forward_and_backward(member, images, labels, other or member.network, self._precision)
        rate = self._rates[number][k]
        layers = k == 0 and member.run_id in self._layers
        columns, found = member.meter.update(lambda: member.descent.step_on_device(rate), rate, layers=layers)
        if found is not None:
            self._layers[member.run_id].copy_(found)
        return loss, logits, columns


class _Counters:
    """How many batches each batch norm of a member has seen, counted in one operation instead of one a layer."""

    def __init__(self, member: Member) -> None:
        self._norms = batch_norms(member.network)
        self._counts = [cast(Tensor, norm.num_batches_tracked) for norm in self._norms]
        self._by_shares = member.spec.recipe.shares > 1  # which are counted where they are averaged

    @contextlib.contextmanager
    def once(self) -> Iterator[None]:
        """Counts for all; the layers, which forget their counters meanwhile, do not."""
        for norm in self._norms:
            norm.num_batches_tracked = None
        try:
            yield
        finally:
            for norm, count in zip(self._norms, self._counts, strict=True):
                norm.num_batches_tracked = count
        if self._counts and not self._by_shares:
            torch._foreach_add_(self._counts, 1)


def _streams(device: torch.device, count: int) -> list[torch.cuda.Stream]:
    """One for each member but the first, which runs where the batch is made."""
    if device.type != "cuda":
        return []
    return [first_in_line(device, number) for number in range(1, count)]


@contextlib.contextmanager
def _forked(streams: Sequence[torch.cuda.Stream]) -> Iterator[Callable[[int], AbstractContextManager[object]]]:
    """Work of member 0 stays on the current stream, that of the others runs beside it; all are joined at the end."""
    if not streams:
        yield lambda _number: nullcontext()
        return
    here = torch.cuda.current_stream()
    for stream in streams:
        stream.wait_stream(here)
    try:
        yield lambda number: torch.cuda.stream(streams[number - 1]) if number else nullcontext()
    finally:  # a capture that ends while one is still forked hides why
        for stream in streams:
            here.wait_stream(stream)
