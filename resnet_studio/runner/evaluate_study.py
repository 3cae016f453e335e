"""The nets of a study evaluated together, which some of its comparisons are answered by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import Report, StopCheck
from resnet_studio.inference.evaluate import evaluate
from resnet_studio.inference.models import TrainedNetwork, load
from resnet_studio.studies.stored import stored_study
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore
    from resnet_studio.studies.plan import StudyPlan


def evaluate_study(
    plan: StudyPlan, store: RunStore, report: Report, should_stop: StopCheck, *, device: Device = Device.AUTO
) -> int:
    """Make and store each evaluation that the study lacks; returns how many.

    Raises:
        UserError: If the images are not here, or a network cannot be read.
        Stopped: As evaluations do; those that were made stay.
    """
    made = 0
    loaded: dict[str, TrainedNetwork] = {}
    for each in stored_study(plan, store).lacking:
        wanted = {run.id for run in each.runs}
        loaded = {key: network for key, network in loaded.items() if key in wanted}
        for run in each.runs:
            if should_stop():
                raise Stopped
            if run.id not in loaded:
                report(_("loading {name}", name=run.name), None)
                loaded[run.id] = load(store, run, device)

        def say(text: str, fraction: float | None, seed: int = each.seed, label: str = each.protocol.label) -> None:
            report(_("seed {seed}, {protocol}: {text}", seed=seed, protocol=label, text=text), fraction)

        networks = [loaded[run.id] for run in each.runs]
        store.add_evaluation(evaluate(networks, each.runs[0].spec.data, each.protocol, store.home, say, should_stop))
        made += 1
    return made
