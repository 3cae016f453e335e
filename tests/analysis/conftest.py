"""Small networks with weights of their own, and images of noise to show them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resnet_studio.analysis.subjects import Subject, measured_preprocessing, untrained
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.spec import replace
from resnet_studio.networks.residual import PlannedNetwork, build

SIZE = 16

Made = tuple[PlannedNetwork, Blueprint]
MakeNetwork = Callable[..., Made]


@pytest.fixture
def images() -> DrawnImages:
    """Forty of ten classes, 16 x 16."""
    rng = np.random.default_rng(5)
    pixels = torch.from_numpy(rng.integers(0, 256, (40, 3, SIZE, SIZE), dtype=np.uint8))
    labels = rng.integers(0, 10, 40).tolist()
    names = [f"test/{place:05d}" for place in range(40)]
    return DrawnImages.of({SIZE: pixels}, labels, names, [f"class {label}" for label in range(10)])


@pytest.fixture
def subject(images: DrawnImages) -> Callable[..., Subject]:
    """By name, four channels wide; every batch norm has a scale, a shift and statistics of its own."""

    def make(name: str = "resnet-8", seed: int = 0) -> Subject:
        spec = network_named(name)
        wide = {"width": 8} if name.startswith("vgg") else {"width": 4}
        spec = replace(spec, image_size=SIZE if not name.startswith("vgg") else 32, **wide)
        made = untrained(spec, seed, measured_preprocessing(images, SIZE))
        numbers = torch.Generator().manual_seed(seed)
        for module in made.network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for values in (module.weight, module.running_var):
                    values.copy_(0.5 + torch.rand(values.shape, generator=numbers))
                for values in (module.bias, module.running_mean):
                    values.copy_(torch.rand(values.shape, generator=numbers) - 0.5)
        return made

    return make


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
def inputs() -> Tensor:
    """What a network sees of six images: (6, 3, 8, 8)."""
    return torch.randn((6, 3, 8, 8), generator=torch.Generator().manual_seed(3))


def state(subject: Subject) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in subject.network.state_dict().items()}


def assert_untouched(subject: Subject, before: dict[str, torch.Tensor]) -> None:
    """Weights, statistics, mode and hooks are as they were."""
    for name, tensor in subject.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    for module in subject.network.modules():
        assert not module.training
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.track_running_stats
            assert module.momentum == 0.1
    assert not any(parameter.requires_grad for parameter in subject.network.parameters())
