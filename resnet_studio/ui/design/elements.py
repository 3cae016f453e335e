"""What lies under a point of the drawing, and its facts in words."""

from __future__ import annotations

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind, Shape
from resnet_studio.ui.design.rows import BOX_HEIGHT, BOX_TOPS, BOX_WIDTH, COLUMN, Row, RowKind
from resnet_studio.ui.widgets.text import count_text

_JOINS = {
    Join.IDENTITY: "the input itself is added",
    Join.ZERO_PAD: "every second row and column of the input, padded with zero channels (option A)",
    Join.PROJECTION: "a 1×1 convolution of the input",
    Join.NONE: "nothing is added",
}


def shape_text(shape: Shape) -> str:
    """``16 × 32 × 32``: channels, height, width; a vector is its length."""
    channels, height, width = shape
    return f"{channels}" if height == width == 1 else f"{channels} × {height} × {width}"


def layer_text(layer: Layer) -> str:
    """As a box shows it: ``3×3 conv, 16, /2``."""
    if layer.kind is LayerKind.CONV:
        return f"{layer.kernel}×{layer.kernel} conv, {layer.output[0]}" + (", /2" if layer.stride == 2 else "")
    if layer.kind is LayerKind.LINEAR:
        return f"fc, {layer.output[0]}"
    return layer.kind.value


def _counts(parameters: int, multiply_adds: int) -> str:
    return f"{count_text(parameters)} parameters, {count_text(multiply_adds)} multiply-adds"


def _layer_facts(layer: Layer) -> str:
    return (
        f"{layer.name}: {layer_text(layer)}, {shape_text(layer.input)} → {shape_text(layer.output)}, "
        f"{_counts(layer.parameters, layer.multiply_adds)}"
    )


def _block_facts(block: BlockPlan) -> str:
    text = f"{block.name}: {shape_text(block.input)} → {shape_text(block.output)}"
    if block.join is not Join.NONE:
        text += f"; shortcut: {_JOINS[block.join]}"
    return f"{text}; {_counts(block.parameters, block.multiply_adds)}"


def facts(plan: Blueprint, row: Row, x: float, y: float) -> str:
    """One line on what lies at (``x``, ``y``) of the column of ``plan``; both are measured from the row's corner."""
    if row.kind is RowKind.INPUT:
        return f"input: {shape_text(plan.input)}"
    if row.kind is RowKind.STEM:
        return f"{_layer_facts(plan.stem[0])}; then batch norm and ReLU"
    if row.kind is RowKind.POOL:
        return _layer_facts(plan.head[0])
    if row.kind is RowKind.FC:
        return _layer_facts(plan.head[1])
    stage = plan.stages[row.stage]
    if row.kind in (RowKind.STAGE, RowKind.FOLDED):
        return (
            f"{stage.name}: {len(stage.blocks)} blocks, output {shape_text(stage.output)}; "
            f"{_counts(stage.parameters, stage.multiply_adds)}"
        )
    block = stage.blocks[row.block]
    convs = [layer for layer in block.branch if layer.kind is LayerKind.CONV]
    inside = abs(x - COLUMN / 2) <= BOX_WIDTH / 2
    for layer, top in zip(convs, BOX_TOPS, strict=True):
        if inside and top <= y <= top + BOX_HEIGHT:
            after = "then batch norm and ReLU" if layer is convs[0] else "then batch norm"
            return f"{_layer_facts(layer)}; {after}"
    if block.projection and x > COLUMN / 2 + BOX_WIDTH / 2:
        return _layer_facts(block.projection[0])
    return _block_facts(block)
