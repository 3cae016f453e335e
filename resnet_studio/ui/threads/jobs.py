"""Background work, training too: one thread a job; what it says arrives in the GUI thread."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable

from PySide6.QtCore import QObject, QThread, Signal, Slot
from shiboken6 import delete, isValid

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.text import _

log = logging.getLogger(__name__)

Emit = Callable[[object], None]
Work = Callable[[Emit, StopCheck], object]
STACK_BYTES = 16 * 1024 * 1024  # macOS gives threads 512 KiB, too little for numeric work


def unexpected(error: BaseException, failure: str = _("Something unexpected went wrong")) -> str:
    """What a person reads of an error that is ours."""
    return f"{failure}: {error or type(error).__name__}"


class _Worker(QObject):
    """Lives in the job's thread. ``finished`` comes once and last."""

    item, done, failed, crashed, finished = Signal(object), Signal(object), Signal(str), Signal(str, str), Signal()

    def __init__(self, work: Work, name: str, failure: str) -> None:
        super().__init__()  # no parent: a child cannot change thread
        self._work, self._name, self._failure = work, name, failure
        self._stop = threading.Event()
        self.request_stop = self._stop.set  # safe from any thread

    @Slot()
    def run(self) -> None:
        try:
            self.done.emit(self._work(self.item.emit, self._stop.is_set))
        except Stopped:
            log.info("%s was stopped", self._name)
        except UserError as error:
            self.failed.emit(str(error))
        except Exception as error:
            log.exception("%s failed", self._name)
            self.crashed.emit(unexpected(error, self._failure), traceback.format_exc())
        finally:
            self.finished.emit()


class Job(QObject):
    """The GUI thread's end of one piece of work."""

    ended = Signal()

    def __init__(
        self,
        work: Work,
        on_item: Callable[..., None] | None,
        on_done: Callable[..., None] | None,
        on_failed: Callable[[str], None] | None,
        parent: Jobs,
        name: str,
        failure: str,
    ) -> None:
        super().__init__(parent)
        self._jobs = parent
        self._on_item, self._on_done, self._on_failed = on_item, on_done, on_failed
        self._stopped = False
        self.thread_ = QThread(self)
        self.thread_.setObjectName(name)
        self.thread_.setStackSize(STACK_BYTES)
        self._worker = _Worker(work, name, failure)
        self.request_stop = self._worker.request_stop
        """Ask the work to end; what it still says is delivered. From any thread."""
        self._worker.moveToThread(self.thread_)
        self._worker.item.connect(self._relay_item)
        self._worker.done.connect(self._relay_done)
        self._worker.failed.connect(self._relay_failed)
        self._worker.crashed.connect(self._relay_crashed)
        self._worker.finished.connect(self.thread_.quit)
        self.thread_.started.connect(self._worker.run)
        self.thread_.finished.connect(self._on_thread_finished)

    @property
    def running(self) -> bool:
        return self.thread_.isRunning()

    def stop(self) -> None:
        """Ask the work to end. Its later results are dropped."""
        self._stopped = True
        self.request_stop()

    def wait(self, ms: int) -> bool:
        """Let its thread end with the work, and wait; False if it still runs after ``ms`` milliseconds."""
        self.thread_.quit()  # without it the wait would block the loop that delivers the end
        return self.thread_.wait(ms)

    def _call(self, callback: Callable[..., None] | None, value: object) -> None:
        """A callback whose widget has gone is not called."""
        if callback is None or self._stopped:
            return
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, QObject) and not isValid(owner):
            return
        callback(value)

    @Slot(object)
    def _relay_item(self, item: object) -> None:
        self._call(self._on_item, item)

    @Slot(object)
    def _relay_done(self, result: object) -> None:
        self._call(self._on_done, result)

    @Slot(str)
    def _relay_failed(self, sentence: str) -> None:
        self._call(self._on_failed, sentence)

    @Slot(str, str)
    def _relay_crashed(self, sentence: str, details: str) -> None:
        self._call(self._on_failed, sentence)
        self._jobs.crashed.emit(sentence, details)

    @Slot()
    def _on_thread_finished(self) -> None:
        self.thread_.wait()
        delete(self._worker)  # here and now: left to the garbage collector, any thread might delete it
        self._on_item = self._on_done = self._on_failed = None  # it must not be what keeps their owner
        self.ended.emit()


class Jobs(QObject):
    """Starts jobs and keeps them alive until their threads have ended.

    ``crashed(sentence, details)`` for errors that are ours; the window offers them for copying.
    """

    crashed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: list[Job] = []
        self._closing = False

    def is_running(self, name: str) -> bool:
        """Whether a job of that name was started and has not ended."""
        return any(job.thread_.objectName() == name for job in self._running)

    def start(
        self,
        work: Work,
        *,
        on_item: Callable[..., None] | None = None,
        on_done: Callable[..., None] | None = None,
        on_failed: Callable[[str], None] | None = None,
        on_end: Callable[[], None] | None = None,
        name: str = "job",
        failure: str = _("Something unexpected went wrong"),
    ) -> Job:
        """Run ``work(emit, should_stop)`` in a thread of its own.

        The callbacks are called in the GUI thread: ``on_item`` for whatever the work emits, then ``on_done`` with its
        result or ``on_failed`` with a sentence, and ``on_end`` in any case (stopped included), last. After
        :meth:`stop_all` nothing starts any more. ``name`` is the thread's; ``failure`` begins the sentence on an error
        of ours.
        """
        job = Job(work, on_item, on_done, on_failed, self, name, failure)
        if self._closing:
            job.stop()
            return job
        self._running.append(job)
        if on_end is not None:
            job.ended.connect(on_end)
        job.ended.connect(self._on_job_ended)
        job.thread_.start()
        return job

    @property
    def running(self) -> int:
        return len(self._running)

    def stop_all(self, ms: int = 5000) -> bool:
        """The end: stop every job and wait for their threads; False if one still runs after ``ms`` milliseconds.

        From now on nothing starts: a thread that is destroyed while it runs would end the process.
        """
        self._closing = True
        until = time.monotonic() + ms / 1000
        for job in self._running:
            job.stop()
        ended = [job.wait(max(0, int((until - time.monotonic()) * 1000))) for job in self._running]
        return all(ended)

    @Slot()
    def _on_job_ended(self) -> None:
        job = self.sender()
        if isinstance(job, Job) and job in self._running:
            self._running.remove(job)
            job.deleteLater()
