"""Specifications survive the way through text unchanged, and bad text is told in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.domain.documents import cohort_from_toml, from_json, from_toml, parse, to_json, to_toml
from resnet_studio.domain.enums import Augmentation, Block, Device, Normalisation, Precision, Shortcut
from resnet_studio.domain.errors import SpecError
from resnet_studio.domain.specs import SCHEMA_VERSION, CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec

SEEDS = st.integers(0, 2**31 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200)


def networks() -> st.SearchStrategy[NetworkSpec]:
    blocks = st.one_of(
        st.just((Block.PLAIN, Shortcut.NONE)),
        st.tuples(st.just(Block.BASIC), st.sampled_from([Shortcut.A, Shortcut.B, Shortcut.C])),
    )
    return st.builds(
        lambda n, kind, classes, width, size: NetworkSpec(
            depth=6 * n + 2, block=kind[0], shortcut=kind[1], classes=classes, width=width, image_size=size
        ),
        st.integers(1, 200), blocks, st.integers(2, 10_000), st.integers(1, 256), st.integers(8, 256),
    )  # fmt: skip


recipes = st.builds(
    RecipeSpec,
    iterations=st.integers(1, 10_000_000),
    batch_size=st.integers(2, 4096),
    learning_rate=st.floats(0, 10, exclude_min=True),
    milestones=st.lists(st.integers(1, 10_000_000), unique=True, max_size=20).map(lambda m: tuple(sorted(m))),
    momentum=st.floats(0, 1, exclude_max=True),
    weight_decay=st.floats(0, 1),
    augmentation=st.sampled_from(Augmentation),
    normalisation=st.sampled_from(Normalisation),
    test_every=st.integers(1, 10_000_000),
    init_seed=SEEDS,
    data_seed=SEEDS,
    precision=st.sampled_from(Precision),
    device=st.sampled_from(Device),
)
data = st.one_of(
    st.builds(DataSpec, seed=SEEDS),
    st.just(DataSpec(source="cifar10")),
    st.builds(lambda name, seed: DataSpec(source=f"folder:{name}", seed=seed), TEXT.filter(str.strip), SEEDS),
)
runs = st.builds(RunSpec, name=TEXT, network=networks(), recipe=recipes, data=data)


@given(runs)
def test_a_run_survives_toml_and_json(run: RunSpec) -> None:
    assert from_toml(RunSpec, to_toml(run)) == run
    assert from_json(RunSpec, to_json(run)) == run


@given(runs, st.lists(st.tuples(SEEDS, st.floats(0.001, 1)), min_size=1, max_size=4), TEXT)
def test_a_cohort_survives_toml_and_json(run: RunSpec, members: list[tuple[int, float]], name: str) -> None:
    recipe = run.recipe.model_dump()
    varied = [
        RunSpec(
            name=run.name, network=run.network, data=run.data,
            recipe=RecipeSpec(**{**recipe, "init_seed": seed, "learning_rate": rate}),
        )
        for seed, rate in members
    ]  # fmt: skip
    cohort = CohortSpec(name=name, study="degradation", runs=tuple(varied))
    assert cohort_from_toml(to_toml(cohort)) == cohort
    assert from_json(CohortSpec, to_json(cohort)) == cohort


def test_a_run_file_is_a_cohort_of_one() -> None:
    cohort = cohort_from_toml('[network]\ndepth = 8\nblock = "plain"\n')
    assert [run.label for run in cohort.runs] == ["plain-8"]
    assert cohort_from_toml("").runs == (RunSpec(),)


def test_every_text_carries_its_schema_version() -> None:
    assert f"schema_version = {SCHEMA_VERSION}" in to_toml(RunSpec())
    assert f'"schema_version":{SCHEMA_VERSION}' in to_json(RunSpec())


def test_a_newer_schema_is_refused_with_a_reason() -> None:
    with pytest.raises(SpecError, match=f"newer ResNet Studio .schema {SCHEMA_VERSION + 1}"):
        from_toml(RunSpec, f"schema_version = {SCHEMA_VERSION + 1}\n")


@pytest.mark.parametrize("text", ["[network", "depth 20", "a = 1\na = 2\n"])
def test_what_is_not_toml_is_said_so(text: str) -> None:
    for read in (cohort_from_toml, lambda text: from_toml(RunSpec, text)):
        with pytest.raises(SpecError, match="not valid TOML"):
            read(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_what_is_no_json_object_is_said_so(text: str) -> None:
    with pytest.raises(SpecError, match="JSON"):
        from_json(RunSpec, text)


def test_wrong_types_are_sentences_too() -> None:
    with pytest.raises(SpecError) as caught:
        parse(RunSpec, {"network": 5, "recipe": {"milestones": [1, "x"]}})
    assert set(caught.value.fields) == {"network", "recipe.milestones.1"}


def test_large_numbers_are_grouped() -> None:
    with pytest.raises(SpecError, match="must be at most 10 000 000, got 123 456 789"):
        parse(RecipeSpec, {"iterations": 123456789})


def test_a_number_of_thousands_of_digits_is_a_sentence_too() -> None:
    with pytest.raises(SpecError, match="must be at most 10 000 000"):
        parse(RecipeSpec, {"iterations": 16**5000})


def test_a_cohort_without_runs_is_refused() -> None:
    with pytest.raises(SpecError, match="runs"):
        cohort_from_toml("runs = []\n")


def test_a_fault_in_one_run_of_a_cohort_says_which() -> None:
    with pytest.raises(SpecError) as caught:
        cohort_from_toml("[[runs]]\n[[runs]]\n[runs.network]\ndepth = 9\n")
    assert list(caught.value.fields) == ["runs.1.network.depth"]


_ODD = ({}, [], {"a": {"b": 1}}, [[1]], [{}], True, -1, 10**18, 1e308, "x", float("nan"), float("inf"), "9" * 30)


def _paths(values: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _paths(value, (*above, name))


@pytest.mark.parametrize("path", list(_paths(RunSpec().model_dump(mode="json"))), ids=".".join)
def test_any_value_in_any_field_is_read_or_refused_in_a_sentence(path: tuple[str, ...]) -> None:
    refused = []
    for odd in _ODD:
        values = RunSpec().model_dump(mode="json")
        place = values
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = odd
        try:
            assert parse(RunSpec, values).label
        except SpecError as error:
            refused += error.fields.values()
    assert len(refused) >= 4
    assert all(refused)
