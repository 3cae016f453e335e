"""What differs between networks: aligned, counted and told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_studio.domain.alignment import Section, align, items
from resnet_studio.domain.blueprint import Blueprint, LayerKind
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.diff import Against, Change, Verdict, diff
from resnet_studio.domain.diff_report import as_json, lines_of_text
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_names import network_named

from ..waiting import processor_time

NAMES = (
    "vgg-16", "vgg-19", "plain-34", "resnet-34-A", "resnet-34-C", "resnet-50", "resnet-50-3x3", "plain-50",
    "resnet-20", "plain-56", "cifar-resnet-29-bottleneck", "resnet-20-single", "pre-resnet-18", "pre-resnet-50-B",
    "resnet-42-B-3-4-6-4-3", "plain-20-single",
)  # fmt: skip


def plans(*names: str) -> list[Blueprint]:
    return [blueprint(network_named(name)) for name in names]


def lines(section: Section) -> Iterator[tuple[str, ...]]:
    """Names of the layers, line by line; a dash where a network has none."""
    for group in section.groups:
        for line in group.lines:
            yield tuple(item.main.name if item else "-" for item in line)


def test_figure_3_is_aligned_by_the_size_of_the_outputs() -> None:
    sections = align(plans("vgg-19", "plain-34", "resnet-34-A"))
    assert [section.size for section in sections] == [224, 112, 56, 28, 14, 7, 1]
    by_size = {section.size: list(lines(section)) for section in sections}
    assert by_size[224] == [("stage1.block1.conv1", "-", "-"), ("stage1.block2.conv1", "-", "-")]
    assert by_size[112][:2] == [("stage1.block2.pool", "-", "-"), ("stage2.block1.conv1", "stem.conv", "stem.conv")]
    assert by_size[56][0] == ("stage2.block2.pool", "stem.pool", "stem.pool")
    assert by_size[28][1] == ("stage4.block1.conv1", "stage2.block1.conv1", "stage2.block1.conv1")
    assert by_size[7][0] == ("stage5.block4.pool", "-", "-")
    assert by_size[1] == [
        ("-", "head.pool", "head.pool"),
        ("head.fc1", "-", "-"),
        ("head.fc2", "-", "-"),
        ("head.fc", "head.fc", "head.fc"),
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), st.sampled_from([None, True, False]))
def test_every_drawn_layer_has_its_line_once_and_in_order(names: list[str], sizes: bool | None) -> None:
    chosen = plans(*names)
    sections = align(chosen, sizes=sizes)
    for n, plan in enumerate(chosen):
        placed = [line[n] for section in sections for group in section.groups for line in group.lines]
        assert [item.main.name for item in placed if item] == [item.main.name for item in items(plan)]
    assert all(any(line) for section in sections for group in section.groups for line in group.lines)


@pytest.mark.parametrize("name", NAMES)
def test_items_hold_every_layer_but_the_projections(name: str) -> None:
    plan = plans(name)[0]
    held = [layer.name for item in items(plan) for layer in item.layers]
    assert sorted(held) == sorted(layer.name for layer in plan.layers if ".projection." not in layer.name)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_does_not_differ_from_itself(name: str) -> None:
    found = diff(plans(name, name))
    assert found.tally(1).total == 0
    assert found.tally(1).sentence == "no difference"
    assert list(lines_of_text(found, 1)) == []


def test_plain_and_residual_differ_in_shortcuts_alone() -> None:
    found = diff(plans("plain-34", "resnet-34-A"))
    assert found.sentence(1) == "ResNet-34 A against plain-34: 16 shortcuts added."
    assert list(lines_of_text(found, 1)) == ["+ shortcut of stage1.block1 to shortcut of stage4.block3 (16)"]
    backwards = diff(plans("resnet-34-A", "plain-34"))
    assert backwards.tally(1).shortcuts == {Verdict.MISSING: 16}


def test_options_a_b_and_c_differ_in_kinds_of_shortcuts() -> None:
    each = plans("resnet-34-A", "resnet-34-B", "resnet-34-C")
    found = diff(each)
    assert [found.tally(n).shortcuts[Verdict.CHANGED] for n in range(3)] == [0, 3, 13]
    assert list(lines_of_text(found, 1)) == [
        "≠ shortcut of stage2.block1 to shortcut of stage4.block1 (3): shortcut zero-padding → projection"
    ]
    from_first = diff(each, against=Against.FIRST)
    assert from_first.tally(2).shortcuts[Verdict.CHANGED] == 16
    assert from_first.baselines == (0, 0, 0)
    assert not any(found.tally(n).layers for n in range(3))


def test_the_place_of_the_stride_changes_two_layers_a_stage_and_names_tell_the_two_apart() -> None:
    found = diff(plans("resnet-50", "resnet-50-3x3"))
    assert found.names == ("ResNet-50", "ResNet-50 v1.5")
    assert found.tally(1).sentence == "6 layers changed"
    assert found.fields(1) == (Change("Stride of a bottleneck", "first-1x1", "3x3"),)
    section = next(section for section in found.sections if section.section.size == 28)
    assert section.groups[0].layers[0][1].changes == (
        Change("stride", "2", "1"),
        Change("output size", "28×28", "56×56"),
    )


def test_where_zeros_are_padded_is_told() -> None:
    found = diff(plans("resnet-20", "resnet-20-both"))
    assert found.tally(1).sentence == "2 shortcuts changed"
    assert "zero-padding on both sides" in next(iter(lines_of_text(found, 1)))


def test_more_blocks_are_added_layers() -> None:
    found = diff(plans("plain-20", "plain-56"))
    assert found.tally(1).sentence == "36 layers added"
    assert diff(plans("plain-56", "plain-20")).tally(1).sentence == "36 layers missing"


def test_images_of_two_sizes_are_aligned_by_stage() -> None:
    sections = align(plans("resnet-20", "resnet-18"))
    assert [section.key[0] for section in sections] == ["stem", "stage", "stage", "stage", "stage", "head"]
    assert [section.stages for section in sections][4] == (-1, 3)
    vgg = align(plans("resnet-20", "vgg-16"))
    pools = [group for section in vgg for group in section.groups if group.key[0] == "pool"]
    assert len(pools) == 5
    last = next(section for section in vgg if section.key == ("stage", 0, 0)).groups[-1].lines[0][1]
    assert last is not None
    assert last.main.kind is LayerKind.MAX_POOL


def test_json_holds_every_difference() -> None:
    found = as_json(diff(plans("plain-34", "resnet-34-B")))
    assert json.loads(json.dumps(found)) == found
    networks, differences = found["networks"], found["differences"]
    assert isinstance(networks, list)
    assert isinstance(differences, list)
    assert networks[1]["differences"] == len(differences) == 16
    assert networks[1]["compared_with"] == "plain-34"
    assert networks[1]["parameters"] == 21_797_672
    assert differences[0] == {
        "network": 1,
        "name": "ResNet-34 B",
        "shortcut": "stage1.block1",
        "verdict": "added",
        "changes": {},
    }


def test_four_networks_are_refused() -> None:
    with pytest.raises(UserError, match="Two or three"):
        diff(plans("resnet-20") * 4)


def test_three_networks_of_1202_layers_are_compared_at_once() -> None:
    """Some 0.07 s measured."""
    deep = plans("plain-1202", "resnet-1202", "resnet-1202-C")
    with processor_time() as spent:
        found = diff(deep)
    assert spent.seconds < 1.0
    assert found.tally(1).shortcuts[Verdict.ADDED] == 600
