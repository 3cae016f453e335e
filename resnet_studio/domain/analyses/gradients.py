"""Gradients and updates by depth as a run measured them while it trained: read from its series, not measured anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from resnet_studio.domain.analyses.charts import Figure, HeatMap
from resnet_studio.domain.analyses.result import AnalysisResult, Net, Numbers, Table, rounded
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import LAYERED, Series
from resnet_studio.text import N_, _

DEFINITION = N_(
    "While training, of each weighted layer: Euclidean norm of the loss's gradient with respect to its weights, before "
    "weight decay; and norm of the update, with momentum and weight decay, over the norm of the weights before it."
)


@dataclass(frozen=True, eq=False)
class Gradients(AnalysisResult):
    """What one run measured.

    Attributes:
        iterations: (points,), of the updates that were measured.
        layers: Names of those that count towards the depth, in the order of the forward pass.
        norms: (points, layers), norms of the gradient.
        ratios: (points, layers), size of the update over size of the weights.
    """

    net: Net
    iterations: tuple[int, ...]
    layers: tuple[str, ...]
    norms: Numbers
    ratios: Numbers

    @property
    def growth(self) -> tuple[float, float]:
        """Norm at the first layer over norm at the last convolution, at the first and the last measurement."""
        last = -2 if len(self.layers) > 1 else -1
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = np.divide(self.norms[:, 0], self.norms[:, last])
        return float(grown[0]), float(grown[-1])

    @classmethod
    def table(cls, results: Sequence[Gradients]) -> Table:
        rows = tuple(
            (one.net.label, one.net.run_id, iteration, number, layer, norm, ratio)
            for one in results
            for iteration, norms, ratios in zip(one.iterations, one.norms.tolist(), one.ratios.tolist(), strict=True)
            for number, (layer, norm, ratio) in enumerate(zip(one.layers, norms, ratios, strict=True), start=1)
        )
        columns = (_("network"), _("run"), _("iteration"), _("layer"), _("name"), _("gradient norm"), _("update ratio"))
        return Table(columns, rows)

    @classmethod
    def summary(cls, results: Sequence[Gradients]) -> Table:
        rows = tuple(
            (one.net.label, len(one.iterations), one.iterations[-1], *one.growth, float(np.median(one.ratios[-1])))
            for one in results
        )
        columns = (
            _("network"), _("measurements"), _("last iteration"), _("growth at first"), _("growth at last"),
            _("median update ratio at last"),
        )  # fmt: skip
        return Table(columns, rows)

    @classmethod
    def figure(cls, results: Sequence[Gradients]) -> Figure:
        grown = "; ".join(
            _(
                "{first} times, later {last} times in {network}",
                first=rounded(one.growth[0]),
                last=rounded(one.growth[1]),
                network=one.net.label,
            )
            for one in results
        )
        panels = tuple(
            panel
            for title, values in (
                (_("gradient norm, power of ten"), [_powers(one.norms) for one in results]),
                (_("update over weights, power of ten"), [_powers(one.ratios) for one in results]),
            )
            for panel in _maps(results, values, title)
        )
        title = _("From the last convolution to the first the gradient of the weights grows {grown}", grown=grown)
        return Figure(title, panels, columns=min(len(results), 3))


def _powers(values: Numbers) -> Numbers:
    good = np.isfinite(values) & (values > 0)
    return np.log10(values, where=good, out=np.full(values.shape, np.nan))


def _maps(results: Sequence[Gradients], values: Sequence[Numbers], title: str) -> list[HeatMap]:
    """On one colour scale."""
    finite = np.concatenate([each[np.isfinite(each)] for each in values])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    return [
        HeatMap(
            f"{one.net.label}: {title}",
            _("iteration"),
            _("layer"),
            each.T,
            low,
            high,
            x=(one.iterations[0], one.iterations[-1]),
            y=(1, len(one.layers)),
        )
        for one, each in zip(results, values, strict=True)
    ]


def gradients_of(run: RunRecord, curves: Mapping[tuple[str, Series], Curve]) -> Gradients:
    """What ``run`` measured by layer while it trained.

    ``curves`` are as the store's ``curves`` hands them out for :data:`LAYERED`.

    Raises:
        UserError: If it measured nothing by layer.
    """
    norms, ratios = (curves[run.id, series] for series in LAYERED)
    if not len(norms):
        raise UserError(
            _(
                "Run {name} ({short_id}) has no gradients by layer: it was trained by an earlier version or elsewhere, "
                "or its recipe measures no layers.",
                name=run.name,
                short_id=run.short_id,
            )
        )
    plan = blueprint(run.spec.network)
    net = Net(
        run.name,
        run.spec.network.depth,
        run.residual,
        run.id,
        run.iteration,
        run.weights_sha256 or "",
        colour=run.colour,
    )
    return Gradients(
        net,
        tuple(norms.iterations.tolist()),
        tuple(layer.name for layer in plan.weighted_layers),
        norms.values.astype(np.float64),
        ratios.values.astype(np.float64),
    )
