"""The home on the command line: an empty one is refused, and one that others can read is named by ``doctor``."""

from __future__ import annotations

import os

import pytest

from resnet_studio.cli.check import State
from resnet_studio.cli.check_installation import _paths
from resnet_studio.platform.home import VARIABLE, Home

from .conftest import say


@pytest.mark.parametrize("arguments", [("--home", ""), ("--home=", "runs", "list"), ("runs", "list", "--home", "")])
def test_an_empty_home_is_one_sentence(arguments: tuple[str, ...]) -> None:
    said = say(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err == "--home is empty; give it a folder, or leave it out for the usual one.\n"


@pytest.mark.parametrize("arguments", [(), ("runs", "list"), ("doctor",)])
def test_an_empty_variable_is_one_sentence(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    said = say(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"{VARIABLE} is set but empty; give it a folder, or unset it for the usual one.\n"


@pytest.mark.skipif(os.name == "nt", reason="modes as POSIX has them")
def test_doctor_names_what_closes_a_home_that_others_can_read(home: Home) -> None:
    assert "privacy" not in {check.name for check in _paths(home)}
    home.root.chmod(0o750)
    (found,) = [check for check in _paths(home) if check.name == "privacy"]
    assert (found.state, found.advice) == (State.NOTE, f"chmod 700 {home.root}")
