"""A network on some images, with what leaves each block kept, so that an altered network only runs what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor

from resnet_studio.analysis.block_passes import NamedBlock, block_plans, named_blocks, removable, same_shapes
from resnet_studio.analysis.subjects import Progress, no_progress
from resnet_studio.domain.analyses.lesion import Altered
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.mcnemar import PairedErrors
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.text import _

Arithmetic = Callable[[], AbstractContextManager[object]]
Route = tuple[tuple[int, bool], ...]  # at each position: which block, and whether its branch is there

BATCH = 250  # images that go through together at most, as when training tests
_KEPT_BYTES = 2**30  # of the block outputs of one batch
_PIECE = (
    125  # images of a batch that go through an altered network together on a CPU: their activations stay in its cache
)
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


def images_a_batch(plan: Blueprint) -> int:
    """How many images go through together, at most :data:`BATCH`.

    Fewer where every block's output takes much memory, or where a stop would have to wait long.
    """
    blocks = block_plans(plan)
    kept = sum(4 * block.output[0] * block.output[1] * block.output[2] for block in blocks)
    heaviest = max(block.multiply_adds for block in blocks)
    return max(1, int(min(BATCH, _KEPT_BYTES / kept, _STEP_WORK / heaviest)))


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
        inputs: From rows to images: normalised, float32 (n, 3, H, W) on the network's device.
        labels: (N,) on that device, each an output of the network; N at least 1.
        batch: Images that go through together; 0 for :func:`images_a_batch`.
        arithmetic: Makes the context of each forward pass.
    """

    network: PlannedNetwork
    plan: Blueprint
    inputs: Callable[[slice], Tensor]
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
        if not len(self.labels):
            raise ValueError("at least one image is needed")
        self._blocks = named_blocks(self.network, self.plan)
        self.batch = self.batch or images_a_batch(self.plan)

    def error(self, should_stop: StopCheck = never_stop) -> float:
        """Of the whole network, in percent."""
        hits = 0
        for first in range(0, len(self.labels), self.batch):
            if first not in self._right:
                self._batch_at(first, should_stop)
            hits += int(self._right[first].sum())
        return _percent(len(self.labels) - hits, len(self.labels))

    def results(
        self,
        alterations: Sequence[Alteration],
        *,
        progress: Progress = no_progress,
        should_stop: StopCheck = never_stop,
    ) -> Iterator[tuple[int, Altered]]:
        """Batch by batch, each alteration's result so far, with its place in ``alterations``.

        The last result of each alteration is over all images.

        Raises:
            UserError: As :meth:`route`.
            Stopped: Between two blocks, when ``should_stop`` says so.
        """
        routes = [self.route(alteration) for alteration in alterations]
        starts = [_first_change(route) for route in routes]
        work = [sum(self._work(*step) for step in route[start:]) for route, start in zip(routes, starts, strict=True)]
        meter = _Meter(progress, len(self.labels) * (sum(work) + self.plan.multiply_adds))
        counts = [_Counts() for _unused in alterations]
        whole_wrong = 0
        for first in range(0, len(self.labels), self.batch):
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
            if not same_shapes(self._blocks[place].plan, self._blocks[known[name]].plan):
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
            inputs = [self.network.stem(self.inputs(slice(first, first + self.batch)))]
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
        hits: list[Tensor] = []
        with torch.inference_mode(), self.arithmetic():
            kept = whole.inputs[start]
            for x in kept.split(_PIECE if kept.device.type == "cpu" else len(kept)):
                for place, branch in route[start:]:
                    if should_stop():
                        raise Stopped
                    block = self._blocks[place]
                    x = block.module(x) if branch else block.without_branch(x)
                hits.append(self._hits(x, first + sum(len(each) for each in hits)))
        return torch.cat(hits)

    def _hits(self, x: Tensor, first: int) -> Tensor:
        """From the head's input to bool (n,) on the CPU.

        Ties, which rounded logits have, break as in training's own test.
        """
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
            of=len(self.labels),
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
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, work: int) -> None:
        self._done += work
        self._progress(min(self._done, self._total), self._total)
