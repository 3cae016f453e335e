"""The rows of data sets, and that whatever names data sets walks them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

import resnet_studio
from resnet_studio.domain.data_sets import (
    BUILTIN,
    CIFAR10,
    DATA_SETS,
    DataSetRow,
    find_data_set,
    is_drawn,
    source_choices,
    source_help,
    source_names,
)
from resnet_studio.domain.data_spec import DataSpec
from resnet_studio.domain.imported_weights import PRESETS
from resnet_studio.domain.spec_as_command import command_line
from resnet_studio.domain.specs import NetworkSpec, RunSpec

PACKAGE = Path(resnet_studio.__file__).parent
ROWS = "domain/data_sets.py"
PAPER = {"domain/presets.py"}  # the paper's recipes, whose keys are the names of its data sets


@pytest.mark.parametrize(
    "fact",
    [
        r"\bcifar10\b",
        r"automobile",
        r"\(0\.4914",
        r"cifar-10-",
        r"170_498_071|170 MB",
        r"c58f30108f718f92721af3b95e74349a",
    ],
)
def test_facts_of_a_data_set_stand_in_one_module(fact: str) -> None:
    found = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if re.search(fact, path.read_text())
    }
    assert found - PAPER == {ROWS}


@pytest.mark.parametrize("row", [row for row in DATA_SETS if row.downloads], ids=lambda row: row.key)
def test_keys_stand_in_one_module(row: DataSetRow) -> None:
    quoted = re.compile(rf"[\"'`]{row.key}[\"'`:]|\b{row.key}\b.*folder:")
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if quoted.search(path.read_text())}
    assert found - PAPER == {ROWS}


@pytest.mark.parametrize("row", DATA_SETS, ids=lambda row: row.key)
def test_rows_are_sound(row: DataSetRow) -> None:
    assert len(set(row.class_names)) == len(row.class_names) >= 2
    assert row.channels in (1, 3)
    assert row.training_images >= len(row.class_names)
    assert bool(row.downloads) == row.fixed_test_set
    assert bool(row.files) == (bool(row.downloads) and not row.photos)
    assert len({file.name for file in row.downloads}) == len(row.downloads)
    assert all(re.fullmatch("[0-9a-f]{32}", file.md5) for file in row.downloads)
    assert (row.mean is None) == (row.std is None)
    assert all(0 < value < 1 for value in (*(row.mean or ()), *(row.std or ())))
    assert DataSpec(source=row.key).row == row == find_data_set(row.key)


def test_keys_and_titles_are_different() -> None:
    assert len({row.key for row in DATA_SETS}) == len({row.title for row in DATA_SETS}) == len(DATA_SETS) >= 6


def test_whatever_lists_sources_walks_the_rows() -> None:
    field = DataSpec.model_fields["source"]
    for row in DATA_SETS:
        assert (row.key, row.title) in source_choices()
        assert row.key in source_names()
        assert f"{row.key}: {row.summary}." in source_help()
        assert (row.key in PRESETS) == (bool(row.downloads) and row.mean is not None)
    assert field.description == source_help()
    assert source_names().endswith(f"{DATA_SETS[-1].key} or folder:PATH")
    with pytest.raises(ValidationError, match="choose builtin, cifar10, cifar100"):
        DataSpec(source="handwriting")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("cifar-10", "cifar10"),
        ("CIFAR 100", "cifar100"),
        ("fashionmnist", "fashion-mnist"),
        ("cifar", "cifar10 or cifar100"),
        ("build-in", "builtin"),
        ("imagenet", "imagenette"),
    ],
)
def test_a_word_that_is_nearly_a_data_set_is_answered_with_it(word: str, meant: str) -> None:
    with pytest.raises(ValidationError, match=rf"did you mean {meant}\? Choose builtin, cifar10"):
        DataSpec(source=word)


@pytest.mark.parametrize("row", [row for row in DATA_SETS if row.fixed_test_set], ids=lambda row: row.key)
def test_a_draw_that_would_change_nothing_is_refused(row: DataSetRow) -> None:
    with pytest.raises(ValidationError, match=f"{row.key} has a fixed test set"):
        DataSpec(source=row.key, seed=1)
    assert DataSpec(source=row.key, seed=1, held_out=100).seed == 1
    assert not is_drawn(row.key)
    assert is_drawn(BUILTIN.key)
    assert is_drawn("folder:/somewhere")


@pytest.mark.parametrize(
    ("source", "family", "classes", "option"),
    [
        ("builtin", "cifar", 10, None),
        ("builtin", "imagenet", 1000, None),
        ("builtin", "imagenet", 10, "--classes 10"),
        (CIFAR10.key, "cifar", 10, None),
        (CIFAR10.key, "imagenet", 1000, "--classes 1000"),
        ("cifar100", "cifar", 100, None),
        ("cifar100", "cifar", 10, "--classes 10"),
        ("folder:/images", "cifar", 10, "--classes 10"),
    ],
)
def test_a_command_says_how_many_classes_where_the_data_do_not(
    source: str, family: str, classes: int, option: str | None
) -> None:
    spec = RunSpec(network=NetworkSpec(family=family, classes=classes, depth=20 if family == "cifar" else 18),
                   data=DataSpec(source=source))  # fmt: skip
    line = command_line(spec, twin=False)
    assert (option in line) if option else ("--classes" not in line)
