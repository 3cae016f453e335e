"""Damage to the definitions of the tables: one that is missing, one that cannot be read, and no word of the schema."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.domain.errors import DamagedHistoryError
from resnet_studio.domain.series import Series
from resnet_studio.history.revisions import PRESENT
from resnet_studio.history.sqlite import backups, migrate
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ...databases import database_of
from .conftest import RUNS
from .test_salvage import aside, check

TABLES = ("runs", "cohorts", "tags", "queue")


def change(home: Home, *statements: str) -> None:
    with closing(sqlite3.connect(database_of(home))) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def replace_bytes(home: Home, before: bytes, after: bytes) -> None:
    content = database_of(home).read_bytes()
    assert len(before) == len(after)
    assert content.count(before) == 1, before
    database_of(home).write_bytes(content.replace(before, after))


def check_all_there(home: Home, *, writer: bool = True) -> str:
    with RunStore.open(home, writer=writer) as store:
        sentence = store.notices[0]
        runs = store.list_runs()
        assert len(runs) == RUNS
        for run in runs:
            values = np.asarray(store.curve(run.id, Series.TRAINING_LOSS).values)
            assert (len(values), values[-1]) == (1000, 1000.0)
            assert len(store.checkpoints(run.id)) == 1
    check(home)
    return sentence


@pytest.mark.parametrize("writer", [True, False])
@pytest.mark.parametrize("statement", ["DELETE FROM alembic_version", "DROP TABLE alembic_version",
                                       "UPDATE alembic_version SET version_num = '00x7'"])  # fmt: skip
def test_a_history_that_does_not_say_its_schema(filled: Home, statement: str, writer: bool) -> None:
    change(filled, statement)
    assert f"{RUNS} runs could be read out of it." in check_all_there(filled, writer=writer)


def test_an_empty_database_is_none_yet(home: Home) -> None:
    with closing(sqlite3.connect(database_of(home))) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("DROP TABLE t")
        connection.commit()
    with RunStore.open(home, writer=False) as store:
        assert (store.list_runs(), store.notices) == ([], ())


@pytest.mark.parametrize("backup", [True, False])
@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_missing(filled: Home, table: str, backup: bool) -> None:
    if backup:
        backups.back_up(database_of(filled), PRESENT.head)
    change(filled, f"DROP TABLE {table}")
    with RunStore.open(filled, writer=False) as store:
        assert f"the table {table} is missing" in store.notices[0]
        runs = store.list_runs()
        assert len(runs) == (0 if table == "runs" and not backup else RUNS)
        if table != "runs":
            assert all(run.tags == (() if table == "tags" and not backup else run.tags) for run in runs)
        if backup:
            assert "came from the backup of" in store.notices[0]
            assert all("kept" in run.tags and len(store.checkpoints(run.id)) == 1 for run in runs)
            assert all(len(store.curve(run.id, Series.TRAINING_LOSS)) == 1000 for run in runs)
    check(filled)
    assert aside(filled).exists()


def test_a_table_that_goes_while_the_history_is_in_use(filled: Home) -> None:
    with RunStore.open(filled, writer=False) as store:
        change(filled, "DROP TABLE tags")
        with pytest.raises(DamagedHistoryError, match="no such table: tags"):
            store.list_runs()


def test_a_column_that_is_missing(filled: Home) -> None:
    change(filled, "ALTER TABLE runs DROP COLUMN note")
    with RunStore.open(filled) as store:
        assert "the table runs has no column note" in store.notices[0]


@pytest.mark.parametrize("table", ["curve_chunks", "runs", "alembic_version"])
def test_a_definition_that_cannot_be_read(filled: Home, table: str) -> None:
    replace_bytes(filled, f"CREATE TABLE {table} (".encode(), f"CRDATE TABLE {table} (".encode())
    assert f"{RUNS} runs could be read out of it." in check_all_there(filled)


@pytest.mark.parametrize(("before", "after"), [
    (b"CREATE TABLE curve_chunks (", b"CREATE TABLE curve_chunkz ("),
    (b"curve_chunkscurve_chunks", b"curve_chunkzcurve_chunks"),
    (b"CREATE INDEX ix_queue_status", b"CREATE INDEX ix_queue_stat\xffs"),
    (b"CREATE INDEX ix_queue_status", b"CREATE INDEY ix_queue_status"),
    (b"CREATE TABLE runs (", b"CREATE TABL\x85 runs ("),  # then SQLite's own message is no UTF-8
    (b"CREATE INDEX ix_queue_status", b"CREATE INDE\x95 ix_queue_status"),
])  # fmt: skip
def test_other_letters_of_the_definitions(filled: Home, before: bytes, after: bytes) -> None:
    replace_bytes(filled, before, after)
    check_all_there(filled)


@pytest.mark.parametrize("revision", PRESENT.revisions)
def test_what_counts_as_missing_is_what_the_migrations_make(revision: str, tmp_path: Path) -> None:
    """The present schema lacks nothing, so that no sound history is ever set aside for it."""
    from resnet_studio.history.revisions import Schema

    file = tmp_path / "history.sqlite3"
    migrate.migrate(file, Schema(PRESENT.revisions[: PRESENT.revisions.index(revision) + 1]))
    assert migrate.look(file, check=True) == revision
