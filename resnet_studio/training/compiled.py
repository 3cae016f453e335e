"""Eager steps at first, compiled ones from a fixed iteration on: compiling never delays the first step."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.planning import blueprint
from resnet_studio.domain.terms import Precision
from resnet_studio.networks.build import build
from resnet_studio.training.devices import lower_priority, use_threads
from resnet_studio.training.engines import PATIENCE, BatchSource, EagerEngine
from resnet_studio.training.members import Member
from resnet_studio.training.regions import CompiledNetwork, RegionLibrary, parts_of

log = logging.getLogger(__name__)

_POLL = 0.05  # seconds between two looks at whether the compiler has finished


class CompiledEngine(EagerEngine):
    """Compiles in the background from the first step on and switches over after iteration ``switch_at``.

    The iteration is part of the run's record, and training waits there if the compiler has not finished, so that the
    same specification gives the same bits however busy the machine is. Where compiling fails, training goes on
    eagerly; ``failure`` then says why.
    """

    def __init__(
        self,
        precision: Precision,
        should_stop: StopCheck,
        *,
        switch_at: int,
        threads: int,
        waiting: Callable[[], None],
        failed: Callable[[str], None],
        faster: Callable[[float], bool] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """``waiting`` is called when training has to wait for the compiler, ``failed`` with a sentence if it stays
        eager; ``faster`` decides by the measured gain whether it should switch at all, None if it should."""
        super().__init__(precision, should_stop, patience)
        self.name = f"compiled after {switch_at}"
        self.failure = ""
        self._switch_at, self._threads = switch_at, threads
        self._waiting, self._failed, self._faster = waiting, failed, faster
        self._members: list[Member] = []
        self._networks: dict[str, CompiledNetwork] = {}
        self._compilation: _Compilation | None = None

    @property
    def compiling(self) -> bool:
        return self._compilation is None or self._compilation.is_alive()

    def adopt(self, member: Member) -> None:
        super().adopt(member)
        self._members.append(member)

    def advance(self, members: Sequence[Member], batches: BatchSource, until: int) -> None:
        if self._compilation is None:
            self._compilation = _Compilation(
                self._members, self._precision, self._threads, measure=self._faster is not None
            )
            self._compilation.start()
        if members[0].iteration >= self._switch_at and not self._networks and not self.failure:
            self._switch(self._compilation)
        super().advance(members, batches, until)

    def forward(self, member: Member, images: Tensor) -> Tensor:
        if member.iteration >= self._switch_at and member.run_id in self._networks:
            return self._networks[member.run_id](images)
        return super().forward(member, images)

    def close(self) -> None:
        """Let the compiler end after what it is compiling now."""
        if self._compilation is not None:
            self._compilation.cancelled.set()

    def _switch(self, compilation: _Compilation) -> None:
        if compilation.is_alive():
            self._waiting()
        while compilation.is_alive():
            if self._should_stop():
                raise Stopped
            time.sleep(_POLL)
        if compilation.error is not None:
            self.failure = f"{type(compilation.error).__name__}: {compilation.error}".splitlines()[0]
            log.warning("the networks could not be compiled: %s", compilation.error)
            self._failed(f"Training goes on without compiled steps ({self.failure}).")
            return
        if self._faster is not None and not self._faster(compilation.gain):
            self.failure = f"compiled steps take {1 / compilation.gain:.2f} times as long here"
            self._failed(f"Training goes on without compiled steps: {self.failure}.")
            return
        for member in self._members:
            parts = parts_of(member.network, blueprint(member.spec.network))
            self._networks[member.run_id] = CompiledNetwork(parts, compilation.library, self._check)


class _Compilation(threading.Thread):
    """Compiles what the members are made of, in a thread of low priority."""

    def __init__(self, members: Sequence[Member], precision: Precision, threads: int, *, measure: bool) -> None:
        super().__init__(name="compiler", daemon=True)
        first = members[0]
        self.library = RegionLibrary(precision, first.spec.recipe.batch_size, first.device)
        self.cancelled = threading.Event()
        self.error: Exception | None = None
        self.gain = 1.0
        self._members, self._threads, self._measure = tuple(members), threads, measure

    def run(self) -> None:
        lower_priority()
        use_threads(self._threads)  # what is compiled depends on it, and it acts per thread
        try:
            for member in self._members:
                plan = blueprint(member.spec.network)
                network = build(plan, init_seed=0).train()
                network.to(member.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
                parts = parts_of(network, plan)
                self.library.prepare(parts, self.cancelled)
            if self._measure and not self.cancelled.is_set():
                self.gain = self.library.gain(parts)
        except Exception as error:  # handed to the training thread, which goes on eagerly
            self.error = error
