"""Which function measures which analysis: the rows' keys, each with what is called for all networks together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from resnet_studio.analysis import (
    activations,
    cam,
    construct,
    lesion,
    paths,
    responses,
    sharpness,
    shattered,
    signal,
    similarity,
    surface,
)
from resnet_studio.analysis.subjects import OnPartial, Progress, Subject
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck


class Measure(Protocol):
    """Measures all networks together; ``on_partial`` gets the results so far."""

    def __call__(
        self,
        subjects: Sequence[Subject],
        images: Any,
        settings: Any,
        progress: Progress,
        should_stop: StopCheck,
        on_partial: OnPartial | None = None,
        /,
    ) -> Sequence[AnalysisResult]: ...


def each(measure: Callable[..., AnalysisResult], *, early: bool = False) -> Measure:
    """``measure`` for one network after another.

    The whole's total is that of the first one times their number. What is found of one network is handed on before the
    next one's turn.

    With ``early``, ``measure`` has something to show before it is done: its last argument is called with it.
    """

    def measure_all(
        subjects: Sequence[Subject],
        images: Any,
        settings: Any,
        progress: Progress,
        should_stop: StopCheck,
        on_partial: OnPartial | None = None,
    ) -> Sequence[AnalysisResult]:
        found: list[AnalysisResult] = []
        for place, subject in enumerate(subjects):
            if should_stop():
                raise Stopped

            def report(done: int, total: int, place: int = place) -> None:
                progress(place * total + done, len(subjects) * total)

            if found and on_partial is not None:
                on_partial(tuple(found))
            more = (lambda result: on_partial((*found, result)),) if early and on_partial is not None else ()
            found.append(measure(subject, images, settings, report, should_stop, *more))
        return tuple(found)

    return measure_all


MEASURES: Mapping[str, Measure] = {
    "signal": each(signal.measure),
    "shattered": each(shattered.measure),
    "responses": each(responses.measure),
    "lesion": each(lesion.measure),
    "construct": each(construct.measure, early=True),
    "paths": each(paths.measure),
    "cam": each(cam.measure),
    "activations": each(activations.measure),
    "similarity": similarity.measure,
    "surface": surface.measure,
    "sharpness": sharpness.measure,
}
"""By the key of the row; ``images`` is None for a row without images."""
