"""Paths: counted by listing them, and their gradients against autograd's."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis import paths
from resnet_studio.analysis.block_passes import block_plans
from resnet_studio.analysis.paths import _half_width, count_by_blocks, count_by_layers, gradients_by_length, measure
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.analyses.paths import Paths, PathsSettings
from resnet_studio.domain.analyses.result import Net
from resnet_studio.domain.blueprint import Join
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.module_state import batch_statistics

from .made_networks import make_network, noise

NETWORKS = (
    {"depth": 14},
    {"depth": 14, "shortcut": "B"},
    {"depth": 14, "shortcut": "C"},
    {"depth": 11, "block": "bottleneck"},
    {"depth": 14, "activation": "pre", "shortcut": "B"},
    {"depth": 14, "block": "plain"},
    {"depth": 16, "family": "vgg", "image_size": 32},
)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture
def made():
    return make_network


@pytest.fixture
def images() -> Tensor:
    return noise()


def every_path(plan):
    """(branches, weighted layers) of each path, one by one."""
    for choice in product((True, False), repeat=len(block_plans(plan))):
        layers = sum(layer.kind.weighted for layer in (*plan.stem, *plan.head))
        for through, block in zip(choice, block_plans(plan), strict=True):
            if block.join is Join.NONE and not through:
                break
            layers += sum(layer.kind.weighted for layer in (block.branch if through else block.projection))
        else:
            yield sum(choice), layers


@pytest.mark.parametrize("fields", NETWORKS, ids=str)
def test_counts_are_those_of_all_paths_one_by_one(fields):
    plan = blueprint(NetworkSpec.model_validate(fields))
    listed = list(every_path(plan))
    blocks, layers = ([path[side] for path in listed] for side in (0, 1))
    assert count_by_blocks(plan) == {length: blocks.count(length) for length in sorted(set(blocks))}
    assert count_by_layers(plan) == {length: layers.count(length) for length in sorted(set(layers))}


def test_counts_of_deep_nets_are_exact():
    counts = count_by_blocks(blueprint(NetworkSpec(depth=110)))
    assert counts == {k: math.comb(54, k) for k in range(55)}
    assert count_by_layers(blueprint(NetworkSpec(depth=110)))[2 + 2 * 27] == math.comb(54, 27)
    assert count_by_blocks(blueprint(NetworkSpec(depth=56, block="plain"))) == {27: 1}
    assert count_by_layers(blueprint(NetworkSpec(depth=56, block="plain"))) == {56: 1}


def own_gradient(network, images: Tensor) -> Tensor:
    """Autograd's, batch norm in training mode."""
    network.train()
    x = images.clone().requires_grad_()
    saved = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    (gradient,) = torch.autograd.grad(F.cross_entropy(network(x), LABELS), x)
    network.load_state_dict(saved)
    network.eval()
    return gradient


def doubled(made, fields):
    network, plan = made(**fields)
    size = plan.spec.image_size
    images = torch.randn((6, 3, size, size), dtype=torch.double, generator=torch.Generator().manual_seed(3))
    return network.double(), plan, images


@pytest.fixture(autouse=True)
def exact_logits(monkeypatch):
    """These networks are float64; ``float()`` would round their logits."""
    monkeypatch.setattr(Tensor, "float", lambda x: x)


@pytest.mark.parametrize("fields", [each for each in NETWORKS if each.get("family") != "vgg"], ids=str)
def test_parts_add_up_to_autograds_gradient(made, fields):
    network, plan, images = doubled(made, fields)
    found = gradients_by_length(network, plan, images, LABELS, samples=2)
    whole = own_gradient(network, images)
    assert found.norm == pytest.approx(whole.norm().item(), rel=1e-9)
    assert math.fsum(each.exact_share for each in found.lengths) == pytest.approx(1.0)
    assert math.fsum(each.share for each in found.lengths) == pytest.approx(1.0)
    assert {each.blocks: each.paths for each in found.lengths} == count_by_blocks(plan)


@pytest.mark.parametrize("fields", [{"depth": 14}, {"depth": 14, "shortcut": "C"}], ids=str)
def test_each_path_is_the_network_with_all_other_ways_cut(made, fields):
    """Recount by autograd alone: in each block the other way is detached, so the derivative goes one way."""
    network, plan, images = doubled(made, fields)
    blocks = list(network.blocks)
    norms: dict[int, list[float]] = {}
    sums: dict[int, Tensor] = {}
    with batch_statistics(network):
        passes = paths._Passes(network, plan, images, LABELS, lambda: False)
        for choice in product((True, False), repeat=len(blocks)):
            x = images.clone().requires_grad_()
            y = network.stem(x)
            for through, block, its_plan in zip(choice, blocks, block_plans(plan), strict=True):
                branch = y
                for step in block.branch:
                    branch = step(branch)
                if its_plan.join is Join.PROJECTION:
                    beside = block.projection(y)
                else:
                    new = branch.shape[1] - y.shape[1]
                    beside = F.pad(y[:, :, :: its_plan.stride, :: its_plan.stride], (0, 0, 0, 0, 0, new))
                y = torch.relu(branch + beside.detach() if through else branch.detach() + beside)
            (gradient,) = torch.autograd.grad(F.cross_entropy(network.head(y), LABELS), x)
            path = frozenset(place for place, through in enumerate(choice) if through)
            torch.testing.assert_close(passes.along(path), gradient, rtol=1e-9, atol=1e-12)
            norms.setdefault(len(path), []).append(gradient.norm().item())
            sums[len(path)] = sums.get(len(path), 0) + gradient
    found = gradients_by_length(network, plan, images, LABELS, samples=100)
    totals = {length: sum(each) for length, each in norms.items()}
    for each in found.lengths:  # every path is drawn, none twice
        assert each.norm == pytest.approx(totals[each.blocks] / each.paths, rel=1e-9)
        assert each.share == pytest.approx(totals[each.blocks] / sum(totals.values()), rel=1e-9)
        assert each.sum_norm == pytest.approx(sums[each.blocks].norm().item(), rel=1e-9)


def test_a_plain_net_is_one_path_with_all_of_the_gradient(made):
    network, plan, images = doubled(made, {"depth": 20, "block": "plain"})
    found = gradients_by_length(network, plan, images, LABELS, 10)
    (only,) = found.lengths
    assert (only.blocks, only.paths) == (9, 1)
    assert (only.share, only.exact_share) == (1.0, pytest.approx(1.0))
    assert only.norm == pytest.approx(only.sum_norm) == pytest.approx(found.norm)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_stays_as_it_was(made, images, training):
    network, plan = made(depth=8)
    network.train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    gradients_by_length(network, plan, images, LABELS, samples=1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(module.training is training for module in network.modules())
    assert all(m.track_running_stats for m in network.modules() if isinstance(m, nn.BatchNorm2d))


def test_draws_depend_on_the_seed_alone(made, images):
    network, plan = made(depth=20)
    first = gradients_by_length(network, plan, images, LABELS, samples=2, seed=1)
    assert gradients_by_length(network, plan, images, LABELS, samples=2, seed=1) == first
    other = gradients_by_length(network, plan, images, LABELS, samples=2, seed=2)
    assert [each.norm for each in other.lengths] != [each.norm for each in first.lengths]
    assert [each.sum_norm for each in other.lengths] == [each.sum_norm for each in first.lengths]


def test_progress_rises_to_the_end_and_a_stop_is_heard(made, images):
    network, plan = made(depth=14)
    done: list[tuple[int, int]] = []
    gradients_by_length(network, plan, images, LABELS, samples=3, progress=lambda *work: done.append(work))
    assert done == sorted(done)
    assert done[-1][0] == done[-1][1] == done[0][1]
    with pytest.raises(Stopped):
        gradients_by_length(network, plan, images, LABELS, 10, should_stop=lambda: len(done) > 0)


def test_what_is_measured_of_a_subject(made):
    network, plan = made(depth=14)
    preprocessing = Preprocessing(8, torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25))
    subject = Subject(Net("ours", 14, True), network, plan, preprocessing)
    pixels = torch.randint(0, 256, (6, 3, 8, 8), generator=torch.Generator().manual_seed(8), dtype=torch.uint8)
    images = DrawnImages.of({8: pixels}, LABELS.tolist(), list("abcdef"), ("a", "b", "c"))
    found = measure(subject, images, PathsSettings(paths=3, seed=4))
    expected = gradients_by_length(network, plan, subject.inputs(images), LABELS, 3, 4)
    assert (found.lengths, found.gradient_norm) == (expected.lengths, expected.norm)
    assert dict(found.layers) == count_by_layers(plan)
    assert (found.images, found.drawn) == (6, 3)
    assert Paths.from_json(found.to_json()).lengths == found.lengths
    assert len(Paths.figure([found]).panels) == 4
    assert len(Paths.table([found]).rows) == 7
    assert Paths.summary([found]).rows[0][2] == 2**6
    shortest, longest = found.span(0.95)
    inside = sum(each.share for each in found.lengths if shortest <= each.blocks <= longest)
    assert inside >= 0.95
    assert found.span(1.0) == (0, 6)


def test_the_interval_is_that_of_a_mean_of_a_finite_population() -> None:
    assert _half_width([1.0, 2.0, 3.0], 3) == 0.0  # all there are
    few, many = _half_width([1.0, 2.0, 3.0], 4), _half_width([1.0, 2.0, 3.0], 10**9)
    assert many == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)  # Student's t of two degrees of freedom
    assert few == pytest.approx(many / 2, rel=1e-4)
    assert math.isnan(_half_width([1.0], 9))
