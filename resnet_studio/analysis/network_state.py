"""A network as most analyses run it: the statistics of batch norm, copies, and blocks by name.

Batch norm goes by what training has stored, or by the batch where nothing has; a copy's weights may be changed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.module_state import batch_statistics, running_statistics, stoppable
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.text import _


@contextlib.contextmanager
def measurable(network: PlannedNetwork, should_stop: StopCheck = never_stop, *, trained: bool = True) -> Iterator[None]:
    """Stoppable within a layer; batch norm by its running statistics, or in an untrained network by the batch's.

    Raises:
        Stopped: Out of the forward or the backward pass.
    """
    mode = running_statistics if trained else batch_statistics
    with mode(network), stoppable(network, should_stop):
        yield


def copied(network: PlannedNetwork, plan: Blueprint) -> PlannedNetwork:
    """The same weights and statistics in memory of their own; no gradients, evaluation mode.

    On the same device, in the same memory layout.
    """
    with torch.device("meta"):
        copy = PlannedNetwork(plan)
    copy.load_state_dict({name: tensor.detach().clone() for name, tensor in network.state_dict().items()}, assign=True)
    return copy.eval().requires_grad_(False)


def block_names(plan: Blueprint) -> tuple[str, ...]:
    """In the order of the forward pass."""
    return tuple(block.name for stage in plan.stages for block in stage.blocks)


def block_named(plan: Blueprint, name: str) -> str:
    """``name``, if the network has such a block.

    Raises:
        UserError: If not.
    """
    names = block_names(plan)
    if name not in names:
        raise UserError(
            _(
                "{network} has no block {name!r}; its blocks are {first} to {last}.",
                network=plan.spec.label,
                name=name[:40],
                first=names[0],
                last=names[-1],
            )
        )
    return name
