"""Shattered gradients: 1 everywhere in a linear network, and as plain autograd has it point by point in others."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resnet_studio.analysis import shattered
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.shattered import LAGS, POINTS, Shattered, ShatteredSettings
from resnet_studio.domain.errors import Stopped, UserError

from .conftest import SIZE, assert_untouched, state

Make = Callable[..., Subject]
TWO = ShatteredSettings(lines=2)


class Linear(nn.Module):
    """Its gradient is one row of its weights, wherever it is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * SIZE * SIZE, 10)
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x.flatten(1))
        return y


def test_a_linear_network_has_cosine_1(subject: Make, images: DrawnImages) -> None:
    linear = replace(subject(), network=Linear().eval())  # type: ignore[arg-type]
    found = shattered.measure(linear, images, TWO)
    assert found.cosine == pytest.approx(dict.fromkeys(LAGS, 1.0), abs=1e-9)
    assert np.ptp(found.traces, axis=1) == pytest.approx(np.zeros(2), abs=1e-6)
    assert np.abs(found.traces).min() > 0
    ends = linear.inputs(images, slice(0, 2))
    way = (ends[1] - ends[0]).flatten()
    row = linear.network.layer.weight[images.labels[0]]  # type: ignore[union-attr]
    assert found.traces[0, 0] == pytest.approx(float(row @ way / way.norm()), rel=1e-4)


@pytest.mark.parametrize("trained", [False, True])
def test_gradients_are_those_of_single_points(subject: Make, images: DrawnImages, trained: bool) -> None:
    looked_at = subject("plain-8")
    if trained:
        looked_at = replace(looked_at, net=replace(looked_at.net, run_id="a" * 32))
    before = state(looked_at)
    found = shattered.measure(looked_at, images, TWO)
    assert_untouched(looked_at, before)
    network = copy.deepcopy(looked_at.network).double()
    inputs = looked_at.inputs(images).double()
    if not trained:
        network.train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        network(inputs)
        network.eval()
    a, b, target = inputs[2], inputs[3], int(images.labels[2])
    gradients = []
    for step in range(POINTS):
        x = (a + step / (POINTS - 1) * (b - a))[None].requires_grad_()
        gradients.append(torch.autograd.grad(network(x)[0, target], x)[0].flatten().numpy())
    way = ((b - a) / (b - a).norm()).flatten().numpy()
    np.testing.assert_allclose(found.traces[1], [g @ way for g in gradients], rtol=1e-3, atol=1e-4)
    for place, lag in enumerate(LAGS):
        pairs = zip(gradients[:-lag], gradients[lag:], strict=True)
        cosines = [g @ h / np.linalg.norm(g) / np.linalg.norm(h) for g, h in pairs]
        assert found.cosines[1, place] == pytest.approx(np.mean(cosines), abs=2e-3)
    assert found.cosine[1] == pytest.approx(found.cosines[:, 0].mean())


def test_its_plain_form_comes_back(subject: Make, images: DrawnImages) -> None:
    found = shattered.measure(subject(), images, TWO)
    values = found.to_json()
    assert list(values["cosine"]) == ["1", "2", "4"]
    assert np.shape(values["traces"]) == (2, POINTS)
    again = Shattered.from_json(values)
    assert again.cosine == found.cosine
    assert again.to_json() == values


def test_lines_need_images(subject: Make, images: DrawnImages) -> None:
    with pytest.raises(UserError, match="42 images, there are 40"):
        shattered.measure(subject(), images, ShatteredSettings(lines=21))


def test_a_stop_is_heard(subject: Make, images: DrawnImages) -> None:
    looked_at = subject()
    before, told = state(looked_at), []
    with pytest.raises(Stopped):
        shattered.measure(looked_at, images, TWO, lambda done, total: told.append((done, total)), lambda: bool(told))
    assert told == [(1, 2)]
    assert_untouched(looked_at, before)
