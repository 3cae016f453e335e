"""Errors, progress and times as people read them."""

from __future__ import annotations

from resnet_studio.domain import text_numbers
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.text_numbers import NONE, moment
from resnet_studio.ui.widgets.text import THIN_SPACE, count_text, counted, duration_text

count = count_text
duration = duration_text

__all__ = ["NONE", "count", "duration", "moment", "percent", "progress", "run_duration", "run_progress", "runs"]


def percent(value: float | None) -> str:
    return text_numbers.percent(value, space=THIN_SPACE)


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


def size(count: int) -> str:
    """Of bytes."""
    return text_numbers.file_size(count, space=THIN_SPACE)


def runs(number: int) -> str:
    return counted(number, "run", "runs")
