"""The home folder: who decides where it is, and what is said when it cannot be made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from resnet_studio.domain.errors import UserError
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import VARIABLE, Home
from resnet_studio.platform.private_folder import why_others_read
from resnet_studio.platform.resources import resources

from ..databases import database_of


def test_the_option_wins_over_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "variable"))
    assert Home.find(tmp_path / "option").root == tmp_path / "option"
    assert Home.find().root == tmp_path / "variable"


def test_without_either_it_is_the_platforms_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Home.find().root.name == "resnet-studio"
    assert Home.find().root.is_absolute()


def test_a_relative_folder_and_a_tilde_become_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert Home.find("here").root == tmp_path / "here"
    assert Home.find("~/there").root == tmp_path / "there"


def test_an_empty_choice_is_refused_and_means_no_other_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for empty in ("", " "):
        monkeypatch.delenv(VARIABLE, raising=False)
        with pytest.raises(UserError, match=r"^--home is empty; give it a folder"):
            Home.find(empty)
        monkeypatch.setenv(VARIABLE, empty)
        with pytest.raises(UserError, match=f"^{VARIABLE} is set but empty; give it a folder"):
            Home.find()
        assert Home.find(tmp_path).as_option == str(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="modes as POSIX has them")
def test_a_new_home_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = Home(tmp_path / "above" / "home").prepare()
        with RunStore.open(home):
            beside = [file for file in home.root.iterdir() if file.name.startswith(database_of(home).name)]
    finally:
        os.umask(before)
    for folder in (home.root, home.runs, home.data, home.logs, home.cache):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    assert len(beside) == 3  # with SQLite's log and its index
    assert stat.S_IMODE(database_of(home).stat().st_mode) == 0o600
    assert why_others_read(home.root) == ""


@pytest.mark.skipif(os.name == "nt", reason="modes as POSIX has them")
def test_an_old_home_keeps_its_mode_and_the_command_that_closes_it_is_known(tmp_path: Path) -> None:
    root = tmp_path / "old home"
    root.mkdir()
    root.chmod(0o755)
    Home(root).prepare()
    assert stat.S_IMODE(root.stat().st_mode) == 0o755
    assert why_others_read(root) == f"chmod 700 '{root}'"


def test_preparing_makes_every_folder_inside(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "b").prepare()
    for folder in (home.runs, home.data, home.logs, home.cache):
        assert folder.is_dir()
        assert home.root in folder.parents
    assert database_of(home).parent == home.root
    assert home.prepare() == home


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="choose another with --home DIR") as caught:
        Home(tmp_path / "file" / "home").prepare()
    assert str(tmp_path / "file" / "home") in caught.value.sentence


def test_resources_are_found() -> None:
    assert resources().is_dir()
