"""Small networks with weights of their own, and images of noise to show them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from resnet_studio.analysis.subjects import Subject, measured_preprocessing, untrained
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.spec import replace

SIZE = 16


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
