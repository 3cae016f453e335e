"""NAME or FILE of a study, with a budget, seeds and data, to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.cli.spec_arguments import classes_of, data_spec
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.platform.home import Home
from resnet_studio.platform.outside_files import naming
from resnet_studio.studies.catalog import OLD_KEYS, STUDIES, CohortStudy, find_study
from resnet_studio.studies.own_study import OwnStudy
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.single_cohorts import SINGLE_COHORTS
from resnet_studio.studies.stored import trained_plans
from resnet_studio.studies.study import BudgetName, Study
from resnet_studio.studies.study_file import holds_study, is_study_name, read_study
from resnet_studio.text import _

_STUDY_NAMES = {*OLD_KEYS, *(study.key for study in STUDIES), *(single.key for single in SINGLE_COHORTS)}


@dataclass(frozen=True, slots=True)
class ChosenStudy:
    """A study of the gallery or of a ``file``; ``usual`` is the budget that an older name stands for."""

    study: Study | CohortStudy | OwnStudy
    usual: BudgetName | None = None
    file: Path | None = None

    def plan(self, budget: BudgetName | None, seeds: int | None, data: str | None, home: Home) -> StudyPlan:
        """Raises UserError for a budget where there is none, and for data that cannot be opened."""
        source = None if data is None else data_spec(data).source
        classes = None if source is None else classes_of(source, home)
        if budget is not None and not isinstance(self.study, Study):
            raise UserError(_("This study has no budgets; leave --budget out."))
        if isinstance(self.study, CohortStudy):
            return self.study.plan(data=source, classes=classes, seeds=seeds)
        if isinstance(self.study, OwnStudy):
            own = str(self.study.fixed.get("data", self.study.fixed.get("data.source", "")))
            if classes is None and own:
                classes = classes_of(own, home)
            with naming(self.file):
                return self.study.plan(data=source, classes=classes, seeds=seeds)
        return self.study.plan(budget or self.usual or BudgetName.QUICK, data=source, classes=classes, seeds=seeds)

    def refuse_lacking(self, plan: StudyPlan) -> None:
        """Raises UserError where the images have to be given and were not."""
        if not isinstance(self.study, Study):
            return
        budget = self.study.budgets[BudgetName(plan.budget)]
        if budget.needs_folder and plan.arms[0].spec.data.source == budget.data:
            raise UserError(
                _(
                    "The full recipe of “{title}” is for ImageNet; give its folder with --data folder:PATH.",
                    title=self.study.title,
                )
            )


def chosen_study(name: str) -> ChosenStudy:
    """Raises UserError for a name that no study has, and for a file that cannot be read or is no study."""
    if not is_study_name(name):
        return ChosenStudy(find_study(name), OLD_KEYS[name][1] if name in OLD_KEYS else None)
    return ChosenStudy(read_study(Path(name)), file=Path(name))


def names_study(text: str) -> bool:
    """Whether an argument that may also be a run's file means a study: a plain name, or a file with a grid."""
    path = Path(text)
    if is_study_name(text):
        return holds_study(path)
    return not path.suffix and (text in _STUDY_NAMES or not path.exists())


def stored_plan(
    chosen: ChosenStudy, budget: BudgetName | None, seeds: int | None, data: str | None, home: Home,
    runs: Sequence[RunRecord],
) -> StudyPlan:  # fmt: skip
    """What is meant where neither budget nor data is given: that of which the most runs are stored."""
    budget = budget or chosen.usual
    if isinstance(chosen.study, Study) and data is None:
        found = [plan for plan in trained_plans(chosen.study, runs) if budget is None or plan.budget == budget]
        if found:
            return found[0] if seeds is None else found[0].with_seeds(seeds)
    return chosen.plan(budget, seeds, data, home)
