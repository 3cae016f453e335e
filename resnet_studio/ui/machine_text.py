"""What the status bar says of this machine, without torch and without a library for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from resnet_studio.platform import host
from resnet_studio.ui.widgets.text import counted


def process_memory() -> int | None:
    """Bytes of memory this process holds; on macOS the most it ever held, on Windows None."""
    if sys.platform == "linux":
        try:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return None
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cpu_name() -> str:
    """``Intel Core i5-8250U, 8 cores``, or as much of it as is known."""
    return f"{plain_name(host.cpu_name())}, {counted(host.cores(), 'core')}"


def plain_name(device: str) -> str:
    """A device's name without trade marks and clock rates."""
    for noise in ("(R)", "(TM)", "(tm)", " CPU", " Processor"):
        device = device.replace(noise, "")
    return " ".join(device.partition("@")[0].split())
