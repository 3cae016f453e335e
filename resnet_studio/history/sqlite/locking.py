"""One writer at a time on one home: a lock that dies with its process, and a note of who holds it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout


class WriterLock:
    """The right to write in a home folder.

    The process id lies in a file of its own beside the lock, because Windows lets nobody read a locked file. It is
    removed on release: one that is still there when the lock is free was left by a program that died.
    """

    def __init__(self, root: Path) -> None:
        self._lock = FileLock(root / "writer.lock", thread_local=False)
        self._holder = root / "writer.pid"
        self.previous_died = False

    @property
    def held(self) -> bool:
        return self._lock.is_locked

    def acquire(self, wait_seconds: float = 0.0) -> bool:
        """False if another process (or another lock in this one) holds it after ``wait_seconds``.

        Raises:
            OSError: If the folder cannot be written.
        """
        if self.held:
            return True
        try:
            self._lock.acquire(timeout=max(0.0, wait_seconds), poll_interval=0.05)
        except Timeout:
            return False
        self.previous_died = self._holder.exists()
        with suppress(OSError):  # on a full disk: the lock is what counts
            self._holder.write_text(f"{os.getpid()}\n", encoding="ascii")
        return True

    def release(self) -> None:
        if self.held:
            with suppress(OSError):
                self._holder.unlink(missing_ok=True)
            self._lock.release()

    def holder(self) -> int | None:
        """Process id of who holds the lock, None where the note is missing or unreadable."""
        try:
            return int(self._holder.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
