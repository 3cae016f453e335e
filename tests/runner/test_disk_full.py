"""The disk fills up while curves or checkpoints are stored or training starts: it waits, loses nothing, and goes on.

Once on a real disk of a few megabytes (root alone can mount one), once with files and a database that refuse.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.errors import StoreError
from resnet_studio.domain.events import CheckpointSaved, CohortStarted, CurvesGrew, Event, PhaseChanged, StatusChanged
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace, twin
from resnet_studio.history.store import RunStore
from resnet_studio.networks.weights import digest
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.training import checkpoints, disk_full, loop

from ..disks import RefusingDisk, SmallDisk, small_disk
from ..waiting import HANG_SECONDS, wait_until

pytestmark = pytest.mark.timeout(120)
ITERATIONS = 40
SERIES = (Series.TRAINING_ERROR, Series.TRAINING_LOSS, Series.LEARNING_RATE, Series.TEST_ERROR, Series.TEST_LOSS)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Curves are stored with each iteration, and a full disk is tried again many times a second."""
    monkeypatch.setattr(disk_full, "RETRY_SECONDS", 0.1)
    flushed = loop.Shared.__init__.__defaults__
    monkeypatch.setattr(loop.Shared.__init__, "__defaults__", (0.0, *flushed[1:]))


@pytest.fixture
def attempts(monkeypatch) -> list[None]:
    """One entry for each wait for room."""
    made: list[None] = []
    wait = disk_full.DiskSpaceGuard._wait
    monkeypatch.setattr(disk_full.DiskSpaceGuard, "_wait", lambda guard: (made.append(None), wait(guard))[0])
    return made


@pytest.fixture
def cohort(tiny_run) -> CohortSpec:
    return twin(replace(tiny_run, recipe=replace(tiny_run.recipe, iterations=ITERATIONS, milestones=(), test_every=9)))


@pytest.fixture(scope="module")
def wanted(tmp_path_factory, drawn_images) -> Callable[[CohortSpec], list[object]]:
    """What an undisturbed training of that cohort gives."""
    home = Home(tmp_path_factory.mktemp("calm")).prepare()
    for file in drawn_images.iterdir():
        (home.data / file.name).symlink_to(file)
    known: list[list[object]] = []

    def outcomes(cohort: CohortSpec) -> list[object]:
        if not known:
            with RunStore.open(home) as store:
                run_cohort.run(cohort, store, lambda e: None)
                known.append(outcome(store))
        return known[0]

    return outcomes


def outcome(store: RunStore) -> list[object]:
    """Everything that must be equal: status, digest, every point of every curve."""
    return [
        (run.name, run.status, run.weights_sha256, [(c.iterations.tolist(), c.values.tobytes()) for c in curves])
        for run in store.list_runs()
        for curves in [[store.curve(run.id, series) for series in SERIES]]
    ]


def check_checkpoints(store: RunStore) -> None:
    """Every row points to a whole checkpoint with the digest it says."""
    for run in store.list_runs():
        for row in store.checkpoints(run.id):
            assert digest(checkpoints.load(store.home.runs / row.folder).weights) == row.weights_sha256


class Journey:
    """A training in a thread of its own, and what it told."""

    def __init__(self, store: RunStore, cohort: CohortSpec, look: Callable[[Event], None]) -> None:
        self.store, self.events, self.stop = store, [], threading.Event()
        self.result: tuple[object, ...] = ()
        self.error: BaseException | None = None
        self._look, self._ids = look, [run.id for run in store.create_cohort(cohort)]
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self.result = run_cohort.resume(
                self._ids, self.store, self._see, self.stop.is_set, checkpoint_seconds=0.0
            )  # fmt: skip
        except BaseException as error:
            self.error = error

    def _see(self, event: Event) -> None:
        self.events.append(event)
        self._look(event)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def paused(self) -> list[StatusChanged]:
        return [e for e in self.events if isinstance(e, StatusChanged) and e.status is RunStatus.PAUSED]

    def wait_for_pause(self) -> None:
        wait_until(lambda: len(self.paused()) >= 2, still=self._thread.is_alive)
        assert {e.run_id for e in self.paused()} == set(self._ids)

    def end(self) -> None:
        self._thread.join(HANG_SECONDS)
        assert not self._thread.is_alive(), "it did not end"
        if self.error is not None:
            raise self.error


@contextmanager
def real_disk(tmp_path, drawn_images, monkeypatch) -> Iterator[tuple[SmallDisk, Home]]:
    with small_disk(tmp_path / "disk") as disk:
        home = Home(disk.root / "home").prepare()
        for file in drawn_images.iterdir():
            (home.data / file.name).symlink_to(file)
        yield disk, home


@contextmanager
def refusing_disk(tmp_path, drawn_images, monkeypatch) -> Iterator[tuple[RefusingDisk, Home]]:
    """Files cannot be written and the database cannot grow by a page."""
    home = Home(tmp_path / "home").prepare()
    for file in drawn_images.iterdir():
        (home.data / file.name).symlink_to(file)
    disk = RefusingDisk(checkpoints._write)
    monkeypatch.setattr(checkpoints, "_write", disk)
    real = RunStore.append_chunks

    def append(self, chunks):
        with self._storage.writing() as session:
            pages = 1 if disk.full else 2**30
            session.connection().exec_driver_sql(f"PRAGMA max_page_count={pages}")
        if disk.full:
            with self._storage.writing() as session:  # what is free within the file is used up as well
                session.connection().exec_driver_sql("CREATE TABLE filler (bytes BLOB)")
                session.connection().exec_driver_sql("INSERT INTO filler VALUES (randomblob(100000))")
        real(self, chunks)

    monkeypatch.setattr(RunStore, "append_chunks", append)
    yield disk, home


DISKS = [pytest.param(real_disk, id="real"), pytest.param(refusing_disk, id="refusing")]
FILL_AT = {
    "curves": lambda e, seen: isinstance(e, CurvesGrew) and e.chunks[0].last_iteration >= 5,
    "checkpoint": lambda e, seen: isinstance(e, PhaseChanged) and e.phase is Phase.SAVING and seen > 4,
    "between checkpoint and its row": lambda e, seen: isinstance(e, CheckpointSaved) and seen > 4,
    "start-up": lambda e, seen: isinstance(e, PhaseChanged) and e.phase is Phase.BUILDING,
    "start": lambda e, seen: isinstance(e, CohortStarted),
}


@pytest.mark.parametrize("moment", FILL_AT)
@pytest.mark.parametrize("disk", DISKS)
def test_it_waits_then_goes_on_and_nothing_is_lost_or_doubled(
    disk, moment, cohort, wanted, tmp_path, drawn_images, attempts, monkeypatch
):
    with disk(tmp_path, drawn_images, monkeypatch) as (small, home), RunStore.open(home) as store:
        filled, saved = [], []

        def look(event):
            saved.append(isinstance(event, CheckpointSaved))
            if not filled and FILL_AT[moment](event, sum(saved)):
                filled.append(event)
                small.fill()

        journey = Journey(store, cohort, look)
        journey.wait_for_pause()
        sentence = journey.paused()[0].reason
        assert sentence.startswith(f"The disk of {home.root} is full; make room there, and training goes on by itself.")
        assert any(isinstance(e, PhaseChanged) and e.phase is Phase.WAITING for e in journey.events)
        check_checkpoints(store)
        attempts.clear()
        wait_until(lambda: len(attempts) > 3, still=journey.is_alive)
        assert len(journey.paused()) == 2, "it is said once"
        check_checkpoints(store)
        small.empty()
        journey.end()
        assert [run.status for run in journey.result] == [RunStatus.FINISHED] * 2
        assert outcome(store) == wanted(cohort)
        check_checkpoints(store)
        ends = [e for e in journey.events if isinstance(e, StatusChanged)]
        assert ends[-1].status is RunStatus.FINISHED, "nothing is told after the end"
        assert all(any(e.run_id == run.id and e.status is RunStatus.RUNNING and e.reason == "" for e in ends[2:])
                   for run in journey.result)  # fmt: skip


@pytest.mark.parametrize("disk", DISKS)
def test_a_stop_is_heard_at_once_and_the_last_checkpoint_stays(
    disk, cohort, wanted, tmp_path, drawn_images, monkeypatch
):
    monkeypatch.setattr(disk_full, "RETRY_SECONDS", 3600.0)
    with disk(tmp_path, drawn_images, monkeypatch) as (small, home):
        with RunStore.open(home) as store:
            filled, saved = [], []

            def look(event):
                saved.append(isinstance(event, CheckpointSaved))
                if not filled and sum(saved) > 4 and isinstance(event, PhaseChanged) and event.phase is Phase.SAVING:
                    filled.append(event)
                    small.fill()

            journey = Journey(store, cohort, look)
            journey.wait_for_pause()
            journey.stop.set()
            journey.end()
            assert [run.status for run in journey.result] == [RunStatus.STOPPED] * 2
            assert all("was full when this run was stopped" in run.reason for run in journey.result)
            assert journey.events[-1].status is RunStatus.STOPPED
            check_checkpoints(store)
        small.empty()
        with RunStore.open(home) as store:
            left = store.list_runs()
            assert all(run.resumable for run in left)
            assert all(store.checkpoints(run.id)[0].iteration >= 1 for run in left)
            run_cohort.resume([run.id for run in left], store, lambda e: None)
            assert outcome(store) == wanted(cohort)
            check_checkpoints(store)


def test_without_room_the_history_opens_for_reading_and_is_written_again_with_room(tmp_path, cohort, wanted):
    with small_disk(tmp_path / "disk") as disk:
        home = Home(disk.root / "home").prepare()
        with RunStore.open(home) as store:
            ids = [run.id for run in store.create_cohort(cohort)]
            store.set_status(ids[0], RunStatus.RUNNING)
        disk.fill()
        with RunStore.open(home) as store:
            assert not store.writable
            assert [run.id for run in store.list_runs()] == ids
            with pytest.raises(StoreError, match=r"is full, so the history is read-only; make room there"):
                store.create_cohort(cohort)
            assert not store.become_writer()
            disk.empty()
            assert store.become_writer()
            assert store.interrupted_at_start == (ids[0],)
            store.create_cohort(cohort)
            assert len(store.list_runs()) == 4


def test_without_room_for_a_first_history_that_is_a_sentence(tmp_path, cohort):
    with small_disk(tmp_path / "disk") as disk:
        home = Home(disk.root / "home").prepare()
        disk.fill()
        with RunStore.open(home) as store:
            assert not store.writable
            assert "is full" in store.why_read_only
            assert store.list_runs() == []
            disk.empty()
            assert store.become_writer()
            assert len(store.create_cohort(cohort)) == 2
