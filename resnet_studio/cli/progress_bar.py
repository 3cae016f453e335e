"""Long work other than training, on stderr: reading images, testing, a download."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from resnet_studio.cli.output import console
from resnet_studio.domain.text_numbers import duration
from resnet_studio.domain.visible_text import visible_line
from resnet_studio.text import _

_LINE_SECONDS = 5.0  # between two lines in a pipe; work that is done sooner prints nothing there
_ENOUGH = 0.01  # of the work; less is not enough to estimate the rest


class ProgressBar:
    """A bar on a terminal, else a line every few seconds. ``quiet`` keeps a pipe's stderr for complaints."""

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        self._title, self._quiet = title, quiet
        self._printed_at = time.monotonic()
        self._began: tuple[float, float] | None = None  # since when, and how much was done then
        self._fraction = 0.0
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn())
            self._bar = Progress(
                *columns, TaskProgressColumn(), TimeRemainingColumn(), console=console(error=True), transient=True
            )
            self._task = self._bar.add_task(title, total=None)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def report(self, detail: str, fraction: float | None = None) -> None:
        """What is being done, and how much of it (0..1) is."""
        if fraction is None:
            self._began = None
        elif self._began is None or fraction < self._fraction:  # the next piece of work
            self._began = (time.monotonic(), fraction)
        self._fraction = fraction or 0.0
        if self._bar is not None:
            total = None if fraction is None else 1.0
            self._bar.update(
                self._task, description=visible_line(self._named(detail)), total=total, completed=fraction or 0.0
            )
        elif not self._quiet and time.monotonic() - self._printed_at >= _LINE_SECONDS:
            self._printed_at = time.monotonic()
            share = "" if fraction is None else f" {fraction:.0%}{self._left(fraction)}"
            print(f"{self._named(detail)}{share}", file=sys.stderr, flush=True)

    def _named(self, detail: str) -> str:
        return self._title if detail == self._title else f"{self._title}: {detail}"

    def _left(self, fraction: float) -> str:
        """How long the rest will take if it goes on like this, where that can be estimated."""
        if self._began is None or fraction - self._began[1] < _ENOUGH:
            return ""
        since, before = self._began
        return _(
            ", {duration} left", duration=duration((1.0 - fraction) * (time.monotonic() - since) / (fraction - before))
        )
