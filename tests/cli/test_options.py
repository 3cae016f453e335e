"""Options are made from the specifications: every field has one, and faults name the option."""

from __future__ import annotations

import pytest

from resnet_studio.cli.options import OPTIONS, changed, checked, flag
from resnet_studio.domain.enums import Block, Shortcut
from resnet_studio.domain.errors import SpecError
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec


def test_every_field_of_a_run_has_one_option() -> None:
    parts = {"network": NetworkSpec, "recipe": RecipeSpec, "data": DataSpec}
    fields = {f"{part}.{name}" for part, kind in parts.items() for name in kind.model_fields}
    fields |= {"name", "start_from"}
    assert {option.path for option in OPTIONS} == fields
    assert len({option.flag for option in OPTIONS}) == len(OPTIONS)
    assert set(RunSpec.model_fields) == {*parts, "name", "start_from", "schema_version"}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("network.depth", "--depth"),
        ("recipe.batch_size", "--batch-size"),
        ("recipe.milestones.1", "--milestones"),
        ("data.source", "--data"),
        ("data.seed", "--data-draw"),
        ("recipe.data_seed", "--data-seed"),
        ("network", ""),
    ],
)
def test_fields_are_named_by_their_options(path: str, named: str) -> None:
    assert flag(path) == named


def test_only_what_was_asked_changes() -> None:
    before = RunSpec(name="kept", network=NetworkSpec(depth=56))
    after = changed(before, {"recipe.iterations": 7, "network.width": 4})
    assert after.recipe.iterations == 7
    assert after.network == NetworkSpec(depth=56, width=4)
    assert after.name == "kept"
    assert changed(before, {}) == before


def test_a_new_block_brings_its_usual_shortcut() -> None:
    plain = changed(RunSpec(network=NetworkSpec(shortcut=Shortcut.B)), {"network.block": Block.PLAIN})
    assert plain.network.shortcut is Shortcut.NONE
    assert changed(plain, {"network.block": Block.BASIC}).network.shortcut is Shortcut.A
    assert changed(NetworkSpec(shortcut=Shortcut.C), {"block": Block.PLAIN}).label == "plain-20"


def test_faults_name_options() -> None:
    with pytest.raises(SpecError) as caught:
        changed(RunSpec(), {"network.depth": 21, "recipe.momentum": 2.0, "recipe.milestones": ("3", "x")})
    assert set(caught.value.fields) == {"--depth", "--momentum", "--milestones"}
    with pytest.raises(SpecError, match="--depth: depth 9 is not"):
        changed(NetworkSpec(), {"depth": 9})
    with pytest.raises(SpecError, match=r"^--data: "):
        checked(DataSpec, {"source": "x"}, prefix="data.")


def test_more_days_than_a_calendar_has_are_refused(at_home) -> None:
    said = at_home("runs", "purge", "--older-than", "9" * 40)
    assert said.code == 2
    assert "--older-than" in said.err
