"""The blueprint counts as the paper does, for every depth and shortcut, and is fast enough to be drawn while typing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.domain.blueprint import Join, LayerKind, as_json
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Block, Shortcut
from resnet_studio.domain.paper import CIFAR_10, CifarRow
from resnet_studio.domain.specs import NetworkSpec

from ..waiting import processor_time

# Recounted from first principles, written out here so that a slip in the package's own table shows:
# depth, parameters with A (= plain), B, C, multiply-adds with A to four digits
GOLDEN = (
    (20, 269_722, 272_474, 283_962, 40.55e6),
    (32, 464_154, 466_906, 489_594, 68.86e6),
    (44, 658_586, 661_338, 695_226, 97.17e6),
    (56, 853_018, 855_770, 900_858, 125.5e6),
    (110, 1_727_962, 1_730_714, 1_826_202, 252.9e6),
    (1202, 19_421_274, 19_424_026, 20_538_714, 2_829e6),
)


def net(depth: int, shortcut: Shortcut, **fields: int) -> NetworkSpec:
    block = Block.PLAIN if shortcut is Shortcut.NONE else Block.BASIC
    return NetworkSpec(depth=depth, block=block, shortcut=shortcut, **fields)


@pytest.mark.parametrize(("depth", "a", "b", "c", "multiply_adds"), GOLDEN)
def test_counts_are_golden(depth: int, a: int, b: int, c: int, multiply_adds: float) -> None:
    counts = {s: blueprint(net(depth, s)).parameters for s in Shortcut}
    assert counts == {Shortcut.NONE: a, Shortcut.A: a, Shortcut.B: b, Shortcut.C: c}
    for shortcut in (Shortcut.NONE, Shortcut.A):
        assert blueprint(net(depth, shortcut)).multiply_adds == pytest.approx(multiply_adds, rel=5e-4)


@pytest.mark.parametrize("row", CIFAR_10, ids=lambda row: str(row.depth))
def test_the_papers_rows_agree_with_the_golden_counts(row: CifarRow) -> None:
    golden = next(values for values in GOLDEN if values[0] == row.depth)
    assert (row.parameters_a, row.parameters_b, row.parameters_c, row.multiply_adds_a) == golden[1:]
    assert row.depth == 6 * row.n + 2


@given(st.integers(1, 200), st.sampled_from(Shortcut), st.integers(2, 1000), st.integers(1, 64), st.integers(8, 64))
def test_totals_shapes_and_depth_hold_for_every_network(
    n: int, shortcut: Shortcut, classes: int, width: int, size: int
) -> None:
    plan = blueprint(net(6 * n + 2, shortcut, classes=classes, width=width, image_size=size))
    layers = list(plan.layers)
    assert plan.depth == 6 * n + 2
    assert plan.parameters == sum(layer.parameters for layer in layers)
    assert plan.multiply_adds == sum(layer.multiply_adds for layer in layers)
    assert len({layer.name for layer in layers}) == len(layers)
    assert [stage.output[0] for stage in plan.stages] == [width, 2 * width, 4 * width]
    half = -(-size // 2)
    assert [stage.output[1] for stage in plan.stages] == [size, half, -(-half // 2)]
    assert layers[-1].output == (classes, 1, 1)


@given(st.integers(1, 30), st.sampled_from(Shortcut))
def test_each_layer_takes_what_the_one_before_gives(n: int, shortcut: Shortcut) -> None:
    plan = blueprint(net(6 * n + 2, shortcut))
    current = plan.input
    for layer in (*plan.stem, *(x for s in plan.stages for b in s.blocks for x in (*b.branch, *b.after)), *plan.head):
        assert layer.input == current
        current = layer.output
    for stage in plan.stages:
        for block in stage.blocks:
            if block.projection:
                assert block.projection[0].input == block.input
                assert block.projection[-1].output == block.output


def test_where_each_option_projects() -> None:
    """Section 3.3: 3n shortcuts; two of them change dimensions in the CIFAR family."""
    joins = {
        s: [block.join for stage in blueprint(net(20, s)).stages for block in stage.blocks] for s in Shortcut
    }  # fmt: skip
    assert set(joins[Shortcut.NONE]) == {Join.NONE}
    assert [joins[Shortcut.A].count(j) for j in (Join.IDENTITY, Join.ZERO_PAD)] == [7, 2]
    assert [joins[Shortcut.B].count(j) for j in (Join.IDENTITY, Join.PROJECTION)] == [7, 2]
    assert joins[Shortcut.C] == [Join.PROJECTION] * 9


def test_plain_and_residual_with_a_share_every_weighted_layer() -> None:
    """What makes a twin: the same names and shapes, so the same initial weights."""
    plain, residual = (list(blueprint(net(56, s)).layers) for s in (Shortcut.NONE, Shortcut.A))
    assert plain == residual


def test_1202_layers_are_planned_while_a_key_is_pressed() -> None:
    blueprint.cache_clear()
    with processor_time() as spent:
        plan = blueprint(net(1202, Shortcut.C))
    assert spent.seconds < 0.5
    assert plan.depth == 1202
    assert blueprint(net(1202, Shortcut.C)) is plan


def test_the_json_holds_every_layer() -> None:
    plan = blueprint(net(56, Shortcut.A))
    told = as_json(plan)
    assert (told["name"], told["depth"], told["parameters"]) == ("ResNet-56", 56, 853_018)
    layers = told["layers"]
    assert isinstance(layers, list)
    assert sum(layer["parameters"] for layer in layers) == told["parameters"]
    assert sum(layer["multiply_adds"] for layer in layers) == told["multiply_adds"]
    assert sum(layer["kind"] in (LayerKind.CONV, LayerKind.LINEAR) for layer in layers) == 56


# Table 1 and its recount: depth, parameters with A (= plain), B, C, multiply-adds in 1e9 of A, of B, and of B with the
# stride in the 3x3 (None where the recount gives none)
IMAGENET_GOLDEN = (
    (18, 11_515_688, 11_689_512, 12_043_816, 1.795, 1.814, None),
    (34, 21_623_848, 21_797_672, 22_716_840, 3.644, 3.664, None),
    (50, 22_780_456, 25_557_032, 40_128_552, None, 3.858, 4.089),
    (101, 41_772_584, 44_549_160, 76_981_288, None, 7.570, 7.801),
    (152, 57_416_232, 60_192_808, 107_335_720, None, 11.282, 11.514),
)


def imagenet(depth: int, **fields: object) -> NetworkSpec:
    return NetworkSpec(family="imagenet", depth=depth, **fields)


@pytest.mark.parametrize(("depth", "a", "b", "c", "adds_a", "adds_b", "adds_middle"), IMAGENET_GOLDEN)
def test_imagenet_counts_are_golden(
    depth: int, a: int, b: int, c: int, adds_a: float | None, adds_b: float, adds_middle: float | None
) -> None:
    plans = {s: blueprint(imagenet(depth, shortcut=s)) for s in "ABC"}
    assert [plan.parameters for plan in plans.values()] == [a, b, c]
    plain = blueprint(imagenet(depth, block="plain"))
    assert (plain.parameters, plain.multiply_adds) == (a, plans["A"].multiply_adds)
    assert plans["B"].multiply_adds / 1e9 == pytest.approx(adds_b, abs=5e-4)
    if adds_a is not None:
        assert plans["A"].multiply_adds / 1e9 == pytest.approx(adds_a, abs=5e-4)
    if adds_middle is not None:
        middle = blueprint(imagenet(depth, shortcut="B", stride_place="3x3"))
        assert middle.multiply_adds / 1e9 == pytest.approx(adds_middle, abs=5e-4)
        assert middle.parameters == b
    assert all(plan.depth == depth for plan in (plain, *plans.values()))
    assert [stage.output[1:] for stage in plain.stages] == [(56, 56), (28, 28), (14, 14), (7, 7)]


def test_resnet_34_has_13_more_projections_with_c_than_with_b() -> None:
    def projections(shortcut: str) -> int:
        plan = blueprint(imagenet(34, shortcut=shortcut))
        return sum(block.join is Join.PROJECTION for stage in plan.stages for block in stage.blocks)

    assert projections("C") - projections("B") == 13


def test_vgg_is_figure_3s_reference() -> None:
    """15.3e9 counts VGG-16's convolutions alone, 19.6e9 all of VGG-19; the 34-layer nets need 18 % of the latter."""
    small, large = (blueprint(NetworkSpec(family="vgg", depth=depth)) for depth in (16, 19))
    convolutions = sum(layer.multiply_adds for layer in small.layers if layer.kind is LayerKind.CONV)
    assert convolutions / 1e9 == pytest.approx(15.3, abs=0.05)
    assert large.multiply_adds / 1e9 == pytest.approx(19.6, abs=0.05)
    assert blueprint(imagenet(34, shortcut="A")).multiply_adds / large.multiply_adds == pytest.approx(0.18, abs=0.01)
    assert (small.depth, large.depth) == (16, 19)
    assert large.stages[-1].output == (512, 7, 7)


FAMILIES = (
    NetworkSpec(block="bottleneck", depth=29),
    NetworkSpec(block="plain", branch="bottleneck", depth=29),
    NetworkSpec(block="bottleneck", depth=20, shortcut="C", stride_place="3x3", activation="pre"),
    NetworkSpec(block="single", depth=14),
    NetworkSpec(activation="pre", shortcut="B"),
    NetworkSpec(activation="pre", block="plain", depth=14),
    NetworkSpec(stages=(1, 2, 3, 1), widths=(3, 8, 8, 20), image_size=41, zero_padding="both"),
    NetworkSpec(family="imagenet", depth=50, block="plain", image_size=70),
    NetworkSpec(family="imagenet", depth=18, activation="pre", classes=7),
    NetworkSpec(family="vgg", depth=16, image_size=40, width=4),
    NetworkSpec(stem="7x7", depth=14, image_size=96),
    NetworkSpec(family="imagenet", stages=(1, 1), stem="3x3", image_size=32),
)


@pytest.mark.parametrize("spec", FAMILIES, ids=lambda spec: f"{spec.family} {spec.label} {spec.image_size}")
def test_every_family_adds_up(spec: NetworkSpec) -> None:
    plan = blueprint(spec)
    layers = list(plan.layers)
    assert plan.depth == spec.depth
    assert plan.parameters == sum(layer.parameters for layer in layers)
    assert plan.multiply_adds == sum(layer.multiply_adds for layer in layers)
    assert len({layer.name for layer in layers}) == len(layers)
    current = plan.input
    path = (x for s in plan.stages for b in s.blocks for x in (*b.before, *b.branch, *b.after))
    for layer in (*plan.stem, *path, *plan.head):
        assert layer.input == current, layer.name
        current = layer.output
    assert current == (spec.classes, 1, 1)


def test_a_pre_activation_net_activates_before_each_convolution_and_once_at_the_end() -> None:
    """arXiv:1603.05027: the first block takes the stem's activation; a projection sees what its branch sees."""
    plan = blueprint(NetworkSpec(activation="pre", shortcut="B", depth=14))
    first, widening = plan.stages[0].blocks[0], plan.stages[1].blocks[0]
    assert [layer.kind for layer in first.branch] == [
        LayerKind.CONV, LayerKind.BATCH_NORM, LayerKind.RELU, LayerKind.CONV,
    ]  # fmt: skip
    assert [layer.kind for layer in widening.before] == [LayerKind.BATCH_NORM, LayerKind.RELU]
    assert [layer.kind for layer in widening.projection] == [LayerKind.CONV]
    assert not first.after
    assert not widening.after
    assert [layer.name for layer in plan.head] == ["head.bn", "head.relu", "head.pool", "head.fc"]
