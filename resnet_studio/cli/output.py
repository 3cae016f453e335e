"""Where output goes: results to stdout, complaints and hints to stderr, JSON alone and whole."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 200  # columns of a table that is not shown on a terminal: nothing is cut


def console(*, error: bool = False) -> Console:
    """A console on the present stdout or stderr; wide where it is a pipe or a file."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=False)


def print_json(value: Any, file: TextIO | None = None) -> None:
    """Indented JSON on stdout or into ``file``; numbers that JSON does not have become null."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False), file=file)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def hint(sentence: str) -> None:
    """One line for people on stderr."""
    print(sentence, file=sys.stderr)


def print_table(
    columns: Sequence[str | Text], rows: Iterable[Sequence[object]], *, title: str = "", right: Sequence[str] = ()
) -> None:
    """A table on stdout; the columns named in ``right`` are aligned to the right."""
    table = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if str(column) in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    console().print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, one pair a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(str(value)))
    console().print(table)
