"""Kernels for convolutions of few channels: the same as torch's, forward and backward, alone and compiled."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.layers import NarrowConv2d, narrow_channels
from resnet_studio.networks.residual import build

from .interpreter import interpret

SHAPES = [(16, 16, 32), (32, 32, 16), (16, 32, 9), (32, 16, 7)]  # inputs, outputs, side


def distance(found, wanted):
    return float((found.float() - wanted.float()).norm() / wanted.float().norm())


def test_where_there_is_no_such_device_networks_have_torchs_convolutions(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    narrow_channels.cache_clear()
    try:
        network = build(blueprint(NetworkSpec(depth=8, block="basic")), 0)
    finally:
        narrow_channels.cache_clear()
    assert not any(isinstance(module, NarrowConv2d) for module in network.modules())


INTERPRETED = """
import torch
from torch.nn import functional as F
from resnet_studio.networks.narrow_convolution import CHANNELS, _gradient_of_weights, _run

def close(found, wanted):
    return float((found - wanted).norm() / wanted.norm()) < 1e-5

last = {"memory_format": torch.channels_last}
for inputs in CHANNELS:
    for outputs in CHANNELS:
        x, g = (torch.randn(2, channels, 7, 9).to(**last) for channels in (inputs, outputs))
        w = torch.randn(outputs, inputs, 3, 3).to(**last)
        leaves = x.clone().requires_grad_(), w.clone().requires_grad_()
        y = F.conv2d(*leaves, padding=1)
        of_x, of_w = torch.autograd.grad(y, leaves, g)
        assert close(_run(x, w), y.detach()), (inputs, outputs, "result")
        assert close(_run(g, w, flipped=True), of_x), (inputs, outputs, "gradient of the input")
        assert close(_gradient_of_weights(x, g), of_w), (inputs, outputs, "gradient of the weights")
"""


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="there is no Triton for this system")
def test_the_kernels_are_convolutions_where_triton_interprets_them():
    """On the processor, in float32: their arithmetic, not their speed."""
    interpret(INTERPRETED)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
class TestOnCuda:
    @pytest.fixture(autouse=True)
    def registered(self):
        assert narrow_channels()

    @pytest.mark.parametrize(("inputs", "outputs", "side"), SHAPES)
    @pytest.mark.parametrize("compiled", [False, True])
    def test_result_and_gradients_are_torchs_to_rounding(self, inputs, outputs, side, compiled):
        generator = torch.Generator("cuda").manual_seed(1)
        layer = NarrowConv2d(inputs, outputs, 3, padding=1, bias=False).cuda().to(memory_format=torch.channels_last)
        x = torch.randn(37, inputs, side, side, device="cuda", generator=generator).bfloat16()
        x = x.to(memory_format=torch.channels_last).requires_grad_()
        g = torch.randn(37, outputs, side, side, device="cuda", generator=generator).bfloat16()
        y = (torch.compile(layer) if compiled else layer)(x)
        found = torch.autograd.grad(y, (x, layer.weight), g)
        exact_x, exact_w = x.detach().double().requires_grad_(), layer.weight.detach().bfloat16().double()
        exact_w.requires_grad_()
        exact = F.conv2d(exact_x, exact_w, padding=1)
        wanted = torch.autograd.grad(exact, (exact_x, exact_w), g.double())
        assert y.is_contiguous(memory_format=torch.channels_last)
        assert found[1].dtype is torch.float32
        for mine, other in zip((y, *found), (exact, *wanted), strict=True):
            assert distance(mine, other) < 0.003  # half a unit in the last of bfloat16's eight bits

    def test_the_same_bits_twice(self):
        x = torch.randn(128, 16, 32, 32, device="cuda").bfloat16().to(memory_format=torch.channels_last)
        w = torch.randn(16, 16, 3, 3, device="cuda").bfloat16().to(memory_format=torch.channels_last)
        once, again = (torch.ops.resnet_studio.convolve3x3_backward(x, x, w) for _ in range(2))
        assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))

    def test_networks_use_them(self):
        network = build(blueprint(NetworkSpec(depth=20, block="basic")), 0)
        assert sum(isinstance(module, NarrowConv2d) for module in network.modules()) == 6 + 5
