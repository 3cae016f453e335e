"""The paper's tables: the figures that are quoted most, and that nothing is invented where the paper is silent."""

from __future__ import annotations

import pytest

from resnet_studio.domain import paper
from resnet_studio.domain.enums import Block, Shortcut
from resnet_studio.domain.specs import NetworkSpec


def plain(depth: int) -> NetworkSpec:
    return NetworkSpec(depth=depth, block=Block.PLAIN, shortcut=Shortcut.NONE)


def test_table_6_errors() -> None:
    assert {row.depth: row.error for row in paper.CIFAR_10} == {
        20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93,
    }  # fmt: skip


def test_parameters_printed_in_the_paper_are_the_counts_rounded() -> None:
    for row in paper.CIFAR_10:
        printed = float(row.paper_parameters.removesuffix("M"))
        assert row.parameters_a / 1e6 == pytest.approx(printed, abs=0.051 if printed > 1 else 0.0051)


def test_errors_are_percentages_and_top_5_is_the_smaller() -> None:
    rows = (*paper.TABLE_2, *paper.TABLE_3, *paper.TABLE_4, *paper.TABLE_5)
    for row in rows:
        values = [value for value in (row.top1, row.top5) if value is not None]
        assert values
        assert all(0 < value < 100 for value in values)
        if row.top1 is not None and row.top5 is not None:
            assert row.top5 < row.top1


def test_table_1_depths_follow_from_the_blocks() -> None:
    for row in paper.IMAGENET:
        layers = 2 if row.block == "basic" else 3
        assert sum(row.blocks_per_stage) * layers + 2 == row.depth
        assert row.parameters_a < row.parameters_b < row.parameters_c


def test_plain_nets_have_no_numbers_of_their_own() -> None:
    """Plain nets have no table; only section 4.2's remark on 110 layers is a number."""
    for depth in (20, 32, 44, 56):
        sentence = paper.paper_sentence(plain(depth))
        assert "no table" in sentence
        assert "%" not in sentence
    assert "more than 60 %" in paper.paper_sentence(plain(110))
    assert paper.paper_sentence(plain(1202)) == ""


def test_imagenet_networks_have_their_tables_and_no_others() -> None:
    def of(depth: int, **fields: object) -> str:
        return paper.paper_sentence(NetworkSpec(family="imagenet", depth=depth, **fields))

    assert of(34, shortcut="C").endswith(
        "Table 3 (10-crop): top-1 24.19 %, top-5 7.40 %; Table 4 (multi-scale): top-1 21.53 %, top-5 5.60 %."
    )
    assert "Table 2 (10-crop): top-1 27.94 %" in of(18, block="plain")
    assert "Table" not in of(18, shortcut="B").removeprefix("Table 1")
    assert of(50, stride_place="3x3") == of(50)  # the paper's network but for the stride, which is named elsewhere
    assert "top" not in of(50, block="plain")
    assert of(50, classes=10) == of(18, width=32) == of(18, activation="pre") == ""
    assert paper.paper_sentence(NetworkSpec(family="vgg", depth=19)) == "Figure 3's reference: 19.6e9 multiply-adds."


def test_the_paper_is_silent_on_networks_it_does_not_have() -> None:
    assert paper.paper_sentence(NetworkSpec(depth=26)) == ""
    assert paper.paper_sentence(NetworkSpec(depth=20, width=32)) == ""
    assert paper.cifar_row(NetworkSpec(depth=20, classes=100)) is None
    for other in ({"block": "bottleneck"}, {"activation": "pre"}, {"block": "single"}, {"stem": "7x7"}):
        assert paper.cifar_row(NetworkSpec(depth=20, **other)) is None
    assert paper.paper_sentence(NetworkSpec(depth=20)) == "Table 6: error 8.75 %, 0.27M parameters."
    assert "option A" in paper.paper_sentence(NetworkSpec(depth=20, shortcut=Shortcut.B))
