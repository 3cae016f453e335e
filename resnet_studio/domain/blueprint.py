"""The network as pure data: stages, blocks, layers, each with shape, parameters and multiply-adds.

One source for the diagram, the counts and the torch module. Counting: a convolution has no bias and costs one
multiply-add per weight and output position; batch norm has two parameters per channel; the fully connected layer has a
bias. Additions, ReLU, batch norm and pooling cost no multiply-adds (that is how the counts of He et al. 2015 come out).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.domain.terms import Shortcut

Shape = tuple[int, int, int]  # channels, height, width


class LayerKind(StrEnum):
    CONV = "conv"
    BATCH_NORM = "batch norm"
    RELU = "relu"
    GLOBAL_POOL = "global average pool"
    LINEAR = "fully connected"

    @property
    def weighted(self) -> bool:
        """Counts towards the depth in a network's name."""
        return self in (LayerKind.CONV, LayerKind.LINEAR)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. ``name`` is its path in the torch module; ``kernel`` and ``stride`` are 0 where they mean nothing."""

    name: str
    kind: LayerKind
    input: Shape
    output: Shape
    kernel: int = 0
    stride: int = 0

    @property
    def parameters(self) -> int:
        if self.kind is LayerKind.CONV:
            return self.kernel**2 * self.input[0] * self.output[0]
        if self.kind is LayerKind.BATCH_NORM:
            return 2 * self.output[0]
        if self.kind is LayerKind.LINEAR:
            return (self.input[0] + 1) * self.output[0]
        return 0

    @property
    def multiply_adds(self) -> int:
        if self.kind is LayerKind.CONV:
            return self.parameters * self.output[1] * self.output[2]
        if self.kind is LayerKind.LINEAR:
            return self.input[0] * self.output[0]
        return 0


class Join(StrEnum):
    """What a block adds to its branch."""

    NONE = "none"
    IDENTITY = "identity"
    ZERO_PAD = "zero-padding"
    PROJECTION = "projection"


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """A branch of layers, what is added to it, and the layers after the addition."""

    name: str
    input: Shape
    output: Shape
    stride: int
    branch: tuple[Layer, ...]
    join: Join
    projection: tuple[Layer, ...]
    after: tuple[Layer, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (*self.branch, *self.projection, *self.after)

    @property
    def changes_dimensions(self) -> bool:
        return self.input != self.output

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """Blocks of one width and one feature map size."""

    name: str
    blocks: tuple[BlockPlan, ...]

    @property
    def output(self) -> Shape:
        return self.blocks[-1].output

    @property
    def parameters(self) -> int:
        return sum(block.parameters for block in self.blocks)

    @property
    def multiply_adds(self) -> int:
        return sum(block.multiply_adds for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Blueprint:
    spec: NetworkSpec
    input: Shape
    stem: tuple[Layer, ...]
    stages: tuple[StagePlan, ...]
    head: tuple[Layer, ...]
    parameters: int
    multiply_adds: int

    @property
    def layers(self) -> Iterator[Layer]:
        """Every layer in the order of the forward pass; a projection follows its block's branch."""
        yield from self.stem
        for stage in self.stages:
            for block in stage.blocks:
                yield from block.layers
        yield from self.head

    @property
    def depth(self) -> int:
        """Weighted layers on the longest path: convolutions and the fully connected layer, projections not counted."""
        branches = (layer for stage in self.stages for block in stage.blocks for layer in block.branch)
        return sum(layer.kind.weighted for layer in (*self.stem, *branches, *self.head))


def _conv(name: str, shape: Shape, filters: int, kernel: int, stride: int) -> Layer:
    """Padding keeps the size at stride 1, and halves it, rounding up, at stride 2."""
    _, height, width = shape
    return Layer(name, LayerKind.CONV, shape, (filters, -(-height // stride), -(-width // stride)), kernel, stride)


def _same(name: str, kind: LayerKind, shape: Shape) -> Layer:
    return Layer(name, kind, shape, shape)


def _two_layer_block(name: str, shape: Shape, filters: int, stride: int, shortcut: Shortcut) -> BlockPlan:
    """Two 3x3 convolutions, He et al. 2015, Figure 2 and section 3.3: BN after each, ReLU after the addition."""
    conv1 = _conv(f"{name}.conv1", shape, filters, 3, stride)
    conv2 = _conv(f"{name}.conv2", conv1.output, filters, 3, 1)
    branch = (
        conv1,
        _same(f"{name}.bn1", LayerKind.BATCH_NORM, conv1.output),
        _same(f"{name}.relu1", LayerKind.RELU, conv1.output),
        conv2,
        _same(f"{name}.bn2", LayerKind.BATCH_NORM, conv2.output),
    )
    join = _join(shortcut, shape != conv2.output)
    projection: tuple[Layer, ...] = ()
    if join is Join.PROJECTION:
        conv = _conv(f"{name}.projection.conv", shape, filters, 1, stride)
        projection = (conv, _same(f"{name}.projection.bn", LayerKind.BATCH_NORM, conv.output))
    after = (_same(f"{name}.relu2", LayerKind.RELU, conv2.output),)
    return BlockPlan(name, shape, conv2.output, stride, branch, join, projection, after)


def _join(shortcut: Shortcut, changes_dimensions: bool) -> Join:
    if shortcut is Shortcut.NONE:
        return Join.NONE
    if shortcut is Shortcut.C or (shortcut is Shortcut.B and changes_dimensions):
        return Join.PROJECTION
    return Join.ZERO_PAD if changes_dimensions else Join.IDENTITY


@lru_cache(maxsize=64)
def blueprint(spec: NetworkSpec) -> Blueprint:
    """The plan of ``spec``: a pure function, some milliseconds for 1202 layers, cached."""
    shape: Shape = (3, spec.image_size, spec.image_size)
    conv = _conv("stem.conv", shape, spec.width, 3, 1)
    stem = (
        conv,
        _same("stem.bn", LayerKind.BATCH_NORM, conv.output),
        _same("stem.relu", LayerKind.RELU, conv.output),
    )
    current = conv.output
    stages = []
    for s in range(3):
        blocks = []
        for b in range(spec.blocks_per_stage):
            stride = 2 if s > 0 and b == 0 else 1
            name = f"stage{s + 1}.block{b + 1}"
            block = _two_layer_block(name, current, spec.width * 2**s, stride, spec.shortcut)
            blocks.append(block)
            current = block.output
        stages.append(StagePlan(f"stage{s + 1}", tuple(blocks)))
    pooled: Shape = (current[0], 1, 1)
    head = (
        Layer("head.pool", LayerKind.GLOBAL_POOL, current, pooled),
        Layer("head.fc", LayerKind.LINEAR, pooled, (spec.classes, 1, 1)),
    )
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


def as_json(plan: Blueprint) -> dict[str, object]:
    """What ``resnet-studio network --json`` prints."""
    return {
        "name": plan.spec.label,
        "spec": plan.spec.model_dump(mode="json"),
        "depth": plan.depth,
        "parameters": plan.parameters,
        "multiply_adds": plan.multiply_adds,
        "layers": [
            {
                "name": layer.name,
                "kind": str(layer.kind),
                "input": list(layer.input),
                "output": list(layer.output),
                "kernel": layer.kernel,
                "stride": layer.stride,
                "parameters": layer.parameters,
                "multiply_adds": layer.multiply_adds,
            }
            for layer in plan.layers
        ],
    }
