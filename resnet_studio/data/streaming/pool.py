"""Several processes that decode images, fed through pipes by one thread each.

Plain processes rather than forks or ``multiprocessing``: they load neither torch nor Qt nor the program's main module,
start in a fraction of a second from any thread, keep no locks, semaphores or shared memory that a crash could leave
behind, get no Ctrl-C of the terminal, and end by themselves when their pipe does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from pathlib import Path
from typing import IO, Self

import numpy as np

from resnet_studio.data.streaming.worker import Pixels, Reply, Task, perform, receive, send
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.platform.python_child import python_command
from resnet_studio.text import _

log = logging.getLogger(__name__)

TASK_IMAGES = 8  # small enough to share a batch among processes and to stop between two tasks
_POLL_SECONDS = 0.05
_JOIN_SECONDS = 5.0
_DYING_SECONDS = 1.0


class DecodingPool:
    """Decodes tasks in the order in which they were submitted.

    Attributes:
        workers: Processes; 0 decodes in the thread that waits for the reply, with the same result.
    """

    def __init__(self, root: Path, size: int, workers: int) -> None:
        """Start the processes.

        Args:
            root: The folder below which all file names lie.
            size: S, height and width of the decoded images.
            workers: How many of them; 0 decodes in the calling thread.

        Raises:
            DataError: If a process cannot be started.
        """
        self.workers = workers
        self._root, self._size = root, size
        self._tasks: queue.SimpleQueue[PendingReply | None] = queue.SimpleQueue()
        self._broken = ""
        self._closed = False
        self._processes: list[_Process] = []
        self._threads: list[threading.Thread] = []
        try:
            for number in range(workers):
                process = _Process(root, size)
                self._processes.append(process)
                thread = threading.Thread(target=self._feed, args=(process,), name=f"decoding-{number}", daemon=True)
                thread.start()
                self._threads.append(thread)
        except OSError as error:
            self.close()
            raise DataError(
                _(
                    "A process to decode images could not be started ({strerror}); close other programs, "
                    "or choose resident loading.",
                    strerror=error.strerror or error,
                )
            ) from None

    @property
    def process_ids(self) -> tuple[int, ...]:
        return tuple(process.popen.pid for process in self._processes)

    def submit(self, task: Task, into: Pixels | None = None) -> PendingReply:
        """Queue a task.

        ``into`` is contiguous uint8 (n, 3, S, S) for the pixels; None for a scan.
        """
        if not self.workers:
            return PendingReply(self, task, into, lambda: perform(self._root, self._size, task, into))
        reply = PendingReply(self, task, into)
        self._tasks.put(reply)
        return reply

    def close(self) -> None:
        """End all processes, at once and whatever they are doing; tasks that are not done are dropped."""
        self._closed = True
        for process in self._processes:
            process.popen.kill()
        for _unused in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)
        for process in self._processes:
            process.close()
        self._processes, self._threads = [], []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()

    @property
    def broken(self) -> str:
        """Why nothing more will be decoded, as a sentence; empty while all is well."""
        return _("The decoding processes have ended.") if self._closed else self._broken

    def _feed(self, process: _Process) -> None:
        """One process's thread: send it a task, wait for its reply, and so on."""
        while (reply := self._tasks.get()) is not None:
            if not reply.future.set_running_or_notify_cancel():
                continue
            try:
                reply.future.set_result(process.perform(reply.task, reply.into, self._size))
            except (OSError, EOFError, ValueError) as error:
                if not self._closed:
                    self._broken = self._broken or process.why_ended(error)
                    log.info("%s", self._broken)
                reply.future.set_exception(DataError(self.broken))
                return


class PendingReply:
    """The reply to a task that is queued or under way."""

    def __init__(
        self, pool: DecodingPool, task: Task, into: Pixels | None, work: Callable[[], Reply] | None = None
    ) -> None:
        self.task, self.into = task, into
        self.future: Future[Reply] = Future()
        self._pool, self._work = pool, work

    def wait(self, should_stop: StopCheck) -> Reply:
        """The reply, once it is there.

        Raises:
            DataError: If a process died, so that the reply will never come.
            Stopped: When ``should_stop`` says so.
        """
        if should_stop():  # even when the reply is there: fast processes do not delay a stop
            raise Stopped
        if self._work is not None:
            return self._work()
        while not wait_for([self.future], _POLL_SECONDS).done:
            if should_stop():
                raise Stopped
            if self._pool.broken:
                raise DataError(self._pool.broken)
        return self.future.result()

    def cancel(self) -> None:
        """It is no longer needed; a task that has begun is finished all the same."""
        self.future.cancel()


class _Process:
    """One decoding process and its two pipes."""

    def __init__(self, root: Path, size: int) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with it
        modules = "from pathlib import Path; from resnet_studio.data.streaming.worker import serve"
        code = f"{modules}; serve(Path({os.fspath(root)!a}), {size})"
        try:
            self.popen = subprocess.Popen(
                python_command(code),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # the terminal's Ctrl-C is not for it
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError:
            self._errors.close()
            raise

    def perform(self, task: Task, into: Pixels | None, size: int) -> Reply:
        """Raises OSError, EOFError or ValueError when the process is gone."""
        source, replies = self.popen.stdin, self.popen.stdout
        assert source is not None
        assert replies is not None
        shape = None if task.raw is None else task.raw.shape
        head = {"names": list(task.names), "crops": list(task.crops), "shape": shape, "scan": task.scan}
        send(source, head, task.raw)
        sums = np.empty(3 * size * size + 9, np.int64) if task.scan else None
        reply = receive(replies, into if sums is None else sums)
        if reply is None:
            raise EOFError
        errors = {int(row): str(reason) for row, reason in reply[0]["errors"]}
        if sums is None:
            return Reply(errors)
        return Reply(errors, tuple(reply[0]["hashes"]), sums[:-9].reshape(3, size, size), sums[-9:].reshape(3, 3))

    def why_ended(self, error: Exception) -> str:
        """A sentence."""
        try:
            code = self.popen.wait(_DYING_SECONDS)
        except subprocess.TimeoutExpired:  # it lives, but no longer makes sense
            self.popen.kill()
            code = self.popen.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else str(error) or _("exit code {code}", code=code)
        if code < 0:
            reason = _("it was ended by signal {name}", name=signal.Signals(-code).name)
        return _(
            "A process that decodes images ended unexpectedly ({reason}), perhaps because memory ran out; close other "
            "programs, then go on from the last checkpoint.",
            reason=reason,
        )

    def close(self) -> None:
        """After :meth:`subprocess.Popen.kill`: no zombie, no open pipe is left."""
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written has no reader
                    pipe.close()
