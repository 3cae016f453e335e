"""Kernels for whole networks: the same logits, gradients and statistics as the network's own layers."""

from __future__ import annotations

import copy
import dataclasses
import importlib.util

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.blueprint import Join
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Precision
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.residual import build
from resnet_studio.training.precision import arithmetic

from .interpreter import interpret

if importlib.util.find_spec("triton") is None:
    pytest.skip("there is no Triton for this system", allow_module_level=True)

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from resnet_studio.networks.fused import kernels, tiles
from resnet_studio.networks.fused.network import FusedNetwork
from resnet_studio.networks.fused.plan import fits

HOPPER = GPUTarget("cuda", 90, 32)
SHARED_MEMORY = 227 * 1024  # bytes that a program may have there
WHOLE_NUMBERS = {"pixels", "height", "width", "height_x", "width_x", "height_y", "width_y", "blocks_each"}
OF_KERNELS = {"momentum": "fp32", "epsilon": "fp32", "counter": "*i32", "table": "*i32"}
ACTIVATIONS = {"x", "y", "w", "a", "d", "d_y", "d_x", "shortcut"}


def test_plain_blocks_and_shortcuts_are_not_mixed():
    """A block that adds what no block before it has stored would be read as a plain one."""
    plan = blueprint(NetworkSpec(depth=20, block="basic"))
    stage = plan.stages[0]
    plain = dataclasses.replace(stage.blocks[0], join=Join.NONE)
    mixed = dataclasses.replace(stage, blocks=(plain, *stage.blocks[1:]))
    assert fits(plan)
    assert not fits(dataclasses.replace(plan, stages=(mixed, *plan.stages[1:])))


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"depth": 20, "block": "basic"}, True),
        ({"depth": 20, "block": "plain"}, True),
        ({"depth": 20, "block": "basic", "zero_padding": "both"}, True),
        ({"depth": 20, "block": "basic", "shortcut": "B"}, False),
        ({"depth": 20, "block": "basic", "activation": "pre"}, False),
        ({"depth": 29, "block": "bottleneck"}, False),
        ({"depth": 20, "block": "basic", "width": 24}, False),
        ({"depth": 20, "block": "basic", "image_size": 30}, False),  # 15 pixels become 8, not 7.5
        ({"depth": 20, "block": "basic", "image_size": 64}, True),
        ({"depth": 20, "block": "basic", "image_size": 128}, False),  # the pool takes an image at once
        ({"family": "imagenet", "depth": 18}, False),
    ],
)
def test_which_networks_the_kernels_are_made_for(spec, wanted):
    assert fits(blueprint(NetworkSpec(**spec))) is wanted


INTERPRETED = """
import copy, sys
import torch
from torch.nn import functional as F
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.fused import network as fused_network
from resnet_studio.networks.fused import tiles
from resnet_studio.networks.residual import build

tiles.COLUMNS = 4096  # fewer programs, which are interpreted one after another

def close(found, wanted):
    return float((found - wanted).norm() / wanted.norm()) < 1e-5

for spec in ({"block": "basic", "zero_padding": "both"}, {"block": "plain"}):
    plan = blueprint(NetworkSpec(depth=8, image_size=8, **spec))
    network = build(plan, 1).train().to(memory_format=torch.channels_last)
    for name, parameter in network.named_parameters():
        if ".bn" in name:  # any gamma and beta, not only one and zero
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    images, labels = torch.randn(3, 3, 8, 8), torch.tensor([1, 7, 3])
    fused = copy.deepcopy(network)
    logits = network(images), fused_network.FusedNetwork(fused, plan, torch.float32)(images)
    for each in logits:
        F.cross_entropy(each, labels).backward()
    assert close(logits[1].detach(), logits[0].detach()), (spec, "logits")
    for (name, wanted), found in zip(network.named_parameters(), fused.parameters(), strict=True):
        assert close(found.grad, wanted.grad), (spec, name)
    for (name, wanted), found in zip(network.named_buffers(), fused.buffers(), strict=True):
        assert close(found.float(), wanted.float()), (spec, name)
    tiles.SPAN = {channels: 4 - span for channels, span in tiles.SPAN.items()}  # neighbours are read the other way

with torch.no_grad():
    next(iter(fused.parameters()))[0, 0, 0, 0] = torch.nan
logits = fused_network.FusedNetwork(fused, plan, torch.float32)(images)
assert torch.isnan(F.cross_entropy(logits, labels)), "a training that diverged goes on"
"""


@pytest.mark.slow
def test_the_kernels_are_the_network_where_triton_interprets_them():
    """On the processor, in float32: their arithmetic, not their speed."""
    interpret(INTERPRETED)


def resources(kernel, tile, images="", **constants):
    """Bytes of shared memory of a kernel compiled for a Hopper GPU, which need not be there, as it is launched there:
    pointers and sizes that 16 divides are read in vectors."""

    def kind(name):
        if name in constants:
            return "constexpr"
        if name in WHOLE_NUMBERS:
            return "i32"
        return OF_KERNELS.get(name, "*bf16" if name in ACTIVATIONS - {images} else "*fp32")

    kinds = {name: kind(name) for name in kernel.arg_names}
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, (name, kind) in enumerate(kinds.items())
        if kind.startswith("*") or (kind == "i32" and name != "blocks_each")
    }
    source = ASTSource(kernel, kinds, constexprs=constants, attrs=aligned)
    options = {"num_warps": tile.warps, "num_stages": tile.stages}
    return triton.compile(source, target=HOPPER, options=options).metadata.shared


@pytest.mark.slow
@pytest.mark.parametrize(("inputs", "outputs"), [(16, 16), (16, 32), (32, 32), (32, 64), (64, 64)])
def test_the_kernels_compile_and_find_room(inputs, outputs, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    stride = outputs // inputs
    of_all = {"INPUTS": inputs, "OUTPUTS": outputs, "SIDE": 3, "STRIDE": stride}
    forward, gradient = tiles.FORWARD[outputs], tiles.INPUT_GRADIENT[outputs]
    weights = tiles.WEIGHT_GRADIENT[outputs]
    together = tiles.SPAN[outputs]
    span = {"SPAN": together, "WIDE": triton.next_power_of_2(together * inputs), "NORMALISED": True}
    shortcut = {"SHORTCUT": True, "SHORTCUT_CHANNELS": outputs, "FIRST": 0, "JOINED": True}
    wide = {"WIDE": triton.next_power_of_2(3 * inputs), "SOME_OUTPUTS": tiles.SOME_OUTPUTS[outputs], "NORMALISED": True}
    rows = tiles.SUM_ROWS
    needed = [
        resources(kernels.convolve, forward, BLOCK=forward.block, ROWS=rows, **span, **of_all),
        resources(kernels.input_gradient, gradient, BLOCK=gradient.block, ROWS=rows, **shortcut, **of_all),
        resources(kernels.weight_gradient, weights, BLOCK=weights.block, **wide, **of_all),
    ]
    assert max(needed) < SHARED_MEMORY / 2  # so that two programs are there at once, and none waits alone


@pytest.mark.slow
def test_the_other_kernels_compile(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    rows, stem, of_stem, of_pool = tiles.SUM_ROWS, tiles.STEM, tiles.STEM_GRADIENT, tiles.POOL_GRADIENT
    shortcut = {"SHORTCUT": True, "INPUTS": 16, "FIRST": 8, "STRIDE": 2}
    usual = tiles.Tile(64, 4, 1)
    needed = [
        resources(kernels.convolve_images, stem, "x", OUTPUTS=16, BLOCK=stem.block, ROWS=rows),
        resources(kernels.image_weight_gradient, of_stem, "x", OUTPUTS=16, BLOCK=of_stem.block),
        resources(kernels.join, usual, CHANNELS=32, BLOCK=64, **shortcut),
        resources(kernels.pool, usual, CHANNELS=64, PIXELS=64, BLOCK=64),
        resources(kernels.pool_gradient, of_pool, CHANNELS=64, PIXELS=64, BLOCK=of_pool.block, ROWS=rows),
        resources(kernels.sum_parts, usual, COLUMNS=tiles.COLUMNS, ROWS=tiles.PART_ROWS),
    ]
    assert max(needed) < SHARED_MEMORY / 2


def distance(found, wanted):
    return float((found.float() - wanted.float()).norm() / wanted.float().norm())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
class TestOnCuda:
    @pytest.fixture
    def images(self):
        return torch.randn(128, 3, 32, 32, device="cuda", generator=torch.Generator("cuda").manual_seed(1))

    @staticmethod
    def network(**spec):
        plan = blueprint(NetworkSpec(**({"depth": 20, "block": "basic"} | spec)))
        network = build(plan, 1).train()
        for name, parameter in network.named_parameters():
            if ".bn" in name:  # any gamma and beta, not only one and zero
                torch.nn.init.uniform_(parameter, 0.5, 1.5, generator=torch.Generator().manual_seed(1))
        return plan, network.to("cuda", memory_format=torch.channels_last)

    @staticmethod
    def passes(network, call, images, precision):
        """Logits, gradients and statistics after both passes, each as one vector; and every gradient."""
        labels = torch.arange(len(images), device="cuda") % 10
        with arithmetic(images.device, precision):
            logits = call(images)
        F.cross_entropy(logits.float(), labels).backward()
        each = [parameter.grad for parameter in network.parameters()]
        gradients = torch.cat([gradient.flatten() for gradient in each])
        statistics = [buffer.flatten() for name, buffer in network.named_buffers() if "running" in name]
        return (logits.detach(), gradients, torch.cat(statistics)), each

    @pytest.mark.parametrize("spec", [{}, {"depth": 56}, {"block": "plain"}, {"zero_padding": "both"}])
    @pytest.mark.parametrize("count", [128, 37])
    def test_as_close_to_exact_as_the_layers_are(self, images, spec, count):
        plan, network = self.network(**spec)
        copies = [copy.deepcopy(network) for _ in range(2)]
        x = images[:count]
        exact = self.passes(network, network, x, Precision.FLOAT32)
        usual = self.passes(copies[0], copies[0], x, Precision.BFLOAT16)
        fused = self.passes(copies[1], FusedNetwork(copies[1], plan), x, Precision.BFLOAT16)
        for found, as_usual, wanted in zip(fused[0], usual[0], exact[0], strict=True):
            assert distance(found, wanted) < 1.2 * distance(as_usual, wanted) + 0.001
        for found, as_usual, wanted in zip(fused[1], usual[1], exact[1], strict=True):
            assert distance(found, wanted) < 2 * distance(as_usual, wanted) + 0.02

    def test_the_same_bits_twice_and_in_a_graph(self, images):
        plan, network = self.network()
        fused = FusedNetwork(network, plan)
        g = torch.randn(128, 64, device="cuda")
        before = [buffer.clone() for buffer in network.buffers()]
        found = []

        def both():
            for buffer, kept in zip(network.buffers(), before, strict=True):
                buffer.copy_(kept)
            pooled, results = fused.forward(images)
            found[:] = [pooled, *fused.backward(g, images, results)]

        both()
        once = [each.clone() for each in found]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            both()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            both()
        for _ in range(20):
            graph.replay()
            assert all(torch.equal(each, kept) for each, kept in zip(found, once, strict=True))
