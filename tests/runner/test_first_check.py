"""The signal check before training: the cohort's own initial weights, and no longer than it may."""

from __future__ import annotations

import pytest

from resnet_studio.domain.analyses.signal import SignalCheck, finding, reading
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.specs import CohortSpec, RunSpec, replace, twin
from resnet_studio.networks.residual import build
from resnet_studio.platform.home import Home
from resnet_studio.runner.first_check import check_cohort


@pytest.fixture
def cohort(tiny_run: RunSpec) -> CohortSpec:
    """Two twins, of 8 and 14 layers, seed 3."""
    seeded = replace(tiny_run, recipe=tiny_run.recipe.with_seeds(3, 3))
    deep = replace(seeded, network=replace(seeded.network, depth=14))
    return CohortSpec(runs=(*twin(seeded).runs, *twin(deep).runs))


def test_each_network_is_checked_with_the_weights_that_its_run_begins_with(
    cohort: CohortSpec, home_with_images: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def recording(plan, seed):  # type: ignore[no-untyped-def]
        seeds.append((plan.spec.label, seed))
        return build(plan, seed)

    monkeypatch.setattr("resnet_studio.analysis.subjects.build", recording)
    found = check_cohort(cohort, home_with_images)
    names = ["plain-8", "ResNet-8", "plain-14", "ResNet-14"]
    assert [one.net.label for one in found] == names
    assert seeds == [(name, 3) for name in names]
    assert [len(one.blocks) for one in found] == [3, 3, 6, 6]
    assert all((one.norms > 0).all() for one in found)
    again = check_cohort(cohort, home_with_images)
    assert [one.norms.tolist() for one in again] == [one.norms.tolist() for one in found]


def test_what_there_is_no_time_for_is_left_out(cohort: CohortSpec, home_with_images: Home) -> None:
    assert check_cohort(cohort, home_with_images, seconds=-1.0) == ()
    said = finding((), len(cohort.runs))
    assert said == "For 4 networks the time was too short."


def test_a_stop_is_no_result(cohort: CohortSpec, home_with_images: Home) -> None:
    with pytest.raises(Stopped):
        check_cohort(cohort, home_with_images, should_stop=lambda: True)


def test_the_reading_follows_the_numbers(cohort: CohortSpec, home_with_images: Home) -> None:
    from dataclasses import replace as changed

    found = check_cohort(cohort, home_with_images)
    shrinks = [changed(one, norms=one.norms * 0 + range(1, len(one.norms) + 1)) for one in found]
    grows = [changed(one, norms=one.norms[::-1]) for one in shrinks]
    assert reading(()) == ""
    assert reading(shrinks) == "Towards the input the gradient shrinks."
    assert reading([grows[0], shrinks[1]]) == "Towards the input the gradient grows in plain-8 alone."
    assert reading(grows[:1]) == "The gradient does not vanish towards the input."
    assert reading([grows[0], grows[2]]) == (
        "The gradient does not vanish towards the input: it grows, in plain-14 the most, in plain-8 the least."
    )
    title = "From the last block to the first the gradient "
    assert SignalCheck.figure(grows[:1]).title == f"{title}grows 3.00 times in plain-8"
    assert SignalCheck.figure(shrinks[:1]).title == f"{title}shrinks to 0.333 in plain-8"
    both = SignalCheck.figure([shrinks[0], grows[3]]).title
    assert both == f"{title}grows 6.00 times in ResNet-14 and shrinks to 0.333 in plain-8"
    assert finding(grows, 5).endswith("For 1 network the time was too short.")
