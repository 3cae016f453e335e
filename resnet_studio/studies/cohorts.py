"""Cohorts form by themselves: runs that may share batches train together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resnet_studio.domain.queue import MOST_RUNS
from resnet_studio.domain.recipe_spec import SHARED
from resnet_studio.domain.specs import CohortSpec, RunSpec


def form_cohorts(
    runs: Iterable[RunSpec], *, name: str = "", study: str = "", most: int = MOST_RUNS
) -> tuple[CohortSpec, ...]:
    """Every run in one cohort with all that share its data, batches and length, in the order of the first of each.

    Args:
        runs: Within a cohort they keep their order.
        name: Of each cohort, perhaps empty.
        study: Key of the study they belong to, or empty.
        most: Runs that one cohort holds at the most, such as fit into the memory together; from 1 to 32.
    """
    groups: dict[object, list[RunSpec]] = {}
    for run in runs:
        groups.setdefault(_shared(run), []).append(run)
    parts = (part for group in groups.values() for part in _parts(group, most))
    return tuple(CohortSpec(name=name, study=study, runs=tuple(part)) for part in parts)


def _shared(run: RunSpec) -> tuple[object, ...]:
    """What runs of one cohort have in common."""
    recipe = tuple(getattr(run.recipe, field) for field in SHARED)
    return (run.data, run.start_from, run.network.classes, run.network.image_size, recipe)


def _parts(group: Sequence[RunSpec], most: int) -> Iterable[Sequence[RunSpec]]:
    return (group[start : start + most] for start in range(0, len(group), most))
