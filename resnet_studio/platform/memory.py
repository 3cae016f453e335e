"""Memory of this machine and of this process, in bytes."""

from __future__ import annotations

import psutil


def physical_bytes() -> int:
    """All that is built in."""
    return int(psutil.virtual_memory().total)


def available_bytes() -> int:
    """What could be given to a program now, without swapping."""
    return int(psutil.virtual_memory().available)


def process_bytes() -> int:
    """What this process holds in memory, shared libraries included."""
    return int(psutil.Process().memory_info().rss)
