"""The loss surface's result: the loss on a square about a network's weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.analyses.charts import Figure, HeatMap, LineChart, Panel
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Numbers, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.domain.text_numbers import percent
from resnet_studio.text import N_, _

SIDES = (5, 9, 17, 33)
_SCALE = 2.0  # times the loss of guessing, or of the networks themselves where more: the upper end of the colours


class Side(StrEnum):
    """Points a side of the finest grid, of :data:`SIDES`."""

    FIVE = "5"
    NINE = "9"
    SEVENTEEN = "17"
    THIRTY_THREE = "33"


class SurfaceSettings(AnalysisSettings):
    """The more points, the longer: 17 a side are 289 losses, 33 are 1 089."""

    side: Side = spec_field(
        N_("Points a side"),
        N_("Of the finest grid; coarser ones come first."),
        default=Side.SEVENTEEN,
    )
    line: bool = spec_field(
        N_("Line alone"),
        N_("Only along the first direction."),
        default=False,
    )
    span: float = spec_field(
        N_("Span"),
        N_("How far the weights are moved to each side, 1: as far as each filter is from zero."),
        default=1.0,
        gt=0,
        le=100,
    )


class OnSquare:
    """What follows from losses on a square grid about the weights; see :class:`Surface`."""

    side: int
    span: float
    loss: Numbers

    @property
    def positions(self) -> npt.NDArray[np.float64]:
        """Of columns and of rows."""
        return np.linspace(-self.span, self.span, self.side)

    @property
    def line(self) -> npt.NDArray[np.float64]:
        """The loss along the first direction."""
        row: npt.NDArray[np.float64] = self.loss[self.side // 2]
        return row

    @property
    def centre(self) -> float:
        """The network's own loss."""
        return float(self.loss[self.side // 2, self.side // 2])


@dataclass(frozen=True, eq=False)
class Surface(OnSquare, AnalysisResult):
    """The surface of one network.

    Attributes:
        classes: Of the network; who guesses has a loss of their natural logarithm.
        side: Points a side.
        span: Both directions go from -span to span.
        loss: (side, side), row: second direction, column: first, both rising; nats, infinite where too large. NaN but
            in the middle row where only the line was measured.
        error_percent: Top-1 error of the same images, likewise.
    """

    net: Net
    classes: int
    side: int
    span: float
    loss: Numbers
    error_percent: Numbers

    @property
    def is_line(self) -> bool:
        return bool(np.isnan(self.loss).any())

    @property
    def guessing(self) -> float:
        """The loss of who gives every class the same probability."""
        return math.log(self.classes)

    @property
    def below_guessing(self) -> float:
        """Share of the points whose loss is below that of guessing, 0..1."""
        known = self.loss[~np.isnan(self.loss)]
        return float((known < self.guessing).mean())

    @classmethod
    def table(cls, results: Sequence[Surface]) -> Table:
        return Table(
            (_("network"), _("first direction"), _("second direction"), _("loss"), _("error in percent")),
            tuple(
                (one.net.label, float(one.positions[column]), float(one.positions[row]), float(loss),
                 float(one.error_percent[row, column]))
                for one in results
                for (row, column), loss in np.ndenumerate(one.loss)
                if not math.isnan(loss)
            ),
        )  # fmt: skip

    @classmethod
    def summary(cls, results: Sequence[Surface]) -> Table:
        return Table(
            (_("network"), _("iteration"), _("points"), _("loss at the centre"), _("lowest loss"),
             _("share below guessing")),
            tuple(
                (
                    one.net.label, one.net.iteration, int((~np.isnan(one.loss)).sum()), one.centre,
                    float(np.nanmin(one.loss)), one.below_guessing,
                )
                for one in results
            ),
        )  # fmt: skip

    @classmethod
    def figure(cls, results: Sequence[Surface]) -> Figure:
        found = ", ".join(
            _("{share} in {network}", share=percent(100 * one.below_guessing, digits=0), network=name)
            for name, one in zip(short_names(results), results, strict=True)
        )
        high = _SCALE * max(loss for one in results for loss in (one.guessing, one.centre) if math.isfinite(loss))
        drawn = NetLines.of(results)
        lines = tuple(drawn.line(one.net, one.positions, one.line) for one in results)
        panels: list[Panel] = [
            LineChart(_("Along the first direction"), _("share of the filters' norm"), _("loss"), lines, log=True,
                      level=results[0].guessing)
        ]  # fmt: skip
        panels += [
            HeatMap(
                _("{network}: loss, at most {high:.2g} shown", network=name, high=high),
                _("first direction"),
                _("second direction"),
                np.minimum(one.loss, high),
                low=0.0,
                high=high,
                x=(-one.span, one.span),
                y=(-one.span, one.span),
            )
            for name, one in zip(short_names(results), results, strict=True)
            if not one.is_line
        ]
        return Figure(
            _("Weights around the net whose loss is below that of guessing: {found}", found=found),
            tuple(panels),
            columns=min(3, len(panels)),
        )
