"""What is measured at the updates of a network in training: a row a series, and the table of values on the device.

Nothing that is measured here waits for the device or changes what an update computes. A captured program runs the same
rows as a step that is taken alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.training.optimizer import Descent, norms

CAPACITY = 4096  # iterations that a table holds

Rate = float | Tensor  # learning rate of an update; of a captured one, float32 without dimensions on the device


@dataclass(frozen=True, slots=True)
class Outputs:
    """What ``k`` updates in a row gave: losses (k,), logits (k, B, classes) float32, labels (k, B)."""

    losses: Tensor
    logits: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True)
class OutputRow:
    """A series of each iteration that follows from what the network gave, (k,) for ``k`` updates at once."""

    series: Series
    measure: Callable[[Outputs], Tensor]


class InTraining:
    """What an update can be measured by.

    That is the network, its optimizer, and the weights of the layers that count towards its depth.
    """

    def __init__(self, network: nn.Module, layers: Sequence[str], descent: Descent) -> None:
        """``layers`` by their paths in the network."""
        self.network, self.descent = network, descent
        self.layers: list[Tensor] = [network.get_parameter(f"{name}.weight") for name in layers]


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """A series of updates: of each iteration, or of layers.

    ``measure`` is called between the backward pass and the update. What it returns is called after the update with its
    learning rate and gives the value, float32 on the device: without dimensions or, of a series of layers, (layers,).
    """

    series: Series
    measure: Callable[[InTraining], Callable[[Rate], Tensor]]


def _error_percent(outputs: Outputs) -> Tensor:
    return (outputs.logits.argmax(2) != outputs.labels).float().mean(1) * 100.0


def _gradient_norm(training: InTraining) -> Callable[[Rate], Tensor]:
    """Euclidean norm of the gradient of the loss, without weight decay, with respect to each layer's weights."""
    found = norms([weight.grad for weight in training.layers if weight.grad is not None])
    return lambda _rate: found


def _update_ratio(training: InTraining) -> Callable[[Rate], Tensor]:
    """Norm of each layer's update, with weight decay and momentum, over that of its weights before.

    Weights before a batch norm can be scaled without changing what the network computes, and their gradient then
    scales the other way; this ratio says how far an update leads.
    """
    weights, updates = norms(training.layers), training.descent.update_norms(training.layers)
    return lambda rate: updates(rate) / weights


OUTPUT_ROWS = (
    OutputRow(Series.TRAINING_LOSS, lambda outputs: outputs.losses),
    OutputRow(Series.TRAINING_ERROR, _error_percent),
)
UPDATE_ROWS = (
    UpdateRow(Series.GRADIENT_NORM, _gradient_norm),
    UpdateRow(Series.UPDATE_RATIO, _update_ratio),
)
_EACH = tuple(row for row in UPDATE_ROWS if not row.series.layered)
_LAYERED = tuple(row for row in UPDATE_ROWS if row.series.layered)
COLUMNS = (*(row.series for row in OUTPUT_ROWS), *(row.series for row in _EACH))
"""The series of each iteration, as columns of what is measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured at ``k`` updates in a row, on the device.

    ``columns`` (k, len(COLUMNS)); ``layers`` (series of layers, layers) of the first of them, None where these were
    left out.
    """

    columns: Tensor
    layers: Tensor | None = None


class Meter:
    """Measures the updates of one network by the rows."""

    def __init__(self, network: nn.Module, layers: Sequence[str], descent: Descent) -> None:
        """``layers`` by their paths in the network."""
        self._training = InTraining(network, layers, descent)
        self.layers_shape = len(_LAYERED), len(layers)

    @torch.no_grad()
    def update(self, step: Callable[[], None], rate: Rate, *, layers: bool) -> tuple[list[Tensor], Tensor | None]:
        """Do the update ``step`` of this rate, whose gradients are there.

        Returns:
            The columns that updates have, each without dimensions, and (series of layers, layers) if ``layers``.
        """
        each = [row.measure(self._training) for row in _EACH]
        layered = [row.measure(self._training) for row in _LAYERED] if layers else []
        step()
        columns = [after(rate) for after in each]
        return columns, torch.stack([after(rate) for after in layered]) if layered else None

    @staticmethod
    def of_outputs(outputs: Outputs) -> list[Tensor]:
        """The columns that follow from what the network gave, each (k,); every one is a mean over the images."""
        return [row.measure(outputs) for row in OUTPUT_ROWS]

    def columns(self, of_outputs: Sequence[Tensor], updates: Sequence[Sequence[Tensor]]) -> Tensor:
        """(k, len(COLUMNS)) of ``k`` updates, whose own columns are ``updates``."""
        return torch.stack([*of_outputs, *(torch.stack(list(each)) for each in zip(*updates, strict=True))], 1)


class LiveTable:
    """The values of a run's last iterations, on the device until they are fetched; layers every so many iterations."""

    def __init__(self, layers_shape: tuple[int, int], layers_every: int, device: torch.device) -> None:
        """``layers_shape``: (series of layers, layers); ``layers_every`` is 0 where they are not measured."""
        self._every = layers_every
        self._columns = torch.empty(CAPACITY, len(COLUMNS), device=device)
        rows = CAPACITY // layers_every + 1 if layers_every else 0
        self._layers = torch.empty(rows, *layers_shape, device=device)
        self._layers_at: list[int] = []  # iterations
        self._rates: list[float] = []
        self._seconds: list[float] = []

    def __len__(self) -> int:
        """Iterations that are kept."""
        return len(self._rates)

    def clear(self) -> None:
        for kept in (self._layers_at, self._rates, self._seconds):
            kept.clear()

    def measures_layers(self, iteration: int) -> bool:
        """Whether the layers are measured at the update ``iteration``, counted from 1."""
        return bool(self._every) and (iteration - 1) % self._every == 0

    def steps_until_layers(self, iteration: int) -> int | None:
        """From ``iteration`` to the next one after it at which layers are measured; None if there is none."""
        return self._every - (iteration - 1) % self._every if self._every else None

    def keep(self, iteration: int, measured: Measured, rates: Sequence[float], seconds: Sequence[float]) -> None:
        """Take in updates from ``iteration`` on: their rates and, after each, the seconds of training so far."""
        row = len(self)
        self._columns[row : row + len(rates)].copy_(measured.columns, non_blocking=True)
        if measured.layers is not None and self.measures_layers(iteration):
            self._layers[len(self._layers_at)].copy_(measured.layers, non_blocking=True)
            self._layers_at.append(iteration)
        self._rates.extend(rates)
        self._seconds.extend(seconds)

    def take(self, run_id: str, first: int) -> tuple[CurveChunk, ...]:
        """Everything kept, the first of it of iteration ``first``; the table is empty afterwards.

        Fetched in one copy, of layers in one more. It ends with the first loss that is not finite.
        """
        count = len(self)
        if not count:
            return ()
        columns = self._columns[:count].to("cpu", copy=True).numpy()
        losses = columns[:, COLUMNS.index(Series.TRAINING_LOSS)]
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            count = int(bad[0]) + 1
        values = {
            **{series: columns[:count, number] for number, series in enumerate(COLUMNS)},
            Series.LEARNING_RATE: np.asarray(self._rates[:count]),
            Series.SECONDS: np.asarray(self._seconds[:count]),
        }
        chunks = [
            CurveChunk(run_id, series, first, np.ascontiguousarray(each, dtype=np.float32))
            for series, each in values.items()
        ]
        if points := sum(iteration < first + count for iteration in self._layers_at):
            layers = self._layers[:points].to("cpu", copy=True).numpy()  # (points, series, layers)
            chunks += [
                CurveChunk(run_id, row.series, self._layers_at[0], np.ascontiguousarray(layers[:, n]), self._every)
                for n, row in enumerate(_LAYERED)
            ]
        self.clear()
        return tuple(chunks)
