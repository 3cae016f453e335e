"""The networks that ``bench`` measures, and what it prints of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from rich.text import Text

from resnet_studio.cli.options import GivenOptions, changed
from resnet_studio.cli.output import print_table
from resnet_studio.domain.documents import sentences
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.presets import apply, find_preset, preset_for
from resnet_studio.domain.spec_changes import changed_values
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.domain.text_numbers import duration, grouped, three_figures
from resnet_studio.platform.training_speed import Expectation
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.training.speed import Speed


class Which(StrEnum):
    CIFAR = "cifar"
    IMAGENET = "imagenet"
    ALL = "all"


# Of each set the small and the large one first: what no longer fits into the time is scaled from its neighbours.
_CIFAR = ("resnet-20", "resnet-56", "resnet-110", "resnet-32", "resnet-44",
          "plain-20", "plain-56", "plain-110", "plain-32", "plain-44")  # fmt: skip
_IMAGENET = ("resnet-18", "resnet-50", "resnet-34", "resnet-101", "resnet-152", "plain-18", "plain-34")
_SETS = {Which.CIFAR: _CIFAR, Which.IMAGENET: _IMAGENET, Which.ALL: (*_CIFAR, *_IMAGENET, "resnet-1202")}


def paper_networks(which: Which) -> list[NetworkSpec]:
    """In the order in which they are measured."""
    return [network_named(name) for name in _SETS[which]]


@dataclass(slots=True)
class Row:
    """One network: ``spec`` is what is measured, by the recipe that the paper has for such a network.

    Attributes:
        iterations, batch_size: Of the paper's recipe; ``spec`` may have smaller batches.
        speed: What was measured, None if nothing was.
        scaled: What is expected where nothing was measured.
        reason: Why nothing was measured, as a sentence.
        gain: How many times as fast compiled steps were found to be as eager ones; None where that was not given.
    """

    spec: RunSpec
    iterations: int
    batch_size: int
    speed: Speed | None = None
    scaled: Expectation | None = None
    reason: str = ""
    gain: float | None = None

    @property
    def images_per_second(self) -> float | None:
        found = self.speed or self.scaled
        return found.images_per_second if found is not None else None

    @property
    def paper_seconds(self) -> float | None:
        """What the paper's recipe takes here, tests and checkpoints left out."""
        rate = self.images_per_second
        return self.iterations * self.batch_size / rate if rate else None


def row_of(network: NetworkSpec, given: GivenOptions) -> Row:
    """The network with the paper's recipe, changed as ``given``.

    Raises:
        UserError: If the two do not fit.
    """
    preset = find_preset(preset_for(network))
    try:
        spec = apply(preset, RunSpec(network=network))
    except ValidationError as error:
        sentence = next(iter(sentences(error).values()))
        raise UserError(
            _("The paper's recipe does not fit {label}: {sentence}.", label=network.label, sentence=sentence)
        ) from None
    return Row(changed(spec, given), preset.recipe.iterations, preset.recipe.batch_size)


def with_batches_of(row: Row, size: int) -> Row:
    recipe = row.spec.recipe
    fewer = RecipeSpec(**changed_values(recipe, {"batch_size": min(size, recipe.batch_size)}))
    return Row(replace(row.spec, recipe=fewer), row.iterations, row.batch_size)


def _order(row: Row) -> tuple[object, ...]:
    network = row.spec.network
    return (network.family, network.residual, network.depth, network.label)


def show(rows: Sequence[Row], remark: str = "") -> None:
    """The table, and below it what is to be known of the figures."""
    columns = (
        _("network"),
        _("batch"),
        _("engine"),
        _("precision"),
        _("ms a step"),
        _("images/s"),
        _("ready after"),
        _("compiling"),
        _("the paper's recipe"),
        _("takes here"),
    )
    print_table(columns, [_cells(row) for row in sorted(rows, key=_order)], right=(*columns[4:8], columns[9]))
    for sentence in filter(None, (*_notes(rows), remark)):
        print(sentence)


def _cells(row: Row) -> tuple[Any, ...]:
    recipe = row.spec.recipe
    paper = f"{grouped(row.iterations)} x {row.batch_size}"
    takes = duration(row.paper_seconds)
    if row.speed is not None:
        speed = row.speed
        return (
            row.spec.label, recipe.batch_size, speed.engine, speed.precision, three_figures(1000 * speed.seconds),
            three_figures(speed.images_per_second), duration(speed.preparing),
            "" if row.gain is None else f"{row.gain:.2f} x", paper, takes,
        )  # fmt: skip
    if row.scaled is not None:
        found = row.scaled
        return tuple(
            Text(str(cell), style="dim")
            for cell in (
                row.spec.label, recipe.batch_size, found.engine, "", f"≈ {three_figures(1000 * found.step_seconds)}",
                f"≈ {three_figures(found.images_per_second)}", "", "", paper, f"≈ {takes}",
            )
        )  # fmt: skip
    return (row.spec.label, recipe.batch_size, "", "", "–", "–", "", "", paper, "–")


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    scaled = [row.scaled for row in rows if row.speed is None and row.scaled is not None]
    if scaled:
        sources = dict.fromkeys(source for found in scaled for source in found.sources)
        known = (
            _("scaled by multiply-adds from {sources}", sources=", ".join(sources))
            if sources
            else _("the figure of an earlier time")
        )
        yield _("≈ was not measured now: {known}.", known=known)
    yield from dict.fromkeys(row.reason for row in rows if row.reason)
    if any(row.gain is not None for row in rows):
        yield _(
            "compiling: how many times as fast compiled steps are; where they gain too little, eager ones are taken."
        )
    measured = [row.speed for row in rows if row.speed is not None and row.gain is None]
    yield from dict.fromkeys(speed.failure for speed in measured if speed.failure)


def as_json(rows: Sequence[Row], machine: str, *, stopped: bool) -> dict[str, Any]:
    return {
        "machine": machine,
        "stopped": stopped,
        "networks": [_row_json(row) for row in sorted(rows, key=_order)],
    }


def _row_json(row: Row) -> dict[str, Any]:
    speed, scaled = row.speed, row.scaled if row.speed is None else None
    step = speed.seconds if speed is not None else scaled.step_seconds if scaled is not None else None
    engine = speed.engine if speed is not None else scaled.engine if scaled is not None else None
    return {
        "network": row.spec.label,
        "batch_size": row.spec.recipe.batch_size,
        "measured": speed is not None,
        "scaled_from": list(scaled.sources) if scaled is not None else [],
        "engine": engine,
        "precision": str(speed.precision) if speed is not None else None,
        "device": str(speed.device) if speed is not None else None,
        "step_ms": None if step is None else 1000 * step,
        "images_per_second": row.images_per_second,
        "steps": speed.steps if speed is not None else 0,
        "ready_after_seconds": speed.preparing if speed is not None else None,
        "compiling_gain": row.gain,
        "paper_iterations": row.iterations,
        "paper_batch_size": row.batch_size,
        "paper_seconds": row.paper_seconds,
        "reason": row.reason or (speed.failure if speed is not None else ""),
    }
