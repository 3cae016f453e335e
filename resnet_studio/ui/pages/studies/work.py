"""What the Studies page reads from the history, as plain functions for its jobs. No Qt here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.queue import QueueCommand
from resnet_studio.history.store import RunStore
from resnet_studio.platform.files import write_whole
from resnet_studio.platform.home import Home
from resnet_studio.platform.outside_files import naming
from resnet_studio.platform.training_speed import KnownSpeeds, with_runs
from resnet_studio.studies.catalog import STUDIES
from resnet_studio.studies.estimate import Estimate, estimate, estimate_left
from resnet_studio.studies.own_study import OwnStudy
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.preview import Preview, preview
from resnet_studio.studies.queue_commands import queue_commands
from resnet_studio.studies.report.pictures import Picture, pictures
from resnet_studio.studies.result_rows import RecipeDifference, ResultRow, recipe_differences, result_rows
from resnet_studio.studies.rule import Outcome
from resnet_studio.studies.stored import StoredStudy, stored_study, trained_plans
from resnet_studio.studies.study import BudgetName, Study
from resnet_studio.studies.study_file import read_study
from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class Card:
    """One study of the gallery, or of a file.

    Attributes:
        key: Of the study.
        file: Where an own study stands; None for the paper's.
        best: The stored plan with the most runs; None where nothing was trained.
        headline: State or verdict in a few words.
        fault: Why a file is no study any more; empty if it is one.
    """

    key: str
    title: str
    question: str
    where: str
    expects: str = ""
    study: Study | OwnStudy | None = None
    file: Path | None = None
    best: StudyPlan | None = None
    headline: str = ""
    outcome: Outcome | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Setup:
    """What was chosen for a study; ``source`` and ``classes`` only for other data than its own."""

    card: Card
    budget: BudgetName | None = None
    seeds: int | None = None
    source: str | None = None
    classes: int | None = None

    def plan(self) -> StudyPlan:
        """Raises UserError where the data does not fit."""
        study = self.card.study
        if study is None:
            raise UserError(self.card.fault)
        if isinstance(study, OwnStudy):
            with naming(self.card.file):
                plan = study.plan(data=self.source, classes=self.classes)
        else:
            plan = study.plan(self.budget or BudgetName.QUICK, data=self.source, classes=self.classes)
        return plan if self.seeds is None else plan.with_seeds(self.seeds)


@dataclass(frozen=True, eq=False)
class Look:
    """A study with one setup: what it will take, and what the history has of it.

    Attributes:
        times: By budget, of all its runs; None where nothing is known.
        preview: Of the whole plan; ``left`` is the time of what is missing.
    """

    setup: Setup
    found: StoredStudy
    preview: Preview
    times: Mapping[BudgetName, Estimate | None]
    left: Estimate | None
    rows: tuple[ResultRow, ...]
    differences: tuple[RecipeDifference, ...]
    pictures: tuple[Picture, ...]

    @property
    def plan(self) -> StudyPlan:
        return self.found.plan


def first_cards() -> tuple[Card, ...]:
    """The gallery before anything was read."""
    return tuple(Card(s.key, s.title, s.question, s.where, s.expects, s) for s in STUDIES)


def read_cards(store: RunStore, files: Sequence[Path]) -> tuple[Card, ...]:
    """The gallery with what is stored of each study, and after it the studies of files."""
    runs = store.list_runs()
    cards = []
    for card in first_cards():
        assert isinstance(card.study, Study)
        plans = trained_plans(card.study, runs)
        cards.append(_with_state(card, stored_study(plans[0], store, runs)) if plans else _untrained(card))
    for file in files:
        card = own_card(file)
        if isinstance(card.study, OwnStudy):
            try:
                with naming(file):
                    plan = card.study.plan()
                card = _with_state(card, stored_study(plan, store, runs))
            except UserError as error:
                card = replace(card, fault=str(error))
        cards.append(card)
    return tuple(cards)


def own_card(file: Path) -> Card:
    """A file's study, or why it is none."""
    try:
        study = read_study(file)
    except UserError as error:
        return Card(f"file:{file}", file.name, "", _("a file"), file=file, fault=str(error))
    question = study.question or ", ".join(study.grid)
    return Card(f"file:{file}", study.name, question, file.name, study=study, file=file)


def _untrained(card: Card) -> Card:
    return replace(card, headline=_("not trained yet"))


def _with_state(card: Card, found: StoredStudy) -> Card:
    first = found.verdicts[0] if found.verdicts else None
    outcome = None if first is None or first.outcome is Outcome.NOT_ENOUGH else first.outcome
    lacking = {place.seed for place in found.places if place.run is None}
    beyond = dict.fromkeys(place.seed for place in found.places if place.seed not in lacking)
    best = replace(found.plan, seeds=tuple(dict.fromkeys((*found.plan.seeds, *beyond)))) if found.runs else None
    return replace(card, best=best, headline=found.headline, outcome=outcome)


def look(setup: Setup, store: RunStore, speeds: KnownSpeeds) -> Look:
    """Raises UserError where the data or the file do not fit."""
    plan, runs = setup.plan(), store.list_runs()
    known, study = with_runs(speeds, runs), setup.card.study
    found = stored_study(plan, store, runs)
    times = {}
    if isinstance(study, Study):
        times = {budget: estimate(study.plan(budget), known) for budget in study.budgets}
    _lists, differences = recipe_differences(found)
    return Look(
        setup, found, preview(plan, known), times, estimate_left(found.work, known), result_rows(found), differences,
        tuple(pictures(found, key=True)),
    )  # fmt: skip


def missing(plan: StudyPlan, store: RunStore, home: Home, *, now: bool) -> tuple[QueueCommand, ...]:
    """What has to be added to the queue for a study to be whole.

    Raises:
        UserError: If its images are not on this machine.
    """
    from resnet_studio.data.datasets.paths import obstacle

    for row in dict.fromkeys(arm.spec.data.row for arm in plan.arms):
        if row is not None and row.downloads and (text := obstacle(home, row)):
            raise UserError(text)
    return queue_commands(stored_study(plan, store), store.queue(), first=now)


def write_report(plan: StudyPlan, store: RunStore, command: str, path: Path) -> Path:
    """Raises UserError if it cannot be written."""
    from resnet_studio.studies.report.page import report_page

    return write_whole(path, report_page(stored_study(plan, store), command))
