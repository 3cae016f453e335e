"""Activations of one image, block by block, the filters that made them, and how far each block is from the identity.

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

from resnet_studio.analysis.network_state import measurable
from resnet_studio.analysis.subjects import Progress, no_progress
from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Layer, LayerKind
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.residual import PlannedNetwork, shortcut_zero_pad

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BlockActivations:
    """What leaves one block, for one image.

    Attributes:
        name: ``stem`` for what the blocks begin with.
        channels: Of the block's output; ``maps`` may hold the first of them alone.
        maps: (channels shown, h, w).
        zeros: Share of all its values that are 0: what ReLU has cut off.
        mean, largest: Of all its values.
        distance: From the identity, 0 or more; NaN for the stem, or where x is 0 everywhere or wider than H(x).
        cosine: Of H(x) and s(x), -1..1; NaN likewise.
    """

    name: str
    channels: int
    maps: Array
    zeros: float
    mean: float
    largest: float
    distance: float
    cosine: float


@dataclass(frozen=True, eq=False)
class LayerFilters:
    """A convolution's weights: (filters, input channels, kernel, kernel), perhaps the first of each alone."""

    name: str
    kernels: Array


def block_activations(
    network: PlannedNetwork,
    plan: Blueprint,
    image: Tensor,
    *,
    block: str = "",
    channels: int | None = 16,
    trained: bool = True,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> tuple[BlockActivations, ...]:
    """Stem and blocks in the order of the forward pass, or one of them.

    Args:
        image: Normalised float32 (1, 3, H, W) on the network's device.
        block: The name of the only one to return.
        channels: How many maps of each, the first ones, which in a twin began with the same weights; None: all.

    Raises:
        Stopped: Within a layer, when ``should_stop`` says so.
        ValueError: For a block that the network does not have, or more than one image.
    """
    if len(image) != 1:
        raise ValueError(f"the activations of one image are measured, got {len(image)}")
    plans: dict[str, BlockPlan | None] = {"stem": None} if plan.stem else {}
    plans |= {each.name: each for stage in plan.stages for each in stage.blocks}
    if block and block not in plans:
        raise ValueError(f"{plan.spec.label} has no block {block!r}")
    wanted = [block] if block else list(plans)
    found: dict[str, BlockActivations] = {}
    progress(0, len(wanted))

    def keep(name: str, x: Tensor, y: Tensor) -> None:
        found[name] = _block_activations(name, plans[name], x[0], y[0], channels)
        progress(len(found), len(wanted))

    handles = [
        network.get_submodule(name).register_forward_hook(lambda _m, x, y, name=name: keep(name, x[0], y))
        for name in wanted
    ]
    try:
        with measurable(network, should_stop, trained=trained), torch.no_grad():
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found[name] for name in wanted)


def filters(network: PlannedNetwork, plan: Blueprint, block: str = "", most: int = 64) -> tuple[LayerFilters, ...]:
    """The convolutions of one block's branch, or those of the stem: the first ``most`` filters and input channels.

    Raises:
        ValueError: For a block that the network does not have.
    """
    layers: Sequence[Layer] = plan.stem
    if block not in ("", "stem"):
        plans = {each.name: each for stage in plan.stages for each in stage.blocks}
        if block not in plans:
            raise ValueError(f"{plan.spec.label} has no block {block!r}")
        layers = plans[block].branch
    convolutions = [layer.name for layer in layers if layer.kind is LayerKind.CONV]
    weights = [(name, network.get_parameter(f"{name}.weight")) for name in convolutions]
    return tuple(LayerFilters(name, _numpy(weight[:most, :most])) for name, weight in weights)


def tiled(maps: npt.NDArray[np.floating], columns: int, gap: int = 1) -> npt.NDArray[np.float64]:
    """Maps side by side, row after row: (N, h, w) to one picture, NaN between them and where none is left."""
    count, height, width = maps.shape
    rows = math.ceil(count / columns)
    picture = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for number, values in enumerate(maps):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        picture[top : top + height, left : left + width] = values
    return picture


def _block_activations(
    name: str, plan: BlockPlan | None, x: Tensor, y: Tensor, channels: int | None
) -> BlockActivations:
    """``x`` (C, H, W) enters and ``y`` (C', H', W') leaves; the stem, which has no plan, is no block."""
    distance = cosine = math.nan
    identity = None if plan is None else _identity(x, y)
    if identity is not None and (length := float(identity.norm())) > 0:
        distance = float((y - identity).norm()) / length
        cosine = float(F.cosine_similarity(y.flatten(), identity.flatten(), 0))
    return BlockActivations(
        name,
        y.shape[0],
        _numpy(y[:channels]),
        float((y == 0).float().mean()),
        float(y.mean()),
        float(y.max()),
        distance,
        cosine,
    )


def _identity(x: Tensor, y: Tensor) -> Tensor | None:
    """What an identity shortcut passes on, of the shape of ``y``, by option A where dimensions change; None where it
    cannot be of that shape."""
    if y.shape[0] < x.shape[0]:
        return None
    identity = shortcut_zero_pad(x[None], y.shape[0], max(1, round(x.shape[1] / y.shape[1])))[0]
    return identity if identity.shape == y.shape else None


def _numpy(values: Tensor) -> Array:
    return values.detach().float().cpu().numpy().copy()
