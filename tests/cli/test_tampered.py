"""A history that somebody changed by hand: ids and checkpoint names that lead elsewhere reach nothing outside runs/."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Trained


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def victim(trained: Trained) -> Iterator[Path]:
    """A folder outside runs/ that looks like a run of its own, with a whole checkpoint and one that is damaged."""
    run = trained.home / "runs" / trained.ids[0]
    mine = trained.home / "mine"
    shutil.copytree(run, mine)
    (checkpoint,) = (mine / "checkpoints").iterdir()
    checkpoint.rename(checkpoint.with_name("x"))
    shutil.copytree(mine / "checkpoints" / "x", mine / "checkpoints" / "torn")
    (mine / "checkpoints" / "torn" / "state.json").write_text("{")
    before = contents(mine)
    yield mine
    assert contents(mine) == before


def tamper(trained: Trained, *statements: tuple[str, tuple[object, ...]]) -> None:
    connection = sqlite3.connect(trained.home / "history.sqlite3")
    for statement, values in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()


def everything(trained: Trained, name: str, images: Path, out: Path) -> None:
    """Each command that touches files of a run."""
    commands = (
        ("runs", "list"), ("runs", "show", name), ("doctor",), ("classify", "--run", name, next(images.rglob("*.png"))),
        ("evaluate", "--run", name, "--data", f"folder:{images}"), ("weights", "export", name, out),
        ("train", "--twin", "--start-from", name, "--iterations", "1"), ("resume", name),
        ("runs", "delete", name), ("runs", "purge"),
    )  # fmt: skip
    for command in commands:
        said = trained.say(*command)
        assert said.code in (0, 1, 2), command
        assert "Traceback" not in said.err, command
    assert trained.say("runs", "list", "--json").code == 0


@pytest.mark.parametrize("elsewhere", ["../mine", "absolute", "../runs/../mine"])
def test_an_id_that_leads_elsewhere(trained: Trained, victim: Path, images: Path, tmp_path: Path, elsewhere: str):
    run_id = str(victim) if elsewhere == "absolute" else elsewhere
    tamper(
        trained,
        ("UPDATE runs SET id = ?, status = 'stopped', iteration = 1 WHERE id = ?", (run_id, trained.ids[0])),
        ("UPDATE checkpoints SET folder = ?", (f"{run_id}/checkpoints/x",)),
    )
    said = trained.say("runs", "list")
    assert "which no run can have" in said.err.replace("\n", " ")
    assert trained.ids[1][:8] in said.out, "the other run is there"
    for name in (run_id, "plain-8"):
        everything(trained, name, images, tmp_path / "out.safetensors")


@pytest.mark.parametrize(
    ("which", "elsewhere"),
    [("x", "../mine"), ("x", "absolute"), ("x", "{own}/../../mine"), ("torn", "absolute"), ("none", "../mine")],
)
def test_a_checkpoint_that_lies_elsewhere(
    trained: Trained, victim: Path, images: Path, tmp_path: Path, elsewhere: str, which: str
) -> None:
    folder = str(victim) if elsewhere == "absolute" else elsewhere.format(own=trained.ids[0])
    tamper(
        trained,
        ("UPDATE checkpoints SET folder = ?", (f"{folder}/checkpoints/{which}",)),
        ("UPDATE runs SET status = 'stopped', iteration = 1", ()),
    )
    assert "does not lie in the folder of run" in trained.say("doctor", "--json").out
    everything(trained, trained.ids[0], images, tmp_path / "out.safetensors")
