"""A window's waits on a history of ten thousand runs: in a file, and on a PostgreSQL server of this machine.

Fills a file, copies it to a server that is started for it, and measures on both what a person waits for: the list, the
filter, eight runs overlaid, a note; and of the queue how many claims and writes a second some workers make.

    python tests/benchmarks/bench_shared_history.py [--runs 10000] [--points 10000] [--workers 8] [--home DIR]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.queue import QueueStatus, Worker
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history.copying import copy_history
from resnet_studio.history.storage import default_url, has_history, storage_at
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from tests.benchmarks.bench_history import fill, median_ms, people, show
from tests.postgres import NONE, running_server

FEW = 200  # points of the runs that nobody looks at


def more(store: RunStore, workers: int) -> None:
    """What a person changes, what a window looks at again and again, and what workers do."""
    run = store.list_runs()[0]
    show("a note", median_ms(lambda: store.set_note(run.id, str(time.time())), 20), 50)
    show("has anything changed?", median_ms(store.fingerprint, 20), 50)
    spec = RunSpec(network=NetworkSpec(depth=8), recipe=RecipeSpec(milestones=()))
    entries = 200
    for _unused in range(entries):
        store.enqueue(CohortSpec(runs=(spec,)))

    def work(number: int) -> int:
        done = 0
        while (claim := store.claim(Worker(f"w{number}", "here"))) is not None:
            store.under(claim).set_status(claim.run_ids[0], RunStatus.FINISHED)
            store.release(claim, QueueStatus.FINISHED)
            done += 1
        return done

    begin = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        total = sum(pool.map(work, range(workers)))
    seconds = time.perf_counter() - begin
    print(f"{f'{workers} workers: claim, write, release':44} {total / seconds:9.0f} a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--home", type=Path, help="where the filled file is kept, to be measured again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_server() as server:
        if server is None:
            sys.exit(NONE)
        home = Home(given.home or Path(folder) / "home").prepare()
        begin = time.perf_counter()
        if not has_history(home):
            fill(home, given.runs, given.points, FEW)
        print(f"filled in {time.perf_counter() - begin:.0f} s")
        url = server.url(server.make_database())
        with closing(storage_at(default_url(home))) as here, closing(storage_at(url)) as there:
            here.open_for_reading()
            there.open_for_writing()
            begin = time.perf_counter()
            copied = copy_history(here, there)
            rows = sum(one.rows for one in copied)
            print(f"copied and compared {rows} rows in {time.perf_counter() - begin:.0f} s")
        for name, where in (("SQLite", home), ("PostgreSQL", Home(home.root, history=url))):
            print(f"\n{name}")
            with RunStore.open(where) as store:
                people(store, given.runs, given.points)
                more(store, given.workers)
                sys.stdout.flush()


if __name__ == "__main__":
    main()
