"""The network as pure data: stages, blocks, layers, each with shape, parameters and multiply-adds.

One source for the diagram, the counts and the torch module. Counting: a convolution costs one multiply-add per weight
and output position; batch norm has two parameters per channel; fully connected layers, and VGG's convolutions, which no
batch norm follows, have a bias. Additions, ReLU, batch norm and pooling cost no multiply-adds (that is how the counts
of He et al. 2015 come out).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.text import N_

Shape = tuple[int, int, int]  # channels, height, width


class LayerKind(StrEnum):
    CONV = N_("conv")
    BATCH_NORM = N_("batch norm")
    RELU = N_("relu")
    MAX_POOL = N_("max pool")
    GLOBAL_POOL = N_("global average pool")
    FLATTEN = N_("flatten")
    LINEAR = N_("fully connected")

    @property
    def weighted(self) -> bool:
        """Counts towards the depth in a network's name."""
        return self in (LayerKind.CONV, LayerKind.LINEAR)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. ``name`` is its path in the torch module.

    ``kernel``, ``stride`` and ``padding`` (pixels on each side) are 0 where they mean nothing.
    """

    name: str
    kind: LayerKind
    input: Shape
    output: Shape
    kernel: int = 0
    stride: int = 0
    padding: int = 0
    bias: bool = False

    @property
    def parameters(self) -> int:
        if self.kind is LayerKind.CONV:
            return self.weights + (self.output[0] if self.bias else 0)
        if self.kind is LayerKind.BATCH_NORM:
            return 2 * self.output[0]
        if self.kind is LayerKind.LINEAR:
            return self.weights + (self.output[0] if self.bias else 0)
        return 0

    @property
    def weights(self) -> int:
        """Parameters of a convolution or fully connected layer, biases not counted."""
        if self.kind is LayerKind.CONV:
            return self.kernel**2 * self.input[0] * self.output[0]
        return self.input[0] * self.output[0] if self.kind is LayerKind.LINEAR else 0

    @property
    def multiply_adds(self) -> int:
        return self.weights * self.output[1] * self.output[2]


class Join(StrEnum):
    """What a block adds to its branch."""

    NONE = "none"
    IDENTITY = "identity"
    ZERO_PAD = "zero-padding"
    PROJECTION = "projection"


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """A branch of layers, what is added to it, and the layers after the addition.

    ``before`` comes before branch and shortcut part: the shared activation of a pre-activation block that projects.
    """

    name: str
    input: Shape
    output: Shape
    stride: int
    branch: tuple[Layer, ...]
    join: Join
    projection: tuple[Layer, ...]
    after: tuple[Layer, ...]
    before: tuple[Layer, ...] = ()

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (*self.before, *self.branch, *self.projection, *self.after)

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
    def weighted_layers(self) -> tuple[Layer, ...]:
        """Those on the longest path: convolutions and the fully connected layers, projections not among them."""
        branches = (layer for stage in self.stages for block in stage.blocks for layer in block.branch)
        return tuple(layer for layer in (*self.stem, *branches, *self.head) if layer.kind.weighted)

    @property
    def depth(self) -> int:
        return len(self.weighted_layers)


_FLOAT = 4  # bytes of a float32
_COPIES = 3  # of the weights: themselves, their gradients, their momentum


def training_bytes(plan: Blueprint, batch_size: int) -> int:
    """Bytes that training one network holds in float32, counted: an estimate from below.

    Weights, gradients, momentum, and what the backward pass needs: each convolution's output (batch norm reads it
    again) and each ReLU's. Libraries add working memory of their own, and the data set is extra.
    """
    kept = sum(math.prod(layer.output) for layer in plan.layers if layer.kind in (LayerKind.CONV, LayerKind.RELU))
    return _FLOAT * (_COPIES * plan.parameters + batch_size * (kept + math.prod(plan.input)))


def as_json(plan: Blueprint) -> dict[str, object]:
    """What ``resnet-studio network --json`` prints."""
    return {
        "name": plan.spec.label,
        "spec": plan.spec.model_dump(mode="json"),
        "depth": plan.depth,
        "blocks_per_stage": list(plan.spec.stage_blocks),
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
                "padding": layer.padding,
                "parameters": layer.parameters,
                "multiply_adds": layer.multiply_adds,
            }
            for layer in plan.layers
        ],
    }
