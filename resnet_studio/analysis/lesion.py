"""Lesion: what a network's error becomes when blocks are taken out or change places, without training it again.

Veit, Wilber, Belongie: Residual Networks Behave Like Ensembles of Relatively Shallow Networks, 2016
(arXiv:1605.06431), sections 4.1 and 4.2. Of a block that is taken out the shortcut stays, y = x or W x instead of
F(x) + x, and the ReLU behind the addition; nothing else changes, batch norm's statistics included. In a plain net the
same layers are taken out, and what its residual twin of option A has beside them stands in their place: the identity,
or every second pixel with zeros for the new channels. Blocks change places within a stage, where their shapes agree.

Errors are top-1, in percent, of the images given. Each altered network sees the very images that the whole one sees, so
the interval is that of paired errors, :mod:`resnet_studio.domain.mcnemar`, of each alteration on its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from resnet_studio.analysis.block_passes import NamedBlock, block_plans, named_blocks, removable
from resnet_studio.domain.blueprint import BlockPlan, Blueprint
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.mcnemar import PairedErrors
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.text import _

Progress = Callable[[int, int], None]
Arithmetic = Callable[[], AbstractContextManager[object]]
Route = tuple[tuple[int, bool], ...]  # at each position: which block, and whether its branch is there

BATCH = 250  # images that go through together at most, as when training tests
_KEPT_BYTES = 2**30  # of the block outputs of one batch
_STEP_WORK = 2e10  # multiply-adds of one block and batch: less than a second of one core between two stop checks


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is done to a network.

    Attributes:
        name: As people see it.
        deleted: Names of the blocks whose branches are taken out, each ``stage1.block1`` and the like.
        order: Names of all blocks as they follow one another; empty: as they were built.
    """

    name: str
    deleted: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Altered:
    """The error of an altered network on the images seen so far, in percent.

    Attributes:
        low: The lower end of the 95 % interval: the whole network's error plus that of the paired difference.
        high: The upper end.
        whole: The whole network's error on the same images.
        only_altered: Images that the altered network alone gets wrong.
        only_whole: Images that the whole network alone gets wrong.
        p_value: Of McNemar's exact test that both errors are equal.
        images: Seen so far.
        of: To be seen.
    """

    name: str
    deleted: tuple[str, ...]
    order: tuple[str, ...]
    error: float
    low: float
    high: float
    whole: float
    only_altered: int
    only_whole: int
    p_value: float
    images: int
    of: int

    @property
    def final(self) -> bool:
        return self.images == self.of

    @property
    def difference(self) -> float:
        """Percentage points above the whole network."""
        return self.error - self.whole


@dataclass(frozen=True, slots=True)
class Lesion:
    """Errors in percent on ``images`` images: of the whole network, and of each altered one in the order given."""

    error: float
    images: int
    blocks: tuple[Altered, ...]


def each_block(plan: Blueprint) -> tuple[Alteration, ...]:
    """Every block that can be taken out, one at a time, from the first to the last."""
    return tuple(Alteration(block.name, (block.name,)) for block in block_plans(plan) if removable(block))


def some_blocks(plan: Blueprint, count: int, seed: int) -> Alteration:
    """``count`` blocks at once, drawn at random (section 4.2)."""
    names = [alteration.name for alteration in each_block(plan)]
    if not 0 <= count <= len(names):
        raise ValueError(f"count must be 0 to {len(names)}, got {count}")
    drawn = sorted(_random(seed).permutation(len(names))[:count].tolist())
    return Alteration(_("{count} blocks, draw {seed}", count=count, seed=seed), tuple(names[place] for place in drawn))


def swapped(plan: Blueprint, swaps: int, seed: int) -> Alteration:
    """Pairs of blocks of one shape changing places, ``swaps`` times, drawn at random (section 4.2)."""
    blocks = block_plans(plan)
    places = range(len(blocks))
    pairs = [pair for pair in itertools.combinations(places, 2) if _alike(blocks[pair[0]], blocks[pair[1]])]
    if not pairs:
        raise UserError(_("No two blocks of {label} have one shape; choose a deeper network.", label=plan.spec.label))
    order = list(places)
    for draw in _random(seed).integers(len(pairs), size=swaps).tolist():
        a, b = pairs[draw]
        order[a], order[b] = order[b], order[a]
    names = tuple(blocks[place].name for place in order)
    return Alteration(_("{swaps} swaps, draw {seed}", swaps=swaps, seed=seed), order=names)


def kendall_tau(plan: Blueprint, order: Sequence[str]) -> float:
    """Kendall's rank correlation of ``order`` with the order in which the blocks were built: 1 if it is the same."""
    built = {block.name: place for place, block in enumerate(block_plans(plan))}
    places = [built[name] for name in order] or list(built.values())
    pairs = list(itertools.combinations(places, 2))
    return sum(1 if a < b else -1 for a, b in pairs) / len(pairs) if pairs else 1.0


def _random(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def _alike(a: BlockPlan, b: BlockPlan) -> bool:
    return (a.input, a.output, a.stride) == (b.input, b.output, b.stride)


def images_a_batch(plan: Blueprint) -> int:
    """How many images go through together: at most :data:`BATCH`, by the memory that every block's output takes, and
    by the time until a stop is heard."""
    blocks = block_plans(plan)
    kept = sum(4 * block.output[0] * block.output[1] * block.output[2] for block in blocks)
    heaviest = max(block.multiply_adds for block in blocks)
    return max(1, int(min(BATCH, _KEPT_BYTES / kept, _STEP_WORK / heaviest)))


def measure(
    network: PlannedNetwork,
    plan: Blueprint,
    images: Tensor,
    labels: Tensor,
    alterations: Sequence[Alteration] | None = None,
    *,
    batch: int = 0,
    arithmetic: Arithmetic = nullcontext,
    on_result: Callable[[Altered], None] | None = None,
    progress: Progress | None = None,
    should_stop: StopCheck = never_stop,
) -> Lesion:
    """Errors of ``network``, which is in evaluation mode, whole and altered.

    Args:
        images: Normalised, float32 (N, 3, H, W) on the network's device, N at least 1.
        labels: (N,), each an output of the network.
        alterations: Every block on its own if left out.
        batch: Images that go through together; 0 for :func:`images_a_batch`.
        arithmetic: The context of each forward pass; that of the run's tests gives the stored test error again.
        on_result: Gets each alteration's result after each batch of images, the last one over all of them.
        progress: Gets what is done of all that there is to do, in multiply-adds.

    Raises:
        UserError: If there is no such block, or it cannot be taken out or stand in that place.
        Stopped: Between two blocks, when ``should_stop`` says so.
    """
    wanted = each_block(plan) if alterations is None else tuple(alterations)
    outputs = BlockOutputs(network, plan, images, labels, batch=batch, arithmetic=arithmetic)
    found: dict[int, Altered] = {}
    for place, result in outputs.results(wanted, progress=progress, should_stop=should_stop):
        found[place] = result
        if on_result is not None:
            on_result(result)
    error = outputs.error(should_stop)
    return Lesion(error, len(images), tuple(found[place] for place in range(len(wanted))))


@dataclass(slots=True)
class _Counts:
    altered_wrong: int = 0
    only_altered: int = 0
    only_whole: int = 0


@dataclass(slots=True, eq=False)
class _Batch:
    """The images of one batch in the whole network: what enters each block and, last, the head; which are right."""

    inputs: list[Tensor]
    right: Tensor


@dataclass(eq=False)
class BlockOutputs:
    """A network on some images, with what leaves each of its blocks, so that an altered network only runs what follows.

    The blocks' outputs are kept batch by batch, in all at most ``keep_bytes``, from one call to the next: whoever asks
    for one block after the other waits for the whole network once. For one thread at a time.

    Attributes:
        network: In evaluation mode.
        images: Normalised, float32 (N, 3, H, W) on the network's device.
        labels: (N,), each an output of the network.
        batch: Images that go through together; 0 for :func:`images_a_batch`.
        arithmetic: The context of each forward pass.
    """

    network: PlannedNetwork
    plan: Blueprint
    images: Tensor
    labels: Tensor
    batch: int = 0
    arithmetic: Arithmetic = nullcontext
    keep_bytes: int = 0
    _blocks: tuple[NamedBlock, ...] = ()
    _kept: dict[int, _Batch] = field(default_factory=dict)
    _kept_bytes: int = 0
    _right: dict[int, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.network.training:
            raise ValueError("the network must be in evaluation mode")
        if not len(self.images) or len(self.images) != len(self.labels):
            raise ValueError(f"wanted as many labels as images, got {len(self.labels)} for {len(self.images)}")
        self._blocks = named_blocks(self.network, self.plan)
        self.batch = self.batch or images_a_batch(self.plan)

    def error(self, should_stop: StopCheck = never_stop) -> float:
        """Of the whole network, in percent."""
        hits = 0
        for first in range(0, len(self.images), self.batch):
            if first not in self._right:
                self._batch_at(first, should_stop)
            hits += int(self._right[first].sum())
        return _percent(len(self.images) - hits, len(self.images))

    def results(
        self,
        alterations: Sequence[Alteration],
        *,
        progress: Progress | None = None,
        should_stop: StopCheck = never_stop,
    ) -> Iterator[tuple[int, Altered]]:
        """Batch by batch, each alteration's result so far, with its place in ``alterations``; the last of each is over
        all images.

        Raises:
            UserError, Stopped: As :func:`measure`.
        """
        routes = [self.route(alteration) for alteration in alterations]
        starts = [_first_change(route) for route in routes]
        work = [sum(self._work(*step) for step in route[start:]) for route, start in zip(routes, starts, strict=True)]
        meter = _Meter(progress, len(self.images) * (sum(work) + self.plan.multiply_adds))
        counts = [_Counts() for _unused in alterations]
        whole_wrong = 0
        for first in range(0, len(self.images), self.batch):
            whole = self._batch_at(first, should_stop)
            size = len(whole.right)
            meter.add(size * self.plan.multiply_adds)
            seen = first + size
            whole_wrong += size - int(whole.right.sum())
            for place, (route, start) in enumerate(zip(routes, starts, strict=True)):
                right = whole.right if start == len(route) else self._pass_on(route, start, whole, first, should_stop)
                _count(counts[place], whole.right, right)
                meter.add(size * work[place])
                yield place, self._result(alterations[place], counts[place], whole_wrong, seen)

    def route(self, alteration: Alteration) -> Route:
        """What stands at each position.

        Raises:
            UserError: If there is no such block, or it cannot be taken out or stand in that place.
        """
        known = {block.name: place for place, block in enumerate(self._blocks)}
        for name in (*alteration.deleted, *alteration.order):
            if name not in known:
                raise UserError(
                    _(
                        "{label} has no block {name}; its blocks are {first} to {last}.",
                        label=self.plan.spec.label,
                        name=name,
                        first=self._blocks[0].name,
                        last=self._blocks[-1].name,
                    )
                )
        for name in alteration.deleted:
            if not removable(self._blocks[known[name]].plan):
                raise UserError(_("{name} drops channels, so nothing can stand in its place.", name=name))
        order = alteration.order or tuple(known)
        if sorted(order) != sorted(known):
            raise UserError(_("An order names each of the {count} blocks once.", count=len(known)))
        for place, name in enumerate(order):
            if not _alike(self._blocks[place].plan, self._blocks[known[name]].plan):
                raise UserError(
                    _(
                        "{name} cannot stand in the place of {other}: their shapes differ. Blocks can change places "
                        "within a stage, behind its first one where that changes dimensions.",
                        name=name,
                        other=self._blocks[place].name,
                    )
                )
        return tuple((known[name], name not in alteration.deleted) for name in order)

    def _work(self, block: int, branch: bool) -> int:
        return self._blocks[block].plan.multiply_adds if branch else 0

    def _batch_at(self, first: int, should_stop: StopCheck) -> _Batch:
        """The whole network on the batch that begins with image ``first``."""
        if first in self._kept:
            return self._kept[first]
        with torch.inference_mode(), self.arithmetic():
            inputs = [self.network.stem(self.images[first : first + self.batch])]
            for block in self._blocks:
                if should_stop():
                    raise Stopped
                inputs.append(block.module(inputs[-1]))
            found = _Batch(inputs, self._hits(inputs[-1], first))
        self._right[first] = found.right
        size = sum(x.numel() * x.element_size() for x in inputs)
        if self._kept_bytes + size <= self.keep_bytes:
            self._kept[first] = found
            self._kept_bytes += size
        return found

    def _pass_on(self, route: Route, start: int, whole: _Batch, first: int, should_stop: StopCheck) -> Tensor:
        """Which images the altered network gets right: what follows position ``start`` is run, the rest was kept."""
        with torch.inference_mode(), self.arithmetic():
            x = whole.inputs[start]
            for place, branch in route[start:]:
                if should_stop():
                    raise Stopped
                block = self._blocks[place]
                x = block.module(x) if branch else block.without_branch(x)
            return self._hits(x, first)

    def _hits(self, x: Tensor, first: int) -> Tensor:
        """From the head's input to bool (n,) on the CPU. Ties, which rounded logits have, break as in training's own
        test."""
        logits = self.network.head(x).float()
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices[:, 0]
        hits: Tensor = best == self.labels[first : first + len(best)]
        return hits.cpu()

    def _result(self, alteration: Alteration, counts: _Counts, whole_wrong: int, seen: int) -> Altered:
        pair = PairedErrors(seen, counts.only_whole, counts.only_altered)
        whole, (low, high) = _percent(whole_wrong, seen), pair.interval()
        return Altered(
            name=alteration.name,
            deleted=alteration.deleted,
            order=alteration.order,
            error=_percent(counts.altered_wrong, seen),
            low=max(0.0, whole + low),
            high=min(100.0, whole + high),
            whole=whole,
            only_altered=counts.only_altered,
            only_whole=counts.only_whole,
            p_value=pair.p_value,
            images=seen,
            of=len(self.images),
        )


def _percent(wrong: int, images: int) -> float:
    return 100.0 * wrong / images


def _first_change(route: Iterable[tuple[int, bool]]) -> int:
    """The first position at which something else happens than in the whole network; their number if there is none."""
    steps = list(route)
    return next((place for place, step in enumerate(steps) if step != (place, True)), len(steps))


def _count(counts: _Counts, whole: Tensor, altered: Tensor) -> None:
    counts.altered_wrong += len(altered) - int(altered.sum())
    counts.only_altered += int((whole & ~altered).sum())
    counts.only_whole += int((altered & ~whole).sum())


class _Meter:
    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, work: int) -> None:
        self._done += work
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)
