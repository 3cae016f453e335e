"""The signal check before the demo trains, as numbers and as a picture of letters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from resnet_studio.cli.context import Session
from resnet_studio.cli.output import hint, print_table
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.analyses.result import rounded
from resnet_studio.domain.analyses.signal import SignalCheck, finding
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.text import _

BARS = "▁▂▃▄▅▆▇█"


def first_check(here: Session, cohort: CohortSpec, stopping: StopOnSignals, *, quiet: bool) -> tuple[SignalCheck, ...]:
    """Measure it; a hint and nothing where that cannot be.

    Raises:
        Stopped: When a signal came.
    """
    try:
        with ProgressBar(_("Before training"), quiet=quiet) as bar:
            with stopping.interrupting():
                from resnet_studio.runner.first_check import check_cohort  # torch takes seconds to load
            return check_cohort(cohort, here.home, bar.report, stopping)
    except KeyboardInterrupt:
        raise Stopped from None
    except UserError as error:
        hint(error.sentence)
        return ()


def print_check(results: Sequence[SignalCheck], wanted: int) -> None:
    """One line a network: the gradient at each block's output as a bar, on one scale of powers of ten.

    ``wanted`` is how many networks there are.
    """
    columns = (_("network"), _("growth"), _("gradient, from the first block to the last"))
    pictures = bars([one.norms.tolist() for one in results])
    rows = [
        (one.net.label, _("{times} times", times=rounded(one.growth)), Text(picture, style=one.net.ink))
        for one, picture in zip(results, pictures, strict=True)
    ]
    print_table(columns, rows, right=columns[1:2], title=_("Before any training"))
    print(finding(results, wanted))


def bars(series: Sequence[Sequence[float]]) -> list[str]:
    """A bar of eight heights for each value, its logarithm on one scale for all; a blank where there is none."""
    logs = [[math.log10(value) if value > 0 and math.isfinite(value) else math.nan for value in one] for one in series]
    known = [value for one in logs for value in one if not math.isnan(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    span = high - low or 1.0

    def bar(value: float) -> str:
        return " " if math.isnan(value) else BARS[min(int((value - low) / span * len(BARS)), len(BARS) - 1)]

    return ["".join(map(bar, one)) for one in logs]
