"""The paper's tables: the figures that are quoted most, and that nothing is invented where the paper is silent."""

from __future__ import annotations

import pytest

from resnet_studio.domain import paper
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.domain.terms import Block, Shortcut


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


def test_the_paper_is_silent_on_networks_it_does_not_have() -> None:
    assert paper.paper_sentence(NetworkSpec(depth=26)) == ""
    assert paper.paper_sentence(NetworkSpec(depth=20, width=32)) == ""
    assert paper.cifar_row(NetworkSpec(depth=20, classes=100)) is None
    assert paper.paper_sentence(NetworkSpec(depth=20)) == "Table 6: error 8.75 %, 0.27M parameters."
    assert "option A" in paper.paper_sentence(NetworkSpec(depth=20, shortcut=Shortcut.B))
