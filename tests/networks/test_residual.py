import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.blueprint import LayerKind
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import ZeroPadding
from resnet_studio.domain.paper import CIFAR_10
from resnet_studio.domain.specs import NetworkSpec, counterpart
from resnet_studio.networks.residual import (
    PlannedNetwork,
    build,
    join_identity,
    join_plain,
    join_projection,
    join_zero_padding,
    shortcut_zero_pad,
)

SPECS = [
    NetworkSpec(depth=8, block="plain"),
    NetworkSpec(depth=8, shortcut="A"),
    NetworkSpec(depth=14, shortcut="B", classes=3),
    NetworkSpec(depth=14, shortcut="C", width=4, image_size=20),
    NetworkSpec(depth=20, block="bottleneck", width=4),
    NetworkSpec(depth=20, block="bottleneck", width=4, shortcut="C", stride_place="3x3", activation="pre"),
    NetworkSpec(depth=14, activation="pre", shortcut="B"),
    NetworkSpec(depth=8, activation="pre", zero_padding="both"),
    NetworkSpec(depth=8, block="single"),
    NetworkSpec(stages=(1, 2, 1), widths=(3, 8, 9), image_size=21, zero_padding="both"),
    NetworkSpec(family="imagenet", depth=18, width=8, image_size=70),
    NetworkSpec(family="imagenet", depth=50, width=4, image_size=64, block="plain"),
    NetworkSpec(family="vgg", depth=16, width=2, image_size=40),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.label} {spec.width} {spec.image_size}")
def test_every_layer_of_the_module_is_the_blueprints(spec):
    plan = blueprint(spec)
    network = build(plan, 0)
    modules = dict(network.named_modules())
    seen: dict[str, tuple[int, ...]] = {}
    for layer in plan.layers:
        if layer.name in modules:
            modules[layer.name].register_forward_hook(
                lambda _m, _i, out, name=layer.name: seen.__setitem__(name, tuple(out.shape[1:]))
            )
    network(torch.zeros(2, *plan.input))
    for layer in plan.layers:
        if layer.kind in (LayerKind.CONV, LayerKind.BATCH_NORM, LayerKind.LINEAR):
            assert sum(p.numel() for p in modules[layer.name].parameters(recurse=False)) == layer.parameters
            assert seen[layer.name] == (layer.output if layer.kind is not LayerKind.LINEAR else layer.output[:1])
    assert sum(p.numel() for p in network.parameters()) == plan.parameters


@pytest.mark.parametrize("row", CIFAR_10[:5], ids=lambda row: str(row.depth))
def test_parameters_are_the_papers(row):
    for shortcut, wanted in zip("ABC", (row.parameters_a, row.parameters_b, row.parameters_c), strict=True):
        network = build(blueprint(NetworkSpec(depth=row.depth, shortcut=shortcut)), 0)
        assert sum(p.numel() for p in network.parameters()) == wanted


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.family} {spec.label} {spec.image_size}")
def test_torchs_own_counters_agree(spec):
    _count(spec)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
@pytest.mark.parametrize("shortcut", ["none", "A", "B", "C"])
def test_torchs_own_counters_agree_on_imagenet(depth, shortcut):
    _count(
        NetworkSpec(
            family="imagenet", depth=depth, shortcut=shortcut, **({"block": "plain"} if shortcut == "none" else {})
        )
    )


@pytest.mark.parametrize("depth", [16, 19])
def test_torchs_own_counters_agree_on_vgg(depth):
    _count(NetworkSpec(family="vgg", depth=depth))


def _count(spec):
    """On torch's meta device: shapes without numbers."""
    from torch.utils.flop_counter import FlopCounterMode

    plan = blueprint(spec)
    with torch.device("meta"):
        network = PlannedNetwork(plan)
        with FlopCounterMode(display=False) as counter:
            logits = network(torch.zeros(1, *plan.input))
    assert logits.shape == (1, spec.classes)
    assert counter.get_total_flops() == 2 * plan.multiply_adds
    assert sum(p.numel() for p in network.parameters()) == plan.parameters


def test_option_a_pads_with_zeros_where_it_is_told():
    x = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4)
    end, both = (shortcut_zero_pad(x, 8, 2, padding) for padding in (ZeroPadding.END, ZeroPadding.BOTH))
    assert torch.equal(end[:, :3], x[:, :, ::2, ::2])
    assert not end[:, 3:].any()
    assert torch.equal(both[:, 2:5], x[:, :, ::2, ::2])
    assert not both[:, :2].any()
    assert not both[:, 5:].any()


def test_twins_start_with_the_same_weights():
    residual = NetworkSpec(depth=20)
    ours = build(blueprint(residual), 7).state_dict()
    plain = build(blueprint(counterpart(residual)), 7).state_dict()
    assert ours.keys() == plain.keys()
    assert all(torch.equal(ours[name], plain[name]) for name in ours)
    projected = build(blueprint(NetworkSpec(depth=20, shortcut="B")), 7).state_dict()
    assert all(torch.equal(projected[name], plain[name]) for name in plain)
    assert projected.keys() > plain.keys()


def test_another_seed_gives_other_weights_with_hes_variance():
    plan = blueprint(NetworkSpec(depth=20))
    one, two = build(plan, 1), build(plan, 2)
    assert not torch.equal(one.stem.conv.weight, two.stem.conv.weight)
    weight = one.get_parameter("stage3.block2.conv1.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.03)
    assert abs(weight.mean().item()) < 1e-3


def test_initial_weights_are_the_same_everywhere():
    """Golden values: they may never change, or old runs could not be repeated."""
    from resnet_studio.networks.initialisation import standard_normal

    values = standard_normal(0, "stem.conv.weight", (3,))
    assert values.tolist() == pytest.approx([-0.9394664764404297, -0.4523490369319916, -1.1207088232040405], abs=1e-6)
    assert torch.equal(values, standard_normal(0, "stem.conv.weight", (3,)))


def test_option_a_pads_with_zeros_and_skips_pixels():
    x = torch.arange(2 * 3 * 5 * 5, dtype=torch.float32).reshape(2, 3, 5, 5)
    y = shortcut_zero_pad(x, 7, 2)
    assert y.shape == (2, 7, 3, 3)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()
    with pytest.raises(ValueError, match="at least 3 channels, got 2"):
        shortcut_zero_pad(x, 2, 1)


@pytest.mark.parametrize("shortcut", ["A", "B", "C"])
def test_a_residual_net_computes_what_the_paper_says(shortcut):
    """Against an independent forward pass written with the weights alone."""
    spec = NetworkSpec(depth=8, shortcut=shortcut, width=4, image_size=8)
    network = build(blueprint(spec), 3).eval()
    w = network.state_dict()

    def bn(x, name):
        return F.batch_norm(
            x, w[f"{name}.running_mean"], w[f"{name}.running_var"], w[f"{name}.weight"], w[f"{name}.bias"]
        )

    x = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    y = F.relu(bn(F.conv2d(x, w["stem.conv.weight"], padding=1), "stem.bn"))
    for s in (1, 2, 3):
        b, stride = f"stage{s}.block1", 1 if s == 1 else 2
        z = F.relu(bn(F.conv2d(y, w[f"{b}.conv1.weight"], stride=stride, padding=1), f"{b}.bn1"))
        z = bn(F.conv2d(z, w[f"{b}.conv2.weight"], padding=1), f"{b}.bn2")
        if f"{b}.projection.conv.weight" in w:
            y = bn(F.conv2d(y, w[f"{b}.projection.conv.weight"], stride=stride), f"{b}.projection.bn")
        elif s > 1:
            y = F.pad(y[:, :, ::2, ::2], (0, 0, 0, 0, 0, y.shape[1]))
        y = F.relu(z + y)
    wanted = y.mean((2, 3)) @ w["head.fc.weight"].T + w["head.fc.bias"]
    assert torch.allclose(network(x), wanted, atol=1e-6)


def test_a_plain_net_has_no_shortcut():
    spec = NetworkSpec(depth=8, block="plain", width=4, image_size=8)
    network = build(blueprint(spec), 0).eval()
    with torch.no_grad():
        network.get_parameter("stage2.block1.conv1.weight").zero_()
    out = network(torch.randn(4, 3, 8, 8))
    assert torch.allclose(out, out[:1].expand_as(out), atol=1e-6), "nothing passes a dead layer without a shortcut"
    residual = build(blueprint(counterpart(spec)), 0).eval()
    with torch.no_grad():
        residual.get_parameter("stage2.block1.conv1.weight").zero_()
    out = residual(torch.randn(4, 3, 8, 8))
    assert not torch.allclose(out, out[:1].expand_as(out), atol=1e-4)


def test_1202_layers_run_forwards_and_backwards():
    network = build(blueprint(NetworkSpec(depth=1202, width=2, image_size=8)), 0)
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in network.modules()) == 1202
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    assert torch.isfinite(network.stem.conv.weight.grad).all()


def test_each_block_joins_as_its_option_says():
    """y = F(x), y = F(x) + x, and x padded or projected where it does not fit."""
    x, y = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    assert join_plain(y, x) is y
    assert torch.equal(join_identity(y, x), y + x)
    wide = torch.randn(2, 8, 4, 4)
    joined = join_zero_padding(wide, x, 2, ZeroPadding.END)
    assert torch.equal(joined[:, :4], wide[:, :4] + x[:, :, ::2, ::2])
    assert torch.equal(joined[:, 4:], wide[:, 4:])
    projection = nn.Conv2d(4, 8, 1, stride=2, bias=False)
    assert torch.equal(join_projection(wide, x, projection), wide + projection(x))
    with torch.no_grad():
        for shortcut, block in (("A", "basic"), ("B", "basic"), ("C", "basic"), ("none", "plain")):
            network = build(blueprint(NetworkSpec(depth=14, width=4, shortcut=shortcut, block=block)), 0)
            for planned in network.blocks:
                nn.init.zeros_(planned.bn2.weight)  # F(x) = 0
            x = torch.rand(2, 4, 8, 8)
            first = next(iter(network.blocks))
            left = first(x)
            expected = {"A": x, "B": x, "C": F.relu(first.projection(x)) if shortcut == "C" else x}.get(shortcut, 0 * x)
            assert torch.equal(left, expected), shortcut
