"""Paths through a network: how many there are of each length, and how much of the gradient goes through them.

Veit, Wilber, Belongie 2016 (arXiv:1605.06431), section 4 (their Figure 6). In a residual net the signal goes at each
block through the branch or beside it, so n blocks make 2^n paths; the length of a path is the number of branches on it,
and of length k there are n over k. A plain net has one path, through every branch. The derivative of the loss with
respect to the images is the sum over all paths of the product of what lies on each (batch norm and ReLU as they were in
the forward pass), so it falls into the parts of each length. Two measurements of a part:

- as in the paper: paths of the length are drawn at random, the backward pass goes through their branches and at all
  other blocks through the shortcut alone; mean norm times number of paths, as a share of the sum over all lengths. It
  takes the paths of one length for pointing in one direction.
- exactly: the sum of all paths of the length, by one backward pass that keeps the lengths apart. Its scalar product
  with the whole gradient, over that one's square: these shares add up to 1, and one may be negative, where the paths of
  a length work against the others.

Norms are Euclidean, of the derivative of the mean cross-entropy over the batch with respect to all its pixels. Batch
norm is in training mode, by the batch's own statistics; its running statistics stay as they are.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.block_passes import NamedBlock, block_plans, named_blocks
from resnet_studio.domain.blueprint import Blueprint, Join, Layer
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.layers import run_in_order
from resnet_studio.networks.residual import PlannedNetwork

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PathsOfLength:
    """All paths through ``blocks`` branches.

    Attributes:
        paths: How many.
        norm: Mean norm of the gradient along one of them, over those drawn.
        share: ``paths`` times ``norm``, in 0..1 of the sum over all lengths: the paper's.
        sum_norm: Norm of the sum of their gradients.
        exact_share: Of the whole gradient, by its direction; all of them add up to 1.
    """

    blocks: int
    paths: int
    norm: float
    share: float
    sum_norm: float
    exact_share: float


@dataclass(frozen=True, slots=True)
class Paths:
    """Of one network.

    Attributes:
        lengths: Those there are, short first.
        layers: How many paths go through so many weighted layers, stem, last layer and projections on the way counted:
            (layers, paths), short first.
        gradient_norm: Of the whole gradient.
        images: In the batch.
        samples: Paths drawn of each length, at most; no path of a length that has fewer is drawn twice.
    """

    lengths: tuple[PathsOfLength, ...]
    layers: tuple[tuple[int, int], ...]
    gradient_norm: float
    images: int
    samples: int


def count_by_blocks(plan: Blueprint) -> dict[int, int]:
    """Number of paths by the number of branches on them."""
    return _product(
        (Counter({1: 1}) if block.join is Join.NONE else Counter({0: 1, 1: 1})) for block in block_plans(plan)
    )


def count_by_layers(plan: Blueprint) -> dict[int, int]:
    """Number of paths by the number of weighted layers on them: a branch has one, two or three, an identity none, a
    projection one."""
    parts = [Counter({_weighted(plan.stem) + _weighted(plan.head): 1})]
    for block in block_plans(plan):
        ways = Counter({_weighted(block.branch): 1})
        if block.join is not Join.NONE:
            ways[_weighted(block.projection)] += 1
        parts.append(ways)
    return _product(iter(parts))


def _weighted(layers: tuple[Layer, ...]) -> int:
    return sum(layer.kind.weighted for layer in layers)


def _product(parts: Iterator[Counter[int]]) -> dict[int, int]:
    """Product of polynomials: exponents are lengths, coefficients numbers of paths."""
    total = Counter({0: 1})
    for part in parts:
        grown: Counter[int] = Counter()
        for length, paths in total.items():
            for more, ways in part.items():
                grown[length + more] += paths * ways
        total = grown
    return dict(sorted(total.items()))


def measure(
    network: PlannedNetwork,
    plan: Blueprint,
    images: Tensor,
    labels: Tensor,
    *,
    samples: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
    should_stop: StopCheck = never_stop,
) -> Paths:
    """Paths and their gradients on one batch.

    Args:
        network: Trained or not; it is returned in the mode it had, weights and statistics untouched.
        images: Normalised (N, 3, H, W) on the network's device, at least two.
        labels: (N,), each an output of the network.
        samples: Paths drawn of each length.
        progress: Gets how many backward passes through a block are done.

    Raises:
        Stopped: Between two blocks, when ``should_stop`` says so.
    """
    counts = count_by_blocks(plan)
    with _batch_statistics(network):
        passes = _Passes(network, plan, images, labels, should_stop)
        drawn = {length: _draw(plan, length, min(samples, paths), seed) for length, paths in counts.items()}
        work = len(passes) * (len(passes) + 1) // 2 + sum(len(paths) * len(passes) for paths in drawn.values())
        passes.watch(progress, work)
        sums = passes.by_length()
        whole = torch.stack([part.double() for part in sums.values()]).sum(0)
        norms = {
            length: float(np.mean([_norm(passes.along(path)) for path in paths])) for length, paths in drawn.items()
        }
        passes.finish()
    square = float(whole.square().sum())
    totals = {length: norms[length] * counts[length] for length in counts}
    lengths = tuple(
        PathsOfLength(
            blocks=length,
            paths=paths,
            norm=norms[length],
            share=_ratio(totals[length], math.fsum(totals.values())),
            sum_norm=_norm(sums[length]),
            exact_share=_ratio(float((sums[length].double() * whole).sum()), square),
        )
        for length, paths in counts.items()
    )
    layers = tuple(count_by_layers(plan).items())
    return Paths(lengths, layers, math.sqrt(square), len(images), samples)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _norm(x: Tensor) -> float:
    return float(x.double().square().sum().sqrt())


def _draw(plan: Blueprint, length: int, wanted: int, seed: int) -> list[frozenset[int]]:
    """``wanted`` different paths of ``length``, each the positions of its branches, drawn uniformly."""
    fixed = [place for place, block in enumerate(block_plans(plan)) if block.join is Join.NONE]
    free = [place for place, block in enumerate(block_plans(plan)) if block.join is not Join.NONE]
    random = np.random.Generator(np.random.Philox([seed, length]))
    found: dict[frozenset[int], None] = {}
    while len(found) < wanted:
        chosen = random.permutation(len(free))[: length - len(fixed)]
        found[frozenset((*fixed, *(free[place] for place in chosen.tolist())))] = None
    return list(found)


@contextlib.contextmanager
def _batch_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norm by each batch's own statistics, the running ones untouched."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    was = [(norm, norm.training, norm.track_running_stats) for norm in norms]
    for norm in norms:
        norm.training, norm.track_running_stats = True, False
    try:
        yield
    finally:
        for norm, training, tracks in was:
            norm.training, norm.track_running_stats = training, tracks


@dataclass(slots=True, eq=False)
class _Piece:
    """A differentiable step: its input, a leaf, and its output."""

    x: Tensor
    y: Tensor

    def back(self, gradient: Tensor) -> Tensor:
        """Vector times Jacobian."""
        if self.y is self.x:
            return gradient
        (found,) = torch.autograd.grad(self.y, self.x, gradient, retain_graph=True)
        return found


@dataclass(slots=True, eq=False)
class _Block:
    """The steps of one block; ``shortcut`` is None in a plain one."""

    before: _Piece
    branch: _Piece
    shortcut: _Piece | None
    after: _Piece


class _Passes:
    """One forward pass, kept in pieces, and backward passes that choose their way through them."""

    def __init__(
        self, network: PlannedNetwork, plan: Blueprint, images: Tensor, labels: Tensor, should_stop: StopCheck
    ) -> None:
        self._should_stop = should_stop
        self._progress: Progress | None = None
        self._done = self._all = 0
        with torch.enable_grad():
            self._stem = _piece(network.stem, images)
            self._blocks = []
            x = self._stem.y
            for block in named_blocks(network, plan):
                self._ask()
                self._blocks.append(_pieces(block, x))
                x = self._blocks[-1].after.y
            last = _piece(lambda y: F.cross_entropy(network.head(y).float(), labels), x)
            self._start = last.back(torch.ones_like(last.y))  # with respect to what enters the head

    def __len__(self) -> int:
        return len(self._blocks)

    def watch(self, progress: Progress | None, work: int) -> None:
        self._progress, self._all = progress, work

    def finish(self) -> None:
        if self._progress is not None:
            self._progress(self._all, self._all)

    def by_length(self) -> dict[int, Tensor]:
        """The sum of the gradients of all paths of each length, with respect to the images."""
        parts = {0: self._start}
        for block in reversed(self._blocks):
            grown: dict[int, Tensor] = {}
            for length, gradient in parts.items():
                self._ask()
                inner = block.after.back(gradient)
                self._add(grown, length + 1, block.branch.back(inner))
                if block.shortcut is not None:
                    self._add(grown, length, block.shortcut.back(inner))
                self._step()
            parts = {length: block.before.back(gradient) for length, gradient in grown.items()}
        return {length: self._stem.back(gradient) for length, gradient in sorted(parts.items())}

    def along(self, path: frozenset[int]) -> Tensor:
        """The gradient of one path, through the branches at ``path`` and the other blocks' shortcuts."""
        gradient = self._start
        for place in range(len(self._blocks) - 1, -1, -1):
            self._ask()
            block = self._blocks[place]
            way = block.branch if place in path or block.shortcut is None else block.shortcut
            gradient = block.before.back(way.back(block.after.back(gradient)))
            self._step()
        return self._stem.back(gradient)

    @staticmethod
    def _add(parts: dict[int, Tensor], length: int, gradient: Tensor) -> None:
        parts[length] = parts[length] + gradient if length in parts else gradient

    def _ask(self) -> None:
        if self._should_stop():
            raise Stopped

    def _step(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(min(self._done, self._all), self._all)


def _piece(step: Callable[[Tensor], Tensor], x: Tensor) -> _Piece:
    leaf = x.detach().requires_grad_()
    return _Piece(leaf, step(leaf))


def _pieces(block: NamedBlock, x: Tensor) -> _Block:
    module = block.module
    before = _piece(lambda t: run_in_order(module.before, t), x)
    branch = _piece(lambda t: run_in_order(module.branch, t), before.y)
    y, shortcut = branch.y.detach(), None
    if block.plan.join is not Join.NONE:
        shortcut = _piece(block.shortcut, before.y)
        y = y + shortcut.y.detach()
    after = _piece(lambda t: run_in_order(module.after, t.clone()), y)  # ReLU overwrites
    return _Block(before, branch, shortcut, after)
