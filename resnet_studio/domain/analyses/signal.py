"""The signal check's result: how the gradient grows from the last block to the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from resnet_studio.domain.analyses.charts import Figure, Line, LineChart
from resnet_studio.domain.analyses.result import AnalysisResult, Net, NetLines, Numbers, Table, rounded, short_names
from resnet_studio.text import _, _n


@dataclass(frozen=True, eq=False)
class SignalCheck(AnalysisResult):
    """Gradients of one network at one batch.

    Attributes:
        blocks: Names in the order of the forward pass.
        layers: For each block, how many weighted layers lie on the main path up to its output, itself included.
        norms: (blocks,), Euclidean norm of dL/d(output), L the batch's mean cross-entropy, the whole tensor flattened.
        gains: (blocks,), norm at the block's input over norm at its output: above 1 the gradient grows on its way back.
        loss: L, in nats.
    """

    net: Net
    blocks: tuple[str, ...]
    layers: tuple[int, ...]
    norms: Numbers
    gains: Numbers
    loss: float

    @property
    def growth(self) -> float:
        """Norm at the first block's output over norm at the last one's."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.divide(self.norms[0], self.norms[-1]))

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "growth": self.growth}

    @classmethod
    def table(cls, results: Sequence[SignalCheck]) -> Table:
        return Table(
            (_("network"), _("block"), _("layer"), _("gradient norm"), _("gain")),
            tuple(
                (one.net.label, *row)
                for one in results
                for row in zip(one.blocks, one.layers, one.norms.tolist(), one.gains.tolist(), strict=True)
            ),
        )

    @classmethod
    def summary(cls, results: Sequence[SignalCheck]) -> Table:
        return Table(
            (_("network"), _("iteration"), _("growth"), _("smallest gain"), _("largest gain"), _("loss")),
            tuple(
                (one.net.label, one.net.iteration, one.growth, float(one.gains.min()), float(one.gains.max()), one.loss)
                for one in results
            ),
        )

    @classmethod
    def figure(cls, results: Sequence[SignalCheck]) -> Figure:
        lines = NetLines.of(results)
        return Figure(
            _title(results),
            (
                LineChart(
                    _("Gradient at each block's output"),
                    _("weighted layers"),
                    _("gradient norm"),
                    tuple(_line(lines, one, one.norms) for one in results),
                    log=True,
                ),
                LineChart(
                    _("Gain of each block"),
                    _("weighted layers"),
                    _("norm at input / output"),
                    tuple(_line(lines, one, one.gains) for one in results),
                    level=1.0,
                ),
                *_growth_while_training(results),
            ),
            columns=2,
        )


def _title(results: Sequence[SignalCheck]) -> str:
    """What the gradient does on its way back in each network; one that is not finite has neither grown nor shrunk."""
    grown, shrunk = [], []
    for name, one in zip(short_names(results), results, strict=True):
        if one.growth < 1:
            shrunk.append(_("to {share} in {network}", share=rounded(one.growth), network=name))
        else:
            grown.append(_("{times} times in {network}", times=rounded(one.growth), network=name))
    if not shrunk:
        return _("From the last block to the first the gradient grows {grown}", grown=", ".join(grown))
    if not grown:
        return _("From the last block to the first the gradient shrinks {shrunk}", shrunk=", ".join(shrunk))
    return _(
        "From the last block to the first the gradient grows {grown} and shrinks {shrunk}",
        grown=", ".join(grown),
        shrunk=", ".join(shrunk),
    )


def _line(lines: NetLines, one: SignalCheck, values: Numbers) -> Line:
    return lines.line(one.net, np.asarray(one.layers, np.float64), values, names=one.blocks)


def reading(results: Sequence[SignalCheck]) -> str:
    """What the numbers say of vanishing gradients; empty without a network."""
    grown = [one for one in results if one.growth > 1]
    if not results:
        return ""
    if not grown:
        return _("Towards the input the gradient shrinks.")
    if len(grown) < len(results):
        return _("Towards the input the gradient grows in {names} alone.", names=", ".join(g.net.title for g in grown))
    most, least = (choose(results, key=lambda one: one.growth) for choose in (max, min))
    if most is least:
        return _("The gradient does not vanish towards the input.")
    return _(
        "The gradient does not vanish towards the input: it grows, in {most} the most, in {least} the least.",
        most=most.net.title,
        least=least.net.title,
    )


def finding(results: Sequence[SignalCheck], wanted: int) -> str:
    """The figure's title and its reading; and how many of the ``wanted`` networks are not among the results."""
    said = [f"{SignalCheck.figure(results).title}.", reading(results)] if results else []
    if left := wanted - len(results):
        said.append(_n("For {count} network the time was too short.", "For {count} networks the time was too short.",
                       left))  # fmt: skip
    return " ".join(said)


def _growth_while_training(results: Sequence[SignalCheck]) -> tuple[LineChart, ...]:
    """Where there are several checkpoints of one run: a line a run."""
    runs: dict[str, list[SignalCheck]] = {}
    for one in results:
        if one.net.trained:
            runs.setdefault(one.net.run_id, []).append(one)
    lines = []
    for found in runs.values():
        found.sort(key=lambda one: one.net.iteration)
        last = found[-1].net
        iterations = np.array([one.net.iteration for one in found], np.float64)
        growth = np.array([one.growth for one in found])
        lines.append(Line(iterations, growth, last.label, last.ink, dashed=not last.residual))
    if all(len(line.x) < 2 for line in lines):
        return ()
    return (
        LineChart(
            _("Growth while training"),
            _("iteration"),
            _("norm at the first block / at the last"),
            tuple(lines),
            log=True,
        ),
    )
