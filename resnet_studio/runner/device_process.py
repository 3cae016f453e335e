"""What runs in the process of one device: the first leads and reports to whoever started it, the others follow."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from resnet_studio.domain.errors import DiskFullError, Stopped, StoreError, UserError
from resnet_studio.domain.events import Event
from resnet_studio.runner.train import follow, train
from resnet_studio.training.data_parallel import DataParallel, LostDeviceError, Meeting
from resnet_studio.training.disk_full import StoppedOnFullDisk
from resnet_studio.training.out_of_memory import is_out_of_memory

_ALIVE_SECONDS = 2.0  # between two signs of life
_LEFT_TO_THE_STARTER = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # a terminal sends them to every process


def device_process(
    number: int, meeting: Meeting, start: bytes, checkpoint_seconds: float, connection: Connection
) -> NoReturn:
    """Entry of the process; ends it.

    Args:
        number: Of the process and its device, from 0; the first one leads.
        meeting: Where the processes find one another.
        start: A pickled :class:`~resnet_studio.runner.start.CohortStart`.
        checkpoint_seconds: After so many, a checkpoint is due, which the first process writes.
        connection: To the starter, whose end it is only the first process may use.
    """
    _leave_signals_to_the_starter()
    if number:
        connection.close()
        with contextlib.suppress(LostDeviceError):  # the first process is gone, and knows why
            follow(pickle.loads(start), DataParallel(meeting, number))
        os._exit(0)  # torch's launcher would wait for the others
    starter = _Starter(connection)
    starter.finish(_lead(starter, start, checkpoint_seconds, lambda: DataParallel(meeting, 0)))
    os._exit(0)


def single_process(
    start: bytes, checkpoint_seconds: float, beside: int, visible: str | None, connection: Connection
) -> NoReturn:
    """Entry of a process that trains alone, beside so many that train something else; ends it.

    Args:
        start: A pickled :class:`~resnet_studio.runner.start.CohortStart`.
        checkpoint_seconds: After so many, a checkpoint is due.
        beside: How many other such processes share the machine.
        visible: The GPU that it sees as its only one, empty for none; all that the starter sees where None.
        connection: To who started it: events go out, stops and answers come in.
    """
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible  # read when CUDA is first used
    _leave_signals_to_the_starter()
    starter = _Starter(connection)
    starter.finish(_lead(starter, start, checkpoint_seconds, lambda: None, beside))
    os._exit(0)


def _leave_signals_to_the_starter() -> None:
    for name in _LEFT_TO_THE_STARTER:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _lead(
    starter: _Starter, start: bytes, checkpoint_seconds: float, team: Callable[[], DataParallel | None], beside: int = 0
) -> tuple[str, str]:
    """How training ended: a word, and a text for people or for the log."""
    try:
        train(
            pickle.loads(start), starter.emit, starter.should_stop, should_pause=starter.should_pause,
            checkpoint_seconds=checkpoint_seconds, show=starter.show, team=team(), beside=beside,
        )  # fmt: skip
    except Stopped:
        return "stopped", ""
    except StoppedOnFullDisk as stopped:
        return "stopped on full disk", str(stopped)
    except LostDeviceError as error:
        return "lost", str(error)
    except UserError as error:
        return "refused", str(error)
    except Exception as error:
        return ("memory", str(error)) if is_out_of_memory(error) else ("error", traceback.format_exc())
    return "done", ""


class _Starter:
    """Whoever started the processes, through a pipe: takes events, and asks for a stop or a pause."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._sending = connection, threading.Lock()
        self._answers: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._stop, self._pause, self._lost = threading.Event(), threading.Event(), ""
        for work in (self._listen, self._live):
            threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True).start()

    def emit(self, event: Event) -> None:
        """Returns once ``event`` is stored.

        Raises:
            DiskFullError: If there is no room for it.
            StoreError: If it cannot be stored for another reason.
        """
        self._send("emit", event)
        answer, text = self._answers.get()
        if answer == "full":
            raise DiskFullError(text)
        if answer == "not stored":
            raise StoreError(text)

    def show(self, event: Event) -> None:
        self._send("show", event)

    def finish(self, how: tuple[str, str]) -> None:
        self._send("end", how)

    def should_stop(self) -> bool:
        """Raises LostDeviceError, once, if the process of another device was seen to end."""
        if lost := self._lost:
            self._lost = ""
            raise LostDeviceError(lost)
        return self._stop.is_set()

    def should_pause(self) -> bool:
        return self._pause.is_set()

    def _send(self, kind: str, value: object) -> None:
        with self._sending:
            try:
                self._connection.send((kind, value))
            except OSError:
                os._exit(1)  # nobody is there to train for

    def _listen(self) -> None:
        while True:
            try:
                kind, value = self._connection.recv()
            except (EOFError, OSError):
                os._exit(1)
            self._hear(kind, value)

    def _hear(self, kind: str, value: Any) -> None:
        if kind == "stop":
            self._stop.set()
        elif kind == "pause":
            (self._pause.set if value else self._pause.clear)()
        elif kind == "lost":
            self._lost = value
        else:
            self._answers.put((kind, value))

    def _live(self) -> None:
        while True:
            time.sleep(_ALIVE_SECONDS)
            self._send("alive", None)
