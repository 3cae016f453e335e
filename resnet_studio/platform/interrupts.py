"""Ctrl-C where there is nothing to clean up: the process ends at once, without a word."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

INTERRUPTED = 130  # as shells have it: 128 and the signal's number


def leave_on_interrupts() -> None:
    """From now on, until a handler of its own is set, an interrupt ends the process with :data:`INTERRUPTED`.

    While modules are imported, an exception would end up in whatever happens to be imported. Where interrupts are
    ignored (``nohup``, a shell's background) they stay so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


@contextlib.contextmanager
def raised_interrupts() -> Iterator[None]:
    """Inside, an interrupt is a KeyboardInterrupt again, for work that has something to clean up."""
    ours = signal.getsignal(signal.SIGINT) is _leave
    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
