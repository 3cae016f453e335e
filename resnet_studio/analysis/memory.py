"""What a batch that has to go through a network as a whole takes in memory, and whether there is so much."""

from __future__ import annotations

import math

import torch

from resnet_studio.analysis.subjects import Subject
from resnet_studio.domain.blueprint import Blueprint, LayerKind
from resnet_studio.domain.errors import UserError
from resnet_studio.platform.memory import available_bytes
from resnet_studio.text import _

_FLOAT = 4  # bytes
_SHARE = 0.8  # of what is free: other programs go on
_WITH_GRADIENTS = 1.3  # times the outputs of convolutions and ReLUs: measured 1.14 to 1.46 with ResNet-18 to -56
_LIVE = 6  # tensors of the largest layer in a forward pass without gradients: measured 3.2 to 5.2


def forward_bytes(plan: Blueprint) -> float:
    """Of one image in a forward pass without gradients, the image itself included: an estimate."""
    return _FLOAT * (_LIVE * max(math.prod(layer.output) for layer in plan.layers) + math.prod(plan.input))


def gradient_bytes(plan: Blueprint) -> float:
    """Of one image in a forward pass whose gradient is wanted: an estimate."""
    kept = sum(math.prod(layer.output) for layer in plan.layers if layer.kind in (LayerKind.CONV, LayerKind.RELU))
    return _FLOAT * (_WITH_GRADIENTS * kept + 2 * math.prod(plan.input))


def block_bytes(plan: Blueprint, channels: int | None = None) -> float:
    """Of what leaves every block for one image, the first ``channels`` of it."""
    blocks = (block.output for stage in plan.stages for block in stage.blocks)
    return _FLOAT * sum(min(each[0], channels or each[0]) * each[1] * each[2] for each in blocks)


def refuse_oversize(subject: Subject, images: int, bytes_an_image: float) -> None:
    """Say what does not fit before the memory is full; nothing where the device's free memory is not known.

    Args:
        subject: On its device.
        images: That go through together.
        bytes_an_image: What each of them takes.

    Raises:
        UserError: If they take more than 80 % of the device's free memory.
    """
    free = _free_bytes(subject.device)
    if free is None or images * bytes_an_image <= _SHARE * free:
        return
    raise UserError(
        _(
            "{images} images go through {network} as one batch; that needs about "
            "{needed:.1f} GB, and {free:.1f} GB of memory are free. Choose at most {most} images.",
            images=images,
            network=subject.net.label,
            needed=images * bytes_an_image / 1e9,
            free=free / 1e9,
            most=max(2, int(_SHARE * free / bytes_an_image)),
        )
    )


def _free_bytes(device: torch.device) -> int | None:
    if device.type == "cpu":
        return available_bytes()
    if device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return None
