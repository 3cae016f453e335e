"""Where a home says that its history and its runs lie, and what overrides it."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_studio.cli.arguments import split_places
from resnet_studio.cli.context import Session
from resnet_studio.domain.errors import UserError
from resnet_studio.platform.home import HISTORY_VARIABLE, RUNS_VARIABLE, Home, without_password
from resnet_studio.platform.shared_places import FILE_NAME, SharedPlaces, read_places, write_places


def test_option_then_variable_then_preference_then_the_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    root = home.root
    assert (Home.find(root).history, Home.find(root).runs) == ("", root / "runs")
    write_places(root, SharedPlaces("sqlite:///kept", "/kept"))
    assert (Home.find(root).history, Home.find(root).runs) == ("sqlite:///kept", Path("/kept"))
    monkeypatch.setenv(HISTORY_VARIABLE, "sqlite:///variable")
    monkeypatch.setenv(RUNS_VARIABLE, "/variable")
    assert (Home.find(root).history, Home.find(root).runs) == ("sqlite:///variable", Path("/variable"))
    found = Home.find(root, history="sqlite:///option", runs="/option")
    assert (found.history, found.runs) == ("sqlite:///option", Path("/option"))
    assert (found.cache, found.logs, found.data) == (root / "cache", root / "logs", root / "data"), "always local"


@pytest.mark.parametrize("variable", [HISTORY_VARIABLE, RUNS_VARIABLE])
def test_an_empty_variable_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, " ")
    with pytest.raises(UserError, match=f"{variable} is set but empty"):
        Home.find(home.root)
    with pytest.raises(UserError, match="--history is empty"):
        Home.find(home.root, history="")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"history": 3}', "[" * 100_000])
def test_a_file_that_means_nothing_names_no_places(home: Home, text: str) -> None:
    (home.root / FILE_NAME).write_text(text)
    assert read_places(home.root) == SharedPlaces()


def test_a_shared_folder_of_runs_is_made_and_others_are_not_moved(home: Home, tmp_path: Path) -> None:
    shared = Home(home.root, shared_runs=tmp_path / "a" / "b").prepare()
    assert shared.runs.is_dir()
    assert shared.run("0" * 32).path == tmp_path / "a" / "b" / ("0" * 32)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"folder of the runs .* --runs DIR"):
        Home(home.root, shared_runs=tmp_path / "file").prepare()


def test_hints_repeat_the_places_without_a_password(home: Home) -> None:
    here = Session(home, None, "postgresql://me:secret@server/db", "/shared")
    assert here.command("resume", "x") == ("resnet-studio --history postgresql://me@server/db --runs /shared resume x")
    for given, left in (
        ("a postgresql://me:se%40cret@h/d b", "a postgresql://me@h/d b"),
        ("postgresql://me:sec@ret@h/d", "postgresql://me@h/d"),
        ("postgresql://me@h/d?password=secret", "postgresql://me@h/d"),
        ("'postgresql://me@h/d?sslpassword=secret&sslmode=require' x", "'postgresql://me@h/d?sslmode=require' x"),
        ("postgresql://me@h/d?port=1&password=secret", "postgresql://me@h/d?port=1"),
        ("postgresql://h:5432/d and me@somewhere", "postgresql://h:5432/d and me@somewhere"),
    ):
        assert without_password(given) == left


def test_the_places_may_stand_anywhere() -> None:
    given = ["runs", "list", "--runs=x", "--history", "u", "--home", "h"]
    assert split_places(given) == (["--home", "h", "--history", "u", "--runs", "x"], ["runs", "list"])
    assert split_places(["classify", "--", "--runs"]) == ([], ["classify", "--", "--runs"])
