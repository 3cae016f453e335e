"""The shattered gradients' result: how alike the input gradients of neighbouring images are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_studio.domain.analyses.charts import Figure, Line, LineChart
from resnet_studio.domain.analyses.result import AnalysisResult, Net, Numbers, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.text import N_, _

POINTS = 48
LAGS = (1, 2, 4)


class ShatteredSettings(AnalysisSettings):
    """With the number of lines."""

    lines: int = spec_field(
        N_("Lines"),
        N_("How many straight lines, each between two images of its own, are looked at."),
        simple=True,
        default=4,
        ge=1,
        le=1000,
    )


@dataclass(frozen=True, eq=False)
class Shattered(AnalysisResult):
    """Input gradients along straight lines between images.

    Attributes:
        cosine: By lag in steps, the mean cosine of two gradients so far apart, over points and lines.
        cosines: (lines, lags), the same of each line.
        traces: (lines, 48), the gradient's component along the line: how steeply the output rises there.
    """

    net: Net
    cosine: dict[int, float]
    cosines: Numbers
    traces: Numbers

    @classmethod
    def table(cls, results: Sequence[Shattered]) -> Table:
        return Table(
            (_("network"), _("line"), _("point"), _("gradient along the line")),
            tuple(
                (one.net.label, line, point, value)
                for one in results
                for line, trace in enumerate(one.traces.tolist(), start=1)
                for point, value in enumerate(trace, start=1)
            ),
        )

    @classmethod
    def summary(cls, results: Sequence[Shattered]) -> Table:
        return Table(
            (_("network"), _("iteration"), *(_("cosine, lag {lag}", lag=lag) for lag in LAGS)),
            tuple((one.net.label, one.net.iteration, *one.cosine.values()) for one in results),
        )

    @classmethod
    def figure(cls, results: Sequence[Shattered]) -> Figure:
        found = ", ".join(
            _("{cosine:.2f} in {network}", cosine=one.cosine[1], network=name)
            for name, one in zip(short_names(results), results, strict=True)
        )
        share = np.arange(POINTS) / (POINTS - 1)
        scaled = [_scaled(one.traces[0]) for one in results]
        ends = _ends(scaled)
        traces = tuple(
            LineChart(
                _("{network}: the first line's trace", network=name),
                _("way from one image to the other"),
                _("gradient along the line, rms 1"),
                (Line(share, trace, "", one.net.ink, dashed=not one.net.residual),),
                level=0.0,
                y_range=ends,
            )
            for name, one, trace in zip(short_names(results), results, scaled, strict=True)
        )
        lags = LineChart(
            _("Cosine by distance"),
            _("steps apart"),
            _("cosine"),
            tuple(
                Line(
                    np.asarray(LAGS, np.float64),
                    np.asarray(list(one.cosine.values())),
                    one.net.title,
                    one.net.ink,
                    dashed=not one.net.residual,
                )
                for one in results
            ),
            level=0.0,
        )
        return Figure(
            _("Cosine of the input gradients of neighbouring images: {found}", found=found),
            (*traces, lags),  # side by side, on the same scale; what they come to across the whole width
            columns=2,
        )


def _ends(traces: Sequence[Numbers]) -> tuple[float, float] | None:
    """Of an axis that all traces share; None where none has a finite value."""
    finite = np.concatenate([trace[np.isfinite(trace)] for trace in traces]) if traces else np.empty(0)
    largest = float(np.ceil(np.abs(finite).max())) if len(finite) else 0.0
    return (-largest, largest) if largest else None


def _scaled(trace: Numbers) -> Numbers:
    size = float(np.sqrt(np.mean(trace**2)))
    return trace / size if size else trace
