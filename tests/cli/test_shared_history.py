"""Copying a history, workers and who works, from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resnet_studio.domain.queue import Worker
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.platform.host import CORES_VARIABLE

from .conftest import TINY, Trained, say


def test_a_home_is_copied_to_a_server_and_back(trained: Trained, database: str, tmp_path: Path) -> None:
    there = say("history", "copy", trained.home, database, "--json")
    assert (there.code, there.err) == (0, "")
    assert {one["table"]: one["rows"] for one in there.json}["runs"] == 2
    assert all(len(one["sha256"]) == 64 for one in there.json)
    back = say("history", "copy", database, tmp_path / "back", "--json")
    assert back.json == there.json
    listed = say("--home", tmp_path / "other", "--history", database, "runs", "list", "--json")
    assert [run["id"] for run in listed.json] == [run["id"] for run in trained.say("runs", "list", "--json").json]
    again = say("history", "copy", trained.home, database)
    assert again.code == 2
    assert again.err.count("\n") == 1
    assert "There is a history in" in again.err


def test_a_history_in_use_or_missing_is_not_copied(trained: Trained, database: str, tmp_path: Path) -> None:
    with RunStore.open(Home(trained.home)):
        said = say("history", "copy", trained.home, database)
    assert said.code == 2
    assert "in use by another ResNet Studio" in said.err
    said = say("history", "copy", tmp_path / "nothing", database)
    assert (said.code, "is missing" in said.err) == (2, True)


@pytest.mark.slow
def test_workers_train_what_waits_and_leave(images: Path, database: str, tmp_path: Path) -> None:
    places = ("--home", tmp_path / "home", "--history", database, "--runs", tmp_path / "runs")
    design = (*TINY, "--data", f"folder:{images}", "--iterations", 20, "--test-every", 10)
    for seed in (3, 4):
        assert say(*places, "queue", "add", *design, "--seed", seed).code == 0
    assert say(*places, "workers").out == "Nobody trains now, and no worker waits.\n"
    once = say(*places, "work", "--once", "--device", "cpu")
    assert (once.code, once.err) == (0, "")
    assert "finished" in once.out
    assert [entry["status"] for entry in say(*places, "queue", "list", "--json").json] == ["waiting"]
    rest = say(*places, "work", "--until-empty")
    assert rest.code == 0
    assert say(*places, "queue", "list").out == "Nothing waits.\n"
    assert {run["status"] for run in say(*places, "runs", "list", "--json").json} == {"finished"}
    assert len(list((tmp_path / "runs").iterdir())) == 2
    assert say(*places, "workers", "--json").json == []
    healthy = say(*places, "doctor", "--json").json["checks"]
    assert any("pg_dump" in check["value"] for check in healthy if check["name"] == "backups")


def test_a_cohort_for_a_device_that_is_not_here_stays_waiting(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CORES_VARIABLE, "")  # set back afterwards
    home = ("--home", tmp_path / "home")
    design = (*TINY, "--data", f"folder:{images}", "--iterations", 2, "--device", "cuda")
    added = say(*home, "queue", "add", *design, "--json")
    assert (added.code, added.json["needs"]) == (0, "cuda")
    ran = say(*home, "queue", "run")
    assert (ran.code, "waits for a worker that has cuda; this machine has none" in ran.err) == (0, True)
    worked = say(*home, "work", "--until-empty", "--device", "cpu", "--cores", 3)
    assert (worked.code, worked.err, os.environ[CORES_VARIABLE]) == (0, "", "3")
    (entry,) = say(*home, "queue", "list", "--json").json
    assert (entry["status"], entry["needs_lacking"]) == ("waiting", False)
    with RunStore.open(Home(tmp_path / "home")) as store:
        store.report_worker(Worker("w", "desk", "cpu", ("cpu",)))
        (listed,) = say(*home, "workers", "--json").json
        assert (listed["host"], listed["device"], listed["status"], listed["gone"]) == ("desk", "cpu", "waits", False)
        assert "waits for work" in say(*home, "workers").out
        assert say(*home, "queue", "list", "--json").json[0]["needs_lacking"] is True
        assert "waiting for cuda" in say(*home, "queue", "list").out


def test_a_device_that_there_is_not_is_refused(tmp_path: Path) -> None:
    for command in (("work", "--device"), ("queue", "run", "--devices")):
        said = say("--home", tmp_path, *command, "tpu")
        assert (said.code, "no device" in said.err) == (2, True)


def test_a_worker_without_its_device_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resnet_studio.networks.devices.kinds_here", lambda: ("cpu",))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    said = say("--home", tmp_path / "home", "work", "--device", "cuda:1", "--until-empty")
    assert (said.code, said.err) == (2, "This machine has no cuda:1 that torch can use.\n")
