"""A network's modules put into another state for a while: stoppable, or with batch norm as the batch has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck


@contextlib.contextmanager
def stoppable(network: nn.Module, should_stop: StopCheck) -> Iterator[None]:
    """Ask ``should_stop`` after each convolution and, where gradients flow, before its backward pass.

    A batch through a very deep net takes seconds on a CPU.

    Raises:
        Stopped: Out of the forward or the backward pass.
    """

    def ask_backward(_gradient: Tensor) -> None:
        if should_stop():
            raise Stopped

    def ask(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        if should_stop():
            raise Stopped
        if output.requires_grad:
            output.register_hook(ask_backward)

    convolutions = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    handles = [convolution.register_forward_hook(ask) for convolution in convolutions]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def batch_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norm as in training: by mean and variance of the batch. Running statistics are neither read nor changed.

    Afterwards the network is in the mode, training or not, in which it was.
    """
    before = {module: module.training for module in network.modules()}
    tracking = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d) and m.track_running_stats]
    network.train()
    for norm in tracking:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in tracking:
            norm.track_running_stats = True
        for module, training in before.items():
            module.training = training


@contextlib.contextmanager
def running_statistics(network: nn.Module) -> Iterator[None]:
    """Test mode: batch norm by the statistics gathered in training; afterwards the mode is as it was."""
    before = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


@contextlib.contextmanager
def fixed_statistics(network: nn.Module, inputs: Tensor) -> Iterator[None]:
    """Test mode, with the statistics of one batch in the place of the running ones, which come back afterwards.

    ``inputs`` is that batch, as the network takes it. Variances are unbiased, as training's running ones are.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d) and m.track_running_stats]
    kept = [({name: buffer.clone() for name, buffer in m.named_buffers()}, m.momentum) for m in norms]
    with running_statistics(network):
        try:
            for module in norms:
                module.momentum = 1.0
                module.train()
            with torch.no_grad():
                network(inputs)
            for module in norms:
                module.eval()
            yield
        finally:
            for module, (buffers, momentum) in zip(norms, kept, strict=True):
                module.momentum = momentum
                for name, buffer in module.named_buffers():
                    buffer.copy_(buffers[name])
