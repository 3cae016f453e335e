"""What workers ask of a PostgreSQL server: claims, looks, renewals and stored chunks a second, and what they cost.

Starts a server with its usual safety (fsync, synchronous commit), fills a queue, and lets some connections at once do
one thing again and again. Of each: operations a second by the wall clock, and for one operation milliseconds of
processor time, of the server and of the programs that ask, and kilobytes of the server's log (WAL). The first depends
on what else the machine does, and on one process asking; the others say what a server's core and disk can carry.

    python tests/benchmarks/claims.py [--entries 1000] [--connections 1 8 32] [--seconds 4]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.queue import Claim, QueueStatus, Worker
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history import runs
from resnet_studio.history.queue import additions
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from tests import postgres

SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_connections": "200"}
POINTS = 20  # of each series, of one run, in one transaction


def fill(store: RunStore, count: int) -> None:
    for begin in range(0, count, 200):
        with store._storage.writing() as session:
            for number in range(begin, min(begin + 200, count)):
                spec = RunSpec(network=NetworkSpec(depth=8), recipe=RecipeSpec(milestones=(), init_seed=number))
                (row,) = runs.new_rows(CohortSpec(runs=(spec,)))
                session.add(row)
                session.flush()
                additions.add(session, row.cohort_key, [row.id], first=False)


class Asker:
    """One worker's connection: a store of its own, and what it holds."""

    def __init__(self, home: Home, number: int) -> None:
        self.store = RunStore.open(home)
        self.worker = Worker(f"bench:{number}", "bench", "cpu", ("cpu",))
        self.nothing = Worker(f"bench:{number}", "bench", "tpu", ("tpu",))
        self.claim: Claim | None = None
        self.iteration = 1

    def hold(self) -> Claim:
        if self.claim is None:
            self.claim = self.store.claim(self.worker)
            assert self.claim is not None, "more connections than entries"
            self.store.truncate_curves(self.claim.run_ids[0], 0)
        return self.claim

    def claim_and_release(self) -> None:
        claim = self.store.claim(self.worker)
        assert claim is not None
        self.store.release(claim, QueueStatus.WAITING)

    def look_at_nothing(self) -> None:
        assert self.store.claim(self.nothing, "0" * 32) is None

    def look_at_requests(self) -> None:
        self.store.requested(self.hold())

    def renew(self) -> None:
        self.store.renew(self.hold(), 1.0)

    def report(self) -> None:
        self.store.report_worker(self.worker)

    def store_points(self) -> None:
        claim = self.hold()
        values = np.ones(POINTS, np.float32)
        series = (Series.TRAINING_LOSS, Series.TRAINING_ERROR, Series.LEARNING_RATE)
        chunks = [CurveChunk(claim.run_ids[0], each, self.iteration, values) for each in series]
        self.store.under(claim).append_chunks(chunks)
        self.iteration += POINTS

    def read_an_entry(self) -> None:
        self.store.entry(self.hold().entry_id)


WORK: tuple[tuple[str, Callable[[Asker], None]], ...] = (
    ("claim and release", Asker.claim_and_release),
    ("look where nothing waits", Asker.look_at_nothing),
    ("look at what is asked", Asker.look_at_requests),
    ("renew a claim", Asker.renew),
    ("report an idle worker", Asker.report),
    ("store points of a cohort", Asker.store_points),
    ("read an entry", Asker.read_an_entry),
)


def server_seconds(server: postgres.Server) -> float:
    assert server.process is not None
    total = 0.0
    for process in psutil.Process(server.process.pid).children(recursive=True):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def log_bytes(server: postgres.Server) -> float:
    return float(server.run_sql("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")[0][0])  # type: ignore[arg-type]


def measure(
    server: postgres.Server, askers: list[Asker], work: Callable[[Asker], None], seconds: float
) -> tuple[float, float, float, float, float]:
    """Operations a second; milliseconds of the server, of the programs, and by the clock for one of 99 in 100; kB."""
    for asker in askers:
        work(asker)
    waits: list[float] = []
    until = time.monotonic() + seconds

    def again(asker: Asker) -> None:
        while (begun := time.monotonic()) < until:
            work(asker)
            waits.append(time.monotonic() - begun)

    threads = [threading.Thread(target=again, args=(asker,)) for asker in askers]
    logged = log_bytes(server)
    before, own, begun = server_seconds(server), time.process_time(), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, count = time.monotonic() - begun, len(waits)
    spent = server_seconds(server) - before
    programs = time.process_time() - own
    slow = sorted(waits)[int(0.99 * (count - 1))]
    kilobytes = (log_bytes(server) - logged) / 1000 / count
    return count / wall, 1000 * spent / count, 1000 * programs / count, 1000 * slow, kilobytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    options = parser.parse_args()
    postgres._SETTINGS.update(SAFE)
    with tempfile.TemporaryDirectory() as folder, postgres.running_server() as server:
        if server is None:
            raise SystemExit(postgres.NONE)
        home = Home(Path(folder), history=server.url(server.make_database())).prepare()
        with RunStore.open(home) as store:
            fill(store, options.entries)
        print(
            f"{options.entries} entries; load of the machine {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores"
        )
        print(f"{'':28}{'at once':>8}{'a second':>10}{'server ms':>11}{'program ms':>12}{'p99 ms':>9}{'log kB':>9}")
        for connections in options.connections:
            askers = [Asker(home, number) for number in range(connections)]
            for name, work in WORK:
                rate, server_ms, own_ms, slow, log = measure(server, askers, work, options.seconds)
                print(
                    f"{name:28}{connections:8}{rate:10.0f}{server_ms:11.2f}{own_ms:12.2f}{slow:9.1f}{log:9.2f}",
                    flush=True,
                )
            for asker in askers:
                if asker.claim is not None:
                    asker.store.release(asker.claim, QueueStatus.WAITING)
                asker.store.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
