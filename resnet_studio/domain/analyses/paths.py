"""The paths' result: how many there are of each length, and how much of the gradient goes through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_studio.domain.analyses.charts import Figure, Line, LineChart
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.text import N_, _


class PathsSettings(AnalysisSettings):
    """With the number of paths drawn."""

    images: int = spec_field(
        N_("Images"),
        N_("How many images make the batch, drawn by the seed."),
        unit=N_("images"),
        simple=True,
        default=16,
        ge=2,
        le=10_000,
    )
    paths: int = spec_field(
        N_("Paths"),
        N_("How many paths of each length are drawn; those of a length that has fewer are all taken."),
        simple=True,
        default=5,
        ge=1,
        le=10_000,
    )


@dataclass(frozen=True, slots=True)
class PathsOfLength:
    """All paths through ``blocks`` branches.

    Attributes:
        paths: How many.
        norm: Mean norm of the gradient along one of them, over those drawn.
        share: ``paths`` times ``norm``, in 0..1 of the sum over all lengths: the paper's.
        sum_norm: Norm of the sum of their gradients.
        exact_share: Of the whole gradient, by its direction; all of them add up to 1.
        half_width: Of the 95 % interval of ``norm`` as the mean of all such paths; 0 where all were taken, NaN where it
            is not known.
    """

    blocks: int
    paths: int
    norm: float
    share: float
    sum_norm: float
    exact_share: float
    half_width: float = math.nan

    @property
    def norm_interval(self) -> tuple[float, float]:
        return max(self.norm - self.half_width, 0.0), self.norm + self.half_width

    @property
    def share_interval(self) -> tuple[float, float]:
        """Likewise of ``share``, the other lengths as they were measured; NaN where it is not known."""
        odds = self.share / (1 - self.share) if self.share < 1 else math.nan
        low, high = ((odds * norm / self.norm if self.norm else math.nan) for norm in self.norm_interval)
        return low / (1 + low), high / (1 + high)


@dataclass(frozen=True, eq=False)
class Paths(AnalysisResult):
    """Of one network.

    Attributes:
        lengths: Those there are, short first.
        layers: How many paths go through so many weighted layers, stem, last layer and projections on the way counted:
            (layers, paths), short first.
        gradient_norm: Of the whole gradient.
        images: In the batch.
        drawn: Paths of each length, at most; none is drawn twice.
    """

    net: Net
    lengths: tuple[PathsOfLength, ...]
    layers: tuple[tuple[int, int], ...]
    gradient_norm: float
    images: int
    drawn: int

    def span(self, share: float) -> tuple[int, int]:
        """The shortest and the longest path, in branches, of the fewest lengths that hold ``share`` of the gradient.

        The lengths are neighbours; the gradient is that of the paper's measurement.
        """
        shares = np.nan_to_num(np.array([each.share for each in self.lengths]))
        sums = np.concatenate(([0.0], np.cumsum(shares)))
        spans = [
            (last - first, first, last - 1)
            for first in range(len(shares))
            for last in range(first + 1, len(sums))
            if sums[last] - sums[first] >= share - 1e-9
        ]
        _width, first, last = min(spans, default=(0, 0, len(shares) - 1))
        return self.lengths[first].blocks, self.lengths[last].blocks

    @classmethod
    def table(cls, results: Sequence[Paths]) -> Table:
        return Table(
            (
                _("network"), _("branches"), _("paths"), _("gradient of one"), _("share"), _("gradient of all"),
                _("exact share"),
            ),
            tuple(
                (one.net.label, each.blocks, each.paths, each.norm, each.share, each.sum_norm, each.exact_share)
                for one in results
                for each in one.lengths
            ),
        )  # fmt: skip

    @classmethod
    def summary(cls, results: Sequence[Paths]) -> Table:
        rows: list[tuple[object, ...]] = []
        for one in results:
            paths = sum(each.paths for each in one.lengths)
            shortest, longest = one.span(0.95)
            mean = sum(each.blocks * each.share for each in one.lengths)
            rows.append((one.net.label, one.net.iteration, paths, mean, f"{shortest}-{longest}", one.gradient_norm))
        return Table(
            (
                _("network"), _("iteration"), _("paths"), _("mean length by gradient"), _("lengths with 95 % of it"),
                _("gradient norm"),
            ),
            tuple(rows),
        )  # fmt: skip

    @classmethod
    def figure(cls, results: Sequence[Paths]) -> Figure:
        length = _("branches on the path")
        return Figure(
            _title(results),
            (
                LineChart(_("How many paths"), length, _("paths"), _lines(results, "paths"), log=True),
                LineChart(
                    _("Gradient of one path"),
                    length,
                    _("gradient norm"),
                    _lines(results, "norm", "norm_interval"),
                    log=True,
                ),
                LineChart(
                    _("Share of the gradient"),
                    length,
                    _("share"),
                    _lines(results, "share", "share_interval"),
                    from_zero=True,
                ),
                LineChart(
                    _("Share by direction, exact"), length, _("share"), _lines(results, "exact_share"), level=0.0
                ),
            ),
            columns=2,
        )


def _title(results: Sequence[Paths]) -> str:
    spans, single = [], []
    for name, one in zip(short_names(results), results, strict=True):
        if sum(each.paths for each in one.lengths) == 1:
            single.append(_("{network} has a single path", network=name))
        else:
            spans.append(_span_in(name, one))
    found = _("95 % of the gradient goes through paths of {found}", found=", ".join(spans)) if spans else ""
    return "; ".join(filter(None, (found, *single)))


def _span_in(network: str, one: Paths) -> str:
    shortest, longest = one.span(0.95)
    blocks = one.lengths[-1].blocks
    if shortest == longest:
        return _("{length} of {blocks} blocks in {network}", length=longest, blocks=blocks, network=network)
    return _(
        "{shortest} to {longest} of {blocks} blocks in {network}",
        shortest=shortest,
        longest=longest,
        blocks=blocks,
        network=network,
    )


def _lines(results: Sequence[Paths], name: str, interval: str = "") -> tuple[Line, ...]:
    """A plain net's only path is a point."""

    def ends(one: Paths, place: int) -> np.ndarray | None:
        return np.array([getattr(each, interval)[place] for each in one.lengths], np.float64) if interval else None

    lines = NetLines.of(results)
    return tuple(
        lines.line(
            one.net,
            np.array([each.blocks for each in one.lengths], np.float64),
            np.array([float(getattr(each, name)) for each in one.lengths]),
            points=len(one.lengths) == 1,
            low=ends(one, 0),
            high=ends(one, 1),
        )
        for one in results
    )
