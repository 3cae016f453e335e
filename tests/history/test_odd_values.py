"""One odd value anywhere: what can be read is listed, what cannot is named, and an odd run can be deleted."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import numpy as np
import pytest

from resnet_studio.domain.documents import cohort_from_toml, from_json
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import SpecError, StoreError, UserError
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import Evaluation
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..databases import database_of


@pytest.fixture
def backend() -> str:
    """These are about values that only SQLite takes."""
    return "sqlite"


ODD = (
    None, "", "hibernating", "{", "null", "[1, 2]", '{"a": {"b": 1}}', -1, 2**62, 1e308, float("inf"), b"\x00\xff",
    "\ud800".encode("utf-8", "surrogatepass"), "x" * 200_000, "[" * 100_000, "0001-01-01 00:00:00.000000",
    "9999-12-31 23:59:59.000000", "2026-13-45 99:99:99.000000",
)  # fmt: skip
COLUMNS = {
    "runs": (
        "id", "cohort_key", "position", "name", "status", "reason", "spec", "iteration", "training_error", "test_error",
        "best_test_error", "parameters", "multiply_adds", "weights_sha256", "created_at", "updated_at", "seconds",
        "colour", "note", "class_names", "environment", "deleted_at", "ended_at",
    ),
    "cohorts": ("id", "name", "study", "created_at"),
    "tags": ("tag", "position"),
    "curve_chunks": (
        "series", "first_iteration", "last_iteration", "stride", "count", "minimum", "maximum", "last", "points",
    ),
    "checkpoints": ("iteration", "folder", "weights_sha256", "seconds", "created_at"),
    "evaluations": (
        "id", "protocol_key", "protocol", "data", "data_seed", "data_sha256", "images", "classes", "left_out",
        "top1_error", "top5_error", "created_at", "seconds", "class_names", "skipped", "confusion", "labels",
        "predicted", "confidence", "names",
    ),
    "evaluation_members": ("run_key", "weights_sha256", "iteration", "top1_error"),
}  # fmt: skip


def evaluation(number: int, run_id: str) -> Evaluation:
    labels = np.zeros(4, np.int32)
    return Evaluation(
        id=f"{number:032x}", run_ids=(run_id,), protocol=Protocol(), data="builtin", data_seed=0, data_sha256="d" * 64,
        images=4, top1_error=0.0, top5_error=0.0, class_names=("a", "b"), confusion=np.array([[4, 0], [0, 0]]),
        labels=labels, predicted=labels, confidence=np.ones(4, np.float32), names=("1", "2", "3", "4"),
        member_errors=(), weights=("a" * 64,), iterations=(2,), created_at=datetime(2026, 1, 2, tzinfo=UTC),
        seconds=1.0,
    )  # fmt: skip


@pytest.fixture
def filled(home: Home, tiny_twin: CohortSpec) -> tuple[str, str]:
    """Two healthy cohorts with everything; the ids of the run to be changed and of one that stays."""
    with RunStore.open(home) as store:
        first, second = (store.create_cohort(tiny_twin) for _ in range(2))
        for number, run in enumerate((first[0], second[0])):
            series = (Series.TRAINING_ERROR, Series.TEST_ERROR)
            store.append_chunks([CurveChunk(run.id, one, 1, np.array([5.0, 4.0], np.float32)) for one in series])
            store.append_chunks([CurveChunk(run.id, one, 3, np.array([3.0], np.float32)) for one in series])
            store.add_checkpoint(run.id, 2, f"{run.id}/checkpoints/iteration-2", "a" * 64, 1.0)
            store.set_tags(run.id, ["mine"])
            store.add_evaluation(evaluation(number, run.id))
            store.set_status(run.id, RunStatus.STOPPED)
        return first[0].id, second[0].id


def change(home: Home, table: str, column: str, value: object) -> bool:
    """Put ``value`` into the first row; False where the database itself refuses."""
    connection = sqlite3.connect(database_of(home))
    try:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT min(rowid) FROM {table})", (value,))
        connection.commit()
    except sqlite3.IntegrityError:
        return False
    finally:
        connection.close()
    return True


def look(store: RunStore, healthy: str) -> None:
    """Everything that lists, and everything of a healthy run, answers."""
    listed = {run.id: run for run in store.list_runs()}
    assert healthy in listed
    assert len(listed) + len(store.unreadable) + len(store.list_runs(deleted=True)) + len(store.unreadable_deleted) == 4
    summaries = store.evaluations()
    assert len(summaries) + len(store.unreadable_evaluations) in (1, 2)
    store.odd_pieces()
    assert store.get(healthy) == listed[healthy]
    assert store.find(healthy[:8]).id == healthy
    for run_id in listed:
        for curve in store.curves([run_id], tuple(Series)).values():
            assert len(curve.iterations) == len(curve.values)
            assert (np.diff(curve.iterations) > 0).all()
        store.checkpoints(run_id)
        assert all(error.sentence for error in listed[run_id].evaluated)
    for summary in summaries:
        with contextlib.suppress(StoreError):
            assert store.evaluation(summary.id).run_ids == summary.run_ids
    assert store.curve(healthy, Series.TEST_ERROR).values.tolist() == [5.0, 4.0, 3.0]
    assert store.cohort_runs(listed[healthy].cohort_id)[0].id == healthy


def try_each(home: Home, filled: tuple[str, str], table: str, values: Callable[[int], Iterable[object]]) -> int:
    """Put values into each column of ``table``, one at a time; returns how many the database took."""
    odd, healthy = filled
    sound = database_of(home).read_bytes()
    changed = 0
    for number, column in enumerate(COLUMNS[table]):
        for value in values(number):
            database_of(home).write_bytes(sound)
            if not change(home, table, column, value):
                continue
            changed += 1
            with RunStore.open(home) as store:
                look(store, healthy)
                said = [*store.unreadable.values(), *store.unreadable_deleted.values()]
                assert all(sentence.endswith(".") and len(sentence) < 1000 for sentence in said)
                if table == "runs" and column not in ("id", "deleted_at"):
                    store.delete(list(store.find_names([odd])))
                    assert odd not in {run.id for run in store.list_runs()} | set(store.unreadable)
                    assert store.purge_deleted() == 1, (column, value)
                    assert len(store.list_runs()) == 3, (column, value)
                    assert store.unreadable == {}
    return changed


def few(number: int) -> tuple[object, ...]:
    """Two of the values, others for each column."""
    return ODD[number % len(ODD)], ODD[(7 * number + 3) % len(ODD)]


@pytest.mark.parametrize("table", COLUMNS)
def test_few_odd_values_in_every_column(home: Home, filled: tuple[str, str], table: str) -> None:
    assert try_each(home, filled, table, few)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("table", COLUMNS)
def test_others_in_every_column(home: Home, filled: tuple[str, str], table: str) -> None:
    def others(number: int) -> list[object]:
        """A third of them: three columns in a row have met each."""
        return [value for value in ODD[number % 3 :: 3] if not any(value is one for one in few(number))]

    assert try_each(home, filled, table, others) >= len(COLUMNS[table])


def test_an_odd_run_is_deleted_by_its_name(home: Home, filled: tuple[str, str]) -> None:
    change(home, "runs", "id", "Ünlike any/../id")
    change(home, "runs", "name", "gone")
    with RunStore.open(home) as store:
        store.list_runs()
        assert list(store.unreadable) == ["Ünlike any/../id"]
        with pytest.raises(StoreError, match="which no run can have"):
            store.find("gone")
        for text in ("gone", "Ünlike any/../id"):
            assert store.find_names([text]) == {"Ünlike any/../id": "gone"}
        store.delete(["Ünlike any/../id"])
        assert store.list_runs(deleted=True) == []
        assert list(store.unreadable_deleted) == ["Ünlike any/../id"]
        assert store.find_names(["gone"], deleted=True) == {"Ünlike any/../id": "gone"}
        with pytest.raises(UserError, match="No deleted run is called"):
            store.find_names(["ResNet-8"], deleted=True)
        store.restore(["Ünlike any/../id"])
        store.delete(["Ünlike any/../id"])
        assert store.purge_deleted() == 1


def test_a_deletion_without_a_date_can_be_made_final(home: Home, filled: tuple[str, str]) -> None:
    change(home, "runs", "deleted_at", "some day")
    with RunStore.open(home) as store:
        assert len(store.list_runs()) == 3
        assert len(store.list_runs(deleted=True)) == 1
        assert store.purge_deleted() == 1


def test_odd_pieces_of_curves_are_counted_and_left_out(home: Home, filled: tuple[str, str]) -> None:
    odd, _healthy = filled
    connection = sqlite3.connect(database_of(home))
    connection.execute("UPDATE curve_chunks SET points = 'words' WHERE first_iteration = 3 AND run_key = 1")
    connection.commit()
    connection.close()
    with RunStore.open(home) as store:
        assert store.curve(odd, Series.TEST_ERROR).values.tolist() == [5.0, 4.0]
        assert store.odd_pieces() == {odd: 2}
        store.append_chunks([CurveChunk(odd, Series.TRAINING_ERROR, 4, np.array([1.0], np.float32))])
        store.truncate_curves(odd, 1)
        assert store.curve(odd, Series.TEST_ERROR).values.tolist() == [5.0]
        assert store.odd_pieces() == {}


def test_an_evaluation_that_unpacks_to_more_than_it_should(home: Home, filled: tuple[str, str]) -> None:
    change(home, "evaluations", "labels", zlib.compress(bytes(50_000_000)))
    with RunStore.open(home) as store, pytest.raises(StoreError, match="more than 16 bytes"):
        store.evaluation(f"{0:032x}")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000])
def test_specifications_nested_without_end(text: str) -> None:
    with pytest.raises(SpecError):
        from_json(RunSpec, text)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "9" * 5000,
        "a" + ".a" * 100_000 + " = 1",
        "a = 1\n" * 2,
        "1.1a" * 20_000 + " = 1",
        "1." * 20_000 + "1 = 1",
    ],
)
def test_run_files_that_parsers_throw_at(text: str) -> None:
    with pytest.raises(SpecError):
        cohort_from_toml(text)
