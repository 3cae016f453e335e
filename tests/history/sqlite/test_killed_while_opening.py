"""A process that dies at any single step of migrating, or of setting a damaged history aside, costs nothing."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.sqlite.migrate import PRESENT
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ...databases import database_of
from ..test_schema import Spawn, columns
from .test_migrate import PLAIN, RESIDUAL, SCRIPT, rows

KILLER = """
import os, shutil, sys
from pathlib import Path
from sqlalchemy import Engine, event
import alembic.command, alembic.config, alembic.script
from resnet_studio.platform.home import Home
from resnet_studio.history.sqlite import connections, gather, migrate, salvage
from resnet_studio.history.store import RunStore

count = last = 0

def step(*_):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), 9)

def counted(owner, name):
    real = getattr(owner, name)
    def call(*arguments, **options):
        found = real(*arguments, **options)
        step()
        return found
    setattr(owner, name, call)

for owner, name in ((os, "fsync"), (os, "link"), (Path, "rename"), (Path, "unlink"), (Path, "replace"),
                    (migrate, "migrate"), (salvage, "migrate"), (gather, "_copy_table"), (gather, "_mend"),
                    (connections, "check_foreign_keys")):
    counted(owner, name)
if sys.argv[3:]:
    event.listen(Engine, "after_cursor_execute", step)

source, folder = Path(sys.argv[1]), Path(sys.argv[2])
while True:
    last += 1
    home = Home(folder / f"killed-{last}").prepare()
    shutil.copy(source, home.root / "history.sqlite3")
    pid = os.fork()
    if not pid:
        try:
            RunStore.open(home).close()
        finally:
            os._exit(0)
    if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
        break
print(last)
"""


def killed_homes(spawn: Spawn, database: Path, folder: Path, *, statements: bool) -> list[Home]:
    """Homes with a copy of ``database`` each, opened by a process that died one step later than in the one before."""
    folder.mkdir()
    process = spawn(KILLER, str(database), str(folder), *(["statements too"] if statements else []))
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return [Home(folder / f"killed-{step}") for step in range(1, int(said) + 1)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A history that the program with schema 0001 wrote."""
    file = tmp_path / "old.sqlite3"
    connection = sqlite3.connect(file)
    connection.executescript(SCRIPT.read_text(encoding="utf-8"))
    connection.close()
    return file


def test_a_migration_that_dies_at_any_step_leaves_a_history_that_opens(old: Path, tmp_path: Path, spawn: Spawn) -> None:
    tables = ("runs", "cohorts", "curve_chunks", "checkpoints", "tags")
    before = {table: rows(old, table) for table in tables}
    homes = killed_homes(spawn, old, tmp_path / "homes", statements=True)
    assert len(homes) > 12
    migrated = 0
    for home in homes:
        migrated += "protocol_key" in columns(database_of(home), "evaluations")
        with RunStore.open(home) as store:
            assert [run.id for run in store.list_runs()] == [PLAIN, RESIDUAL]
            assert store.curve(RESIDUAL, Series.TRAINING_LOSS).iterations.tolist() == list(range(1, 31))
            assert store.evaluations() == ()
            assert store.notices == ()
            store.rename(PLAIN, "it can be written")
            store.rename(PLAIN, "plain-8")
        for table in tables[1:]:
            assert rows(database_of(home), table) == before[table]
        connection = sqlite3.connect(database_of(home))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(PRESENT.head,)]
        connection.close()
        copies = list(home.root.glob("backups/history.schema-0001.*.sqlite3"))
        assert copies, "the copy was there before the first change"
        assert all(rows(copy, "runs") == before["runs"] for copy in copies)
    assert 0 < migrated < len(homes), "killed before and after the change was made"


def test_setting_aside_that_dies_at_any_step_loses_nothing(
    home: Home, tiny_twin: CohortSpec, tmp_path: Path, spawn: Spawn
) -> None:
    with RunStore.open(home) as store:
        ids = [run.id for run in store.create_cohort(tiny_twin)]
        store.set_tags(ids[0], ["x" * 90])
    content = bytearray(database_of(home).read_bytes())
    place = content.index(b"x" * 90) // 4096 * 4096
    content[place : place + 4096] = b"\x5a" * 4096
    damaged = tmp_path / "damaged.sqlite3"
    damaged.write_bytes(content)
    homes = killed_homes(spawn, damaged, tmp_path / "homes", statements=False)
    assert len(homes) > 15
    for each in homes:
        with RunStore.open(each) as store:
            assert [run.id for run in store.list_runs()] == ids
            assert store.writable
        kept = list(each.root.glob("history.damaged-*.sqlite3"))
        assert kept, "the damaged file is there"
        assert all(file.read_bytes() == content for file in kept)
        left = sorted(path.name for path in each.root.glob("history*") if "damaged" not in path.name)
        assert left == ["history.sqlite3"]
        shutil.rmtree(each.root)
