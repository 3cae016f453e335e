"""A history copied from one database to another and back."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.queue import Worker
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.column_types import storable
from resnet_studio.history.copying import CopiedTable, copy_history
from resnet_studio.history.sqlite.storage import url_in
from resnet_studio.history.storage import Storage, default_url, storage_at
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

ODD = "a\0b \ud800 ü 漢 " + "long" * 100


@pytest.fixture
def filled(home: Home, tiny_twin: CohortSpec) -> Home:
    """A closed history with something in most tables, odd text and numbers that are none among it."""
    rng = np.random.default_rng(0)
    with RunStore.open(home) as store:
        for _unused in range(3):
            first, second = store.create_cohort(tiny_twin, {"device": ODD})
            for start in range(1, 100, 20):
                values = rng.standard_normal(20).astype(np.float32)
                values[3] = np.nan
                store.append_chunks([CurveChunk(first.id, Series.TRAINING_LOSS, start, values)])
            store.append_chunks([CurveChunk(first.id, Series.TEST_ERROR, 5, np.float32([50, np.inf]), 5)])
            store.set_note(first.id, ODD.replace("\ud800", ""))  # which SQLite's driver refuses
            store.set_tags(second.id, ["b", "a", "ü"])
            store.add_checkpoint(first.id, 5, "x/y", "0" * 64, 0.1)
            store.archive([second.id])
        store.enqueue(tiny_twin)
        store.claim(Worker("w", "here"))
    return home


def opened(url: str, *, writer: bool) -> Storage:
    storage = storage_at(url)
    assert storage.open_for_writing() if writer else True
    storage.open_for_reading()
    return storage


def copy(source: str, target: str) -> tuple[CopiedTable, ...]:
    with closing(opened(source, writer=False)) as here, closing(opened(target, writer=True)) as there:
        return copy_history(here, there)


@pytest.fixture
def elsewhere(backend: str, database: str, tmp_path: Path) -> str:
    """An empty place in the other kind of database."""
    (tmp_path / "other").mkdir()
    return database if backend == "sqlite" else url_in(tmp_path / "other")


def test_there_and_back_every_table_is_the_same(filled: Home, elsewhere: str, tmp_path: Path) -> None:
    there = copy(default_url(filled), elsewhere)
    counts = {one.name: one.rows for one in there}
    assert counts["runs"] == 8
    assert counts["curve_chunks"] == 18
    assert counts["tags"] == 9
    assert len({one.sha256 for one in there if one.rows}) == sum(bool(one.rows) for one in there)
    (tmp_path / "back").mkdir()
    assert copy(elsewhere, url_in(tmp_path / "back")) == there
    with (
        RunStore.open(filled) as before,
        RunStore.open_url(Home(tmp_path / "x"), elsewhere, writer=True, wait_seconds=0) as after,
    ):
        assert [run.id for run in after.list_runs()] == [run.id for run in before.list_runs()]
        for old, new in zip(before.list_runs(), after.list_runs(), strict=True):
            assert new == replace(old, note=storable(old.note))
            assert old.environment.get("device", ODD) == ODD
            for series in (Series.TRAINING_LOSS, Series.TEST_ERROR):
                mine, theirs = before.curve(old.id, series), after.curve(new.id, series)
                assert mine.values.tobytes() == theirs.values.tobytes()
                assert mine.iterations.tolist() == theirs.iterations.tolist()


def test_new_rows_come_after_the_copied_ones(filled: Home, elsewhere: str, tiny_twin: CohortSpec) -> None:
    copy(default_url(filled), elsewhere)
    with RunStore.open_url(filled, elsewhere, writer=True, wait_seconds=0) as store:
        new = store.create_cohort(tiny_twin)
        assert [run.id for run in store.list_runs()][:2] == [run.id for run in new]
        assert store.enqueue(tiny_twin).place > 1


def test_a_place_with_a_history_is_refused_in_one_sentence(filled: Home, elsewhere: str) -> None:
    copy(default_url(filled), elsewhere)
    with pytest.raises(UserError, match=r"There is a history in .* already; name a place without one\.$"):
        copy(default_url(filled), elsewhere)


def test_stopped_in_the_middle_nothing_is_there(filled: Home, elsewhere: str) -> None:
    seen: list[float] = []

    def report(_table: str, fraction: float) -> None:
        seen.append(fraction)

    with closing(opened(default_url(filled), writer=False)) as here, closing(opened(elsewhere, writer=True)) as there:
        with pytest.raises(Stopped):
            copy_history(here, there, report, lambda: len(seen) > 3)
        assert 0 < max(seen) < 1
        copied = copy_history(here, there, report)
        assert seen == sorted(seen[:4]) + sorted(seen[4:])
    assert sum(one.rows for one in copied) > 30


def test_what_makes_no_sense_is_named(filled: Home, elsewhere: str, backend: str) -> None:
    if backend == "postgresql":
        statement = "UPDATE runs SET status = 'dreaming' WHERE position = 0"
    else:
        statement = "UPDATE runs SET created_at = 'yesterday' WHERE position = 0"
    with closing(opened(default_url(filled), writer=True)) as storage, storage.writing() as session:
        session.connection().exec_driver_sql(statement)
    with pytest.raises(UserError, match=r"A row of runs cannot be copied: its .* is .*(yesterday|dreaming)"):
        copy(default_url(filled), elsewhere)


def test_an_active_run_of_a_file_is_interrupted_once_it_is_on_the_server(
    filled: Home, elsewhere: str, backend: str
) -> None:
    """The status of a run that nobody can be training any more goes with it; a server's runs have claims."""
    with RunStore.open(filled) as store:
        run = store.list_runs()[0]
        store.set_status(run.id, RunStatus.STOPPED)
    copy(default_url(filled), elsewhere)
    with RunStore.open_url(filled, elsewhere, writer=True, wait_seconds=0) as store:
        assert store.get(run.id).status is RunStatus.STOPPED
