"""Runs in and out: records, finding, changing, deleting."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.colours import colour_for_depth
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.schema import ArchivedRunRow
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..databases import run_sql

Twins = tuple[RunRecord, ...]


def test_new_runs_are_queued_and_know_their_network(store: RunStore, tiny_twin: CohortSpec) -> None:
    before = datetime.now(UTC)
    cohort = replace(tiny_twin, study="degradation")
    plain, residual = store.create_cohort(cohort)
    assert [run.spec for run in (plain, residual)] == list(cohort.runs)
    assert plain.cohort_id == residual.cohort_id != plain.id
    assert plain.id.isalnum()
    assert len({plain.id, residual.id}) == 2
    assert plain.status is RunStatus.QUEUED
    assert plain.resumable
    assert plain.parameters == blueprint(plain.spec.network).parameters
    assert plain.multiply_adds == blueprint(plain.spec.network).multiply_adds
    assert (plain.name, residual.name) == ("plain-8", "ResNet-8")
    assert plain.colour == colour_for_depth(8)
    assert plain.study == "degradation"
    assert before <= plain.created_at <= datetime.now(UTC)
    assert plain.created_at.tzinfo is UTC
    assert (plain.training_error, plain.test_error, plain.best_test_error, plain.weights_sha256) == (None,) * 4


def test_what_was_created_is_what_is_read_back_after_a_restart(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as store:
        created = store.create_cohort(tiny_twin)
        environment = {"device": "cpu", "torch": "2.15", "data": "ä\u2028'\""}
        store.set_started([run.id for run in created], ("cat", "dog, or 'wolf'"), environment)
    with RunStore.open(home) as store:
        for run in created:
            read = store.get(run.id)
            assert read.class_names == ("cat", "dog, or 'wolf'")
            assert read.environment == environment
            assert read.updated_at > run.updated_at
            back = {"class_names": (), "environment": {}, "updated_at": run.updated_at}
            assert dataclasses.replace(read, **back) == run  # type: ignore[arg-type]


def test_lists_are_newest_first_and_in_cohort_order_within(store: RunStore, tiny_twin: CohortSpec) -> None:
    old, new = store.create_cohort(tiny_twin), store.create_cohort(tiny_twin)
    assert [run.id for run in store.list_runs()] == [run.id for run in (*new, *old)]
    assert [run.id for run in store.cohort_runs(old[0].cohort_id)] == [run.id for run in old]
    assert store.cohort_runs("nobody") == []


def test_a_list_reads_no_curve_and_takes_four_statements_for_any_number_of_runs(
    store: RunStore, tiny_twin: CohortSpec
) -> None:
    for _ in range(10):
        store.create_cohort(tiny_twin)
    store.list_runs()
    said: list[str] = []
    with store._storage.reading() as session:
        reader = session.get_bind()
    event.listen(reader, "before_cursor_execute", lambda _c, _cur, statement, *_: said.append(statement))
    assert len(store.list_runs()) == 20
    assert len([text for text in said if text.startswith("SELECT")]) == 4  # evaluated errors, archive, runs, tags
    assert not any("curve_chunks" in text or "checkpoints" in text for text in said)


def test_the_end_of_a_run_is_noted_once_and_nothing_later_moves_it(store: RunStore, twins: Twins) -> None:
    run_id = twins[0].id
    for status in (RunStatus.RUNNING, RunStatus.STOPPED, RunStatus.RUNNING):
        store.set_status(run_id, status)
        assert store.get(run_id).ended_at is None
    before = datetime.now(UTC)
    store.set_status(run_id, RunStatus.DIVERGED)
    ended = store.get(run_id).ended_at
    assert ended is not None
    assert abs((ended - before).total_seconds()) < 60
    store.set_status(run_id, RunStatus.DIVERGED, "once more")
    store.set_note(run_id, "a note")
    assert store.get(run_id).ended_at == ended
    assert next(run for run in store.list_runs() if run.id == run_id).ended_at == ended


def test_find_takes_an_id_a_unique_prefix_or_an_exact_name(store: RunStore, twins: Twins) -> None:
    plain, residual = twins
    assert store.find(plain.id).id == plain.id
    assert store.find(f"  {plain.id.upper()} ").id == plain.id
    assert store.find("ResNet-8").id == residual.id
    shared = next(n for n in range(33) if plain.id[:n] != residual.id[:n])
    assert store.find(residual.id[:shared]).id == residual.id


def test_find_names_the_candidates(store: RunStore, tiny_twin: CohortSpec, twins: Twins) -> None:
    again = store.create_cohort(tiny_twin)
    with pytest.raises(UserError, match="could be any of") as caught:
        store.find("plain-8")
    assert twins[0].short_id in str(caught.value)
    assert again[0].short_id in str(caught.value)
    for _ in range(4):
        store.create_cohort(tiny_twin)
    with pytest.raises(UserError, match="and more"):
        store.find("plain-8")


@pytest.mark.parametrize("text", ["%", "_", "%%", "plain", "PLAIN-8", "\\", "' OR 1=1 --", "zz", "\udc80", "ä\udcff"])
def test_find_says_that_there_is_none(store: RunStore, twins: Twins, text: str) -> None:
    with pytest.raises(UserError, match="There is no run"):
        store.find(text)


def test_find_wants_a_text_and_knows_deleted_runs(store: RunStore, twins: Twins) -> None:
    with pytest.raises(UserError, match="Which run"):
        store.find("  ")
    store.delete([twins[0].id])
    with pytest.raises(UserError, match="was deleted"):
        store.find(twins[0].id)
    with pytest.raises(UserError, match="There is no run"):
        store.find("plain-8")


def test_unknown_ids_are_refused_everywhere(store: RunStore, twins: Twins) -> None:
    known = twins[0].id
    for call in (
        lambda: store.get("nobody"),
        lambda: store.rename("nobody", "x"),
        lambda: store.set_tags("nobody", ["x"]),
        lambda: store.set_note("nobody", "x"),
        lambda: store.set_colour("nobody", "#000000"),
        lambda: store.set_status("nobody", RunStatus.RUNNING),
        lambda: store.set_started([known, "nobody"], (), {}),
        lambda: store.set_weights("nobody", "00"),
        lambda: store.curve("nobody", Series.TEST_ERROR),
        lambda: store.checkpoints("nobody"),
        lambda: store.truncate_curves("nobody", 1),
        lambda: store.delete([known, "nobody"]),
        lambda: store.restore([known, "nobody"]),
    ):
        with pytest.raises(UserError, match="There is no run 'nobody'"):
            call()
    assert not store.get(known).deleted


def test_name_tags_note_and_colour(store: RunStore, twins: Twins) -> None:
    run_id = twins[0].id
    store.rename(run_id, "  ../../etc/passwd\n  of mine ")
    store.set_tags(run_id, ["paper", "best"])
    store.set_tags(run_id, [" best ", "figure  6", "", "best", "paper"])
    store.set_note(run_id, "line one\nline two")
    store.set_colour(run_id, "#0072b2")
    read = store.get(run_id)
    assert (read.name, read.tags) == ("../../etc/passwd of mine", ("best", "figure 6", "paper"))
    assert (read.note, read.colour) == ("line one\nline two", "#0072b2")
    assert read.updated_at > twins[0].updated_at
    assert store.find("../../etc/passwd of mine").id == run_id
    store.set_tags(run_id, [])
    assert store.get(run_id).tags == ()


def test_what_cannot_be_shown_is_refused(store: RunStore, twins: Twins) -> None:
    run_id = twins[0].id
    with pytest.raises(UserError, match="needs a name"):
        store.rename(run_id, " \n ")
    with pytest.raises(UserError, match="201 characters"):
        store.rename(run_id, "x" * 201)
    with pytest.raises(UserError, match="101 characters"):
        store.set_tags(run_id, ["x" * 101])
    for colour in ("red", "#12345", "#1234567", "#12345g", ""):
        with pytest.raises(UserError, match="not a colour"):
            store.set_colour(run_id, colour)
    assert store.get(run_id) == twins[0]


def test_status_reason_iteration_and_weights(store: RunStore, twins: Twins) -> None:
    run_id = twins[0].id
    store.set_status(run_id, RunStatus.DIVERGED, "The loss is not finite.", iteration=7)
    store.set_weights(run_id, "ab" * 32)
    read = store.get(run_id)
    assert (read.status, read.reason, read.iteration) == (RunStatus.DIVERGED, "The loss is not finite.", 7)
    assert read.weights_sha256 == "ab" * 32
    store.set_status(run_id, RunStatus.RUNNING)
    assert (store.get(run_id).reason, store.get(run_id).iteration) == ("", 7)


def test_checkpoints_newest_first(store: RunStore, twins: Twins) -> None:
    run_id = twins[0].id
    assert store.checkpoints(run_id) == []
    store.add_checkpoint(run_id, 5, f"{run_id}/5", "aa" * 32, 1.5)
    store.add_checkpoint(run_id, 10, f"{run_id}/10", "bb" * 32, 3.0)
    store.add_checkpoint(run_id, 10, f"{run_id}/10b", "cc" * 32, 3.5)
    newest, older = store.checkpoints(run_id)
    assert (newest.iteration, newest.folder, newest.seconds) == (10, f"{run_id}/10b", 3.5)
    assert (older.iteration, older.run_id, older.created_at.tzinfo) == (5, run_id, UTC)
    assert store.get(run_id).weights_sha256 == "cc" * 32
    store.drop_checkpoint(run_id, 10)
    store.drop_checkpoint(run_id, 10)
    assert [each.iteration for each in store.checkpoints(run_id)] == [5]
    assert store.checkpoints(twins[1].id) == []


def test_deleted_runs_are_hidden_until_restored(store: RunStore, twins: Twins) -> None:
    plain, residual = twins
    store.delete([plain.id])
    store.delete([plain.id])
    assert [run.id for run in store.list_runs()] == [residual.id]
    assert [run.id for run in store.cohort_runs(plain.cohort_id)] == [residual.id]
    (hidden,) = store.list_runs(deleted=True)
    assert hidden.id == plain.id
    assert hidden.deleted
    assert store.get(plain.id).deleted
    store.restore([plain.id])
    assert store.list_runs(deleted=True) == []
    assert len(store.list_runs()) == 2


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.PAUSED])
def test_a_run_in_training_is_not_deleted(store: RunStore, twins: Twins, status: RunStatus) -> None:
    store.set_status(twins[1].id, status)
    with pytest.raises(UserError, match="ResNet-8: a run in training cannot be deleted; stop it first"):
        store.delete([run.id for run in twins])
    assert len(store.list_runs()) == 2


def test_purging_removes_rows_and_folder_and_nothing_else(home: Home, store: RunStore, twins: Twins) -> None:
    plain, residual = twins
    for run in twins:
        (home.run(run.id).path / "checkpoint").mkdir(parents=True)
        (home.run(run.id).path / "checkpoint" / "weights.safetensors").write_bytes(b"w")
        store.add_checkpoint(run.id, 5, f"{run.id}/checkpoint", "aa" * 32, 1.5)
        store.set_tags(run.id, ["x"])
    store.delete([plain.id])
    assert store.purge_deleted(timedelta(days=1)) == 0
    assert home.run(plain.id).path.exists()
    assert store.purge_deleted() == 1
    assert not home.run(plain.id).path.exists()
    assert home.run(residual.id).path.exists()
    with pytest.raises(UserError):
        store.get(plain.id)
    assert store.get(residual.id).tags == ("x",)
    assert len(store.checkpoints(residual.id)) == 1
    store.delete([residual.id])
    assert store.purge_deleted() == 1
    assert store.purge_deleted() == 0
    with store._storage.reading() as session:
        for table in ("runs", "cohorts", "tags", "checkpoints", "curve_chunks"):
            count = session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert count == 0, table


def test_purging_follows_no_link(home: Home, store: RunStore, twins: Twins, tmp_path: Path) -> None:
    mine = tmp_path / "holiday"
    mine.mkdir()
    (mine / "photograph.png").write_bytes(b"x")
    home.run(twins[0].id).path.symlink_to(mine, target_is_directory=True)
    store.delete([twins[0].id])
    assert store.purge_deleted() == 1
    assert (mine / "photograph.png").exists()
    assert not home.run(twins[0].id).path.is_symlink()


def test_an_id_that_was_tampered_with_reaches_no_folder(
    home: Home, store: RunStore, twins: Twins, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    with store._storage.writing() as session:
        session.connection().exec_driver_sql("UPDATE runs SET id = '../../mine' WHERE position = 0")
    store.delete(["../../mine"])
    assert store.purge_deleted() == 1
    assert mine.is_dir()


def test_a_folder_that_cannot_be_removed_keeps_its_run(home: Home, store: RunStore, twins: Twins) -> None:
    home.run(twins[0].id).path.write_text("a file where a folder should be")
    store.delete([run.id for run in twins])
    with pytest.raises(StoreError, match="cannot be removed"):
        store.purge_deleted()
    assert [run.id for run in store.list_runs(deleted=True)] == [twins[0].id]
    home.run(twins[0].id).path.unlink()
    assert store.purge_deleted() == 1


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("spec", '{"schema_version": 99}', r"specification of run .* \(plain-8\) cannot be read"),
        ("spec", "not json", r"specification of run .* \(plain-8\) cannot be read"),
        ("status", "hibernating", r"Run plain-8 .* cannot be read"),
        ("created_at", "yesterday", r"Run plain-8 .* cannot be read"),
        ("environment", "{", r"Run plain-8 .* cannot be read"),
        ("environment", b'{"device\xff', r"Run plain-8 .* cannot be read"),
        ("spec", b"\xff", r"specification of run .* \(plain-8\) cannot be read"),
    ],
)
def test_a_run_that_makes_no_sense_is_named_and_the_others_are_there(
    store: RunStore, home: Home, backend: str, twins: Twins, column: str, value: str | bytes, why: str
) -> None:
    if backend == "postgresql" and column in ("created_at", "environment"):
        import psycopg

        with pytest.raises(psycopg.Error):  # the server itself refuses it
            run_sql(home, f"UPDATE runs SET {column} = CAST(? AS TEXT) WHERE position = 0", value)
        return
    run_sql(home, f"UPDATE runs SET {column} = CAST(? AS TEXT) WHERE position = 0", value)
    assert [run.name for run in store.list_runs()] == ["ResNet-8"]
    (sentence,) = store.notices
    assert re.search(why, sentence)
    assert list(store.unreadable) == [twins[0].id]
    assert store.get(twins[1].id).name == "ResNet-8"
    store.mark_interrupted()


def test_archived_runs_stay_whole_and_out_of_the_lists(store: RunStore, twins: tuple[RunRecord, ...]) -> None:
    plain, residual = twins
    store.archive([plain.id])
    assert [run.id for run in store.list_runs()] == [residual.id]
    (put_away,) = store.list_runs(archived=True)
    assert (put_away.id, put_away.archived, put_away.deleted) == (plain.id, True, False)
    assert store.get(plain.id) == put_away
    assert store.find(plain.id) == put_away  # by name or id it is found still
    store.archive([plain.id])  # again changes nothing
    store.delete([plain.id])
    assert store.list_runs(archived=True) == []
    assert [run.id for run in store.list_runs(deleted=True)] == [plain.id]
    store.restore([plain.id])
    assert [run.id for run in store.list_runs(archived=True)] == [plain.id]  # where it was before
    store.unarchive([plain.id])
    assert {run.id for run in store.list_runs()} == {plain.id, residual.id}


def test_a_run_in_training_is_not_archived_and_a_purged_one_leaves_no_trace(
    store: RunStore, twins: tuple[RunRecord, ...]
) -> None:
    plain, residual = twins
    store.set_status(plain.id, RunStatus.RUNNING)
    with pytest.raises(UserError, match="cannot be archived"):
        store.archive([residual.id, plain.id])
    assert store.list_runs(archived=True) == []
    store.archive([residual.id])
    store.delete([residual.id])
    assert store.purge_deleted() == 1
    with store._storage.reading() as session:
        assert session.scalars(select(ArchivedRunRow.run_key)).all() == []
