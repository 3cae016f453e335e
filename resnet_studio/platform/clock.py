"""Time as work counts it: a machine that slept, or a clock that was put right, must not look like hours of work."""

from __future__ import annotations

import time

_LONGEST_STEP = 60.0  # seconds; a step that takes longer than this and than ...
_MANY_TIMES = 20.0  # ... so many usual ones was interrupted by something that is not work
_USUAL_WEIGHT = 0.1  # of the newest step in what is usual


class SteadySeconds:
    """Durations of steps of one kind; one that makes no sense is replaced by what is usual.

    The first is believed, as it may well be the longest, and so is the second of two in a row: steps have become slow.
    """

    def __init__(self) -> None:
        self._usual: float | None = None
        self._doubted = False

    def __call__(self, seconds: float) -> float:
        usual = self._usual
        if usual is None:
            self._usual = max(seconds, 0.0)
            return self._usual
        strange = seconds < 0.0 or seconds > max(_LONGEST_STEP, _MANY_TIMES * usual)
        if seconds < 0.0 or (strange and not self._doubted):
            self._doubted = True
            return usual
        self._doubted = False
        self._usual = (1.0 - _USUAL_WEIGHT) * usual + _USUAL_WEIGHT * seconds
        return seconds


class Waited:
    """Seconds waited so far by who looks again and again: of a long gap between two looks one second counts."""

    def __init__(self) -> None:
        self._seconds, self._before = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        now = time.monotonic()
        self._seconds += min(max(now - self._before, 0.0), 1.0)
        self._before = now
        return self._seconds
