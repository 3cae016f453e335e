"""What an order to evaluate comes to: which networks see which images, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec
from resnet_studio.inference.refusals import refusal


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form says. ``data`` None means each run's own; ``protocol`` None that its fields are wrong."""

    data: DataSpec | None
    protocol: Protocol | None
    alone: bool
    together: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One evaluation to make: a run, or the members of an ensemble, on these images."""

    runs: tuple[RunRecord, ...]
    data: DataSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks, or the sentence that says why there are none."""

    tasks: tuple[Task, ...] = ()
    problem: str = ""


def plan(runs: Sequence[RunRecord], wish: Wish) -> Plan:
    """Each run alone, the ensemble, or both; runs without weights are left out."""
    able = tuple(run for run in runs if run.weights_sha256)
    if not runs:
        return Plan(problem="Tick the runs to evaluate at the left.")
    if not able:
        return Plan(problem="None of the ticked runs has weights yet; they come with the first checkpoint.")
    if wish.data is None:
        unknown = [run.name for run in able if not run.spec.data.known]
        if unknown:
            return Plan(problem=f"Nobody knows what {unknown[0]} was trained on; choose the data.")
    if wish.protocol is not None:
        refused = [sentence for run in able if (sentence := refusal(run.spec.network, wish.protocol, run.name))]
        if refused:
            return Plan(problem=refused[0])
    if not (wish.alone or wish.together):
        return Plan(problem="Choose each run alone, the ensemble, or both.")
    tasks = [Task((run,), wish.data or run.spec.data) for run in able] if wish.alone else []
    if wish.together:
        problem = _why_no_ensemble(able, wish.data)
        if problem:
            return Plan(problem=problem)
        tasks.append(Task(able, wish.data or able[0].spec.data))
    return Plan(tuple(tasks))


def _why_no_ensemble(runs: Sequence[RunRecord], data: DataSpec | None) -> str:
    if len(runs) < 2:
        return "An ensemble needs at least two runs with weights; tick another, or choose each run alone."
    if data is None and len({run.spec.data for run in runs}) > 1:
        return "These runs have different data of their own; choose the data that the ensemble is to see."
    first = runs[0]
    other = next((run for run in runs if set(run.class_names) != set(first.class_names)), None)
    if other is not None:
        return (
            f"{first.name} and {other.name} know different classes, so they are no ensemble; tick runs of one data set."
        )
    return ""
