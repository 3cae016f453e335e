"""Paths through a network: how many there are of each length, and how much of the gradient goes through them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import stdev

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.block_passes import NamedBlock, block_plans, named_blocks
from resnet_studio.analysis.memory import block_bytes, gradient_bytes, refuse_oversize
from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.paths import Paths, PathsOfLength, PathsSettings
from resnet_studio.domain.blueprint import Blueprint, Join, Layer
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.statistics import half_width
from resnet_studio.networks.layers import run_in_order
from resnet_studio.networks.module_state import batch_statistics
from resnet_studio.networks.residual import PlannedNetwork


def count_by_blocks(plan: Blueprint) -> dict[int, int]:
    """Number of paths by the number of branches on them."""
    return _product(
        (Counter({1: 1}) if block.join is Join.NONE else Counter({0: 1, 1: 1})) for block in block_plans(plan)
    )


def count_by_layers(plan: Blueprint) -> dict[int, int]:
    """Number of paths by the number of weighted layers on them.

    A branch has one, two or three, an identity none, a projection one.
    """
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
    subject: Subject,
    images: DrawnImages,
    settings: PathsSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Paths:
    """Paths of the network, and their gradients on the images as one batch.

    Veit, Wilber, Belongie 2016 (arXiv:1605.06431), section 4 (their Figure 6). In a residual net the signal goes at
    each block through the branch or beside it, so n blocks make 2^n paths; the length of a path is the number of
    branches on it, and of length k there are n over k. A plain net has one path, through every branch. The
    derivative of the loss with respect to the images is the sum over all paths of the product of what lies on each
    (batch norm and ReLU as they were in the forward pass), so it falls into the parts of each length. Two
    measurements of a part:

    - as in the paper: paths of the length are drawn at random, the backward pass goes through their branches and at
      all other blocks through the shortcut alone; mean norm times number of paths, as a share of the sum over all
      lengths. It takes the paths of one length for pointing in one direction.
    - exactly: the sum of all paths of the length, by one backward pass that keeps the lengths apart. Its scalar
      product with the whole gradient, over that one's square: these shares add up to 1, and one may be negative,
      where the paths of a length work against the others.

    Norms are Euclidean, of the derivative of the mean cross-entropy over the batch with respect to all its pixels.
    Batch norm is in training mode, by the batch's own statistics; its running statistics stay as they are.

    Raises:
        UserError: If the network does not know the images' classes, or their batch does not fit into memory.
        Stopped: Between two blocks, when ``should_stop`` says so.
    """
    plan = subject.blueprint
    refuse_oversize(subject, len(images), gradient_bytes(plan) + 2 * block_bytes(plan))
    inputs, targets = subject.inputs(images), subject.targets(images)
    found = gradients_by_length(
        subject.network, plan, inputs, targets, settings.paths, settings.seed, progress, should_stop
    )
    layers = tuple(count_by_layers(plan).items())
    return Paths(subject.net, found.lengths, layers, found.norm, len(images), settings.paths)


@dataclass(frozen=True, slots=True)
class ByLength:
    """``norm`` is that of the whole gradient."""

    lengths: tuple[PathsOfLength, ...]
    norm: float


def gradients_by_length(
    network: PlannedNetwork,
    plan: Blueprint,
    images: Tensor,
    labels: Tensor,
    samples: int,
    seed: int = 0,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> ByLength:
    """What goes through the paths of each length on one batch.

    Args:
        network: Trained or not; it is returned in the mode it had, weights and statistics untouched.
        plan: The blueprint of ``network``.
        images: Normalised (N, 3, H, W) on the network's device, at least two.
        labels: (N,), each an output of the network.
        samples: Paths drawn of each length.
        seed: Of the draw of paths.
        progress: Gets how many backward passes through a block are done.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Between two blocks, when ``should_stop`` says so.
    """
    counts = count_by_blocks(plan)
    with batch_statistics(network):
        passes = _Passes(network, plan, images, labels, should_stop)
        drawn = {length: _draw(plan, length, min(samples, paths), seed) for length, paths in counts.items()}
        work = len(passes) * (len(passes) + 1) // 2 + sum(len(paths) * len(passes) for paths in drawn.values())
        passes.watch(progress, work)
        sums = passes.by_length()
        whole = torch.stack([part.double() for part in sums.values()]).sum(0)
        single = {length: [_norm(passes.along(path)) for path in paths] for length, paths in drawn.items()}
        passes.finish()
    norms = {length: float(np.mean(found)) for length, found in single.items()}
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
            half_width=_half_width(single[length], paths),
        )
        for length, paths in counts.items()
    )
    return ByLength(lengths, math.sqrt(square))


def _half_width(norms: Sequence[float], paths: int) -> float:
    """Of the 95 % interval of the mean over all ``paths`` of a length, of which these were drawn, none twice."""
    if len(norms) == paths:
        return 0.0
    left = 1 - len(norms) / paths  # of a finite population
    return half_width(stdev(norms), len(norms), 0.95) * math.sqrt(left) if len(norms) > 1 else math.nan


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
        self._progress: Progress = no_progress
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

    def watch(self, progress: Progress, work: int) -> None:
        self._progress, self._all = progress, work

    def finish(self) -> None:
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
