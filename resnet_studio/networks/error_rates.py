"""A network's errors on labelled batches."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop


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

    The network runs in evaluation mode and is returned to the mode it had. With fewer than five classes the top-5
    error counts all of them and is zero.

    Raises:
        Stopped: As soon as ``should_stop`` says so, between two batches.
        ValueError: If there are no images.
    """
    was_training = network.training
    network.eval()
    images, top1, top5, loss = 0, 0, 0, 0.0
    try:
        with torch.no_grad(), precision or nullcontext():
            for x, y in batches:
                if should_stop():
                    raise Stopped
                logits = network(x).float()  # (N, classes)
                best = logits.topk(min(5, logits.shape[1]), dim=1).indices  # (N, k)
                hits = best == y[:, None]  # (N, k)
                counts = torch.stack((hits[:, 0].sum(), hits.any(dim=1).sum())).tolist()
                images += len(y)
                top1 += counts[0]
                top5 += counts[1]
                loss += float(F.cross_entropy(logits, y, reduction="sum"))
    finally:
        network.train(was_training)
    if not images:
        raise ValueError("no images to test on")
    return TestResult(images, 100.0 * (images - top1) / images, 100.0 * (images - top5) / images, loss / images)
