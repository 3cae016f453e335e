"""SIGINT, SIGTERM and SIGHUP as a signal of the GUI thread: the window can then save before it goes."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

from PySide6.QtCore import QObject, QSocketNotifier, Signal, Slot

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Python only writes to the wake-up socket when some handler is set."""


class Interrupts(QObject):
    """``arrived`` carries the signal's number. A socket wakes the loop: handlers wait until Python code runs."""

    arrived = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_woken)
        self._fd_before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._before: dict[int, Callable[..., Any] | int | None] = {}
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is not None:
                self._before[number] = signal.signal(number, _noted)

    def remove(self) -> None:
        """Give the signals back."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    @Slot()
    def _on_woken(self) -> None:
        try:
            numbers = self._read.recv(64)
        except BlockingIOError:
            return
        for number in numbers:
            if number in self._before:
                self.arrived.emit(number)
