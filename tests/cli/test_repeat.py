"""A run repeated from its record, and the fields in which two records, or a record and this machine, could differ."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.training import provenance

from .conftest import Trained, one_core


def change(trained: Trained, key: str, value: str | None) -> None:
    """Another value in the environment on record of the first run; None takes it away."""
    connection = sqlite3.connect(trained.home / "history.sqlite3")
    (text,) = connection.execute("SELECT environment FROM runs WHERE id = ?", (trained.ids[0],)).fetchone()
    environment = {**json.loads(text), key: value}
    if value is None:
        del environment[key]
    connection.execute("UPDATE runs SET environment = ? WHERE id = ?", (json.dumps(environment), trained.ids[0]))
    connection.commit()
    connection.close()


def test_a_repetition_has_the_same_bits(trained: Trained) -> None:
    said = trained.say("train", "--like", trained.ids[0], "--json")
    assert said.code == 0
    again = said.json
    assert again["id"] != trained.ids[0]
    assert again["weights_sha256"] == trained.runs[0]["weights_sha256"]
    assert again["spec"] == trained.runs[0]["spec"]
    assert again["environment"] == trained.runs[0]["environment"]
    assert again["like"] == {"run": trained.ids[0], "differences": [], "same_weights": True}
    told = trained.say("train", "--like", "ResNet-8")
    assert f"The weights are those of ResNet-8 ({trained.ids[1][:8]}), bit for bit." in told.err
    assert "Not as when" not in told.out


def test_it_chooses_what_the_original_chose(trained: Trained) -> None:
    """Threads and precision of the record, although this machine would choose others."""
    change(trained, "threads", "2")
    change(trained, "precision", "bfloat16")
    with one_core():
        again = trained.say("train", "--like", trained.ids[0], "--json").json
    assert again["environment"]["threads"] == "2"
    assert again["environment"]["precision"] == "bfloat16"
    assert again["like"]["differences"] == []
    assert again["like"]["same_weights"] is False


def test_another_environment_is_said_at_the_beginning_and_at_the_end(trained: Trained) -> None:
    change(trained, "torch", "2.10.0+old")
    change(trained, "program_sha256", None)
    said = trained.say("train", "--like", trained.ids[0])
    sentence = next(line for line in said.out.splitlines() if line.startswith("Not as when plain-8"))
    assert "torch 2.10.0+old, now " in sentence
    assert "Program's sources unknown, now " in sentence
    assert "bit for bit" in said.err


def test_options_change_the_repetition_and_are_named(trained: Trained) -> None:
    again = trained.say("train", "--like", trained.ids[0], "--seed", 4, "--iterations", 5, "--json").json
    fields = {row["field"] for row in again["like"]["differences"]}
    assert fields == {"recipe.init_seed", "recipe.data_seed", "recipe.iterations"}
    assert again["like"]["same_weights"] is False
    dry = trained.say("train", "--like", trained.ids[0], "--dry-run", "--json").json
    assert dry["runs"][0] == trained.runs[0]["spec"]


def test_what_cannot_be_repeated_is_a_sentence(trained: Trained, tmp_path: Path) -> None:
    for more in (["--twin"], ["--recipe", "cifar"], [tmp_path / "run.toml"]):
        said = trained.say("train", "--like", trained.ids[0], *more)
        assert said.code == 2
        assert "--like says which run to repeat" in said.err
    assert trained.say("train", "--like", "nobody").code == 2
    connection = sqlite3.connect(trained.home / "history.sqlite3")
    connection.execute("UPDATE runs SET status = 'imported' WHERE position = 0")
    connection.commit()
    connection.close()
    assert "how it was trained is not on record" in trained.say("train", "--like", trained.ids[0]).err


def test_two_records_side_by_side(trained: Trained) -> None:
    told = trained.say("runs", "show", trained.ids[0], "--against", trained.ids[1], "--json").json
    assert told["runs"] == trained.ids
    assert told["same_weights"] is False
    assert {row["field"] for row in told["differences"]} == {"network.block", "network.shortcut"}
    change(trained, "commit", "0123abcd")
    change(trained, "torch", "2.10.0")
    said = trained.say("runs", "show", trained.ids[0], "--against", trained.ids[1])
    assert "environment.commit" in said.out
    assert "0123abcd" in said.out
    assert "2.10.0" in said.out
    assert "Their weights differ." in said.out
    said = trained.say("runs", "show", trained.ids[0], "--against", trained.ids[0])
    assert "Their records differ in nothing." in said.out
    assert "the same, bit for bit" in said.out


def test_a_record_and_this_machine(trained: Trained) -> None:
    assert trained.say("runs", "show", trained.ids[0], "--json").json["not_the_same_here"] == []
    assert "not the same here" not in trained.say("runs", "show", trained.ids[0]).out
    change(trained, "python", "3.11.0")
    change(trained, "commit", "0123abcd")
    told = trained.say("runs", "show", trained.ids[0], "--json").json
    rows = {row["field"]: (row["then"], row["now"]) for row in told["not_the_same_here"]}
    assert rows["environment.python"][0] == "3.11.0"
    assert rows["environment.commit"][0] == "0123abcd"
    assert "Python 3.11.0, now" in trained.say("runs", "show", trained.ids[0]).out


def test_the_record_names_the_program(trained: Trained) -> None:
    environment = trained.runs[0]["environment"]
    for key in ("resnet_studio", "program_sha256", "torch", "torchvision", "python", "platform", "device", "precision",
                "threads", "engine", "data_sha256"):  # fmt: skip
        assert environment[key], key
    assert len(environment["program_sha256"]) == 64
    assert environment.get("commit", "") == provenance.program().get("commit", "")


@pytest.mark.parametrize("kind", ["loose", "packed", "detached", "worktree"])
def test_the_commit_is_read_without_git(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance.shutil, "which", lambda name: None)
    commit, git = "0123456789abcdef0123456789abcdef01234567", tmp_path / "checkout" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    if kind == "loose":
        (git / "refs" / "heads").mkdir(parents=True)
        (git / "refs" / "heads" / "main").write_text(f"{commit}\n")
    elif kind == "detached":
        (git / "HEAD").write_text(f"{commit}\n")
    else:
        (git / "packed-refs").write_text(f"# peeled\n{'f' * 40} refs/heads/other\n{commit} refs/heads/main\n")
    checkout = tmp_path / "checkout"
    if kind == "worktree":
        own = git / "worktrees" / "beside"
        own.mkdir(parents=True)
        (own / "HEAD").write_text("ref: refs/heads/main\n")
        (own / "commondir").write_text("../..\n")
        checkout = tmp_path / "beside"
        checkout.mkdir()
        (checkout / ".git").write_text(f"gitdir: {own}\n")
    assert provenance.commit(checkout) == commit
    assert provenance.commit(tmp_path) == ""


def test_sources_that_differ_have_another_digest(tmp_path: Path) -> None:
    for room in ("data", "domain", "networks", "runner", "training"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "x.py").write_text("x = 1\n")
    before = provenance.digest(tmp_path)
    assert provenance.digest(tmp_path) == before
    (tmp_path / "training" / "x.py").write_text("x = 2\n")
    assert provenance.digest(tmp_path) != before


def test_a_run_that_goes_on_elsewhere_remembers_where_it_began(trained: Trained) -> None:
    run_id = trained.ids[0]
    with RunStore.open(Home(trained.home)) as store:
        now = store.get(run_id).environment
        store.set_started([run_id], ["a"], {**now, "torch": "9.9"})
        moved = store.get(run_id).environment
        assert moved["torch"] == "9.9"
        assert moved["until_iteration_60"] == f"torch {now['torch']}"
        store.set_started([run_id], ["a"], {**now, "torch": "9.9"})
        assert store.get(run_id).environment == moved
