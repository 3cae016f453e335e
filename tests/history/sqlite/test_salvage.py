"""A damaged database is set aside and named, and what can be read of it is the history; killed at any step or not."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.sqlite import salvage
from resnet_studio.history.sqlite.gather import Gathered
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ...databases import database_of
from ..test_schema import Spawn
from .conftest import RUNS
from .test_migrate import SCRIPT

PAGE = 4096


def table_pages(database: Path, table: str) -> list[int]:
    """Numbers of the pages of ``table`` that hold its rows (leaves; the first page of a file is 1)."""
    content = database.read_bytes()
    connection = sqlite3.connect(database)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    connection.close()
    kind = content[(root - 1) * PAGE]
    if kind == 13:
        return [int(root)]
    page = content[(root - 1) * PAGE : root * PAGE]
    cells = int.from_bytes(page[3:5], "big")
    places = [int.from_bytes(page[12 + 2 * i : 14 + 2 * i], "big") for i in range(cells)]
    return [int.from_bytes(page[place : place + 4], "big") for place in places] + [int.from_bytes(page[8:12], "big")]


def spoil(database: Path, page: int) -> None:
    with database.open("rb+") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\x5a" * PAGE)


def check(home: Home) -> None:
    connection = sqlite3.connect(database_of(home))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def aside(home: Home) -> Path:
    (found,) = home.root.glob("history.damaged-*.sqlite3")
    return found


@pytest.mark.parametrize("writer", [True, False])
@pytest.mark.parametrize("content", [b"x", b"not a database at all\n" * 1000, bytes(8192), b"SQLite format 3\x00"])
def test_what_is_no_database_is_set_aside_as_it_was(home: Home, content: bytes, writer: bool) -> None:
    database_of(home).write_bytes(content)
    with RunStore.open(home, writer=writer) as store:
        (sentence,) = store.notices
        assert store.list_runs() == []
    assert aside(home).read_bytes() == content
    assert str(aside(home)) in sentence
    assert "no run could be read out of it" in sentence
    assert "\n" not in sentence
    with RunStore.open(home) as store:
        assert store.notices == ()
        assert store.writable


@pytest.mark.parametrize("table", ["curve_chunks", "runs", "cohorts", "tags", "checkpoints"])
def test_a_page_of_nonsense_costs_what_was_on_it(filled: Home, table: str) -> None:
    pages = table_pages(database_of(filled), table)
    spoil(database_of(filled), pages[len(pages) // 2])
    before = database_of(filled).read_bytes()
    with RunStore.open(filled) as store:
        runs = store.list_runs()
        sentence, *more = store.notices
        whole = [run for run in runs if len(store.curve(run.id, Series.TRAINING_LOSS)) == 1000]
        for run in whole:
            assert store.curve(run.id, Series.TRAINING_LOSS).values[-1] == 1000
        store.rename(runs[0].id, "it can be written")
    check(filled)
    assert aside(filled).read_bytes() == before
    if table == "runs":
        assert RUNS - 6 <= len(runs) < RUNS, "some runs share a page"
        count = RUNS - len(runs)
        folders = f"The folders of {count} runs are" if count > 1 else "The folder of 1 run is"
        assert more == [
            f"{folders} there, but not in the list; `resnet-studio doctor` names them, and nothing was deleted."
        ]
    else:
        assert len(runs) == RUNS
        assert all(run.status is RunStatus.FINISHED and run.spec.network.depth == 8 for run in runs)
    if table == "curve_chunks":
        assert RUNS - 3 <= len(whole) < RUNS, "two chunks fill a page"
        assert "without some points of run" in sentence
    else:
        assert len(whole) == len(runs)
    if table != "tags":
        assert all("kept" in run.tags for run in runs)


def test_a_file_that_was_cut_short_keeps_what_is_left(filled: Home) -> None:
    whole = database_of(filled).read_bytes()
    database_of(filled).write_bytes(whole[: len(whole) * 6 // 10 // PAGE * PAGE])
    with RunStore.open(filled) as store:
        runs = store.list_runs()
        assert 0 < len(runs) < RUNS
        assert f"{len(runs)} runs could be read" in store.notices[0]
        for run in runs:
            assert run.spec.network.depth == 8
    check(filled)


def test_a_lost_first_page_loses_the_history_but_not_the_folders(filled: Home) -> None:
    spoil(database_of(filled), 1)
    with RunStore.open(filled) as store:
        assert store.list_runs() == []
        assert "no run could be read" in store.notices[0]
    assert len(list(filled.runs.iterdir())) == RUNS


def test_an_older_schema_is_read_into_the_present_one(home: Home) -> None:
    connection = sqlite3.connect(database_of(home))
    connection.executescript(SCRIPT.read_text(encoding="utf-8"))
    connection.close()
    spoil(database_of(home), table_pages(database_of(home), "tags")[0])
    with RunStore.open(home) as store:
        assert len(store.list_runs()) == 2
        assert store.evaluations() == ()
        assert "2 runs could be read" in store.notices[0]
    check(home)


def test_what_lies_in_the_log_is_read_too(filled: Home, tiny_twin: CohortSpec, spawn: Spawn) -> None:
    script = (
        "import os, sys; from pathlib import Path; from resnet_studio.platform.home import Home\n"
        "from resnet_studio.history.store import RunStore\n"
        "store = RunStore.open(Home(Path(sys.argv[1])))\n"
        "store.rename(store.list_runs()[0].id, 'in the log')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    page = table_pages(database_of(filled), "checkpoints")[0]
    assert spawn(script, str(filled.root)).wait(60) == -signal.SIGKILL
    log_file = filled.root / "history.sqlite3-wal"
    content = log_file.read_bytes()
    assert content
    spoil(database_of(filled), page)
    with RunStore.open(filled) as store:
        assert "in the log" in [run.name for run in store.list_runs()]
        assert len(store.list_runs()) == RUNS
    assert aside(filled).with_name(aside(filled).name + "-wal").read_bytes() == content


def test_a_newer_schema_is_refused_even_if_it_is_damaged(filled: Home) -> None:
    connection = sqlite3.connect(database_of(filled))
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    spoil(database_of(filled), table_pages(database_of(filled), "tags")[0])
    before = database_of(filled).read_bytes()
    with pytest.raises(StoreError, match="newer ResNet Studio"):
        RunStore.open(filled)
    assert database_of(filled).read_bytes() == before
    assert not list(filled.root.glob("history.damaged*"))


def test_beside_a_program_that_writes_nothing_is_set_aside(filled: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(filled) as store:
        (filled.root / "history.sqlite3-wal").unlink()
        database_of(filled).write_bytes(b"x" * PAGE)
        with pytest.raises(StoreError, match="is damaged"):
            RunStore.open(filled, writer=False)
        assert not list(filled.root.glob("history.damaged*"))
        del store


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("writer", [True, False])
def test_a_history_that_is_gone_is_named_where_runs_have_left_folders(filled: Home, empty: bool, writer: bool) -> None:
    database_of(filled).unlink()
    if empty:
        database_of(filled).touch()
    with RunStore.open(filled, writer=writer) as store:
        (sentence,) = store.notices
        assert store.list_runs() == []
    assert ("is empty" if empty else "is missing") in sentence
    assert f"folders of {RUNS} runs lie in {filled.runs}" in sentence
    assert len(list(filled.runs.iterdir())) == RUNS


def test_a_new_home_has_nothing_to_say(home: Home) -> None:
    with RunStore.open(home) as store:
        assert store.notices == ()


def test_names_in_a_sentence_are_not_too_many() -> None:
    found = salvage.Salvage(Path("x"), "torn", Gathered(9, tuple(f"run {i}" for i in range(9)), 3))
    assert "run 4 and 4 others" in found.sentence
    assert os.linesep not in found.sentence


@pytest.mark.parametrize("place", [*range(0, 36, 2), *range(36, 100, 7), 44, 47, 59])
def test_a_flipped_bit_in_the_header_does_not_lose_the_list(filled: Home, place: int) -> None:
    content = bytearray(database_of(filled).read_bytes())
    for bit in (1, 64):
        content[place] ^= bit
        database_of(filled).write_bytes(content)
        with RunStore.open(filled) as store:
            assert len(store.list_runs()) == RUNS
            store.rename(store.list_runs()[0].id, f"it can be written {bit}")
        check(filled)
        content = bytearray(database_of(filled).read_bytes())


def test_rows_between_several_torn_pages_are_found(filled: Home) -> None:
    pages = table_pages(database_of(filled), "curve_chunks")[5::10]
    content, pieces = database_of(filled).read_bytes(), 0
    for page in pages:
        pieces += int.from_bytes(content[(page - 1) * PAGE + 3 : (page - 1) * PAGE + 5], "big")
        spoil(database_of(filled), page)
    with RunStore.open(filled) as store:
        runs = store.list_runs()
        assert len(runs) == RUNS
        points = sum(len(store.curve(run.id, Series.TRAINING_LOSS)) for run in runs)
    assert len(pages) > 2
    assert points == RUNS * 1000 - 500 * pieces
    check(filled)
