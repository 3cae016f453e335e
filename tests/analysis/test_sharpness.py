"""The largest Hessian eigenvalue against the whole Hessian of tiny networks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, hessian

from resnet_studio.analysis.sharpness import largest_eigenvalue
from resnet_studio.domain.analyses.sharpness import LanczosStep
from resnet_studio.domain.errors import Stopped
from resnet_studio.networks.weights import digest, state_of

from .conftest import MakeNetwork

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")  # forward derivatives

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
TINY = {"width": 2}


def whole_hessian(network, inputs: Tensor, labels: Tensor, weights_only: bool = False) -> Tensor:
    """In float64: (P, P) over all parameters one after another."""
    network = network.double()
    named = {name: p.detach() for name, p in network.named_parameters() if p.ndim > 1 or not weights_only}
    flat = torch.cat([p.flatten() for p in named.values()])

    def loss(values: Tensor) -> Tensor:
        parts = values.split([p.numel() for p in named.values()])
        state = {name: part.view(p.shape) for (name, p), part in zip(named.items(), parts, strict=True)}
        return torch.nn.functional.cross_entropy(functional_call(network, state, (inputs.double(),)), labels)

    return hessian(loss)(flat).detach()


@pytest.mark.parametrize("fields", [{}, {"block": "plain"}, {"shortcut": "B"}, {"activation": "pre"}])
def test_largest_and_smallest_eigenvalue(made: MakeNetwork, inputs: Tensor, fields: dict[str, str]) -> None:
    network, plan = made(**TINY, **fields)
    found = largest_eigenvalue(network, plan, inputs, LABELS, tolerance=1e-4)
    values = torch.linalg.eigvalsh(whole_hessian(network, inputs, LABELS))
    assert found.converged
    assert found.eigenvalue == pytest.approx(float(values[-1]), rel=1e-3)
    assert found.eigenvalue - float(values[-1]) <= 1e-4 * abs(found.eigenvalue)  # a Ritz value lies below
    assert float(values[0]) - 1e-4 <= found.lowest <= found.eigenvalue


def test_within_one_percent_by_default(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made(**TINY)
    found = largest_eigenvalue(network, plan, inputs, LABELS)
    largest = float(torch.linalg.eigvalsh(whole_hessian(network, inputs, LABELS))[-1])
    assert found.eigenvalue == pytest.approx(largest, rel=0.01)
    assert found.bound <= 0.01 * found.eigenvalue
    assert len(found.steps) < 40
    highest = [step.highest for step in found.steps]
    assert highest == sorted(highest)


@pytest.mark.parametrize("fields", [{}, {"block": "plain"}])
def test_another_library_finds_the_same(made: MakeNetwork, inputs: Tensor, fields: dict[str, str]) -> None:
    other = pytest.importorskip(
        "hessian_eigenthings", reason="hessian-eigenthings, which eigenvalues are compared with, is not installed"
    )
    network, plan = made(**TINY, **fields)
    found = largest_eigenvalue(network, plan, inputs, LABELS)
    exact = largest_eigenvalue(network, plan, inputs, LABELS, tolerance=1e-5)
    network = network.double().requires_grad_()
    loss = other.supervised_loss(torch.nn.functional.cross_entropy)
    operator = other.HessianOperator(network, [(inputs.double(), LABELS)], loss)
    (expected,) = other.lanczos(operator, k=1, which="LA", max_iter=40, seed=0).eigenvalues.tolist()
    assert found.eigenvalue == pytest.approx(expected, rel=0.01)
    assert exact.eigenvalue == pytest.approx(expected, rel=1e-4)


def test_more_images_than_one_batch(made: MakeNetwork) -> None:
    network, plan = made(width=1)
    inputs = torch.randn((40, 3, 8, 8), generator=torch.Generator().manual_seed(5))
    labels = torch.arange(40) % 3
    found = largest_eigenvalue(network, plan, inputs, labels, tolerance=1e-4)
    largest = float(torch.linalg.eigvalsh(whole_hessian(network, inputs, labels))[-1])
    assert found.eigenvalue == pytest.approx(largest, rel=1e-3)


def test_batch_statistics(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made(**TINY)
    before = digest(state_of(network))
    found = largest_eigenvalue(network, plan, inputs, LABELS, trained=False, tolerance=1e-3)
    assert digest(state_of(network)) == before
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.track_running_stats = False
    largest = float(torch.linalg.eigvalsh(whole_hessian(network, inputs, LABELS))[-1])
    assert found.eigenvalue == pytest.approx(largest, rel=0.01)


def test_relative_is_the_whole_relative_hessians_and_has_no_scale(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made(**TINY)
    weights = [p for p in network.parameters() if p.ndim > 1]
    norms = torch.cat([p.flatten(1).norm(dim=1)[:, None].expand(-1, p[0].numel()).flatten() for p in weights])
    found = largest_eigenvalue(network, plan, inputs, LABELS, relative=True, tolerance=1e-4)
    statistics = {"trained": False, "tolerance": 1e-4}
    whole = largest_eigenvalue(network, plan, inputs, LABELS, relative=True, **statistics)
    absolute = largest_eigenvalue(network, plan, inputs, LABELS, **statistics)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.mul_(0.5)
    assert largest_eigenvalue(network, plan, inputs, LABELS, relative=True, **statistics).eigenvalue == pytest.approx(
        whole.eigenvalue, rel=1e-2
    )
    assert largest_eigenvalue(network, plan, inputs, LABELS, **statistics).eigenvalue > 2 * absolute.eigenvalue
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.mul_(2.0)
    whole_one = whole_hessian(network, inputs, LABELS, weights_only=True)
    largest = float(torch.linalg.eigvalsh(norms[:, None] * whole_one * norms[None, :])[-1])
    assert found.eigenvalue == pytest.approx(largest, rel=1e-3)


def test_steps_are_handed_on_and_bounded(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made(**TINY)
    seen: list[LanczosStep] = []
    shown: list[tuple[int, int]] = []
    found = largest_eigenvalue(
        network, plan, inputs, LABELS, most_steps=3, tolerance=0.0, on_refined=seen.append,
        progress=lambda done, total: shown.append((done, total)),
    )  # fmt: skip
    assert tuple(seen) == found.steps
    assert len(seen) == 3
    assert not found.converged
    assert shown[0] == (0, 3)
    assert shown[-1] == (3, 3)


def test_too_large_a_loss_is_infinite(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made(**TINY)
    network.get_parameter("head.fc.weight").fill_(3e38)
    found = largest_eigenvalue(network, plan, inputs, LABELS)
    assert found.eigenvalue == math.inf
    assert not found.converged


def test_stops_on_the_way_forward_and_back(made: MakeNetwork, inputs: Tensor) -> None:
    """At any check of the first product; convolutions are checked in the forward pass and in both backward passes."""
    network, plan = made(**TINY)
    asked = 0

    def count() -> bool:
        nonlocal asked
        asked += 1
        return False

    largest_eigenvalue(network, plan, inputs, LABELS, most_steps=1, should_stop=count)
    convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in network.modules())
    assert asked >= 3 * convolutions
    for stop_at in range(1, asked + 1):
        left = iter(range(stop_at - 1))
        with pytest.raises(Stopped):
            largest_eigenvalue(network, plan, inputs, LABELS, should_stop=lambda left=left: next(left, None) is None)
