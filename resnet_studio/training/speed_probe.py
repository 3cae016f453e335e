"""Measure designs one after the other and remember what was found, for estimates and for ``doctor``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resnet_studio.domain.enums import Device, Precision
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.specs import RunSpec
from resnet_studio.training.speed import Speed, measure
from resnet_studio.training.speed_cache import remember_speeds


def probe(
    specs: Sequence[RunSpec], cache: Path, *, seconds: float = 3.0, should_stop: StopCheck = never_stop,
    report: Report = no_report,
) -> list[Speed]:  # fmt: skip
    """Measure each network alone, ``seconds`` in all, and keep every figure as soon as it is there.

    Raises:
        UserError: If a recipe asks for what this machine has not, or the memory is not enough.
        Stopped: If asked to stop, within a second; what was measured before is kept.
    """
    found: list[Speed] = []
    for number, spec in enumerate(specs):

        def told(detail: str, fraction: float | None, done: int = number, name: str = spec.label) -> None:
            report(f"{name}: {detail}", (done + (fraction or 0.0)) / len(specs))

        speed = measure([spec], cache, seconds=seconds / len(specs), should_stop=should_stop, report=told)
        remember(speed, cache)
        found.append(speed)
    return found


def remember(speed: Speed, cache: Path) -> None:
    """Keep the figure, and what ``auto`` turned out to mean."""
    recipe = speed.specs[0].recipe
    by_itself = recipe.device is Device.AUTO
    remember_speeds(
        cache,
        [speed.figure],
        device=speed.device if by_itself else None,
        precision=speed.precision if by_itself and recipe.precision is Precision.AUTO else None,
    )
