"""What is said at the end of a cohort that is of a study: the study's verdicts over all its seeds."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import ERRORS
from resnet_studio.studies.catalog import STUDIES
from resnet_studio.studies.conclusions import conclusion
from resnet_studio.studies.plan import setting
from resnet_studio.studies.run_results import run_results
from resnet_studio.studies.stored import History, stored_study, trained_plans


def end_sentence(run_ids: Sequence[str], store: History) -> str:
    """The verdicts of the study's plan that has all these runs; empty where nothing can be compared.

    Without such a plan, what :func:`conclusion` says of the runs and of stored ones that differ from them in their
    seeds alone.
    """
    runs = store.list_runs()
    mine = [run for run in runs if run.id in set(run_ids)]
    if not mine:
        return ""
    study = next((study for study in STUDIES if study.key == mine[0].study), None)
    settings = {setting(run.spec) for run in mine}
    for plan in () if study is None else trained_plans(study, runs):
        if settings <= {setting(arm.spec) for arm in plan.arms}:
            found = stored_study(plan, store, runs)
            return " ".join(verdict.text for verdict in found.verdicts if verdict.pairs)
    kin = [run for run in runs if _ended(run) and not run.imported and setting(run.spec) in settings]
    return conclusion(run_results(kin, store.curves([run.id for run in kin], ERRORS)))


def _ended(run: RunRecord) -> bool:
    return not run.resumable and not run.status.active
