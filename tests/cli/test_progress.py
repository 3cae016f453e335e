"""The board, drawn from the same events that are stored."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from rich.console import Console

from resnet_studio.cli import training_progress as progress_module
from resnet_studio.cli.output import duration
from resnet_studio.cli.training_progress import LiveProgress, NoProgress, PlainProgress, progress
from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.events import (
    CurveChunk,
    CurvesGrew,
    Event,
    NoticeGiven,
    PhaseChanged,
    ProgressMade,
    StatusChanged,
    never,
)
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RunSpec, twin


def records(cohort: CohortSpec) -> list[RunRecord]:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    return [
        RunRecord(
            id=str(i), cohort_id="c", name=spec.label, status=RunStatus.QUEUED, reason="", spec=spec, iteration=0,
            training_error=None, test_error=None, best_test_error=None, parameters=1, multiply_adds=1,
            weights_sha256=None, created_at=moment, updated_at=moment, seconds=0.0, colour="#0072B2",
        )
        for i, spec in enumerate(cohort.runs)
    ]  # fmt: skip


def chunk(run: str, series: Series, first: int, values: Sequence[float]) -> CurveChunk:
    return CurveChunk(run, series, first, np.array(values, dtype=np.float32))


RUNS = records(twin(RunSpec(network=NetworkSpec(depth=56))))
EVENTS: tuple[Event, ...] = (
    PhaseChanged(("0", "1"), Phase.LOADING, "drawing images", 0.5),
    StatusChanged("0", RunStatus.RUNNING),
    CurvesGrew((chunk("0", Series.TRAINING_ERROR, 1, [90.0] * 50), chunk("1", Series.TRAINING_ERROR, 1, [80.0] * 50))),
    CurvesGrew((chunk("0", Series.TRAINING_ERROR, 51, [70.0] * 50), chunk("1", Series.TEST_ERROR, 100, [61.25]))),
    NoticeGiven(("0", "1"), "Three files were left out."),
    ProgressMade(("0", "1"), 100, 64_000, 20.0, 5.0, 12_780.0),
    StatusChanged("0", RunStatus.DIVERGED, "The loss was no longer a finite number.", 100),
)


def test_plain_lines_hold_errors_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "_LINE_SECONDS", 0.0)
    stream = io.StringIO()
    shown = PlainProgress(RUNS, never, stream)
    with shown.showing:
        for event in EVENTS:
            shown.emit(event)
    assert stream.getvalue().splitlines() == [
        "loading data drawing images 50%",
        "Three files were left out.",
        "Of each run: training error (mean of the last 50 iterations) / test error",
        "iteration 100/64000  plain-56 70.0 % /    –    ResNet-56 80.0 % / 61.2 %  5.00 it/s, 3 h 33 min left",
        "plain-56: diverged. The loss was no longer a finite number.",
    ]


def test_lines_come_every_few_seconds_only() -> None:
    stream = io.StringIO()
    shown = PlainProgress(RUNS, never, stream)
    for iteration in range(1, 1000):
        shown.emit(ProgressMade(("0", "1"), iteration, 64_000, 20.0, 5.0, 12_780.0))
    legend, line = stream.getvalue().splitlines()
    assert legend.startswith("Of each run")
    assert line.startswith("iteration 1/64000")


def test_stopping_is_said_once() -> None:
    stream = io.StringIO()
    shown = PlainProgress(RUNS, lambda: True, stream)
    for event in EVENTS:
        shown.emit(event)
    assert stream.getvalue().count("Stopping") == 1


def test_training_goes_on_when_nobody_reads() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    shown = PlainProgress(RUNS, never, Gone())
    for event in EVENTS:
        shown.emit(event)


def test_a_terminal_shows_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=120, height=30, color_system=None)
    monkeypatch.setattr(progress_module, "console", lambda *, error: screen)
    shown = LiveProgress(RUNS, never, on_stderr=False)
    with shown.showing:
        for event in EVENTS:
            shown.emit(event)
    assert isinstance(screen.file, io.StringIO)
    text = screen.file.getvalue()
    for expected in ("╌╌ plain-56", "── ResNet-56", "100/64000", "70.0 %", "61.2 %", "5.00 it/s", "Three files"):
        assert expected in text


def test_json_in_a_pipe_is_alone(capsys: pytest.CaptureFixture[str]) -> None:
    shown = progress(RUNS, never, as_json=True)
    assert isinstance(shown, NoProgress)
    with shown.showing:
        for event in EVENTS:
            shown.emit(event)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.4, "0 s"), (59.6, "1 min 0 s"), (130, "2 min 10 s"), (3900, "1 h 5 min"), (90_000, "1 d 1 h")],
)
def test_durations_in_words(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
