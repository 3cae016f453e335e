"""Which nets are measured so that the time of a whole study is known."""

from __future__ import annotations

import pytest

from resnet_studio.domain.enums import Device, Engine, Precision
from resnet_studio.platform.training_speed import Figure, KnownSpeeds
from resnet_studio.studies.catalog import STUDIES
from resnet_studio.studies.estimate import estimate, measured_for
from resnet_studio.studies.own_study import OwnStudy
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.study import BudgetName

TWO_PRECISIONS = """
name = "precisions"
[grid]
depth = [8, 14, 20]
precision = ["float32", "bfloat16"]
[fixed]
device = "cpu"
milestones = []
"""


def measured(plan: StudyPlan) -> KnownSpeeds:
    """As if a step of each net to be measured had taken a tenth of a second on this machine."""
    figures = [
        Figure(
            run.network, run.recipe.batch_size, 0.1, Device.CPU, Engine.EAGER,
            Precision.FLOAT32 if run.recipe.precision is Precision.AUTO else run.recipe.precision,
            run.recipe.bn_images,
        )
        for run in measured_for(plan)
    ]  # fmt: skip
    return KnownSpeeds(Device.CPU, Precision.FLOAT32, tuple(figures))


@pytest.mark.parametrize("budget", BudgetName)
@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.key)
def test_two_nets_at_most_tell_the_time_of_every_study(study, budget: BudgetName) -> None:
    plan = study.plan(budget)
    assert 1 <= len(measured_for(plan)) <= 2
    assert estimate(plan, KnownSpeeds()) is None
    assert estimate(plan, measured(plan)) is not None


def test_each_precision_is_measured() -> None:
    plan = OwnStudy.from_toml(TWO_PRECISIONS).plan()
    assert {run.recipe.precision for run in measured_for(plan)} == {Precision.FLOAT32, Precision.BFLOAT16}
    assert estimate(plan, measured(plan)) is not None
