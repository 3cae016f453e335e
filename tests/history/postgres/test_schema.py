"""The same migrations make the same tables on a server, one program at a time; what else lies there is left alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.postgres.connections import single_engine
from resnet_studio.history.postgres.place import url_of
from resnet_studio.history.postgres.storage import PostgresStorage
from resnet_studio.history.revisions import PRESENT, Schema
from resnet_studio.history.schema import REVISIONS, Base
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.home import Home

from ...postgres import Server
from ..test_schema import NEXT, NEXT_SCHEMA


@pytest.fixture
def bare(server: Server) -> Iterator[str]:
    """The URL of a database without a table."""
    name = server.make_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def next_schema(tmp_path: Path) -> Schema:
    folder = tmp_path / "migrations"
    shutil.copytree(PRESENT.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = NEXT_SCHEMA.replace("PRESENT", PRESENT.head).replace("NEXT", NEXT)
    (folder / "versions" / "v9999_moods.py").write_text(text)
    return Schema((*REVISIONS, NEXT), folder)


def test_models_and_migrations_agree(home: Home) -> None:
    engine = single_engine(url_of(home.history))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    tables = inspect(engine)
    kinds = {column["name"]: str(column["type"]) for column in tables.get_columns("runs")}
    assert (kinds["name"], kinds["note"], kinds["test_error"]) == ("TEXT", "TEXT", "DOUBLE PRECISION")
    assert {str(column["type"]) for column in tables.get_columns("evaluations") if "seed" in column["name"]} == {
        "BIGINT"
    }
    engine.dispose()


def test_many_programs_that_open_an_empty_database_make_the_tables_once(bare: str, tmp_path: Path) -> None:
    def open_one(number: int) -> bool:
        with open_history(bare, home=Home(tmp_path / str(number))) as store:
            return store.writable and store.list_runs() == []

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(open_one, range(6)))


def test_an_older_schema_is_migrated_for_everybody(home: Home, tiny_twin: CohortSpec, next_schema: Schema) -> None:
    with open_history(home) as store:
        run = store.create_cohort(tiny_twin)[0]
        store.set_note(run.id, "kept")
    newer = PostgresStorage(home.history, next_schema)
    assert newer.open_for_writing()
    with newer.reading() as session:
        found = session.connection().exec_driver_sql("SELECT mood, remark FROM runs ORDER BY key").fetchall()
    assert [tuple(row) for row in found] == [("good", "kept"), ("good", "")]
    assert newer.inspect().schema == f"schema {NEXT} of {NEXT}"
    newer.close()
    for writer in (True, False):
        with pytest.raises(StoreError, match=rf"newer ResNet Studio \(schema {NEXT}, .* up to {PRESENT.head}\)"):
            open_history(home, writer=writer)


def test_a_migration_that_fails_leaves_everything_as_it_was(
    home: Home, tiny_twin: CohortSpec, next_schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_history(home) as store:
        store.create_cohort(tiny_twin)
    monkeypatch.setenv("MIGRATION_TROUBLE", "fail")
    newer = PostgresStorage(home.history, next_schema)
    with pytest.raises(ArithmeticError):
        newer.open_for_writing()
    newer.close()
    with open_history(home) as store:
        assert len(store.list_runs()) == 2


def test_a_database_of_something_else_is_left_alone(bare: str, home: Home, server: Server) -> None:
    name = bare.split("/")[3].split("?")[0]
    server.run_sql("CREATE TABLE customers (key integer)", database=name)
    with pytest.raises(StoreError, match="holds tables of something else"):
        open_history(bare, home=home)
    assert server.run_sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=name) == [(1,)]


def test_another_encoding_is_refused(server: Server, home: Home) -> None:
    server.run_sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(StoreError, match="keeps text as LATIN1"):
            open_history(server.url("latin"), home=home)
    finally:
        server.drop_database("latin")


def test_who_may_only_read_reads(home: Home, server: Server, tiny_twin: CohortSpec) -> None:
    name = home.history.split("/")[3].split("?")[0]
    with open_history(home) as store:
        run = store.create_cohort(tiny_twin)[0]
    server.run_sql(
        "DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest",
        database=name,
    )  # fmt: skip
    try:
        with RunStore.open_url(home, home.history.replace("postgres@", "guest@"), writer=True, wait_seconds=0) as guest:
            assert not guest.writable
            assert "may only read" in guest.why_read_only
            assert guest.get(run.id).name == run.name
            with pytest.raises(StoreError, match="may only read"):
                guest.rename(run.id, "x")
    finally:
        server.run_sql("DROP OWNED BY guest", database=name)
        server.run_sql("DROP ROLE guest")
