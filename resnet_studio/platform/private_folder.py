"""Folders that only their owner may look into, and whether one is."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from resnet_studio.text import _

FOLDER_MODE, FILE_MODE = 0o700, 0o600
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_private(folder: Path) -> None:
    """Make ``folder`` with mode 0700, those above it with the usual one; one that exists is left as it is.

    Raises:
        OSError: If it cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def private_opener(path: str, flags: int) -> int:
    """An ``opener`` for :func:`open`: what it makes has mode 0600."""
    return os.open(path, flags, FILE_MODE)


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600; not durable before it is synced.

    Raises:
        OSError: With its number: a full disk is told from others by it.
    """
    with open(path, "wb", opener=private_opener) as file:
        file.write(content)


def why_others_write(folder: Path) -> str:
    """Why what lies in ``folder`` may be someone else's, with what to do; empty if it cannot, or nothing is there."""
    if os.name == "nt":
        return ""
    try:
        found = folder.lstat()
    except OSError:
        return ""
    if not stat.S_ISDIR(found.st_mode):
        return _("{folder} is no folder of its own; remove it.", folder=folder)
    if found.st_uid != os.geteuid():
        return _("{folder} belongs to another user; remove it, or choose another home with --home DIR.", folder=folder)
    if found.st_mode & _OTHERS_WRITE:
        return _("Other users can write in {folder}: {command}", folder=folder, command=_command(folder))
    return ""


def why_others_read(folder: Path) -> str:
    """The command that closes ``folder`` to other users; empty if they cannot enter it, or nothing is there."""
    try:
        mode = folder.stat().st_mode
    except OSError:
        return ""
    return "" if os.name == "nt" or not mode & (stat.S_IRWXG | stat.S_IRWXO) else _command(folder)


def _command(folder: Path) -> str:
    return shlex.join(["chmod", "700", str(folder)])
