"""The torch module of a blueprint: every layer, name and number comes from the plan, so the diagram cannot lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind
from resnet_studio.domain.enums import ZeroPadding
from resnet_studio.networks.initialisation import initialise


def shortcut_zero_pad(x: Tensor, width: int, stride: int, padding: ZeroPadding = ZeroPadding.END) -> Tensor:
    """Match a wider stage without weights: option A, He et al. 2015 (arXiv:1512.03385), section 4.1.

    Args:
        x: Block input, shape (N, C, H, W).
        width: Channels wanted, at least C; the new ones are zero.
        stride: 1 or 2; rows and columns are skipped, not averaged.
        padding: The new channels come last, or half of them (rounded down) first.

    Returns:
        Shape (N, width, ceil(H / stride), ceil(W / stride)).

    Raises:
        ValueError: If ``width`` is smaller than C.
    """
    if width < x.shape[1]:
        raise ValueError(f"width must be at least {x.shape[1]} channels, got {width}")
    x = x[:, :, ::stride, ::stride]  # (N, C, h, w)
    new = width - x.shape[1]
    first = new // 2 if padding is ZeroPadding.BOTH else 0
    return F.pad(x, (0, 0, 0, 0, first, new - first))  # (N, width, h, w)


def global_average(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C). A plain mean: adaptive pooling's backward is not deterministic on CUDA."""
    return x.mean((2, 3))


def _relu(x: Tensor) -> Tensor:
    return F.relu(x, inplace=True)


def _flatten(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C * H * W), channel after channel whatever the memory layout."""
    return x.flatten(1)


def _max_pool(layer: Layer) -> Callable[[Tensor], Tensor]:
    return partial(F.max_pool2d, kernel_size=layer.kernel, stride=layer.stride, padding=layer.padding)


def _module(layer: Layer) -> nn.Module | None:
    """The weighted module of a layer, None for one without weights."""
    if layer.kind is LayerKind.CONV:
        return nn.Conv2d(
            layer.input[0],
            layer.output[0],
            layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            bias=layer.bias,
        )
    if layer.kind is LayerKind.BATCH_NORM:
        return nn.BatchNorm2d(layer.output[0])
    if layer.kind is LayerKind.LINEAR:
        return nn.Linear(layer.input[0], layer.output[0], bias=layer.bias)
    return None


def _function(layer: Layer) -> Callable[[Tensor], Tensor]:
    """What a layer without weights does."""
    if layer.kind is LayerKind.MAX_POOL:
        return _max_pool(layer)
    return {LayerKind.RELU: _relu, LayerKind.GLOBAL_POOL: global_average, LayerKind.FLATTEN: _flatten}[layer.kind]


class Chain(nn.Module):
    """Layers one after another; those with weights are children under the last part of their names."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        super().__init__()
        self._steps: list[Callable[[Tensor], Tensor]] = []
        self.extend(layers)

    def extend(self, layers: Iterable[Layer]) -> list[Callable[[Tensor], Tensor]]:
        """Register the layers' modules and append their steps; returns the new steps."""
        steps: list[Callable[[Tensor], Tensor]] = []
        for layer in layers:
            module = _module(layer)
            if module is None:
                steps.append(_function(layer))
            else:
                self.add_module(layer.name.rpartition(".")[2], module)
                steps.append(module)
        self._steps += steps
        return steps

    def forward(self, x: Tensor) -> Tensor:
        for step in self._steps:
            x = step(x)
        return x


class PlannedBlock(nn.Module):
    """A branch, what its plan adds to it, and what follows. Shapes (N, C, H, W) -> (N, C', H', W')."""

    def __init__(self, plan: BlockPlan, padding: ZeroPadding) -> None:
        super().__init__()
        self._join, self._padding = plan.join, padding
        self._width, self._stride = plan.output[0], plan.stride
        chains = [Chain(layers) for layers in (plan.before, plan.branch, plan.after)]
        for chain in chains:
            for name, module in chain.named_children():
                self.add_module(name, module)
        self._before, self._branch, self._after = (chain._steps for chain in chains)
        if plan.join is Join.PROJECTION:
            self.projection = Chain(plan.projection)

    def forward(self, x: Tensor) -> Tensor:
        for step in self._before:
            x = step(x)
        y = x
        for step in self._branch:
            y = step(y)
        if self._join is Join.IDENTITY:
            y = y + x
        elif self._join is Join.ZERO_PAD:
            y = y + shortcut_zero_pad(x, self._width, self._stride, self._padding)
        elif self._join is Join.PROJECTION:
            y = y + self.projection(x)
        for step in self._after:
            y = step(y)
        return y


class PlannedNetwork(nn.Module):
    """Stem, stages and head of a blueprint. Images (N, 3, H, W) float32 -> logits (N, classes).

    Any H and W will do where the head pools globally; VGG wants the blueprint's own.
    """

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        self.stem = Chain(plan.stem)
        self._stages: list[nn.Module] = []
        for stage in plan.stages:
            module = nn.Sequential()
            for block in stage.blocks:
                module.add_module(block.name.rpartition(".")[2], PlannedBlock(block, plan.spec.zero_padding))
            self.add_module(stage.name, module)
            self._stages.append(module)
        self.head = Chain(plan.head)

    @property
    def blocks(self) -> Iterable[PlannedBlock]:
        return (module for module in self.modules() if isinstance(module, PlannedBlock))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self._stages:
            x = stage(x)
        return self.head(x)


def build(plan: Blueprint, init_seed: int) -> PlannedNetwork:
    """The network of ``plan``: float32, on the CPU, in training mode, weights a function of (seed, layer name)."""
    with torch.device("cpu"):
        network = PlannedNetwork(plan)
    initialise(network, init_seed)
    return network
