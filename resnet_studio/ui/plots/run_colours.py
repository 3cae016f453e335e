"""Runs of one colour and kind are told apart by lightness; the hue stays the depth's."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Protocol

from PySide6.QtGui import QColor

from resnet_studio.domain.grouping import RunGroup
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.plain_tip import plain_tip as plain_tip

LEAST_CONTRAST = 2.5  # of a line to its ground; WCAG 2.2 asks 3 of graphics that nothing else tells apart
_STEPS = 41
_DARKEST, _LIGHTEST = 0.2, 0.8  # beyond them every hue looks black or white


class _Run(Protocol):
    @property
    def colour(self) -> str: ...
    @property
    def residual(self) -> bool: ...


class _KnownRun(_Run, Protocol):
    @property
    def id(self) -> str: ...


def lightness_steps(runs: Iterable[_KnownRun]) -> dict[str, int]:
    """By run id: 0 for the first run of its colour and kind, 1 for the second ..."""
    seen: Counter[tuple[str, bool]] = Counter()
    found = {}
    for run in runs:
        key = (run.colour.lower(), run.residual)
        found[run.id] = seen[key]
        seen[key] += 1
    return found


def kept_lightness_steps(runs: Iterable[_KnownRun], before: Mapping[str, int]) -> dict[str, int]:
    """As :func:`lightness_steps`, but every run in ``before`` keeps its step for good, ticked or not.

    Newcomers take the lowest step that no known run of their colour and kind has.

    ``before`` grows with what this returns, so that a colour means the same run as long as the page lives.
    """
    listed = list(runs)
    taken: dict[tuple[str, bool], set[int]] = {}
    for run in listed:
        if run.id in before:
            taken.setdefault((run.colour.lower(), run.residual), set()).add(before[run.id])
    found: dict[str, int] = {}
    lowest: defaultdict[tuple[str, bool], int] = defaultdict(int)
    for run in listed:
        kind = (run.colour.lower(), run.residual)
        step = before.get(run.id)
        if step is None:
            while lowest[kind] in taken.get(kind, ()):
                lowest[kind] += 1
            step = lowest[kind]
            lowest[kind] += 1
        found[run.id] = step
    return found


def group_lightness_steps(groups: Iterable[RunGroup]) -> dict[Hashable, int]:
    """By a group's key: the first group of a colour and kind has the colour itself."""
    listed = list(groups)
    firsts = lightness_steps(group.first for group in listed)
    return {group.key: firsts[group.first.id] for group in listed}


def at_lightness(colour: QColor, step: int, ground: QColor) -> QColor:
    """``colour`` in another lightness that stands out from ``ground``, each as far from all before it as can be.

    There are some forty; then they come again.
    """
    if step <= 0:
        return colour
    lights = _lightnesses(colour.name(), ground.name())
    return QColor.fromHslF(max(colour.hslHueF(), 0.0), colour.hslSaturationF(), lights[(step - 1) % len(lights)])


@functools.lru_cache(256)
def _lightnesses(name: str, ground: str) -> tuple[float, ...]:
    """All that there are beside the colour's own, each as far from those before it as can be."""
    colour = QColor(name)
    hue, saturation, back = max(colour.hslHueF(), 0.0), colour.hslSaturationF(), QColor(ground)
    lights = [_DARKEST + (_LIGHTEST - _DARKEST) * i / (_STEPS - 1) for i in range(_STEPS)]
    free = [
        light for light in lights if _contrast(QColor.fromHslF(hue, saturation, light), back) >= LEAST_CONTRAST
    ] or lights
    taken = [colour.lightnessF()]
    for _light in free:
        taken.append(max(free, key=lambda light: min(abs(light - other) for other in taken)))
    return tuple(taken[1:])


def line_colour(theme: Theme, colour: str, step: int) -> QColor:
    """Of a run's lines, and of their samples in lists, on a panel."""
    return at_lightness(theme.run_colour(colour), step, theme.colour(Role.PANEL))


def _contrast(one: QColor, other: QColor) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: QColor) -> float:
    """Relative, 0 to 1, as WCAG 2 defines it."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
