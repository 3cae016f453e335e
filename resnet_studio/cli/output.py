"""Where output goes: results to stdout, complaints and hints to stderr, JSON alone and whole.

Names of files, classes and runs are other people's: no character of theirs moves the cursor, turns the writing
direction or is read as markup. What ``print`` writes passes :class:`Stream`, tables pass :func:`cell`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.visible_text import visible
from resnet_studio.platform.outside_files import reason
from resnet_studio.text import _

PIPE_WIDTH = 200  # columns of a table that is not shown on a terminal: nothing is cut


class OutputLostError(UserError):
    """Nothing more can be written to stdout or stderr."""


class Stream:
    """A text stream that shows unseen characters and says in a sentence when it cannot be written.

    A broken pipe passes as it is, and so does the input/output error of a terminal that is gone; see
    :func:`resnet_studio.cli.main.run`.

    Args:
        raw: The stream, None if it was closed before the program began.
    """

    def __init__(self, raw: TextIO | None, name: str, *, escape: bool = True) -> None:
        self.raw: TextIO = raw if raw is not None else _Closed()
        self.name, self._escape = name, escape

    def write(self, text: str) -> int:
        with self._explained():
            self.raw.write(visible(text) if self._escape else text)
        return len(text)

    def flush(self) -> None:
        with self._explained():
            self.raw.flush()

    def unescaped(self) -> Stream:
        """For Rich, whose own control characters have to pass."""
        return Stream(self.raw, self.name, escape=False)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno == errno.EIO:
                raise
            raise OutputLostError(
                _("Nothing can be written to {name} ({reason}).", name=self.name, reason=reason(error))
            ) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


class _Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    """stdout and stderr are each a :class:`Stream` within this block."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    guarded: Any = (Stream(sys.stdout, "stdout"), Stream(sys.stderr, "stderr"))
    sys.stdout, sys.stderr = guarded
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def print_if_possible(line: str) -> None:
    """Where work goes on without anybody who reads."""
    with contextlib.suppress(OutputLostError, BrokenPipeError):
        print(line, flush=True)


def cell(value: object) -> Text:
    """A piece of a table or of a board, without markup and without unseen characters."""
    if isinstance(value, Text):
        return value if value.plain == visible(value.plain) else Text(visible(value.plain), style=value.style)
    return Text(visible(str(value)))


def console(*, error: bool = False) -> Console:
    """A console on the present stdout or stderr; wide where it is a pipe or a file."""
    stream: Any = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    file: Any = stream.unescaped() if isinstance(stream, Stream) else stream
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_json(value: Any, file: TextIO | None = None) -> None:
    """Indented JSON on stdout or into ``file``; numbers that JSON does not have become null.

    A file name that is no text has a lone surrogate for each such byte: Python's ``os.fsencode`` makes it bytes again.
    """
    print(visible(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)), file=file)


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


class WarningsOnce(logging.Handler):
    """What the program logs as a warning, on stderr: each as a sentence, and once a command."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()

    def begin(self) -> None:
        """Another command."""
        self._said.clear()

    def emit(self, record: logging.LogRecord) -> None:
        sentence = " ".join(record.getMessage().split())
        sentence = sentence[:1].upper() + sentence[1:]
        if sentence not in self._said:
            self._said.add(sentence)
            with contextlib.suppress(OutputLostError, OSError):
                hint(sentence if sentence.endswith((".", "!", "?")) else f"{sentence}.")


def print_table(
    columns: Sequence[str | Text], rows: Iterable[Sequence[object]], *, title: str = "", right: Sequence[str] = ()
) -> None:
    """A table on stdout; the columns named in ``right`` are aligned to the right."""
    table = Table(title=visible(title) or None, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        table.add_column(cell(column), justify="right" if str(column) in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(cell, row))
    console().print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, one pair a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(cell(name), cell(value))
    console().print(table)
