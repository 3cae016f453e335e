"""Small networks with weights and batch-norm statistics as after training: nothing at its initial value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.networks.residual import PlannedNetwork, build

Made = tuple[PlannedNetwork, Blueprint]
MakeNetwork = Callable[..., Made]


@pytest.fixture
def made() -> MakeNetwork:
    """Builds a network of a NetworkSpec's fields: by default ResNet-8 of width 4 on 8x8 pixels, 3 classes."""

    def make(**fields: object) -> Made:
        plan = blueprint(NetworkSpec.model_validate({"depth": 8, "width": 4, "image_size": 8, "classes": 3, **fields}))
        network = build(plan, 1)
        draws = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    for tensor in (module.weight, module.running_var):
                        tensor.copy_(0.5 + torch.rand(tensor.shape, generator=draws))
                    for tensor in (module.bias, module.running_mean):
                        tensor.copy_(0.3 * torch.randn(tensor.shape, generator=draws))
                elif isinstance(module, nn.Linear):
                    module.bias.copy_(torch.randn(module.bias.shape, generator=draws))
        return network.eval().requires_grad_(False), plan

    return make


@pytest.fixture
def images() -> Tensor:
    """Normalised, (6, 3, 8, 8)."""
    return torch.randn((6, 3, 8, 8), generator=torch.Generator().manual_seed(3))
