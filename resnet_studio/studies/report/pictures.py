"""The pictures of a study, as a report and the window show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resnet_studio.domain.series import Series
from resnet_studio.studies.report.charts import against_depth, curves
from resnet_studio.studies.report.markup import Markup
from resnet_studio.studies.stored import StoredStudy
from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class Picture:
    """``drawing`` is SVG, in a report with HTML below it."""

    title: str
    drawing: Markup
    words: str


def pictures(found: StoredStudy, *, key: bool = False) -> Iterator[Picture]:
    """Curves, and errors against depth where there are three depths; those that have something to show.

    With ``key``, what the lines are is part of the drawing, which is SVG alone then.
    """
    results = found.results

    def error_of(training: bool, arm: str, seed: int) -> float | None:
        result = results.get((arm, seed))
        return None if result is None else result.training_error if training else result.test_error

    depth = _("Dots: seeds; lines: means with their 95 % intervals, each net for itself.")
    made = (
        Picture(
            _("Training error"), curves(found, Series.TRAINING_ERROR, _("training error"), key=key),
            _("Means of stretches of iterations; thick: the mean over the seeds."),
        ),
        Picture(
            _("Test error"), curves(found, Series.TEST_ERROR, _("test error"), key=key),
            _("Thick: the mean over the seeds."),
        ),
        Picture(
            _("Training error against depth"),
            against_depth(found, lambda arm, seed: error_of(True, arm, seed), _("training error"), key=key), depth,
        ),
        Picture(
            _("Test error against depth"),
            against_depth(found, lambda arm, seed: error_of(False, arm, seed), _("test error"), key=key), depth,
        ),
    )  # fmt: skip
    return (picture for picture in made if picture.drawing)
