"""Loss surface: the loss around a network's weights, along random directions scaled to its own filters.

Li et al. 2018 (arXiv:1712.09913), sections 3 and 4: ``f(a, b) = L(w + a d + b e)`` on a square grid, a and b from -span
to span, L the mean cross-entropy over the images (its natural logarithm's unit, nats). d and e are Gaussian; each
filter of them, and each output's weights of a fully connected layer, is scaled to the norm of the very filter that it
moves ("filter-wise normalisation"), because a net's weights before batch norm have no scale of their own. Batch norm
and biases are not moved; batch norm keeps its stored statistics. The random numbers are a function of (seed, layer
name), so that a twin's networks are moved alike where their shapes agree, and by the same shares of their filters.

The grid is refined: 5, 9, 17 and 33 points a side, each grid holds the one before it, and what is known is not
measured again. The line b = 0 is the one-dimensional picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.network_state import copied, measurable
from resnet_studio.analysis.subjects import OnPartial, Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.surface import SIDES, OnSquare, Surface, SurfaceSettings
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.initialisation import standard_normal
from resnet_studio.networks.residual import PlannedNetwork

Grid = npt.NDArray[np.float64]

_BATCH = 250  # images that go through together: with the batch's own statistics, those that are normalised together
_TINY = 1e-10  # added to a direction's norm: a filter of zeros stays where it is


@dataclass(frozen=True, eq=False)
class Square(OnSquare):
    """Loss and error on a square grid of points (a, b) around the weights.

    Attributes:
        side: Points a side, of :data:`~resnet_studio.domain.analyses.surface.SIDES`.
        span: a and b go from -span to span; 1 moves each filter by its own norm.
        loss: (side, side), row b, column a, both rising; nats, infinite where too large. All rows but the middle one
            are NaN where only the line was measured.
        error_percent: Top-1 error of the same images, likewise.
    """

    side: int
    span: float
    loss: Grid
    error_percent: Grid


OnRefined = Callable[[Square], None]


def measure(
    subjects: Sequence[Subject],
    images: DrawnImages,
    settings: SurfaceSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
    on_partial: OnPartial | None = None,
) -> tuple[Surface, ...]:
    """The loss surface of each network, as this module defines it, all of them grid by grid.

    An untrained design goes by the statistics of each 250 images.

    ``on_partial`` is called with the results of all networks whenever one has been refined and all have a picture.

    Raises:
        UserError: If a network does not know the images' classes.
        Stopped: When ``should_stop`` says so.
    """
    seen = [(subject.inputs(images), subject.targets(images)) for subject in subjects]
    squares: dict[int, Square] = {}
    side, done = int(settings.side), 0
    total = len(subjects) * len(_Lattice(None).missing(side, settings.line))
    progress(done, total)
    for wanted in SIDES[: SIDES.index(side) + 1]:
        for place, (subject, (x, y)) in enumerate(zip(subjects, seen, strict=True)):
            before = done

            def report(points: int, _all: int, before: int = before) -> None:
                nonlocal done
                if before + points > done:
                    done = before + points
                    progress(done, total)

            squares[place] = loss_surface(
                subject.network, subject.blueprint, x, y, seed=settings.seed, span=settings.span, side=wanted,
                line_only=settings.line, known=squares.get(place), trained=subject.net.trained, progress=report,
                should_stop=should_stop,
            )  # fmt: skip
            if on_partial is not None and len(squares) == len(subjects) and done < total:
                on_partial(_results(subjects, squares))
    return _results(subjects, squares)


def _results(subjects: Sequence[Subject], squares: Mapping[int, Square]) -> tuple[Surface, ...]:
    return tuple(
        Surface(
            subject.net, subject.blueprint.spec.classes, squares[place].side, squares[place].span,
            squares[place].loss, squares[place].error_percent,
        )
        for place, subject in enumerate(subjects)
    )  # fmt: skip


def loss_surface(
    network: PlannedNetwork,
    plan: Blueprint,
    images: Tensor,
    labels: Tensor,
    *,
    seed: int = 0,
    span: float = 1.0,
    side: int = SIDES[-1],
    line_only: bool = False,
    known: Square | None = None,
    trained: bool = True,
    on_refined: OnRefined | None = None,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Square:
    """The surface with ``side`` points a side, by way of the coarser ones.

    Args:
        network: In any mode, which it keeps; weights and statistics stay as they are.
        plan: The blueprint of ``network``.
        images: Normalised float32 (N, 3, H, W) on the network's device.
        labels: int64 (N,), on the same device.
        seed: Of the two directions.
        span: a and b go from -span to span.
        side: One of :data:`SIDES`.
        line_only: Only the points of the line b = 0.
        known: What was measured before with the same network, images, seed and span: a coarser surface, or a line.
        trained: Else batch norm goes by the statistics of each 250 images.
        on_refined: Called with each coarser surface that has new points, as soon as it is complete.
        progress: Gets the pieces of work that are done, and of how many.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Within a layer, when ``should_stop`` says so; what ``on_refined`` was called with last is good to go
            on from.
        ValueError: For another number of points, or a ``known`` of another span.
    """
    if side not in SIDES:
        raise ValueError(f"a side has one of {SIDES} points, got {side}")
    if known is not None and known.span != span:
        raise ValueError(f"the known surface spans {known.span}, wanted is {span}")
    finest = _Lattice(known)
    done, total = 0, len(finest.missing(side, line_only))
    progress(done, total)
    copy = copied(network, plan)
    moves = _Moves(copy, seed, span, should_stop)
    with measurable(copy, should_stop, trained=trained):
        for wanted in SIDES[: SIDES.index(side) + 1]:
            missing = finest.missing(wanted, line_only)
            for row, column in missing:
                moves.to(finest.share(column), finest.share(row))
                finest.put(row, column, *_loss_and_error(copy, images, labels))
                done += 1
                progress(done, total)
            if missing and wanted < side and on_refined is not None:
                on_refined(finest.square(wanted, span))
    return finest.square(side, span)


class _Lattice:
    """The finest grid, NaN where nothing is known; coarser ones are its every second, fourth and eighth point."""

    def __init__(self, known: Square | None) -> None:
        self._values = np.full((2, SIDES[-1], SIDES[-1]), np.nan)  # loss, error
        if known is not None:
            self._values[:, :: _step(known.side), :: _step(known.side)] = known.loss, known.error_percent

    def missing(self, side: int, line_only: bool) -> list[tuple[int, int]]:
        """Row and column of the points of a grid that are not known, the line through the centre first."""
        middle, places = SIDES[-1] // 2, range(0, SIDES[-1], _step(side))
        rows = [middle, *(row for row in places if row != middle and not line_only)]
        return [(row, column) for row in rows for column in places if math.isnan(self._values[0, row, column])]

    def share(self, place: int) -> float:
        """A row's or column's position, -1..1."""
        return 2.0 * place / (SIDES[-1] - 1) - 1.0

    def put(self, row: int, column: int, loss: float, error_percent: float) -> None:
        self._values[:, row, column] = loss, error_percent

    def square(self, side: int, span: float) -> Square:
        loss, error = self._values[:, :: _step(side), :: _step(side)].copy()
        return Square(side, span, loss, error)


def _step(side: int) -> int:
    return (SIDES[-1] - 1) // (side - 1)


def direction(network: nn.Module, seed: int, axis: int, should_stop: StopCheck = never_stop) -> dict[str, Tensor]:
    """A filter-normalised direction: for every weight of more than one dimension, by its name; ``axis`` is 0 or 1.

    Raises:
        Stopped: Between two layers, when ``should_stop`` says so.
    """
    found = {}
    for name, weight in network.named_parameters():
        if should_stop():
            raise Stopped
        if weight.ndim > 1:
            drawn = standard_normal(seed, f"surface {axis}/{name}", tuple(weight.shape)).to(weight.device)
            norms = [values.flatten(1).norm(dim=1) for values in (weight.detach(), drawn)]
            shares = (norms[0] / (norms[1] + _TINY)).view(-1, *[1] * (weight.ndim - 1))
            found[name] = drawn * shares
    return found


class _Moves:
    """Puts a network's weights at a point of the surface; ``span`` is what a share of 1 stands for."""

    def __init__(self, network: nn.Module, seed: int, span: float, should_stop: StopCheck) -> None:
        first, second = (direction(network, seed, axis, should_stop) for axis in range(2))
        self._span = span
        self._weights = [
            (weight, weight.detach().clone(), first[name], second[name])
            for name, weight in network.named_parameters()
            if name in first
        ]

    @torch.no_grad()
    def to(self, a: float, b: float) -> None:
        """Shares of the span, -1..1, along the first and the second direction."""
        for weight, start, first, second in self._weights:
            weight.copy_(start).add_(first, alpha=a * self._span).add_(second, alpha=b * self._span)


@torch.no_grad()
def _loss_and_error(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy, infinite where it is no number, and top-1 error in percent."""
    losses, hits = 0.0, 0
    for x, y in zip(images.split(_BATCH), labels.split(_BATCH), strict=True):
        logits = network(x).float()
        losses += float(F.cross_entropy(logits, y, reduction="sum"))
        hits += int((logits.argmax(1) == y).sum())
    loss = losses / len(labels)
    return loss if math.isfinite(loss) else math.inf, 100.0 * (1.0 - hits / len(labels))
