"""The construction's result: how far a deeper plain net, built from a shallower one, is from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from resnet_studio.domain.analyses.block_axis import BlockAxis
from resnet_studio.domain.analyses.charts import Figure, LineChart
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.network_spec import MAX_DEPTH
from resnet_studio.domain.spec import spec_field
from resnet_studio.text import N_, _


class ConstructSettings(AnalysisSettings):
    """With the depth of the deeper net."""

    images: int = spec_field(
        N_("Images"),
        N_("Training images, drawn by the seed, whose activations give the added layers their statistics."),
        unit=N_("images"),
        simple=True,
        default=1000,
        ge=2,
        le=1_000_000,
    )
    depth: int = spec_field(
        N_("Depth"),
        N_("Weighted layers of the deeper net, of the same family. 0: the next depth of its rule."),
        unit=N_("layers"),
        simple=True,
        default=0,
        ge=0,
        le=MAX_DEPTH,
    )


@dataclass(frozen=True, slots=True)
class AddedBlock:
    """How far an added block is from the identity: norm(F(x) - x) / norm(x).

    The norms are Euclidean, over images, channels and positions; x is what enters the block in the deeper net in test
    mode, behind the max pool where one ends the block. 0: the identity. NaN where nothing enters.
    """

    name: str
    distance: float


@dataclass(frozen=True, eq=False)
class Construction(AnalysisResult):
    """A trained plain net and the deeper one built from it, on the same images in test mode.

    Attributes:
        deeper: The deeper net as the paper writes it.
        difference: Largest absolute difference of two logits, in float32.
        changed: Images whose answer is another one.
        images: Looked at.
        added: The blocks that the deeper one has more, in its order.
        new_run: Id of the stored run that holds the deeper net's weights; empty where it was not stored.
    """

    net: Net
    deeper: str
    difference: float
    changed: int
    images: int
    added: tuple[AddedBlock, ...]
    new_run: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "new_run": self.new_run or None}

    @classmethod
    def from_json(cls, values: Any) -> Construction:
        return super().from_json({**values, "new_run": values.get("new_run") or ""})

    @classmethod
    def table(cls, results: Sequence[Construction]) -> Table:
        return Table(
            (_("network"), _("deeper net"), _("added block"), _("distance from the identity")),
            tuple((one.net.label, one.deeper, each.name, each.distance) for one in results for each in one.added),
        )

    @classmethod
    def summary(cls, results: Sequence[Construction]) -> Table:
        return Table(
            (
                _("network"), _("iteration"), _("deeper net"), _("added blocks"), _("largest difference"),
                _("other answers"), _("new run"),
            ),
            tuple(
                (
                    one.net.label, one.net.iteration, one.deeper, len(one.added), one.difference, one.changed,
                    one.new_run[:8],
                )
                for one in results
            ),
        )  # fmt: skip

    @classmethod
    def figure(cls, results: Sequence[Construction]) -> Figure:
        found = ", ".join(
            _(
                "{difference:.2g} between {network} and {deeper}",
                difference=one.difference,
                network=name,
                deeper=one.deeper,
            )
            for name, one in zip(short_names(results), results, strict=True)
        )
        drawn, names = NetLines.of(results), [tuple(each.name for each in one.added) for one in results]
        axis = BlockAxis.of(names)
        lines = tuple(
            drawn.line(one.net, axis.places(own), np.array([each.distance for each in one.added]), names=own)
            for one, own in zip(results, names, strict=True)
        )
        return Figure(
            _("Largest difference of two outputs: {found}", found=found),
            (
                LineChart(
                    _("Distance of each added block from the identity"),
                    _("added block"),
                    _("distance from the identity"),
                    lines,
                    from_zero=True,
                    ticks=axis.ticks,
                ),
            ),
        )
