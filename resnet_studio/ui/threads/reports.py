"""Progress on its way out of a job: as often as eyes can follow, and no more."""

from __future__ import annotations

import time

from resnet_studio.domain.events import Report

_PERIOD = 0.05  # seconds


def throttled(report: Report) -> Report:
    """``report``, called at most twenty times a second, and for each new text."""
    last = ("", 0.0)

    def call(text: str, fraction: float | None) -> None:
        nonlocal last
        now = time.monotonic()
        if text != last[0] or now - last[1] >= _PERIOD:
            last = (text, now)
            report(text, fraction)

    return call
