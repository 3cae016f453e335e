"""Runs to be trained again with other seeds."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import MAX_SEED, CohortSpec, RunSpec


def cohorts_again(runs: Sequence[RunRecord]) -> list[CohortSpec]:
    """The members of each cohort among ``runs`` again, together, one seed further."""
    cohorts: dict[str, list[RunRecord]] = {}
    for run in runs:
        cohorts.setdefault(run.cohort_id, []).append(run)
    return [
        CohortSpec(study=members[0].study, runs=tuple(_next_seed(run.spec) for run in members))
        for members in cohorts.values()
    ]


def _next_seed(spec: RunSpec) -> RunSpec:
    """Other initial weights and another sample order, everything else the same."""
    return spec.with_seeds(*((seed + 1) % (MAX_SEED + 1) for seed in spec.recipe.seeds))
