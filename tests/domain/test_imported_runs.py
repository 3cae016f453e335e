"""What is said of weights that another program trained: what is known, and never a recipe that nobody wrote down."""

from __future__ import annotations

import csv
import io
import tomllib
from dataclasses import replace as with_fields
from datetime import UTC, datetime

import pytest

from resnet_studio.domain.comparison import ELSEWHERE, comparison_rows, display_names, summary_csv
from resnet_studio.domain.documents import cohort_from_toml, run_toml
from resnet_studio.domain.enums import Normalisation, RunStatus
from resnet_studio.domain.imported_weights import without_options
from resnet_studio.domain.records import NOT_KNOWN, RunRecord, run_json
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace

DAY = datetime(2024, 5, 1, tzinfo=UTC)
OWN = RunSpec(recipe=RecipeSpec(iterations=600, batch_size=64, milestones=()), data=DataSpec(source="cifar10"))


def record(spec: RunSpec, name: str) -> RunRecord:
    return RunRecord(
        id=name, cohort_id=name, name=name, status=RunStatus.FINISHED, reason="", spec=spec, iteration=600,
        training_error=1.0, test_error=9.0, best_test_error=8.5, parameters=1, multiply_adds=1, weights_sha256="ab",
        created_at=DAY, updated_at=DAY, seconds=3.0, colour="#0072B2", environment={"precision": "bfloat16"},
    )  # fmt: skip


@pytest.fixture
def theirs() -> RunRecord:
    stopgaps = replace(RecipeSpec(), normalisation=Normalisation.CHANNEL)
    spec = RunSpec(name="theirs", network=NetworkSpec(depth=56), recipe=stopgaps, data=DataSpec(source="none"))
    return with_fields(
        record(spec, "theirs"),
        status=RunStatus.IMPORTED,
        iteration=0,
        seconds=0.0,
        environment={"precision": "float32"},
    )


@pytest.fixture
def ours() -> list[RunRecord]:
    return [record(OWN, "one"), record(replace(OWN, recipe=replace(OWN.recipe, batch_size=128)), "two")]


def test_a_comparison_invents_no_recipe(theirs: RunRecord, ours: list[RunRecord]) -> None:
    rows = {row.field: row.values for row in comparison_rows([theirs, *ours])}
    assert rows == {
        "origin": (ELSEWHERE, "here", "here"),
        "network.depth": ("56", "20", "20"),
        "recipe.batch_size": (NOT_KNOWN, "64", "128"),
        "recipe.normalisation": ("channel-mean-std", "pixel-mean", "pixel-mean"),
    }


def test_the_summary_has_no_invented_number(theirs: RunRecord, ours: list[RunRecord]) -> None:
    first, *_ = csv.DictReader(io.StringIO(summary_csv([theirs, *ours])))
    assert (first["iteration"], first["seconds"], first["recipe.batch_size"]) == ("", "", NOT_KNOWN)
    assert "64000" not in first.values()


def test_json_and_toml_hold_the_network_alone(theirs: RunRecord) -> None:
    found = run_json(theirs)
    assert [found[name] for name in ("seed", "data", "iteration", "iterations", "seconds")] == [None] * 5
    assert found["spec"] | {"network": None} == {  # type: ignore[operator]
        "schema_version": 1, "name": "theirs", "network": None, "recipe": None, "data": None, "start_from": None,
    }  # fmt: skip
    text = run_toml(theirs)
    assert text.startswith("# Trained elsewhere: recipe, seeds and data are not known.\n")
    assert tomllib.loads(text).keys() == {"schema_version", "name", "network"}
    assert cohort_from_toml(text).runs[0].network == theirs.spec.network


def test_a_run_of_our_own_is_told_whole(ours: list[RunRecord]) -> None:
    assert run_json(ours[0])["spec"] == OWN.model_dump(mode="json")
    assert tomllib.loads(run_toml(ours[0]))["recipe"]["batch_size"] == 64


def test_no_seed_tells_imported_runs_of_one_name_apart(theirs: RunRecord) -> None:
    spec = replace(OWN, recipe=replace(OWN.recipe, init_seed=1))
    names = display_names([theirs, with_fields(record(spec, "theirs"), id="other")])
    assert not any("seed" in name for name in names.values())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Images have 32 pixels a side; else say so with --image-size. Zeros: else.",
            "Images have 32 pixels a side. Zeros: else.",
        ),
        (
            "Images are normalised with mean 0.5,0.5,0.5 and std 1,1,1 (as theirs); else say so with --mean and --std, "
            "or --pixel-mean. The classes have no names, so they are numbered; name them with --classes.",
            "Images are normalised with mean 0.5,0.5,0.5 and std 1,1,1 (as theirs). The classes have no names, so they "
            "are numbered.",
        ),
        ("The network has 3.5 parts; nothing else.", "The network has 3.5 parts; nothing else."),
    ],
)
def test_what_was_assumed_is_told_without_the_command_lines_options(text: str, told: str) -> None:
    assert without_options(text) == told
