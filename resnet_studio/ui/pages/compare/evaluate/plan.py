"""What an order to evaluate comes to: which networks see which images, and what of it is stored already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.domain.specs import DataSpec
from resnet_studio.inference.refusals import refusal
from resnet_studio.text import _
from resnet_studio.ui.widgets.protocol_choice import ProtocolChoice


@dataclass(frozen=True, slots=True)
class Order:
    """What the form says. ``data`` None means each run's own."""

    data: DataSpec | None
    protocol: ProtocolChoice
    alone: bool
    together: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One evaluation to make: a run, or the members of an ensemble, on these images under this protocol."""

    runs: tuple[RunRecord, ...]
    data: DataSpec
    protocol: Protocol


@dataclass(frozen=True, slots=True)
class Plan:
    """``tasks`` to make and those ``made`` before, or the sentence that says why there are none."""

    tasks: tuple[Task, ...] = ()
    made: tuple[Task, ...] = ()
    fault: str = ""
    untouched: bool = False  # the fault is that nothing was chosen yet

    @property
    def pressed(self) -> tuple[Task, ...]:
        """What the button makes: what is missing; where nothing is, all of it again."""
        return self.tasks or self.made


def plan(runs: Sequence[RunRecord], order: Order, stored: Iterable[EvaluationSummary] = ()) -> Plan:
    """Each run alone, the ensemble, or both; runs without weights are left out, what is ``stored`` counts as made."""
    able = tuple(run for run in runs if run.weights_sha256)
    if not runs:
        return Plan(fault=_("Tick the runs to evaluate at the left."), untouched=True)
    if not able:
        return Plan(fault=_("None of the ticked runs has weights yet; they come with the first checkpoint."))
    if order.data is None:
        unknown = [run.name for run in able if not run.spec.data.known]
        if unknown:
            return Plan(fault=_("Nobody knows what {unknown} was trained on; choose the data.", unknown=unknown[0]))
    refused = [
        sentence
        for run in able
        if (sentence := refusal(run.spec.network, order.protocol.of(run.spec.network.image_size), run.name))
    ]
    if refused:
        return Plan(fault=refused[0])
    if not (order.alone or order.together):
        return Plan(fault=_("Choose each run alone, the ensemble, or both."))
    tasks = [_task((run,), order) for run in able] if order.alone else []
    if order.together:
        fault = _why_no_ensemble(able, order.data)
        if fault:
            return Plan(fault=fault)
        tasks.append(_task(able, order))
    known = tuple(stored)
    made = tuple(task for task in tasks if any(_is(task, one) for one in known))
    return Plan(tuple(task for task in tasks if task not in made), made)


def one_look(tasks: Sequence[Task]) -> list[tuple[Task, tuple[RunRecord, ...]]]:
    """The tasks, each with the runs whose own results come from the same look at the images.

    Members of an ensemble that are to be evaluated alone too are not tested twice.
    """
    alone = {task.runs[0].id: task for task in tasks if len(task.runs) == 1}
    found: list[tuple[Task, tuple[RunRecord, ...]]] = []
    shared: set[str] = set()
    for task in tasks:
        if len(task.runs) == 1:
            continue
        members = tuple(run for run in task.runs if run.id in alone and _same_test(alone[run.id], task))
        shared |= {run.id for run in members}
        found.append((task, members))
    rest: list[tuple[Task, tuple[RunRecord, ...]]] = [
        (task, ()) for task in tasks if len(task.runs) == 1 and task.runs[0].id not in shared
    ]
    return rest + found


def _same_test(alone: Task, together: Task) -> bool:
    own = [run.spec.network.image_size for run in alone.runs]
    all_sizes = [run.spec.network.image_size for run in together.runs]
    same_images = set(own) == set(all_sizes) and alone.data == together.data
    return same_images and alone.protocol.canonical(own).key == together.protocol.canonical(all_sizes).key


def _task(runs: tuple[RunRecord, ...], order: Order) -> Task:
    """Members of one ensemble see the same scales: those of the largest images."""
    largest = max(run.spec.network.image_size for run in runs)
    return Task(runs, order.data or runs[0].spec.data, order.protocol.of(largest))


def _is(task: Task, stored: EvaluationSummary) -> bool:
    """Whether ``stored`` is what ``task`` would make: the same runs in any order with the weights they have now.

    Images held out of training have the source and the draw of the test images: a summary cannot tell these apart, so
    where a run's own data hold images out, nothing counts as made.
    """
    if any(stored.outdated) or sorted(stored.run_ids) != sorted(run.id for run in task.runs):
        return False
    if task.data.held_out or any(run.spec.data.held_out for run in task.runs):
        return False
    sizes = [run.spec.network.image_size for run in task.runs]
    same_data = (stored.data, stored.data_seed) == (task.data.source, task.data.seed)
    return same_data and stored.protocol.key == task.protocol.canonical(sizes).key


def _why_no_ensemble(runs: Sequence[RunRecord], data: DataSpec | None) -> str:
    if len(runs) < 2:
        return _("An ensemble needs at least two runs with weights; tick another, or choose each run alone.")
    if data is None and len({run.spec.data for run in runs}) > 1:
        return _("These runs have different data of their own; choose the data that the ensemble is to see.")
    first = runs[0]
    other = next((run for run in runs if set(run.class_names) != set(first.class_names)), None)
    if other is not None:
        return _(
            "{name} and {other_name} know different classes, so they are no ensemble; tick runs of one data set.",
            name=first.name,
            other_name=other.name,
        )
    return ""
