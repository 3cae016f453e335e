"""CUDA graphs of whole optimizer steps: batch, forward, backward, update and metrics, several steps a replay.

At batch 128 the CIFAR networks leave a GPU waiting for the host, which launches some hundred small kernels a step. A
graph is launched at once.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import torch

from resnet_studio.domain.enums import Precision
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.training.engines.background_compiler import (
    BackgroundCompiler,
    Faster,
    NotCompiledError,
    not_faster,
    slowness,
)
from resnet_studio.training.engines.eager import BatchSource, EagerEngine
from resnet_studio.training.engines.graph_step import DeviceBatches, StepProgram
from resnet_studio.training.engines.regions import CompiledNetwork
from resnet_studio.training.member import Member

log = logging.getLogger(__name__)

_TIMED = 10  # replays that decide whether compiled networks are faster
_WARM_UPS = 3  # torch asks for some runs on a side stream before a capture
_REPLAY_SECONDS = 0.05  # about what one replay should take: long enough to hide the launch, short enough for a stop
_MOST_STEPS = 32
_AHEAD = 2  # replays that may wait in the device's queue, so that a stop is heard in time

Capture = Callable[[Callable[[], None]], Callable[[], None]]


def cuda_graph(work: Callable[[], None]) -> Callable[[], None]:
    """Capture ``work`` and return its replay. Other threads may use the device meanwhile."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        work()
    return graph.replay


class GraphedEngine:
    """Replays programs on CUDA; steps eagerly once a program could not be captured.

    Every update is a replay, the first one too, so that a resumed run does the very same operations. With a compiler,
    the programs captured after its iteration hold compiled networks, if those are faster in a replay too.
    """

    def __init__(
        self,
        precision: Precision,
        eager: EagerEngine,
        tell: Callable[[str], None],
        capture: Capture = cuda_graph,
        compiler: BackgroundCompiler | None = None,
        faster: Faster | None = None,
        slow: Collection[NetworkSpec] = (),
        apart: Callable[[Sequence[str], str], None] = lambda _run_ids, _reason: None,
    ) -> None:
        """``tell`` is given a sentence when the engine has to go on more slowly, ``apart`` when these members do;
        ``capture`` is replaced in tests. ``faster`` decides by a network's measured gain whether its compiled form is
        taken, None if all are; those of ``slow`` networks are not."""
        self.name = "graphed" if compiler is None else f"graphed, compiled after {compiler.switch_at}"
        self._precision, self._eager, self._tell, self._capture = precision, eager, tell, capture
        self._compiler, self._faster, self._slow, self._apart = compiler, faster, slow, apart
        self._networks: Mapping[str, CompiledNetwork] = {}
        self._programs: dict[tuple[tuple[str, ...], int, bool], tuple[StepProgram, Callable[[], None]]] = {}
        self._waiting: list[torch.cuda.Event] = []
        self._clock: float | None = None
        self._step_seconds: float | None = None
        self.failure = ""
        self.waited = 0.0

    @property
    def compiling(self) -> bool:
        return self._compiler is not None and self._compiler.compiling

    def adopt(self, member: Member) -> None:
        self._eager.adopt(member)
        if self._compiler is not None and member.spec.network not in self._slow:
            self._compiler.adopt(member)

    def advance(self, members: Sequence[Member], batches: BatchSource, until: int) -> None:
        first = members[0].iteration + 1
        if self.failure:
            self._eager.advance(members, batches, until)
            return
        if self._compiler is not None:
            self._compiler.begin()
            if self._compiler.due(first - 1):
                start = time.perf_counter()
                self._switch(self._compiler, members, batches)
                self.waited += time.perf_counter() - start
            if first <= self._compiler.switch_at:
                until = min(until, self._compiler.switch_at)
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
        if self._compiler is not None:
            self._compiler.close()

    def _steps(self, batches: BatchSource) -> int:
        if not isinstance(batches, DeviceBatches) or self._step_seconds is None:
            return 1
        return max(1, min(_MOST_STEPS, int(_REPLAY_SECONDS / max(self._step_seconds, 1e-6))))

    def _program(
        self, members: Sequence[Member], batches: BatchSource, steps: int, iteration: int
    ) -> tuple[StepProgram, Callable[[], None]]:
        compiled = self._compiler is not None and iteration > self._compiler.switch_at and bool(self._networks)
        key = (tuple(member.run_id for member in members), steps, compiled)
        if key not in self._programs:
            networks = self._networks if compiled else {}
            self._programs[key] = self._captured(members, batches, steps, iteration, networks)
        return self._programs[key]

    def _captured(
        self, members: Sequence[Member], batches: BatchSource, steps: int, iteration: int,
        networks: Mapping[str, CompiledNetwork],
    ) -> tuple[StepProgram, Callable[[], None]]:  # fmt: skip
        program = StepProgram(members, batches, steps, self._precision, iteration, networks)
        with _unchanged(members):
            self._warm_up(program, members[0].device)
        with _unchanged(members):
            replay = self._capture(program)
        return program, replay

    def _switch(self, compiler: BackgroundCompiler, members: Sequence[Member], batches: BatchSource) -> None:
        """Take compiled networks from the next program on, those that are faster in a replay."""
        try:
            networks = compiler.take(lambda: None)
            by_network = {member.spec.network: member for member in members if member.run_id in networks}
            gains = {network: self._gain(member, batches, networks) for network, member in by_network.items()}
            slow = not_faster(gains, self._faster, gains.__getitem__)
            kept = {run_id: network for run_id, network in networks.items() if network.spec not in slow}
            if not kept:
                raise NotCompiledError(slowness(slow))
        except Stopped:
            raise
        except Exception as error:  # told: whatever cannot be compiled or captured, training goes on
            reason = str(error) if isinstance(error, NotCompiledError) else f"{type(error).__name__}: {error}"
            log.warning("compiled steps are not taken: %s", reason)
            self.name = "graphed"
            self._tell(f"Training goes on without compiling: {reason.splitlines()[0]}.")
            return
        if slow:
            left = [run_id for run_id in networks if run_id not in kept]
            self._apart(left, f"Without compiling: {slowness(slow)}.")
        self._networks = kept
        self._programs.clear()
        self._step_seconds = None

    def _gain(self, member: Member, batches: BatchSource, networks: Mapping[str, CompiledNetwork]) -> float:
        """How many times faster a replay of one step is with the compiled network: the best of some replays of each."""
        best = []
        for chosen in ({}, networks):
            _, replay = self._captured([member], batches, 1, member.iteration + 1, chosen)
            times = []
            with _unchanged([member]):
                for _ in range(_TIMED):
                    self._wait(member.device)
                    start = time.perf_counter()
                    replay()
                    self._wait(member.device)
                    times.append(time.perf_counter() - start)
            best.append(min(times))
        return best[0] / best[1]

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
        self.name = self._eager.name
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
