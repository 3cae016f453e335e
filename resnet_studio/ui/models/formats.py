"""Errors, progress and times as people read them."""

from __future__ import annotations

from datetime import datetime

from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.widgets.text import THIN_SPACE, count_text, duration_text

NONE = "\N{EN DASH}"

count = count_text
duration = duration_text


def percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}{THIN_SPACE}%"


def whole(value: float) -> str:
    return count_text(round(value))


def progress(done: int, total: int) -> str:
    return f"{count(done)} / {count(total)}"


def run_progress(run: RunRecord) -> str:
    """Of an imported run nothing is known: it was trained elsewhere."""
    return NONE if run.imported else progress(run.iteration, run.iterations)


def run_duration(run: RunRecord) -> str:
    """Time in training, as far as it is known."""
    return NONE if run.imported else duration(run.seconds)


def moment(time: datetime) -> str:
    """A UTC time in the zone of this machine, to the minute."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def runs(number: int) -> str:
    return "1 run" if number == 1 else f"{count(number)} runs"
