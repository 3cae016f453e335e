"""Training without a history: a value in, events out. What is written are the files of the runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import torch

from resnet_studio.data.order import WHOLE
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.data.training_batches import TrainingData, open_training
from resnet_studio.domain.enums import Engine, Phase, Precision, RunStatus
from resnet_studio.domain.errors import CheckpointError, UserError
from resnet_studio.domain.events import (
    CheckpointDropped,
    CheckpointSaved,
    CohortStarted,
    CurvesCut,
    EnvironmentChanged,
    EventSink,
    NoticeGiven,
    PhaseChanged,
    StatusChanged,
    StopCheck,
    never_stop,
)
from resnet_studio.domain.specs import RecipeSpec
from resnet_studio.domain.text_numbers import counted, grouped
from resnet_studio.networks.error_rates import images_a_step
from resnet_studio.platform.compile_cache import use_compile_cache
from resnet_studio.platform.files import replacing
from resnet_studio.platform.home import Home
from resnet_studio.runner import start_weights
from resnet_studio.runner.start import CohortStart, MemberStart
from resnet_studio.text import _, _n
from resnet_studio.training import checkpoints
from resnet_studio.training.data_parallel import DataParallel, LeadingEngine, take_orders
from resnet_studio.training.disk_full import DiskSpaceGuard
from resnet_studio.training.engines.eager import StepEngine
from resnet_studio.training.engines.graphed import GraphedEngine
from resnet_studio.training.loop import CohortLoop, Shared
from resnet_studio.training.malloc import freed_memory_kept
from resnet_studio.training.member import Member
from resnet_studio.training.setup import Machine

_KEPT_CHECKPOINTS = 2  # the newest and the one before it


def train(
    start: CohortStart, emit: EventSink, should_stop: StopCheck = never_stop, *, should_pause: StopCheck = never_stop,
    checkpoint_seconds: float = 30.0, show: EventSink | None = None, team: DataParallel | None = None, beside: int = 0,
) -> None:  # fmt: skip
    """Train to the end of the recipe, or until stopped; every end of a run is a StatusChanged.

    ``should_stop`` and ``should_pause`` are asked at least once an iteration. On the CPU the final weights are bit for
    bit those of a run that was never interrupted.

    Args:
        start: Where the runs stand. Hand it over and keep no reference: its tensors are let go once they are taken.
        emit: Gets each event, in order, and stores it. Where it raises DiskFullError, training waits and tries again.
        should_stop: Ends training after an iteration.
        should_pause: Holds training after an iteration for as long as it returns True.
        checkpoint_seconds: After so many, a checkpoint is due.
        show: Gets what is to be shown although it cannot be stored: that training waits for room. ``emit`` if left out.
        team: The processes of several devices, which this one leads; the others :func:`follow`.
        beside: How many other processes of this machine train something else: this one takes its share of cores and
            memory.

    Raises:
        UserError: If the runs cannot be trained as asked.
        LostDeviceError: If a process of another device is gone, after a checkpoint.
        Stopped: If stopped before the first iteration.
        StoppedOnFullDisk: If stopped while there was no room to store what had been trained.
    """
    home, ids, spec = start.home, start.run_ids, start.spec
    recipe, size = spec.recipe, spec.network.image_size
    mounted = () if home.shared_runs is None else (home.shared_runs,)
    guard = DiskSpaceGuard(home.root, ids, emit, show or emit, should_stop, mounted)

    def report(detail: str, fraction: float | None = None) -> None:
        guard.emit(PhaseChanged(ids, Phase.LOADING, detail, fraction))

    devices = 1 if team is None else team.devices
    opened = open_training(spec.data, recipe, size, home, report, should_stop, beside=beside + devices - 1)
    with freed_memory_kept(), opened as data:
        check_data(start, data)
        if data.skipped:
            guard.attempt(partial(_list_skipped, data.skipped, home, ids[0]))
            guard.emit(NoticeGiven(ids, _name_skipped(data.skipped, home, ids[0])))
        for sentence in _say_repeated(data):
            guard.emit(NoticeGiven(ids, sentence))
        if recipe.precision is Precision.AUTO:
            guard.emit(PhaseChanged(ids, Phase.PROBING))
        machine = _machine(start, devices, beside)
        if machine.notice:
            guard.emit(NoticeGiven(ids, machine.notice))
        used = _preprocessing(start, data)
        guard.attempt(lambda: [_keep_preprocessing(used, home, run_id) for run_id in ids])
        preprocessing = used.to(machine.device)
        batches = data.batches(preprocessing, machine.device, WHOLE if team is None else team.share)
        guard.emit(PhaseChanged(ids, Phase.BUILDING))
        kept = _Checkpoints(start, guard, used, data.skipped)
        members = _members(start, machine, guard)
        del start  # its snapshots and weights would lie in memory to the end
        engine = _engine(machine, recipe, home, ids, guard.emit, should_stop, team)
        if team is not None:
            guard.emit(PhaseChanged(ids, Phase.LOADING, _("on the other devices")))
            team.broadcast(_Assignment(machine, preprocessing.to(torch.device("cpu"))))
            team.gather_all(should_stop)
            engine = LeadingEngine(engine, team)
        guard.emit(
            CohortStarted(
                run_ids=ids,
                iteration=min(member.iteration for member in members),
                iterations=recipe.iterations,
                batches_per_epoch=batches.batches_per_epoch,
                training_images=data.training_images,
                test_images=data.test_images,
                class_names=data.class_names,
                environment=machine.environment() | _facts(data),
            )
        )
        others = defaultdict(list)
        for member in members:
            others[machine.another_engine(member.spec.network)].append(member.run_id)
        for name in filter(None, others):
            guard.emit(EnvironmentChanged(tuple(others[name]), {"engine": name}))
        for member in members:
            guard.emit(StatusChanged(member.run_id, RunStatus.RUNNING, "", member.iteration))
        test_batch = images_a_step(machine.device, size, recipe.batch_size)
        shared = Shared(
            batches=batches,
            test_batches=lambda: data.test_batches(preprocessing, test_batch, machine.device),
            test_images=data.test_images,
            training_views=lambda: data.training_views(preprocessing, machine.device),
            training_views_images=data.training_images,
            save=kept.save,
            forget=kept.forget,
            precision=machine.precision,
            checkpoint_seconds=checkpoint_seconds,
        )  # fmt: skip
        try:
            CohortLoop(members, shared, engine, guard.emit, should_stop, should_pause).run()
        finally:
            engine.close()


@dataclass(frozen=True, slots=True)
class _Assignment:
    """What the leading process has chosen and measured, for those that follow."""

    machine: Machine
    preprocessing: Preprocessing


def follow(start: CohortStart, team: DataParallel) -> None:
    """Take the steps of :func:`train` in another process, on another device; stores nothing and decides nothing.

    Raises:
        LostDeviceError: Once the leading process is gone, which is how it ends.
    """
    assigned = team.receive()  # not before the first process has opened the data: what it caches is found then
    machine, recipe, size = assigned.machine, start.spec.recipe, start.spec.network.image_size
    machine.here(recipe)
    opened = open_training(start.spec.data, recipe, size, start.home, beside=team.devices - 1)
    with freed_memory_kept(), opened as data:
        check_data(start, data)
        batches = data.batches(assigned.preprocessing.to(machine.device), machine.device, team.share)
        members = [Member(each.run_id, each.spec, machine.device, machine.layout) for each in start.members]
        for member, each in zip(members, start.members, strict=True):
            if each.snapshot is not None:
                member.restore(each.snapshot)
            start_weights.take_over(member, each)
        cache = start.home.cache
        del start
        engine = machine.engine(recipe, cache, never_stop, lambda: None, lambda _sentence: None, team=team)
        team.gather_all(never_stop)
        try:
            take_orders(team, engine, members, batches)
        finally:
            engine.close()


def check_classes(wanted: Sequence[tuple[str, int]], class_names: Sequence[str]) -> None:
    """Raises UserError if a network, of a name and a number of classes, was made for other data."""
    for name, classes in wanted:
        if classes != len(class_names):
            raise UserError(
                _(
                    "The data has {class_names} classes but {name} was made for {classes}; "
                    "set classes to {class_names}.",
                    class_names=len(class_names),
                    name=name,
                    classes=classes,
                )
            )


def check_data(start: CohortStart, data: TrainingData) -> None:
    """Raises UserError if these are not the images that the runs were made for, or began with."""
    check_classes([(member.name, member.spec.network.classes) for member in start.members], data.class_names)
    for member in start.members:
        before = member.environment.get("data_sha256")
        if before and before != data.checksum:
            raise UserError(
                _(
                    "The images of {source} have changed since {name} began; put them back to go "
                    "on with it, or train a new run.",
                    source=member.spec.data.source,
                    name=member.name,
                )
            )


def _machine(start: CohortStart, devices: int, beside: int) -> Machine:
    networks = [member.spec.network for member in start.members]
    environments = [member.environment for member in start.members]
    return Machine.choose(start.spec.recipe, start.home.cache, networks, environments, devices, beside)


def _engine(
    machine: Machine, recipe: RecipeSpec, home: Home, ids: tuple[str, ...], emit: EventSink, should_stop: StopCheck,
    team: DataParallel | None,
) -> StepEngine:  # fmt: skip
    def failed(sentence: str) -> None:
        emit(NoticeGiven(ids, sentence))
        fused = engine.fused_members if isinstance(engine, GraphedEngine) else ()
        some = tuple(run_id for run_id in ids if run_id not in fused)
        emit(EnvironmentChanged(some, {"engine": engine.name, "engine_reason": sentence}))

    def waiting() -> None:
        emit(PhaseChanged(ids, Phase.AWAITING))

    def on_members_left_eager(some: Sequence[str], sentence: str) -> None:
        emit(NoticeGiven(tuple(some), sentence))
        emit(EnvironmentChanged(tuple(some), {"engine": machine.plan.uncompiled.name, "engine_reason": sentence}))

    if (note := use_compile_cache(home.cache)) and machine.plan.engine is not Engine.EAGER:
        emit(NoticeGiven(ids, note))
    engine = machine.engine(recipe, home.cache, should_stop, waiting, failed, on_members_left_eager, team)
    return engine


def _facts(data: TrainingData) -> dict[str, str]:
    return {
        "data_sha256": data.checksum,
        "loading": str(data.loading),
        "files_left_out": str(len(data.skipped)),
        "training_images": str(data.training_images),
        "test_images": str(data.test_images),
        "repeated_images": str(data.repeated.tested),
        "images_of_two_classes": str(data.repeated.two_labels),
    }


def _preprocessing(start: CohortStart, data: TrainingData) -> Preprocessing:
    """Measured once over the training set, or that of the weights training begins with.

    With such weights, the colours for augmentation are those of the new training set.
    """
    used = data.preprocessing()
    if (given := start.preprocessing) is not None:
        used = Preprocessing(given.image_size, given.mean, given.std, used.colour_values, used.colour_vectors)
    return used


def _keep_preprocessing(used: Preprocessing, home: Home, run_id: str) -> bool:
    """Write it into the run's folder, which has it before the first iteration; False if it was there."""
    file = home.run(run_id).preprocessing
    missing = not file.exists()
    if missing:
        used.save(file)
    return missing


def _members(start: CohortStart, machine: Machine, guard: DiskSpaceGuard) -> list[Member]:
    made = [_member(member, start.home, machine, guard) for member in start.members]
    if parents := [parent for _unused, parent in made if parent is not None]:
        guard.emit(NoticeGiven(start.run_ids, start_weights.in_words(parents)))
    return [member for member, _unused in made]


def _member(
    start: MemberStart, home: Home, machine: Machine, guard: DiskSpaceGuard
) -> tuple[Member, start_weights.Parent | None]:
    """A member where it stands, its curves cut to match, and whose weights it begins with."""
    member, files = Member(start.run_id, start.spec, machine.device, machine.layout), home.run(start.run_id)
    if start.snapshot is not None:
        member.restore(start.snapshot)
    for checkpoint in start.damaged:
        guard.emit(NoticeGiven((start.run_id,), checkpoint.problem))
        guard.emit(CheckpointDropped(start.run_id, checkpoint.iteration))
        with suppress(CheckpointError):  # no folder of this run, so it is not to be renamed
            checkpoints.set_aside(files.checkpoint(checkpoint.folder))
    if start.checkpoints and not start.whole:
        sentence = _("No whole checkpoint of {name} is left; it starts again from the beginning.", name=start.name)
        guard.emit(NoticeGiven((start.run_id,), sentence))
    parent = start_weights.take_over(member, start)
    loose = checkpoints.loose(files.checkpoints, keep={files.checkpoint(each.folder) for each in start.whole})
    guard.emit(CurvesCut(start.run_id, member.iteration))  # refused where somebody else trains this by now
    checkpoints.remove(loose)
    member.see_tests(start.test_errors)
    return member, parent


class _Checkpoints:
    """Writes the members' checkpoints, and drops those that are no longer needed or gone.

    With each, it looks whether what was written into the run's folder at the start still lies there.
    """

    def __init__(
        self, start: CohortStart, guard: DiskSpaceGuard, used: Preprocessing, skipped: Sequence[tuple[str, str]]
    ) -> None:
        self._home, self._guard = start.home, guard
        self._used, self._skipped, self._lists_skipped = used, skipped, start.run_ids[0]
        self._folders = {m.run_id: {each.iteration: each.folder for each in m.whole} for m in start.members}
        self._replaced: dict[str, list[str]] = {m.run_id: [] for m in start.members}

    def save(self, member: Member) -> CheckpointSaved:
        """A new one of the iteration of an older one takes its place."""
        self._write_again(member.run_id)
        files, snapshot = self._home.run(member.run_id), member.snapshot()
        folder, sha256 = self._guard.attempt(lambda: checkpoints.save(files.checkpoints, snapshot))
        name, mine = files.stored_name(folder), self._folders[member.run_id]
        if snapshot.iteration in mine:
            self._replaced[member.run_id].append(mine[snapshot.iteration])
        mine[snapshot.iteration] = name
        return CheckpointSaved(member.run_id, snapshot.iteration, name, sha256, snapshot.seconds)

    def forget(self, run_id: str) -> None:
        """Drop the rows of old checkpoints, then their folders: no row ever points to a folder that is gone.

        Only folders go whose rows this training has dropped or replaced: whoever may train this in its place, after
        it was stopped for too long, has made others.
        """
        files, mine = self._home.run(run_id), self._folders[run_id]
        gone, self._replaced[run_id] = self._replaced[run_id], []
        for place, iteration in enumerate(sorted(mine, reverse=True)):
            if place >= _KEPT_CHECKPOINTS or not files.checkpoint(mine[iteration]).is_dir():
                self._guard.emit(CheckpointDropped(run_id, iteration))
                gone.append(mine.pop(iteration))
        checkpoints.remove(files.checkpoint(folder) for folder in gone)

    def _write_again(self, run_id: str) -> None:
        """What the start wrote, where somebody has removed the run's folder or emptied it since then."""
        files = self._home.run(run_id)
        again = self._guard.attempt(partial(_keep_preprocessing, self._used, self._home, run_id))
        if self._skipped and run_id == self._lists_skipped and not files.left_out.exists():
            self._guard.attempt(partial(_list_skipped, self._skipped, self._home, run_id))
        if again:
            sentence = _(
                "The files in {folder} were removed while this run was training; those that this run needs were "
                "written there again.",
                folder=files.path,
            )
            self._guard.emit(NoticeGiven((run_id,), sentence))


def _list_skipped(skipped: Sequence[tuple[str, str]], home: Home, run_id: str) -> None:
    """All of them, with the reasons, go to a file in the run's folder."""
    with replacing(home.run(run_id).left_out) as part:
        part.write_text("".join(f"{name}: {reason}\n" for name, reason in skipped), encoding="utf-8")


def _name_skipped(skipped: Sequence[tuple[str, str]], home: Home, run_id: str) -> str:
    """A sentence with the first names."""
    count, names = len(skipped), ", ".join(name for name, _unused in skipped[:3])
    files = _n("{count} file was", "{count} files were", count)
    return _(
        "{files} left out, among them {names}; all of them, and why, are listed in {file}.",
        files=files,
        names=names,
        file=home.run(run_id).left_out,
    )


def _say_repeated(data: TrainingData) -> Iterator[str]:
    if data.repeated.tested:
        yield _(
            "{repeated} of {total} are training images as well, pixel for pixel or file for file: on those, the test "
            "error does not say how a network does on new images. Take them out of one of the two sets.",
            repeated=grouped(data.repeated.tested),
            total=counted(data.test_images, "test image", "test images"),
        )
    if data.repeated.two_labels:
        yield _(
            "{repeated} of {total} are there in another class too, so that no network can get all of them right. Keep "
            "each in one class.",
            repeated=grouped(data.repeated.two_labels),
            total=counted(data.training_images, "training image", "training images"),
        )
