"""Activations, filters and the distance of blocks from the identity, against a recount layer by layer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_studio.analysis.activations import block_activations, filters
from resnet_studio.domain.analyses.activations import tiled
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.networks.weights import digest, state_of

from .conftest import MakeNetwork


@pytest.mark.parametrize("fields", [{}, {"block": "plain"}, {"activation": "pre"}])
def test_recount(made: MakeNetwork, inputs: Tensor, fields: dict[str, str]) -> None:
    """Maps of the first image, distances of all of them."""
    network, plan = made(**fields)
    found = block_activations(network, plan, inputs, channels=None)
    assert [each.name for each in found] == ["stem", "stage1.block1", "stage2.block1", "stage3.block1"]
    with torch.no_grad():
        x = network.stem(inputs)
        np.testing.assert_allclose(found[0].maps, x[0], atol=1e-6)
        assert math.isnan(found[0].distance)
        for each in found[1:]:
            y = network.get_submodule(each.name)(x)
            same = x if x.shape == y.shape else torch.cat([x[:, :, ::2, ::2], torch.zeros_like(x)[:, :, ::2, ::2]], 1)
            distances = [float((y[n] - same[n]).norm() / same[n].norm()) for n in range(6)]
            cosines = [float((y[n] * same[n]).sum() / y[n].norm() / same[n].norm()) for n in range(6)]
            np.testing.assert_allclose(each.maps, y[0], atol=1e-6)
            assert each.channels == y.shape[1]
            assert each.distance == pytest.approx(np.mean(distances), rel=1e-5)
            assert each.cosine == pytest.approx(np.mean(cosines), abs=1e-5)
            assert each.zeros == pytest.approx(float((y == 0).float().mean()))
            assert each.mean == pytest.approx(float(y.mean()), abs=1e-6)
            assert each.largest == pytest.approx(float(y.max()))
            x = y


def test_a_block_without_a_residual_function_is_the_identity(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    for name in ("stage1.block1", "stage2.block1"):
        last = network.get_submodule(f"{name}.bn2")
        last.weight.zero_()
        last.bias.zero_()
    found = block_activations(network, plan, inputs[:1])
    assert [each.distance for each in found[1:3]] == [0.0, 0.0]
    assert [each.cosine for each in found[1:3]] == pytest.approx([1.0, 1.0])
    assert found[3].distance > 0


def test_where_nothing_enters_there_is_no_distance(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    network.get_submodule("stem.bn").weight.zero_()
    network.get_submodule("stem.bn").bias.fill_(-1.0)
    found = block_activations(network, plan, inputs[:1])
    assert found[0].zeros == 1.0
    assert math.isnan(found[1].distance)
    assert math.isnan(found[1].cosine)


def test_so_many_channels(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    found = block_activations(network, plan, inputs[:1], channels=5)[-1]
    assert found.channels == 16
    assert found.maps.shape == (5, 2, 2)
    whole = block_activations(network, plan, inputs[:1], channels=None)[-1]
    assert (whole.maps[:5] == found.maps).all()
    assert whole.distance == found.distance


def test_networks_without_stem_and_without_blocks_of_one_size(made: MakeNetwork) -> None:
    network, plan = made(family="vgg", depth=16, image_size=32, block="plain")
    found = block_activations(network, plan, torch.randn(1, 3, 32, 32))
    assert found[0].name == "stage1.block1"
    assert all(each.distance > 0 for each in found)


def test_filters(made: MakeNetwork) -> None:
    network, plan = made(depth=11, block="bottleneck")
    (stem,) = filters(network, plan)
    assert stem.name == "stem.conv"
    assert (stem.kernels == network.get_parameter("stem.conv.weight").numpy()).all()
    names = [each.name for each in filters(network, plan, "stage2.block1")]
    assert names == [f"stage2.block1.conv{number}" for number in (1, 2, 3)]
    assert filters(network, plan, "stage2.block1", most=3)[1].kernels.shape == (3, 3, 3, 3)


def test_tiled() -> None:
    maps = np.arange(12.0).reshape(3, 2, 2)
    picture = tiled(maps, columns=2)
    assert picture.shape == (5, 5)
    assert (picture[:2, :2] == maps[0]).all()
    assert (picture[:2, 3:] == maps[1]).all()
    assert (picture[3:, :2] == maps[2]).all()
    assert np.isnan(picture[2]).all()
    assert np.isnan(picture[3:, 3:]).all()


def test_stops_refuses_and_leaves_the_network(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    before = digest(state_of(network))
    with pytest.raises(Stopped):
        block_activations(network, plan, inputs[:1], should_stop=lambda: True)
    with pytest.raises(UserError, match=r"no block 'x'; its blocks are stage1.block1 to stage3.block1"):
        filters(network, plan, "x")
    steps: list[tuple[int, int]] = []
    block_activations(network, plan, inputs[:1], progress=lambda done, total: steps.append((done, total)))
    assert steps == [(n, 4) for n in range(5)]
    assert digest(state_of(network)) == before
    assert not any(module._forward_hooks for module in network.modules())
