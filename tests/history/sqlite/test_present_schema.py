"""A history that an earlier program with today's schema wrote opens unchanged: every run, curve, evaluation and
analysis. One with the schema before it is migrated, and loses nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.domain.series import Series
from resnet_studio.history.sqlite.migrate import PRESENT
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ...databases import database_of
from .test_migrate import as_now, rows
from .write_schema import BEFORE, analysis

SCRIPT = Path(__file__).parent / f"schema_{PRESENT.head}.sql"
PLAIN, RESIDUAL = "2ba18e45bc8a4c1d96a228ab5a1308a3", "f356d59bb619475e91abd9da31082f1e"
STOPPED, INTERRUPTED = "0da7a7301a1c4f528102325a95b1b935", "bb4ed82b50b24403b0374a66dc608484"
EVALUATION = "bbdcc856c1f9475e8f9e6b6bba475935"
OLD_TABLES = ("cohorts", "runs", "curve_chunks", "checkpoints", "tags", "evaluations", "evaluation_members")
TABLES = (*OLD_TABLES, "queue", "analyses", "analysis_members", "alembic_version, (SELECT 1), (SELECT 1)")


def written(home: Home, script: Path) -> Home:
    connection = sqlite3.connect(database_of(home))
    connection.executescript(script.read_text(encoding="utf-8"))
    connection.close()
    return home


@pytest.fixture
def earlier(home: Home) -> Home:
    return written(home, SCRIPT)


def test_it_opens_as_it_was(earlier: Home) -> None:
    before = {table: rows(database_of(earlier), table) for table in TABLES}
    assert all(before.values()), "there is something in each table"
    with RunStore.open(earlier) as store:
        assert store.writable
        assert (store.backup, store.notices, store.interrupted_at_start) == (None, (), ())
        assert [(run.name, run.status, run.iteration) for run in store.list_runs()] == [
            ("still queued", RunStatus.QUEUED, 0),
            ("still queued", RunStatus.QUEUED, 0),
            ("from a file", RunStatus.IMPORTED, 0),
            ("interrupted", RunStatus.INTERRUPTED, 20),
            ("still queued", RunStatus.QUEUED, 0),
            ("stopped half-way", RunStatus.STOPPED, 5),
            ("plain-8", RunStatus.FINISHED, 12),
            ("ResNet-8", RunStatus.FINISHED, 12),
        ]
        assert [run.name for run in store.list_runs(deleted=True)] == ["deleted"]
        assert store.get(PLAIN).tags == ("kept", "plain one")
        assert store.get(RESIDUAL).note == "a note"
        assert store.get(RESIDUAL).spec.recipe.milestones == (8,)
        assert [row.iteration for row in store.checkpoints(INTERRUPTED)] == [19, 18]
        for run_id, points in ((PLAIN, 12), (RESIDUAL, 12), (STOPPED, 5), (INTERRUPTED, 20)):
            curve = store.curve(run_id, Series.TRAINING_LOSS)
            assert curve.iterations.tolist() == list(range(1, points + 1))
            assert np.isfinite(curve.values).all()
        assert store.curve(PLAIN, Series.TEST_ERROR).iterations.tolist() == [5, 10, 12]
    assert {table: rows(database_of(earlier), table) for table in TABLES} == before


def test_its_evaluation_is_there(earlier: Home) -> None:
    with RunStore.open(earlier, writer=False) as store:
        (summary,) = store.evaluations()
        assert (summary.id, summary.run_ids) == (EVALUATION, (RESIDUAL, PLAIN))
        assert (summary.top1_error, summary.images, summary.outdated) == (88.375, 2400, (False, False))
        whole = store.evaluation(EVALUATION)
        assert whole.confusion.sum() == whole.images == len(whole.names) == 2400
        wrong = (whole.predicted != whole.labels).mean()
        assert 100 * wrong == pytest.approx(summary.top1_error)


def test_its_analysis_is_there(earlier: Home) -> None:
    with RunStore.open(earlier, writer=False) as store:
        (summary,) = store.analyses()
        whole = store.analysis(summary.id)
    wanted = analysis(RESIDUAL, summary.weights[0])
    assert {name: getattr(summary, name) for name in summary.__slots__} == {
        name: getattr(wanted, name) for name in summary.__slots__
    }
    np.testing.assert_equal(whole.result.to_json(), wanted.result.to_json())


@pytest.mark.parametrize("revision", ["0002", "0003", "0006"])
def test_a_schema_before_it_comes_through_whole(home: Home, revision: str) -> None:
    written(home, BEFORE.with_name(f"schema_{revision}.sql"))
    before = {table: rows(database_of(home), table) for table in OLD_TABLES}
    assert all(before.values())
    with RunStore.open(home) as store:
        assert store.backup is not None
        assert len(store.analyses()) == (revision >= "0004")
        assert store.evaluations()[0].id == EVALUATION
    assert {table: rows(database_of(home), table) for table in OLD_TABLES} == as_now(before)


def test_what_waits_under_the_schema_before_it_says_which_device_it_asks_for(home: Home) -> None:
    written(home, BEFORE.with_name("schema_0005.sql"))
    connection = sqlite3.connect(database_of(home))
    ((run_ids,),) = connection.execute("SELECT run_ids FROM queue WHERE status = 'stopped'").fetchall()
    (spec,) = connection.execute("SELECT spec FROM runs WHERE id = ?", json.loads(run_ids)).fetchone()
    changed = json.loads(spec)
    changed["recipe"]["device"] = "cuda"
    connection.execute("UPDATE runs SET spec = ? WHERE id = ?", (json.dumps(changed), *json.loads(run_ids)))
    connection.commit()
    connection.close()
    with RunStore.open(home) as store:
        assert [entry.needs for entry in store.queue(ended=9)] == ["", "", "", "cuda", ""]
        assert store.workers() == []


def test_its_queue_is_there(earlier: Home) -> None:
    with RunStore.open(earlier, writer=False) as store:
        entries = store.queue(ended=9)
        assert [(entry.place, entry.status, entry.title, entry.reason) for entry in entries] == [
            (0, QueueStatus.FAILED, "interrupted", "The disk was full."),
            (0, QueueStatus.FINISHED, "still queued", ""),
            (1, QueueStatus.WAITING, "still queued", ""),
            (2, QueueStatus.STOPPED, "stopped half-way", ""),
            (3, QueueStatus.WAITING, "still queued", ""),
        ]
        assert entries[0].started_at is not None
        assert entries[0].ended_at is not None
        assert (entries[0].host, entries[0].device, entries[0].fence) == ("laboratory", "cpu", 1)
        assert entries[3].run_ids == (STOPPED,)
