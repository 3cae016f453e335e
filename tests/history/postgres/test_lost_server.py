"""A server that restarts, stops for a while, or cuts a connection in the middle of something."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.errors import HistoryAwayError
from resnet_studio.domain.events import CurveChunk, Event, PhaseChanged, StatusChanged
from resnet_studio.domain.queue import Worker
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.queue import claims
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.home import Home
from resnet_studio.runner import lost_server, run_cohort
from resnet_studio.training import disk_full

from ... import postgres
from ...databases import run_sql


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """One that a test may stop."""
    pytest.importorskip("psycopg")
    with postgres.running_server() as running:
        if running is None:
            pytest.skip(postgres.NONE)
        yield running


@pytest.fixture
def own_home(own_server: postgres.Server, home_with_images: Home) -> Home:
    return Home(home_with_images.root, history=own_server.url(own_server.make_database()))


@pytest.fixture
def long_running_server() -> None:
    """Here the server's own beginning counts."""


def cut_connections(server: postgres.Server) -> None:
    server.run_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'resnet-studio'")


def test_cut_connections_are_made_anew(home: Home, server: postgres.Server, tiny_twin: CohortSpec) -> None:
    with open_history(home) as store:
        run = store.create_cohort(tiny_twin)[0]
        assert store.get(run.id) == run
        cut_connections(server)
        assert store.get(run.id) == run
        cut_connections(server)
        store.set_note(run.id, "there")
        assert store.get(run.id).note == "there"


def test_cut_in_the_middle_nothing_is_stored_and_the_same_can_be_tried_again(
    home: Home, server: postgres.Server, tiny_twin: CohortSpec
) -> None:
    with open_history(home) as store:
        run = store.create_cohort(tiny_twin)[0]

        def half_of_it() -> None:
            with store._storage.writing() as session:
                session.connection().exec_driver_sql("UPDATE runs SET note = 'half'")
                cut_connections(server)
                session.connection().exec_driver_sql("UPDATE runs SET note = 'whole'")

        with pytest.raises(HistoryAwayError, match=r"does not answer .* goes on by itself"):
            half_of_it()
        assert store.get(run.id).note == ""
        store.set_note(run.id, "whole")
        assert store.get(run.id).note == "whole"


def test_points_whose_storing_was_not_confirmed_are_there_once(
    home: Home, server: postgres.Server, tiny_twin: CohortSpec
) -> None:
    """The server commits and the answer is lost: the same points, stored again, are not doubled."""
    points = CurveChunk("", Series.TRAINING_LOSS, 1, np.arange(3, dtype=np.float32))
    with open_history(home) as store:
        run = store.create_cohort(tiny_twin)[0]
        chunk = CurveChunk(run.id, points.series, 1, points.values)

        def lose_the_answer(session: Session) -> None:
            event.remove(Session, "after_commit", lose_the_answer)
            raise HistoryAwayError("the answer was lost")

        event.listen(Session, "after_commit", lose_the_answer)
        with pytest.raises(HistoryAwayError):
            store.append_chunks([chunk])
        store.append_chunks([chunk])
        assert store.curve(run.id, Series.TRAINING_LOSS).values.tolist() == [0.0, 1.0, 2.0]
        other = CurveChunk(run.id, points.series, 1, np.ones(3, np.float32))
        with pytest.raises(ValueError, match="is stored up to"):
            store.append_chunks([other])


def test_a_server_that_is_gone_is_said_to_be_and_readers_do_not_wait(
    own_server: postgres.Server, own_home: Home, tiny_twin: CohortSpec
) -> None:
    with open_history(own_home) as store:
        run = store.create_cohort(tiny_twin)[0]
        own_server.stop()
        for _unused in range(3):
            started = time.monotonic()
            with pytest.raises(HistoryAwayError, match="does not answer"):
                store.list_runs()
            assert time.monotonic() - started < 2
        with pytest.raises(HistoryAwayError):
            store.set_note(run.id, "x")
        own_server.start()
        deadline = time.monotonic() + 20
        while True:
            try:
                assert store.get(run.id).note == ""
                break
            except HistoryAwayError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


def test_readers_know_at_once_that_it_answers_a_writer_again(
    own_server: postgres.Server, own_home: Home, tiny_twin: CohortSpec
) -> None:
    """A training stores its last points after an interruption, and what came of it is read in the same moment."""
    with open_history(own_home) as store:
        run = store.create_cohort(tiny_twin)[0]
        own_server.stop()
        with pytest.raises(HistoryAwayError):
            store.get(run.id)
        own_server.start()
        store.set_note(run.id, "back")
        assert store.get(run.id).note == "back"


def test_leases_that_ran_out_while_the_server_was_gone_hold_once_it_is_back(
    own_server: postgres.Server, own_home: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_history(own_home) as store:
        store.enqueue(tiny_twin)
        claim = store.claim(Worker("mine", "here"))
        assert claim is not None
        run_sql(own_home, "UPDATE queue SET lease_until = lease_until - interval '1 hour'")
        assert store.claim(Worker("other", "there")) is None
        assert store.release_expired() == ()
        store.renew(claim)
        run_sql(own_home, "UPDATE queue SET lease_until = lease_until - interval '1 hour'")
        monkeypatch.setattr(claims, "LEASE_SECONDS", 0.1)
        time.sleep(0.2)
        taken = store.claim(Worker("other", "there"))
        assert taken is not None, "the server has answered for longer than a lease"


def test_the_end_of_a_training_is_read_once_the_server_answers(
    own_server: postgres.Server, own_home: Home, tiny_twin: CohortSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_server, "RETRY_SECONDS", 0.2)
    with open_history(own_home) as store:
        run = store.create_cohort(tiny_twin)[0]
        own_server.stop()
        back = threading.Timer(1.0, own_server.start)
        back.start()
        assert lost_server.once_it_answers(lambda: store.get(run.id)) == run
        back.join()
        own_server.stop()
        with pytest.raises(HistoryAwayError):
            lost_server.once_it_answers(lambda: store.get(run.id), give_up=lambda: True)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_training_waits_for_a_server_that_is_gone_and_loses_nothing(
    own_server: postgres.Server, own_home: Home, tiny_twin: CohortSpec, how: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(disk_full, "RETRY_SECONDS", 0.2)
    seen: list[Event] = []
    waiting = threading.Event()

    def emit(happened: Event) -> None:
        seen.append(happened)
        if isinstance(happened, PhaseChanged) and happened.phase is Phase.WAITING:
            waiting.set()
        if isinstance(happened, StatusChanged) and happened.status is RunStatus.RUNNING and not stopped.is_set():
            stopped.set()
            own_server.stop(how)
            threading.Thread(target=bring_back).start()

    def bring_back() -> None:
        waiting.wait(60)
        time.sleep(1.0)
        own_server.start()

    stopped = threading.Event()
    with open_history(own_home) as store:
        first, second = run_cohort.run(tiny_twin, store, emit)
        assert waiting.is_set()
        assert (first.status, second.status) == (RunStatus.FINISHED, RunStatus.FINISHED)
        assert store.curve(first.id, Series.TRAINING_LOSS).iterations.tolist() == list(range(1, 13))
        paused = [one for one in seen if isinstance(one, StatusChanged) and one.status is RunStatus.PAUSED]
        assert paused
        assert "Training waits for it" in paused[0].reason
    with RunStore.open(Home(own_home.root / "alone").prepare()) as alone:
        reference = run_cohort.run(tiny_twin, alone, lambda _event: None)
        assert [run.weights_sha256 for run in reference] == [first.weights_sha256, second.weights_sha256]
