"""A study in the history: which runs are there, what they say, and which budgets were trained."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.domain.series import ERRORS, Series
from resnet_studio.studies.plan import Place, StudyPlan, Work, places, work_left
from resnet_studio.studies.rule import Outcome
from resnet_studio.studies.run_results import Curves, RunResult, run_results
from resnet_studio.studies.study import BudgetName, Study
from resnet_studio.studies.together import Lacking, evaluated_errors, lacking
from resnet_studio.studies.verdicts import Verdict, study_verdicts
from resnet_studio.text import _, _n


class History(Protocol):
    """What is asked of the run store."""

    def list_runs(self) -> list[RunRecord]: ...

    def curves(self, run_ids: Sequence[str], series: Sequence[Series]) -> Curves: ...

    def evaluations(self) -> Sequence[EvaluationSummary]: ...


@dataclass(frozen=True, eq=False)
class StoredStudy:
    """A plan with what the history has of it.

    Attributes:
        places: Every run of the plan, and of seeds beyond, with its stored one.
        work: What is left to train.
        curves: Training and test errors of the runs that ended.
        lacking: Evaluations of all nets together that the verdicts lack, of seeds whose nets have finished.
    """

    plan: StudyPlan
    places: tuple[Place, ...]
    work: tuple[Work, ...]
    verdicts: tuple[Verdict, ...]
    curves: Curves
    lacking: tuple[Lacking, ...] = ()

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """Every stored run, seed by seed."""
        return tuple(place.run for place in self.places if place.run is not None)

    @property
    def results(self) -> dict[tuple[str, int], RunResult]:
        """How runs ended, by arm and seed."""
        ended = {(p.arm.key, p.seed): p.run for p in self.places if p.run is not None and p.done}
        return dict(zip(ended, run_results(ended.values(), self.curves), strict=True))

    @property
    def done(self) -> int:
        return sum(place.done for place in self.places if place.seed in self.plan.seeds)

    @property
    def all(self) -> int:
        return len(self.plan.seeds) * len(self.plan.arms)

    @property
    def seeds_done(self) -> int:
        """Seeds with which every net has ended."""
        open_ = {place.seed for place in self.places if not place.done}
        return len({place.seed for place in self.places} - open_)

    @property
    def headline(self) -> str:
        """The first verdict in a few words, such as for a card; how far it is before that."""
        if not self.done:
            return _("not trained yet")
        first = self.verdicts[0] if self.verdicts else None
        if first is None or first.outcome is Outcome.NOT_ENOUGH:
            return _n("{done} of {count} run has ended", "{done} of {count} runs have ended", self.all, done=self.done)
        return first.outcome.words

    def as_json(self) -> dict[str, object]:
        return {
            "study": self.plan.key,
            "title": self.plan.title,
            "budget": self.plan.budget,
            "question": self.plan.question,
            "runs": [
                {
                    "arm": place.arm.key,
                    "name": place.arm.label,
                    "seed": place.seed,
                    "run": None if place.run is None else place.run.id,
                    "status": None if place.run is None else str(place.run.status),
                    "iteration": 0 if place.run is None else place.run.iteration,
                    "iterations": place.arm.spec.recipe.iterations,
                }
                for place in self.places
            ],
            "done": self.done,
            "all": self.all,
            "verdicts": [verdict.as_json() for verdict in self.verdicts],
        }


def stored_study(plan: StudyPlan, store: History, runs: Sequence[RunRecord] | None = None) -> StoredStudy:
    """``plan`` and what the history has of it.

    ``runs`` are as ``store.list_runs`` gives them, where they are at hand.
    """
    runs = store.list_runs() if runs is None else runs
    found = places(plan, runs)
    ended = [place.run.id for place in found if place.run is not None and place.done]
    curves = store.curves(ended, ERRORS) if ended else {}
    evaluations = store.evaluations() if plan.evaluated else ()
    errors = evaluated_errors(plan, found, evaluations) if plan.evaluated else {}
    return StoredStudy(
        plan, found, work_left(plan, runs), study_verdicts(plan, found, curves, errors), curves,
        lacking(plan, found, evaluations),
    )  # fmt: skip


def trained_plans(study: Study, runs: Sequence[RunRecord]) -> tuple[StudyPlan, ...]:
    """The budgets and data sets of which runs are stored, those with the most first; empty without any."""
    own = [run for run in runs if run.study == study.key and not run.imported]
    if not own:
        return ()
    data = dict.fromkeys((run.spec.data.source, run.spec.network.classes) for run in own)
    plans = dict.fromkeys(
        study.plan(budget, data=source, classes=classes)
        for budget in BudgetName
        for source, classes in (*data, (study.budgets[budget].data, None))
    )
    networks = {arm.spec.network for plan in plans for arm in plan.arms}
    near = [run for run in runs if run.spec.network in networks]
    counted = {plan: sum(place.run is not None for place in places(plan, near)) for plan in plans}
    return tuple(sorted((plan for plan in plans if counted[plan]), key=lambda plan: -counted[plan]))


@dataclass(frozen=True, slots=True)
class OtherStudy:
    """Stored runs of a study whose plan is not at hand: of a file of one's own, or of an earlier version.

    Attributes:
        key: Under which they are stored.
        done: How many of the ``all`` runs have ended.
    """

    key: str
    done: int
    all: int
    seeds: int


def other_studies(runs: Sequence[RunRecord], known: Collection[str]) -> tuple[OtherStudy, ...]:
    """Studies in the history beside those of ``known`` keys, newest first."""
    found: dict[str, list[RunRecord]] = {}
    for run in runs:
        if run.study and run.study not in known and not run.imported:
            found.setdefault(run.study, []).append(run)
    return tuple(
        OtherStudy(key, sum(not run.resumable and not run.status.active for run in own), len(own),
                   len({run.spec.recipe.seeds for run in own}))
        for key, own in found.items()
    )  # fmt: skip
