"""What the window, the command line and the tests call: store a cohort and train it, or go on with stored runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from pydantic import ValidationError

from resnet_studio.data.datasets.describe import describe, refuse_unreadable
from resnet_studio.domain.documents import sentences
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import EventSink, StopCheck, never_stop
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.domain.records import RunRecord, refuse_ended
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.recorder import recording
from resnet_studio.history.store import RunStore
from resnet_studio.runner.devices import refuse_devices, train_on_devices
from resnet_studio.runner.endings import Endings
from resnet_studio.runner.lost_server import once_it_answers
from resnet_studio.runner.prepare import prepare
from resnet_studio.runner.queue_work import EntryWork, this_worker
from resnet_studio.runner.refuse_misfits import refuse_misfits
from resnet_studio.runner.train import check_classes, train
from resnet_studio.text import _
from resnet_studio.training.devices import lower_priority


def run(
    cohort: CohortSpec, store: RunStore, emit: EventSink, should_stop: StopCheck = never_stop, *,
    should_pause: StopCheck = never_stop, checkpoint_seconds: float = 30.0, devices: int = 1,
) -> tuple[RunRecord, ...]:  # fmt: skip
    """Store the cohort's runs and train them; see :func:`resume`.

    Raises:
        UserError: Before anything is stored, if the device or the data is not there or does not fit.
    """
    first = cohort.runs[0]
    refuse_devices(cohort.runs, devices)
    check_classes(
        [(run.label, run.network.classes) for run in cohort.runs], describe(first.data, store.home).class_names
    )
    refuse_unreadable(first.data, store.home)
    refuse_misfits(cohort.runs, store)
    ids = [record.id for record in store.create_cohort(cohort)]
    return resume(
        ids, store, emit, should_stop, should_pause=should_pause, checkpoint_seconds=checkpoint_seconds, devices=devices
    )


def resume(
    run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck = never_stop, *,
    should_pause: StopCheck = never_stop, checkpoint_seconds: float = 30.0, devices: int = 1,
    how: Callable[..., None] | None = None,
) -> tuple[RunRecord, ...]:  # fmt: skip
    """Train stored runs to their end in lock-step, from their newest whole checkpoints or from the start.

    Each event is stored before ``emit`` sees it. ``should_stop`` and ``should_pause`` are asked at least once an
    iteration. On the CPU the final weights are bit for bit those of a run that was never interrupted; with another
    number of devices than before they are so to rounding. ``how`` trains instead of
    :func:`~resnet_studio.runner.train.train`, with its arguments.

    Returns:
        The runs as stored at the end: finished, stopped, diverged or failed, with a reason.

    Raises:
        UserError: If the runs cannot be trained as asked; each of them then has a status and the same reason.
    """
    if not store.writable:
        raise StoreError(store.why_read_only)
    records = [store.get(run_id) for run_id in run_ids]
    _refuse(records)
    if store.shared and not store.claimed:
        under_claim = partial(resume, checkpoint_seconds=checkpoint_seconds, devices=devices, how=how)
        return _resume_claimed(run_ids, store, emit, should_stop, should_pause, under_claim)
    refuse_misfits((record.spec for record in records if not record.iteration), store)
    lower_priority()
    record_and_emit = recording(store, emit)

    def work() -> None:
        refuse_devices([record.spec for record in records], devices)
        chosen = how or (train if devices == 1 else partial(train_on_devices, devices=devices))
        chosen(
            prepare(records, store), record_and_emit, should_stop, should_pause=should_pause,
            checkpoint_seconds=checkpoint_seconds, show=emit,
        )  # fmt: skip

    return Endings(run_ids, store, record_and_emit, emit, should_stop).after(work)


def _resume_claimed(
    run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck, should_pause: StopCheck,
    under_claim: Callable[..., object],
) -> tuple[RunRecord, ...]:  # fmt: skip
    """Train under a claim of the queue, which tells every other program that somebody does."""

    def training(ids: Sequence[str], own: RunStore, emit: EventSink, should_stop: StopCheck, paused: StopCheck) -> None:
        under_claim(ids, own, emit, should_stop, should_pause=lambda: paused() or should_pause())

    claim = store.claim_runs(this_worker(), run_ids)
    EntryWork(claim, store, training, stopped_as=lambda: QueueStatus.STOPPED).run(emit, should_stop)
    return once_it_answers(lambda: tuple(store.get(run_id) for run_id in run_ids), should_stop)


def _refuse(records: Sequence[RunRecord]) -> None:
    refuse_ended(records)
    try:
        CohortSpec(runs=tuple(record.spec for record in records))
    except ValidationError as error:
        raise UserError(
            _("These runs cannot train together: {values}.", values="; ".join(sentences(error).values()))
        ) from None
