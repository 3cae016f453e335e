"""How much memory a batch may take."""

from __future__ import annotations

import torch

from resnet_studio.platform.memory import available_bytes

_MOST = {"cpu": 2 * 2**30, "cuda": 16 * 2**30}  # bytes: more makes nothing faster
_SHARE = {"cpu": 0.25, "cuda": 0.5}  # of what is free: others may want some too
_UNKNOWN = 2**30


def free_bytes(device: torch.device) -> int:
    """Bytes that a batch on ``device`` may take, a share of what is free now; 1 GiB where that is not known."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
    elif device.type == "cpu":
        free = available_bytes()
    else:
        return _UNKNOWN
    return int(min(_MOST[device.type], _SHARE[device.type] * free))
