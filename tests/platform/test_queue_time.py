"""How long the queue takes: an entry that was begun goes on as fast as it went."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.domain.enums import Device, Precision, RunStatus
from resnet_studio.domain.queue import QueueEntry, QueueRequest, QueueStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.platform.queue_time import TimeLeft, queue_time
from resnet_studio.platform.training_speed import KnownSpeeds

from .test_training_speed import RUN, figure, known, record


def entry(*runs: RunRecord, status: QueueStatus = QueueStatus.STOPPED) -> QueueEntry:
    return QueueEntry(
        id="e", cohort_id="c", place=1, name="", study="", status=status, request=QueueRequest.GO_ON, reason="",
        runs=runs, added_at=runs[0].created_at,
    )  # fmt: skip


def test_a_stopped_entry_goes_on_as_fast_as_it_went_whatever_else_was_measured() -> None:
    stopped = record(RUN, status=RunStatus.STOPPED, iteration=100, seconds=300.0)
    twin = replace(stopped, id="2", seconds=200.0)
    speeds = known(*[figure(20, 0.1)] * 9)
    found = queue_time([entry(stopped, twin)], speeds).by_entry["e"]
    assert found.seconds == pytest.approx(900 * 5.0)
    assert found.low < found.seconds < found.high
    assert queue_time([entry(stopped)], KnownSpeeds()).by_entry["e"].seconds == pytest.approx(900 * 3.0)


def test_without_a_speed_of_its_own_the_others_tell() -> None:
    speeds = KnownSpeeds(Device.CPU, Precision.FLOAT32, (figure(20, 0.1),))
    new = record(RUN, status=RunStatus.QUEUED, iteration=0, seconds=0.0, environment={})
    assert queue_time([entry(new, status=QueueStatus.WAITING)], speeds).total.seconds == pytest.approx(100.0)
    done = record(RUN, iteration=1000, seconds=100.0)
    assert queue_time([entry(done)], speeds).by_entry["e"] == TimeLeft()
