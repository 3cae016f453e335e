"""The arguments before typer is loaded: where ``--home`` is."""

from __future__ import annotations

from collections.abc import Sequence

HOME = "--home"


def split_home(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """``--home DIR`` (or ``--home=DIR``), wherever it stands before a ``--``, and the arguments without it."""
    home: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            rest += [argument, *queue]
            break
        if argument == HOME:
            home = [argument, *queue[:1]]
            del queue[:1]
        elif argument.startswith(f"{HOME}="):
            home = [HOME, argument.removeprefix(f"{HOME}=")]
        else:
            rest.append(argument)
    return home, rest


def home_first(arguments: Sequence[str]) -> list[str]:
    """The same arguments with ``--home DIR`` at the front, where the command line's own options belong."""
    home, rest = split_home(arguments)
    return [*home, *rest]


def only_home(arguments: Sequence[str]) -> tuple[bool, str | None]:
    """Whether the arguments only open the window, and the folder given with ``--home``, if one was."""
    home, rest = split_home(arguments)
    if rest or len(home) == 1:
        return False, None
    return True, home[1] if home else None
