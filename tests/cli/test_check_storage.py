"""What the doctor says of what was stored: damage, checkpoints that are not whole, folders of nobody."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from resnet_studio.cli import check_storage
from resnet_studio.cli.check import Check, State
from resnet_studio.domain.enums import RunStatus
from resnet_studio.history.sqlite.storage import url_in
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..databases import database_of
from .conftest import Trained


def found(home: Path) -> dict[str, Check]:
    return {check.name: check for check in check_storage.storage_checks(Home(home))}


def checkpoint_folders(home: Path) -> list[Path]:
    return sorted(home.glob("runs/*/checkpoints/iteration-*"))


def test_all_is_well(trained: Trained) -> None:
    checks = found(trained.home)
    assert all(check.state is State.OK for check in checks.values())
    assert checks["checkpoints"].value == f"{len(checkpoint_folders(trained.home))} of 2 whole"
    assert checks["run folders"].value == "2, each with its run"
    assert "sound" in checks["history"].value


def test_checkpoints_that_are_not_whole_are_named(trained: Trained) -> None:
    torn, missing = checkpoint_folders(trained.home)
    weights = torn / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    shutil.rmtree(missing)
    check = found(trained.home)["checkpoints"]
    assert (check.state, check.value) == (State.WRONG, "2 of 2 are not whole")
    assert any(str(torn) in detail and "damaged (weights.safetensors)" in detail for detail in check.details)
    assert any(str(missing) in detail for detail in check.details)
    said = trained.say("doctor", "--json")
    assert said.code == 1
    told = next(each for each in said.json["checks"] if each["name"] == "checkpoints")
    assert told["details"] == list(check.details)
    assert str(torn) in trained.say("doctor").out.replace("\n", "")


def test_weights_of_another_run_are_noticed(trained: Trained) -> None:
    one, other = checkpoint_folders(trained.home)
    shutil.rmtree(one)
    shutil.copytree(other, one)
    check = found(trained.home)["checkpoints"]
    assert "1 of 2 are not whole" in check.value
    assert "holds other weights than the history says" in check.details[0]


def test_folders_of_nobody_are_named(trained: Trained) -> None:
    runs = trained.home / "runs"
    (runs / ("a" * 32)).mkdir()
    (runs / "notes of mine").mkdir()
    parent = checkpoint_folders(trained.home)[0].parent
    for name in (".writing-7-abc", "iteration-00000007-abcdef", "damaged-iteration-00000003-abcdef"):
        (parent / name).mkdir()
    checks = found(trained.home)
    assert checks["run folders"].details == (str(runs / ("a" * 32)),)
    assert len(checks["loose checkpoints"].details) == 2
    assert "damaged-iteration-00000003-abcdef" in checks["damaged checkpoints"].details[0]
    assert not any(check.state is State.WRONG for check in checks.values())
    with RunStore.open(Home(trained.home)) as store:
        store.set_status(trained.ids[0], RunStatus.RUNNING)
        store.set_status(trained.ids[1], RunStatus.RUNNING)
        assert "loose checkpoints" not in found(trained.home), "somebody is training"


def test_deleted_runs_own_their_folders(trained: Trained) -> None:
    trained.say("runs", "delete", trained.ids[0])
    assert found(trained.home)["run folders"].value == "2, each with its run"


def test_a_damaged_index_is_found_and_nothing_is_changed(trained: Trained) -> None:
    database = trained.home / "history.sqlite3"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("DROP INDEX ix_runs_name")
    connection.execute("CREATE INDEX ix_runs_name ON runs (name)")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, '(name)', '(reason)') WHERE name = 'ix_runs_name'")
    connection.commit()
    connection.close()
    before = database.read_bytes()
    checks = found(trained.home)
    assert checks["history"].state is State.WRONG
    assert any("ix_runs_name" in detail for detail in checks["history"].details)
    assert "checkpoints" not in checks
    assert database.read_bytes() == before
    assert not list(trained.home.glob("history.damaged*"))
    said = trained.say("runs", "purge")
    assert "was set aside as" in said.err
    assert "2 runs could be read out of it" in said.err
    assert all(check.state is not State.WRONG for check in found(trained.home).values())


def test_a_lost_history_and_what_lies_beside_are_named(trained: Trained) -> None:
    database = trained.home / "history.sqlite3"
    shutil.copy(database, trained.home / "history.damaged-20260101T000000.000000Z.sqlite3")
    shutil.copy(database, trained.home / "history.schema-0001.20260101T000000.000000Z.sqlite3")
    database.unlink()
    checks = found(trained.home)
    assert checks["history"].state is State.WRONG
    assert "folders of 2 runs" in checks["history"].value
    assert checks["set aside"].details[0].endswith("history.damaged-20260101T000000.000000Z.sqlite3")
    assert checks["backups"].details[0].endswith("history.schema-0001.20260101T000000.000000Z.sqlite3")
    assert not database.exists()


def test_folders_that_the_homes_own_history_knows_are_not_to_be_deleted(trained: Trained, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    home = Home(trained.home, history=url_in(elsewhere))
    empty = {check.name: check for check in check_storage.storage_checks(home)}["history"]
    assert f"the history {database_of(Home(trained.home))} knows them" in empty.value
    assert "history copy" in empty.advice
    assert "backup" not in empty.value + empty.advice
    RunStore.open(home).close()
    folders = {check.name: check for check in check_storage.storage_checks(home)}["run folders"]
    assert folders.value == "2 without a run"
    assert "leave them" in folders.advice
    assert str(database_of(Home(trained.home))) in folders.advice
    (home.runs / ("f" * 32)).mkdir()  # of a later run, which only the lost history knew
    folders = {check.name: check for check in check_storage.storage_checks(home)}["run folders"]
    assert "backup" in folders.advice
    Path(url_in(elsewhere).removeprefix("sqlite:///")).unlink()
    lost = {check.name: check for check in check_storage.storage_checks(home)}["history"]
    assert "backup" in lost.value
    assert "backup" in lost.advice


def test_a_run_that_makes_no_sense_is_named(trained: Trained) -> None:
    connection = sqlite3.connect(trained.home / "history.sqlite3")
    connection.execute("UPDATE runs SET spec = '{}x' WHERE position = 0")
    connection.commit()
    connection.close()
    checks = found(trained.home)
    assert checks["history"].state is State.OK
    assert checks["runs"].state is State.WRONG
    assert trained.ids[0][:8] in checks["runs"].details[0]
    assert checks["run folders"].value == "2, each with its run"


def test_an_empty_home_is_well_and_stays_empty(tmp_path: Path) -> None:
    checks = found(tmp_path / "nothing")
    assert [check.value for check in checks.values()] == ["none yet"]
    assert not (tmp_path / "nothing").exists()
