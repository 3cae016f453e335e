"""What the queue takes of a worker that trains: claims, looks at what is asked of it, renewals, fences, and the ends.

    python tests/benchmarks/queue_share.py [--cohorts 4] [--iterations 1500] [--test-every 500]

Trains small twins out of a queue on a PostgreSQL server that is started for this, in this process, as a worker does.
Everything that would not be done without the queue is timed where it is done: the thread that steers, what lies between
two trainings, and the locking of the entry at each transaction. Prints the share of the processor's time, and of the
clock's that the training itself had to wait for. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy.orm import Session

from resnet_studio.domain.queue import Claim
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.queue import claims, fenced_storage
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.runner.queue_work import Steering
from resnet_studio.runner.worker import WorkerLoop, this_worker
from tests.benchmarks.kill_queue import cohorts
from tests.postgres import NONE, running_server

processor: Counter[str] = Counter()
clock: Counter[str] = Counter()
calls: Counter[str] = Counter()


def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, its time of this thread and of the clock added to those of ``part``."""

    def call(*args: Any, **settings: Any) -> Any:
        began, on_clock = time.thread_time(), time.perf_counter()
        try:
            return function(*args, **settings)
        finally:
            processor[part] += time.thread_time() - began
            clock[part] += time.perf_counter() - on_clock
            calls[part] += 1

    return call


def work_off(home: Home, specs: list[CohortSpec]) -> tuple[float, float]:
    """Seconds of the processor and of the clock, without loading the programs' modules and the data."""
    train = timed("training", run_cohort.resume)
    Steering._steer = timed("steering", Steering._steer)  # type: ignore[method-assign]
    lock = timed("fences", claims.hold)

    def hold(session: Session, claim: Claim) -> None:
        session.connection()  # which the transaction begins with in any case
        lock(session, claim)

    fenced_storage.hold = hold  # type: ignore[attr-defined]

    def resume(ids: Any, own: RunStore, emit: Any, stop: Any, pause: Any) -> None:
        train(ids, own, emit, stop, should_pause=pause)

    def loop_over(some: list[CohortSpec]) -> None:
        with open_history(home) as store:
            for spec in some:
                store.enqueue(spec)
            loop = WorkerLoop(
                store, this_worker("cpu", ("cpu",)), resume, lambda _entry: nullcontext(lambda _event: None),
                lambda entry, sentence: print(f"{entry.title}: {sentence}"),
            )  # fmt: skip
            loop.run(lambda: False, until_empty=True)

    loop_over(specs[:1])
    for counted in (processor, clock, calls):
        counted.clear()
    with open_history(home) as store:
        for spec in specs[1:]:
            store.enqueue(spec)
    began, on_clock, of_thread = time.process_time(), time.perf_counter(), time.thread_time()
    loop_over([])
    processor["between"] = time.thread_time() - of_thread - processor["training"]
    if calls["training"] != len(specs) - 1:
        raise SystemExit("a cohort was not trained")
    return time.process_time() - began, time.perf_counter() - on_clock


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--test-every", type=int, default=500, help="iterations; each test is a transaction")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        if server is None:
            raise SystemExit(NONE)
        url = server.url(server.make_database())
        home = Home(Path(name) / "home", history=url, shared_runs=Path(name) / "runs").prepare()
        small = cohorts(chosen.cohorts + 1, chosen.iterations)
        specs = [
            CohortSpec(
                runs=tuple(replace(r, recipe=replace(r.recipe, test_every=chosen.test_every)) for r in each.runs)
            )
            for each in small
        ]
        whole, on_clock = work_off(home, specs)
    between = on_clock - clock["training"]
    queue = processor["steering"] + processor["fences"] + processor["between"]
    found = {
        "cohorts": chosen.cohorts, "transactions_each": round(calls["fences"] / chosen.cohorts),
        "seconds_each": round(on_clock / chosen.cohorts, 1),
        "steering_percent": round(100 * processor["steering"] / whole, 3),
        "fences_percent": round(100 * processor["fences"] / whole, 3),
        "between_percent": round(100 * processor["between"] / whole, 3),
        "processor_percent": round(100 * queue / whole, 3),
        "between_trainings_ms": round(1000 * between / chosen.cohorts, 1),
        "held_up_percent": round(100 * (between + clock["fences"]) / on_clock, 3),
    }  # fmt: skip
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
