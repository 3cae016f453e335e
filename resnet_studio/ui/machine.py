"""What the status bar says of this machine, without torch and without a library for it."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path


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
    """``Intel(R) Core(TM) i5-8250U, 8 cores``, or as much of it as is known."""
    name = ""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
            name = next((line.partition(":")[2] for line in lines if line.startswith("model name")), "")
        except OSError:
            name = ""
    cores = os.cpu_count() or 1
    name = plain_name(name or platform.processor() or platform.machine() or "CPU")
    return f"{name}, {cores} {'core' if cores == 1 else 'cores'}"


def plain_name(device: str) -> str:
    """A device's name without trade marks and clock rates."""
    for noise in ("(R)", "(TM)", "(tm)", " CPU", " Processor"):
        device = device.replace(noise, "")
    return " ".join(device.partition("@")[0].split())
