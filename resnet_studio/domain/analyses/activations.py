"""Activations' result: what each block makes of an image, its filters, and how far it is from the identity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.analyses.block_axis import BlockAxis
from resnet_studio.domain.analyses.charts import Figure, Line, LineChart, Panel, Picture
from resnet_studio.domain.analyses.overlay import colours
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Numbers, Pixels, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.domain.text_numbers import fixed
from resnet_studio.text import N_, _

STEM = "stem"


class ActivationsSettings(AnalysisSettings):
    """Distances are means over the images; the maps are of the first one."""

    images: int = spec_field(
        N_("Images"),
        N_("How many images distances are means over, drawn by the seed; maps are of the first one."),
        unit=N_("images"),
        simple=True,
        default=32,
        ge=1,
        le=10_000,
    )
    block: str = spec_field(
        N_("Block"),
        N_("The block whose maps and filters are shown, like stage2.block1, or stem; the end of each stage if unset."),
        default="",
    )
    channels: int = spec_field(
        N_("Channels"),
        N_("How many maps of a block, and filters of a layer, at most; the first ones."),
        default=16,
        ge=1,
        le=4096,
    )


@dataclass(frozen=True, eq=False)
class BlockView:
    """What leaves one block, or the stem.

    Attributes:
        channels: Of its output.
        maps: Of the first image: uint8 (maps shown, h, w) from ``low`` to ``high``; empty where none are shown.
        zeros: Share of all values of all images that are 0, 0..1.
        mean, largest: Of all values.
        distance: From the identity mapping, mean over the images, 0 or more; NaN for the stem.
        cosine: Of output and identity, likewise.
    """

    name: str
    channels: int
    maps: Pixels
    low: float
    high: float
    zeros: float
    mean: float
    largest: float
    distance: float
    cosine: float

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The maps in the network's own numbers, to a 255th of their range."""
        return self.low + self.maps / 255.0 * (self.high - self.low)


@dataclass(frozen=True, eq=False)
class LayerFilters:
    """A convolution's weights: (filters, input channels, kernel, kernel), perhaps the first of each alone."""

    name: str
    kernels: Numbers


@dataclass(frozen=True, eq=False)
class Activations(AnalysisResult):
    """Feature maps of one network.

    ``pixels`` (S, S, 3) is the first image, ``blocks`` are the stem and all blocks in the order of the forward pass.
    """

    net: Net
    name: str
    label: str
    pixels: Pixels
    blocks: tuple[BlockView, ...]
    filters: tuple[LayerFilters, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the blocks alone."""
        return tuple(each.name for each in self.blocks if each.name != STEM)

    @property
    def distances(self) -> npt.NDArray[np.float64]:
        """Of the blocks alone."""
        return np.array([each.distance for each in self.blocks if each.name != STEM])

    @property
    def cosines(self) -> npt.NDArray[np.float64]:
        """Of the blocks alone."""
        return np.array([each.cosine for each in self.blocks if each.name != STEM])

    @classmethod
    def table(cls, results: Sequence[Activations]) -> Table:
        columns = (
            _("network"), _("block"), _("channels"), _("distance from identity"), _("cosine"), _("share of zeros"),
            _("mean"), _("largest"),
        )  # fmt: skip
        return Table(
            columns,
            tuple(
                (
                    one.net.label,
                    each.name,
                    each.channels,
                    each.distance,
                    each.cosine,
                    each.zeros,
                    each.mean,
                    each.largest,
                )
                for one in results
                for each in one.blocks
            ),
        )

    @classmethod
    def summary(cls, results: Sequence[Activations]) -> Table:
        return Table(
            (_("network"), _("iteration"), _("blocks"), _("median distance from identity"), _("median cosine")),
            tuple(
                (one.net.label, one.net.iteration, len(one.distances), median(one.distances), median(one.cosines))
                for one in results
            ),
        )

    @classmethod
    def figure(cls, results: Sequence[Activations]) -> Figure:
        found = ", ".join(
            _("{value} in {network}", value=fixed(median(one.distances), digits=2), network=name)
            for name, one in zip(short_names(results), results, strict=True)
        )
        drawn, axis = NetLines.of(results), BlockAxis.of(one.names for one in results)
        charts = [
            LineChart(_("Distance of each block from the identity"), _("block"), _("norm of H(x) - x / norm of x"),
                      tuple(_line(drawn, axis, one, one.distances) for one in results), level=0.0,
                      ticks=axis.ticks),
            LineChart(_("Direction that each block keeps"), _("block"), _("cosine of H(x) and x"),
                      tuple(_line(drawn, axis, one, one.cosines) for one in results), level=1.0,
                      ticks=axis.ticks),
        ]  # fmt: skip
        pictures = [one.pictures(name) for name, one in zip(short_names(results), results, strict=True)]
        panels: list[Panel] = [*charts]
        for row in range(max(map(len, pictures))):  # plain beside residual
            panels += [own[row] for own in pictures if row < len(own)]
        return Figure(_("Median distance of a block from the identity: {found}", found=found), tuple(panels), columns=2)

    def pictures(self, network: str) -> list[Picture]:
        """The image, filters, and maps of the blocks that have some; ``network`` is called so."""
        found = [Picture(f"{network}: {self.label}, {self.name.rpartition('/')[2]}", self.pixels)]
        found += [Picture(f"{network}: {each.name}", filters_drawn(each), each.name) for each in self.filters]
        for each in self.blocks:
            if each.maps.size:
                title = _(
                    "{network}: {block}, {low:.3g} to {high:.3g}",
                    network=network,
                    block=each.name,
                    low=each.low,
                    high=each.high,
                )
                found.append(Picture(title, maps_drawn(each), each.name))
        return found


def median(values: npt.NDArray[np.float64]) -> float:
    """Of those that are numbers; NaN without any."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan


def maps_drawn(block: BlockView) -> npt.NDArray[np.uint8]:
    """A block's maps side by side on one scale, uint8 (H, W, 3)."""
    return _coloured(tiled(block.maps / 255.0, _columns(len(block.maps))))


def filters_drawn(layer: LayerFilters) -> npt.NDArray[np.uint8]:
    """A layer's kernels as an image, uint8 (H, W, 3).

    Those of three inputs are drawn as colours, each filter from its least to its largest weight; else a row a filter, a
    column an input channel, all on one scale about 0.
    """
    kernels = layer.kernels
    if kernels.shape[1] == 3:
        low, high = kernels.min((1, 2, 3), keepdims=True), kernels.max((1, 2, 3), keepdims=True)
        shares = (kernels - low) / np.where(high > low, high - low, 1.0)
        parts = [tiled(shares[:, colour], _columns(len(shares))) for colour in range(3)]
        picture = np.stack(parts, -1)
        return np.where(np.isnan(picture), 255.0, 255.0 * picture).round().astype(np.uint8)
    size = float(np.abs(kernels).max()) or 1.0
    rows, columns = kernels.shape[:2]
    return _coloured(tiled(0.5 + kernels.reshape(rows * columns, *kernels.shape[2:]) / (2 * size), columns))


def tiled(maps: npt.NDArray[np.floating], columns: int, gap: int = 1) -> npt.NDArray[np.float64]:
    """Maps side by side, row after row: (N, h, w) to one picture, NaN between them and where none is left."""
    count, height, width = maps.shape
    rows = math.ceil(count / columns)
    picture = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for number, values in enumerate(maps):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        picture[top : top + height, left : left + width] = values
    return picture


def _columns(count: int) -> int:
    return max(1, math.ceil(math.sqrt(count)))


def _coloured(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    picture = colours(shares)[..., :3]
    picture[np.isnan(shares)] = 255
    return picture


def _line(drawn: NetLines, axis: BlockAxis, one: Activations, values: npt.NDArray[np.float64]) -> Line:
    return drawn.line(one.net, axis.places(one.names), values, names=one.names)
