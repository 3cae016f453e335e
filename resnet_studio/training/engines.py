"""Step engines: one update of one member. The loop does not know which engine it drives."""

from __future__ import annotations

import time
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.terms import Precision
from resnet_studio.training.members import Member
from resnet_studio.training.precision import arithmetic

PATIENCE = 0.25  # seconds a stop may wait inside an iteration; it answers within one


class StepEngine(Protocol):
    """Does one weight update of a member and notes loss and error on the device, without waiting for it."""

    name: str

    def adopt(self, member: Member) -> None:
        """Called once for each member before its first step."""

    def step(self, member: Member, images: Tensor, labels: Tensor) -> None:
        """Images (N, 3, H, W) float32, labels (N,) int64.

        Raises:
            Stopped: If asked to stop in the middle; the member is as it was before the step.
        """


class EagerEngine:
    """Plain autograd, one operation at a time.

    On the CPU, where one step of a very deep net takes many seconds, the stop check is also asked after each block, in
    the forward and in the backward pass. A step is abandoned only when a stop has waited for ``patience`` seconds:
    short steps are finished, so that the members of a cohort end at the same iteration.
    """

    name = "eager"

    def __init__(self, precision: Precision, should_stop: StopCheck, patience: float = PATIENCE) -> None:
        self._precision, self._should_stop, self._patience = precision, should_stop, patience
        self._asked_at: float | None = None

    def adopt(self, member: Member) -> None:
        if member.device.type == "cpu":
            for block in member.network.blocks:
                block.register_forward_hook(self._ask)

    def _ask(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        self._check()
        if output.requires_grad:
            output.register_hook(self._check)  # type: ignore[no-untyped-call]

    def _check(self, _gradient: Tensor | None = None) -> None:
        if not self._should_stop():
            return
        now = time.perf_counter()
        if self._asked_at is None:
            self._asked_at = now
        if now - self._asked_at >= self._patience:
            raise Stopped

    def step(self, member: Member, images: Tensor, labels: Tensor) -> None:
        start = time.perf_counter()
        rate = member.rates.rate(member.iteration + 1)
        member.descent.clear()
        with member.undo_unless_done():
            with arithmetic(member.device, self._precision):
                logits = member.network(images)
            logits = logits.float()  # (N, classes)
            loss = F.cross_entropy(logits, labels, label_smoothing=member.spec.recipe.label_smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
        member.descent.step(rate)
        error = (logits.detach().argmax(1) != labels).float().mean() * 100.0
        member.note(loss.detach(), error, rate, time.perf_counter() - start)


def make_engine(precision: Precision, should_stop: StopCheck) -> StepEngine:
    """The engine for this machine."""
    return EagerEngine(precision, should_stop)


def reset_peak_memory(device: torch.device) -> None:
    """Give cached blocks back after an out-of-memory error; call it outside the ``except`` block."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
