"""What to expect of a design: the paper's numbers where it has them, measurements where they hold, no more."""

from __future__ import annotations

import re

import pytest

from resnet_studio.domain.paper import CIFAR_10, TABLE_2, TABLE_3
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.studies.conformity import of_spec
from resnet_studio.studies.expectation import MEASURED, PAPER, UNKNOWN, expectations
from resnet_studio.studies.single_cohorts import DEMO


def said(recipe: RecipeSpec | None = None, data: str = "cifar10", **network: object) -> dict[str, str]:
    """All that is said, by its source."""
    spec = RunSpec(
        network=NetworkSpec.model_validate(network), recipe=recipe or RecipeSpec(), data=DataSpec(source=data)
    )
    found: dict[str, str] = {}
    for each in expectations(spec, of_spec(spec)):
        found[each.source] = f"{found.get(each.source, '')} {each.text}".strip()
    return found


@pytest.mark.parametrize("block", ["plain", "basic"])
@pytest.mark.parametrize("row", CIFAR_10, ids=lambda row: row.depth)
def test_each_row_of_table_6_is_named_for_both_of_the_twin(row, block: str) -> None:
    text = said(depth=row.depth, block=block)[PAPER]
    assert f"ResNet-{row.depth} ends with a test error of {row.error_text} on CIFAR-10" in text


def test_no_number_of_a_plain_cifar_net_is_made_up() -> None:
    for depth in (20, 32, 44, 56):
        text = said(depth=depth, block="plain")[PAPER]
        assert not re.search(rf"plain-{depth}[^.]*\d\.\d", text)
        assert "no numbers of plain nets" in text
    assert "plain-110 is above 60 %" in said(depth=110)[PAPER]
    assert "was not trained" in said(depth=1202)[PAPER]


@pytest.mark.parametrize("depth", [18, 34])
def test_pairs_of_table_2_stand_side_by_side(depth: int) -> None:
    errors = {row.name: row.top1 for row in TABLE_2}
    text = said(family="imagenet", depth=depth, shortcut="A")[PAPER]
    assert f"plain-{depth} {errors[f'plain-{depth}']} %" in text
    assert f"option A {errors[f'ResNet-{depth}']} %" in text
    assert ("converges faster" in text) is (depth == 18)
    assert ("higher training error throughout" in text) is (depth == 34)


def test_deep_bottlenecks_have_table_3() -> None:
    errors = {row.name: row.top1 for row in TABLE_3}
    for depth in (50, 101, 152):
        assert f"{errors[f'ResNet-{depth}']} %" in said(family="imagenet", depth=depth)[PAPER]


def test_differences_of_recipe_and_data_are_named() -> None:
    text = said(DEMO, "builtin", depth=56)[PAPER]
    assert "this design differs in data set (images that the program draws), batch (64 images)" in text
    assert "and 3 more" in text
    own = said(depth=56)[PAPER]
    assert "this design differs in form of momentum, batch norm in tests" in own
    assert "data set" not in own


def test_growth_is_told_of_the_networks_that_it_was_measured_in() -> None:
    for block in ("plain", "basic"):
        text = said(depth=56, block=block)[MEASURED]
        assert "2 600 to 6 000 times in plain-56, 10 to 20 times in ResNet-56" in text
        assert "three seeds" in text
    assert "14 to 17 times in plain-20, 3.5 to 5 times in ResNet-20" in said(depth=20)[MEASURED]
    for other in (
        {"depth": 32},
        {"depth": 56, "shortcut": "B"},
        {"depth": 56, "width": 32},
        {"depth": 20, "classes": 2},
    ):
        found = said(**other)
        assert MEASURED not in found
        assert "was not measured" in found[UNKNOWN]


def test_what_short_runs_show_is_said_of_the_images_that_it_was_seen_on() -> None:
    assert "differs from seed to seed" in said(DEMO, "builtin", depth=56)[MEASURED]
    assert "differs from seed to seed" not in said(DEMO, "cifar10", depth=56)[MEASURED]
    assert MEASURED not in said(DEMO, "builtin", depth=14)


def test_where_nothing_is_known_that_is_said() -> None:
    found = said(depth=26)
    assert PAPER not in found
    assert "Of ResNet-26 and plain-26 the paper has no pair of errors" in found[UNKNOWN]
    assert "did not train it" in said(family="vgg")[UNKNOWN]


def test_warm_up_is_said_where_it_is_missing() -> None:
    assert "ResNet-110 begins with 0.01" in said(depth=110)[PAPER]
    assert "begins with 0.01" not in said(RecipeSpec(warmup_rate=0.01), depth=110)[PAPER]
    assert "begins with 0.01" not in said(depth=56)[PAPER]
