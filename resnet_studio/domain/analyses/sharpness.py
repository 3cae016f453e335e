"""Sharpness' result: the largest eigenvalue of the loss's Hessian, and how it was come by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_studio.domain.analyses.charts import Figure, LineChart
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Table, short_names
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.spec import spec_field
from resnet_studio.domain.text_numbers import true_minus
from resnet_studio.text import N_, _

CAUTION = N_(
    "Weights before batch norm have no scale: the same function with weights of half the size is four times as sharp "
    "in them (Dinh et al. 2017, arXiv:1703.04933). Compare networks by the relative sharpness."
)


class SharpnessSettings(AnalysisSettings):
    """Few images: each step of the method differentiates their gradient."""

    images: int = spec_field(
        N_("Images"),
        N_("How many images the loss is a mean over, drawn by the seed."),
        unit=N_("images"),
        simple=True,
        default=64,
        ge=2,
        le=1_000_000,
    )
    relative: bool = spec_field(
        N_("Relative"),
        N_("Of the Hessian in units of each filter's norm, batch norm and biases left out: comparable between nets."),
        default=False,
    )
    tolerance: float = spec_field(
        N_("Tolerance"),
        N_("How close to an eigenvalue the result has to be, as a share of it."),
        default=0.01,
        gt=0,
        lt=1,
    )


@dataclass(frozen=True, slots=True)
class LanczosStep:
    """The highest and the lowest Ritz value after one more product with the Hessian.

    The highest one is within ``bound`` of an eigenvalue.
    """

    highest: float
    bound: float
    lowest: float


@dataclass(frozen=True, eq=False)
class Sharpness(AnalysisResult):
    """Of one network.

    Attributes:
        relative: Whether the Hessian is in units of each filter's norm.
        eigenvalue: The largest one; infinite where the loss or its curvature is too large for float32.
        bound: An eigenvalue lies this close to it.
        lowest: Estimate of the smallest eigenvalue, from above: below 0 where the loss bends downwards.
        converged: Whether the bound is within the tolerance.
        steps: One a product with the Hessian.
    """

    net: Net
    relative: bool
    eigenvalue: float
    bound: float
    lowest: float
    converged: bool
    steps: tuple[LanczosStep, ...]

    @classmethod
    def table(cls, results: Sequence[Sharpness]) -> Table:
        return Table(
            (_("network"), _("product"), _("largest eigenvalue"), _("within"), _("smallest eigenvalue")),
            tuple(
                (one.net.label, number, step.highest, step.bound, step.lowest)
                for one in results
                for number, step in enumerate(one.steps, start=1)
            ),
        )

    @classmethod
    def summary(cls, results: Sequence[Sharpness]) -> Table:
        return Table(
            (_("network"), _("iteration"), _("largest eigenvalue"), _("within"), _("smallest eigenvalue"),
             _("products")),
            tuple(
                (one.net.label, one.net.iteration, one.eigenvalue, one.bound, one.lowest, len(one.steps))
                for one in results
            ),
        )  # fmt: skip

    @classmethod
    def figure(cls, results: Sequence[Sharpness]) -> Figure:
        found = ", ".join(
            _("{value} in {network}", value=true_minus(f"{one.eigenvalue:.3g}"), network=name)
            for name, one in zip(short_names(results), results, strict=True)
        )
        drawn = NetLines.of(results)
        lines = tuple(
            drawn.line(one.net, np.arange(1.0, len(one.steps) + 1), np.array([step.highest for step in one.steps]))
            for one in results
        )
        title = (
            _("Largest eigenvalue of the relative Hessian: {found}", found=found)
            if results[0].relative
            else _("Largest eigenvalue of the Hessian: {found}", found=found)
        )
        chart = LineChart(
            _("Estimate by product with the Hessian"), _("products"), _("largest eigenvalue"), lines, log=True
        )
        return Figure(title, (chart,))
