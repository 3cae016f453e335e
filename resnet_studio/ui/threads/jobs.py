"""Background work other than training: one thread a job, news in the GUI thread."""

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

log = logging.getLogger(__name__)

Work = Callable[[Callable[[object], None], StopCheck], object]
STACK_BYTES = 16 * 1024 * 1024  # macOS gives threads 512 KiB, too little for numeric work


class _Worker(QObject):
    """Lives in the job's thread. ``finished`` comes once and last."""

    item, done, failed, crashed, finished = Signal(object), Signal(object), Signal(str), Signal(str, str), Signal()

    def __init__(self, work: Work) -> None:
        super().__init__()  # no parent: a child cannot change thread
        self._work = work
        self._stop = threading.Event()
        self.request_stop = self._stop.set  # safe from any thread

    @Slot()
    def run(self) -> None:
        try:
            self.done.emit(self._work(self.item.emit, self._stop.is_set))
        except Stopped:
            log.info("a background job was stopped")
        except UserError as error:
            self.failed.emit(str(error))
        except Exception as error:
            log.exception("a background job failed")
            self.crashed.emit(
                f"Something unexpected went wrong: {error or type(error).__name__}", traceback.format_exc()
            )
        finally:
            self.finished.emit()


class Job(QObject):
    """The GUI thread's end of one piece of work. After :meth:`stop` no result is delivered."""

    ended = Signal()

    def __init__(
        self,
        work: Work,
        on_item: Callable[..., None] | None,
        on_done: Callable[..., None] | None,
        on_failed: Callable[[str], None] | None,
        parent: Jobs,
    ) -> None:
        super().__init__(parent)
        self._jobs = parent
        self._on_item, self._on_done, self._on_failed = on_item, on_done, on_failed
        self._stopped = False
        self.thread_ = QThread(self)
        self.thread_.setObjectName("job")
        self.thread_.setStackSize(STACK_BYTES)
        self._worker = _Worker(work)
        self._request_stop = self._worker.request_stop
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
        self._request_stop()

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
        self.ended.emit()


class Jobs(QObject):
    """Starts jobs and keeps them alive until their threads have ended.

    ``crashed(sentence, details)`` tells of errors that are ours; the window offers them for copying.
    """

    crashed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: list[Job] = []
        self._closing = False

    def start(
        self,
        work: Work,
        *,
        on_item: Callable[..., None] | None = None,
        on_done: Callable[..., None] | None = None,
        on_failed: Callable[[str], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> Job:
        """Run ``work(emit, should_stop)`` in a thread of its own.

        The callbacks are called in the GUI thread: ``on_item`` for whatever the work emits, then ``on_done`` with its
        result or ``on_failed`` with a sentence, and ``on_end`` in any case (stopped included), last. After
        :meth:`stop_all` nothing starts any more.
        """
        job = Job(work, on_item, on_done, on_failed, self)
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
            job.thread_.quit()
        ended = [job.thread_.wait(max(0, int((until - time.monotonic()) * 1000))) for job in self._running]
        return all(ended)

    @Slot()
    def _on_job_ended(self) -> None:
        job = self.sender()
        if isinstance(job, Job) and job in self._running:
            self._running.remove(job)
            job.deleteLater()
