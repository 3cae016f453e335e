"""How the shown runs stand, out of the curves that have come so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.studies.learning import Stand
from resnet_studio.studies.run_results import RunResult
from resnet_studio.ui.plots.curve_data import CurveBook


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one run: errors in percent, None where nothing finite is measured, and the last iteration with a point."""

    run: RunRecord
    name: str
    training: float | None
    test: float | None
    iteration: int | None

    @property
    def stand(self) -> Stand | None:
        """For the sentences on who learns; None without a training error."""
        if self.training is None or self.iteration is None:
            return None
        return Stand(self.run, self.name, self.training, min(self.iteration, TRAINING_ERROR_WINDOW))

    @property
    def result(self) -> RunResult:
        return RunResult(self.run, self.training, self.test)


def standings(runs: Sequence[RunRecord], book: CurveBook) -> list[Standing]:
    """One a run, each by the name it is shown by."""
    found = []
    for run_id, name in display_names(runs).items():
        training, iteration = _mean(book, run_id, Series.TRAINING_ERROR, TRAINING_ERROR_WINDOW)
        test, _unused = _mean(book, run_id, Series.TEST_ERROR, 1)
        run = next(run for run in runs if run.id == run_id)
        found.append(Standing(run, name, training, test, iteration))
    return found


def _mean(book: CurveBook, run_id: str, series: Series, count: int) -> tuple[float | None, int | None]:
    """Mean of the last values and the last iteration; None without points or where the mean is not finite."""
    buffer = book.get(run_id, series)
    if buffer is None:
        return None, None
    with np.errstate(invalid="ignore"):
        mean = float(np.mean(buffer.values[-count:], dtype=np.float64))
    return (mean if math.isfinite(mean) else None), int(buffer.iterations[-1])
