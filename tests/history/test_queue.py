"""The queue's table: order, claims with their fence, what is removed, and changes that other programs ask for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.queue import (
    LEASE_SECONDS,
    MOST_RUNS,
    LostClaimError,
    QueueCommand,
    QueueEntry,
    QueueRequest,
    QueueStatus,
    QueueVerb,
    Worker,
)
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.queue import store as queue_store
from resnet_studio.history.queue import workers
from resnet_studio.history.steer import answer_requests, steer
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..databases import on_a_file, on_a_server, run_sql
from .conftest import Spawn

ME, OTHER = Worker("here:1:a", "here", "cpu"), Worker("there:2:b", "there")


@pytest.fixture
def three(store: RunStore, tiny_twin: CohortSpec) -> list[QueueEntry]:
    return [store.enqueue(tiny_twin) for _ in range(3)]


def order(store: RunStore) -> list[str]:
    return [entry.id for entry in store.queue()]


def let_lease_run_out(home: Home, entry_id: str) -> None:
    past = "lease_until - interval '1 hour'" if home.history else "datetime(lease_until, '-1 hour')"
    run_sql(home, f"UPDATE queue SET lease_until = {past} WHERE id = ?", entry_id)


# Entries


def test_entries_keep_their_order_and_know_their_cohort(store: RunStore, tiny_twin: CohortSpec) -> None:
    first = store.enqueue(tiny_twin, {"engine": "eager"})
    second = store.enqueue(tiny_twin, first=True)
    assert [(entry.id, entry.place) for entry in store.queue()] == [(second.id, 1), (first.id, 2)]
    entry = store.entry(first.id)
    assert entry.place == 2
    assert [run.name for run in entry.runs] == [run.label for run in tiny_twin.runs]
    assert {run.status for run in entry.runs} == {RunStatus.QUEUED}
    assert entry.runs[0].environment == {"engine": "eager"}
    assert (entry.title, entry.study, entry.seeds, entry.progress) == (tiny_twin.label, tiny_twin.study, (0,), 0.0)
    assert [run.id for run in store.cohort_runs(entry.cohort_id)] == list(entry.run_ids)


def test_each_that_comes_first_stands_before_all_others(store: RunStore, tiny_twin: CohortSpec) -> None:
    last = store.enqueue(tiny_twin)
    firsts = [store.enqueue(tiny_twin, first=True) for _ in range(4)]
    assert order(store) == [*(entry.id for entry in reversed(firsts)), last.id]


def deeper(cohort: CohortSpec, depth: int, **changes: object) -> CohortSpec:
    """Another network, the same batches but for what changes."""
    run = cohort.runs[1]
    network = replace(run.network, depth=depth)
    return CohortSpec(study=cohort.study, runs=(replace(run, network=network, recipe=replace(run.recipe, **changes)),))


def test_runs_that_may_share_batches_wait_as_one_cohort(store: RunStore, tiny_twin: CohortSpec) -> None:
    begun = store.enqueue(tiny_twin)
    assert store.claim(ME) is not None
    first = store.enqueue(tiny_twin)
    joined = store.enqueue(deeper(tiny_twin, 14, init_seed=5), join=True)
    assert (joined.id, joined.cohort_id, joined.place) == (first.id, first.cohort_id, 2)
    assert joined.run_ids[:2] == first.run_ids
    assert [run.name for run in joined.runs] == ["plain-8", "ResNet-8", "ResNet-14"]
    assert [run.id for run in store.cohort_runs(first.cohort_id)] == list(joined.run_ids)
    assert store.entry(begun.id).run_ids == begun.run_ids, "what is trained stays as it is"
    apart = [
        store.enqueue(deeper(tiny_twin, 14, data_seed=1), join=True),  # other batches
        store.enqueue(deeper(tiny_twin, 14, init_seed=5), join=True),  # the same run again
        store.enqueue(deeper(tiny_twin, 20)),  # not wanted
        store.enqueue(deeper(tiny_twin, 26).model_copy(update={"study": "other"}), join=True),
        store.enqueue(deeper(tiny_twin, 32), {"engine": "compiled"}, join=True),
    ]
    assert [entry.place for entry in apart] == [3, 4, 5, 6, 7]
    store.ask(first.id, QueueRequest.PAUSE)
    assert store.enqueue(deeper(tiny_twin, 38), join=True).id == apart[1].id, "a paused one takes no part"


def test_a_cohort_is_joined_up_to_its_most_runs(store: RunStore, tiny_twin: CohortSpec) -> None:
    run = tiny_twin.runs[1]
    many = [replace(run, recipe=replace(run.recipe, init_seed=seed)) for seed in range(MOST_RUNS)]
    store.enqueue(CohortSpec(runs=tuple(many[:-1]), study=tiny_twin.study))
    store.enqueue(CohortSpec(runs=(many[-1],), study=tiny_twin.study), join=True)
    store.enqueue(deeper(tiny_twin, 14), join=True)
    assert [len(entry.runs) for entry in store.queue()] == [MOST_RUNS, 1]


def test_moved_entries_stay_where_they_were_put(store: RunStore, three: list[QueueEntry]) -> None:
    a, b, c = (entry.id for entry in three)
    store.move(c, 1)
    assert order(store) == [c, a, b]
    store.move(c, 10**30)
    assert order(store) == [a, b, c]
    store.move(a, 2)
    assert order(store) == [b, a, c]
    claim = store.claim(ME)
    assert claim is not None
    assert claim.entry_id == b
    store.move(c, 1)
    assert order(store) == [b, c, a], "what is trained comes first"
    with pytest.raises(UserError, match="comes first"):
        store.move(b, 3)
    with pytest.raises(UserError, match="no entry"):
        store.move("0" * 32, 1)


def test_removed_entries_leave_no_ghosts(store: RunStore, home: Home, three: list[QueueEntry]) -> None:
    store.remove(three[1].id)
    assert order(store) == [three[0].id, three[2].id]
    assert not set(three[1].run_ids) & {run.id for run in store.list_runs()}
    assert store.list_runs(deleted=True) == []
    assert run_sql(home, "SELECT count(*) FROM cohorts") == [(2,)]
    begun = three[0].run_ids
    store.set_status(begun[0], RunStatus.STOPPED, iteration=5)
    store.remove(three[0].id)
    assert [run.id for run in store.list_runs()] == [*three[2].run_ids, begun[0]], "what has begun stays"
    assert store.get(begun[0]).status is RunStatus.STOPPED
    assert store.get(begun[0]).iteration == 5


def test_deleted_runs_are_not_trained(store: RunStore, three: list[QueueEntry]) -> None:
    store.delete(three[0].run_ids)
    store.delete(three[1].run_ids[:1])
    assert [(entry.id, entry.place) for entry in store.queue()] == [(three[1].id, 1), (three[2].id, 2)]
    claim = store.claim(ME)
    assert claim is not None
    assert (claim.entry_id, claim.run_ids) == (three[1].id, three[1].run_ids[1:])
    store.release(claim, QueueStatus.FINISHED)
    store.purge_deleted()
    with pytest.raises(UserError):
        store.entry(three[0].id)


def test_a_repeated_entry_is_a_new_cohort(store: RunStore, three: list[QueueEntry]) -> None:
    claim = store.claim(ME)
    assert claim is not None
    store.release(claim, QueueStatus.FINISHED)
    again = store.repeat(three[0].id)
    assert order(store) == [three[1].id, three[2].id, again.id]
    assert not set(again.run_ids) & set(three[0].run_ids)
    assert [run.spec for run in again.runs] == [run.spec for run in three[0].runs]


def test_stored_runs_join_the_queue_by_cohort(store: RunStore, tiny_twin: CohortSpec) -> None:
    one, two = store.create_cohort(tiny_twin), store.create_cohort(tiny_twin)
    added = store.enqueue_runs([two[1].id, one[1].id, two[0].id])
    assert [entry.run_ids for entry in added] == [(two[0].id, two[1].id), (one[1].id,)]
    assert order(store) == [entry.id for entry in added]
    with pytest.raises(UserError, match="already"):
        store.enqueue_runs([one[0].id, one[1].id])
    store.set_status(one[0].id, RunStatus.FINISHED)
    with pytest.raises(UserError, match="nothing is left"):
        store.enqueue_runs([one[0].id])
    assert len(store.queue()) == 2


def test_a_held_entry_gives_its_runs_up(store: RunStore, three: list[QueueEntry]) -> None:
    store.ask(three[0].id, QueueRequest.STOP)
    (alone,) = store.enqueue_runs(three[0].run_ids[:1], first=True)
    assert [(entry.id, entry.run_ids) for entry in store.queue()][:2] == [
        (alone.id, three[0].run_ids[:1]),
        (three[0].id, three[0].run_ids[1:]),
    ]
    (whole,) = store.enqueue_runs(three[0].run_ids[1:])
    assert order(store) == [alone.id, three[1].id, three[2].id, whole.id]


def test_entries_are_found_by_place_and_id(store: RunStore, three: list[QueueEntry]) -> None:
    assert store.find_entry("2").id == three[1].id
    assert store.find_entry(three[2].id[:10]).id == three[2].id
    assert store.find_entry(three[0].cohort_id).id == three[0].id
    for text in ("4", "0", "", "nothing"):
        with pytest.raises(UserError, match="no entry"):
            store.find_entry(text)


# Claims


def test_claims_go_round_in_order_and_an_entry_is_claimed_once(store: RunStore, three: list[QueueEntry]) -> None:
    claims = [store.claim(worker) for worker in (ME, OTHER, ME)]
    assert [claim.entry_id for claim in claims if claim] == [entry.id for entry in three]
    assert store.claim(OTHER) is None
    assert store.claim(OTHER, three[0].id) is None
    first = store.entry(three[0].id)
    assert (first.status, first.owner, first.host, first.device) == (QueueStatus.RUNNING, ME.name, "here", "cpu")
    assert first.lease_until is not None
    assert first.heard_at is not None
    assert (first.lease_until - first.heard_at).total_seconds() == LEASE_SECONDS


def test_many_threads_claim_each_entry_once(store: RunStore, tiny_twin: CohortSpec) -> None:
    wanted = sorted(store.enqueue(tiny_twin).id for _ in range(12))
    claimed: list[str] = []

    def work(name: str) -> None:
        while (claim := store.claim(Worker(name, "here"))) is not None:
            claimed.append(claim.entry_id)
            store.release(claim, QueueStatus.FINISHED)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(claimed) == wanted


def test_a_paused_or_stopped_entry_takes_no_turn(store: RunStore, three: list[QueueEntry]) -> None:
    store.ask(three[0].id, QueueRequest.PAUSE)
    store.ask(three[1].id, QueueRequest.STOP)
    assert [entry.status for entry in store.queue()] == [
        QueueStatus.PAUSED, QueueStatus.STOPPED, QueueStatus.WAITING,
    ]  # fmt: skip
    claim = store.claim(ME)
    assert claim is not None
    assert claim.entry_id == three[2].id
    assert store.claim(ME) is None
    store.ask(three[0].id, QueueRequest.GO_ON)
    again = store.claim(ME)
    assert again is not None
    assert again.entry_id == three[0].id
    chosen = store.claim(ME, three[1].id)
    assert chosen is not None, "a person chose it"


def test_what_is_asked_of_a_running_entry_reaches_who_trains_it(store: RunStore, three: list[QueueEntry]) -> None:
    claim = store.claim(ME)
    assert claim is not None
    assert store.requested(claim) is QueueRequest.GO_ON
    store.ask(claim.entry_id, QueueRequest.PAUSE)
    assert store.requested(claim) is QueueRequest.PAUSE
    entry = store.entry(claim.entry_id)
    assert (entry.status, entry.claimed) == (QueueStatus.PAUSED, True)
    store.ask(claim.entry_id, QueueRequest.STOP)
    assert store.requested(claim) is QueueRequest.STOP
    with pytest.raises(UserError, match="stop it before"):
        store.remove(claim.entry_id)
    store.release(claim, QueueStatus.STOPPED, "Stopped at iteration 5.")
    entry = store.entry(claim.entry_id)
    assert (entry.status, entry.reason, entry.request) == (
        QueueStatus.STOPPED, "Stopped at iteration 5.", QueueRequest.GO_ON,
    )  # fmt: skip


def test_an_entry_given_back_comes_next(store: RunStore, three: list[QueueEntry]) -> None:
    claim = store.claim(ME)
    assert claim is not None
    store.move(three[2].id, 2)
    store.release(claim, QueueStatus.WAITING)
    assert order(store) == [three[0].id, three[2].id, three[1].id]
    with pytest.raises(LostClaimError):
        store.release(claim, QueueStatus.FINISHED)


def test_who_lost_a_claim_changes_nothing(store: RunStore, home: Home, three: list[QueueEntry]) -> None:
    slow = store.claim(ME)
    assert slow is not None
    run_id = slow.run_ids[0]
    mine = store.under(slow)
    points = np.arange(1, 4, dtype=np.float32)
    mine.append_chunks([CurveChunk(run_id, Series.TRAINING_LOSS, 1, points)])
    assert store.claim(OTHER, slow.entry_id) is None, "the lease holds"
    let_lease_run_out(home, slow.entry_id)
    fast = store.claim(OTHER)
    assert fast is not None
    assert (fast.entry_id, fast.fence) == (slow.entry_id, slow.fence + 1)
    for write in (
        lambda: mine.append_chunks([CurveChunk(run_id, Series.TRAINING_LOSS, 4, points)]),
        lambda: mine.set_status(run_id, RunStatus.FINISHED),
        lambda: mine.add_checkpoint(run_id, 3, "x", "y", 1.0),
        lambda: mine.truncate_curves(run_id, 0),
        lambda: store.renew(slow),
        lambda: store.requested(slow),
        lambda: store.release(slow, QueueStatus.FINISHED),
    ):
        with pytest.raises(LostClaimError):
            write()
    assert len(store.curve(run_id, Series.TRAINING_LOSS)) == 3
    assert store.get(run_id).status is RunStatus.QUEUED
    assert store.checkpoints(run_id) == []
    store.under(fast).append_chunks([CurveChunk(run_id, Series.TRAINING_LOSS, 4, points)])
    store.renew(fast, speed=12.5)
    assert store.entry(fast.entry_id).speed == 12.5
    assert len(store.curve(run_id, Series.TRAINING_LOSS)) == 6


KILLED = """
import os, signal, sys
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.queue import Worker
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
store = RunStore.open(Home.find(sys.argv[1]))
claim = store.claim(Worker("dead:1:x", "dead"))
store.under(claim).set_status(claim.run_ids[0], RunStatus.RUNNING)
print(claim.entry_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@on_a_file
def test_a_killed_writers_entry_waits_again_as_the_next(home: Home, spawn: Spawn, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as store:
        entries = [store.enqueue(tiny_twin) for _ in range(2)]
    process = spawn(KILLED, str(home.root))
    out, _unused = process.communicate(timeout=60)
    assert out.strip() == entries[0].id
    with RunStore.open(home) as store:
        first = store.queue()[0]
        assert (first.id, first.status, first.owner, first.fence) == (entries[0].id, QueueStatus.WAITING, "", 2)
        assert "ended without warning" in first.reason
        assert [run.status for run in first.runs] == [RunStatus.INTERRUPTED, RunStatus.QUEUED]


@on_a_server
def test_a_killed_workers_entry_waits_again_once_its_lease_has_run_out(
    home: Home, spawn: Spawn, tiny_twin: CohortSpec
) -> None:
    with RunStore.open(home) as store:
        entries = [store.enqueue(tiny_twin) for _ in range(2)]
    process = spawn(KILLED.replace("Home.find(sys.argv[1])", "Home.find(sys.argv[1], history=sys.argv[2])"),
                    str(home.root), home.history)  # fmt: skip
    out, _unused = process.communicate(timeout=60)
    assert out.strip() == entries[0].id
    with RunStore.open(home) as store:
        assert store.interrupted_at_start == ()
        first = store.queue()[0]
        assert (first.id, first.status, first.host, first.fence) == (entries[0].id, QueueStatus.RUNNING, "dead", 1)
        assert [run.status for run in first.runs] == [RunStatus.RUNNING, RunStatus.QUEUED], "its lease holds"
    let_lease_run_out(home, entries[0].id)
    with RunStore.open(home) as store:
        assert store.interrupted_at_start == first.run_ids[:1]
        first = store.queue()[0]
        assert (first.id, first.status, first.owner, first.fence) == (entries[0].id, QueueStatus.WAITING, "", 2)
        assert "until its claim ran out" in first.reason
        assert [run.status for run in first.runs] == [RunStatus.INTERRUPTED, RunStatus.QUEUED]


def test_who_takes_over_finds_runs_that_can_go_on(store: RunStore, home: Home, three: list[QueueEntry]) -> None:
    slow = store.claim(ME)
    assert slow is not None
    store.under(slow).set_status(slow.run_ids[0], RunStatus.RUNNING)
    let_lease_run_out(home, slow.entry_id)
    fast = store.claim(OTHER)
    assert fast is not None
    assert fast.entry_id == slow.entry_id
    assert [store.get(run_id).status for run_id in fast.run_ids] == [RunStatus.INTERRUPTED, RunStatus.QUEUED]
    assert store.release_expired() == (), "the new lease holds"


# Damage


def test_odd_values_are_held_and_can_be_removed(store: RunStore, home: Home, three: list[QueueEntry]) -> None:
    run_sql(home, "UPDATE queue SET status = 'dreaming', request = 'sing' WHERE id = ?", three[0].id)
    run_sql(home, "UPDATE queue SET run_ids = '[\"../../etc\", 7' WHERE id = ?", three[1].id)
    assert [(entry.id, entry.status) for entry in store.queue()] == [
        (three[0].id, QueueStatus.STOPPED),
        (three[2].id, QueueStatus.WAITING),
    ]
    claim = store.claim(ME)
    assert claim is not None
    assert claim.entry_id == three[2].id
    store.remove(three[0].id)
    assert order(store) == [three[2].id]


# Other programs


@contextmanager
def answering(store: RunStore) -> Iterator[None]:
    """The writer looks for requests, in a thread of its own."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            answer_requests(store)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


@on_a_file
def test_a_reader_changes_the_queue_through_the_writer(
    store: RunStore, home: Home, three: list[QueueEntry], tiny_twin: CohortSpec
) -> None:
    with answering(store), RunStore.open(home, writer=False) as reader:
        added = steer(reader, QueueCommand(verb=QueueVerb.ADD, cohort=tiny_twin, environment={"engine": "eager"}))
        assert order(reader) == [*(entry.id for entry in three), added]
        assert reader.entry(added).runs[0].environment == {"engine": "eager"}
        for step in (-2, 1, -1, -9):  # from where it stands by then
            steer(reader, QueueCommand(verb=QueueVerb.MOVE, entry=added, step=step))
            places = {-2: 1, 1: 2, -1: 1, -9: 0}
            assert order(reader).index(added) == places[step]
        steer(reader, QueueCommand(verb=QueueVerb.REMOVE, entry=three[1].id))
        steer(reader, QueueCommand(verb=QueueVerb.STEER, entry=three[2].id, request=QueueRequest.PAUSE))
        again = steer(reader, QueueCommand(verb=QueueVerb.REPEAT, entry=three[0].id))
        assert order(reader) == [added, three[0].id, three[2].id, again]
        assert reader.entry(three[2].id).status is QueueStatus.PAUSED
        with pytest.raises(UserError, match="no entry"):
            steer(reader, QueueCommand(verb=QueueVerb.REMOVE, entry=three[1].id))
        assert not reader.writable
    assert list((home.root / "requests").iterdir()) == []


@on_a_file
def test_an_error_of_the_writers_is_an_answer_too(
    store: RunStore, home: Home, three: list[QueueEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunStore, "remove", None)
    with RunStore.open(home, writer=False) as reader, answering(store), pytest.raises(UserError, match="met an error"):
        steer(reader, QueueCommand(verb=QueueVerb.REMOVE, entry=three[0].id))


@on_a_file
def test_a_writer_that_does_not_answer_is_named_and_the_command_withdrawn(
    store: RunStore, home: Home, three: list[QueueEntry]
) -> None:
    command = QueueCommand(verb=QueueVerb.REMOVE, entry=three[0].id)
    with RunStore.open(home, writer=False) as reader, pytest.raises(StoreError, match="did not answer"):
        steer(reader, command, seconds=0.3)
    assert answer_requests(store) == 0
    assert len(store.queue()) == 3


@on_a_file
def test_where_the_writer_left_the_command_is_done_here(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as writer:
        entry = writer.enqueue(tiny_twin)
        reader = RunStore.open(home)
        assert not reader.writable
    with reader:
        steer(reader, QueueCommand(verb=QueueVerb.REMOVE, entry=entry.id))
        assert reader.writable
        assert reader.queue() == []


@on_a_file
@pytest.mark.parametrize("text", ["", "{", "[1]", '{"until": 9e9, "text": "{}"}', '{"until": 9e99, "text": [1]}'])
def test_what_is_no_request_is_refused_and_gone(store: RunStore, home: Home, text: str) -> None:
    folder = home.root / "requests"
    folder.mkdir()
    (folder / "1.request").write_text(text)
    answer_requests(store)
    assert [file.suffix for file in folder.iterdir()] in ([], [".answer"])
    assert store.queue() == []


@on_a_file
def test_an_old_request_is_not_done_any_more(store: RunStore, home: Home, tiny_twin: CohortSpec) -> None:
    store.requests.post(QueueCommand(verb=QueueVerb.ADD, cohort=tiny_twin).model_dump_json(), seconds=-1.0)
    assert answer_requests(store) == 0
    assert store.queue() == []
    assert list((home.root / "requests").iterdir()) == []


def asking_for(cohort: CohortSpec, device: str) -> CohortSpec:
    runs = tuple(replace(run, recipe=replace(run.recipe, device=device)) for run in cohort.runs)
    return replace(cohort, runs=runs)


def test_a_worker_claims_only_what_its_devices_can_train(store: RunStore, tiny_twin: CohortSpec) -> None:
    cuda = store.enqueue(asking_for(tiny_twin, "cuda"))
    anywhere = [store.enqueue(asking_for(tiny_twin, device)) for device in ("auto", "cpu")]
    assert [entry.needs for entry in store.queue()] == ["cuda", "", ""]
    small, large = Worker("small", "desk", "cpu", ("cpu",)), Worker("large", "rack", "cuda:0", ("cuda", "cpu"))
    claims = [store.claim(small) for _unused in range(3)]
    assert [claim and claim.entry_id for claim in claims] == [anywhere[0].id, anywhere[1].id, None]
    assert [entry.lacking for entry in store.queue()] == ["", "", ""], "nobody is known to be there"
    store.report_worker(small)
    assert {entry.id: entry.lacking for entry in store.queue()}[cuda.id] == "cuda"
    assert "waiting for cuda" in store.entry(cuda.id).state
    store.report_worker(large)
    assert {entry.lacking for entry in store.queue()} == {""}
    taken = store.claim(large)
    assert taken is not None
    assert taken.entry_id == cuda.id


def test_stored_runs_ask_for_their_device_again(store: RunStore, tiny_twin: CohortSpec) -> None:
    runs = store.create_cohort(asking_for(tiny_twin, "cuda"))
    (entry,) = store.enqueue_runs([run.id for run in runs])
    assert (entry.needs, store.claim(Worker("small", "desk", "cpu", ("cpu",)))) == ("cuda", None)


def test_workers_that_wait_and_that_train_are_listed(
    store: RunStore, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, busy = Worker("a", "desk", "cpu", ("cpu",)), Worker("b", "rack", "cuda:1", ("cuda", "cpu"))
    assert store.workers() == []
    for worker in (idle, busy):
        store.report_worker(worker)
    entry = store.enqueue(tiny_twin)
    claim = store.claim(busy)
    assert claim is not None
    store.renew(claim, 12.5)
    first, second = store.workers()
    assert (first.name, first.host, first.device, first.speed, first.state) == ("b", "rack", "cuda:1", 12.5, "running")
    assert first.entry is not None
    assert first.entry.id == entry.id
    assert (second.name, second.host, second.entry, second.state) == ("a", "desk", None, "waits for work")
    assert 0 <= second.heard_seconds < 30
    assert not second.gone
    store.release(claim, QueueStatus.FINISHED)
    assert [(worker.name, worker.entry) for worker in store.workers()] == [("a", None), ("b", None)]
    store.forget_worker(busy)
    assert [worker.name for worker in store.workers()] == ["a"]
    later = [100.0]
    now = workers.database_now
    monkeypatch.setattr(workers, "database_now", lambda session: now(session) + timedelta(seconds=later[0]))
    monkeypatch.setattr(queue_store, "database_now", workers.database_now)
    assert [worker.state for worker in store.workers()] == ["gone"]
    later[0] = workers.FORGOTTEN_SECONDS + 5
    store.report_worker(busy)
    later[0] = 0.0
    assert [worker.name for worker in store.workers()] == ["b"], "nothing was heard of the other for long"


def test_a_new_writer_of_a_file_knows_no_workers_of_a_dead_one(home: Home) -> None:
    with RunStore.open(home) as store:
        store.report_worker(Worker("a", "desk", "cpu", ("cpu",)))
    with RunStore.open(home) as store:
        assert [worker.name for worker in store.workers()] == (["a"] if store.shared else [])


def test_one_entry_alone_reads_as_it_does_in_the_list(store: RunStore, three: list[QueueEntry]) -> None:
    store.delete(three[0].run_ids)
    held = store.enqueue(CohortSpec(runs=tuple(run.spec for run in three[1].runs)))
    claim = store.claim(ME, three[2].id)
    assert claim is not None
    listed = store.queue()
    assert [entry.id for entry in listed] == [three[2].id, three[1].id, held.id]
    assert [store.entry(entry.id) for entry in listed] == listed
    assert store.entry(three[0].id).place == 0
