"""Workers of one history that are killed, stopped beyond their lease and cut off from their server: what is lost?

    python tests/benchmarks/chaos.py --cohorts 30 --workers 3
    python tests/benchmarks/chaos.py --cohorts 300 --workers 8 --every 20 --gone 60 --most 7200
    python tests/benchmarks/chaos.py --cohorts 500 --iterations 500 --alone 125 --workers 8 --every 20 --most 7200

Small twins wait in a history on a PostgreSQL server that is started for this. Workers with two homes by turns, as if
they were two machines, and one folder of runs train them. Every few seconds a random one is killed (SIGKILL), or
stopped (SIGSTOP) for longer than its lease and continued; a third of the way the server is restarted, at two thirds it
is gone for a while. At the end every cohort must have finished, no curve may have a hole or a point twice, and all
weights, or those of ``--alone`` cohorts, must have the bits of the same cohorts trained alone. Each process has one
core: so small nets are slow on busy cores that they share. Leases are seconds here, not a minute. The last line is
JSON; the exit code is 1 if anything does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # tiny networks: threads that spin while waiting cost the most
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psycopg

from resnet_studio.data.datasets.builtin import open_builtin
from resnet_studio.domain.data_sets import BUILTIN
from resnet_studio.domain.queue import LostClaimError, QueueStatus
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.postgres import connections
from resnet_studio.history.queue import claims as leases
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.home import Home
from resnet_studio.runner import queue_work, run_cohort
from resnet_studio.runner.worker import WorkerLoop, this_worker
from tests.benchmarks.kill_queue import TRAINED, cohorts, ended, forked
from tests.postgres import NONE, Server, running_server

CHECKPOINT_SECONDS = 0.3
REFUSED = 2  # exit code of a worker whose claim is lost


# In the processes that train


def work(home: Home, leave: Path, log: Path) -> int:
    """A worker until ``leave`` is there; each claim becomes a line of ``log``."""

    def train(ids: object, own: RunStore, emit: object, stop: object, pause: object) -> None:
        with log.open("a") as lines:
            lines.write(f"{os.getpid()}\n")
        run_cohort.resume(ids, own, emit, stop, should_pause=pause, checkpoint_seconds=CHECKPOINT_SECONDS)  # type: ignore[arg-type]

    with open_history(home) as store:
        loop = WorkerLoop(
            store, this_worker("cpu", ("cpu",)), train, lambda _entry: nullcontext(lambda _event: None),
            lambda entry, sentence: print(f"{entry.title}: {sentence}", flush=True),
        )  # fmt: skip
        try:
            loop.run(leave.exists)
        except LostClaimError:
            os._exit(REFUSED)
    return 0


def alone(home: Home, specs: list[CohortSpec], to: Path) -> int:
    """The digests of all weights, of cohorts that are trained one after another, undisturbed."""
    with RunStore.open(home) as store:
        found = [[run.weights_sha256 for run in run_cohort.run(spec, store, lambda _event: None)] for spec in specs]
    to.write_text(json.dumps(found))
    return 0


def fill(home: Home, specs: list[CohortSpec]) -> int:
    with open_history(home) as store:
        for spec in specs:
            store.enqueue(spec)
    return 0


def outcome(home: Home, iterations: int, to: Path) -> int:
    """Digests in the queue's first order, how many points are lost or doubled, and how entries ended."""
    with open_history(home) as store:
        entries = sorted(store.queue(ended=10**6), key=lambda entry: entry.runs[0].spec.recipe.init_seed)
        wrong = 0
        for entry in entries:
            for run in entry.runs:
                for series in TRAINED:
                    points = store.curve(run.id, series).iterations.tolist()
                    wrong += points != list(range(1, iterations + 1))
                wrong += len(store.curve(run.id, Series.TEST_ERROR)) == 0
        found = {
            "weights": [[run.weights_sha256 for run in entry.runs] for entry in entries],
            "statuses": dict(Counter(str(entry.status) for entry in entries)),
            "wrong_curves": wrong,
        }
    to.write_text(json.dumps(found))
    return 0


# In the process that disturbs them


_SHOWN = [""]


def show(line: str) -> None:
    """On stderr, where it is another than before."""
    if line != _SHOWN[0]:
        _SHOWN[0] = line
        print(line, file=sys.stderr, flush=True)


CORES = sorted(os.sched_getaffinity(0))


def pinned(job: Callable[[], int], number: int) -> Callable[[], int]:
    """``job`` on one core."""

    def on_its_core() -> int:
        os.sched_setaffinity(0, {CORES[number % len(CORES)]})
        return job()

    return on_its_core


def forked_to_their_end(*jobs: Callable[[], int]) -> None:
    for process in [forked(pinned(job, number)) for number, job in enumerate(jobs)]:
        if code := os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
            raise SystemExit(f"a step ended with {code}")


@dataclass
class Trial:
    """The workers by number, and what was done to them."""

    server: Server
    database: str
    begin: Callable[[int], int]
    workers: dict[int, int]
    lease: float
    moments: random.Random
    done: Counter[str] = field(default_factory=Counter)
    awaited: dict[str, tuple[int, float]] = field(default_factory=dict)  # entry: fence and time of the loss
    taken_over: list[float] = field(default_factory=list)
    sleeping: dict[int, float] = field(default_factory=dict)  # process: when it is continued

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Empty while the server does not answer."""
        with contextlib.suppress(psycopg.OperationalError):
            return self.server.run_sql(statement, database=self.database)
        return []

    def finished(self) -> int | None:
        rows = self.sql("SELECT count(*) FROM queue WHERE status IN ('finished', 'failed')")
        return int(str(rows[0][0])) if rows else None

    def disturb(self) -> None:
        awake = [pid for pid in self.workers.values() if pid not in self.sleeping]
        if not awake:
            return
        pid = self.moments.choice(awake)
        held = self.sql(f"SELECT id, fence FROM queue WHERE owner LIKE '%:{pid}:%'")
        kill = self.moments.random() < 0.6 or len(awake) == 1
        os.kill(pid, signal.SIGKILL if kill else signal.SIGSTOP)
        if not kill:
            self.sleeping[pid] = time.monotonic() + 1.5 * self.lease
        self.done[f"{'killed' if kill else 'stopped'}{'' if held else ' idle'}"] += 1
        for entry, fence in held:
            self.awaited[str(entry)] = (int(str(fence)), time.monotonic())

    def look(self) -> None:
        """Continue who slept long enough, start anew who has ended, and note what was taken over."""
        now = time.monotonic()
        for pid in [pid for pid, until in self.sleeping.items() if now >= until]:
            os.kill(pid, signal.SIGCONT)
            del self.sleeping[pid]
        for number, pid in self.workers.items():
            if ended(pid):
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                if code == REFUSED:
                    self.done["refused"] += 1
                elif code != -signal.SIGKILL:
                    self.done[f"ended with {code}"] += 1
                self.workers[number] = self.begin(number)
        for entry, (fence, since) in list(self.awaited.items()):
            rows = self.sql(f"SELECT fence, status FROM queue WHERE id = '{entry}' AND owner <> ''")
            if rows and int(str(rows[0][0])) > fence:
                self.taken_over.append(now - since)
                del self.awaited[entry]
            elif self.sql(f"SELECT 1 FROM queue WHERE id = '{entry}' AND status = 'finished'"):
                del self.awaited[entry]  # it had ended just before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", type=int, default=30)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--every", type=float, default=8.0, help="seconds between two disturbances")
    parser.add_argument("--lease", type=float, default=8.0)
    parser.add_argument("--gone", type=float, default=15.0, help="seconds without the server, once")
    parser.add_argument("--alone", type=int, default=None, help="how many are also trained alone; all if left out")
    parser.add_argument("--most", type=float, default=1200.0, help="seconds after which it has failed")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; printed")
    options = parser.parse_args()
    if options.alone is not None and not 1 <= options.alone <= options.cohorts:
        parser.error(f"--alone: from 1 to {options.cohorts}")
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    leases.LEASE_SECONDS, queue_work.RENEW_SECONDS = options.lease, options.lease / 8
    connections._SETTINGS["idle_in_transaction_session_timeout"] = f"{options.lease / 2:.0f}s"
    specs = cohorts(options.cohorts, options.iterations)
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        if server is None:
            raise SystemExit(NONE)
        folder = Path(name)
        database = server.make_database()
        url = server.url(database)
        calm = Home(folder / "calm").prepare()
        forked_to_their_end(lambda: open_builtin(BUILTIN, 0, calm) and 0)
        machines = [
            Home(folder / place, history=url, shared_runs=folder / "runs").prepare() for place in ("one", "two")
        ]
        for home in machines:
            for file in calm.data.iterdir():
                os.link(file, home.data / file.name)
        begun = time.monotonic()
        count = len(specs) if options.alone is None else options.alone
        places = [number * len(specs) // count for number in range(count)]
        compared = [specs[place] for place in places]
        parts = [compared[number :: len(CORES)] for number in range(len(CORES))]
        calms = [Home(folder / f"calm-{number}").prepare() for number in range(len(CORES))]
        for home in calms:
            for file in calm.data.iterdir():
                os.link(file, home.data / file.name)
        found_alone = [folder / f"alone-{number}.json" for number in range(len(CORES))]
        forked_to_their_end(*map(partial(partial, alone), calms, parts, found_alone))
        seconds_alone = time.monotonic() - begun
        forked_to_their_end(partial(fill, machines[0], specs))
        leave, log, begun = folder / "leave", folder / "claims", time.monotonic()

        def begin(number: int) -> int:
            watch = server.process.stdin if server.process is not None else None

            def job() -> int:
                if watch is not None:  # the server ends once nobody holds this any more
                    os.close(watch.fileno())
                return work(machines[number % 2], leave, log)

            return forked(pinned(job, number))

        workers = {number: begin(number) for number in range(options.workers)}
        trial = Trial(server, database, begin, workers, options.lease, random.Random(seed))
        next_at, restarted, back_at = begun + options.every, False, 0.0
        was_gone = False
        while (count := trial.finished()) is None or count < len(specs):
            now = time.monotonic()
            if now - begun > options.most:
                trial.done["too long"] += 1
                break
            trial.look()
            if server.process is None:
                if now >= back_at:
                    server.start()
            elif count is not None and count >= len(specs) // 3 and not restarted:
                restarted = True
                server.stop()
                server.start()
                trial.done["server restarted"] += 1
            elif count is not None and count >= 2 * len(specs) // 3 and not was_gone:
                was_gone = True
                server.stop()
                back_at = now + options.gone
                trial.done["server gone"] += 1
            elif now >= next_at:
                trial.disturb()
                next_at = now + options.every
            time.sleep(0.2)
            show(f"{count} finished, {dict(trial.done)}")
        seconds = time.monotonic() - begun
        leave.touch()
        for pid in trial.workers.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            trial.done["refused"] += code == REFUSED
        forked_to_their_end(partial(outcome, machines[0], options.iterations, folder / "outcome.json"))
        found = json.loads((folder / "outcome.json").read_text())
        wanted = [[] for _spec in compared]
        for number, file in enumerate(found_alone):
            wanted[number :: len(CORES)] = json.loads(file.read_text())
        claims = len(log.read_text().split())
        rows = trial.sql("SELECT coalesce(sum(octet_length(points)), 0) FROM curve_chunks")
    same = sum(one == other for one, other in zip([found["weights"][place] for place in places], wanted, strict=True))
    disturbed = trial.done["killed"] + trial.done["stopped"]
    report = {
        "seed": seed, "cohorts": len(specs), "workers": options.workers, "lease": options.lease,
        "statuses": found["statuses"], "trained_alone": len(compared), "equal_to_alone": same,
        "wrong_curves": found["wrong_curves"],
        "done": dict(trial.done), "claims": claims, "claims_not_explained": max(claims - len(specs) - disturbed, 0),
        "taken_over_seconds": [round(each, 1) for each in sorted(trial.taken_over)],
        "curve_bytes": int(str(rows[0][0])) if rows else None,
        "seconds": round(seconds, 1), "seconds_alone_in_one_process": round(seconds_alone, 1),
    }  # fmt: skip
    print(json.dumps(report))
    whole = found["statuses"] == {str(QueueStatus.FINISHED): len(specs)} and not found["wrong_curves"]
    return 0 if whole and same == len(compared) else 1


if __name__ == "__main__":
    raise SystemExit(main())
