"""Curves as event files, read back by TensorBoard's own reader."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.history.event_files import folder_name, write_event_files
from resnet_studio.history.store import RunStore


def never() -> bool:
    return False


@pytest.fixture
def measured(store: RunStore, twins: tuple[RunRecord, ...]) -> RunRecord:
    run = twins[0]
    store.append_chunks(
        [
            CurveChunk(run.id, Series.TRAINING_ERROR, 1, np.array([90, 80.5, np.nan], np.float32)),
            CurveChunk(run.id, Series.TEST_ERROR, 2, np.array([70.25], np.float32), 2),
            CurveChunk(run.id, Series.SECONDS, 1, np.array([1, 2, 4], np.float32)),
        ]
    )
    return store.get(run.id)


def test_they_read_back_point_by_point(store: RunStore, twins, measured: RunRecord, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    written = write_event_files(store, [measured, twins[1]], tmp_path / "events", never)
    assert written == [tmp_path / "events" / folder_name(measured)]  # the other has no curves
    reader = EventAccumulator(str(written[0]), size_guidance={"scalars": 0})
    reader.Reload()
    assert set(reader.Tags()["scalars"]) == {"training_error", "test_error", "seconds"}
    points = reader.Scalars("training_error")
    assert [point.step for point in points] == [1, 2, 3]
    np.testing.assert_array_equal([point.value for point in points], np.array([90, 80.5, np.nan], np.float32))
    start = measured.created_at.timestamp()
    assert [point.wall_time - start for point in points] == pytest.approx([1, 2, 4], abs=1e-5)
    assert [(point.step, point.value) for point in reader.Scalars("test_error")] == [(2, 70.25)]


def test_a_folder_with_event_files_is_left_alone(store: RunStore, measured: RunRecord, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    write_event_files(store, [measured], tmp_path, never)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(UserError, match="has event files already"):
        write_event_files(store, [measured], tmp_path, never)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_without_tensorboard_a_sentence_says_what_to_install(
    store: RunStore, measured: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(UserError, match=r"pip install 'resnet-studio\[export\]'"):
        write_event_files(store, [measured], tmp_path / "events", never)
    assert not (tmp_path / "events").exists()


def test_a_name_never_becomes_a_path(measured: RunRecord) -> None:
    from dataclasses import replace

    names = [folder_name(replace(measured, name=name)) for name in ("../../etc", "a/b\\c", "ä", "..", "x" * 300)]
    assert all("/" not in name and "\\" not in name and not name.startswith(".") for name in names)
    assert all(name.endswith(measured.short_id) and len(name) < 80 for name in names)
