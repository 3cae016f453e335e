"""How long a training will take here, judged by the runs that this machine has done."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

from resnet_studio.domain.planning import blueprint
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RecipeSpec

ENOUGH_ITERATIONS = 30  # the first ones are slow
COMPARABLE = 4.0  # at most so many times more or less work an iteration: small networks cost more per multiply-add


def _same_machine(run: RunRecord, recipe: RecipeSpec) -> bool:
    """Device and precision are as wanted; ``auto`` means on one machine what it meant before."""
    theirs = run.spec.recipe
    device = recipe.device in (theirs.device, run.environment.get("device"))
    return device and recipe.precision in (theirs.precision, run.environment.get("precision"))


def expected_seconds(cohort: CohortSpec, runs: Iterable[RunRecord]) -> float | None:
    """From the stored cohort that is nearest in multiply-adds per iteration; None if none is comparable.

    A run's seconds are its whole cohort's, so the work is the cohort's too. ``runs`` are the newest first.
    """
    recipe = cohort.runs[0].recipe
    wanted = sum(blueprint(run.network).multiply_adds for run in cohort.runs) * recipe.batch_size
    best, distance = None, math.log(COMPARABLE)
    for _cohort_id, members in groupby(runs, key=lambda run: run.cohort_id):
        done = list(members)
        first = done[0]
        if first.iteration < ENOUGH_ITERATIONS or not 0 < first.seconds < math.inf:
            continue
        work = sum(run.multiply_adds for run in done) * first.spec.recipe.batch_size
        if not work or not _same_machine(first, recipe):
            continue
        away = abs(math.log(wanted / work))
        if away <= distance and (best is None or away < distance):
            best, distance = first.seconds / first.iteration * (wanted / work), away
    return None if best is None else best * recipe.iterations
