"""How long a training will take here, judged by the runs that this machine has done."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby, islice

from resnet_studio.domain.blueprint import blueprint
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec

ENOUGH_ITERATIONS = 30  # the first ones are slow
RECENT = 40


def seconds_per_multiply_add(runs: Iterable[RunRecord], cohort: CohortSpec) -> float | None:
    """From the newest cohort that trained on the wanted device; None if none did.

    A run's seconds are its whole cohort's, so the work is the cohort's too. ``runs`` are the newest first.
    """
    wish = cohort.runs[0].recipe.device
    recent = islice(runs, RECENT)
    for _cohort_id, members in groupby(recent, key=lambda run: run.cohort_id):
        done = list(members)
        first = done[0]
        if first.iteration < ENOUGH_ITERATIONS or first.seconds <= 0:
            continue
        if wish != "auto" and first.environment.get("device") != wish.value:
            continue
        work = sum(run.multiply_adds for run in done) * first.iteration * first.spec.recipe.batch_size
        return first.seconds / work
    return None


def expected_seconds(cohort: CohortSpec, runs: Iterable[RunRecord]) -> float | None:
    """Rough: small networks cost more per multiply-add than large ones."""
    rate = seconds_per_multiply_add(runs, cohort)
    if rate is None:
        return None
    recipe = cohort.runs[0].recipe
    work = sum(blueprint(run.network).multiply_adds for run in cohort.runs) * recipe.iterations * recipe.batch_size
    return rate * work if math.isfinite(rate) else None
