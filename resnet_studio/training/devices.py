"""With how many threads training works, and at which priority."""

from __future__ import annotations

import os
import sys
import threading

import torch


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
