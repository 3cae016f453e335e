"""From a network's specification to its blueprint: how each family's stem, blocks and head are made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind, Shape, StagePlan
from resnet_studio.domain.enums import Activation, Branch, Family, Shortcut, Stem, StridePlace
from resnet_studio.domain.specs import NetworkSpec

_HIDDEN = 64  # VGG's first two fully connected layers have 64 times its first width: 4096 in the paper's reference


@lru_cache(maxsize=64)
def blueprint(spec: NetworkSpec) -> Blueprint:
    """The plan of ``spec``: a pure function, some milliseconds for 1202 layers, cached."""
    shape: Shape = (3, spec.image_size, spec.image_size)
    stem = _stem(spec, shape)
    current = stem[-1].output if stem else shape
    stages = []
    for s, (count, width) in enumerate(zip(spec.stage_blocks, spec.stage_widths, strict=True), start=1):
        blocks = []
        for b in range(1, count + 1):
            name, first = f"stage{s}.block{b}", s == 1 and b == 1
            if spec.family is Family.VGG:
                block = _vgg_block(name, current, width, pools=b == count)
            else:
                stride = 2 if s > 1 and b == 1 else 1
                block = _block(spec, name, current, width, stride, first)
            blocks.append(block)
            current = block.output
        stages.append(StagePlan(f"stage{s}", tuple(blocks)))
    head = _head(spec, current)
    layers = (*stem, *(layer for st in stages for bl in st.blocks for layer in bl.layers), *head)
    return Blueprint(
        spec=spec,
        input=shape,
        stem=stem,
        stages=tuple(stages),
        head=head,
        parameters=sum(layer.parameters for layer in layers),
        multiply_adds=sum(layer.multiply_adds for layer in layers),
    )


def _conv(name: str, shape: Shape, filters: int, kernel: int, stride: int, *, bias: bool = False) -> Layer:
    """Padding keeps the size at stride 1, and halves it, rounding up, at stride 2."""
    _, height, width = shape
    output = (filters, -(-height // stride), -(-width // stride))
    return Layer(name, LayerKind.CONV, shape, output, kernel, stride, kernel // 2, bias)


def _same(name: str, kind: LayerKind, shape: Shape) -> Layer:
    return Layer(name, kind, shape, shape)


def _linear(name: str, inputs: int, outputs: int) -> Layer:
    return Layer(name, LayerKind.LINEAR, (inputs, 1, 1), (outputs, 1, 1), bias=True)


def _stem(spec: NetworkSpec, shape: Shape) -> tuple[Layer, ...]:
    """Section 4.2: 3x3. Table 1: 7x7 with stride 2, then a 3x3 max pool with stride 2. Both with BN and ReLU."""
    if spec.stem is Stem.NONE:
        return ()
    large = spec.stem is Stem.LARGE
    conv = _conv("stem.conv", shape, spec.width, 7 if large else 3, 2 if large else 1)
    layers = (
        conv,
        _same("stem.bn", LayerKind.BATCH_NORM, conv.output),
        _same("stem.relu", LayerKind.RELU, conv.output),
    )
    if not large:
        return layers
    channels, height, width = conv.output
    pooled = (channels, -(-height // 2), -(-width // 2))
    return (*layers, Layer("stem.pool", LayerKind.MAX_POOL, conv.output, pooled, kernel=3, stride=2, padding=1))


def _head(spec: NetworkSpec, shape: Shape) -> tuple[Layer, ...]:
    """Global average pooling and one fully connected layer; VGG has three of those and no global pooling."""
    if spec.family is Family.VGG:
        inputs, hidden = shape[0] * shape[1] * shape[2], _HIDDEN * spec.width
        middle: Shape = (hidden, 1, 1)
        return (
            Layer("head.flatten", LayerKind.FLATTEN, shape, (inputs, 1, 1)),
            _linear("head.fc1", inputs, hidden),
            _same("head.relu1", LayerKind.RELU, middle),
            _linear("head.fc2", hidden, hidden),
            _same("head.relu2", LayerKind.RELU, middle),
            _linear("head.fc", hidden, spec.classes),
        )
    last: tuple[Layer, ...] = ()
    if spec.activation is Activation.PRE:
        last = (_same("head.bn", LayerKind.BATCH_NORM, shape), _same("head.relu", LayerKind.RELU, shape))
    pool = Layer("head.pool", LayerKind.GLOBAL_POOL, shape, (shape[0], 1, 1))
    return (*last, pool, _linear("head.fc", shape[0], spec.classes))


def _vgg_block(name: str, shape: Shape, filters: int, *, pools: bool) -> BlockPlan:
    """One 3x3 convolution with a bias and no batch norm; a 2x2 max pool ends each stage (arXiv:1409.1556)."""
    conv = _conv(f"{name}.conv1", shape, filters, 3, 1, bias=True)
    after: tuple[Layer, ...] = (_same(f"{name}.relu1", LayerKind.RELU, conv.output),)
    output = conv.output
    if pools:
        output = (filters, output[1] // 2, output[2] // 2)
        after += (Layer(f"{name}.pool", LayerKind.MAX_POOL, conv.output, output, kernel=2, stride=2),)
    return BlockPlan(name, shape, output, 1, (conv,), Join.NONE, (), after)


def _convolutions(spec: NetworkSpec, width: int, stride: int) -> Iterator[tuple[int, int, int]]:
    """Kernel, filters and stride of each convolution of a branch, Figures 3 and 5 and Table 1."""
    if spec.branch is Branch.SINGLE:
        yield 3, width, stride
    elif spec.branch is Branch.BASIC:
        yield 3, width, stride
        yield 3, width, 1
    else:
        at_first = spec.stride_place is StridePlace.FIRST
        yield 1, width, stride if at_first else 1
        yield 3, width, 1 if at_first else stride
        yield 1, width * Branch.BOTTLENECK.expansion, 1


def _block(spec: NetworkSpec, name: str, shape: Shape, width: int, stride: int, first: bool) -> BlockPlan:
    """One block, with its activations after (post) or before (pre) the convolutions.

    post: BN after each convolution, ReLU between them and after the addition (He et al. 2015, Figure 2). pre: BN and
    ReLU before each convolution; the network's first block has the stem's (arXiv:1603.05027, appendix).
    """
    pre = spec.activation is Activation.PRE
    convolutions = tuple(_convolutions(spec, width, stride))
    branch: list[Layer] = []
    current = shape
    for number, (kernel, filters, step) in enumerate(convolutions, start=1):
        if pre and not (first and number == 1):
            branch.append(_same(f"{name}.bn{number}", LayerKind.BATCH_NORM, current))
            branch.append(_same(f"{name}.relu{number}", LayerKind.RELU, current))
        conv = _conv(f"{name}.conv{number}", current, filters, kernel, step)
        current = conv.output
        branch.append(conv)
        if not pre:
            branch.append(_same(f"{name}.bn{number}", LayerKind.BATCH_NORM, current))
            if number < len(convolutions):
                branch.append(_same(f"{name}.relu{number}", LayerKind.RELU, current))
    join = _join(spec.shortcut, shape != current)
    projection: tuple[Layer, ...] = ()
    shared = 0
    if join is Join.PROJECTION:
        conv = _conv(f"{name}.projection.conv", shape, current[0], 1, stride)
        projection = (conv,) if pre else (conv, _same(f"{name}.projection.bn", LayerKind.BATCH_NORM, current))
        shared = 2 if pre and not first else 0  # the projection sees what the first convolution sees
    after = () if pre else (_same(f"{name}.relu{len(convolutions)}", LayerKind.RELU, current),)
    return BlockPlan(
        name, shape, current, stride, tuple(branch[shared:]), join, projection, after, tuple(branch[:shared])
    )


def _join(shortcut: Shortcut, changes_dimensions: bool) -> Join:
    if shortcut is Shortcut.NONE:
        return Join.NONE
    if shortcut is Shortcut.C or (shortcut is Shortcut.B and changes_dimensions):
        return Join.PROJECTION
    return Join.ZERO_PAD if changes_dimensions else Join.IDENTITY
