"""Two or three blueprints laid beside each other: section by section, block by block, layer by layer.

A section is one size of the feature maps, as in Figure 3 of He et al. 2015, or one stage where the networks see images
of different size. What stands in one line is found by place: the first block beside the first block, the first layer
beside the first layer; a layer sequence without blocks (VGG) flows beside the convolutions of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind
from resnet_studio.domain.enums import Activation

Key = tuple[str, int, int]  # what it is, and two numbers that identify it
K = TypeVar("K")

_DRAWN = frozenset((LayerKind.CONV, LayerKind.MAX_POOL, LayerKind.GLOBAL_POOL, LayerKind.LINEAR))


@dataclass(frozen=True, slots=True)
class Item:
    """A layer that is drawn, with the layers that only go with it: batch norm, ReLU, flattening.

    The ReLU after a block's addition goes with the block's last layer.

    ``size`` is the height in pixels of its output, or of its block's, so that a block stays in one section. ``stage``
    and ``block`` are indices, -1 outside of stages.
    """

    main: Layer
    size: int
    before: tuple[Layer, ...] = ()
    after: tuple[Layer, ...] = ()
    stage: int = -1
    block: int = -1

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (*self.before, self.main, *self.after)


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together: a block, or a single layer. ``blocks`` and each line's items: one a network."""

    key: Key
    blocks: tuple[BlockPlan | None, ...]
    lines: tuple[tuple[Item | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Groups of all networks that stand beside each other, such as those of one size.

    ``size`` is the height of the outputs in pixels where networks are aligned by size, else 0; ``stages`` holds for
    each network the index of the stage whose blocks are here, -1 where there are none.
    """

    key: Key
    size: int
    groups: tuple[Group, ...]
    stages: tuple[int, ...]


def items(plan: Blueprint) -> Iterator[Item]:
    """The drawn layers in the order of the forward pass; projections belong to their block's shortcut."""
    yield from _items(plan.stem)
    pre = plan.spec.activation is Activation.PRE
    for s, stage in enumerate(plan.stages):
        for b, block in enumerate(stage.blocks):
            yield from _items((*block.before, *block.branch, *block.after), s, b, pre=pre)
    yield from _items(plan.head)


def _items(layers: Sequence[Layer], stage: int = -1, block: int = -1, *, pre: bool = False) -> Iterator[Item]:
    """Layers that go with another one follow it; in pre-activation blocks, and at the start, they precede it."""
    found: list[tuple[Layer, list[Layer], list[Layer]]] = []
    waiting: list[Layer] = []
    for layer in layers:
        if layer.kind in _DRAWN:
            found.append((layer, waiting, []))
            waiting = []
        elif pre or not found or layer.kind is LayerKind.FLATTEN:
            waiting.append(layer)
        else:
            found[-1][2].append(layer)
    convs = [main for main, _, _ in found if main.kind is LayerKind.CONV]
    for main, before, after in found:
        size = convs[-1].output[1] if stage >= 0 and main.kind is LayerKind.CONV else main.output[1]
        yield Item(main, size, tuple(before), tuple(after), stage, block)


def by_size(plans: Sequence[Blueprint]) -> bool:
    """Whether outputs of one size stand beside each other; else stages do, as the images differ in size."""
    return len({plan.input[1:] for plan in plans}) == 1


def _flows(plan: Blueprint) -> bool:
    """A sequence of layers in which blocks mean nothing."""
    blocks = (block for stage in plan.stages for block in stage.blocks)
    return all(block.join is Join.NONE and len(block.branch) == 1 for block in blocks)


def align(plans: Sequence[Blueprint], *, sizes: bool | None = None) -> tuple[Section, ...]:
    """The networks' drawn layers side by side. ``sizes``: by size of the outputs (None: as :func:`by_size` says)."""
    sizes = by_size(plans) if sizes is None else sizes
    found = [list(items(plan)) for plan in plans]
    keyed = [[(_section_key(item, sizes), item) for item in column] for column in found]
    keys = merged([_unique(key for key, _ in column) for column in keyed])
    if sizes:
        keys.sort(key=lambda key: -key[1])
    flowing = [_flows(plan) for plan in plans]
    if all(flowing):
        flowing = [False] * len(plans)
    sections = []
    for key in keys:
        columns = [[item for k, item in column if k == key] for column in keyed]
        convs = [[item for item in column if item.main.kind is LayerKind.CONV] for column in columns]
        stages = tuple(max((item.stage for item in column), default=-1) for column in convs)
        sections.append(Section(key, key[1] if sizes else 0, _groups(plans, columns, flowing), stages))
    return tuple(sections)


def _section_key(item: Item, sizes: bool) -> Key:
    if sizes:
        return ("size", item.size, 0)
    if item.stage >= 0:
        return ("stage", item.stage, 0)
    return ("head", 0, 0) if item.main.name.startswith("head") else ("stem", 0, 0)


def _groups(plans: Sequence[Blueprint], columns: Sequence[list[Item]], flowing: Sequence[bool]) -> tuple[Group, ...]:
    named = [_group_keys(column) for column in columns]
    order = merged([list(groups) for groups, flows in zip(named, flowing, strict=True) if not flows])
    convs = [key for key in order if key[0] in ("stem", "block")]
    table: dict[Key, list[list[Item]]] = {key: [[] for _ in plans] for key in order}
    for n, groups in enumerate(named):
        if not flowing[n]:
            for key, members in groups.items():
                table[key][n] = members
    lines = {key: _lines(members) for key, members in table.items()}
    if any(flowing):
        order = _let_flow(named, flowing, order, convs, lines)
    return tuple(Group(key, _blocks(plans, lines[key]), tuple(map(tuple, lines[key]))) for key in order)


def _group_keys(column: Sequence[Item]) -> dict[Key, list[Item]]:
    """The groups of one network's section, in order.

    Fully connected layers count from the end, the rest from the start.
    """
    groups: dict[Key, list[Item]] = {}
    first = next((item.stage for item in column if item.stage >= 0), 0)
    linear = sum(item.main.kind is LayerKind.LINEAR for item in column)
    pools = 0
    for item in column:
        if item.main.kind is LayerKind.LINEAR:
            key = ("fc", -linear, 0)
            linear -= 1
        elif item.main.kind is LayerKind.MAX_POOL:
            key = ("pool", pools, 0)
            pools += 1
        elif item.stage >= 0:
            key = ("block", item.stage - first, item.block)
        else:
            key = ("stem" if item.main.kind is LayerKind.CONV else "mean", 0, 0)
        groups.setdefault(key, []).append(item)
    return groups


def _lines(members: Sequence[Sequence[Item]]) -> list[list[Item | None]]:
    """One block's layers in each network: those of the longest one a line each, the others beside their like."""
    longest = max(members, key=len)
    lines: list[list[Item | None]] = [[None] * len(members) for _ in longest]
    kernels = tuple(item.main.kernel for item in longest)
    for n, column in enumerate(members):
        for line, item in zip(_places(tuple(item.main.kernel for item in column), kernels), column, strict=True):
            lines[line][n] = item
    return lines


def _places(short: tuple[int, ...], long: tuple[int, ...]) -> tuple[int, ...]:
    """The lines of ``long`` beside which ``short`` goes in order: most equal kernels, then first."""
    if len(short) == len(long):
        return tuple(range(len(long)))
    return max(
        combinations(range(len(long)), len(short)),
        key=lambda places: sum(long[place] == kernel for place, kernel in zip(places, short, strict=True)),
    )


def _let_flow(
    named: Sequence[dict[Key, list[Item]]],
    flowing: Sequence[bool],
    order: Sequence[Key],
    convs: Sequence[Key],
    lines: dict[Key, list[list[Item | None]]],
) -> list[Key]:
    """Put the layers of networks without blocks beside the others' and return the order of the groups."""
    count = len(named)
    places = [line for key in convs for line in lines[key]]
    added: list[Key] = []
    front: list[list[Key]] = []
    back: list[list[Key]] = []
    for n in (n for n in range(count) if flowing[n]):
        keys = list(named[n])
        first = next((i for i, key in enumerate(keys) if key[0] in ("stem", "block")), None)
        here = [item for key in keys if key[0] in ("stem", "block") for item in named[n][key]]
        while len(places) < len(here):
            added.append(("more", len(added), 0))
            lines[added[-1]] = [[None] * count]
            places += lines[added[-1]]
        for line, item in zip(places, here, strict=False):
            line[n] = item
        rest = [(i, key) for i, key in enumerate(keys) if key[0] not in ("stem", "block")]
        for _, key in rest:
            lines.setdefault(key, [[None] * count])[0][n] = named[n][key][0]
        leads = [key for i, key in rest if key[0] == "pool" and (first is None or i < first)]
        front.append(leads)
        back.append([key for _, key in rest if key not in leads])
    whole = merged([*back, order, *front])
    place = whole.index(convs[-1]) + 1 if convs else len({key for keys in front for key in keys})
    return [*whole[:place], *added, *whole[place:]]


def _blocks(plans: Sequence[Blueprint], lines: Sequence[Sequence[Item | None]]) -> tuple[BlockPlan | None, ...]:
    """The block that a group holds in each network; None where only single layers stand."""
    blocks: list[BlockPlan | None] = []
    for n, plan in enumerate(plans):
        item = next((line[n] for line in lines if line[n] is not None), None)
        inside = item is not None and item.stage >= 0 and item.main.kind is LayerKind.CONV
        blocks.append(plan.stages[item.stage].blocks[item.block] if item is not None and inside else None)
    return tuple(blocks)


def merged(orders: Sequence[Sequence[K]]) -> list[K]:
    """One order of all: each new thing stands right after the thing it follows in its own order."""
    result: list[K] = []
    known: set[K] = set()
    for order in orders:
        place = 0
        for thing in order:
            if thing in known:
                place = result.index(thing) + 1
            else:
                known.add(thing)
                result.insert(place, thing)
                place += 1
    return result


def _unique(things: Iterator[K]) -> list[K]:
    return list(dict.fromkeys(things))
