"""How the work of each kernel is divided; see ``tests/benchmarks/tune_fused.py``."""

from __future__ import annotations

from typing import NamedTuple

import triton

SUM_ROWS = 128
"""Programs whose sums are added at once."""
PART_ROWS = 32
"""Parts of a gradient that are added at once."""
COLUMNS = 32
"""Numbers of a gradient that one program adds up."""


class Tile(NamedTuple):
    """Pixels that a program takes at once, its warps, and programs among which all pixels are divided.

    ``stages`` of loads are under way at once; with one, neighbours are found in the cache nearest to the program.
    """

    block: int
    warps: int
    programs: int
    stages: int = 1


# By a layer's output channels. Compiled for an H100 none needs more registers than there are; not measured yet.
FORWARD = {16: Tile(64, 4, 528), 32: Tile(64, 4, 528), 64: Tile(64, 8, 264)}
INPUT_GRADIENT = {16: Tile(64, 4, 660), 32: Tile(64, 4, 528), 64: Tile(64, 8, 264)}
WEIGHT_GRADIENT = {16: Tile(128, 4, 88), 32: Tile(64, 4, 66), 64: Tile(64, 8, 44)}  # programs: parts that are summed
SPAN = {16: 3, 32: 1, 64: 1}
"""Neighbours of a kernel's row that are one product in the forward pass."""
SOME_OUTPUTS = {16: 16, 32: 32, 64: 64}
"""Output channels that a program takes of a gradient of weights."""

STEM = Tile(64, 4, 528)
STEM_GRADIENT = Tile(64, 4, 264)
POOL_GRADIENT = Tile(64, 4, 264)
ELEMENTWISE = 2048  # numbers of a tile


def divided(pixels: int, tile: Tile) -> tuple[int, int]:
    """Programs, and blocks of pixels that each takes."""
    blocks = triton.cdiv(pixels, tile.block)
    each = triton.cdiv(blocks, tile.programs)
    return triton.cdiv(blocks, each), each
