"""Recomputed batch-norm statistics against the averages written out."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from resnet_studio.domain.errors import Stopped
from resnet_studio.training.batch_norm import recompute
from resnet_studio.training.member import Member


def batches(sizes=(6, 6, 4)):
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(n, 3, 8, 8, generator=generator) * 2 + 1, torch.zeros(n, dtype=torch.int64)) for n in sizes]


def measured(network, parts, should_stop=lambda: False):
    recompute(network, parts, should_stop=should_stop, precision=nullcontext())


@pytest.fixture
def network(tiny_run):
    return Member("run", tiny_run, torch.device("cpu")).network


def test_statistics_are_plain_averages_weighted_by_images(network):
    parts = batches()
    means, variances, weights = [], [], []
    with torch.no_grad():
        for x, _ in parts:
            y = network.stem.conv(x)
            means.append(y.mean((0, 2, 3)))
            variances.append(y.var((0, 2, 3), unbiased=True))
            weights.append(len(x) / 16)
    measured(network, parts)
    bn = network.stem.bn
    assert torch.allclose(bn.running_mean, sum(w * m for w, m in zip(weights, means, strict=True)), atol=1e-5)
    assert torch.allclose(bn.running_var, sum(w * v for w, v in zip(weights, variances, strict=True)), rtol=1e-4)


def test_nothing_that_was_there_before_matters_and_nothing_else_changes(network):
    weights = {name: p.clone() for name, p in network.named_parameters()}
    measured(network, batches())
    first = {name: b.clone() for name, b in network.named_buffers()}
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.running_mean.fill_(1e20)
        norm.running_var.fill_(7.0)
    measured(network, batches())
    assert all(torch.equal(b, first[name]) for name, b in network.named_buffers())
    assert all(torch.equal(p, weights[name]) for name, p in network.named_parameters())
    assert network.training
    assert network.stem.bn.training
    assert network.stem.bn.momentum == 0.1


def test_a_stop_leaves_the_network_fit_for_training(network):
    answers = iter([False, True])
    with pytest.raises(Stopped):
        measured(network, batches(), lambda: next(answers))
    assert network.training
    assert network.stem.bn.momentum == 0.1


def test_no_images_are_refused(network):
    with pytest.raises(ValueError, match="no images"):
        measured(network, [])
