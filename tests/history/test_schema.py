"""Creating, migrating, backing up and refusing databases."""

from __future__ import annotations

import hashlib
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Protocol

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.revisions import PRESENT, Schema
from resnet_studio.history.schema import REVISIONS, Base
from resnet_studio.history.sqlite import backups, connections, migrate
from resnet_studio.history.sqlite.storage import SqliteStorage
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..databases import database_of
from .sqlite.write_new_history import definitions, upgraded

NEXT_SCHEMA = """
import os, signal
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "NEXT", "PRESENT", None, None

def upgrade():
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("mood", sa.String(10), nullable=False, server_default="good"))
        runs.alter_column("note", new_column_name="remark")
    op.create_table("moods", sa.Column("key", sa.Integer(), primary_key=True))
    trouble = os.environ.get("MIGRATION_TROUBLE")
    if trouble == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if trouble == "fail":
        raise ArithmeticError("a mistake in a migration")
"""

HEAD, NEXT = PRESENT.head, "9999"


class Spawn(Protocol):
    def __call__(self, script: str, *arguments: str) -> subprocess.Popen[str]: ...


@pytest.fixture
def backend() -> str:
    """These are about files."""
    return "sqlite"


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("writer")
    }


def columns(database: Path, table: str) -> set[str]:
    with sqlite3.connect(database) as connection:
        found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    connection.close()
    return found


@pytest.fixture
def filled(home: Home, tiny_twin: CohortSpec) -> Home:
    """A home with a closed history of two runs."""
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    return home


@pytest.fixture
def next_schema(tmp_path: Path) -> Schema:
    """What a later version of the program might bring."""
    folder = tmp_path / "100% migrations"
    shutil.copytree(PRESENT.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v9999_moods.py").write_text(NEXT_SCHEMA.replace("PRESENT", HEAD).replace("NEXT", NEXT))
    return Schema((*REVISIONS, NEXT), folder)


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    upgraded(tmp_path / "upgraded.sqlite3")
    engine = create_engine(connections.sqlite_url(tmp_path / "upgraded.sqlite3"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    in_memory = create_engine("sqlite://")
    Base.metadata.create_all(in_memory)
    migrated, modelled = inspect(engine), inspect(in_memory)
    for table in Base.metadata.tables:
        assert migrated.get_pk_constraint(table) == modelled.get_pk_constraint(table)
        assert migrated.get_foreign_keys(table) == modelled.get_foreign_keys(table)
        assert migrated.get_unique_constraints(table) == modelled.get_unique_constraints(table)
    in_memory.dispose()
    engine.dispose()


def test_a_new_history_is_what_the_revisions_lead_to(home: Home, tmp_path: Path) -> None:
    RunStore.open(home).close()
    upgraded(tmp_path / "upgraded.sqlite3")
    assert definitions(database_of(home)) == definitions(tmp_path / "upgraded.sqlite3")
    with sqlite3.connect(database_of(home)) as connection:
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [(HEAD,)]
    connection.close()


def test_the_known_revisions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(PRESENT.folder))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS
    assert scripts.get_heads() == [PRESENT.head]


def test_the_tables_are_not_made_for_sqlite_alone() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = "\n".join(str(CreateTable(table).compile(dialect=dialect)) for table in Base.metadata.sorted_tables)
    for table in Base.metadata.sorted_tables:
        for index in table.indexes:
            str(CreateIndex(index).compile(dialect=dialect))
    assert "points BYTEA NOT NULL" in made
    assert "DOUBLE PRECISION" in made
    assert "key SERIAL" in made


def test_an_older_schema_is_copied_then_migrated(
    filled: Home, next_schema: Schema, caplog: pytest.LogCaptureFixture
) -> None:
    copy = migrate.prepare(database_of(filled), schema=next_schema)
    assert copy is not None
    assert str(copy) in caplog.text
    assert copy.parent == filled.root / "backups"
    assert copy.name.startswith(f"history.schema-{HEAD}.")
    assert copy.suffix == ".sqlite3"
    assert {"mood", "remark"} <= columns(database_of(filled), "runs")
    assert "note" in columns(copy, "runs")
    assert "mood" not in columns(copy, "runs")
    with sqlite3.connect(database_of(filled)) as connection:
        assert connection.execute("SELECT name, mood FROM runs ORDER BY key").fetchall() == [
            ("plain-8", "good"),
            ("ResNet-8", "good"),
        ]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert migrate.prepare(database_of(filled), schema=next_schema) is None, "nothing is left to do"

    moved = Home(filled.root.parent / "from the copy").prepare()
    shutil.copy(copy, database_of(moved))
    with RunStore.open(moved) as store:
        assert [run.name for run in store.list_runs()] == ["plain-8", "ResNet-8"]


def test_a_migration_that_fails_leaves_everything_as_it_was(
    filled: Home, next_schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_TROUBLE", "fail")
    with pytest.raises(ArithmeticError):
        migrate.prepare(database_of(filled), schema=next_schema)
    with RunStore.open(filled) as store:
        assert len(store.list_runs()) == 2
    assert "mood" not in columns(database_of(filled), "runs")
    assert len(list(filled.root.glob(f"backups/history.schema-{HEAD}.*.sqlite3"))) == 1


def test_a_migration_killed_in_the_middle_leaves_everything_as_it_was(
    filled: Home, next_schema: Schema, monkeypatch: pytest.MonkeyPatch, spawn: Spawn
) -> None:
    monkeypatch.setenv("MIGRATION_TROUBLE", "kill")
    script = (
        "import sys; from pathlib import Path; from resnet_studio.history.revisions import Schema; "
        "from resnet_studio.history.sqlite.migrate import prepare; "
        f"prepare(Path(sys.argv[1]), schema=Schema({(*REVISIONS, NEXT)!r}, Path(sys.argv[2])))"
    )
    process = spawn(script, str(database_of(filled)), str(next_schema.folder))
    assert process.wait(60) == -signal.SIGKILL
    with RunStore.open(filled) as store:
        assert [run.name for run in store.list_runs()] == ["plain-8", "ResNet-8"]
    monkeypatch.delenv("MIGRATION_TROUBLE")
    assert migrate.prepare(database_of(filled), schema=next_schema) is not None
    assert "mood" in columns(database_of(filled), "runs")


def test_a_copy_holds_what_is_still_in_the_log(filled: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(filled) as store:
        store.create_cohort(tiny_twin)
        copy = backups.back_up(database_of(filled), HEAD)
        with sqlite3.connect(copy) as connection:
            assert connection.execute("SELECT count(*) FROM runs").fetchone() == (4,)
        connection.close()
    assert not list(filled.root.rglob("*.partial"))


def test_a_newer_schema_is_refused_and_untouched(filled: Home, next_schema: Schema) -> None:
    migrate.prepare(database_of(filled), schema=next_schema)
    before = digest(filled.root)
    for writer in (True, False):
        with pytest.raises(StoreError, match=rf"newer ResNet Studio \(schema {NEXT}, .* up to {HEAD}\)") as caught:
            RunStore.open(filled, writer=writer)
        assert str(database_of(filled)) in str(caught.value)
        assert "\n" not in str(caught.value)
        if writer:
            assert digest(filled.root) == before, "not even a file beside it"
    assert digest(filled.root)[database_of(filled).name] == before[database_of(filled).name]


def test_a_reader_migrates_an_older_schema_when_nobody_writes(filled: Home, next_schema: Schema) -> None:
    database = SqliteStorage(database_of(filled), next_schema)
    database.open_for_reading()
    assert not database.writable
    assert database.backup is not None
    assert "mood" in columns(database_of(filled), "runs")
    again = SqliteStorage(database_of(filled), next_schema)
    assert again.open_for_writing(), "the lock was not kept"
    assert again.backup is None
    database.close()
    again.close()


def test_an_older_schema_in_use_is_left_to_its_user(filled: Home, next_schema: Schema) -> None:
    with RunStore.open(filled) as store:
        newer = SqliteStorage(database_of(filled), next_schema)
        assert not newer.open_for_writing()
        with pytest.raises(StoreError, match=r"an older form .* another ResNet Studio is using it"):
            newer.open_for_reading()
        newer.close()
        assert len(store.list_runs()) == 2
    assert "mood" not in columns(database_of(filled), "runs")


def test_every_connection_is_as_it_should_be(store: RunStore) -> None:
    def pragma(session: object, name: str) -> object:
        return session.connection().exec_driver_sql(f"PRAGMA {name}").scalar()  # type: ignore[attr-defined]

    with store._storage.writing() as session:
        assert [pragma(session, name) for name in ("foreign_keys", "journal_mode", "synchronous")] == [1, "wal", 2]
    with store._storage.reading() as session:
        assert [pragma(session, name) for name in ("foreign_keys", "query_only", "wal_autocheckpoint")] == [1, 1, 0]


def test_an_empty_file_is_a_new_history(home: Home, tiny_twin: CohortSpec) -> None:
    database_of(home).touch()
    with RunStore.open(home, writer=False) as reader:
        assert reader.list_runs() == []
    with RunStore.open(home) as store:
        assert len(store.create_cohort(tiny_twin)) == 2


def test_a_name_with_odd_characters_is_only_a_name(tmp_path: Path, tiny_twin: CohortSpec) -> None:
    home = Home(tmp_path / "50% of it? #1 & ä; 'quoted'").prepare()
    with RunStore.open(home) as store:
        run = store.create_cohort(tiny_twin)[0]
    with RunStore.open(home) as store, RunStore.open(home, writer=False) as reader:
        assert store.get(run.id) == reader.get(run.id)
        assert len(reader.curve(run.id, Series.TEST_LOSS)) == 0
    assert database_of(home).exists()
