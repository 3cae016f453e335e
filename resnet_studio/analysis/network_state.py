"""A network made ready to be measured: its mode, batch norm's statistics, copies, and stops within a layer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.residual import PlannedNetwork

Progress = Callable[[int, int], None]
"""Called with the steps that are done and all of them."""


def no_progress(_done: int, _total: int) -> None:
    """The default of ``progress``."""


@contextlib.contextmanager
def measurable(
    network: nn.Module, should_stop: StopCheck = never_stop, *, batch_statistics: bool = False
) -> Iterator[None]:
    """``network`` in evaluation mode; every module is returned to the mode it had, no stored statistic changes.

    Args:
        should_stop: Checked at each convolution, on the way forward and on the way back.
        batch_statistics: Batch norm takes mean and variance of the batch, as in training: where no training has
            stored any.

    Raises:
        Stopped: Out of the forward or the backward pass.
    """
    modes = [(module, module.training) for module in network.modules()]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]

    def check(*_values: object) -> None:
        if should_stop():
            raise Stopped

    def check_forward(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        check()
        if output.requires_grad:
            output.register_hook(check)

    handles = [m.register_forward_hook(check_forward) for m in network.modules() if isinstance(m, nn.Conv2d)]
    network.eval()
    try:
        if batch_statistics:
            for norm in norms:
                norm.training, norm.track_running_stats = True, False  # so that torch stores nothing
        yield
    finally:
        for handle in handles:
            handle.remove()
        for norm in norms:
            norm.track_running_stats = True
        for module, training in modes:
            module.training = training


def copied(network: PlannedNetwork, plan: Blueprint) -> PlannedNetwork:
    """The same weights and statistics in memory of their own, on the same device in the same memory layout; no
    gradients, evaluation mode."""
    with torch.device("meta"):
        copy = PlannedNetwork(plan)
    copy.load_state_dict({name: tensor.detach().clone() for name, tensor in network.state_dict().items()}, assign=True)
    return copy.eval().requires_grad_(False)


def device_of(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
