"""A block explained: its formulas have its own layers, its prices are the blueprint's."""

from __future__ import annotations

import pytest

from resnet_studio.domain.blueprint import BlockPlan, Blueprint
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Block, Family, Shortcut
from resnet_studio.domain.explain import Price, explain_block, explain_layer, last_layer
from resnet_studio.domain.formula import in_line
from resnet_studio.domain.glossary import TERMS
from resnet_studio.domain.specs import NetworkSpec

KEYS = {term.key for term in TERMS}


def block_of(plan: Blueprint, name: str) -> BlockPlan:
    return next(block for stage in plan.stages for block in stage.blocks if block.name == name)


@pytest.mark.parametrize(
    ("values", "name", "mapping", "formula"),
    [
        ({"depth": 56}, "stage1.block2", "H(x) = F(x) + x", "a[5] = g(z[5] + a[3])"),
        ({"depth": 56}, "stage2.block1", "H(x) = F(x) + pad(x)", "a[21] = g(z[21] + pad(a[19]))"),
        ({"depth": 20, "shortcut": "B"}, "stage2.block1", "H(x) = F(x) + Ws x", "a[9] = g(z[9] + Ws a[7])"),
        ({"depth": 56, "block": "plain"}, "stage1.block2", "H(x) = F(x)", "a[5] = g(z[5])"),
        ({"depth": 20, "block": "single"}, "stage1.block1", "H(x) = F(x) + x", "a[2] = g(z[2] + a[1])"),
        ({"family": "imagenet", "depth": 50}, "stage1.block2", "H(x) = F(x) + x", "a[7] = g(z[7] + a[4])"),
        ({"depth": 20, "activation": "pre"}, "stage1.block2", "H(x) = F(x) + x", "x5 = x3 + F(x3)"),
    ],
)
def test_formulas_have_the_blocks_own_layers(values: dict[str, object], name: str, mapping: str, formula: str) -> None:
    plan = blueprint(NetworkSpec.model_validate(values))
    found = explain_block(plan, block_of(plan, name))
    assert tuple(map(in_line, found.formulas)) == (mapping, formula)
    assert set(found.terms) < KEYS
    assert found.title == f"{name} of {plan.spec.label}"


def test_the_last_block_ends_one_layer_before_the_head() -> None:
    for values in ({"depth": 56}, {"depth": 110, "block": "plain"}, {"family": "imagenet", "depth": 152}):
        plan = blueprint(NetworkSpec.model_validate(values))
        assert last_layer(plan, plan.stages[-1].blocks[-1]) == plan.depth - 1
    with pytest.raises(ValueError, match=r"has no block stage9\.block1"):
        last_layer(plan, BlockPlan("stage9.block1", (1, 1, 1), (1, 1, 1), 1, (), plan.stages[0].blocks[0].join, (), ()))


def test_prices_are_those_of_the_whole_networks() -> None:
    """What options B and C add to all blocks is what the paper's table says of whole networks."""
    plans = {
        option: blueprint(NetworkSpec(depth=20, shortcut=option)) for option in (Shortcut.A, Shortcut.B, Shortcut.C)
    }
    extra = dict.fromkeys(plans, 0)
    for stage in plans[Shortcut.A].stages:
        for block in stage.blocks:
            found = explain_block(plans[Shortcut.A], block)
            main, shortcut, together = found.prices
            assert (shortcut.parameters, shortcut.multiply_adds) == (0, 0)
            assert (together.parameters, together.multiply_adds) == (block.parameters, block.multiply_adds)
            assert main.parameters == block.parameters
            assert [price.part for price in found.options] == [
                "The shortcut with option B", "The shortcut with option C",
            ]  # fmt: skip
            for option, price in zip((Shortcut.B, Shortcut.C), found.options, strict=True):
                extra[option] += price.parameters
    for option in (Shortcut.B, Shortcut.C):
        assert plans[Shortcut.A].parameters + extra[option] == plans[option].parameters
    assert (plans[Shortcut.B].parameters, plans[Shortcut.C].parameters) == (272_474, 283_962)


def test_a_plain_block_has_no_shortcut_to_price() -> None:
    plan = blueprint(NetworkSpec(depth=56, block=Block.PLAIN, shortcut=Shortcut.NONE))
    found = explain_block(plan, plan.stages[0].blocks[1])
    assert found.options == ()
    assert found.prices == (Price("Main path", 4672, 4_718_592),)
    assert "have to learn the identity" in found.text
    assert "have to learn" not in explain_block(plan, plan.stages[1].blocks[0]).text, "no identity between widths"


def test_an_option_that_cannot_be_is_left_out() -> None:
    plan = blueprint(NetworkSpec(depth=20, widths=(32, 16, 8), shortcut=Shortcut.B))
    found = explain_block(plan, plan.stages[1].blocks[0])
    assert [price.part for price in found.options] == ["The shortcut with option C"]


def test_layers_of_stem_and_head_are_counted() -> None:
    plan = blueprint(NetworkSpec(family=Family.IMAGENET, depth=18))
    stem = explain_layer(plan, plan.stem[0])
    assert in_line(stem.formulas[0]) == "k² Cin Cout = 7² · 3 · 64 = 9408"
    assert stem.prices == (Price("This layer", 9408, 118_013_952),)
    last = explain_layer(plan, plan.head[-1])
    assert "512 becomes 1000" in last.text
    assert last.terms[0] == "head"
