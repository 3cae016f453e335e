"""The signal check of a cohort's networks with their own initial weights, before anything is trained."""

from __future__ import annotations

import time

from resnet_studio.analysis import signal
from resnet_studio.domain.analyses.rows import find_analysis
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.platform.home import Home
from resnet_studio.runner.inside import Design, Question, open_subjects
from resnet_studio.text import _

IMAGES = 32  # one batch: some tenths of a second a network
SECONDS = 10.0  # for all networks; those that it does not suffice for are left out


def check_cohort(
    cohort: CohortSpec,
    home: Home,
    report: Report = no_report,
    should_stop: StopCheck = never_stop,
    *,
    seconds: float = SECONDS,
    device: Device = Device.AUTO,
) -> tuple[SignalCheck, ...]:
    """One result a network, in the cohort's order, each with the weights that its run begins with.

    Opening the images is not counted; from there on it takes ``seconds`` at most. The deepest come first, and what is
    not measured by then is left out.

    Raises:
        UserError: If the data cannot be opened.
        Stopped: Within a second of ``should_stop`` saying so.
    """
    run, row = cohort.runs[0], find_analysis("signal")
    designs = tuple(Design(each.network, each.network.label) for each in cohort.runs)
    settings = AnalysisSettings(images=IMAGES, seed=run.recipe.init_seed)
    question = Question(row, settings, designs, run.data, device=device)
    subjects, images = open_subjects(question, None, home, report, should_stop)
    assert images is not None  # the row looks at images
    found: dict[int, SignalCheck] = {}
    end = time.monotonic() + seconds

    def stops() -> bool:
        return should_stop() or time.monotonic() > end

    deepest_first = sorted(range(len(subjects)), key=lambda place: -subjects[place].blueprint.depth)
    for done, place in enumerate(deepest_first):
        report(_(row.title), done / len(subjects))
        try:
            found[place] = signal.measure(subjects[place], images, settings, should_stop=stops)
        except Stopped:
            if should_stop():
                raise
            break
    return tuple(found[place] for place in sorted(found))
