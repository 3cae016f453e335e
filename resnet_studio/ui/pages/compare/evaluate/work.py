"""What the Evaluate part does in background threads. torch enters here, inside the functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import Report, StopCheck
from resnet_studio.domain.records import Evaluation, NamedImage
from resnet_studio.domain.specs import DataSpec
from resnet_studio.text import _
from resnet_studio.ui.pages.compare.evaluate.plan import Task, one_look
from resnet_studio.ui.threads.jobs import Emit, Work
from resnet_studio.ui.threads.reports import throttled

if TYPE_CHECKING:
    from resnet_studio.data.test_images import TestSet
    from resnet_studio.history.store import RunStore
    from resnet_studio.inference.models import TrainedNetwork
    from resnet_studio.platform.home import Home

HELD_OUT_PREFIX = "held-out/"


@dataclass(frozen=True, slots=True)
class Step:
    """``number`` of ``of`` tasks is at ``text``; ``fraction`` of it, 0..1, is done where that is known."""

    number: int
    of: int
    name: str
    text: str
    fraction: float | None


@dataclass(frozen=True, slots=True)
class Stored:
    """One more evaluation is in the history; ``notes`` as in :class:`Evaluation`."""

    evaluation_id: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskFailed:
    sentence: str


def task_name(task: Task, names: Mapping[str, str]) -> str:
    """``names`` by run id tell runs of one name apart."""
    first = task.runs[0]
    return names.get(first.id, first.name) if len(task.runs) == 1 else _("ensemble of {runs}", runs=len(task.runs))


def evaluating(store: RunStore, tasks: Sequence[Task], names: Mapping[str, str], *, single_threaded: bool) -> Work:
    """A job that makes and stores one evaluation a task; emits Step, Stored and TaskFailed, returns how many it made.

    What one task cannot do is emitted, and the others go on. ``single_threaded`` keeps to one thread of the CPU,
    because something trains at the same time.
    """

    def work(emit: Emit, should_stop: StopCheck) -> int:
        import torch

        from resnet_studio.domain.enums import Device
        from resnet_studio.inference.evaluate import evaluate_each
        from resnet_studio.inference.models import load
        from resnet_studio.training.devices import lower_priority

        if single_threaded:
            torch.set_num_threads(1)  # acts on this thread alone
        lower_priority()
        networks: dict[str, TrainedNetwork] = {}
        made = 0
        looks = one_look(tasks)
        for number, (task, alone) in enumerate(looks):
            report = _reporter(emit, number, len(looks), task_name(task, names))
            try:
                for run in task.runs:
                    if should_stop():
                        raise Stopped
                    if run.id not in networks:
                        report(_("loading {name}", name=run.name), None)
                        networks[run.id] = load(store, run, Device.CPU if single_threaded else Device.AUTO)
                members = [networks[run.id] for run in task.runs]
                made_now = evaluate_each(members, task.data, task.protocol, store.home, report, should_stop)
                wanted = {run.id for run in alone}
                kept = [*(one for one in made_now[1:] if one.run_ids[0] in wanted), made_now[0]]
                for evaluation in kept:
                    store.add_evaluation(evaluation)
            except UserError as error:
                emit(TaskFailed(str(error)))
                continue
            made += len(kept)
            for evaluation in kept:
                emit(Stored(evaluation.id, evaluation.notes))
        return made

    return work


def _reporter(emit: Emit, number: int, of: int, name: str) -> Report:
    return throttled(lambda text, fraction: emit(Step(number, of, name, text, fraction)))


class TestSets:
    """The test set that was opened last stays open. One job at a time uses it."""

    __test__ = False

    def __init__(self) -> None:
        self._spec: DataSpec | None = None
        self._set: TestSet | None = None

    def open(self, spec: DataSpec, home: Home, should_stop: StopCheck) -> TestSet:
        """Raises DataError and Stopped, as ``open_test``."""
        from resnet_studio.data.test_images import open_test

        if self._set is None or spec != self._spec:
            self._set = None
            self._set, self._spec = open_test(spec, home, should_stop=should_stop), spec
        return self._set


def loading_images(evaluation: Evaluation, places: Sequence[int], spec: DataSpec, home: Home, sets: TestSets) -> Work:
    """A job that returns ``[(place, image)]`` for positions in the evaluation: files, or PNG bytes without files.

    The name of an image that is no file begins with its true class, by which Classify knows the truth.
    """

    def work(_emit: Emit, should_stop: StopCheck) -> object:
        if spec.folder is not None:
            root = Path(spec.folder).expanduser().absolute()
            return [(place, root / evaluation.names[place]) for place in places]
        images = sets.open(spec, home, should_stop)
        found = []
        for place in places:
            if should_stop():
                raise Stopped
            name = evaluation.names[place]
            true = evaluation.class_names[int(evaluation.labels[place])]
            title = f"{true} {name.rpartition('/')[2]}"
            found.append((place, NamedImage(title, _png(images, name))))
        return found

    return work


def _png(images: TestSet, name: str) -> bytes:
    import io

    buffer = io.BytesIO()
    images.named(name).save(buffer, "PNG")
    return buffer.getvalue()


def data_of(evaluation: Evaluation, known: Sequence[DataSpec]) -> DataSpec:
    """The data that was evaluated on. ``known``: of the runs that took part, for images held out of training."""
    if evaluation.names and evaluation.names[0].startswith(HELD_OUT_PREFIX):
        for spec in known:
            if (spec.source, spec.seed) == (evaluation.data, evaluation.data_seed) and spec.held_out:
                return spec
    return DataSpec(source=evaluation.data, seed=evaluation.data_seed)
