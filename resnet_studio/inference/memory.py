"""How much memory a batch may take."""

from __future__ import annotations

import os
from pathlib import Path

import torch

_MOST = {"cpu": 2 * 2**30, "cuda": 16 * 2**30}  # bytes: more makes nothing faster
_SHARE = {"cpu": 0.25, "cuda": 0.5}  # of what is free: others may want some too
_UNKNOWN = 2**30


def free_bytes(device: torch.device) -> int:
    """Bytes that a batch on ``device`` may take, a share of what is free now; 1 GiB where that is not known."""
    free = None
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
    elif device.type == "cpu":
        free = _available()
    if free is None:
        return _UNKNOWN
    return int(min(_MOST[device.type], _SHARE[device.type] * free))


def _available() -> int | None:
    """What the system could give to a program now, None where it does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (AttributeError, ValueError, OSError):
        return None
