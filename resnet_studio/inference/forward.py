"""Cuts of images through a network, view by view, in batches that fit into memory and end soon after a stop."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.inference.models import TrainedNetwork
from resnet_studio.inference.views import Cut, Pixels, View
from resnet_studio.networks.cuda import alone_on, free_cached_memory
from resnet_studio.networks.error_rates import images_a_step
from resnet_studio.platform.memory import available_bytes
from resnet_studio.text import _

BATCH = 250  # images that go through together at most
_CPU_WORK = 5e10  # multiply-adds of one batch on a CPU: about a second, a fraction of it between two stop checks
_LIVE_TENSORS = 5  # of the size of a network's largest layer: input, branch, shortcut, sum and the library's own

Cuts = Mapping[Cut, Pixels]

_MOST = {"cpu": 2 * 2**30, "cuda": 16 * 2**30}  # bytes: more makes nothing faster
_SHARE = {"cpu": 0.25, "cuda": 0.5}  # of what is free: others may want some too
_UNKNOWN = 2**30


def logits_of(
    network: TrainedNetwork,
    images: Sequence[Cuts],
    view: View,
    should_stop: StopCheck,
    tell: Callable[[int], None] | None = None,
    *,
    as_trained: bool = False,
) -> Tensor:
    """What ``network`` says to one view of each image: float32 (N, classes) on the CPU.

    Images of one size go through together, as many as memory allows.

    Args:
        network: With its preprocessing and, where ``as_trained``, its precision.
        images: Of each image its cuts, uint8 (3, H, W).
        view: What is seen of each image.
        should_stop: Ends the work with Stopped where it returns True.
        tell: Gets how many images each batch held.
        as_trained: In the precision and the batches in which the run's test errors were measured, not in float32.

    Raises:
        Stopped: Between two convolutions, when ``should_stop`` says so.
        UserError: If a single image does not fit into memory, or the network gives no finite numbers.
    """
    result = torch.empty(len(images), len(network.class_names))
    parts = [view.of(image[view.cut]) for image in images]
    for places in _alike(parts):
        height, width = parts[places[0]].shape[1:]
        size = as_in_training(network) if as_trained else fitting(network, height, width)
        left = list(places)
        while left:
            now, size = left[:size], min(size, len(left))
            pixels = torch.from_numpy(np.stack([parts[place] for place in now]))  # (n, 3, H, W)
            logits = _forward(network, pixels, view, should_stop, as_trained)
            if logits is None:  # out of memory: the tensors are free again here
                size = _halved(size, network, height, width)
                continue
            if not bool(torch.isfinite(logits).all()):
                raise UserError(_not_finite(network))
            result[now] = logits
            left = left[size:]
            if tell is not None:
                tell(len(now))
    return result


def _not_finite(network: TrainedNetwork) -> str:
    return _(
        "{name} gives numbers that are not finite, so it names no class: its weights have diverged, or its mean and "
        "standard deviation of images are damaged; choose another run, or import the weights again with --mean and "
        "--std.",
        name=network.run.name,
    )


def as_in_training(network: TrainedNetwork) -> int:
    """Images of a batch, so that the same weights give the same error to the last image."""
    spec = network.run.spec
    return images_a_step(network.device, spec.network.image_size, spec.recipe.batch_size)


def _alike(parts: Sequence[Pixels]) -> Iterator[list[int]]:
    """Positions of the parts of one shape, in order."""
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for position, part in enumerate(parts):
        groups[part.shape].append(position)
    yield from groups.values()


def _forward(
    network: TrainedNetwork, pixels: Tensor, view: View, should_stop: StopCheck, as_trained: bool
) -> Tensor | None:
    """uint8 (n, 3, H, W) to logits (n, classes) on the CPU; None if they do not fit into the device's memory."""
    if should_stop():
        raise Stopped
    arithmetic: AbstractContextManager[object] = network.trained_arithmetic if as_trained else nullcontext()
    try:
        with alone_on(network.device, should_stop), torch.inference_mode(), network.stoppable(should_stop), arithmetic:
            x = prepared(network.preprocessing, pixels, fixed_size=view.fixed_size)
            logits: Tensor = network.module(x).float().cpu()
            return logits
    except (torch.OutOfMemoryError, MemoryError):
        return None


def _halved(size: int, network: TrainedNetwork, height: int, width: int) -> int:
    free_cached_memory(network.device)
    if size == 1:
        raise UserError(
            _(
                "One image of {width} x {height} pixels does not fit into the memory of {device} with "
                "{name}; choose smaller scales, or --device cpu.",
                width=width,
                height=height,
                device=network.device,
                name=network.run.name,
            )
        )
    return math.ceil(size / 2)


def prepared(preprocessing: Preprocessing, pixels: Tensor, *, fixed_size: bool) -> Tensor:
    """uint8 (N, 3, H, W) to the network's input on the preprocessing's device.

    A per-pixel mean fits images of the training size alone. Where sizes are free (``fixed_size`` False) its mean over
    all pixels, one number a colour, is subtracted instead, at every size.
    """
    if fixed_size:
        return preprocessing.apply(pixels)
    x = pixels.to(preprocessing.mean.device, torch.float32).div_(255.0)
    mean = preprocessing.mean.double().mean((1, 2), keepdim=True).float()  # (3, 1, 1)
    return x.sub_(mean).div_(preprocessing.std)


def fitting(network: TrainedNetwork, height: int, width: int) -> int:
    """How many images of that size go through together: by memory, and on a CPU by the time until a stop is heard."""
    plan = blueprint(network.run.spec.network)
    scale = height * width / network.preprocessing.image_size**2
    largest = max(math.prod(layer.output) for layer in plan.layers)
    by_memory = free_bytes(network.device) / (4 * _LIVE_TENSORS * largest * scale)
    by_time = _CPU_WORK / (plan.multiply_adds * scale) if network.device.type == "cpu" else math.inf
    return max(1, int(min(BATCH, by_memory, by_time)))


def free_bytes(device: torch.device) -> int:
    """Bytes that a batch on ``device`` may take, a share of what is free now; 1 GiB where that is not known."""
    if device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(device)
    elif device.type == "cpu":
        free = available_bytes()
    else:
        return _UNKNOWN
    return int(min(_MOST[device.type], _SHARE[device.type] * free))
