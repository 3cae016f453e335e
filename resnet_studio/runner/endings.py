"""How runs end that training left in the middle: stopped, the disk full, not enough memory, failed."""

from __future__ import annotations

import dataclasses
import gc
import logging
from collections.abc import Callable, Sequence

from resnet_studio.domain.enums import Loading, RunStatus
from resnet_studio.domain.errors import DiskFullError, HistoryAwayError, Stopped, UserError
from resnet_studio.domain.events import Event, EventSink, StatusChanged, StopCheck
from resnet_studio.domain.records import RunRecord
from resnet_studio.history.store import RunStore
from resnet_studio.networks.cuda import free_cached_memory
from resnet_studio.platform.home import Home
from resnet_studio.runner.devices import LostProcessError
from resnet_studio.runner.lost_server import once_it_answers
from resnet_studio.text import _, _n
from resnet_studio.training.disk_full import StoppedOnFullDisk, is_full
from resnet_studio.training.out_of_memory import batch_that_fits, is_out_of_memory
from resnet_studio.training.setup import Machine

log = logging.getLogger(__name__)

_OPEN = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.INTERRUPTED)


class Endings:
    """Gives each of some runs an end.

    Args:
        record_and_show: Stores an event, then shows it.
        show: Shows it alone: an end that a full disk cannot take is at least seen.
    """

    def __init__(
        self, run_ids: Sequence[str], store: RunStore, record_and_show: EventSink, show: EventSink,
        should_stop: StopCheck,
    ) -> None:  # fmt: skip
        self._run_ids, self._store = tuple(run_ids), store
        self._record_and_show, self._show, self._should_stop = record_and_show, show, should_stop

    def after(self, work: Callable[[], None]) -> tuple[RunRecord, ...]:
        """Do ``work``, which trains the runs; returns them as they are then.

        Raises:
            LostProcessError: If the process that trained them is gone; they are interrupted then.
        UserError: If they cannot be trained as asked, or memory or disk were not enough; each run that had not
                ended has failed with the same reason.
            Exception: Whatever else ``work`` raises, after the runs have failed.
        """
        failure: BaseException | None = None
        out_of_memory, reason = False, ""
        try:
            work()
        except Stopped:
            self._end(RunStatus.STOPPED, "")
        except StoppedOnFullDisk as stopped:
            reason = str(stopped)
            self._end(RunStatus.STOPPED, reason)
        except Exception as error:  # dealt with outside this block: a traceback keeps the tensors of its frames alive
            out_of_memory = is_out_of_memory(error)
            failure = None if out_of_memory else error
            if is_full(error) and not isinstance(error, HistoryAwayError):
                log.warning("%s", str(error))
                failure = UserError(_full_disk(self._store.home))
        if out_of_memory:
            records = once_it_answers(lambda: [self._store.get(run_id) for run_id in self._run_ids], self._should_stop)
            failure = UserError(_not_enough_memory(records, self._store.home, self._should_stop))
        if isinstance(failure, LostProcessError):
            self._end(RunStatus.INTERRUPTED, failure.sentence)
            raise failure
        if failure is not None:
            self._fail(failure)
        records = once_it_answers(lambda: [self._store.get(run_id) for run_id in self._run_ids], self._should_stop)
        return tuple(_as_ended(record, reason) for record in records)

    def _fail(self, failure: BaseException) -> None:
        ours = not isinstance(failure, UserError)
        try:
            self._end(RunStatus.FAILED, _("Unexpected error: {failure}", failure=failure) if ours else str(failure))
        except Exception as error:  # at the next start the runs are found interrupted
            log.info("the end of %s could not be stored: %s", self._run_ids, error)
        raise failure.with_traceback(failure.__traceback__ if ours else None)

    def _end(self, status: RunStatus, reason: str) -> None:
        """Every run that has not ended yet."""
        for run_id in self._run_ids:
            now = self._store.get(run_id)
            if now.status in _OPEN:
                event: Event = StatusChanged(run_id, status, reason, now.iteration)
                try:
                    self._record_and_show(event)
                except DiskFullError as error:
                    log.info("the end of %s could not be stored: %s", run_id, error)
                    self._show(event)


def _as_ended(record: RunRecord, reason: str) -> RunRecord:
    """``record``, stopped, where the disk was too full to store that."""
    return dataclasses.replace(record, status=RunStatus.STOPPED, reason=reason) if record.status.active else record


def _full_disk(home: Home) -> str:
    return _(
        "The disk is full; make room on the disk of {root}, then resume. Checkpoints already written are kept.",
        root=home.root,
    )


def _not_enough_memory(records: Sequence[RunRecord], home: Home, should_stop: StopCheck) -> str:
    """Called when everything the training held is out of reach: frees it, then tries which batches fit."""
    gc.collect()
    first = records[0]
    batch = first.spec.recipe.batch_size
    networks = _n("one network", "{count} networks", len(records))
    machine = Machine.choose(first.spec.recipe, home.cache, [first.spec.network], [first.environment])
    free_cached_memory(machine.device)
    fits = batch_that_fits([record.spec for record in records], machine, _resident_bytes(first), should_stop)
    if fits:
        advice = (
            _("bn_images {fits} fits", fits=fits)
            if first.spec.recipe.shares > 1
            else _("batches of {fits} fit", fits=fits)
        )
    else:
        advice = _("train fewer at a time or choose a batch size below {batch}", batch=batch)
    return _(
        "The memory was not enough for {networks} with batches of {batch} images; {advice}. Checkpoints already "
        "written are kept.",
        networks=networks,
        batch=batch,
        advice=advice,
    )


def _resident_bytes(record: RunRecord) -> int:
    """What the images of a run that has begun take in memory; 0 where they are streamed or nothing is known yet."""
    known = record.environment
    if known.get("loading") == Loading.STREAMED:
        return 0
    images = int(known.get("training_images", 0)) + int(known.get("test_images", 0))
    return images * 3 * record.spec.network.image_size**2
