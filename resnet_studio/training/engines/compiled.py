"""Eager steps at first, compiled ones from a fixed iteration on: compiling never delays the first step."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from torch import Tensor

from resnet_studio.domain.enums import Precision
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.text import _
from resnet_studio.training.engines.background_compiler import (
    BackgroundCompiler,
    Faster,
    NotCompiledError,
    not_faster,
    slowness,
)
from resnet_studio.training.engines.eager import PATIENCE, BatchSource, EagerEngine, Team
from resnet_studio.training.engines.regions import CompiledNetwork
from resnet_studio.training.member import Member


class CompiledEngine(EagerEngine):
    """Compiles in the background from the first step on and switches over after iteration ``switch_at``.

    The iteration is part of the run's record. Where compiling fails, training goes on eagerly; ``failure`` then says
    why.
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
        faster: Faster | None = None,
        slow: Collection[NetworkSpec] = (),
        on_members_left_eager: Callable[[Sequence[str], str], None] = lambda _run_ids, _reason: None,
        patience: float = PATIENCE,
        team: Team | None = None,
    ) -> None:
        """Compile in the background; networks that are ``slow`` when compiled do not switch.

        ``waiting`` is called when training has to wait for the compiler, ``failed`` with a sentence if all stay eager,
        ``on_members_left_eager`` if these members do. ``faster`` decides by a network's measured gain whether it
        switches, None if all do.
        """
        super().__init__(precision, should_stop, patience, team)
        self.name = f"compiled after {switch_at}"
        self.failure = ""
        self._failed, self._faster, self._slow, self._on_members_left_eager = (
            failed,
            faster,
            slow,
            on_members_left_eager,
        )
        self._networks: Mapping[str, CompiledNetwork] = {}
        self._compiler = BackgroundCompiler(
            precision, should_stop, switch_at=switch_at, threads=threads, waiting=waiting
        )

    @property
    def compiling(self) -> bool:
        return self._compiler.compiling

    def adopt(self, member: Member) -> None:
        super().adopt(member)
        if member.spec.network not in self._slow:
            self._compiler.adopt(member)

    def advance(self, members: Sequence[Member], batches: BatchSource, until: int) -> None:
        self._compiler.begin()
        if self._compiler.due(members[0].iteration):
            start = time.perf_counter()
            self._switch()
            self.waited += time.perf_counter() - start
        super().advance(members, batches, until)

    def forward(self, member: Member, images: Tensor) -> Tensor:
        if member.iteration >= self._compiler.switch_at and member.run_id in self._networks:
            return self._networks[member.run_id](images)
        return super().forward(member, images)

    def close(self) -> None:
        self._compiler.close()

    def _switch(self) -> None:
        try:
            networks = self._compiler.take(self._check)
        except NotCompiledError as error:
            self._stay(_("Training goes on without compiled steps ({error}).", error=error), str(error))
            return
        slow = not_faster({network.spec for network in networks.values()}, self._faster, self._compiler.gain)
        self._networks = {run_id: network for run_id, network in networks.items() if network.spec not in slow}
        reason = slowness(slow)
        if not self._networks:
            self._stay(_("Training goes on without compiling: {reason}.", reason=reason), reason)
        elif slow:
            self._on_members_left_eager(
                [run_id for run_id in networks if run_id not in self._networks],
                _("Without compiling: {reason}.", reason=reason),
            )

    def _stay(self, sentence: str, reason: str) -> None:
        self.failure, self.name = reason, EagerEngine.name
        self._failed(sentence)
