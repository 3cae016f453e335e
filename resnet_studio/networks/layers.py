"""Layers of a blueprint as torch has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.blueprint import Layer, LayerKind
from resnet_studio.networks.cuda import multiplies_bfloat16

Step = Callable[[Tensor], Tensor]


def relu(x: Tensor) -> Tensor:
    return F.relu(x, inplace=True)


def global_average(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C). A plain mean: adaptive pooling's backward is not deterministic on CUDA."""
    return x.mean((2, 3))


def flatten(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C * H * W), channel after channel whatever the memory layout."""
    return x.flatten(1)


@cache
def narrow_channels() -> frozenset[int]:
    """Channels for which this machine runs the kernels of :mod:`resnet_studio.networks.narrow_convolution`.

    None of them without Triton and a CUDA device that multiplies bfloat16.
    """
    if not torch.cuda.is_available() or not multiplies_bfloat16(torch.device("cuda")):
        return frozenset()
    try:
        from resnet_studio.networks import narrow_convolution
    except ImportError:  # there is no Triton for this system
        return frozenset()
    return narrow_convolution.CHANNELS


def _is_narrow(layer: Layer) -> bool:
    if (layer.kernel, layer.stride, layer.padding, layer.bias) != (3, 1, 1, False):
        return False
    return {layer.input[0], layer.output[0]} <= narrow_channels()


class NarrowConv2d(nn.Conv2d):
    """A 3x3 convolution of few channels, for which cuDNN's kernels are far from the speed of memory."""

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda and x.dtype is torch.bfloat16 and x.is_contiguous(memory_format=torch.channels_last):
            return torch.ops.resnet_studio.convolve3x3(x, self.weight.to(torch.bfloat16))  # type: ignore[no-any-return]
        return super().forward(x)


def weighted(layer: Layer) -> nn.Module | None:
    """The module of a layer with weights, None for one without."""
    if layer.kind is LayerKind.CONV:
        kind = NarrowConv2d if _is_narrow(layer) else nn.Conv2d
        inputs, outputs = layer.input[0], layer.output[0]
        return kind(inputs, outputs, layer.kernel, stride=layer.stride, padding=layer.padding, bias=layer.bias)
    if layer.kind is LayerKind.BATCH_NORM:
        return nn.BatchNorm2d(layer.output[0])
    if layer.kind is LayerKind.LINEAR:
        return nn.Linear(layer.input[0], layer.output[0], bias=layer.bias)
    return None


def unweighted(layer: Layer) -> Step:
    """What a layer without weights does."""
    if layer.kind is LayerKind.MAX_POOL:
        return partial(F.max_pool2d, kernel_size=layer.kernel, stride=layer.stride, padding=layer.padding)
    return {LayerKind.RELU: relu, LayerKind.GLOBAL_POOL: global_average, LayerKind.FLATTEN: flatten}[layer.kind]


def add_layers(parent: nn.Module, layers: Iterable[Layer]) -> list[Step]:
    """What ``layers`` do, in their order.

    Those with weights become children of ``parent``, by the last part of their names.
    """
    steps: list[Step] = []
    for layer in layers:
        module = weighted(layer)
        if module is not None:
            parent.add_module(layer.name.rpartition(".")[2], module)
        steps.append(unweighted(layer) if module is None else module)
    return steps


def run_in_order(steps: Iterable[Step], x: Tensor) -> Tensor:
    for step in steps:
        x = step(x)
    return x


class Chain(nn.Module):
    """Layers one after another."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        super().__init__()
        self.steps = add_layers(self, layers)

    def forward(self, x: Tensor) -> Tensor:
        return run_in_order(self.steps, x)
