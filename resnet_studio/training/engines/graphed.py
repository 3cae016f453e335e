"""CUDA graphs of whole optimizer steps: batch, forward, backward, update and metrics, several steps a replay.

At batch 128 the CIFAR networks leave a GPU waiting for the host, which launches some hundred small kernels a step. A
graph is launched at once.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch

from resnet_studio.domain.enums import Precision
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.cuda import alone_on, captures_are_over, free_cached_memory
from resnet_studio.text import _
from resnet_studio.training.engines.background_compiler import (
    BackgroundCompiler,
    Faster,
    NotCompiledError,
    not_faster,
    slowness,
)
from resnet_studio.training.engines.captures import Capture, CudaGraphs, Work, capture_once_more
from resnet_studio.training.engines.eager import BatchSource, EagerEngine
from resnet_studio.training.engines.fused import fused_network
from resnet_studio.training.engines.graph_step import DeviceBatches, Network, StepProgram
from resnet_studio.training.engines.regions import CompiledNetwork, NotProvedError
from resnet_studio.training.member import Member

log = logging.getLogger(__name__)

_TIMED = 10  # replays that decide whether compiled networks are faster
_PROBES = 3  # replays of one step that say how many steps the others should have; the first also uploads its graph
_WARM_UPS = 3  # torch asks for some runs on a side stream before a capture
_REPLAY_SECONDS = 0.05  # about what one replay should take: long enough to hide the launch, short enough for a stop
_MOST_STEPS = 32
_AHEAD = 2  # replays that may wait in the device's queue, so that a stop is heard in time


@runtime_checkable
class CopiedBatches(Protocol):
    """Batches that are copied to the device beside the steps."""

    def copy_in_order(self) -> None:
        """Copy between the steps from now on."""


class GraphedEngine:
    """Replays programs on CUDA; steps eagerly once a program could not be captured.

    Every update is a replay, the first one too, so that a resumed run does the very same operations. With a compiler,
    the programs captured after its iteration hold compiled networks, if those are faster in a replay too.
    """

    def __init__(
        self,
        precision: Precision,
        eager: EagerEngine,
        on_slower: Callable[[str], None],
        capture: Capture | None = None,
        compiler: BackgroundCompiler | None = None,
        faster: Faster | None = None,
        slow: Collection[NetworkSpec] = (),
        fused: Collection[NetworkSpec] = (),
        on_members_left_eager: Callable[[Sequence[str], str], None] = lambda _run_ids, _reason: None,
    ) -> None:
        """Take captured steps where they can be captured, else those of ``eager``.

        ``on_slower`` is given a sentence when the engine has to go on more slowly, ``on_members_left_eager`` when these
        members do; ``capture`` is replaced in tests, :class:`CudaGraphs` otherwise. ``faster`` decides by a network's
        measured gain whether its compiled form is taken, None if all are; those of ``slow`` networks are not.
        ``fused`` networks are run by the kernels for whole networks instead, from the first step on.
        """
        self.name = "graphed" if compiler is None else f"graphed, compiled after {compiler.switch_at}"
        self._precision, self._eager, self._on_slower = precision, eager, on_slower
        self._capture = CudaGraphs() if capture is None else capture
        self._compiler, self._faster, self._slow, self._on_members_left_eager = (
            compiler,
            faster,
            slow,
            on_members_left_eager,
        )
        self._fused = frozenset(fused)
        self._own: dict[str, Network] = {}
        self._networks: Mapping[str, CompiledNetwork] = {}
        self._programs: dict[tuple[tuple[str, ...], int, bool], tuple[StepProgram, Work]] = {}
        self._waiting: list[torch.cuda.Event] = []
        self._probes: list[float] = []
        self._step_seconds: float | None = None
        self.failure = ""
        self.waited = 0.0

    @property
    def compiling(self) -> bool:
        return self._compiler is not None and not self.failure and self._compiler.compiling

    def adopt(self, member: Member) -> None:
        self._eager.adopt(member)
        if member.spec.network in self._fused:
            try:
                self._own[member.run_id] = fused_network(member, self._eager.should_stop)
            except (Stopped, UserError):
                raise
            except Exception as error:  # told: the layers do the same, more slowly
                reason = str(error).splitlines()[0] if isinstance(error, NotProvedError) else _in_words(error)
                log.warning("the kernels for whole networks are not taken: %s", reason)
                free_cached_memory(member.device)
                self._on_members_left_eager(
                    [member.run_id], _("Without the kernels for whole networks: {reason}.", reason=reason)
                )
        elif self._compiler is not None and member.spec.network not in self._slow:
            self._compiler.adopt(member)

    @property
    def fused_members(self) -> Collection[str]:
        """Run ids of those that are trained by the kernels for whole networks."""
        return () if self.failure else self._own.keys()

    def advance(self, members: Sequence[Member], batches: BatchSource, until: int) -> None:
        first = members[0].iteration + 1
        if self.failure:
            self._eager.advance(members, batches, until)
            return
        if self._compiler is not None:
            if self._compiler.due(first - 1):
                start = time.perf_counter()
                self._switch(self._compiler, members, batches)
                self.waited += time.perf_counter() - start
            if first <= self._compiler.switch_at:
                until = min(until, self._compiler.switch_at)
        wanted = self._steps(members, batches)
        room = min(until - first + 1, *(member.room for member in members), *_free_of_layers(members, first))
        steps = wanted if room >= wanted else 1
        found = self._program(members, batches, steps, first)
        if found is None:
            self._eager.advance(members, batches, until)
            return
        if self._compiler is not None and steps == wanted and self._step_seconds is not None:
            self._compiler.begin()  # not before: compiling would disturb the captures
        program, replay = found
        start = time.perf_counter()
        rates = {m.run_id: [m.rates.rate(first + k) for k in range(steps)] for m in members}
        program.fill(first, rates)
        if self._step_seconds is None:
            self._probe(replay, members[0].device)
        else:
            replay()
        seconds = self._take_time(start, steps, members[0].device) / (steps * len(members))
        for member in members:
            member.note(program.result(member.run_id), rates[member.run_id], seconds)

    def close(self) -> None:
        """Give the graphs' memory back."""
        self._programs.clear()
        self._own.clear()
        if self._compiler is not None:
            self._compiler.close()

    def _steps(self, members: Sequence[Member], batches: BatchSource) -> int:
        if not isinstance(batches, DeviceBatches) or self._step_seconds is None:
            return 1
        recipes = [member.spec.recipe for member in members]
        layers = [recipe.layers_every for recipe in recipes if recipe.layers_every]
        most = max(1, min(_MOST_STEPS, int(_REPLAY_SECONDS / max(self._step_seconds, 1e-6)), *layers))
        between_tests = math.gcd(*(recipe.test_every for recipe in recipes))
        steps = steps_within(between_tests, most)
        fitting = steps_within(math.gcd(between_tests, *layers), steps)  # layers are measured at first steps alone
        return fitting if 2 * fitting >= steps else steps

    def _program(
        self, members: Sequence[Member], batches: BatchSource, steps: int, iteration: int
    ) -> tuple[StepProgram, Work] | None:
        """A program and its replay; None once it could not be captured.

        When this returns, nothing of what failed is within reach: memory may have been short.
        """
        compiled = self._compiler is not None and iteration > self._compiler.switch_at and bool(self._networks)
        key = (tuple(member.run_id for member in members), steps, compiled)
        if key not in self._programs:
            if ended := [other for other in self._programs if other[0] != key[0]]:
                self._wait(members[0].device)
                for other in ended:
                    del self._programs[other]
            networks: dict[str, Network] = {**self._own, **(self._networks if compiled else {})}
            program = StepProgram(members, batches, steps, self._precision, iteration, networks)
            failure = ""
            try:
                self._programs[key] = program, self._captured(program)
            except (Stopped, UserError):  # nothing that a capture dislikes
                raise
            except Exception as error:  # told below, outside this block: its frames hold the device's memory
                failure = _in_words(error)
            if failure:
                del program
                self._give_up(failure, batches, members[0].device)
                return None
        return self._programs[key]

    def _captured(self, program: StepProgram) -> Work:
        """The replay of ``program``."""
        members, device = program.members, program.members[0].device
        with alone_on(device, self._eager.should_stop):
            with _unchanged(members):
                self._warm_up(program, device)
            with _unchanged(members):
                return capture_once_more(self._capture, program)

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
        except (Stopped, UserError):
            raise
        except Exception as error:  # told: whatever cannot be compiled or captured, training goes on
            reason = str(error) if isinstance(error, NotCompiledError) else f"{type(error).__name__}: {error}"
            log.warning("compiled steps are not taken: %s", reason)
            self.name = "graphed"
            self._copy_in_order(batches)
            self._on_slower(_("Training goes on without compiling: {splitlines}.", splitlines=reason.splitlines()[0]))
            return
        if slow:
            left = [run_id for run_id in networks if run_id not in kept]
            self._on_members_left_eager(left, _("Without compiling: {slowness}.", slowness=slowness(slow)))
        self._networks = kept
        self._wait(members[0].device)
        self._programs.clear()
        self._step_seconds = None

    def _gain(self, member: Member, batches: BatchSource, networks: Mapping[str, CompiledNetwork]) -> float:
        """How many times faster a replay of one step is with the compiled network: the best of some replays of each."""
        best = []
        for chosen in ({}, networks):
            program = StepProgram([member], batches, 1, self._precision, member.iteration + 1, chosen)
            replay = self._captured(program)
            times = []
            with _unchanged([member]):
                for _unused in range(_TIMED):
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
        side = torch.cuda.Stream(device)
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _unused in range(_WARM_UPS):
                program()
        torch.cuda.current_stream(device).wait_stream(side)

    def _probe(self, replay: Work, device: torch.device) -> None:
        """Replay one step and take its time; the best of some decides how many steps a replay has."""
        self._wait(device)
        start = time.perf_counter()
        replay()
        self._wait(device)
        self._probes.append(time.perf_counter() - start)
        if len(self._probes) == _PROBES:
            self._step_seconds = min(self._probes)
            self._probes.clear()

    def _take_time(self, start: float, steps: int, device: torch.device) -> float:
        """Seconds of a replay of ``steps`` that was begun at ``start``; waits while too many are queued.

        As long as the queue fills there is nothing to wait for, and the replay counts as many steps as were timed.
        """
        estimate = 0.0
        if device.type == "cuda":
            event = torch.cuda.Event(blocking=True)
            event.record()
            self._waiting = [*(one for one in self._waiting if not one.query()), event]
            if len(self._waiting) <= _AHEAD:
                estimate = steps * (self._step_seconds or 0.0)
            while len(self._waiting) > _AHEAD:
                self._waiting.pop(0).synchronize()
        return max(time.perf_counter() - start, estimate)

    def _give_up(self, failure: str, batches: BatchSource, device: torch.device) -> None:
        self.failure = failure
        self.name = self._eager.name
        self._wait(device)
        self._programs.clear()
        gc.collect()
        free_cached_memory(device)
        self._copy_in_order(batches)
        log.warning("a training step could not be captured as a CUDA graph: %s", self.failure)
        self._on_slower(_("Training goes on without CUDA graphs, more slowly ({failure}).", failure=self.failure))

    @staticmethod
    def _copy_in_order(batches: BatchSource) -> None:
        """After a failed capture torch below 2.12 never frees memory again that two queues shared."""
        if captures_are_over() and isinstance(batches, CopiedBatches):
            batches.copy_in_order()

    @staticmethod
    def _wait(device: torch.device) -> None:
        """Until the device has done what it was given."""
        if device.type == "cuda":
            torch.cuda.synchronize(device)


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def steps_within(interval: int, most: int) -> int:
    """How many steps, at most ``most``, replays should have where every ``interval`` steps something is decided.

    As many as divide it, unless that were less than half of what is possible; the rest then takes single steps.
    """
    most = min(most, interval)
    best = max(steps for steps in range(1, most + 1) if interval % steps == 0)
    return best if 2 * best >= most else most


def _free_of_layers(members: Sequence[Member], first: int) -> list[int]:
    """How many steps from iteration ``first`` on a replay may have: it measures layers at its first step alone."""
    found = [member.table.steps_until_layers(first) for member in members]
    return [steps for steps in found if steps is not None]


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
