"""Ranges and ticks that people like to read. Ranges change in steps, so that an axis does not creep with each frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def nice_step(width: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is at least ``width`` (greater than 0)."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= width * (1 - 1e-12))


def nice_end(end: float, total: float | None, *, time: bool = False) -> float:
    """Where a growing axis from 0 should end: a little room, but never beyond ``total``, the end that is known.

    ``time``: in seconds, so that steps are those of a clock.
    """
    if total is not None and end >= total:
        return end
    if end <= 0:
        return total or 1.0
    step = (time_step if time else nice_step)(end / 8)
    room = math.ceil(end * 1.02 / step) * step
    return room if total is None else min(room, total)


def nice_span(low: float, high: float) -> tuple[float, float]:
    """A range of round numbers around the values, at least a little wide."""
    if high - low < 1e-12 * max(1.0, abs(high)):
        pad = max(abs(high) * 0.1, 1e-6)
        low, high = low - pad, high + pad
    step = nice_step((high - low) / 8)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def settled(old: tuple[float, float] | None, new: tuple[float, float]) -> tuple[float, float]:
    """``old`` as long as the values fit into it and fill at least half of it."""
    if old is None or new[0] < old[0] or new[1] > old[1] or (new[1] - new[0]) < 0.5 * (old[1] - old[0]):
        return new
    return old


def log_ticks(low: float, high: float) -> tuple[list[float], list[float]]:
    """Labelled and unlabelled ticks between two values greater than 0."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = range(first, last + 1)
    if last - first > 3:
        labelled: Sequence[float] = (1,)
    elif high / low > 12:
        labelled = (1, 2, 5)
    else:
        labelled = (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
    major = [digit * 10.0**d for d in decades for digit in labelled if low <= digit * 10.0**d <= high]
    minor = [digit * 10.0**d for d in decades for digit in range(2, 10) if low <= digit * 10.0**d <= high]
    return major, [value for value in minor if value not in major]


def time_step(seconds: float) -> float:
    """The smallest step of clock time that is at least ``seconds``."""
    for step in _TIMES:
        if step >= seconds:
            return float(step)
    return nice_step(seconds / 86400) * 86400 if seconds > 1 else nice_step(seconds)


def time_text(seconds: float, step: float = 1.0) -> str:
    """``0:45``, ``12:30``, ``3:05:00``; fractions of a second where ticks are that close."""
    if step < 1:
        return f"{seconds:g} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def value_label(value: float) -> str:
    """A tick's value in few characters: 0.25, 0.001, 2.5e-5; what float arithmetic leaves of zero is 0."""
    if abs(value) <= 1e-12:
        return "0"
    if abs(value) >= 1e-3:
        return f"{value:g}"
    digits, power = f"{value:.5e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def count_text(value: float) -> str:
    """Thin spaces between thousands: 64 000."""
    return f"{value:,.0f}".replace(",", "\u2009") if abs(value) >= 1 or value == 0 else f"{value:g}"
