"""The object that trains one cohort in a thread of its own."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import EventSink, StatusChanged, StopCheck

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore

log = logging.getLogger(__name__)

Training = Callable[[Sequence[str], "RunStore", EventSink, StopCheck, StopCheck], object]


def train_with_runner(
    run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck, should_pause: StopCheck
) -> None:
    """What the worker does in the program: the runner's ``resume`` also starts queued runs."""
    from resnet_studio.runner.run_cohort import resume  # torch enters here, in the worker's thread

    resume(run_ids, store, emit, should_stop, should_pause=should_pause)


class TrainingWorker(QObject):
    """Signals: happened(stored event), failed(sentence), crashed(sentence, trace), finished() once and last."""

    happened, failed, crashed, finished = Signal(object), Signal(str), Signal(str, str), Signal()

    def __init__(self, run_ids: Sequence[str], store: RunStore, training: Training) -> None:
        super().__init__()  # no parent: a child cannot change thread
        self._run_ids, self._store, self._training = tuple(run_ids), store, training
        self._stop, self._pause = threading.Event(), threading.Event()
        self.request_stop = self._stop.set  # these three are safe from any thread
        self.request_pause = self._pause.set
        self.request_unpause = self._pause.clear

    @Slot()
    def run(self) -> None:
        try:
            self._training(self._run_ids, self._store, self.happened.emit, self._stop.is_set, self._pause.is_set)
        except Stopped:
            self._settle(RunStatus.STOPPED, "Stopped before the first iteration.")
        except UserError as error:
            log.warning("training did not start: %s", error)
            self._settle(RunStatus.FAILED, str(error))
            self.failed.emit(str(error))
        except Exception as error:
            trace = traceback.format_exc()
            log.exception("training failed")
            sentence = f"Training ended with an unexpected error: {error or type(error).__name__}"
            self._settle(RunStatus.FAILED, sentence)
            self.crashed.emit(sentence, trace)
        finally:
            self.finished.emit()

    def _settle(self, status: RunStatus, reason: str) -> None:
        """Write an end to runs that the runner left without one."""
        for run_id in self._run_ids:
            try:
                run = self._store.get(run_id)
                if run.status.active or run.status is RunStatus.QUEUED:
                    self._store.set_status(run_id, status, reason)
                    self.happened.emit(StatusChanged(run_id, status, reason, run.iteration))
            except Exception:  # the disk may be full: the start of the program finds such a run interrupted
                log.exception("the end of run %s could not be stored", run_id)
