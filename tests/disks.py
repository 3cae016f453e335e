"""Disks that fill up: a real one of a few megabytes, and one that only says so, for where nothing may be mounted."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PIECE = 4096


class SmallDisk:
    """A mounted tmpfs; :meth:`fill` leaves some bytes free, :meth:`empty` gives the rest back."""

    def __init__(self, root: Path) -> None:
        self.root, self._filler = root, root / "filler"

    def fill(self, leave: int = 0) -> None:
        with self._filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                there = os.statvfs(self.root)
                if there.f_bavail * there.f_frsize <= leave:
                    break
                file.write(bytes(PIECE))

    def empty(self) -> None:
        self._filler.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int = 4) -> Iterator[SmallDisk]:
    """Mount one at ``folder``; the test is skipped where that is not allowed."""
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    command = [mount, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if (tried := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        pytest.skip(f"no small disk can be mounted here: {tried.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class RefusingDisk:
    """Lets ``work`` through until :meth:`fill`, then refuses it as a full disk does."""

    def __init__(self, work: Callable[..., object]) -> None:
        self._work, self.full, self.refused = work, False, 0

    def fill(self, leave: int = 0) -> None:
        self.full = True

    def empty(self) -> None:
        self.full = False

    def __call__(self, *arguments: object, **options: object) -> object:
        if self.full:
            self.refused += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._work(*arguments, **options)
