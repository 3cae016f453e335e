"""Ctrl-C and the signals that ask a program to end: a request that training checks for, not an exception."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self

from resnet_studio.text import _

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_ECHO_SECONDS = 0.5  # one Ctrl-C may come twice: from the terminal and from a program that started this one
STOPPING = _("Stopping: a checkpoint is written first; Ctrl-C leaves at once.")
_SHOW_CURSOR = b"\x1b[?25h"


class StopOnSignals:
    """While entered, the first signal asks training to stop; a second Ctrl-C leaves at once.

    Leaving at once loses nothing but the work since the last checkpoint. A signal that was ignored when the program
    began (``nohup``) stays ignored. Only the main thread of a program receives signals.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._before: dict[signal.Signals, Any] = {}
        self._received_at = 0.0
        self._interrupting = False
        self.received: signal.Signals | None = None

    def __enter__(self) -> Self:
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def __call__(self) -> bool:
        """Whether to stop; training calls it."""
        return self._event.is_set()

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Inside, the first signal also raises KeyboardInterrupt: for work without a stop check, such as an import.

        One that came before raises it at once.
        """
        self._interrupting = True
        try:
            if self.received is not None:
                raise KeyboardInterrupt
            yield
        finally:
            self._interrupting = False

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as shells have it; 0 if none came."""
        return 128 + self.received if self.received is not None else 0

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received, self._received_at = signal.Signals(number), time.monotonic()
            self._event.set()
            if self._interrupting:
                raise KeyboardInterrupt
        elif number == signal.SIGINT and time.monotonic() - self._received_at > _ECHO_SECONDS:
            for descriptor in (1, 2):
                if os.isatty(descriptor):
                    os.write(descriptor, _SHOW_CURSOR)
            os._exit(128 + number)
