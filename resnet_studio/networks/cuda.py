"""What the threads of this process must know of each other on a CUDA device: who captures a graph, and whether one may.

A capture fails when another thread waits for the whole device meanwhile, as cuDNN's and the compiler's choices of
kernels do, and the inference beside training. A capture that failed leaves torch below 2.12 in the middle of it: from
then on it can neither capture nor give cached memory back.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop

_POLL = 0.1  # seconds between two looks at whether to stop
_MULTIPLIES_BFLOAT16 = (8, 0)  # CUDA's compute capability from which on tensor cores do
_SHARED = ("cuda",)  # types of devices whose threads disturb each other
_device = threading.RLock()
_spoiled = threading.Event()


@contextlib.contextmanager
def alone_on(device: torch.device, should_stop: StopCheck = never_stop) -> Iterator[None]:
    """Of all threads that ask for it only one is inside; on other devices than CUDA all may be.

    Raises:
        Stopped: If asked to stop while another thread is inside.
    """
    if device.type not in _SHARED:
        yield
        return
    while not _device.acquire(timeout=_POLL):
        if should_stop():
            raise Stopped
    try:
        yield
    finally:
        _device.release()


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the tensor cores of a CUDA device multiply bfloat16."""
    return torch.cuda.get_device_capability(device) >= _MULTIPLIES_BFLOAT16


def survives_failed_captures() -> bool:
    """Whether this version of torch can capture again after a capture that failed."""
    return bool(torch.__version__ >= (2, 12))  # type: ignore[operator]  # it compares by parts


def note_failed_capture() -> None:
    """To be called after each."""
    if not survives_failed_captures():
        _spoiled.set()


def captures_are_over() -> bool:
    """Whether a capture failed that this version of torch does not survive: no other may be tried in this process."""
    return _spoiled.is_set()


def free_cached_memory(device: torch.device) -> None:
    """Give memory that is cached but not used back to the system, where that can be done."""
    if device.type == "cuda" and not captures_are_over():
        torch.cuda.empty_cache()
