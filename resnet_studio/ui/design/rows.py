"""Where everything of the drawing lies: rows from top to bottom, the same for the plain and the residual column.

Lengths are in the drawing's own units, which are pixels at zoom 1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from resnet_studio.domain.blueprint import Blueprint

COLUMN = 262.0  # width of one of the two columns
WIDTH = 2 * COLUMN
BOX_WIDTH, BOX_HEIGHT = 138.0, 21.0
BOX_TOPS = (9.0, 37.0)  # of the two layers, within a block's row
PLUS_Y, PLUS_RADIUS = 66.0, 6.0


class RowKind(Enum):
    INPUT = auto()
    STEM = auto()
    STAGE = auto()
    BLOCK = auto()
    FOLDED = auto()
    POOL = auto()
    FC = auto()


HEIGHTS = {
    RowKind.INPUT: 34.0,
    RowKind.STEM: 38.0,
    RowKind.STAGE: 34.0,
    RowKind.BLOCK: 74.0,
    RowKind.FOLDED: 74.0,
    RowKind.POOL: 38.0,
    RowKind.FC: 38.0,
}


@dataclass(frozen=True, slots=True)
class Row:
    """``stage`` and ``block`` are indices, -1 where they have no meaning."""

    kind: RowKind
    top: float
    stage: int = -1
    block: int = -1

    @property
    def height(self) -> float:
        return HEIGHTS[self.kind]

    @property
    def bottom(self) -> float:
        return self.top + self.height


class Rows:
    """The rows of one blueprint with some stages open and others folded."""

    def __init__(self, plan: Blueprint, is_open: Sequence[bool]) -> None:
        """``is_open``: one for each stage."""
        kinds = [(RowKind.INPUT, -1, -1), (RowKind.STEM, -1, -1)]
        for s, stage in enumerate(plan.stages):
            kinds.append((RowKind.STAGE, s, -1))
            if is_open[s]:
                kinds += [(RowKind.BLOCK, s, b) for b in range(len(stage.blocks))]
            else:
                kinds.append((RowKind.FOLDED, s, -1))
        kinds += [(RowKind.POOL, -1, -1), (RowKind.FC, -1, -1)]
        top, rows = 0.0, []
        for kind, s, b in kinds:
            rows.append(Row(kind, top, s, b))
            top += HEIGHTS[kind]
        self.all: tuple[Row, ...] = tuple(rows)
        self.height = top
        self._tops = [row.top for row in rows]

    def index_at(self, y: float) -> int:
        """The row that holds ``y``, the first or last one beyond the ends."""
        return min(max(bisect_right(self._tops, y) - 1, 0), len(self.all) - 1)

    def between(self, top: float, bottom: float) -> Iterator[tuple[int, Row]]:
        """Rows that are at least partly visible, with their indices."""
        for index in range(self.index_at(top), len(self.all)):
            if self.all[index].top > bottom:
                return
            yield index, self.all[index]
