"""The work of a training job: one cohort, from the queue to an end that is stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import EventSink, StatusChanged, StopCheck
from resnet_studio.text import _
from resnet_studio.ui.threads.jobs import Emit, Work, unexpected

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore

log = logging.getLogger(__name__)

FAILURE = _("Training ended with an unexpected error")
Training = Callable[[Sequence[str], "RunStore", EventSink, StopCheck, StopCheck], object]


def train_with_runner(
    run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck, should_pause: StopCheck
) -> None:
    """What the program's jobs do: the runner's ``resume`` also starts queued runs."""
    from resnet_studio.runner.run_cohort import resume  # torch enters here, in the job's thread

    resume(run_ids, store, emit, should_stop, should_pause=should_pause)


def training_work(run_ids: Sequence[str], store: RunStore, training: Training, should_pause: StopCheck) -> Work:
    """A job that trains stored runs and emits their events; afterwards none of them is left without an end."""

    def work(emit: Emit, should_stop: StopCheck) -> None:
        try:
            training(run_ids, store, emit, should_stop, should_pause)
        except Stopped:
            _store_end(run_ids, store, emit, RunStatus.STOPPED, _("Stopped before the first iteration."))
        except UserError as error:
            log.warning("training did not start: %s", error)
            _store_end(run_ids, store, emit, RunStatus.FAILED, str(error))
            raise
        except Exception as error:
            _store_end(run_ids, store, emit, RunStatus.FAILED, unexpected(error, FAILURE))
            raise

    return work


def _store_end(run_ids: Sequence[str], store: RunStore, emit: Emit, status: RunStatus, reason: str) -> None:
    """Of runs that the runner left without one."""
    for run_id in run_ids:
        try:
            run = store.get(run_id)
            if run.status.active or run.status is RunStatus.QUEUED:
                store.set_status(run_id, status, reason)
                emit(StatusChanged(run_id, status, reason, run.iteration))
        except Exception:  # the disk may be full: the start of the program finds such a run interrupted
            log.exception("the end of run %s could not be stored", run_id)
