"""Traces of crashes in native code, which no exception handler sees: Python writes them while the process dies."""

from __future__ import annotations

import contextlib
import faulthandler
import os
from pathlib import Path

from resnet_studio.platform.home import Home
from resnet_studio.platform.private_folder import private_opener

_MOST_BYTES = 1 << 20  # of a trace that is shown
_open: list[int] = []  # the descriptor that faulthandler writes to


def trace_file(home: Home) -> Path:
    """Every trace since the home was made, the newest last; nothing is sent anywhere."""
    return home.logs / "crashes.log"


def write_crash_traces(home: Home) -> None:
    """From now on a crash in native code appends the stacks of all threads to :func:`trace_file`.

    Where faulthandler is on already (``PYTHONFAULTHANDLER``, ``-X faulthandler``) it keeps its place. A file that
    cannot be opened changes nothing.
    """
    if faulthandler.is_enabled() and not _open:
        return
    with contextlib.suppress(OSError):
        file = private_opener(str(trace_file(home)), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        faulthandler.enable(file)
        while _open:
            os.close(_open.pop())
        _open.append(file)


def has_traces(home: Home) -> bool:
    """Whether the program has ever crashed here."""
    with contextlib.suppress(OSError):
        return trace_file(home).stat().st_size > 0
    return False


def take_new_trace(home: Home) -> str:
    """What crashes have written since the last call, in whatever process; empty if nothing. The file stays as it is.

    Paths in it begin with ``HOME`` and ``~`` instead of the home folder and the person's own.
    """
    seen = trace_file(home).with_suffix(".seen")
    try:
        size = trace_file(home).stat().st_size
        begin = min(int(seen.read_text(encoding="ascii")), size) if seen.exists() else 0
        if size == begin:
            return ""
        with trace_file(home).open("rb") as file:
            file.seek(max(begin, size - _MOST_BYTES))
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
        with open(seen, "w", encoding="ascii", opener=private_opener) as mark:
            mark.write(str(size))
    except (OSError, ValueError):
        return ""
    return scrubbed(text, home)


def scrubbed(text: str, home: Home) -> str:
    """Without the names of the home folder and of the person's own folder."""
    person = str(Path("~").expanduser())
    for place, name in ((str(home.root), "HOME"), (person, "~")):
        if place.strip("/\\"):
            text = text.replace(place, name)
    return text
