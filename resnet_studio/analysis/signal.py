"""Signal check: how the gradient grows or shrinks from the last block to the first."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.layers import block_depths
from resnet_studio.analysis.memory import gradient_bytes, refuse_oversize
from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.module_state import batch_statistics, stoppable


def measure(
    subject: Subject,
    images: DrawnImages,
    settings: AnalysisSettings | None = None,  # noqa: ARG001  # the convention's
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
) -> SignalCheck:
    """The norm of dL/dy at each block's output y, and each block's gain.

    All images go through the network as one batch, batch norm in training mode: normalising by the batch's own mean
    and variance, through which gradients flow too. L is the mean cross-entropy over the batch. The norm is Euclidean,
    of the whole tensor (N, C, H, W) flattened, in float64 of float32 gradients; y is what the block hands on, after
    addition and ReLU. The gain of a block is the norm at its input over the norm at its output; growth is the norm at
    the first block's output over that at the last one's, so the product of all gains but the first block's.

    The question is that of He et al. 2015 (arXiv:1512.03385), section 4.1, which finds "healthy norms with BN" of
    gradients in its plain nets; gradients that explode with depth under batch norm: Yang et al. 2019
    (arXiv:1902.08129).

    Raises:
        UserError: If the network does not know the images' classes, or their batch does not fit into memory.
        Stopped: When ``should_stop`` says so.
    """
    network, count = subject.network, sum(1 for _block in subject.network.blocks)
    targets = subject.targets(images)
    refuse_oversize(subject, len(images), gradient_bytes(subject.blueprint))
    found = torch.zeros(count + 1, dtype=torch.float64, device=subject.device)

    def take(place: int, gradient: Tensor) -> None:
        found[place] = torch.linalg.vector_norm(gradient, dtype=torch.float64)
        progress(count - place, count)

    def at_input(_module: nn.Module, inputs: tuple[Tensor, ...], place: int) -> None:
        inputs[0].register_hook(partial(take, place))

    def at_output(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        output.register_hook(partial(take, count))

    handles = [
        block.register_forward_pre_hook(partial(at_input, place=place)) for place, block in enumerate(network.blocks)
    ]
    handles.append(list(network.blocks)[-1].register_forward_hook(at_output))
    try:
        with batch_statistics(network), stoppable(network, should_stop), torch.enable_grad():
            pixels = subject.inputs(images).requires_grad_()
            loss = F.cross_entropy(network(pixels.clone()), targets)  # a clone: hooks see sums, as of any other tensor
            torch.autograd.grad(loss, pixels)
    finally:
        for handle in handles:
            handle.remove()
    norms = found.cpu().numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = norms[:-1] / norms[1:]
    names, layers = block_depths(subject.blueprint)
    return SignalCheck(subject.net, names, layers[1:], norms[1:], gains, float(loss.detach()))
