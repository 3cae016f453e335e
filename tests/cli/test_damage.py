"""Whatever the command, a history that was damaged is named on stderr, and the rest of it is there."""

from __future__ import annotations

from pathlib import Path

from .conftest import Trained, say


def test_the_history_is_set_aside_and_the_command_does_its_work(trained: Trained) -> None:
    database = trained.home / "history.sqlite3"
    content = bytearray(database.read_bytes())
    content[4096 * 2 : 4096 * 3] = b"\x5a" * 4096
    database.write_bytes(content)
    said = trained.say("runs", "purge")
    assert said.code == 0
    listed = trained.say("runs", "list", "--json")
    assert len(listed.json) <= 2
    assert listed.err == "", "it is said once"
    (aside,) = trained.home.glob("history.damaged-*.sqlite3")
    assert aside.read_bytes() == content
    assert str(aside) in said.err
    assert "Traceback" not in said.err


def test_runs_without_a_history_are_named(tmp_path: Path) -> None:
    (tmp_path / "runs" / ("a" * 32)).mkdir(parents=True)
    said = say("--home", tmp_path, "runs", "list")
    assert "the folder of 1 run lies in" in said.err
    assert said.code == 0
