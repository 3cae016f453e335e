"""One cohort from specification to stored end: open data, build, train, record, emit. An ordinary function, no Qt."""

from __future__ import annotations

import dataclasses
import gc
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import ValidationError

from resnet_studio.data.datasets.describe import describe
from resnet_studio.data.datasets.readable import refuse_unreadable
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.data.training_batches import TrainingData, open_training
from resnet_studio.domain.documents import sentences
from resnet_studio.domain.enums import Loading, Phase, Precision, RunStatus
from resnet_studio.domain.errors import CheckpointError, DiskFullError, Stopped, StoreError, UserError
from resnet_studio.domain.events import (
    CheckpointSaved,
    CohortStarted,
    EnvironmentChanged,
    Event,
    EventSink,
    NoticeGiven,
    PhaseChanged,
    StatusChanged,
    StopCheck,
    never,
)
from resnet_studio.domain.records import RunRecord, refuse_ended
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, RecipeSpec
from resnet_studio.history.recorder import recording
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner import start_weights
from resnet_studio.runner.refuse_misfits import refuse_misfits
from resnet_studio.runner.start_weights import Beginning
from resnet_studio.training import checkpoints
from resnet_studio.training.devices import choose_device, lower_priority
from resnet_studio.training.disk_full import Room, StoppedWithoutRoom, is_full
from resnet_studio.training.engines.eager import StepEngine
from resnet_studio.training.loop import CohortLoop, Shared
from resnet_studio.training.malloc import freed_memory_kept
from resnet_studio.training.member import Member
from resnet_studio.training.out_of_memory import batch_that_fits, is_out_of_memory
from resnet_studio.training.setup import Machine

log = logging.getLogger(__name__)

_TEST_BATCH = 250  # images a step of testing, so that a stop is heard within a second
_KEPT_CHECKPOINTS = 2  # the newest and the one before it


def run(
    cohort: CohortSpec, store: RunStore, emit: EventSink, should_stop: StopCheck = never, *,
    should_pause: StopCheck = never, checkpoint_seconds: float = 30.0,
) -> tuple[RunRecord, ...]:  # fmt: skip
    """Store the cohort's runs and train them; see :func:`resume`.

    Raises:
        UserError: Before anything is stored, if the device or the data is not there or does not fit.
    """
    first = cohort.runs[0]
    choose_device(first.recipe.device)
    _check_classes(
        [(run.label, run.network.classes) for run in cohort.runs], describe(first.data, store.home).class_names
    )
    refuse_unreadable(first.data, store.home)
    refuse_misfits(cohort.runs, store)
    ids = [record.id for record in store.create_cohort(cohort)]
    return resume(ids, store, emit, should_stop, should_pause=should_pause, checkpoint_seconds=checkpoint_seconds)


def resume(
    run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck = never, *,
    should_pause: StopCheck = never, checkpoint_seconds: float = 30.0,
) -> tuple[RunRecord, ...]:  # fmt: skip
    """Train stored runs to their end in lock-step, from their newest whole checkpoints or from the start.

    Each event is stored before ``emit`` sees it. ``should_stop`` and ``should_pause`` are asked at least once an
    iteration. On the CPU the final weights are bit for bit those of a run that was never interrupted.

    Returns:
        The runs as stored at the end: finished, stopped, diverged or failed, with a reason.

    Raises:
        UserError: If the runs cannot be trained as asked; each of them then has a status and the same reason.
    """
    if not store.writable:
        raise StoreError(store.why_read_only)
    records = [store.get(run_id) for run_id in run_ids]
    _refuse(records)
    refuse_misfits((record.spec for record in records if not record.iteration), store)
    lower_priority()
    told = recording(store, emit)
    room = Room(store.home.root, run_ids, told, emit, should_stop)
    failure: BaseException | None = None
    hungry, reason = False, ""
    try:
        with freed_memory_kept():
            _train(records, store, room, should_stop, should_pause, checkpoint_seconds)
    except Stopped:
        _end_all(records, store, told, emit, RunStatus.STOPPED, "")
    except StoppedWithoutRoom as stopped:
        reason = str(stopped)
        _end_all(records, store, told, emit, RunStatus.STOPPED, reason)
    except Exception as error:  # told below, outside this block: a traceback keeps the tensors of its frames alive
        hungry = is_out_of_memory(error)
        failure = UserError(_disk_sentence(error, store.home)) if is_full(error) else None if hungry else error
    if hungry:
        failure = UserError(_memory_sentence([store.get(record.id) for record in records], store.home, should_stop))
    if failure is not None:
        failure = failure.with_traceback(failure.__traceback__ if not isinstance(failure, UserError) else None)
        reason = str(failure) if isinstance(failure, UserError) else f"Unexpected error: {failure}"
        try:
            _end_all(records, store, told, emit, RunStatus.FAILED, reason)
        except Exception as error:  # at the next start the runs are found interrupted
            log.info("the end of %s could not be stored: %s", run_ids, error)
        raise failure
    return tuple(_as_ended(store.get(record.id), reason) for record in records)


def _refuse(records: Sequence[RunRecord]) -> None:
    refuse_ended(records)
    try:
        CohortSpec(runs=tuple(record.spec for record in records))
    except ValidationError as error:
        raise UserError(f"These runs cannot train together: {'; '.join(sentences(error).values())}.") from None


def _train(
    records: Sequence[RunRecord], store: RunStore, room: Room, should_stop: StopCheck, should_pause: StopCheck,
    checkpoint_seconds: float,
) -> None:  # fmt: skip
    spec, ids = records[0].spec, tuple(record.id for record in records)

    def report(detail: str, fraction: float | None = None) -> None:
        room.emit(PhaseChanged(ids, Phase.LOADING, detail, fraction))

    size = spec.network.image_size
    with open_training(spec.data, spec.recipe, size, store.home, report, should_stop) as data:
        _train_on(data, records, store, room, should_stop, should_pause, checkpoint_seconds)


def _train_on(
    data: TrainingData, records: Sequence[RunRecord], store: RunStore, room: Room, should_stop: StopCheck,
    should_pause: StopCheck, checkpoint_seconds: float,
) -> None:  # fmt: skip
    home, recipe, emit = store.home, records[0].spec.recipe, room.emit
    ids = tuple(record.id for record in records)
    _check_data(records, data)
    if data.skipped:
        emit(NoticeGiven(ids, room.attempt(lambda: _name_skipped(data.skipped, home, ids[0]))))
    if recipe.precision is Precision.AUTO:
        emit(PhaseChanged(ids, Phase.PROBING))
    networks = [record.spec.network for record in records]
    machine = Machine.choose(recipe, home.cache, networks, [record.environment for record in records])
    if machine.notice:
        emit(NoticeGiven(ids, machine.notice))
    preprocessing = room.attempt(lambda: _preprocessing(records, store, data)).to(machine.device)
    batches = data.batches(preprocessing, machine.device)
    emit(PhaseChanged(ids, Phase.BUILDING))
    beginnings: list[Beginning] = []
    members = [_member(record, store, machine, room, beginnings) for record in records]
    if beginnings:
        emit(NoticeGiven(ids, start_weights.in_words(beginnings)))
    engine = _engine(machine, recipe, home, ids, emit, should_stop)
    facts = {
        "data_sha256": data.checksum,
        "loading": str(data.loading),
        "files_left_out": str(len(data.skipped)),
        "training_images": str(data.training_images),
        "test_images": str(data.test_images),
    }
    emit(
        CohortStarted(
            run_ids=ids,
            iteration=min(member.iteration for member in members),
            iterations=recipe.iterations,
            batches_per_epoch=batches.batches_per_epoch,
            training_images=data.training_images,
            test_images=data.test_images,
            class_names=data.class_names,
            environment=machine.environment() | facts,
        )
    )
    if slow := tuple(member.run_id for member in members if member.spec.network in machine.slow):
        emit(EnvironmentChanged(slow, {"engine": machine.plan.uncompiled.name}))
    for member in members:
        emit(StatusChanged(member.run_id, RunStatus.RUNNING, "", member.iteration))
    shared = Shared(
        batches=batches,
        test_batches=lambda: data.test_batches(preprocessing, _TEST_BATCH, machine.device),
        test_images=data.test_images,
        training_views=lambda: data.training_views(preprocessing, machine.device),
        training_views_images=data.training_images,
        save=lambda member: room.attempt(lambda: _save(member, home)),
        forget=lambda run_id: room.attempt(lambda: _forget_old(run_id, store)),
        precision=machine.precision,
        checkpoint_seconds=checkpoint_seconds,
    )  # fmt: skip
    try:
        CohortLoop(members, shared, engine, emit, should_stop, should_pause).run()
    finally:
        engine.close()


def _engine(
    machine: Machine, recipe: RecipeSpec, home: Home, ids: tuple[str, ...], emit: EventSink, should_stop: StopCheck
) -> StepEngine:
    def failed(sentence: str) -> None:
        emit(NoticeGiven(ids, sentence))
        emit(EnvironmentChanged(ids, {"engine": engine.name, "engine_reason": sentence}))

    def waiting() -> None:
        emit(PhaseChanged(ids, Phase.AWAITING))

    def apart(some: Sequence[str], sentence: str) -> None:
        emit(NoticeGiven(tuple(some), sentence))
        emit(EnvironmentChanged(tuple(some), {"engine": machine.plan.uncompiled.name, "engine_reason": sentence}))

    engine = machine.engine(recipe, home.cache, should_stop, waiting, failed, apart)
    return engine


def _check_classes(wanted: Sequence[tuple[str, int]], class_names: Sequence[str]) -> None:
    for name, classes in wanted:
        if classes != len(class_names):
            raise UserError(
                f"The data has {len(class_names)} classes but {name} was made for {classes}; "
                f"set classes to {len(class_names)}."
            )


def _check_data(records: Sequence[RunRecord], data: TrainingData) -> None:
    _check_classes([(record.name, record.spec.network.classes) for record in records], data.class_names)
    for record in records:
        before = record.environment.get("data_sha256")
        if before and before != data.checksum:
            raise UserError(
                f"The images of {record.spec.data.source} have changed since {record.name} began; put them back to go "
                "on with it, or train a new run."
            )


def _preprocessing(records: Sequence[RunRecord], store: RunStore, data: TrainingData) -> Preprocessing:
    """Measured once over the training set, or that of the weights training begins with; stored with each run before
    its first iteration."""
    measured = start_weights.preprocessing(records, store, data.preprocessing())
    for record in records:
        file = store.home.run(record.id) / "preprocessing.safetensors"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            measured.save(file)
    return measured


def _member(record: RunRecord, store: RunStore, machine: Machine, room: Room, beginnings: list[Beginning]) -> Member:
    """A member at its newest whole checkpoint, its curves cut to match; at the start if there is none. ``beginnings``
    hears of the weights that it begins with."""
    member, emit = Member(record.id, record.spec, machine.device, machine.layout), room.emit
    whole: set[Path] = set()
    rows = store.checkpoints(record.id)
    for row in rows:
        folder = store.home.runs / row.folder
        try:
            snapshot = checkpoints.load(folder)
            if not whole:
                member.restore(snapshot)
            whole.add(folder)
        except CheckpointError as error:
            log.warning("%s", error)
            emit(NoticeGiven((record.id,), str(error)))
            room.attempt(lambda iteration=row.iteration: store.drop_checkpoint(record.id, iteration))  # type: ignore[misc]
            checkpoints.set_aside(folder)
    if rows and not whole:
        emit(
            NoticeGiven(
                (record.id,), f"No whole checkpoint of {record.name} is left; it starts again from the beginning."
            )
        )
    if record.spec.start_from and not whole:
        beginnings.append(start_weights.begin(member.network, record, store))
    checkpoints.sweep(store.home.run(record.id), keep=whole)
    room.attempt(lambda: store.truncate_curves(record.id, member.iteration))
    member.see_tests(store.curve(record.id, Series.TEST_ERROR))
    return member


def _save(member: Member, home: Home) -> CheckpointSaved:
    snapshot = member.snapshot()
    folder, sha256 = checkpoints.save(home.run(member.run_id), snapshot)
    return CheckpointSaved(
        member.run_id, snapshot.iteration, folder.relative_to(home.runs).as_posix(), sha256, snapshot.seconds
    )


def _forget_old(run_id: str, store: RunStore) -> None:
    """Drop the rows of old checkpoints, then their folders: no row ever points to a folder that is gone."""
    rows = store.checkpoints(run_id)
    kept = {row.folder for row in rows[:_KEPT_CHECKPOINTS]}
    for row in rows[_KEPT_CHECKPOINTS:]:
        store.drop_checkpoint(run_id, row.iteration)
        if row.folder not in kept:
            shutil.rmtree(store.home.runs / row.folder, ignore_errors=True)
    checkpoints.sweep(store.home.run(run_id), keep={store.home.runs / folder for folder in kept})


def _end_all(
    records: Sequence[RunRecord], store: RunStore, told: EventSink, show: EventSink, status: RunStatus, reason: str
) -> None:
    """Give every run that has not ended yet its end; on a full disk it is only shown."""
    for record in records:
        now = store.get(record.id)
        if now.status in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.INTERRUPTED):
            event: Event = StatusChanged(record.id, status, reason, now.iteration)
            try:
                told(event)
            except DiskFullError as error:
                log.info("the end of %s could not be stored: %s", record.id, error)
                show(event)


def _as_ended(record: RunRecord, reason: str) -> RunRecord:
    """``record``, stopped, where the disk was too full to store that."""
    return dataclasses.replace(record, status=RunStatus.STOPPED, reason=reason) if record.status.active else record


def _name_skipped(skipped: Sequence[tuple[str, str]], home: Home, run_id: str) -> str:
    """A sentence with the first names; all of them, with the reasons, go to a file in the run's folder."""
    file = home.run(run_id) / "left-out.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{name}: {reason}\n" for name, reason in skipped), encoding="utf-8")
    count, names = len(skipped), ", ".join(name for name, _ in skipped[:3])
    files = "1 file was" if count == 1 else f"{count} files were"
    return f"{files} left out, among them {names}; all of them, and why, are listed in {file}."


def _memory_sentence(records: Sequence[RunRecord], home: Home, should_stop: StopCheck) -> str:
    """Called when everything the training held is out of reach: frees it, then tries which batches fit."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    first = records[0]
    batch = first.spec.recipe.batch_size
    networks = "one network" if len(records) == 1 else f"{len(records)} networks"
    machine = Machine.choose(first.spec.recipe, home.cache, [first.spec.network], [first.environment])
    fits = batch_that_fits([record.spec for record in records], machine, _resident_bytes(first), should_stop)
    advice = f"batches of {fits} fit" if fits else f"train fewer at a time or choose a batch size below {batch}"
    return (
        f"The memory was not enough for {networks} with batches of {batch} images; {advice}. Checkpoints already "
        "written are kept."
    )


def _resident_bytes(record: RunRecord) -> int:
    """What the images of a run that has begun take in memory; 0 where they are streamed or nothing is known yet."""
    known = record.environment
    if known.get("loading") == Loading.STREAMED:
        return 0
    images = int(known.get("training_images", 0)) + int(known.get("test_images", 0))
    return images * 3 * record.spec.network.image_size**2


def _disk_sentence(error: BaseException, home: Home) -> str:
    log.warning("%s", str(error))
    return f"The disk is full; make room on the disk of {home.root}, then resume. Checkpoints already written are kept."
