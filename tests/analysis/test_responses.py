"""Responses against a recount in numpy, layer by layer, of everything that flows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from resnet_studio.analysis import responses
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.responses import Responses
from resnet_studio.domain.blueprint import LayerKind
from resnet_studio.domain.errors import Stopped

from .conftest import assert_untouched, state

Make = Callable[..., Subject]
TRAINED = {"run_id": "a" * 32, "iteration": 7, "weights_sha256": "b" * 64, "init_seed": None}


def normed(x: np.ndarray, bn: nn.BatchNorm2d, batch: bool) -> np.ndarray:
    mean = x.mean((0, 2, 3)) if batch else bn.running_mean.double().numpy()
    var = x.var((0, 2, 3)) if batch else bn.running_var.double().numpy()
    scale, shift = bn.weight.double().numpy(), bn.bias.double().numpy()
    wide = (None, slice(None), None, None)
    return (x - mean[wide]) / np.sqrt(var + bn.eps)[wide] * scale[wide] + shift[wide]


def convolved(x: np.ndarray, conv: nn.Conv2d) -> np.ndarray:
    return nn.functional.conv2d(torch.from_numpy(x), conv.weight.double(), None, conv.stride, conv.padding).numpy()


def recount(subject: Subject, images: DrawnImages, batch: bool) -> tuple[list[float], list[float]]:
    """Deviations of the 3x3 layers and ratios of the blocks of a post-activation net with option A or none."""
    x = subject.inputs(images).double().numpy()
    network, plan = subject.network, subject.blueprint
    x = normed(convolved(x, network.stem.conv), network.stem.bn, batch)
    deviations, ratios = [float(x.std())], []
    x = np.maximum(x, 0)
    for stage in plan.stages:
        for block in stage.blocks:
            module = dict(network.named_modules())[block.name]
            y = normed(convolved(x, module.conv1), module.bn1, batch)
            deviations.append(float(y.std()))
            y = normed(convolved(np.maximum(y, 0), module.conv2), module.bn2, batch)
            deviations.append(float(y.std()))
            ratios.append(float(np.sqrt((y**2).sum() / (x**2).sum())))
            if subject.net.residual:
                short = x[:, :, :: block.stride, :: block.stride]
                padded = np.zeros_like(y)
                padded[:, : short.shape[1]] = short
                y = y + padded
            x = np.maximum(y, 0)
    return deviations, ratios


@pytest.mark.parametrize("name", ["plain-8", "resnet-8"])
@pytest.mark.parametrize("trained", [False, True])
def test_they_are_those_of_a_recount(subject: Make, images: DrawnImages, name: str, trained: bool) -> None:
    looked_at = subject(name)
    if trained:
        looked_at = replace(looked_at, net=replace(looked_at.net, **TRAINED))
    before = state(looked_at)
    found = responses.measure(looked_at, images)
    assert_untouched(looked_at, before)
    deviations, ratios = recount(looked_at, images, batch=not trained)
    np.testing.assert_allclose(found.stds, deviations, rtol=1e-4)
    np.testing.assert_allclose([block.ratio for block in found.blocks], ratios, rtol=1e-4)
    assert [layer.layer for layer in found.layers] == list(range(1, 8))
    assert found.layers[1].name == "stage1.block1.conv1"
    assert found.to_json()["layers"][0] == {"name": "stem.conv", "layer": 1, "std": found.layers[0].std}
    assert Responses.from_json(found.to_json()).to_json() == found.to_json()


def test_batches_add_up(subject: Make, images: DrawnImages, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = subject()
    looked_at = replace(looked_at, net=replace(looked_at.net, **TRAINED))
    whole = responses.measure(looked_at, images)
    monkeypatch.setattr(responses, "_BATCH", 7)
    told: list[tuple[int, int]] = []
    parts = responses.measure(looked_at, images, progress=lambda done, total: told.append((done, total)))
    np.testing.assert_allclose(parts.stds, whole.stds, rtol=1e-5)
    assert told[-1] == (40, 40)
    assert len(told) == 6


@pytest.mark.parametrize(("name", "layers"), [("pre-resnet-8", 7), ("cifar-resnet-11-bottleneck", 4)])
def test_every_3x3_layer_has_one(subject: Make, images: DrawnImages, name: str, layers: int) -> None:
    looked_at = subject(name)
    found = responses.measure(looked_at, images)
    wanted = [layer.name for layer in looked_at.blueprint.layers if layer.kind is LayerKind.CONV and layer.kernel == 3]
    assert [layer.name for layer in found.layers] == wanted
    assert len(wanted) == layers
    assert all(layer.std > 0 for layer in found.layers)


def test_a_stop_is_heard(subject: Make, images: DrawnImages) -> None:
    looked_at = subject()
    before = state(looked_at)
    with pytest.raises(Stopped):
        responses.measure(looked_at, images, should_stop=lambda: True)
    assert_untouched(looked_at, before)
