"""The table of the commands is true of their modules, and a command loads its own module only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.cli.command_tree import MODULES, commands_of
from resnet_studio.cli.commands import __file__ as commands

from .conftest import say

OF_COMMANDS = """
import json, sys
from resnet_studio.cli.main import run
code = run(sys.argv[1:])
prefix = "resnet_studio.cli.commands."
print(json.dumps([name.removeprefix(prefix) for name in sys.modules if name.startswith(prefix)]), file=sys.stderr)
"""


def test_every_module_of_a_command_is_in_the_table() -> None:
    files = {file.stem for file in Path(commands).parent.glob("*.py")} - {"__init__"}
    assert files == set(MODULES.values())


@pytest.mark.parametrize("module", sorted(set(MODULES.values())))
def test_the_table_names_what_a_module_registers(module: str) -> None:
    assert set(commands_of(module)) == {name for name, of in MODULES.items() if of == module}


@pytest.mark.parametrize(("arguments", "loaded"), [(("recipes",), ["recipes"]), (("--version",), [])])
def test_only_the_called_command_is_loaded(arguments: tuple[str, ...], loaded: list[str]) -> None:
    command = [sys.executable, "-c", OF_COMMANDS, *arguments]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(said.stderr.splitlines()[-1]) == loaded


def test_the_help_lists_all_in_the_order_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = [line.strip("│ ").partition(" ")[0] for line in say("--help").out.partition("Commands")[2].splitlines()]
    assert [word for word in lines if word in MODULES] == list(MODULES)


def test_an_unknown_command_is_compared_with_all() -> None:
    assert "Did you mean 'evaluate', 'evaluations'" in say("evaluat").err.replace('"', "'")
