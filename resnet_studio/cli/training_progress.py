"""Training as it happens: a live board on a terminal, plain lines in a pipe, nothing at all beside JSON."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TextIO

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from resnet_studio.cli.output import OutputLostError, cell, console
from resnet_studio.cli.stop_signals import STOPPING
from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.events import (
    CurvesGrew,
    Event,
    NoticeGiven,
    PhaseChanged,
    ProgressMade,
    StatusChanged,
    StopCheck,
)
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.domain.text_numbers import duration
from resnet_studio.text import _

_LINE_SECONDS = 5.0  # between two lines in a pipe
_LEGEND = _(
    "Of each run: training error (mean of the last {training_error_window} iterations) / test error",
    training_error_window=TRAINING_ERROR_WINDOW,
)
_FRAMES = 4  # a second
_PLAIN_NET, _RESIDUAL_NET = "╌╌", "──"  # as in the window


class RunProgress:
    """How far one run has come."""

    def __init__(self, run: RunRecord) -> None:
        self.run = run
        self.iteration = run.iteration
        self.status = run.status
        self.test_error = run.test_error
        self._recent: deque[float] = deque(maxlen=TRAINING_ERROR_WINDOW)

    @property
    def training_error(self) -> float | None:
        """Mean of the last iterations in percent; until then what the history has."""
        return sum(self._recent) / len(self._recent) if self._recent else self.run.training_error

    def see(self, series: Series, values: Sequence[float], last_iteration: int) -> None:
        if series is Series.TRAINING_ERROR:
            self._recent.extend(values)
            self.iteration = last_iteration
        elif series is Series.TEST_ERROR:
            self.test_error = values[-1]


class Board:
    """What is known from the events so far. Written by the training thread, read by the one that draws."""

    def __init__(self, runs: Sequence[RunRecord]) -> None:
        self.lock = threading.Lock()
        self.runs = {run.id: RunProgress(run) for run in runs}
        self.phase = "starting"
        self.compiling = False
        self.progress: ProgressMade | None = None
        self._pause = ""  # why the cohort is paused

    def see(self, event: Event) -> None:
        with self.lock:
            if isinstance(event, CurvesGrew):
                for chunk in event.chunks:
                    if chunk.run_id in self.runs:
                        progress = self.runs[chunk.run_id]
                        progress.see(chunk.series, chunk.values.tolist(), chunk.last_iteration)
            elif isinstance(event, StatusChanged) and event.run_id in self.runs:
                self.runs[event.run_id].status = event.status
            elif isinstance(event, PhaseChanged):
                share = "" if event.fraction is None else f" {event.fraction:.0%}"
                self.phase = " ".join(filter(None, (_(event.phase.value), event.detail))) + share
                self.compiling = event.phase is Phase.COMPILING
            elif isinstance(event, ProgressMade):
                self.progress = event

    def notice(self, event: Event) -> str:
        """The sentence in ``event``, empty without one; a pause of a whole cohort is announced once."""
        if isinstance(event, NoticeGiven):
            return event.sentence
        if not isinstance(event, StatusChanged):
            return ""
        reason = event.reason if event.status is RunStatus.PAUSED else ""
        before, self._pause = self._pause, reason
        return reason if reason != before else ""

    def pace(self) -> str:
        """Rate and time left, empty before the first are known."""
        made = self.progress
        if made is None or made.iterations_per_second <= 0:
            return ""
        pace = _("{iterations_per_second:.2f} it/s", iterations_per_second=made.iterations_per_second)
        return (
            pace
            if made.seconds_left is None
            else _("{pace}, {duration} left", pace=pace, duration=duration(made.seconds_left))
        )


def short_percent(value: float | None) -> str:
    return "   –  " if value is None or not math.isfinite(value) else f"{value:4.1f} %"


class LiveProgress:
    """A bar and the errors of each run, redrawn a few times a second."""

    def __init__(self, runs: Sequence[RunRecord], should_stop: StopCheck, *, on_stderr: bool) -> None:
        self._board, self._should_stop = Board(runs), should_stop
        self._console = console(error=on_stderr)
        self.showing: AbstractContextManager[object] = Live(
            get_renderable=self._draw, console=self._console, refresh_per_second=_FRAMES
        )

    def emit(self, event: Event) -> None:
        self._board.see(event)
        if sentence := self._board.notice(event):
            self._console.print(cell(Text(sentence, style="yellow")))

    def _draw(self) -> Group:
        board = self._board
        with board.lock:
            table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
            for title in ("", "", "iteration", _("training error"), _("test error")):
                table.add_column(title, justify="right" if title else "left", no_wrap=True)
            for progress in board.runs.values():
                run = progress.run
                line = _RESIDUAL_NET if run.residual else _PLAIN_NET
                table.add_row(
                    cell(Text(f"{line} {run.name}", style=run.colour)),
                    ProgressBar(total=run.iterations, completed=progress.iteration, width=24),
                    f"{progress.iteration}/{run.iterations}",
                    short_percent(progress.training_error),
                    short_percent(progress.test_error),
                )
            status = STOPPING if self._should_stop() else " · ".join(filter(None, (board.phase, board.pace())))
            return Group(table, cell(Text(status, style="dim")))


_BEFORE_OR_BETWEEN = (Phase.LOADING, Phase.PROBING, Phase.BUILDING, Phase.AWAITING)
_OVER_IMAGES = (Phase.TESTING, Phase.RECOMPUTING)


def _worth_a_line(event: PhaseChanged) -> bool:
    """Nothing trains meanwhile, and it takes a while: a long pass over images reports a fraction."""
    return event.phase in _BEFORE_OR_BETWEEN or (event.phase in _OVER_IMAGES and bool(event.fraction))


class PlainProgress:
    """A line every few seconds; nothing more once the reader of a pipe is gone."""

    def __init__(self, runs: Sequence[RunRecord], should_stop: StopCheck, stream: TextIO | None = None) -> None:
        self._board, self._should_stop = Board(runs), should_stop
        self._stream = stream if stream is not None else sys.stdout
        self._printed_at = {True: -math.inf, False: -math.inf}  # whether training -> when a line was last printed
        self._announced_stop = self._broken = False
        self.showing: AbstractContextManager[object] = nullcontext()

    def emit(self, event: Event) -> None:
        self._board.see(event)
        if sentence := self._board.notice(event):
            self._print(sentence)
        if self._should_stop():
            if not self._announced_stop:
                self._announced_stop = True
                self._print(STOPPING)
        elif isinstance(event, ProgressMade):
            self._print_now_and_then(self._line(), training=True)
        elif isinstance(event, PhaseChanged) and _worth_a_line(event):
            self._print_now_and_then(self._board.phase, training=False)
        elif isinstance(event, StatusChanged) and event.status in (RunStatus.DIVERGED, RunStatus.FAILED):
            self._print(f"{self._board.runs[event.run_id].run.name}: {_(event.status.value)}. {event.reason}")

    def _line(self) -> str:
        made = self._board.progress
        assert made is not None
        errors = "  ".join(
            f"{progress.run.name} {short_percent(progress.training_error)} / {short_percent(progress.test_error)}"
            for progress in self._board.runs.values()
        )
        beside = _("  (compiling in the background)") if self._board.compiling else ""
        return (
            _(
                "iteration {iteration}/{iterations}  {errors}  {pace}",
                iteration=made.iteration,
                iterations=made.iterations,
                errors=errors,
                pace=self._board.pace(),
            ).rstrip()
            + beside
        )

    def _print_now_and_then(self, line: str, *, training: bool) -> None:
        now = time.monotonic()
        if training and math.isinf(self._printed_at[training]):
            self._print(_LEGEND)
        if now - self._printed_at[training] >= _LINE_SECONDS:
            self._printed_at[training] = now
            self._print(line)

    def _print(self, line: str) -> None:
        if self._broken:
            return
        try:
            print(line, file=self._stream, flush=True)
        except (BrokenPipeError, OutputLostError, ValueError):  # nobody reads; training goes on
            self._broken = True


class DeviceProgress(PlainProgress):
    """The same of one of several trainings at the same time: each line begins with the device."""

    def __init__(self, runs: Sequence[RunRecord], should_stop: StopCheck, device: str) -> None:
        super().__init__(runs, should_stop)
        self._device = device

    def _print(self, line: str) -> None:
        super()._print(f"{self._device}: {line}")


class NoProgress:
    """Beside JSON in a pipe: nothing."""

    showing: AbstractContextManager[object] = nullcontext()

    def emit(self, event: Event) -> None:
        """Nothing is shown; the history has it."""


def progress(
    runs: Sequence[RunRecord], should_stop: StopCheck, *, as_json: bool
) -> LiveProgress | PlainProgress | NoProgress:
    """What fits the present stdout and stderr. JSON has stdout for itself, so the board then moves to stderr."""
    if as_json:
        return LiveProgress(runs, should_stop, on_stderr=True) if sys.stderr.isatty() else NoProgress()
    if sys.stdout.isatty():
        return LiveProgress(runs, should_stop, on_stderr=False)
    return PlainProgress(runs, should_stop)
