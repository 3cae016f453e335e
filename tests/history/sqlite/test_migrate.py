"""Histories that the programs with earlier schemas wrote, with runs and curves, opened by this one."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.domain.series import Series
from resnet_studio.history.sqlite.migrate import PRESENT
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ...databases import database_of
from ..test_schema import Spawn, columns

SCRIPT = Path(__file__).parent / "schema_0001.sql"
PLAIN, RESIDUAL = "b3aea59fd35b42b0affbbfad229c106b", "12396959bf7e44e58bd85c40d687e2ec"

KILLED = """
import os, signal, sys
from pathlib import Path
from resnet_studio.history.sqlite import connections, migrate
connections.check_foreign_keys = lambda connection: os.kill(os.getpid(), signal.SIGKILL)
migrate.prepare(Path(sys.argv[1]))
"""


@pytest.fixture
def old(home: Home) -> Home:
    connection = sqlite3.connect(database_of(home))
    connection.executescript(SCRIPT.read_text(encoding="utf-8"))
    connection.close()
    return home


def rows(database: Path, table: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(database)
    found = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()
    connection.close()
    return found


def as_now(before: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """Rows of an earlier schema with what the present one adds to them: when a run ended is not known of those."""
    new: dict[str, tuple[object, ...]] = {"runs": (None,)}
    return {table: [(*row, *new.get(table, ())) for row in found] for table, found in before.items()}


def test_runs_and_curves_come_through_whole(old: Home) -> None:
    tables = ("runs", "cohorts", "curve_chunks", "checkpoints", "tags")
    before = {table: rows(database_of(old), table) for table in tables}
    with RunStore.open(old) as store:
        assert store.backup is not None
        assert store.backup.name.startswith("history.schema-0001.")
        plain, residual = store.list_runs()
        assert (plain.id, residual.id) == (PLAIN, RESIDUAL)
        assert plain.status is residual.status is RunStatus.FINISHED
        assert (plain.spec.network.label, plain.parameters) == ("plain-8", 1356)
        assert plain.spec.recipe.milestones == ()
        for series in (Series.TRAINING_LOSS, Series.TRAINING_ERROR):
            curve = store.curve(RESIDUAL, series)
            assert curve.iterations.tolist() == list(range(1, 31))
            assert np.isfinite(curve.values).all()
        assert store.curve(PLAIN, Series.TEST_ERROR).values.tolist() == pytest.approx([90.958336, 90.208336])
        assert store.checkpoints(PLAIN)[0].weights_sha256 == plain.weights_sha256
        assert store.evaluations() == ()
        assert store.queue(ended=9) == []
        copy = store.backup
    for table in tables:
        assert rows(database_of(old), table) == as_now(before)[table], table
        assert rows(copy, table) == before[table], table
    assert columns(copy, "evaluations") == set()


def test_a_reader_finds_it_migrated_too(old: Home) -> None:
    with RunStore.open(old, writer=False) as reader:
        assert len(reader.list_runs()) == 2
        assert reader.evaluations(PLAIN) == ()
    assert rows(database_of(old), "alembic_version, (SELECT 1), (SELECT 1)") == [(PRESENT.head, 1, 1)]


def test_killed_before_the_commit_it_is_as_it_was(old: Home, spawn: Spawn) -> None:
    before = rows(database_of(old), "curve_chunks")
    assert spawn(KILLED, str(database_of(old))).wait(60) == -signal.SIGKILL
    connection = sqlite3.connect(database_of(old))
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    connection.close()
    assert columns(database_of(old), "evaluations") == set()
    (copy,) = old.root.glob("backups/history.schema-0001.*.sqlite3")
    assert rows(copy, "curve_chunks") == before
    with RunStore.open(old) as store:
        assert len(store.list_runs()) == 2
        assert store.evaluations() == ()
    assert rows(database_of(old), "curve_chunks") == before


def test_the_copy_is_a_history_of_its_own(old: Home, tmp_path: Path) -> None:
    with RunStore.open(old) as store:
        copy = store.backup
    assert copy is not None
    moved = Home(tmp_path / "moved").prepare()
    shutil.copy(copy, database_of(moved))
    with RunStore.open(moved) as store:
        assert [run.id for run in store.list_runs()] == [PLAIN, RESIDUAL]


WITH_EVALUATIONS = Path(__file__).parent / "schema_0002.sql"
QUEUED = "still queued"


@pytest.fixture
def with_evaluations(home: Home) -> Home:
    connection = sqlite3.connect(database_of(home))
    connection.executescript(WITH_EVALUATIONS.read_text(encoding="utf-8"))
    connection.close()
    return home


def test_what_waited_in_memory_becomes_the_queue(with_evaluations: Home) -> None:
    tables = ("runs", "cohorts", "curve_chunks", "checkpoints", "tags", "evaluations", "evaluation_members")
    before = {table: rows(database_of(with_evaluations), table) for table in tables}
    assert all(before.values()), "there is something in each table"
    with RunStore.open(with_evaluations) as store:
        assert store.backup is not None
        assert store.backup.name.startswith("history.schema-0002.")
        (entry,) = store.queue(ended=9)
        assert (entry.place, entry.status, entry.fence) == (1, QueueStatus.WAITING, 0)
        assert [(run.name, run.status) for run in entry.runs] == [(QUEUED, RunStatus.QUEUED)]
        assert not entry.claimed
    assert {table: rows(database_of(with_evaluations), table) for table in tables} == as_now(before)
    with RunStore.open(with_evaluations) as again:
        assert again.backup is None
        assert [each.id for each in again.queue()] == [entry.id]
