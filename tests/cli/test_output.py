"""Output that cannot be written, and names that would do something to the terminal that shows them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from .conftest import TINY, Said, Trained, one_core, say

EVIL = "=cmd[red]\u202egnp[/red]"
SHOWN = "=cmd[red]\\u202egnp[/red]"


def shell(redirection: str, *arguments: object) -> Said:
    command = shlex.join([sys.executable, "-m", "resnet_studio", *map(str, arguments)])
    with one_core():
        done = subprocess.run(
            ["/bin/sh", "-c", f"{command} {redirection}"], capture_output=True, text=True, timeout=120, check=False
        )
    return Said(done.returncode, done.stdout, done.stderr)


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@needs_full
@pytest.mark.parametrize("command", ["runs list", "runs list --json", "runs export ID"])
def test_a_full_disk_behind_stdout_is_one_sentence(command: str, original: Trained) -> None:
    said = shell("> /dev/full", "--home", original.home, *command.replace("ID", original.ids[0]).split())
    assert (said.code, said.err) == (2, "Nothing can be written to stdout (No space left on device).\n")


@pytest.mark.skipif(os.name == "nt", reason="a shell as POSIX has it")
def test_a_closed_stdout_is_one_sentence(original: Trained) -> None:
    said = shell(">&-", "--home", original.home, "runs", "list")
    assert (said.code, said.err) == (2, "Nothing can be written to stdout (Bad file descriptor).\n")


@pytest.mark.skipif(os.name == "nt", reason="a shell as POSIX has it")
def test_a_closed_stderr_hides_nothing_else(original: Trained) -> None:
    said = shell("2>&-", "--home", original.home, "runs", "show", "nothing-like-this")
    assert (said.code, said.out, said.err) == (2, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [pytest.param("> /dev/full", marks=needs_full), ">&-"])
def test_training_goes_on_without_stdout(redirection: str, tmp_path: Path, images: Path) -> None:
    said = shell(
        redirection, "--home", tmp_path / "home", "train", *TINY, "--data", f"folder:{images}", "--iterations", 20,
    )  # fmt: skip
    assert said.code == 2, said.err
    (sentence,) = said.err.splitlines()
    assert sentence.startswith("Nothing can be written to stdout")
    (run,) = say("--home", tmp_path / "home", "runs", "list", "--json").json
    assert (run["status"], run["iteration"]) == ("finished", 20)


def test_a_runs_name_does_nothing_to_the_terminal(trained: Trained) -> None:
    with RunStore.open(Home(trained.home)) as store:
        store.rename(trained.ids[0], EVIL)
    for command in (("runs", "list"), ("runs", "show", trained.ids[0]), ("runs", "delete", trained.ids[0])):
        said = trained.say(*command)
        assert said.code == 0, said.err
        assert SHOWN in said.out, command
        assert "\x1b" not in said.out + said.err
        assert "\u202e" not in said.out + said.err
    trained.say("runs", "restore", trained.ids[0])
    said = trained.say("runs", "show", trained.ids[0], "--json")
    assert "\u202e" not in said.out
    assert said.json["name"] == EVIL
    said = trained.say("runs", "show", EVIL[:-1] + "\x07")
    assert said.code == 2
    assert not {"\x1b", "\x07", "\u202e"} & set(said.err)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes there")
def test_a_file_name_that_is_no_text_is_found_by_a_script(original: Trained, images: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/red-\xff\n\x1b.png"
    Path(os.fsdecode(name)).write_bytes((images / "test" / "red" / "00.png").read_bytes())
    said = shell("", "--home", original.home, "classify", "--run", original.ids[0], "--json", tmp_path)
    assert said.code == 0, said.err
    (one,) = json.loads(said.out)
    assert os.fsencode(one["path"]) == name
    table = shell("", "--home", original.home, "classify", "--run", original.ids[0], tmp_path)
    assert "red-\\udcff" in table.out
    assert "\x1b" not in table.out


def test_a_formula_as_a_name_is_inert_in_exported_tables(trained: Trained) -> None:
    with RunStore.open(Home(trained.home)) as store:
        store.rename(trained.ids[0], "=1+1")
    assert ",'=1+1," in trained.say("runs", "export", trained.ids[0]).out


@pytest.mark.parametrize("place", ["/", ".", ""])
@pytest.mark.parametrize(
    "command", ["compare A B --svg", "diff resnet-34 plain-34 --pdf", "inside signal --run A --png", "weights export A"]
)
def test_a_folder_in_place_of_a_file_is_one_sentence(command: str, place: str, original: Trained) -> None:
    words = [dict(zip("AB", original.ids, strict=False)).get(word, word) for word in command.split()]
    said = original.say(*words, place)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert any(advice in said.err for advice in ("; choose ", "; end it in ", "; give the path "))
    assert not said.err.startswith(" ")


@pytest.mark.parametrize("group", ["runs", "study", "queue", "weights", "data", "inside", "history"])
def test_a_group_alone_prints_its_commands_and_no_empty_error(group: str, original: Trained) -> None:
    said = original.say(group)
    assert (said.code, said.err) == (2, "")
    assert "Usage: resnet-studio" in said.out


def test_wrong_choices_are_told_in_usual_words(original: Trained) -> None:
    said = original.say("runs", "list", "--status", "flying")
    assert said.code == 2
    assert said.err.startswith("Invalid value for '--status': 'flying' is not one of 'queued', ")
