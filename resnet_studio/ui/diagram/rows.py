"""Where everything of the drawing lies: rows from top to bottom, the same for all networks beside each other.

Lengths are in the drawing's own units, which are pixels at zoom 1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from resnet_studio.domain.alignment import Group, Item
from resnet_studio.domain.blueprint import Join, LayerKind
from resnet_studio.domain.diff import Diff, SectionDiff
from resnet_studio.text import _, _n

COLUMN = 262.0  # width of one network's column
BOX_WIDTH, BOX_HEIGHT = 138.0, 21.0
FIRST_TOP, LINE = 9.0, 28.0  # the first layer's box within a group's row, and from box to box
PLUS_RADIUS = 6.0
INPUT_HEIGHT, STRIP_HEIGHT, TALL_STRIP_HEIGHT, FOLDED_HEIGHT = 34.0, 34.0, 50.0, 74.0
ROOM_BELOW, ROOM_BELOW_SUM = 1.0, 9.0


class RowKind(Enum):
    INPUT = auto()
    SECTION = auto()  # the strip across all columns that opens and folds
    GROUP = auto()  # a block, or a layer of its own
    FOLDED = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """``section`` and ``group`` are indices, -1 where they have no meaning; ``lines`` is a group's number of layers."""

    kind: RowKind
    top: float
    height: float
    section: int = -1
    group: int = -1
    lines: int = 0

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def box_top(self, line: int) -> float:
        """Of a layer, from the row's top."""
        return FIRST_TOP + LINE * line

    @property
    def plus_y(self) -> float:
        """Of the addition, from the row's top."""
        return FIRST_TOP + LINE * self.lines + 1.0


class Rows:
    """The rows of networks beside each other, with some sections open and others folded."""

    def __init__(self, diff: Diff, is_open: Sequence[bool]) -> None:
        """``is_open``: one for each section; those without a strip are always open."""
        self._top = 0.0
        self._rows: list[Row] = []
        self._add(RowKind.INPUT, INPUT_HEIGHT)
        for s, found in enumerate(diff.sections):
            if foldable(found):
                tall = len({section_text(diff, s, n) for n in range(len(diff.plans))}) > 1
                self._add(RowKind.SECTION, TALL_STRIP_HEIGHT if tall else STRIP_HEIGHT, s)
            if foldable(found) and not is_open[s]:
                self._add(RowKind.FOLDED, FOLDED_HEIGHT, s)
                continue
            for g, group in enumerate(found.section.groups):
                lines = len(group.lines)
                room = ROOM_BELOW_SUM if joins(group) else ROOM_BELOW
                self._add(RowKind.GROUP, FIRST_TOP + LINE * lines + room, s, g, lines)
        self.all: tuple[Row, ...] = tuple(self._rows)
        self.height = self._top
        self._tops = [row.top for row in self._rows]

    def _add(self, kind: RowKind, height: float, section: int = -1, group: int = -1, lines: int = 0) -> None:
        self._rows.append(Row(kind, self._top, height, section, group, lines))
        self._top += height

    def index_at(self, y: float) -> int:
        """The row that holds ``y``, the first or last one beyond the ends."""
        return min(max(bisect_right(self._tops, y) - 1, 0), len(self.all) - 1)

    def between(self, top: float, bottom: float) -> Iterator[tuple[int, Row]]:
        """Rows that are at least partly visible, with their indices."""
        for index in range(self.index_at(top), len(self.all)):
            if self.all[index].top > bottom:
                return
            yield index, self.all[index]


def foldable(found: SectionDiff) -> bool:
    """Stem and head, where they are sections of their own, are a few layers without a strip."""
    return found.section.key[0] in ("stage", "size")


def joins(group: Group) -> bool:
    """Whether something is added in any of the networks."""
    return any(block is not None and block.join is not Join.NONE for block in group.blocks)


def section_title(found: SectionDiff) -> str:
    section = found.section
    return _("Output {size}×{size}", size=section.size) if section.size else _("Stage {key}", key=section.key[1] + 1)


def contents_text(items: Sequence[Item]) -> str:
    """How many layers and pools: ``3 layers``, ``2 layers, pool``, ``2 pools``.

    As in a network's depth, layers are those with weights.
    """
    layers = sum(item.main.kind.weighted for item in items)
    pools = len(items) - layers
    parts = [_n("{count} layer", "{count} layers", layers)] if layers else []
    if pools:
        parts.append("pool" if pools == 1 else _("{pools} pools", pools=pools))
    return ", ".join(parts)


def section_text(diff: Diff, s: int, n: int) -> str:
    """What a network has in a section: ``32×32, 16 filters, 3 blocks``; a dash where it has nothing."""
    section = diff.sections[s].section
    own = [line[n] for group in section.groups for line in group.lines if line[n] is not None]
    if not own:
        return "–"
    if section.stages[n] < 0:
        return contents_text([item for item in own if item is not None])
    stage = diff.plans[n].stages[section.stages[n]]
    block = stage.blocks[-1]
    last = block.branch[-1].output  # VGG pools after it
    parts = [] if section.size else [f"{last[2]}×{last[1]}"]
    parts.append(_("{last} filters", last=last[0]))
    single = len([layer for layer in block.branch if layer.kind.weighted]) == 1
    here = (item for item in own if item is not None and item.main.kind is LayerKind.CONV)
    count = len({item.block for item in here if item.stage == section.stages[n]})
    parts.append(
        _n("{count} layer", "{count} layers", count) if single else _n("{count} block", "{count} blocks", count)
    )
    return ", ".join(parts)
