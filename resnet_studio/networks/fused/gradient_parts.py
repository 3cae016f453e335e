"""Where the parts of all gradients of weights lie, and how they are added up in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from resnet_studio.domain.blueprint import Layer
from resnet_studio.networks.fused import tiles

_ALIGNED = 4  # numbers: parts begin where they can be read in vectors


class Place(NamedTuple):
    """Of the parts of one layer's gradient: where they begin, how many there are, and blocks of pixels in each."""

    start: int
    parts: int
    blocks_each: int


@dataclass(frozen=True)
class PartPlan:
    """Each layer's place, how many numbers all parts have, and the table of :func:`kernels.sum_parts`."""

    places: tuple[Place, ...]
    size: int
    table: Tensor


def plan_parts(layers: Sequence[Layer], count: int, device: torch.device) -> PartPlan:
    """For convolutions, the stem's first, of a batch of ``count`` images."""
    rows, places, start, to = [], [], 0, 0
    for number, layer in enumerate(layers):
        outputs, height, width = layer.output
        tile = tiles.WEIGHT_GRADIENT[outputs] if number else tiles.STEM_GRADIENT
        parts, each = tiles.divided(count * height * width, tile)
        places.append(Place(start, parts, each))
        rows += [
            (start + column, parts, layer.weights, to + column, min(tiles.COLUMNS, layer.weights - column))
            for column in range(0, layer.weights, tiles.COLUMNS)
        ]
        start += -(-parts * layer.weights // _ALIGNED) * _ALIGNED
        to += layer.weights
    return PartPlan(tuple(places), start, torch.tensor(rows, dtype=torch.int32).to(device))
