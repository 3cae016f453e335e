"""The processor this program runs on, asked of the platform alone."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

CORES_VARIABLE = "RESNET_STUDIO_CORES"  # of a worker that shares its machine, set by the worker itself
_COMPILERS = ("g++", "clang++", "c++", "cl")


def cpu_name() -> str:
    """The processor's name where the platform tells, for the status bar and the record; else its architecture."""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "CPU"


def cores() -> int:
    """Cores this process may use."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(CORES_VARIABLE, "")
    return min(there, max(1, int(share))) if share.isdecimal() else there


def compiler() -> str | None:
    """The C++ compiler that torch's compiler would use on the CPU; None where there is none."""
    return next((found for name in _COMPILERS if (found := shutil.which(name))), None)
