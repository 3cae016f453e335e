"""Which device trains, with how many threads, and at which priority."""

from __future__ import annotations

import os
import sys
import threading

import torch

from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import UserError
from resnet_studio.platform.host import cpu_name


def choose_device(wish: Device) -> torch.device:
    """CUDA, else Apple's MPS, else the CPU for ``auto``.

    Raises:
        UserError: If the wished device is not there.
    """
    there = {
        Device.CUDA: torch.cuda.is_available(),
        Device.MPS: torch.backends.mps.is_available(),
        Device.CPU: True,
    }
    if wish is Device.AUTO:
        return torch.device(next(str(device) for device, available in there.items() if available))
    if not there[wish]:
        raise UserError(f"This machine has no {wish} device that torch can use; choose auto or cpu.")
    return torch.device(str(wish))


def device_name(device: torch.device) -> str:
    """What people call it, for the status bar and the record."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if device.type == "mps":
        return "Apple GPU"
    return cpu_name()


def use_threads(count: int) -> None:
    """Torch's threads for the calling thread; the setting acts per calling thread, so call it in the worker."""
    torch.set_num_threads(count)


def lower_priority() -> None:
    """Let a window go first: raise the nice value of the calling thread, and of threads it starts later.

    Only a thread that is not the main one is lowered (Linux lets a thread be niced alone); the main thread of a
    command-line program keeps its priority.
    """
    if sys.platform == "linux" and threading.current_thread() is not threading.main_thread():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
