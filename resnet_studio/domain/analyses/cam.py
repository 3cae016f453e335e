"""Class activation maps' result: where in images a class is seen, and whether the maps depend on the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.analyses.block_axis import BlockAxis
from resnet_studio.domain.analyses.charts import Figure, LineChart, Panel, Picture
from resnet_studio.domain.analyses.overlay import blended, overlay, upsampled
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Numbers, Pixels, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.domain.text_numbers import fixed, percent
from resnet_studio.text import N_, _

_SHOWN = 4  # images in the figure

# The check's words, wherever it is shown.
CHECK = N_("Randomised-weights check")
CHECK_SAYS = N_("A map that looks the same with random weights says nothing about what was learned.")
TRUE_MAP = N_("true map")
LAST_RANDOM = N_("last layer random")
ALL_RANDOM = N_("all random")

_HIGH, _LOW = 0.7, 0.3  # rank correlations
_ALIKE = N_(
    "Maps made with a random last layer look nearly the same (rank correlation {found}): they show little of what that "
    "layer learned"
)
_PARTLY = N_(
    "Maps made with a random last layer look partly the same (rank correlation {found}): they show in part what that "
    "layer learned"
)
_UNLIKE = N_(
    "Maps made with a random last layer look different (rank correlation {found}): they show what that layer learned"
)


class MapOf(StrEnum):
    """Which class a map is of."""

    PREDICTED = N_("predicted")
    LABEL = N_("label")


class CamSettings(AnalysisSettings):
    """Few images: each has its maps."""

    images: int = spec_field(
        N_("Images"),
        N_("How many images are looked at, drawn by the seed."),
        unit=N_("images"),
        simple=True,
        default=8,
        ge=2,
        le=1000,
    )
    map_of: MapOf = spec_field(
        N_("Map of"),
        N_("Of the class that the network names, or of the image's own."),
        default=MapOf.PREDICTED,
    )
    block: str = spec_field(
        N_("Block"),
        N_("Where Grad-CAM looks, like stage2.block1; at the end of each stage if unset."),
        default="",
    )


@dataclass(frozen=True, eq=False)
class ImageMaps:
    """The maps of one image.

    Attributes:
        name: What the data set calls it.
        label: Its class.
        map_of: The class that the maps are of.
        probability: Of that class, 0..1.
        pixels: (S, S, 3).
        cam: (h, w) in logits; empty where pooling is not global.
        grad_cam: (h, w) for each block of the result, at least 0.
    """

    name: str
    label: str
    map_of: str
    probability: float
    pixels: Pixels
    cam: Numbers
    grad_cam: tuple[Numbers, ...]

    @property
    def best(self) -> npt.NDArray[np.float64]:
        """The exact map, or Grad-CAM of the last block."""
        return self.cam if self.cam.size else self.grad_cam[-1]


@dataclass(frozen=True, slots=True)
class RandomisedPart:
    """``part`` and all that follows it drawn anew: Spearman's correlation with the true map, -1..1."""

    part: str
    correlation: float


@dataclass(frozen=True, eq=False)
class Cam(AnalysisResult):
    """Maps of one network; ``blocks`` are those of Grad-CAM, ``randomised`` begins with the last layer."""

    net: Net
    blocks: tuple[str, ...]
    images: tuple[ImageMaps, ...]
    randomised: tuple[RandomisedPart, ...]

    @property
    def chosen(self) -> str:
        """The block that Grad-CAM was made of alone, where there is the exact map too; else empty."""
        return self.blocks[0] if len(self.blocks) == 1 and self.images[0].cam.size else ""

    def pictures(self, network: str, image: ImageMaps) -> list[Picture]:
        """The image under its map, and under Grad-CAM of the block that was chosen; ``network`` is called so."""
        found = [Picture(_picture_title(network, image), drawn(image), "" if image.cam.size else self.blocks[-1])]
        if self.chosen:
            title = _(
                "{network}, Grad-CAM at {block}: up to {value:.3g}",
                network=network,
                block=self.chosen,
                value=float(image.grad_cam[0].max()),
            )
            found.append(Picture(title, _under(image, image.grad_cam[0]), self.chosen))
        return found

    @classmethod
    def table(cls, results: Sequence[Cam]) -> Table:
        rows: list[tuple[object, ...]] = []
        for one in results:
            for image in one.images:
                kinds = [("cam", image.cam), *zip(one.blocks, image.grad_cam, strict=True)]
                rows += [
                    (one.net.label, image.name, image.label, image.map_of, image.probability, kind, y, x, float(value))
                    for kind, values in kinds
                    for (y, x), value in np.ndenumerate(values)
                ]
            rows += [
                (one.net.label, "", "", "", "", "randomised", each.part, "", each.correlation)
                for each in one.randomised
            ]
        columns = (
            _("network"), _("image"), _("label"), _("map of"), _("probability"), _("map"), _("row"), _("column"),
            _("value"),
        )  # fmt: skip
        return Table(columns, tuple(rows))

    @classmethod
    def summary(cls, results: Sequence[Cam]) -> Table:
        return Table(
            (_("network"), _("iteration"), _("images"), _("map"), _(LAST_RANDOM), _(ALL_RANDOM)),
            tuple(
                (
                    one.net.label,
                    one.net.iteration,
                    len(one.images),
                    "CAM" if one.images[0].cam.size else "Grad-CAM",
                    one.randomised[0].correlation,
                    one.randomised[-1].correlation,
                )
                for one in results
            ),
        )

    @classmethod
    def figure(cls, results: Sequence[Cam]) -> Figure:
        panels: list[Panel] = []
        for place in range(min(_SHOWN, *(len(one.images) for one in results))):
            first = results[0].images[place]
            panels.append(Picture(f"{first.label}, {first.name.rpartition('/')[2]}", first.pixels))
            for name, one in zip(short_names(results), results, strict=True):
                panels += one.pictures(name, one.images[place])
        drawn_as = NetLines.of(results)
        parts = [tuple(each.part for each in one.randomised) for one in results]
        axis = BlockAxis.of(parts, backward=True)
        lines = [
            drawn_as.line(
                one.net, axis.places(names), np.array([each.correlation for each in one.randomised]), names=names
            )
            for one, names in zip(results, parts, strict=True)
        ]
        panels.append(
            LineChart(
                _(CHECK),
                _("parts drawn anew, from the last layer down"),
                _("rank correlation with the true map"),
                tuple(lines),
                level=0.0,
                ticks=axis.ticks,
            )
        )
        return Figure(
            _title(results),
            tuple(panels),
            columns=1 + sum(1 + bool(one.chosen) for one in results),
        )


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of one image's true map to those of random weights: Spearman's rank correlation, -1..1.

    Attributes:
        last_layer: With the last layer's weights drawn anew.
        everything: With all weights drawn anew.
    """

    last_layer: float
    everything: float

    @property
    def short(self) -> str:
        return _("rank correlation {value}", value=_two_places(self.everything))

    @property
    def sentence(self) -> str:
        return _(
            "{check}: rank correlation with the true map {last} ({last_random}), {every} ({all_random}).",
            check=_(CHECK),
            last=_two_places(self.last_layer),
            last_random=_(LAST_RANDOM),
            every=_two_places(self.everything),
            all_random=_(ALL_RANDOM),
        )


def drawn(image: ImageMaps) -> npt.NDArray[np.uint8]:
    """The image under its map, uint8 (S, S, 3)."""
    return _under(image, image.best)


def _under(image: ImageMaps, values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    height, width = image.pixels.shape[:2]
    return blended(image.pixels, overlay(upsampled(values, height, width)))


def _title(results: Sequence[Cam]) -> str:
    """What the randomised last layer says of the maps, the networks of one finding together."""
    alike: dict[str, list[str]] = {}
    for name, one in zip(short_names(results), results, strict=True):
        correlation = one.randomised[0].correlation
        finding = _ALIKE if correlation >= _HIGH else _UNLIKE if correlation <= _LOW else _PARTLY
        found = _("{value} in {network}", value=_two_places(correlation), network=name)
        alike.setdefault(finding, []).append(found)
    return ". ".join(_(finding, found=", ".join(names)) for finding, names in alike.items())


def _two_places(value: float) -> str:
    return fixed(value, digits=2)


def _picture_title(network: str, image: ImageMaps) -> str:
    return _(
        "{network}: {name} {share}, up to {value:.3g}",
        network=network,
        name=image.map_of,
        share=percent(100 * image.probability, digits=0, space="\N{NO-BREAK SPACE}"),
        value=float(image.best.max()),
    )
