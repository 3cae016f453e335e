"""Networks of basic blocks by the kernels of :mod:`resnet_studio.networks.fused`, proved before they are used.

Whether a training takes them is said by the variable RESNET_STUDIO_FUSED (1: yes) as long as no measurement says so.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import MemoryLayout, Precision
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.cuda import alone_on
from resnet_studio.networks.residual import build
from resnet_studio.training.batch_norm import batch_norms
from resnet_studio.training.engines.graph_step import Network
from resnet_studio.training.engines.regions import NotProvedError, check_distances
from resnet_studio.training.member import Member
from resnet_studio.training.memory_format import memory_format
from resnet_studio.training.precision import arithmetic

VARIABLE = "RESNET_STUDIO_FUSED"

FUSED = "graphed, fused"
"""In a run's record: graphed steps by the kernels for whole networks."""

# Of the gradient of one parameter, small beside the others perhaps: wider than AS_GOOD and TOLERANCE, not measured yet.
_EACH_AS_GOOD, _EACH_TOLERANCE = 2.0, 0.05


def fused_networks(
    device: torch.device, precision: Precision, layout: MemoryLayout, networks: Sequence[NetworkSpec]
) -> set[NetworkSpec]:
    """Those of ``networks`` that a new training takes fused: none unless :data:`VARIABLE` is 1."""
    if os.environ.get(VARIABLE) != "1" or device.type != "cuda":
        return set()
    if precision is not Precision.BFLOAT16 or layout is not MemoryLayout.CHANNELS_LAST:
        return set()
    if importlib.util.find_spec("triton") is None:
        return set()
    from resnet_studio.networks.fused.plan import fits

    return {network for network in networks if fits(blueprint(network))}


def fused_network(member: Member, should_stop: StopCheck = never_stop) -> Network:
    """The member's network by the kernels; weights and statistics stay those of the network.

    Raises:
        NotProvedError: If their results are further from the exact ones than those of the layers.
        Stopped: If asked to stop while another thread has the device for itself.
    """
    from resnet_studio.networks.fused.network import FusedNetwork

    with alone_on(member.device, should_stop):
        failure = _failure(member.spec.network, member.spec.recipe.pass_size, member.device, member.layout)
    if failure:
        raise NotProvedError(failure)
    return FusedNetwork(member.network, blueprint(member.spec.network))


@cache
def _failure(spec: NetworkSpec, batch_size: int, device: torch.device, layout: MemoryLayout) -> str:
    """What the proof found, once for all members with that network; empty if all is well."""
    from resnet_studio.networks.fused.network import FusedNetwork

    plan = blueprint(spec)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch_size, *plan.input, generator=generator).to(device)
    labels = torch.randint(0, spec.classes, (batch_size,), generator=generator).to(device)

    def results(precision: Precision, *, fused: bool) -> tuple[list[Tensor], list[Tensor]]:
        """Logits, gradients and statistics after both passes, each as a whole; and the gradients one by one."""
        network = build(plan, 0).train()
        for norm in batch_norms(network):  # else those of gamma and beta could be mixed up
            nn.init.uniform_(norm.weight, 0.5, 1.5, generator=torch.Generator().manual_seed(1))
            nn.init.uniform_(norm.bias, -0.5, 0.5, generator=torch.Generator().manual_seed(2))
        network.to(device, memory_format=memory_format(layout))  # type: ignore[call-overload]
        call = FusedNetwork(network, plan) if fused else network
        with arithmetic(device, precision):
            logits = call(images)
        F.cross_entropy(logits.float(), labels).backward()
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        statistics = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        whole = [logits.detach(), *(torch.cat([each.flatten() for each in some]) for some in (gradients, statistics))]
        return whole, gradients

    exact, usual = results(Precision.FLOAT32, fused=False), results(Precision.BFLOAT16, fused=False)
    ours = results(Precision.BFLOAT16, fused=True)
    try:
        check_distances(ours[0], usual[0], exact[0])
        check_distances(ours[1], usual[1], exact[1], as_good=_EACH_AS_GOOD, tolerance=_EACH_TOLERANCE)
    except NotProvedError as error:
        return str(error)
    return ""
