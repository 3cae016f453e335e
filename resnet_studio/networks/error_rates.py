"""A network's errors on labelled batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop

_AHEAD = 2  # batches that may wait in a GPU's queue, so that a stop is heard in time
_USUAL = 250  # images a step, so that a stop is heard within a second on a slow CPU
_MOST, _MOST_PIXELS = 2000, 2000 * 32 * 32  # images, and pixels in all, of a step on CUDA
_LIKE_TRAINING = 8  # as many batches of training, which keeps every activation, take no less memory than one of testing


def images_a_step(device: torch.device, image_size: int, batch_size: int) -> int:
    """How many images of ``image_size`` pixels a test takes at once, of a network trained with ``batch_size``.

    On CUDA so many that the GPU does not wait for launches.
    """
    if device.type != "cuda":
        return _USUAL
    return max(_USUAL, min(_MOST, _MOST_PIXELS // image_size**2, _LIKE_TRAINING * batch_size))


@dataclass(frozen=True, slots=True)
class TestResult:
    """Errors in percent; ``loss`` is the mean cross-entropy in nats."""

    images: int
    top1_error: float
    top5_error: float
    loss: float


def count_errors(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    should_stop: StopCheck = never_stop,
    precision: AbstractContextManager[object] | None = None,
) -> TestResult:
    """Top-1 and top-5 error over ``batches`` of normalised images (N, 3, H, W) and labels (N,).

    Sums stay on the device until the end. The network runs in evaluation mode and is returned to the mode it had. With
    fewer than five classes the top-5 error counts all of them and is zero.

    Raises:
        Stopped: As soon as ``should_stop`` says so, between two batches.
        ValueError: If there are no images.
    """
    was_training = network.training
    network.eval()
    images, loss, hits, losses = 0, 0.0, [], []
    queue = _Queue()
    try:
        with torch.no_grad(), precision or nullcontext():
            for x, y in batches:
                if should_stop():
                    raise Stopped
                logits = network(x).float()  # (N, classes)
                best = logits.topk(min(5, logits.shape[1]), dim=1).indices  # (N, k)
                found = best == y[:, None]  # (N, k)
                hits.append(torch.stack((found[:, 0].sum(), found.any(dim=1).sum())))  # (2,)
                losses.append(F.cross_entropy(logits, y, reduction="sum"))
                images += len(y)
                queue.keep_short(x.device)
            if not images:
                raise ValueError("no images to test on")
            top1, top5 = torch.stack(hits).sum(0).tolist()
            for each in torch.stack(losses).tolist():
                loss += each  # one by one: how sum() rounds depends on the version of Python
    finally:
        network.train(was_training)
    return TestResult(images, 100.0 * (images - top1) / images, 100.0 * (images - top5) / images, loss / images)


class _Queue:
    """What a device has not done yet: the host is at most some batches ahead."""

    def __init__(self) -> None:
        self._waiting: deque[torch.cuda.Event] = deque()

    def keep_short(self, device: torch.device) -> None:
        """Called after each batch."""
        if device.type == "mps":
            torch.mps.synchronize()
        if device.type != "cuda":
            return
        event = torch.cuda.Event(blocking=True)
        event.record()
        self._waiting.append(event)
        if len(self._waiting) > _AHEAD:
            self._waiting.popleft().synchronize()
