"""Programs that read and write one history at the same time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import HistoryAwayError
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.queue import LEASE_SECONDS, LostClaimError, QueueStatus, Worker
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.postgres import connections
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.home import Home


def test_both_write_notes_and_tags(home: Home, tiny_twin: CohortSpec) -> None:
    with open_history(home) as one, open_history(home) as two:
        assert one.writable
        assert two.writable
        run = one.create_cohort(tiny_twin)[0]
        two.set_note(run.id, "from the second")
        one.set_tags(run.id, ["from the first"])
        for store in (one, two):
            assert (store.get(run.id).note, store.get(run.id).tags) == ("from the second", ("from the first",))


def test_what_both_change_at_the_same_moment_survives(home: Home, tiny_twin: CohortSpec) -> None:
    """Each kind of change by two threads, each with its own store, a few dozen times at once."""
    with open_history(home) as one, open_history(home) as two:
        run = one.create_cohort(tiny_twin)[0]
        start = threading.Barrier(4)

        def work(store: RunStore, change: str) -> None:
            start.wait(20)
            for count in range(30):
                if change == "note":
                    store.set_note(run.id, f"note {count}")
                elif change == "tags":
                    store.set_tags(run.id, [f"tag {count}", "kept", "also"])
                elif change == "environment":
                    store.change_environment([run.id], {f"one {count}": "x"})
                else:
                    store.change_environment([run.id], {f"two {count}": "x"})

        with ThreadPoolExecutor(4) as pool:
            changes = [(one, "note"), (two, "tags"), (one, "environment"), (two, "other")]
            for done in [pool.submit(work, *change) for change in changes]:
                done.result(60)
        found = one.get(run.id)
        assert found.note == "note 29"
        assert found.tags == ("tag 29", "kept", "also")
        assert len(found.environment) == 60, "none was overwritten by who had read it before"


def test_two_that_set_tags_at_once_do_not_mix_them(home: Home, tiny_twin: CohortSpec) -> None:
    with open_history(home) as one, open_history(home) as two:
        run = one.create_cohort(tiny_twin)[0]

        def work(store: RunStore, tags: list[str]) -> None:
            for _unused in range(30):
                store.set_tags(run.id, tags)

        with ThreadPoolExecutor(2) as pool:
            for done in (pool.submit(work, one, ["a", "b"]), pool.submit(work, two, ["b", "c"])):
                done.result(60)
        assert one.get(run.id).tags in (("a", "b"), ("b", "c"))


def test_a_reader_sees_one_moment(home: Home, tiny_twin: CohortSpec) -> None:
    with open_history(home) as one, open_history(home) as two:
        run = one.create_cohort(tiny_twin)[0]
        count = "SELECT count(*) FROM runs"
        with one._storage.reading() as session:
            assert session.connection().exec_driver_sql(count).scalar() == 2
            two.create_cohort(tiny_twin)
            assert session.connection().exec_driver_sql(count).scalar() == 2, "as it was when this began"
            with pytest.raises(Exception, match="read-only"):
                session.connection().exec_driver_sql("UPDATE runs SET note = ''")
        assert len(one.list_runs()) == 4
        assert one.get(run.id).note == ""


def test_opening_a_history_declares_no_remote_run_dead(home: Home, tiny_twin: CohortSpec) -> None:
    with open_history(home) as worker:
        entry = worker.enqueue(tiny_twin)
        claim = worker.claim(Worker("far:1", "far"))
        assert claim is not None
        worker.under(claim).set_status(entry.run_ids[0], RunStatus.RUNNING)
        for writer in (True, False):
            with open_history(home, writer=writer) as window:
                assert window.interrupted_at_start == ()
                assert window.get(entry.run_ids[0]).status is RunStatus.RUNNING
        worker.renew(claim)


def test_the_databases_clock_decides_not_this_machines(
    home: Home, monkeypatch: pytest.MonkeyPatch, tiny_twin: CohortSpec
) -> None:
    with open_history(home) as store:
        store.enqueue(tiny_twin)
        monkeypatch.setattr(time, "time", lambda: 4e9)
        claim = store.claim(Worker("wrong clock", "here"))
        assert claim is not None
        (entry,), now = store.claimed_entries()
        assert entry.lease_until is not None
        assert now.year < 2090
        assert 0 < (entry.lease_until - now).total_seconds() <= LEASE_SECONDS
        assert store.claim(Worker("other", "there")) is None


def test_eight_claim_side_by_side_and_each_entry_once(home: Home, tiny_twin: CohortSpec) -> None:
    with open_history(home) as store:
        wanted = sorted(store.enqueue(tiny_twin).id for _unused in range(24))
    claimed: list[str] = []
    empty_handed = 0

    def work(number: int) -> None:
        nonlocal empty_handed
        with open_history(home) as own:
            while (claim := own.claim(Worker(f"w{number}", "here"))) is not None:
                claimed.append(claim.entry_id)
                own.under(claim).set_status(claim.run_ids[0], RunStatus.RUNNING)
                own.release(claim, QueueStatus.FINISHED)
            empty_handed += 1

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result(90)
    assert sorted(claimed) == wanted
    assert empty_handed == 8


def test_a_claim_in_progress_hides_one_entry_and_not_the_queue(home: Home, tiny_twin: CohortSpec) -> None:
    with open_history(home) as one, open_history(home) as two:
        first, second = one.enqueue(tiny_twin), one.enqueue(tiny_twin)
        with one._storage.writing() as session:
            statement = f"SELECT key FROM queue WHERE id = '{first.id}' FOR UPDATE"
            session.connection().exec_driver_sql(statement)
            claim = two.claim(Worker("w", "here"))
        assert claim is not None
        assert claim.entry_id == second.id


def test_every_write_under_a_claim_begins_with_the_fence_locked(home: Home, tiny_twin: CohortSpec) -> None:
    """Whoever takes over waits for a write that has begun; whoever writes after the take-over is refused."""
    with open_history(home) as one, open_history(home) as two:
        one.enqueue(tiny_twin)
        claim = one.claim(Worker("slow", "here"))
        assert claim is not None
        run_id = claim.run_ids[0]
        points = np.arange(3, dtype=np.float32)
        taken = []

        def take_over() -> None:
            with two._storage.writing() as session:
                session.connection().exec_driver_sql("UPDATE queue SET fence = fence + 1")
            taken.append(time.monotonic())

        thread = threading.Thread(target=take_over)
        with one.under(claim)._storage.writing():
            thread.start()
            time.sleep(0.3)
            assert not taken, "the row is locked until this transaction ends"
        thread.join(20)
        assert taken
        with pytest.raises(LostClaimError):
            one.under(claim).append_chunks([CurveChunk(run_id, Series.TRAINING_LOSS, 1, points)])
        assert len(two.curve(run_id, Series.TRAINING_LOSS)) == 0


def test_who_waits_too_long_for_a_row_is_told_so(
    home: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections._SETTINGS, "lock_timeout", "300ms")
    with open_history(home) as one, open_history(home) as two:
        run = one.create_cohort(tiny_twin)[0]
        with one._storage.writing() as session:
            session.connection().exec_driver_sql("UPDATE runs SET note = 'x'")
            with pytest.raises(HistoryAwayError, match=r"Another program changes the same part .*try again\.$"):
                two.set_note(run.id, "y")
        two.set_note(run.id, "y")
        assert one.get(run.id).note == "y"


def test_text_that_postgres_refuses_is_kept_without_what_it_refuses(
    store: RunStore, twins: tuple[RunRecord, ...]
) -> None:
    store.set_note(twins[0].id, "a\0b\ud800c \U0001f600")
    assert store.get(twins[0].id).note == "a�b�c \U0001f600"
    store.set_tags(twins[0].id, ["t\0"])
    assert store.get(twins[0].id).tags == ("t�",)
    store.change_environment([twins[0].id], {"odd": "a\0b\ud800"})
    assert store.get(twins[0].id).environment["odd"] == "a\0b\ud800", "JSON escapes it"
    store.set_status(twins[0].id, RunStatus.FAILED, "r\0" + "long " * 10_000)
    assert store.get(twins[0].id).reason == "r�" + "long " * 10_000
