"""A network of basic blocks, forward and backward, by the kernels of :mod:`resnet_studio.networks.fused.kernels`.

At batch 128 the layers of a CIFAR network are so small that a GPU spends more time between kernels, and on passing
activations through memory, than on products. Here a block is three kernels forward (two convolutions, which normalise
what they read and sum up what the next batch norm needs, and the addition) and two backward, beside which the gradients
of the weights are made. Weights, statistics and gradients are those of the network's own modules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
import triton
from torch import Tensor, nn

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind
from resnet_studio.domain.enums import ZeroPadding
from resnet_studio.networks.fused import kernels, tiles
from resnet_studio.networks.fused.gradient_parts import PartPlan, Place, plan_parts
from resnet_studio.networks.fused.plan import CHANNELS
from resnet_studio.networks.fused.side_work import SideWork, next_side_stream
from resnet_studio.networks.fused.tiles import divided
from resnet_studio.networks.residual import PlannedNetwork


@dataclass(frozen=True)
class Unit:
    """A convolution and the batch norm after it."""

    conv: nn.Conv2d
    norm: nn.BatchNorm2d
    layer: Layer

    @property
    def parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.conv.weight, self.norm.weight, self.norm.bias

    @property
    def outputs(self) -> int:
        return self.layer.output[0]


@dataclass
class Source:
    """What a convolution reads: ``x``, the result of the one before it, to be normalised by ``norm`` and rectified.

    With ``joined``, that was done, a shortcut was added before the ReLU, and it is read instead.
    """

    x: Tensor
    norm: Tensor
    joined: Tensor | None = None

    @property
    def activation(self) -> Tensor:
        return self.x if self.joined is None else self.joined


@dataclass
class Results:
    """Of a forward pass, for the backward one: each unit's result and norm, and what each block and the pool read."""

    y: list[Tensor]
    norms: list[Tensor]
    sources: list[Source]


class FusedNetwork:
    """Logits (N, classes) of images (N, 3, H, W) float32, as the network in training mode gives them.

    Gradients go to the network's parameters, and its running statistics and counts of batches change. To be called by
    one thread at a time.
    """

    def __init__(self, network: PlannedNetwork, plan: Blueprint, dtype: torch.dtype = torch.bfloat16) -> None:
        """``dtype`` is that of activations; ``plan`` one that :func:`fits`."""
        self._blocks = [block for stage in plan.stages for block in stage.blocks]
        self._pads_both_sides = plan.spec.zero_padding is ZeroPadding.BOTH
        self._units = list(_units(network, plan))
        self._head, self._dtype = network.get_submodule("head.fc"), dtype
        self._parameters = [parameter for unit in self._units for parameter in unit.parameters]
        self._weights = [unit.conv.weight for unit in self._units]
        self._counts = [cast(Tensor, unit.norm.num_batches_tracked) for unit in self._units]
        self._copies = [
            torch.empty_like(weight, dtype=dtype, memory_format=torch.channels_last) for weight in self._weights
        ]
        device = self._weights[0].device
        summing = *tiles.FORWARD.values(), *tiles.INPUT_GRADIENT.values(), tiles.STEM, tiles.POOL_GRADIENT
        most = max(tile.programs for tile in summing)
        self._partial = torch.empty(most * 2 * max(CHANNELS), device=device)
        self._counter = torch.zeros((), dtype=torch.int32, device=device)
        self._side = next_side_stream(device)
        self._part_plans: dict[int, PartPlan] = {}  # by batch size

    def __call__(self, images: Tensor) -> Tensor:
        pooled: Tensor = _Pooled.apply(images.contiguous(), self, *self._parameters)
        logits: Tensor = self._head(pooled)
        return logits

    # Forward

    @torch.no_grad()
    def forward(self, images: Tensor) -> tuple[Tensor, Results]:
        """Pooled activations (N, C) float32, and what the backward pass needs."""
        torch._foreach_copy_(self._copies, self._weights)
        torch._foreach_add_(self._counts, 1)
        count = len(images)
        norms = list(
            images.new_empty(4 * sum(unit.outputs for unit in self._units)).split([4 * u.outputs for u in self._units])
        )
        results = Results([self._stem(images, norms[0])], norms, [])
        source = Source(results.y[0], norms[0])
        if self._blocks[0].join is not Join.NONE:
            source.joined = self._join(results.y[0], norms[0], None, self._blocks[0], count)
        for number, block in enumerate(self._blocks):
            one, other = 2 * number + 1, 2 * number + 2
            results.sources.append(source)
            results.y.append(self._convolve(one, source, norms[one], count))
            results.y.append(self._convolve(other, Source(results.y[one], norms[one]), norms[other], count))
            source = Source(results.y[other], norms[other])
            if block.join is not Join.NONE or number + 1 == len(self._blocks):
                shortcut = None if block.join is Join.NONE else results.sources[-1].joined
                source.joined = self._join(results.y[other], norms[other], shortcut, block, count)
        results.sources.append(source)
        channels, height, width = self._blocks[-1].output
        pooled = images.new_empty(count, channels)
        kernels.pool[(count,)](
            source.joined, pooled, CHANNELS=channels, PIXELS=height * width,
            BLOCK=triton.next_power_of_2(height * width), num_warps=4,
        )  # fmt: skip
        return pooled, results

    def _activations(self, count: int, shape: tuple[int, int, int]) -> Tensor:
        """(pixels, channels)"""
        channels, height, width = shape
        return torch.empty(count * height * width, channels, dtype=self._dtype, device=self._partial.device)

    def _running(self, unit: Unit) -> tuple[Any, ...]:
        norm = unit.norm
        return norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.momentum, norm.eps

    def _stem(self, images: Tensor, norm: Tensor) -> Tensor:
        unit = self._units[0]
        y = self._activations(len(images), unit.layer.output)
        _, height, width = unit.layer.output
        tile = tiles.STEM
        programs, each = divided(len(y), tile)
        kernels.convolve_images[(programs,)](
            images, self._copies[0], y, self._partial, self._counter, norm, *self._running(unit),
            len(y), height, width, each, OUTPUTS=unit.outputs, BLOCK=tile.block, ROWS=tiles.SUM_ROWS,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return y

    def _convolve(self, number: int, source: Source, norm: Tensor, count: int) -> Tensor:
        unit = self._units[number]
        layer = unit.layer
        y = self._activations(count, layer.output)
        tile, span = tiles.FORWARD[layer.output[0]], tiles.SPAN[layer.output[0]]
        programs, each = divided(len(y), tile)
        kernels.convolve[(programs,)](
            source.activation, source.norm, self._copies[number], y, self._partial,
            self._counter, norm, *self._running(unit), len(y), *layer.output[1:], *layer.input[1:], each,
            INPUTS=layer.input[0], OUTPUTS=layer.output[0], SIDE=layer.kernel, STRIDE=layer.stride,
            NORMALISED=source.joined is None, SPAN=span, WIDE=triton.next_power_of_2(span * layer.input[0]),
            BLOCK=tile.block, ROWS=tiles.SUM_ROWS, num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return y

    def _join(self, y: Tensor, norm: Tensor, shortcut: Tensor | None, block: BlockPlan, count: int) -> Tensor:
        """Normalised, with the shortcut if there is one, rectified. Without one: of the stem, or of a plain block."""
        shape = block.output if shortcut is not None or block.join is Join.NONE else block.input
        joined = self._activations(count, shape)
        channels, height, width = shape
        inputs = block.input[0] if shortcut is not None else channels
        size = tiles.ELEMENTWISE // channels
        kernels.join[(triton.cdiv(len(y), size),)](
            y, norm, y if shortcut is None else shortcut, joined, len(y), height, width, CHANNELS=channels,
            SHORTCUT=shortcut is not None, INPUTS=inputs, FIRST=self._offset(block),
            STRIDE=block.stride if shortcut is not None else 1, BLOCK=size, num_warps=4,
        )  # fmt: skip
        return joined

    def _offset(self, block: BlockPlan) -> int:
        """The channel of a block's output to which the first one of its shortcut is added."""
        return (block.output[0] - block.input[0]) // 2 if self._pads_both_sides and block.join is Join.ZERO_PAD else 0

    # Backward

    @torch.no_grad()
    def backward(self, g: Tensor, images: Tensor, results: Results) -> list[Tensor]:
        """Gradients of the parameters, in their order, from that of the pooled activations."""
        widths = [unit.outputs for unit in self._units]
        slopes = g.new_empty(3 * sum(widths)).split([3 * width for width in widths])
        of_norms = [
            (each[:w], each[w:])
            for each, w in zip(g.new_empty(2 * sum(widths)).split([2 * w for w in widths]), widths, strict=True)
        ]
        plan = self._part_plan(len(images))
        parts = g.new_empty(plan.size)
        last = len(self._units) - 1
        d_y = self._pool_gradient(g.contiguous(), results, slopes[last], of_norms[last])
        kept = [d_y]  # until what reads it on the other stream has ended
        with SideWork(g.device, self._side) as work:
            for number in range(len(self._blocks) - 1, -1, -1):
                block, one, other = self._blocks[number], 2 * number + 1, 2 * number + 2
                inner, outer = Source(results.y[one], results.norms[one]), results.sources[number]
                at = other, d_y, results.y[other], slopes[other]
                work.ready()
                d_inner = self._input_gradient(*at, inner, one, slopes[one], of_norms[one], None, block)
                with work.beside():
                    self._weight_gradient(*at, inner, parts, plan.places[other])
                shortcut = None if block.join is Join.NONE else d_y
                at = one, d_inner, results.y[one], slopes[one]
                before = one - 1
                work.ready()
                d_y = self._input_gradient(*at, outer, before, slopes[before], of_norms[before], shortcut, block)
                with work.beside():
                    self._weight_gradient(*at, outer, parts, plan.places[one])
                kept += [d_inner, d_y]
            self._image_weight_gradient(images, d_y, results.y[0], slopes[0], parts, plan.places[0])
        sizes = [weight.numel() for weight in self._weights]
        flat = g.new_empty(sum(sizes))
        kernels.sum_parts[(len(plan.table),)](
            parts, flat, plan.table, COLUMNS=tiles.COLUMNS, ROWS=tiles.PART_ROWS, num_warps=4
        )
        found: list[Tensor] = []
        for weight, gradient, (of_gamma, of_beta) in zip(self._weights, flat.split(sizes), of_norms, strict=True):
            outputs, inputs, side, _ = weight.shape
            found += [gradient.view(outputs, side, side, inputs).permute(0, 3, 1, 2), of_gamma, of_beta]
        return found

    def _part_plan(self, count: int) -> PartPlan:
        if count not in self._part_plans:
            layers = [unit.layer for unit in self._units]
            self._part_plans[count] = plan_parts(layers, count, self._partial.device)
        return self._part_plans[count]

    def _pool_gradient(self, g: Tensor, results: Results, slope: Tensor, of_norm: tuple[Tensor, Tensor]) -> Tensor:
        source, unit = results.sources[-1], self._units[-1]
        channels, height, width = unit.layer.output
        d = torch.empty_like(source.x)
        tile = tiles.POOL_GRADIENT
        programs, each = divided(len(d), tile)
        kernels.pool_gradient[(programs,)](
            g, source.joined, source.x, source.norm, d, self._partial, self._counter, unit.norm.weight, slope, *of_norm,
            len(d), each, CHANNELS=channels, PIXELS=height * width, BLOCK=tile.block, ROWS=tiles.SUM_ROWS,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip
        return d

    def _input_gradient(
        self, number: int, d_y: Tensor, y: Tensor, slope: Tensor, source: Source, before: int,
        slope_before: Tensor, of_norm: tuple[Tensor, Tensor], shortcut: Tensor | None, block: BlockPlan,
    ) -> Tensor:  # fmt: skip
        layer = self._units[number].layer
        d = torch.empty_like(source.x)
        tile = tiles.INPUT_GRADIENT[layer.output[0]]
        programs, each = divided(len(d), tile)
        kernels.input_gradient[(programs,)](
            d_y, y, slope, self._copies[number], d_y if shortcut is None else shortcut,
            source.activation, source.x, source.norm, d, self._partial, self._counter, self._units[before].norm.weight,
            slope_before, *of_norm, len(d), *layer.input[1:], *layer.output[1:], each,
            INPUTS=layer.input[0], OUTPUTS=layer.output[0], SIDE=layer.kernel, STRIDE=layer.stride,
            SHORTCUT=shortcut is not None, SHORTCUT_CHANNELS=block.output[0], FIRST=self._offset(block),
            JOINED=source.joined is not None, BLOCK=tile.block, ROWS=tiles.SUM_ROWS, num_warps=tile.warps,
            num_stages=tile.stages,
        )  # fmt: skip
        return d

    def _weight_gradient(
        self, number: int, d_y: Tensor, y: Tensor, slope: Tensor, source: Source, parts: Tensor, place: Place
    ) -> None:  # fmt: skip
        layer = self._units[number].layer
        inputs, outputs = layer.input[0], layer.output[0]
        tile, some = tiles.WEIGHT_GRADIENT[outputs], tiles.SOME_OUTPUTS[outputs]
        kernels.weight_gradient[(place.parts, layer.kernel, outputs // some)](
            source.activation, source.norm, d_y, y, slope, parts[place.start :], len(d_y), *layer.output[1:],
            *layer.input[1:], place.blocks_each, INPUTS=inputs, OUTPUTS=outputs, SIDE=layer.kernel,
            STRIDE=layer.stride, NORMALISED=source.joined is None, WIDE=triton.next_power_of_2(layer.kernel * inputs),
            SOME_OUTPUTS=some, BLOCK=tile.block, num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip

    def _image_weight_gradient(
        self, images: Tensor, d_y: Tensor, y: Tensor, slope: Tensor, parts: Tensor, place: Place
    ) -> None:
        unit = self._units[0]
        tile = tiles.STEM_GRADIENT
        kernels.image_weight_gradient[(place.parts,)](
            images, d_y, y, slope, parts[place.start :], len(d_y), *unit.layer.output[1:], place.blocks_each,
            OUTPUTS=unit.outputs, BLOCK=tile.block, num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip


def _units(network: PlannedNetwork, plan: Blueprint) -> Iterator[Unit]:
    layers = [*plan.stem, *(layer for stage in plan.stages for block in stage.blocks for layer in block.branch)]
    weighted = [layer for layer in layers if layer.kind in (LayerKind.CONV, LayerKind.BATCH_NORM)]
    for layer, after in pairwise(weighted):
        if layer.kind is LayerKind.CONV:
            conv, norm = network.get_submodule(layer.name), network.get_submodule(after.name)
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            yield Unit(conv, norm, layer)


class _Pooled(torch.autograd.Function):
    """What the head's fully connected layer reads, as a function of all other parameters."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, network: FusedNetwork, *_parameters: Tensor) -> Tensor:
        pooled, results = network.forward(images)
        ctx.network, ctx.images, ctx.results = network, images, results
        return pooled

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        found = ctx.network.backward(g, ctx.images, ctx.results)
        ctx.results = ctx.images = None
        return (None, None, *found)
