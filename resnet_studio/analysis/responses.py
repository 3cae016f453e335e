"""Responses: the strength of each 3x3 layer's output, and of each block's branch against its input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.responses import BlockResponse, LayerResponse, Responses, ResponsesSettings
from resnet_studio.domain.blueprint import Blueprint, Layer, LayerKind
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.module_state import batch_statistics, running_statistics, stoppable

_BATCH = 128


def measure(
    subject: Subject,
    images: DrawnImages,
    settings: ResponsesSettings | None = None,  # noqa: ARG001  # the convention's
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Responses:
    """Standard deviation of each 3x3 layer's response, and norm(F(x)) / norm(x) of each block.

    He et al. 2015 (arXiv:1512.03385), section 4.2, Figure 7: a response is the output of a 3x3 convolution after the
    batch norm that follows it, before ReLU or addition; without one (VGG, the last layer of a pre-activation block) the
    convolution's output itself. The standard deviation is over all images, channels and positions, about their common
    mean, divided by N. Projections have no 3x3 layer; the stem counts where it is 3x3.

    F(x) is what the block's branch hands to the addition (a plain block: to its ReLU), x what enters the block. Norms
    are Euclidean, over all images, channels and positions.

    A stored run is seen in test mode, by its running statistics. An untrained design has none: batch norm then goes by
    each batch of 128 images, so that every response has a standard deviation near 1 before training.

    Sums are in float64, and taken inside the hooks: the next ReLU overwrites the tensor.

    Raises:
        Stopped: When ``should_stop`` says so.
    """
    network, responses, blocks = subject.network, _responses(subject.blueprint), list(subject.network.blocks)
    modules = dict(network.named_modules())
    layer_sums = [_Sums() for _each in responses]
    input_sums, branch_sums = [_Sums() for _each in blocks], [_Sums() for _each in blocks]
    plans = [block for stage in subject.blueprint.stages for block in stage.blocks]
    handles = [
        modules[place].register_forward_hook(partial(_at_output, add=sums.add))
        for (place, _conv, _number), sums in zip(responses, layer_sums, strict=True)
    ]
    for block, plan, entering, leaving in zip(blocks, plans, input_sums, branch_sums, strict=True):
        handles.append(block.register_forward_pre_hook(partial(_at_input, add=entering.add)))
        handles.append(modules[plan.branch[-1].name].register_forward_hook(partial(_at_output, add=leaving.add)))
    mode = running_statistics if subject.net.trained else batch_statistics
    try:
        with mode(network), stoppable(network, should_stop), torch.no_grad():
            for start in range(0, len(images), _BATCH):
                if should_stop():
                    raise Stopped
                network(subject.inputs(images, slice(start, start + _BATCH)))
                progress(min(start + _BATCH, len(images)), len(images))
    finally:
        for handle in handles:
            handle.remove()
    return Responses(
        subject.net,
        tuple(
            LayerResponse(conv.name, number, sums.deviation)
            for (_place, conv, number), sums in zip(responses, layer_sums, strict=True)
        ),
        tuple(
            BlockResponse(plan.name, leaving.norm, entering.norm)
            for plan, entering, leaving in zip(plans, input_sums, branch_sums, strict=True)
        ),
    )


class _Sums:
    """Count, sum and sum of squares of all values seen."""

    def __init__(self) -> None:
        self.count = 0
        self.sums = np.zeros(2)

    def add(self, values: Tensor) -> None:
        wide = values.detach().double()
        self.count += wide.numel()
        self.sums += torch.stack((wide.sum(), wide.square().sum())).cpu().numpy()

    @property
    def deviation(self) -> float:
        mean = self.sums[0] / self.count
        return float(np.sqrt(max(self.sums[1] / self.count - mean**2, 0.0)))

    @property
    def norm(self) -> float:
        return float(np.sqrt(self.sums[1]))


def _at_output(_module: nn.Module, _inputs: object, output: Tensor, add: Callable[[Tensor], None]) -> None:
    add(output)


def _at_input(_module: nn.Module, inputs: tuple[Tensor, ...], add: Callable[[Tensor], None]) -> None:
    add(inputs[0])


def _responses(plan: Blueprint) -> list[tuple[str, Layer, int]]:
    """For each 3x3 layer: the module of its response, the convolution, and its number.

    The response is the module's output; the number counts from 1 the weighted layers of the main path.
    """
    paths = [plan.stem, *(block.branch for stage in plan.stages for block in stage.blocks)]
    found, number = [], 0
    for path in paths:
        for layer, after in zip(path, (*path[1:], None), strict=True):
            number += layer.kind.weighted
            if layer.kind is LayerKind.CONV and layer.kernel == 3:
                normed = after is not None and after.kind is LayerKind.BATCH_NORM
                found.append((after.name if after is not None and normed else layer.name, layer, number))
    return found
