"""One run inside a cohort: its network, its optimizer, and where it stands."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from resnet_studio.domain.blueprint import blueprint
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.specs import RunSpec
from resnet_studio.domain.terms import Series
from resnet_studio.networks.build import PlannedNetwork, build
from resnet_studio.networks.weights import state_of
from resnet_studio.training.checkpoints import Snapshot

_CAPACITY = 4096


class Member:
    """A run in training. Its bits depend on its own spec and the batches alone, never on the other members.

    ``iteration`` counts finished updates; ``seconds`` is time spent on this member's own steps; ``tested_at`` is the
    iteration of its newest test error, -1 without one.
    """

    def __init__(self, run_id: str, spec: RunSpec, device: torch.device) -> None:
        self.run_id, self.spec, self.device = run_id, spec, device
        self.network: PlannedNetwork = build(blueprint(spec.network), spec.recipe.init_seed)
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=spec.recipe.learning_rate,
            momentum=spec.recipe.momentum,
            weight_decay=spec.recipe.weight_decay,
            foreach=True,
        )
        for parameter in self.network.parameters():
            self.optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self.iteration, self.seconds, self.tested_at = 0, 0.0, -1
        self.ended = False
        self._buffers = list(self.network.buffers())
        self._kept = [torch.empty_like(buffer) for buffer in self._buffers]
        self._measured = torch.empty(_CAPACITY, 2, device=device)  # (iteration, [loss, error])
        self._rates: list[float] = []
        self._times: list[float] = []

    def snapshot(self) -> Snapshot:
        momentum = {
            name: self.optimizer.state[parameter]["momentum_buffer"].detach().to("cpu", copy=True).contiguous()
            for name, parameter in self.network.named_parameters()
        }
        return Snapshot(self.iteration, self.seconds, state_of(self.network), momentum)

    @torch.no_grad()
    def restore(self, snapshot: Snapshot) -> None:
        """Go back to ``snapshot``, keeping each tensor's place and memory layout."""
        self.network.load_state_dict(dict(snapshot.weights))
        for name, parameter in self.network.named_parameters():
            self.optimizer.state[parameter]["momentum_buffer"].copy_(snapshot.momentum[name])
        self.iteration, self.seconds = snapshot.iteration, snapshot.seconds
        self._rates.clear()
        self._times.clear()

    @contextlib.contextmanager
    def undo_unless_done(self) -> Iterator[None]:
        """A step that is abandoned half-way (stop, out of memory) leaves the batch-norm statistics as they were."""
        torch._foreach_copy_(self._kept, self._buffers)
        try:
            yield
        except BaseException:
            torch._foreach_copy_(self._buffers, self._kept)
            raise

    def note(self, loss: Tensor, error_percent: Tensor, learning_rate: float, seconds: float) -> None:
        """Keep one iteration's measurements on the device; the member has now done one more iteration."""
        row = len(self._rates)
        self._measured[row, 0] = loss
        self._measured[row, 1] = error_percent
        self._rates.append(learning_rate)
        self.iteration += 1
        self.seconds += seconds
        self._times.append(self.seconds)

    @property
    def full(self) -> bool:
        return len(self._rates) >= _CAPACITY

    def take_curves(self) -> tuple[CurveChunk, ...]:
        """What was measured since the last call, fetched in one copy, ending with the first loss that is not finite."""
        count = len(self._rates)
        if not count:
            return ()
        measured = self._measured[:count].to("cpu", copy=True).numpy()
        first = self.iteration - count + 1
        bad = np.flatnonzero(~np.isfinite(measured[:, 0]))
        if len(bad):
            count = int(bad[0]) + 1
        columns = {
            Series.TRAINING_LOSS: measured[:count, 0],
            Series.TRAINING_ERROR: measured[:count, 1],
            Series.LEARNING_RATE: np.asarray(self._rates[:count]),
            Series.SECONDS: np.asarray(self._times[:count]),
        }
        self._rates.clear()
        self._times.clear()
        return tuple(
            CurveChunk(self.run_id, series, first, np.ascontiguousarray(values, dtype=np.float32))
            for series, values in columns.items()
        )

    @torch.no_grad()
    def finite(self) -> bool:
        """Whether every weight and every batch-norm statistic is a finite number; a network that is not must never
        replace a good checkpoint. (Statistics can overflow first: in training they are written, not read.)"""
        values = (*self.network.parameters(), *(b for b in self._buffers if b.is_floating_point()))
        norms = torch._foreach_norm(list(values), float("inf"))
        return bool(torch.isfinite(torch.stack(norms)).all())

    @property
    def test_due(self) -> bool:
        recipe = self.spec.recipe
        due = self.iteration > 0 and (self.iteration % recipe.test_every == 0 or self.iteration == recipe.iterations)
        return due and self.tested_at != self.iteration


class Stopwatch:
    """Seconds since it was made or last read."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    def restart(self) -> None:
        self._start = time.perf_counter()
