"""Similarity's result: CKA of all layers of one network with all of another, or of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.analyses.charts import Figure, HeatMap
from resnet_studio.domain.analyses.result import AnalysisResult, Net, Numbers, Table, names_of
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.domain.text_numbers import fixed
from resnet_studio.text import N_, _

FEWEST = 4  # images of a batch: the unbiased estimate divides by their number - 3

CAUTIONS = (
    N_("A high value says that two layers order the images alike, not that they compute the same."),
    N_(
        "A few directions of large variance decide it: a change in them that no later layer notices can lower it, and "
        "other changes leave it as it is (Davari et al. 2023, arXiv:2210.16156)."
    ),
    N_(
        "Images that are alike already as pixels raise it in any network, an untrained one too (Cui et al. 2022, "
        "arXiv:2202.00095): compare with the untrained design."
    ),
    N_("It is an estimate from these images: near 0 it may be negative, and with few images it scatters."),
)
"""What CKA does not say."""


class SimilaritySettings(AnalysisSettings):
    """Images go through in batches, and similarity is estimated over them."""

    images: int = spec_field(
        N_("Images"),
        N_("How many images are looked at, drawn by the seed."),
        unit=N_("images"),
        simple=True,
        default=512,
        ge=FEWEST,
        le=1_000_000,
    )
    batch: int = spec_field(
        N_("Batch"),
        N_("How many of them are compared at a time."),
        unit=N_("images"),
        default=128,
        ge=FEWEST,
        le=2048,
    )


@dataclass(frozen=True, eq=False)
class Similarity(AnalysisResult):
    """CKA of the layers of ``net`` (rows) with those of ``other`` (columns), which may be the same network.

    Attributes:
        layers, other_layers: Names, in the order of the forward pass.
        values: (rows, columns), about 0..1; never NaN.
        constant, other_constant: Layers that are similar to nothing, with values of 0: they give all images the same,
            or numbers that are not finite.
        compared: How many images it is estimated from.
    """

    net: Net
    other: Net
    layers: tuple[str, ...]
    other_layers: tuple[str, ...]
    values: Numbers
    constant: tuple[str, ...]
    other_constant: tuple[str, ...]
    compared: int

    @property
    def nets(self) -> tuple[Net, ...]:
        return (self.net,) if self.net == self.other else (self.net, self.other)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        other = values.get("other")
        return super().from_json({**values, "other": Net.from_json(other) if isinstance(other, Mapping) else None})

    @property
    def beside(self) -> npt.NDArray[np.float64]:
        """Of layers at the same depth: the diagonal of two networks, neighbours of a single one."""
        same = self.net == self.other
        return self.values.diagonal(1) if same else self.values.diagonal()

    def title(self, names: Mapping[Net, str]) -> str:
        if self.net == self.other:
            return names[self.net]
        return _("{network} and {other}", network=names[self.net], other=names[self.other])

    @classmethod
    def table(cls, results: Sequence[Similarity]) -> Table:
        return Table(
            (_("network"), _("layer"), _("other network"), _("other layer"), _("CKA")),
            tuple(
                (one.net.label, one.layers[row], one.other.label, one.other_layers[column], float(value))
                for one in results
                for (row, column), value in np.ndenumerate(one.values)
            ),
        )

    @classmethod
    def summary(cls, results: Sequence[Similarity]) -> Table:
        return Table(
            (_("network"), _("other network"), _("layers"), _("other layers"), _("mean CKA"),
             _("of neighbours or equal depth"), _("constant layers")),
            tuple(
                (
                    one.net.label, one.other.label, len(one.layers), len(one.other_layers), float(one.values.mean()),
                    float(one.beside.mean()), len(one.constant),
                )
                for one in results
            ),
        )  # fmt: skip

    @classmethod
    def figure(cls, results: Sequence[Similarity]) -> Figure:
        names = names_of(results)
        found = ", ".join(
            _("{value} for {networks}", value=fixed(float(one.values.mean()), digits=2), networks=one.title(names))
            for one in results
        )
        panels = tuple(
            HeatMap(
                one.title(names),
                _("layer of {network}", network=names[one.other]),
                _("layer of {network}", network=names[one.net]),
                one.values,
                low=0.0,
                high=1.0,
                rows=one.layers,
                columns=one.other_layers,
            )
            for one in results
        )
        return Figure(_("Mean CKA of all pairs of layers: {found}", found=found), panels, columns=min(3, len(panels)))
