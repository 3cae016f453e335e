"""The day's copy of the history: made beside what goes on, checked, three of them kept, and what it gives back."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import DamagedHistoryError, Stopped
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.sqlite import backups, migrate
from resnet_studio.history.sqlite.migrate import PRESENT
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ...databases import database_of
from ...waiting import wait_until
from .conftest import RUNS
from .test_salvage import check, spoil, table_pages


def names(home: Home) -> list[str]:
    return sorted(copy.name for copy in backups.copies(database_of(home)))


def older(home: Home, **age: float) -> None:
    """Make every copy so much older."""
    for copy in backups.copies(database_of(home)):
        made = backups.time_of(copy)
        assert made is not None
        stamp = f"{made - timedelta(**age):%Y%m%dT%H%M%S.%fZ}"
        copy.rename(copy.with_name(f"history.schema-{PRESENT.head}.{stamp}.sqlite3"))


def test_one_a_day_and_three_are_kept(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    assert names(home) == [], "there was nothing to copy yet"
    seen: list[str] = []
    for day in range(5):
        for _ in range(2):
            RunStore.open(home).close()
        assert len(names(home)) == min(day + 1, backups.KEPT)
        assert names(home)[-1] not in seen
        older(home, hours=25)
        seen = names(home)
    moved = Home(home.root.parent / "moved").prepare()
    shutil.copy(backups.copies(database_of(home))[-1], database_of(moved))
    with RunStore.open(moved) as store:
        assert len(store.list_runs()) == 2
    assert not list(home.root.rglob("*.partial*"))


def test_copies_of_an_older_schema_stay(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    kept = backups.back_up(database_of(home), "0001")
    beside = shutil.copy(kept, home.root / kept.name.replace("0001", "0000"))
    for _ in range(5):
        backups.back_up(database_of(home), PRESENT.head)
    assert kept.exists()
    assert Path(beside).exists(), "as earlier versions kept them"
    assert len(names(home)) == 2 + backups.KEPT


@pytest.mark.parametrize("days", [-30, -2, 2, 30])
def test_a_clock_that_was_wrong_does_not_keep_copies_away(home: Home, tiny_twin: CohortSpec, days: int) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    backups.back_up(database_of(home), PRESENT.head)
    assert not backups.is_due(database_of(home))
    older(home, days=days)
    assert backups.is_due(database_of(home))


def test_what_is_written_meanwhile_neither_waits_nor_disturbs(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as store:
        run = store.create_cohort(tiny_twin)[0]
        store.append_chunks([CurveChunk(run.id, Series.TRAINING_LOSS, 1, np.ones(2_000_000, np.float32))])
        looks = []

        def write() -> bool:
            looks.append(store.rename(run.id, f"name {len(looks)}"))
            return False

        copy = backups.back_up(database_of(home), PRESENT.head, write)
        assert 1 < len(looks) < 10, "the copy does not begin again"
        with sqlite3.connect(copy) as connection:
            assert connection.execute("SELECT name FROM runs ORDER BY key").fetchone() == ("plain-8",)
        connection.close()
        assert store.get(run.id).name == f"name {len(looks) - 1}"


def test_a_copy_that_is_given_up_leaves_nothing(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    with pytest.raises(Stopped):
        backups.back_up(database_of(home), PRESENT.head, lambda: True)
    assert list(backups.folder_of(database_of(home)).iterdir()) == []


def test_closing_does_not_wait_for_a_long_copy(
    home: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)

    def endless(_database: Path, _revision: str, should_stop) -> Path:
        wait_until(should_stop)
        raise Stopped

    monkeypatch.setattr(backups, "back_up", endless)
    monkeypatch.setattr(backups, "_WAIT_SECONDS", 0.05)
    RunStore.open(home).close()
    assert not [thread for thread in threading.enumerate() if thread.name == "history-backup"]


def test_damage_is_not_copied_over_a_sound_copy(filled: Home) -> None:
    backups.back_up(database_of(filled), PRESENT.head)
    before = names(filled)
    spoil(database_of(filled), table_pages(database_of(filled), "curve_chunks")[0])
    with pytest.raises(DamagedHistoryError):
        backups.back_up(database_of(filled), PRESENT.head)
    assert names(filled) == before
    with RunStore.open(filled) as store:
        assert "was damaged" in store.notices[0], "whoever opens it next looks at all of it"
        assert all(len(store.curve(run.id, Series.TRAINING_LOSS)) == 1000 for run in store.list_runs())


@pytest.mark.parametrize("table", ["curve_chunks", "runs", "cohorts", "tags", "checkpoints"])
def test_a_torn_page_costs_nothing_that_the_copy_has(filled: Home, table: str) -> None:
    backups.back_up(database_of(filled), PRESENT.head)
    with RunStore.open(filled) as store:
        newest = store.list_runs()[0]
        store.rename(newest.id, "newer than the copy")
    pages = table_pages(database_of(filled), table)
    spoil(database_of(filled), pages[len(pages) // 2])
    with RunStore.open(filled) as store:
        (sentence,) = store.notices
        runs = store.list_runs()
        assert len(runs) == RUNS
        assert all(run.status is RunStatus.FINISHED and "kept" in run.tags for run in runs)
        assert all(len(store.curve(run.id, Series.TRAINING_LOSS)) == 1000 for run in runs)
        assert all(len(store.checkpoints(run.id)) == 1 for run in runs)
        assert runs[0].name == "newer than the copy"
    check(filled)
    assert f"the backup of {datetime.now(UTC):%Y-%m-%d}" in sentence
    if table == "runs":
        assert "more runs came from the backup" in sentence


def test_with_the_first_page_lost_the_copy_is_the_history(filled: Home, tiny_twin: CohortSpec) -> None:
    backups.back_up(database_of(filled), PRESENT.head)
    with RunStore.open(filled) as store:
        newer = store.create_cohort(tiny_twin)
        for run in newer:
            filled.run(run.id).path.mkdir()
    spoil(database_of(filled), 1)
    with RunStore.open(filled) as store:
        assert len(store.list_runs()) == RUNS
        assert f"no run could be read out of it; {RUNS} runs came from the backup" in store.notices[0]
    check(filled)


def test_a_damaged_copy_is_passed_over_for_the_one_before(filled: Home) -> None:
    first = backups.back_up(database_of(filled), PRESENT.head)
    second = backups.back_up(database_of(filled), PRESENT.head)
    spoil(second, table_pages(second, "runs")[0])
    spoil(database_of(filled), 1)
    with RunStore.open(filled) as store:
        assert len(store.list_runs()) == RUNS
    assert first.exists()
    assert second.exists()


def test_what_was_cut_or_joined_since_is_not_doubled(home: Home, tiny_twin: CohortSpec) -> None:
    """The copy has points that were cut meanwhile, and small pieces of what is one piece now."""
    with RunStore.open(home) as store:
        plain, residual = store.create_cohort(tiny_twin)
        for run in (plain, residual):
            for first in range(1, 2001, 10):
                values = np.arange(first, first + 10, dtype=np.float32)
                store.append_chunks([CurveChunk(run.id, Series.TRAINING_LOSS, first, values)])
        store.set_tags(plain.id, ["x" * 90])
    backups.back_up(database_of(home), PRESENT.head)
    with RunStore.open(home) as store:
        store.set_status(plain.id, RunStatus.FINISHED)  # joins its pieces
        store.truncate_curves(residual.id, 500)
    for page in table_pages(database_of(home), "curve_chunks")[1:4]:
        spoil(database_of(home), page)
    with RunStore.open(home) as store:
        assert store.notices
        for run, points in ((plain, 2000), (residual, 500)):
            curve = store.curve(run.id, Series.TRAINING_LOSS)
            assert len(set(curve.iterations.tolist())) == len(curve) <= points
            assert curve.values.tolist() == curve.iterations.tolist()
    check(home)


def test_a_history_is_copied_before_it_is_migrated_even_if_it_was_just_copied(
    home: Home, tiny_twin: CohortSpec, tmp_path: Path
) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    RunStore.open(home).close()
    before = names(home)
    next_schema = migrate.Schema((*PRESENT.revisions, "9999"), tmp_path / "nowhere")
    with pytest.raises(Exception, match="nowhere"):
        migrate.prepare(database_of(home), schema=next_schema)
    assert len(names(home)) == len(before) + 1


def test_where_room_is_short_no_copy_is_made(
    home: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    free = os.statvfs(home.root).f_bavail * os.statvfs(home.root).f_frsize
    monkeypatch.setattr(backups, "_LEFT_FREE_BYTES", free + 2**30)
    RunStore.open(home).close()
    assert names(home) == []


def test_checkpoints_that_are_newer_than_the_copy_are_found_in_the_folders(home: Home, tiny_twin: CohortSpec) -> None:
    """Else the next training would start from an older one, and remove the newest."""
    with RunStore.open(home) as store:
        run = store.create_cohort(tiny_twin)[0]
        files = home.run(run.id)
        store.add_checkpoint(run.id, 5, f"{run.id}/checkpoints/iteration-00000005-abc", "0" * 64, 1.0)
    backups.back_up(database_of(home), PRESENT.head)
    for iteration in (5, 10, 15):
        folder = files.checkpoints / f"iteration-{iteration:08d}-abc"
        folder.mkdir(parents=True)
        state = {"iteration": iteration, "seconds": 2.5, "weights_sha256": f"{iteration:064d}"}
        (folder / "state.json").write_text(json.dumps(state))
    (files.checkpoints / "iteration-00000020-torn").mkdir()
    (files.checkpoints / "damaged-iteration-00000025-abc").mkdir()
    (files.checkpoints / "damaged-iteration-00000025-abc" / "state.json").write_text(json.dumps(state))
    (home.runs / ("b" * 32)).mkdir()
    for writer in (False, True):
        spoil(database_of(home), 1)
        with RunStore.open(home, writer=writer) as store:
            assert [row.iteration for row in store.checkpoints(run.id)] == [15, 10, 5]
            newest = store.checkpoints(run.id)[0]
            assert files.checkpoint(newest.folder).is_dir()
            assert store.get(run.id).weights_sha256 == newest.weights_sha256 == f"{15:064d}"
            assert any("The folder of 1 run is there, but not in the list" in notice for notice in store.notices)


def test_a_large_history_is_not_copied_when_a_short_command_ends(
    home: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    monkeypatch.setattr(backups, "_SHORT_BYTES", 1000)
    monkeypatch.setattr(backups, "_DELAY_SECONDS", 3600.0)
    RunStore.open(home).close()
    assert names(home) == []
    monkeypatch.setattr(backups, "_DELAY_SECONDS", 0.0)
    with RunStore.open(home):
        wait_until(lambda: bool(names(home)))
    assert len(names(home)) == 1, "a program that stays makes it"
