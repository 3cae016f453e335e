"""Stored curves as TensorBoard's event files, one folder a run, written by TensorBoard's own writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import CURVES, Series
from resnet_studio.history.store import RunStore
from resnet_studio.text import _

_QUEUE = 10_000  # events that wait to be written


def write_event_files(store: RunStore, runs: Sequence[RunRecord], folder: Path, should_stop: StopCheck) -> list[Path]:
    """Every point of every series, as TensorBoard's event files.

    The series' name is the tag, the iteration the step, and the wall time is that of the run's creation plus its time
    in training.

    Returns:
        The folders that were written; runs without curves have none.

    Raises:
        UserError: If TensorBoard is not installed, or a folder has event files already or cannot be written.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise UserError(
            _("TensorBoard's writer is not installed ({error}); pip install 'resnet-studio[export]'.", error=error)
        ) from None
    written = []
    for run in runs:
        curves = [curve for curve in store.curves([run.id], CURVES).values() if len(curve)]
        if not curves or should_stop():
            continue
        place = folder / folder_name(run)
        if any(place.glob("events.out.tfevents.*")):
            raise UserError(
                _("{place} has event files already; choose another folder, or remove them first.", place=place)
            )
        clock = next((curve for curve in curves if curve.series is Series.SECONDS), None)
        try:
            writer = EventFileWriter(str(place), max_queue_size=_QUEUE)
            for curve in curves:
                times = _wall_times(run, curve, clock)
                for step, value, moment in zip(
                    curve.iterations.tolist(), curve.values.tolist(), times.tolist(), strict=True
                ):
                    summary = Summary(value=[Summary.Value(tag=str(curve.series), simple_value=value)])
                    writer.add_event(Event(wall_time=moment, step=step, summary=summary))
            writer.close()
        except OSError as error:
            raise UserError(
                _("{place} cannot be written ({why}); choose another folder.", place=place, why=error.strerror or error)
            ) from None
        written.append(place)
    return written


def folder_name(run: RunRecord) -> str:
    """Letters, digits and a few signs of the run's name, and the beginning of its id, which makes it unique."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-+") else "-" for c in run.name).strip("-")[:60]
    return f"{safe}-{run.short_id}" if safe else run.short_id


def _wall_times(run: RunRecord, curve: Curve, clock: Curve | None) -> np.ndarray:
    """Seconds since 1970 of each point."""
    start = run.created_at.timestamp()
    if clock is None:
        return np.full(len(curve), start)
    seconds = np.where(np.isfinite(clock.values), clock.values, 0.0)
    return start + np.interp(curve.iterations, clock.iterations, seconds)
