"""Shattered gradients: how alike the gradients at neighbouring inputs are, at the image and at each block's input."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.layers import block_depths
from resnet_studio.analysis.memory import forward_bytes, refuse_oversize
from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.shattered import LAGS, POINTS, BlockCosine, Shattered, ShatteredSettings
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.module_state import fixed_statistics, running_statistics, stoppable
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.text import _

_PIECE = 8192  # numbers of each gradient that are multiplied at once: they stay in a processor's cache


def measure(
    subject: Subject,
    images: DrawnImages,
    settings: ShatteredSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Shattered:
    """Cosine of input gradients along straight lines between two images, after Balduzzi et al. 2017.

    A line runs from image a to image b, both preprocessed: x_i = a + i / 47 (b - a), i = 0..47. g_i is the gradient at
    x_i of the output (before softmax) that belongs to the class of a. The cosine of lag l is the mean of
    cos(g_i, g_(i+l)) over i, then over the lines; two gradients of which one is 0 count as 0. The trace is
    g_i . (b - a) / |b - a|, what the paper's Figure 1 draws of a network with one input. Lines take the images two by
    two, in their order.

    By depth, in the same passes: h_k(x_i), shape (C, H, W), is what enters block k, its branch and its shortcut alike,
    and g_k,i the gradient of the same output with respect to it, flattened. The cosine at block k is that of the
    g_k,i, of the same lags, means and rule for 0; the products are summed in float64.

    The paper ("The Shattered Gradients Problem", arXiv:1702.08591, sections 1 and 2, Figures 1 and 2) measures
    autocorrelation on a grid of inputs; white noise has 0 at each lag.

    Batch norm does not look at the points: a stored run uses its running statistics, an untrained design, which has
    none, those of all ``images`` as one batch. So each gradient is of its own point alone.

    Raises:
        UserError: If there are fewer images than the lines need, the network does not know their classes, or the
            batch of all images does not fit into memory.
        Stopped: When ``should_stop`` says so.
    """
    if len(images) < 2 * settings.lines:
        raise UserError(
            _(
                "{lines} lines need {needed} images, there are {images}; choose fewer lines or more images.",
                lines=settings.lines,
                needed=2 * settings.lines,
                images=len(images),
            )
        )
    if not subject.net.trained:
        refuse_oversize(subject, len(images), forward_bytes(subject.blueprint))
    network, targets = subject.network, subject.targets(images, slice(0, 2 * settings.lines, 2)).tolist()
    cosines, traces = [], []
    names, depths = block_depths(subject.blueprint)
    by_block = torch.zeros(len(names), len(LAGS), dtype=torch.float64, device=subject.device)  # sums over lines

    def take(place: int, gradient: Tensor) -> None:
        by_block[place] += _cosines(gradient)

    with contextlib.ExitStack() as held:
        held.enter_context(stoppable(network, should_stop))
        if subject.net.trained:
            held.enter_context(running_statistics(network))
        else:
            held.enter_context(fixed_statistics(network, subject.inputs(images)))
        held.enter_context(_at_block_inputs(network, take))
        for line, target in enumerate(targets):
            if should_stop():
                raise Stopped
            ends = subject.inputs(images, slice(2 * line, 2 * line + 2))
            gradients = _gradients(subject, ends, target)  # (48, 3 * S * S)
            cosines.append([_cosine(gradients, lag) for lag in LAGS])
            way = (ends[1] - ends[0]).flatten().double()
            traces.append((gradients @ (way / way.norm().clamp_min(torch.finfo(way.dtype).tiny))).cpu().numpy())
            progress(line + 1, len(targets))
    each = np.array(cosines)
    means = dict(zip(LAGS, each.mean(axis=0).tolist(), strict=True))
    blocks = tuple(
        BlockCosine(name, depth, dict(zip(LAGS, found, strict=True)))
        for name, depth, found in zip(names, depths[:-1], (by_block / len(targets)).tolist(), strict=True)
    )
    return Shattered(subject.net, means, each, np.array(traces), blocks)


@contextlib.contextmanager
def _at_block_inputs(network: PlannedNetwork, take: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Call ``take(number, gradient)`` in each backward pass, with the gradient at the input of each block, from 0."""

    def at_input(_module: nn.Module, inputs: tuple[Tensor, ...], place: int) -> None:
        inputs[0].register_hook(partial(take, place))

    handles = [
        block.register_forward_pre_hook(partial(at_input, place=place)) for place, block in enumerate(network.blocks)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _gradients(subject: Subject, ends: Tensor, target: int) -> Tensor:
    """At the points from ``ends[0]`` to ``ends[1]``: float64 (48, 3 * S * S)."""
    share = torch.linspace(0.0, 1.0, POINTS, device=ends.device)[:, None, None, None]
    with torch.enable_grad():
        points = torch.lerp(ends[:1], ends[1:], share).requires_grad_()  # (48, 3, S, S)
        outputs = subject.network(points.clone())  # a clone: hooks see sums, as of any other tensor
        (gradients,) = torch.autograd.grad(outputs[:, target].sum(), points)
    return gradients.flatten(1).double()


def _cosine(gradients: Tensor, lag: int) -> float:
    return float(F.cosine_similarity(gradients[:-lag], gradients[lag:], dim=1).mean())


def _cosines(gradients: Tensor) -> Tensor:
    """Of the gradients at neighbouring points, (48, ...): float64 (lags,)."""
    products = torch.zeros(POINTS, POINTS, dtype=torch.float64, device=gradients.device)
    for part in gradients.flatten(1).split(_PIECE, dim=1):
        wide = part.double()
        products.addmm_(wide, wide.T)
    norms = products.diagonal().sqrt()
    found = []
    for lag in LAGS:
        scale = norms[:-lag] * norms[lag:]
        found.append(torch.where(scale == 0, 0.0, products.diagonal(lag) / scale).mean())
    return torch.stack(found)
