"""Step engines: one update of one member. The loop does not know which engine it drives."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, cast

from torch import Tensor, nn

from resnet_studio.domain.enums import Precision
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.training.measurements import Measured, Outputs
from resnet_studio.training.member import Member
from resnet_studio.training.shares import forward_and_backward

# While torch compiles in another thread, autograd warns of every backward pass that is abandoned, as a stop does.
warnings.filterwarnings("ignore", "Error detected in .*Traceback of forward call", UserWarning)

PATIENCE = 0.25  # seconds a stop may wait inside an iteration; it answers within one
TOGETHER = 5.0  # seconds it may wait where one member of a cohort has done the iteration and others have not


class BatchSource(Protocol):
    """Training batches by iteration, counted from 1: images (N, 3, H, W) float32, labels (N,) int64."""

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]: ...


Forward = Callable[[Member, Tensor], Tensor]


class Team(Protocol):
    """Processes that take each step together, every one with a share of the batch."""

    def replicate(self, member: Member, forward: Forward) -> None:
        """Called once for each member; ``forward`` is what :meth:`forward` calls."""

    def forward(self, member: Member, images: Tensor) -> Tensor:
        """Logits; the backward pass then averages the gradients over the processes."""

    def passing(self, member: Member) -> Callable[[], AbstractContextManager[object]]:
        """Makes the context of passes that average nothing yet."""

    def step(self) -> AbstractContextManager[object]:
        """Around both passes and :meth:`mean_`."""

    def mean_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each by its mean over the processes."""


class StepEngine(Protocol):
    """Does weight updates and notes loss and error on the device, without waiting for it."""

    @property
    def name(self) -> str:
        """As it stands in a run's record."""

    @property
    def waited(self) -> float:
        """Seconds in all that steps were held up, such as by the compiler."""

    @property
    def compiling(self) -> bool:
        """Whether something is compiled beside the steps, or will be from the next one on."""

    def adopt(self, member: Member) -> None:
        """Called once for each member before its first step."""

    def advance(self, members: Sequence[Member], batches: BatchSource, until: int) -> None:
        """At least one update of each member, at most up to iteration ``until``; all stand at the same iteration.

        Raises:
            Stopped: If asked to stop in the middle; each member is as it was before or after its step.
        """

    def close(self) -> None:
        """Called once after the last step, whatever happened."""


class EagerEngine:
    """Plain autograd, one operation at a time.

    On the CPU, where one step of a very deep net takes many seconds, the stop check is also asked after each block, in
    the forward and in the backward pass. A step is abandoned only when a stop has waited for ``patience`` seconds:
    short steps are finished. Once the first member of a cohort has done its step the others are given longer, so that
    all end at the same iteration.
    """

    name = "eager"

    def __init__(
        self, precision: Precision, should_stop: StopCheck, patience: float = PATIENCE, team: Team | None = None
    ) -> None:
        """``team``: the processes with which each step is taken together, None for this one alone."""
        self._precision, self._should_stop, self._patience, self._team = precision, should_stop, patience, team
        self._asked_at: float | None = None
        self._ahead = False  # a member has done the iteration that another is at
        self.waited = 0.0

    @property
    def compiling(self) -> bool:
        return False

    @property
    def should_stop(self) -> StopCheck:
        return self._should_stop

    def adopt(self, member: Member) -> None:
        if member.device.type == "cpu":
            for block in member.network.blocks:
                block.register_forward_hook(self._ask)
        if self._team is not None:
            self._team.replicate(member, self.forward)

    def _ask(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        self._check()
        if output.requires_grad:
            output.register_hook(self._check)

    def _check(self, _gradient: Tensor | None = None) -> None:
        if not self._should_stop():
            return
        now = time.perf_counter()
        if self._asked_at is None:
            self._asked_at = now
        if now - self._asked_at >= (max(self._patience, TOGETHER) if self._ahead else self._patience):
            raise Stopped

    def advance(self, members: Sequence[Member], batches: BatchSource, until: int) -> None:  # noqa: ARG002, one only
        images, labels = batches.batch(members[0].iteration + 1)
        for number, member in enumerate(members):
            self._ahead = number > 0
            self.step(member, images, labels)
        self._ahead = False

    def close(self) -> None:
        """Nothing to let go of."""

    def forward(self, member: Member, images: Tensor) -> Tensor:
        """Logits (N, classes) in the precision of the arithmetic."""
        return cast(Tensor, member.network(images))

    def step(self, member: Member, images: Tensor, labels: Tensor) -> None:
        """One update: images (N, 3, H, W) float32, labels (N,) int64."""
        start = time.perf_counter()
        rate = member.rates.rate(member.iteration + 1)
        member.descent.clear()
        with member.undo_unless_done():
            outputs = self._pass(member, images, labels)
        layers = member.table.measures_layers(member.iteration + 1)
        columns, found = member.meter.update(lambda: member.descent.step(rate), rate, layers=layers)
        measured = Measured(member.meter.columns(outputs, [columns]), found)
        member.note(measured, [rate], time.perf_counter() - start)

    def _pass(self, member: Member, images: Tensor, labels: Tensor) -> list[Tensor]:
        """Both passes; the columns that follow from what the network gave, each (1,)."""
        team = self._team
        if team is None:
            loss, logits = forward_and_backward(
                member, images, labels, lambda x: self.forward(member, x), self._precision
            )
            return member.meter.of_outputs(Outputs(loss[None], logits[None], labels[None]))
        with team.step():
            loss, logits = forward_and_backward(
                member, images, labels, lambda x: team.forward(member, x), self._precision, team.passing(member)
            )
            found = member.meter.of_outputs(Outputs(loss[None], logits[None], labels[None]))
            team.mean_([*found, *member.statistics.running])
        return found
