"""Further seeds of runs that somebody chose: what has to be trained for the next look at them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RunSpec
from resnet_studio.domain.text_numbers import counted
from resnet_studio.studies.cohorts import form_cohorts
from resnet_studio.studies.plan import setting
from resnet_studio.studies.rule import next_look
from resnet_studio.text import _, _n

Seeds = tuple[int, int]  # of initial weights and sample order


def more_seeds(chosen: Sequence[RunRecord], stored: Iterable[RunRecord]) -> tuple[CohortSpec, ...]:
    """Cohorts of the same settings with seeds that none of them has.

    Settings that have fewer seeds than the others come up to them first, with the same seeds, so that there are pairs;
    where all have as many, each gets as many more as the next look takes (3, 5, 10), or one after the last.

    Args:
        chosen: Runs; those trained elsewhere are passed over.
        stored: All that there are: their seeds are not trained again.
    """
    firsts: dict[RunSpec, RunRecord] = {}
    for run in chosen:
        if not run.imported:
            firsts.setdefault(setting(run.spec), run)
    have: dict[RunSpec, set[Seeds]] = {one: set() for one in firsts}
    for run in (*stored, *chosen):
        if not run.imported and (one := setting(run.spec)) in have:
            have[one].add(run.spec.recipe.seeds)
    if not have:
        return ()
    wanted = sorted(set().union(*have.values()))
    if all(len(seeds) == len(wanted) for seeds in have.values()):
        target = next_look(len(wanted)) or len(wanted) + 1
        fresh = ((seed, seed) for seed in count() if (seed, seed) not in wanted)
        wanted += [seeds for seeds, _unused in zip(fresh, range(target - len(wanted)), strict=False)]
    runs = [
        run.spec.with_seeds(*seeds) for seeds in wanted for one, run in firsts.items() if seeds not in have[one]
    ]  # fmt: skip
    studies = {run.study for run in firsts.values()}
    return form_cohorts(runs, study=studies.pop() if len(studies) == 1 else "")


def more_seeds_sentence(cohorts: Sequence[CohortSpec]) -> str:
    """What was asked for, for the status bar."""
    if not cohorts:
        return _("Nothing was added: runs that were trained elsewhere have no recipe that could be repeated.")
    runs = [run for cohort in cohorts for run in cohort.runs]
    seeds = len({run.recipe.seeds for run in runs})
    return _n("{runs} with {count} seed more.", "{runs} with {count} seeds more.", seeds,
              runs=counted(len(runs), "run", "runs"))  # fmt: skip
