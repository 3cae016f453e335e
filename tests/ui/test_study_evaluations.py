"""The nets of a study are evaluated together in the window, once they have finished."""

from __future__ import annotations

import os
from pathlib import Path

from pytestqt.qtbot import QtBot

from resnet_studio.domain.protocols import SINGLE, Protocol, ProtocolKind
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.studies.plan import Arm, Comparison, Measure, StudyPlan
from resnet_studio.studies.stored import stored_study
from resnet_studio.ui.services import Services
from resnet_studio.ui.study_evaluations import StudyEvaluations


def test_what_the_verdicts_lack_is_evaluated_and_reaches_them(
    qtbot: QtBot, services: Services, tiny_twin: CohortSpec, drawn_images: Path
) -> None:
    for image_file in drawn_images.iterdir():
        os.link(image_file, services.home.data / image_file.name)
    store, controller = services.store, services.controller
    sizes = Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(8, 10))
    plan = StudyPlan(
        key="together",
        title="Both",
        question="Are both better?",
        arms=tuple(Arm(run.label, run) for run in tiny_twin.runs),
        comparisons=(
            Comparison("All together?", "best", "together", Measure.TOGETHER),
            Comparison("Several sizes?", "single", "several", Measure.SCALES),
        ),
        seeds=(0,),
        protocols=(SINGLE, sizes),
    )
    (cohort,) = plan.cohorts()
    controller.train(cohort)
    qtbot.waitUntil(lambda: not controller.training, timeout=60_000)
    assert [each.protocol for each in stored_study(plan, store).lacking] == [SINGLE, sizes]
    evaluations = StudyEvaluations(services)
    said: list[str] = []
    evaluations.working.connect(said.append)
    evaluations.failed.connect(said.append)
    evaluations.evaluate(plan)
    qtbot.waitUntil(lambda: stored_study(plan, store).lacking == (), timeout=60_000)
    found = stored_study(plan, store)
    assert [len(verdict.pairs) for verdict in found.verdicts] == [1, 1]
    qtbot.waitUntil(lambda: bool(said) and said[-1] == "", timeout=20_000)
    assert any(text.startswith("Evaluating together: seed 0, ") for text in said)
    evaluations.evaluate(plan)
    qtbot.waitUntil(lambda: services.jobs.running == 0, timeout=60_000)
    assert len(store.evaluations()) == 2
