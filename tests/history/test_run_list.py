"""The quick list of runs: the same records as read one by one, kept where nothing changed, new where something did."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history import runs
from resnet_studio.history.schema import RunRow
from resnet_studio.history.sqlite.storage import FILE_NAME
from resnet_studio.history.store import RunStore
from resnet_studio.history.stored_specs import stored_spec


@pytest.fixture
def stored(store: RunStore) -> RunStore:
    """Two cohorts with seeds, a name of its own, a tag, an end, an environment and an archived run."""
    one = [RunSpec(network=NetworkSpec(depth=8), recipe=RecipeSpec(init_seed=n, data_seed=7)) for n in range(3)]
    other = RunSpec(name="größer", network=NetworkSpec(depth=14, block="plain", shortcut="none"), data=DataSpec(seed=3))
    first = store.create_cohort(CohortSpec(name="c", study="degradation", runs=tuple(one)))
    (second,) = store.create_cohort(CohortSpec(runs=(other,)), {"device": "cpu"})
    store.set_tags(first[1].id, ["night", "a"])
    store.set_status(first[0].id, RunStatus.FAILED, "no room", 12)
    store.set_note(second.id, "“so”")
    store.archive([first[2].id])
    return store


def one_by_one(store: RunStore) -> list[object]:
    with store._storage.reading() as session:
        wanted = RunRow.deleted_at.is_(None) & ~runs.is_archived()
        return list(runs.records(session, wanted)[0])


def test_the_list_is_what_reading_one_by_one_gives(stored: RunStore) -> None:
    listed = stored.list_runs()
    assert [run.spec.label for run in listed] == ["größer", "ResNet-8", "ResNet-8"]
    assert [asdict(run) for run in listed] == [asdict(run) for run in one_by_one(stored)]
    assert stored.list_runs(archived=True)[0].archived


def test_only_what_changed_is_read_anew(stored: RunStore) -> None:
    before = stored.list_runs()
    assert all(now is then for now, then in zip(stored.list_runs(), before, strict=True))
    stored.rename(before[1].id, "other")
    stored.set_tags(before[2].id, [])
    after = stored.list_runs()
    assert after == one_by_one(stored)
    assert after[0] is before[0]
    assert (after[1].name, after[2].tags) == ("other", ())
    stored.delete([before[0].id])
    assert [run.id for run in stored.list_runs()] == [before[1].id, before[2].id]
    assert stored.list_runs(deleted=True)[0].deleted


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)  # another database keeps such values out
@pytest.mark.parametrize(
    ("column", "value"),
    [("status", "dancing"), ("colour", "red"), ("created_at", "never"), ("spec", "{}}"), ("seconds", "text"),
     ("environment", "[1]"), ("name", "x" * 3000)],
)  # fmt: skip
def test_an_odd_row_is_left_out_and_named(stored: RunStore, column: str, value: str) -> None:
    whole = stored.list_runs()
    with sqlite3.connect(stored.home.root / FILE_NAME) as database:
        database.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, whole[0].id))
    database.close()
    assert stored.list_runs() == whole[1:]
    assert list(stored.unreadable) == [whole[0].id]


def test_a_specification_is_the_one_that_was_written() -> None:
    spec = RunSpec(network=NetworkSpec(depth=20), recipe=RecipeSpec(init_seed=2**31 - 1, data_seed=0))
    assert stored_spec(spec.model_dump_json()) == spec
    other = spec.with_seeds(5, 6)
    assert stored_spec(other.model_dump_json()) == other
    assert stored_spec(other.model_dump_json()).recipe.seeds == (5, 6)
    named = RunSpec(name='"init_seed":1,"data_seed":2')
    assert stored_spec(named.model_dump_json()) == named
