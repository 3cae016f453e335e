"""Activations of an image, block by block, the filters that made them, and how far each block is from the identity.

The distance of a block from the identity mapping is ``norm(H(x) - s(x)) / norm(s(x))``, x what enters the block, H(x)
what leaves it, s(x) what an identity shortcut would have passed on: x itself, or where dimensions change x by option A,
every second row and column and zeros for the new channels (He et al. 2015, arXiv:1512.03385, sections 3.2 and 3.3). 0
is the identity; two vectors of equal length at right angles lie sqrt(2) from each other. Beside it their cosine, which
does not see a change of scale. The paper's hypothesis is that residual functions are small, so that blocks of a
residual net stay nearer to the identity than those of its plain twin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.memory import block_bytes, forward_bytes, refuse_oversize
from resnet_studio.analysis.network_state import block_named, block_names, measurable
from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.activations import STEM, Activations, ActivationsSettings, BlockView, LayerFilters
from resnet_studio.domain.blueprint import Blueprint, Layer, LayerKind
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.residual import PlannedNetwork, shortcut_zero_pad

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BlockActivations:
    """What leaves one block.

    Attributes:
        name: ``stem`` for what the blocks begin with.
        channels: Of the block's output; ``maps`` may hold the first of them alone.
        maps: Of the first image, (channels shown, h, w).
        zeros: Share of all values of all images that are 0: what ReLU has cut off.
        mean, largest: Of all values.
        distance: From the identity, 0 or more, mean over the images; NaN for the stem, or where x is 0 everywhere or
            wider than H(x).
        cosine: Of H(x) and s(x), -1..1; likewise.
    """

    name: str
    channels: int
    maps: Array
    zeros: float
    mean: float
    largest: float
    distance: float
    cosine: float


def measure(
    subject: Subject,
    images: DrawnImages,
    settings: ActivationsSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> Activations:
    """Activations of the first image, filters, and each block's distance from the identity, as this module defines it.

    An untrained design goes by the batch statistics of all images.

    Raises:
        UserError: If the network has no such block, or no memory for the images.
        Stopped: When ``should_stop`` says so.
    """
    network, plan, block = subject.network, subject.blueprint, settings.block
    if block and not (block == STEM and plan.stem):
        block_named(plan, block)
    shown = {block} if block else {STEM, *(stage.blocks[-1].name for stage in plan.stages)}
    refuse_oversize(subject, len(images), forward_bytes(plan) + block_bytes(plan, settings.channels))
    found = block_activations(
        network, plan, subject.inputs(images), channels=settings.channels, trained=subject.net.trained,
        progress=progress, should_stop=should_stop,
    )  # fmt: skip
    pixels = images.pixels[subject.preprocessing.image_size][0].permute(1, 2, 0).contiguous().numpy()  # (S, S, 3)
    return Activations(
        subject.net,
        images.names[0],
        images.class_names[int(images.labels[0])],
        pixels,
        tuple(_view(each, each.name in shown) for each in found),
        filters(network, plan, block, settings.channels),
    )


def block_activations(
    network: PlannedNetwork,
    plan: Blueprint,
    images: Tensor,
    *,
    channels: int | None = 16,
    trained: bool = True,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> tuple[BlockActivations, ...]:
    """Stem and blocks in the order of the forward pass.

    Args:
        network: In any mode, which it keeps; weights and statistics stay as they are.
        plan: The blueprint of ``network``.
        images: Normalised float32 (N, 3, H, W) on the network's device.
        channels: How many maps of each, the first ones, which in a twin began with the same weights; None: all.
        trained: Else batch norm goes by each batch's own statistics.
        progress: Gets the pieces of work that are done, and of how many.
        should_stop: Ends the work with Stopped where it returns True.

    Raises:
        Stopped: Within a layer, when ``should_stop`` says so.
    """
    names = (*([STEM] if plan.stem else []), *block_names(plan))
    found: list[BlockActivations] = []
    progress(0, len(names))

    def keep(name: str, x: Tensor, y: Tensor) -> None:
        found.append(_block_activations(name, x, y, channels))
        progress(len(found), len(names))

    handles = [
        network.get_submodule(name).register_forward_hook(lambda _m, x, y, name=name: keep(name, x[0], y))
        for name in names
    ]
    try:
        with measurable(network, should_stop, trained=trained), torch.no_grad():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found)


def filters(network: PlannedNetwork, plan: Blueprint, block: str = "", most: int = 64) -> tuple[LayerFilters, ...]:
    """The convolutions of one block's branch, or those of the stem: the first ``most`` filters and input channels.

    Raises:
        UserError: For a block that the network does not have.
    """
    layers: Sequence[Layer] = plan.stem
    if block not in ("", STEM):
        block_named(plan, block)
        layers = next(each.branch for stage in plan.stages for each in stage.blocks if each.name == block)
    convolutions = [layer.name for layer in layers if layer.kind is LayerKind.CONV]
    weights = [(name, network.get_parameter(f"{name}.weight")) for name in convolutions]
    return tuple(LayerFilters(name, _numpy(weight[:most, :most]).astype(np.float64)) for name, weight in weights)


def _view(found: BlockActivations, shown: bool) -> BlockView:
    """With its maps, or without."""
    maps = found.maps if shown else np.zeros((0, 0, 0), np.float32)
    low, high = (float(maps.min()), float(maps.max())) if maps.size else (0.0, 0.0)
    shares = (maps - low) / (high - low) if high > low else np.zeros(maps.shape)
    return BlockView(
        found.name, found.channels, (255 * shares).round().astype(np.uint8), low, high,
        found.zeros, found.mean, found.largest, found.distance, found.cosine,
    )  # fmt: skip


def _block_activations(name: str, x: Tensor, y: Tensor, channels: int | None) -> BlockActivations:
    """``x`` (N, C, H, W) enters and ``y`` (N, C', H', W') leaves; the stem is no block."""
    distance = cosine = math.nan
    identity = None if name == STEM else _identity(x, y)
    if identity is not None:
        lengths = identity.flatten(1).norm(dim=1)  # (N,)
        known = lengths > 0
        if known.any():
            distance = float(((y - identity).flatten(1).norm(dim=1)[known] / lengths[known]).mean())
            cosine = float(F.cosine_similarity(y.flatten(1), identity.flatten(1), 1)[known].mean())
    maps = _numpy(y[0, :channels])
    return BlockActivations(
        name, y.shape[1], maps, float((y == 0).float().mean()), float(y.mean()), float(y.max()), distance, cosine
    )


def _identity(x: Tensor, y: Tensor) -> Tensor | None:
    """What an identity shortcut passes on, of the shape of ``y``; None where it cannot be of that shape.

    By option A where dimensions change.
    """
    if y.shape[1] < x.shape[1]:
        return None
    identity = shortcut_zero_pad(x, y.shape[1], max(1, round(x.shape[2] / y.shape[2])))
    return identity if identity.shape == y.shape else None


def _numpy(values: Tensor) -> Array:
    return values.detach().float().cpu().numpy().copy()
