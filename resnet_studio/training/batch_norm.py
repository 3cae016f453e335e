"""Batch-norm statistics measured anew once training has ended, as the authors did."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck


def batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    """The layers whose statistics can be recomputed; none in a net without batch norm."""
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def recompute(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    should_stop: StopCheck,
    precision: AbstractContextManager[object],
    pass_size: int | None = None,
) -> None:
    """Replace each running mean and variance by its plain average over ``batches``.

    Every batch, or every ``pass_size`` images of it, is normalised by its own statistics on its way through the
    network, as in training, and counts with its number of images; weights stay as they are. The result depends on
    weights and batches alone, not on the statistics that were there before.

    Args:
        network: Its mode is as before afterwards.
        batches: Normalised images (N, 3, H, W), at least two each and classes mixed, with labels that are not read.
        should_stop: Ends the work with Stopped where it returns True.
        precision: The context of the arithmetic, as in training.
        pass_size: Images that pass together; None: the whole batch.

    Raises:
        Stopped: As soon as ``should_stop`` says so; the statistics are then half-made, and the caller puts them back.
        ValueError: If there are no images.
    """
    norms = batch_norms(network)
    kept = [norm.momentum for norm in norms]
    was_training, images = network.training, 0
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
    try:
        with torch.no_grad(), precision:
            for x, _ in batches:
                if should_stop():
                    raise Stopped
                for share in x.split(pass_size or len(x)):
                    images += len(share)
                    for norm in norms:
                        norm.momentum = len(share) / images  # the first: 1
                    network(share)
    finally:
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum
        network.train(was_training)
    if not images:
        raise ValueError("no images to measure batch-norm statistics on")
