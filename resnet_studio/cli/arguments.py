"""The arguments before typer is loaded: where ``--home`` is, and the other options of every command."""

from __future__ import annotations

from collections.abc import Sequence

HOME = "--home"
_PLACES = (HOME, "--history", "--runs")


def split_home(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """``--home DIR`` (or ``--home=DIR``), wherever it stands before a ``--``, and the arguments without it."""
    return _split(arguments, HOME)


def _split(arguments: Sequence[str], option: str) -> tuple[list[str], list[str]]:
    """``option`` with its value, where it is given, and the arguments without it; the last one counts."""
    found: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            rest += [argument, *queue]
            break
        if argument == option:
            found = [argument, *queue[:1]]
            del queue[:1]
        elif argument.startswith(f"{option}="):
            found = [option, argument.removeprefix(f"{option}=")]
        else:
            rest.append(argument)
    return found, rest


def split_places(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """``--home DIR``, ``--history URL`` and ``--runs DIR``, and the arguments without them.

    The former are the program's own options, which it reads before the command.
    """
    first: list[str] = []
    rest = list(arguments)
    for option in _PLACES:
        found, rest = _split(rest, option)
        first += found
    return first, rest


def only_home(arguments: Sequence[str]) -> tuple[bool, str | None]:
    """Whether the arguments only open the window, and the folder given with ``--home``, if one was."""
    home, rest = split_home(arguments)
    if rest or len(home) == 1:
        return False, None
    return True, home[1] if home else None
