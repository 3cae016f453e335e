"""The deeper net by construction: exactly the same answers, and identity layers also while training."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.block_passes import block_plans, named_blocks
from resnet_studio.analysis.construct import compare, construct, deeper_spec, exact_scale, measure
from resnet_studio.analysis.registry import MEASURES
from resnet_studio.analysis.subjects import Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.analyses.construct import Construction, ConstructSettings
from resnet_studio.domain.analyses.result import Net
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import never_stop
from resnet_studio.domain.specs import NetworkSpec

from .made_networks import make_network

PLAIN = (
    ({"depth": 8, "block": "plain"}, 14),
    ({"depth": 14, "block": "plain", "width": 8}, 32),
    ({"depth": 8, "block": "plain", "branch": "single"}, 20),
    ({"depth": 18, "family": "imagenet", "block": "plain", "image_size": 32}, 34),
    ({"depth": 16, "family": "vgg", "image_size": 32}, 19),
)


@pytest.fixture
def made():
    return make_network


def pictures(plan, count: int = 12, seed: int = 5) -> Tensor:
    size = plan.spec.image_size
    return torch.randn((count, 3, size, size), generator=torch.Generator().manual_seed(seed))


def deeper(made, fields, depth):
    network, plan = made(**fields)
    longer = blueprint(deeper_spec(plan.spec, depth))
    return network, plan, construct(network, plan, longer, pictures(plan)), longer


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("fields", "depth"), PLAIN, ids=str)
def test_the_difference_is_exactly_zero(made, fields, depth, form):
    network, plan = made(**fields)
    network.to(memory_format=form)
    longer = blueprint(deeper_spec(plan.spec, depth))
    built = construct(network, plan, longer, pictures(plan))
    other = pictures(plan, seed=6)
    found = compare(network, plan, built, longer, other)
    assert (found.difference, found.changed) == (0.0, 0)
    known = {block.name for block in block_plans(plan)}
    assert [added.name for added in found.added] == [b.name for b in block_plans(longer) if b.name not in known]
    assert all(added.distance == 0.0 for added in found.added)
    with torch.inference_mode():  # the networks themselves, not the pieces
        assert torch.equal(network(other), built(other))
        assert network(other).std() > 0


def test_zero_too_in_bfloat16(made):
    network, plan, built, _longer = deeper(made, {"depth": 14, "block": "plain", "width": 8}, 26)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(network(pictures(plan, seed=6)), built(pictures(plan, seed=6)))


def test_added_layers_have_the_statistics_of_what_flows_there(made):
    network, plan, built, longer = deeper(made, {"depth": 8, "block": "plain", "width": 8}, 20)
    flowing, known = {}, {block.name for block in block_plans(plan)}
    with torch.inference_mode():
        y = network.stem(pictures(plan))
        for block in named_blocks(network, plan):
            y = flowing[block.name.partition(".")[0]] = block.module(y)
    for block in named_blocks(built, longer):
        if block.name in known:
            continue
        x = flowing[block.name.partition(".")[0]].double()
        for norm in (block.module.bn1, block.module.bn2):
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            torch.testing.assert_close(norm.running_mean.double(), mean, rtol=1e-5, atol=1e-7)
            torch.testing.assert_close(norm.running_var.double(), variance, rtol=2e-5, atol=1e-7)
            torch.testing.assert_close(norm.weight.double(), (variance + norm.eps).sqrt(), rtol=2e-5, atol=1e-7)
            assert torch.equal(norm.bias, norm.running_mean)
        with torch.inference_mode():  # and so it is near the identity by the batch's own statistics too
            inside = flowing[block.name.partition(".")[0]]
            module = block.module.train()
            distance = (module(inside) - inside).norm() / inside.norm()
            module.eval()
        assert distance < 1e-5


def test_other_layers_are_copies_and_nothing_of_the_first_net_changes(made):
    network, plan = made(depth=8, block="plain")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    longer = blueprint(deeper_spec(plan.spec, 14))
    built = construct(network, plan, longer, pictures(plan))
    state = built.state_dict()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert torch.equal(tensor, state[name])
    with torch.no_grad():
        built.get_parameter("head.fc.weight").zero_()
    assert network.head.fc.weight.abs().sum() > 0


def test_the_first_change_of_a_weight_is_seen(made):
    network, plan, built, longer = deeper(made, {"depth": 8, "block": "plain"}, 14)
    with torch.no_grad():
        built.get_submodule("stage2.block2.conv1").weight[0, 1, 0, 0] += 0.5
    found = compare(network, plan, built, longer, pictures(plan, seed=6))
    assert found.difference > 0
    distances = {added.name: added.distance for added in found.added}
    assert [name for name, distance in distances.items() if distance] == ["stage2.block2"]


@pytest.mark.parametrize("eps", [1e-5, 1e-3])
def test_exact_scale_rounds_to_one_for_every_variance(eps):
    draws = torch.Generator().manual_seed(1)
    variance = torch.cat((
        10.0 ** (12 * torch.rand(20_000, generator=draws) - 9), 1.0 + torch.rand(20_000, generator=draws),
        torch.tensor([0.0, 1e-38, 1.0 - 1e-5, 1.0, 1e6]),
    ))  # fmt: skip
    near, gamma = exact_scale(variance, eps)
    x = torch.rand((2, len(variance), 1, 1), generator=draws)
    mean = torch.rand(len(variance), generator=draws)
    y = F.batch_norm(x, mean, near, gamma, mean.clone(), training=False, eps=eps)
    assert torch.equal(y, x)
    torch.testing.assert_close(near.double() + eps, variance.double() + eps, rtol=1e-6, atol=0)
    torch.testing.assert_close(gamma, (variance + eps).sqrt(), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("fields", "depth", "sentence"),
    [
        ({"depth": 8}, 14, "residual"),
        ({"depth": 8, "block": "plain", "activation": "pre"}, 14, "begin with ReLU"),
        ({"depth": 11, "block": "plain", "branch": "bottleneck"}, 20, "fewer filters"),
        ({"depth": 14, "block": "plain"}, 15, "cannot be made 15 layers"),
        ({"depth": 14, "block": "plain"}, 8, "greater depth"),
        ({"depth": 14, "block": "plain"}, 14, "greater depth"),
    ],
)
def test_what_cannot_be_constructed_is_refused_in_a_sentence(fields, depth, sentence):
    with pytest.raises(UserError, match=sentence):
        deeper_spec(NetworkSpec.model_validate(fields), depth)


def test_own_stages_grow_to_those_of_the_depth():
    spec = NetworkSpec(block="plain", stages=(2, 1, 3), width=8)
    assert deeper_spec(spec, 20).stage_blocks == (3, 3, 3)
    assert deeper_spec(spec, 20).width == 8
    assert deeper_spec(NetworkSpec(block="plain", depth=20), 0).depth == 26


@pytest.fixture
def looked_at(made) -> tuple[Subject, DrawnImages]:
    network, plan = made(depth=8, block="plain")
    preprocessing = Preprocessing(8, torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25))
    subject = Subject(Net("ours", 8, False, "a" * 32), network, plan, preprocessing, ("a", "b", "c"))
    pixels = torch.randint(0, 256, (7, 3, 8, 8), generator=torch.Generator().manual_seed(8), dtype=torch.uint8)
    return subject, DrawnImages.of({8: pixels}, [0] * 7, [str(n) for n in range(7)], ("a", "b", "c"))


def test_batches_so_far_are_handed_on(looked_at, monkeypatch):
    monkeypatch.setattr("resnet_studio.analysis.construct.BATCH", 3)
    monkeypatch.setattr("resnet_studio.analysis.construct.FIRST", 2)  # soon there
    early: list[tuple[str, int, float, int]] = []
    (found,) = MEASURES["construct"](
        [looked_at[0]], looked_at[1], ConstructSettings(depth=14), no_progress, never_stop,
        lambda results: early.extend((one.net.label, one.images, one.difference, len(one.added)) for one in results),
    )  # fmt: skip
    assert early == [("ours", 2, 0.0, 3), ("ours", 5, 0.0, 3)]
    assert found.images == 7


def test_what_is_measured_of_a_subject(looked_at):
    subject, images = looked_at
    done: list[tuple[int, int]] = []
    found = measure(subject, images, ConstructSettings(depth=20), lambda *work: done.append(work))
    assert (found.difference, found.changed, found.images, found.deeper) == (0.0, 0, 7, "plain-20")
    assert [each.distance for each in found.added] == [0.0] * 6
    assert done == [(7, 14), (14, 14)]
    plain = found.to_json()
    assert (plain["run"], plain["difference"], plain["new_run"]) == ("a" * 32, 0.0, None)
    assert Construction.from_json(plain).added == found.added
    assert Construction.figure([found]).panels
    assert len(Construction.table([found]).rows) == 6
    assert Construction.summary([found]).rows[0][2] == "plain-20"


def test_a_stop_is_heard_and_progress_ends(made):
    network, plan = made(depth=8, block="plain")
    longer = blueprint(deeper_spec(plan.spec, 14))
    done: list[tuple[int, int]] = []
    built = construct(network, plan, longer, pictures(plan), progress=lambda *work: done.append(work))
    compare(network, plan, built, longer, pictures(plan), progress=lambda *work: done.append(work))
    assert done == [(12, 12), (12, 12)]
    with pytest.raises(Stopped):
        construct(network, plan, longer, pictures(plan), should_stop=lambda: True)
    with pytest.raises(Stopped):
        compare(network, plan, built, longer, pictures(plan), should_stop=lambda: True)


def test_it_can_be_trained_on(made):
    _network, plan, built, _longer = deeper(made, {"depth": 8, "block": "plain"}, 14)
    built.train().requires_grad_(True)
    F.cross_entropy(built(pictures(plan)), torch.arange(12) % 3).backward()
    kernels = [m.weight for m in built.modules() if isinstance(m, nn.Conv2d)]
    assert all(kernel.grad is not None and kernel.grad.abs().sum() > 0 for kernel in kernels)
