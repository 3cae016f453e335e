"""Which networks the kernels are made for."""

from __future__ import annotations

import math

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind

CHANNELS = (16, 32, 64)
"""Widths of layers for which the kernels are fast; a tile holds all channels of some pixels."""

_BRANCH_LAYERS = (LayerKind.CONV, LayerKind.BATCH_NORM, LayerKind.RELU, LayerKind.CONV, LayerKind.BATCH_NORM)
_STEM_LAYERS = (LayerKind.CONV, LayerKind.BATCH_NORM, LayerKind.RELU)
_JOINS = (Join.NONE, Join.IDENTITY, Join.ZERO_PAD)
_MOST_POOLED = 256  # pixels: the pool takes an image's as one tile


def fits(plan: Blueprint) -> bool:
    """Whether the kernels are made for networks of this plan: basic blocks, 16 to 64 channels.

    All blocks are plain, or all have shortcuts without projections.
    """
    blocks = [block for stage in plan.stages for block in stage.blocks]  # at least one
    head = [layer.kind for layer in plan.head]
    return (
        tuple(layer.kind for layer in plan.stem) == _STEM_LAYERS
        and _is_convolution(plan.stem[0], 1)
        and plan.input[0] == 3
        and head
        in ([LayerKind.GLOBAL_POOL, LayerKind.LINEAR], [LayerKind.GLOBAL_POOL, LayerKind.FLATTEN, LayerKind.LINEAR])
        and math.prod(blocks[-1].output[1:]) <= _MOST_POOLED
        and len({block.join is Join.NONE for block in blocks}) == 1
        and all(_fits(block) for block in blocks)
    )


def _fits(block: BlockPlan) -> bool:
    if tuple(layer.kind for layer in block.branch) != _BRANCH_LAYERS or block.before or block.join not in _JOINS:
        return False
    one, other = block.branch[0], block.branch[3]
    strided = [block.stride * side for side in block.output[1:]] == list(block.input[1:])
    return (
        _is_convolution(one, block.stride)
        and _is_convolution(other, 1)
        and strided
        and block.stride in (1, 2)
        and one.input[0] in CHANNELS
        and [layer.kind for layer in block.after] == [LayerKind.RELU]
    )


def _is_convolution(layer: Layer, stride: int) -> bool:
    wanted = (3, stride, 1, False)
    return (layer.kernel, layer.stride, layer.padding, layer.bias) == wanted and layer.output[0] in CHANNELS
