"""The commands by name; the module of one is loaded when it is called, or when its help is shown.

All of them together take longer to load than most commands take to do what they do.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from resnet_studio.text import _

MODULES = {
    "train": "train",
    "resume": "train",
    "recipes": "recipes",
    "demo": "study",
    "compare": "compare",
    "conformity": "conformity",
    "network": "network",
    "classify": "classify",
    "diff": "diff",
    "bench": "bench",
    "doctor": "doctor",
    "evaluate": "evaluate",
    "evaluations": "evaluate",
    "work": "work",
    "workers": "work",
    "study": "study",
    "queue": "queue",
    "runs": "runs",
    "weights": "weights",
    "data": "data",
    "inside": "inside",
    "history": "history",
    "launch": "launch",
}
"""Each command, in the order of the help, and which module of :mod:`resnet_studio.cli.commands` registers it."""


def load(arguments: Sequence[str]) -> None:
    """Load the module of the command that is called, or all for the program's own help.

    Args:
        arguments: Without the options that every command has.
    """
    called = next((argument for argument in arguments if not argument.startswith("-")), "")
    wants_help = not called and not {"-h", "--help"}.isdisjoint(arguments)
    for name in MODULES if wants_help else {called} & MODULES.keys():
        _module(MODULES[name])


def _module(name: str) -> Any:
    return importlib.import_module(f"resnet_studio.cli.commands.{name}")


def commands_of(module: str) -> dict[str, Any]:
    """What one of the modules registers, by name, with its help translated."""
    parent = typer.Typer()
    _module(module).register(parent)
    commands = typer.main.get_group(parent).commands
    return {name: _with_translated_help(command) for name, command in commands.items()}


def _with_translated_help(command: Any) -> Any:
    """The command and those beneath it; their help is their functions' docstrings."""
    if command.help:
        command.help = _(command.help)
    for parameter in command.params:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""  # it takes no value
    for inner in getattr(command, "commands", {}).values():
        _with_translated_help(inner)
    return command


class _Commands(MutableMapping[str, Any]):
    """Of every name in ``MODULES`` the command, made when it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made |= commands_of(MODULES[name])
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError(f"commands are rows of MODULES, got {name}")

    __delitem__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


class CommandGroup(TyperGroup):
    """The program itself."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        _with_translated_help(self)
        self.commands = _Commands()
