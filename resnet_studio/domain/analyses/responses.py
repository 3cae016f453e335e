"""The layer responses' result: Figure 7 of He et al. 2015, and how far each block is from doing nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_studio.domain.analyses.block_axis import BlockAxis
from resnet_studio.domain.analyses.charts import Figure, Line, LineChart
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Table, rounded, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.text import N_, _


class ResponsesSettings(AnalysisSettings):
    """More images: nothing is kept of them."""

    images: int = spec_field(
        N_("Images"),
        N_("How many images are looked at, drawn by the seed."),
        unit=N_("images"),
        simple=True,
        default=512,
        ge=2,
        le=1_000_000,
    )


@dataclass(frozen=True, slots=True)
class LayerResponse:
    """One 3x3 layer and its response's standard deviation.

    The name is the convolution's, the number, from 1, its place among the weighted layers.
    """

    name: str
    layer: int
    std: float


@dataclass(frozen=True, slots=True)
class BlockResponse:
    """One block: Euclidean norms over all images, channels and positions."""

    name: str
    branch_norm: float
    input_norm: float

    @property
    def ratio(self) -> float:
        """norm(F(x)) / norm(x); NaN without an input."""
        return self.branch_norm / self.input_norm if self.input_norm else float("nan")


@dataclass(frozen=True, eq=False)
class Responses(AnalysisResult):
    """Responses of one network; ``layers`` and ``blocks`` in the order of the forward pass."""

    net: Net
    layers: tuple[LayerResponse, ...]
    blocks: tuple[BlockResponse, ...]

    def to_json(self) -> dict[str, object]:
        ratios = [block.ratio for block in self.blocks]
        return {**super().to_json(), "ratios": ratios}

    @classmethod
    def table(cls, results: Sequence[Responses]) -> Table:
        rows: list[tuple[object, ...]] = []
        for one in results:
            rows += [(one.net.label, "layer", each.name, each.layer, each.std) for each in one.layers]
            rows += [
                (one.net.label, "block", each.name, number, each.ratio) for number, each in enumerate(one.blocks, 1)
            ]
        return Table((_("network"), _("kind"), _("name"), _("number"), _("value")), tuple(rows))

    @classmethod
    def summary(cls, results: Sequence[Responses]) -> Table:
        return Table(
            (_("network"), _("iteration"), _("3x3 layers"), _("median std"), _("mean std"), _("median |F(x)|/|x|")),
            tuple(
                (
                    one.net.label,
                    one.net.iteration,
                    len(one.layers),
                    float(np.median(one.stds)) if one.layers else float("nan"),
                    float(np.mean(one.stds)) if one.layers else float("nan"),
                    float(np.median([block.ratio for block in one.blocks])),
                )
                for one in results
            ),
        )

    @property
    def stds(self) -> np.ndarray:
        return np.array([layer.std for layer in self.layers])

    @classmethod
    def figure(cls, results: Sequence[Responses]) -> Figure:
        found = ", ".join(
            _("{std} in {network}", std=rounded(float(np.median(one.stds))), network=name)
            for name, one in zip(short_names(results), results, strict=True)
            if one.layers
        )
        numbers = [np.array([layer.layer for layer in one.layers], np.float64) for one in results]
        axis = BlockAxis.of([block.name for block in one.blocks] for one in results)
        ranks = [np.arange(1.0, len(one.layers) + 1) for one in results]
        return Figure(
            _("Median response of a 3x3 layer: {found}", found=found),
            (
                LineChart(
                    _("By layer"),
                    _("layer"),
                    _("standard deviation"),
                    _lines(results, numbers, [one.stds for one in results], [one.layers for one in results]),
                    from_zero=True,
                ),
                LineChart(
                    _("Sorted"),
                    _("layers, largest first"),
                    _("standard deviation"),
                    _lines(
                        results,
                        ranks,
                        [np.sort(one.stds)[::-1] for one in results],
                        [_largest_first(one.layers) for one in results],
                    ),
                    from_zero=True,
                ),
                LineChart(
                    _("What a block adds"),
                    _("block"),
                    _("norm of F(x) / norm of x"),
                    _lines(
                        results,
                        [axis.places([block.name for block in one.blocks]) for one in results],
                        [np.array([block.ratio for block in one.blocks]) for one in results],
                        [one.blocks for one in results],
                    ),
                    log=True,
                    ticks=axis.ticks,
                ),
            ),
            columns=3,
        )


def _largest_first(layers: Sequence[LayerResponse]) -> list[LayerResponse]:
    return sorted(layers, key=lambda layer: -layer.std)


def _lines(
    results: Sequence[Responses],
    x: Sequence[np.ndarray],
    y: Sequence[np.ndarray],
    of: Sequence[Sequence[LayerResponse | BlockResponse]],
) -> tuple[Line, ...]:
    lines = NetLines.of(results)
    return tuple(
        lines.line(one.net, places, values, names=tuple(each.name for each in parts))
        for one, places, values, parts in zip(results, x, y, of, strict=True)
    )
