"""What the user can mend is one sentence on stderr and exit code 2; what we must mend is a sentence and a log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio.cli import main
from resnet_studio.domain.data_sets import DATA_SETS
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..databases import database_of
from .conftest import Said

At = Callable[..., Said]

MISTAKES = {
    "train --depth 21": "choose 20 or 26",
    "train --depth deep": "--depth",
    "train --block plain --shortcut A": "choose shortcut none",
    "train --block residual": "--block",
    "train --batch-size 1": "at least 2",
    "train --milestones 5,3": "must rise",
    "train --data cifar": f"{DATA_SETS[-1].key} or folder:PATH",
    "train --data CIFAR-10": "did you mean cifar10?",
    "data download cifar-100": "did you mean cifar100?",
    "train --data cifar10": "resnet-studio data download cifar10",
    "train --data folder:nowhere": "nowhere",
    "train --data cifar10 --data-draw 3": "leave it at 0",
    "train --device mps --dry-run --depth 9": "choose 8 or 14",
    "train missing.toml": "missing.toml",
    "train --seed -1": "--seed",
    "train --no-such-option": "--no-such-option",
    "resume abc": "abc",
    "runs show abc": "abc",
    "runs delete abc": "abc",
    "runs export abc": "abc",
    "runs list --status done": "--status",
    "compare abc def": "abc",
    "classify --run abc x.png": "abc",
    "classify x.png": "--run",
    "evaluate --run abc --data builtin": "abc",
    "evaluate --run abc --data imagenet": "abc",
    "data show imagenet": "imagenet",
    "data download imagenet": "cifar10",
    "study run nothing": "degradation",
    "study run figure-6": "resnet-studio data download cifar10",
    "network --depth 3": "--depth",
    "frobnicate": "frobnicate",
    "": "resnet-studio demo",
}


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_one_sentence(command: str, at_home: At, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    said = at_home(*command.split())
    assert said.code == 2
    assert said.out == ""
    (sentence,) = said.err.splitlines()
    assert MISTAKES[command] in sentence
    assert sentence.endswith(".")
    assert "Traceback" not in sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[network]\ndepth = 21\n", "choose 20 or 26"),
        ("[network]\ndept = 20\n", "network.dept"),
        ("[network\n", "not valid TOML"),
        ("schema_version = 99\n", "newer ResNet Studio"),
    ],
)
def test_a_wrong_run_file_is_named(text: str, told: str, at_home: At, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)
    said = at_home("train", file)
    assert said.code == 2
    assert str(file) in said.err
    assert told in said.err
    assert len(said.err.splitlines()) == 1


def test_a_run_file_that_is_no_text(at_home: At, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in at_home("train", tmp_path / "run.toml").err


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    from .conftest import say

    (tmp_path / "file").write_text("in the way")
    said = say("runs", "list", "--home", tmp_path / "file" / "home")
    assert said.code == 2
    assert "choose another with --home DIR" in said.err


def test_a_history_that_another_program_holds(at_home: At, home: Home, images: Path) -> None:
    with RunStore.open(home):
        said = at_home("train", "--data", f"folder:{images}", "--iterations", 1)
        assert at_home("runs", "list").code == 0
    assert said.code == 2
    assert "in use" in said.err
    assert len(said.err.splitlines()) == 1


def test_a_history_from_a_newer_program(at_home: At, home: Home) -> None:
    RunStore.open(home).close()
    with sqlite3.connect(database_of(home)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    said = at_home("runs", "list")
    assert said.code == 2
    assert "newer ResNet Studio" in said.err


def test_our_own_mistakes_are_written_down(at_home: At, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(main.typer.main, "get_command", broken)
    said = at_home("runs", "list")
    assert said.code == 1
    assert said.out == ""
    (sentence,) = said.err.splitlines()
    log = home.logs / "resnet-studio-errors.log"
    assert str(log) in sentence
    written = log.read_text()
    assert "ZeroDivisionError: on purpose" in written
    assert "Traceback" in written
    assert "runs list" in written


def test_help_is_there_for_every_command(at_home: At) -> None:
    for command in ("", "train", "resume", "demo", "network", "compare", "classify", "evaluate", "doctor", "runs",
                    "runs list", "runs show", "runs delete", "runs restore", "runs purge", "runs export", "data",
                    "data show", "data download", "study", "study list", "study run"):  # fmt: skip
        said = at_home(*command.split(), "--help")
        assert said.code == 0
        assert "Usage" in said.out
        assert said.err == ""
