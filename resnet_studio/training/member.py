"""One run inside a cohort: its network, its optimizer, and where it stands."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from resnet_studio.domain.blueprint import Blueprint, LayerKind
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import BatchNormStatistics, MemoryLayout
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.records import Curve
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import RunSpec
from resnet_studio.networks.residual import PlannedNetwork, build
from resnet_studio.networks.weights import state_of
from resnet_studio.platform.clock import SteadySeconds
from resnet_studio.training.batch_norm import batch_norms
from resnet_studio.training.checkpoints import Snapshot
from resnet_studio.training.measurements import CAPACITY, COLUMNS, LiveTable, Measured, Meter
from resnet_studio.training.memory_format import memory_format
from resnet_studio.training.optimizer import Descent
from resnet_studio.training.schedules import WINDOW, RateControl
from resnet_studio.training.shares import ShareStatistics

_ERROR = COLUMNS.index(Series.TRAINING_ERROR)


class Member:
    """A run in training. Its bits depend on its own spec and the batches alone, never on the other members.

    ``iteration`` counts finished updates; ``seconds`` is time spent on this member's own steps; ``tested_at`` is the
    iteration of its newest test error, -1 without one. ``recomputed`` tells that the batch-norm statistics are those
    measured after training.
    """

    def __init__(
        self, run_id: str, spec: RunSpec, device: torch.device, layout: MemoryLayout = MemoryLayout.CHANNELS_LAST
    ) -> None:
        self.run_id, self.spec, self.device, self.layout = run_id, spec, device, layout
        plan = blueprint(spec.network)
        self.network: PlannedNetwork = build(plan, spec.recipe.init_seed)
        if spec.recipe.zero_last_gamma:
            _zero_last_gammas(self.network, plan)
        self.network.to(device, memory_format=memory_format(layout))  # type: ignore[call-overload]
        self.descent = Descent(self.network, spec.recipe)
        self.rates = RateControl(spec.recipe)
        self.iteration, self.seconds, self.tested_at = 0, 0.0, -1
        self.recomputed = self.ended = False
        self._buffers = list(self.network.buffers())
        self._kept = [torch.empty_like(buffer) for buffer in self._buffers]
        self.statistics = ShareStatistics(self.network)
        self.meter = Meter(self.network, [layer.name for layer in plan.weighted_layers], self.descent)
        self.table = LiveTable(self.meter.layers_shape, spec.recipe.layers_every, device)
        self._window = torch.zeros((), device=device)  # sum of the errors since the last multiple of WINDOW
        self._steady = SteadySeconds()

    def snapshot(self) -> Snapshot:
        progress: dict[str, float | bool | None] = {
            **self.rates.state(),
            "window": float(self._window),
            "tested_at": self.tested_at,
            "recomputed": self.recomputed,
        }
        return Snapshot(self.iteration, self.seconds, state_of(self.network), self.descent.momentum(), progress)

    @torch.no_grad()
    def restore(self, snapshot: Snapshot) -> None:
        """Go back to ``snapshot``, keeping each tensor's place and memory layout.

        A checkpoint from before anything was decided while training has no progress; such runs decide nothing.
        """
        self.network.load_state_dict(dict(snapshot.weights))
        self.descent.restore(snapshot.momentum)
        self.iteration, self.seconds = snapshot.iteration, snapshot.seconds
        if progress := snapshot.progress:
            self.rates.restore(progress)
            self._window.fill_(float(progress["window"] or 0.0))
            self.tested_at = int(progress["tested_at"] or 0)
            self.recomputed = bool(progress["recomputed"])
        self.table.clear()

    def see_tests(self, curve: Curve) -> None:
        """Take note of stored test errors; those that a checkpoint has not seen come again, in their order."""
        for iteration, error in zip(curve.iterations.tolist(), curve.values.tolist(), strict=True):
            if iteration > self.tested_at:
                self.rates.see_test(error)
                self.tested_at = iteration

    def see_test(self, error_percent: float) -> None:
        """Take note of a test error of the weights as they are, as exact as it is stored."""
        self.rates.see_test(float(np.float32(error_percent)))
        self.tested_at = self.iteration

    @contextlib.contextmanager
    def undo_unless_done(self) -> Iterator[None]:
        """A step that is abandoned half-way (stop, out of memory) leaves the batch-norm statistics as they were."""
        torch._foreach_copy_(self._kept, self._buffers)
        try:
            yield
        except BaseException:
            torch._foreach_copy_(self._buffers, self._kept)
            raise

    def note(self, measured: Measured, learning_rates: Sequence[float], seconds_each: float) -> None:
        """Take in iterations, at most :attr:`room` of them, that took so many seconds each.

        The member has now done them. Nothing here waits for the device.
        """
        seconds_each = self._steady(seconds_each)
        times = []
        for _unused in learning_rates:
            self.seconds += seconds_each
            times.append(self.seconds)
        self.table.keep(self.iteration + 1, measured, learning_rates, times)
        for k in range(len(learning_rates)):
            self.iteration += 1
            self._watch(measured, k)

    def _watch(self, measured: Measured, k: int) -> None:
        if self.rates.warming:
            self._window += measured.columns[k, _ERROR]
            if self.iteration % WINDOW == 0:
                self.rates.see_training(float(self._window) / WINDOW)
                self._window.zero_()

    @property
    def room(self) -> int:
        """Iterations that may be noted before the curves have to be taken."""
        return CAPACITY - len(self.table)

    @property
    def full(self) -> bool:
        return not self.room

    def undecided_after(self) -> int:
        """The last iteration whose learning rate is known now: a test or the end of a warm-up window decides."""
        recipe = self.spec.recipe
        next_test = (self.iteration // recipe.test_every + 1) * recipe.test_every
        next_look = (self.iteration // WINDOW + 1) * WINDOW if self.rates.warming else recipe.iterations
        return min(next_test, next_look, recipe.iterations)

    def state_tensors(self) -> list[Tensor]:
        """Weights, batch-norm statistics and momentum: all that an update changes."""
        return [*self.network.parameters(), *self._buffers, *self.descent.buffers()]

    def take_curves(self) -> tuple[CurveChunk, ...]:
        """What was measured since the last call, ending with the first loss that is not finite."""
        return self.table.take(self.run_id, self.iteration - len(self.table) + 1)

    @torch.no_grad()
    def finite(self) -> bool:
        """Whether every weight and every batch-norm statistic is a finite number.

        A network that is not must never replace a good checkpoint. (Statistics can overflow first: in training they are
        written, not read.)
        """
        values = (*self.network.parameters(), *(b for b in self._buffers if b.is_floating_point()))
        norms = torch._foreach_norm(list(values), float("inf"))
        return bool(torch.isfinite(torch.stack(norms)).all())

    @property
    def test_due(self) -> bool:
        recipe = self.spec.recipe
        due = self.iteration > 0 and (self.iteration % recipe.test_every == 0 or self.iteration == recipe.iterations)
        return due and self.tested_at != self.iteration

    @property
    def recomputation_due(self) -> bool:
        """Training has ended, and its batch-norm statistics are still the moving averages although others are asked."""
        recipe = self.spec.recipe
        asked = recipe.bn_statistics is BatchNormStatistics.RECOMPUTED and not self.recomputed
        return asked and self.iteration >= recipe.iterations and bool(batch_norms(self.network))


@torch.no_grad()
def _zero_last_gammas(network: nn.Module, plan: Blueprint) -> None:
    """Each block starts as its shortcut: the scale of the last batch norm of its branch is zero."""
    for stage in plan.stages:
        for block in stage.blocks:
            last = [layer.name for layer in block.branch if layer.kind is LayerKind.BATCH_NORM][-1]
            gamma = network.get_parameter(f"{last}.weight")
            gamma.zero_()


class Stopwatch:
    """Seconds since it was made or restarted; a clock that was set back makes whatever waits for it due."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        passed = time.perf_counter() - self._start
        return passed if passed >= 0.0 else float("inf")

    def restart(self) -> None:
        self._start = time.perf_counter()
