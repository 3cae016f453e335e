"""Whole optimizer steps as CUDA graphs: batch, forward, backward, update and metrics, several steps a replay.

At batch 128 the CIFAR networks leave a GPU waiting for the host, which launches some hundred small kernels a step. A
graph is launched at once. What a graph must not hold on to is kept outside it: the learning rate is a tensor on the
device, which samples come next is a tensor too, and what was measured is written to a tensor that is copied out after
the replay. Members of a cohort run on streams of their own inside one graph, forked after the batch is made.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.terms import Precision
from resnet_studio.training.engines import BatchSource, EagerEngine
from resnet_studio.training.members import Member
from resnet_studio.training.precision import arithmetic

log = logging.getLogger(__name__)

_WARM_UPS = 3  # torch asks for some runs on a side stream before a capture
_REPLAY_SECONDS = 0.05  # about what one replay should take: long enough to hide the launch, short enough for a stop
_MOST_STEPS = 32
_AHEAD = 2  # replays that may wait in the device's queue, so that a stop is heard in time

Capture = Callable[[Callable[[], None]], Callable[[], None]]


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
        self, members: Sequence[Member], batches: BatchSource, steps: int, precision: Precision, iteration: int
    ) -> None:
        """``iteration`` is any one whose batch may be made now; its shape is that of all."""
        self.members, self.steps = tuple(members), steps
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
        with _uncached(member.device, self._precision):
            logits = member.network(images)
        logits = logits.float()
        loss = F.cross_entropy(logits, labels, label_smoothing=member.spec.recipe.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        member.descent.step_on_device(self._rates[member.run_id][k])
        found = self.measured[member.run_id][k]
        found[0].copy_(loss.detach())
        found[1].copy_((logits.detach().argmax(1) != labels).float().mean() * 100.0)


def _uncached(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Autocast that does not keep weights it has cast: inside a graph they would be those of the capture."""
    if precision is Precision.BFLOAT16:
        return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)
    return arithmetic(device, precision)


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


def cuda_graph(work: Callable[[], None]) -> Callable[[], None]:
    """Capture ``work`` and return its replay. Other threads may use the device meanwhile."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        work()
    return graph.replay


class GraphedEngine:
    """Replays programs on CUDA; steps eagerly once a program could not be captured.

    Every update is a replay, the first one too, so that a resumed run does the very same operations.
    """

    name = "graphed"

    def __init__(
        self,
        precision: Precision,
        eager: EagerEngine,
        tell: Callable[[str], None],
        capture: Capture = cuda_graph,
    ) -> None:
        """``tell`` is given a sentence when the engine has to go on eagerly; ``capture`` is replaced in tests."""
        self._precision, self._eager, self._tell, self._capture = precision, eager, tell, capture
        self._programs: dict[tuple[tuple[str, ...], int], tuple[StepProgram, Callable[[], None]]] = {}
        self._waiting: list[torch.cuda.Event] = []
        self._clock: float | None = None
        self._step_seconds: float | None = None
        self.failure = ""

    @property
    def compiling(self) -> bool:
        return False

    def adopt(self, member: Member) -> None:
        self._eager.adopt(member)

    def advance(self, members: Sequence[Member], batches: BatchSource, until: int) -> None:
        first = members[0].iteration + 1
        if self.failure:
            self._eager.advance(members, batches, until)
            return
        wanted = self._steps(batches)
        room = min(until - first + 1, min(member.room for member in members))
        steps = wanted if room >= wanted else 1
        try:
            program, replay = self._program(members, batches, steps, first)
        except Exception as error:  # told below: whatever a capture dislikes, training goes on
            self._give_up(error)
            self._eager.advance(members, batches, until)
            return
        rates = {m.run_id: [m.rates.rate(first + k) for k in range(steps)] for m in members}
        program.fill(first, rates)
        replay()
        if self._step_seconds is None:  # the first replay, of one step, says how many steps the others should have
            self._step_seconds = self._wait(members[0].device)
        seconds = self._take_time(members[0].device) / (steps * len(members))
        for member in members:
            member.note_many(program.measured[member.run_id], rates[member.run_id], seconds)

    def close(self) -> None:
        """Give the graphs' memory back."""
        self._programs.clear()

    def _steps(self, batches: BatchSource) -> int:
        if not isinstance(batches, DeviceBatches) or self._step_seconds is None:
            return 1
        return max(1, min(_MOST_STEPS, int(_REPLAY_SECONDS / max(self._step_seconds, 1e-6))))

    def _program(
        self, members: Sequence[Member], batches: BatchSource, steps: int, iteration: int
    ) -> tuple[StepProgram, Callable[[], None]]:
        key = (tuple(member.run_id for member in members), steps)
        if key not in self._programs:
            program = StepProgram(members, batches, steps, self._precision, iteration)
            with _unchanged(members):
                self._warm_up(program, members[0].device)
            with _unchanged(members):
                replay = self._capture(program)
            self._programs[key] = (program, replay)
        return self._programs[key]

    def _warm_up(self, program: StepProgram, device: torch.device) -> None:
        if device.type != "cuda":
            program()
            return
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                program()
        torch.cuda.current_stream(device).wait_stream(side)

    def _take_time(self, device: torch.device) -> float:
        """Seconds since the last replay; waits while too many replays are queued."""
        if device.type == "cuda":
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
            self._waiting.append(event)
            while len(self._waiting) > _AHEAD:
                self._waiting.pop(0).synchronize()
        now = time.perf_counter()
        before, self._clock = self._clock, now
        return now - before if before is not None else self._step_seconds or 0.0

    def _give_up(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}".splitlines()[0]
        self._programs.clear()
        log.warning("a training step could not be captured as a CUDA graph: %s", self.failure)
        self._tell(f"Training goes on without CUDA graphs, more slowly ({self.failure}).")

    @staticmethod
    def _wait(device: torch.device) -> float:
        """Seconds until the device has done what it was given."""
        start = time.perf_counter()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start


@contextlib.contextmanager
def _unchanged(members: Sequence[Member]) -> Iterator[None]:
    """Weights, momentum and batch-norm statistics are afterwards what they were before."""
    tensors = [tensor for member in members for tensor in member.state_tensors()]
    with torch.no_grad():
        kept = [tensor.detach().clone() for tensor in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, before in zip(tensors, kept, strict=True):
                tensor.copy_(before)
