"""Homes that cannot be used, and histories that need a word: one sentence, once, and no inner error."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from resnet_studio.cli import main
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import VARIABLE, Home

from ..databases import database_of
from ..disks import small_disk
from .conftest import say


@pytest.mark.parametrize("option", ["--home", "--runs"])
@pytest.mark.parametrize(("name", "why"), [
    ("x" * 256, "its name is too long"), ("x/" * 2100, "its name is too long"),
    (os.fsdecode(b"h/bad\xff"), "its name is not UTF-8"),
])  # fmt: skip
def test_a_name_that_no_folder_can_have(option: str, name: str, why: str, tmp_path: Path) -> None:
    said = say("--home", tmp_path / "home", option, name, "runs", "list")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("The folder ")
    assert said.err.endswith(f" cannot be used ({why}); choose another with {option} DIR.\n")
    assert len(said.err) < 200


def test_a_file_as_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = say("--home", tmp_path / "file", "runs", "list")
    assert (said.code, said.err) == (2, f"{tmp_path / 'file'} is a file; name a folder with --home DIR.\n")


def test_without_a_log_the_sentence_is_still_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_unused: object, **_more: object) -> object:
        raise ZeroDivisionError("inner \udcff")

    (tmp_path / "file").touch()
    monkeypatch.setattr(main, "Session", fail)
    monkeypatch.setattr(main.tempfile, "gettempdir", lambda: str(tmp_path / "file" / "temporary"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    said = say("runs", "list")
    assert said.code == 1
    assert said.err.startswith("Something went wrong inside ResNet Studio (ZeroDivisionError: inner ")
    assert said.err.endswith("), and no log could be written.\n")


@pytest.mark.skipif(os.name == "nt", reason="no pipes in folders there")
@pytest.mark.parametrize("command", [("runs", "list"), ("queue", "list"), ("queue", "add", "--depth", "8")])
def test_a_pipe_in_the_place_of_the_history(command: tuple[str, ...], home: Home) -> None:
    os.mkfifo(database_of(home))
    said = say("--home", home.root, *command)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"{database_of(home)} is a pipe or a device, not a file,")


def change(home: Home, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(database_of(home))) as connection:
        connection.execute(statement, values)
        connection.commit()


@pytest.mark.parametrize(("before", "after", "advice"), [
    ('{"', '{"x":', "; the history is damaged there."),
    ('"depth":8', '"depth":NaN', "; the history is damaged there."),
    ('"depth":8', '"depth":99998', "; the history is damaged there."),
    ('"schema_version":1', '"schema_version":99', "; install the version of ResNet Studio that wrote it."),
])  # fmt: skip
def test_a_run_that_cannot_be_read_is_named_once(
    before: str, after: str, advice: str, home: Home, tiny_twin: CohortSpec
) -> None:
    with RunStore.open(home) as store:
        first, _second = store.create_cohort(tiny_twin)
    change(home, "UPDATE runs SET spec = replace(spec, ?, ?) WHERE id = ?", before, after, first.id)
    said = say("--home", home.root, "runs", "list", "--json")
    assert (said.code, len(said.json)) == (0, 1)
    (line,) = said.err.splitlines()
    assert line.startswith(f"The specification of run {first.id[:8]} ")
    assert line.endswith(advice)


def test_a_damaged_history_is_named_once(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    change(home, "DELETE FROM alembic_version")
    said = say("--home", home.root, "runs", "list", "--json")
    assert (said.code, len(said.json)) == (0, 2)
    (line,) = said.err.splitlines()
    assert line.startswith("The history was damaged (it does not say which schema it has); the file was set aside as ")
    assert "and 2 runs could be read out of it." in line


def test_a_history_at_rest_is_read_on_a_full_disk(tmp_path: Path, tiny_twin: CohortSpec) -> None:
    with small_disk(tmp_path / "disk", 3) as disk:
        home = Home(disk.root / "home")
        with RunStore.open(home) as store:
            store.create_cohort(tiny_twin)
        disk.fill()
        listed = say("--home", home.root, "runs", "list", "--json")
        assert (listed.code, len(listed.json), listed.err) == (0, 2, "")
        added = say("--home", home.root, "queue", "add", "--depth", "8")
        assert added.code == 2
        assert added.err.endswith(f"The disk of {home.root} is full; free some space, then try again.\n")
        disk.empty()
        assert say("--home", home.root, "queue", "add", "--depth", "8").code == 0
        assert len(say("--home", home.root, "runs", "list", "--json").json) == 3


def test_switches_are_shown_without_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = {line.split()[1]: line.split() for line in say("train", "--help").out.splitlines() if "--" in line[:8]}
    for switch, word in (("--exact", "The"), ("--zero-last-gamma", "The"), ("--twin", "Train"), ("--json", "Print")):
        assert lines[switch][2] == word
    assert lines["--depth"][2] != "The"


def test_a_word_that_is_no_run_file(home: Home) -> None:
    said = say("--home", home.root, "train", "--exact", "perhaps")
    assert said.code == 2
    assert said.err.startswith("There is no run file perhaps; besides options one word is expected, the TOML file ")
