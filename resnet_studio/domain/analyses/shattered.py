"""The shattered gradients' result: how alike the input gradients of neighbouring images are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_studio.domain.analyses.charts import Figure, LineChart
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Numbers, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.domain.text_numbers import fixed
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


@dataclass(frozen=True, slots=True)
class BlockCosine:
    """Of the gradients at one block's input, before which ``layers`` weighted layers lie; ``cosine`` by lag."""

    name: str
    layers: int
    cosine: dict[int, float]


@dataclass(frozen=True, eq=False)
class Shattered(AnalysisResult):
    """Input gradients along straight lines between images, and the gradients at each block's input.

    Attributes:
        cosine: By lag in steps, the mean cosine of two gradients so far apart, over points and lines.
        cosines: (lines, lags), the same of each line.
        traces: (lines, 48), the gradient's component along the line: how steeply the output rises there.
        blocks: In the order of the forward pass; none in a result that was stored before they were measured.
    """

    net: Net
    cosine: dict[int, float]
    cosines: Numbers
    traces: Numbers
    blocks: tuple[BlockCosine, ...] = ()

    @property
    def by_depth(self) -> tuple[BlockCosine, ...]:
        """The image itself, at depth 0, and each block's input; empty without blocks."""
        return (BlockCosine(_("input"), 0, self.cosine), *self.blocks) if self.blocks else ()

    @classmethod
    def table(cls, results: Sequence[Shattered]) -> Table:
        rows: list[tuple[object, ...]] = []
        for one in results:
            rows += [
                (one.net.label, each.name, each.layers, *each.cosine.values(), "", "", "") for each in one.by_depth
            ]
        for one in results:
            rows += [
                (one.net.label, "", "", *("" for _lag in LAGS), line, point, value)
                for line, trace in enumerate(one.traces.tolist(), start=1)
                for point, value in enumerate(trace, start=1)
            ]
        columns = (
            _("network"), _("gradient at"), _("weighted layers"), *_lag_titles(), _("line"), _("point"),
            _("gradient along the line"),
        )  # fmt: skip
        return Table(columns, tuple(rows))

    @classmethod
    def summary(cls, results: Sequence[Shattered]) -> Table:
        return Table(
            (_("network"), _("iteration"), *_lag_titles()),
            tuple((one.net.label, one.net.iteration, *one.cosine.values()) for one in results),
        )

    @classmethod
    def figure(cls, results: Sequence[Shattered]) -> Figure:
        found = ", ".join(
            _("{cosine} in {network}", cosine=fixed(one.cosine[1], digits=2), network=name)
            for name, one in zip(short_names(results), results, strict=True)
        )
        share = np.arange(POINTS) / (POINTS - 1)
        scaled = [_scaled(one.traces[0]) for one in results]
        ends, lines = _ends(scaled), NetLines.of(results)
        traces = tuple(
            LineChart(
                _("{network}: the first line's trace", network=name),
                _("way from one image to the other"),
                _("gradient along the line, rms 1"),
                (lines.line(one.net, share, trace, named=False),),
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
                lines.line(one.net, np.asarray(LAGS, np.float64), np.asarray(list(one.cosine.values())))
                for one in results
            ),
            level=0.0,
        )
        return Figure(
            _("Cosine of the input gradients of neighbouring images: {found}", found=found),
            (*traces, lags, *_depth_chart(results)),  # traces side by side, on the same scale; then what they come to
            columns=2,
        )


def _depth_chart(results: Sequence[Shattered]) -> tuple[LineChart, ...]:
    """Of the results that have blocks; none without."""
    drawn = NetLines.of(results)
    lines = tuple(
        drawn.line(
            one.net,
            np.array([each.layers for each in one.by_depth], np.float64),
            np.array([each.cosine[1] for each in one.by_depth]),
            names=tuple(each.name for each in one.by_depth),
        )
        for one in results
        if one.blocks
    )
    if not lines:
        return ()
    title, across = _("Cosine by depth"), _("weighted layers before the block")
    return (LineChart(title, across, _("cosine, one step apart"), lines, level=0.0),)


def _lag_titles() -> tuple[str, ...]:
    return tuple(_("cosine, lag {lag}", lag=lag) for lag in LAGS)


def _ends(traces: Sequence[Numbers]) -> tuple[float, float] | None:
    """Of an axis that all traces share; None where none has a finite value."""
    finite = np.concatenate([trace[np.isfinite(trace)] for trace in traces]) if traces else np.empty(0)
    largest = float(np.ceil(np.abs(finite).max())) if len(finite) else 0.0
    return (-largest, largest) if largest else None


def _scaled(trace: Numbers) -> Numbers:
    size = float(np.sqrt(np.mean(trace**2)))
    return trace / size if size else trace
