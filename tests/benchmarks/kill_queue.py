"""kill -9 whatever trains a queue, at random moments, window and command line by turns, and compare the end's bits.

    python tests/benchmarks/kill_queue.py --kills 20

Six small cohorts wait in the queue. One home trains them undisturbed; the other is killed again and again: a window
(offscreen) whose queue goes on, or `queue run`, each forked or, now and then, as a whole new process that may die while
it still imports. After each kill the database must pass SQLite's integrity check, every entry must wait or have
finished, in the order they were added, and no curve may have a hole or a point twice. At the end all weights and curves
must be those of the undisturbed home. The last line is JSON; the exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # tiny networks: threads that spin while waiting cost the most
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from resnet_studio.__main__ import start
from resnet_studio.data.datasets.builtin import open_builtin
from resnet_studio.domain.data_sets import BUILTIN
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec, twin
from resnet_studio.history.sqlite.storage import FILE_NAME
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort

TRAINED = (Series.TRAINING_ERROR, Series.TRAINING_LOSS, Series.LEARNING_RATE)
COMPARED = (*TRAINED, Series.TEST_ERROR, Series.TEST_LOSS)
KINDS = ("window", "command line")
NEW_PROCESS_EVERY = 5
CHECKPOINT_SECONDS = 0.05


def cohorts(count: int, iterations: int) -> list[CohortSpec]:
    """Twins that differ in their seeds."""
    recipe = RecipeSpec(
        iterations=iterations, batch_size=16, learning_rate=0.05, milestones=(iterations // 2,), test_every=23,
        precision="float32", device="cpu",
    )  # fmt: skip
    run = RunSpec(network=NetworkSpec(depth=8, width=4, image_size=8), recipe=recipe)
    return [twin(run.with_seeds(seed, seed)) for seed in range(count)]


# In the process that trains


def go_on(kind: str, home: Home) -> int:
    """Train the queue to its end, with checkpoints at every moment."""
    resume = run_cohort.resume
    assert resume.__kwdefaults__ is not None
    resume.__kwdefaults__["checkpoint_seconds"] = CHECKPOINT_SECONDS
    if kind == KINDS[1]:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            return start(["--home", str(home.root), "queue", "run"])
    return _window(home)


def _window(home: Home) -> int:
    from PySide6.QtCore import QTimer

    from resnet_studio.history.store import open_history
    from resnet_studio.ui.application import Studio, make_application

    application = make_application()
    store = open_history(home, wait_seconds=10)
    studio = Studio(home, store)
    studio.controller.queue_ended.connect(application.quit)
    studio.window.show_and_build()
    QTimer.singleShot(0, studio.window, studio.window.navigator.go_on)
    if store.queue():
        application.exec()
    studio.window.leave(ask=False)
    studio.take_down()
    store.close()
    return 0


def load_all() -> None:
    """What each forked window would load for itself; nothing is started."""
    import resnet_studio.ui.application
    import resnet_studio.ui.pages.rows  # noqa: F401


def begin(kind: str, home: Home, *, new: bool) -> int:
    """Process id of who trains the queue of ``home`` from now on."""
    if new:
        return subprocess.Popen(
            [sys.executable, __file__, "--as", kind, str(home.root)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ).pid  # fmt: skip
    return forked(partial(go_on, kind, home))


def forked(work: Callable[[], object]) -> int:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            code = int(bool(work()))
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> bool:
    """Whether the process has ended; it is not reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


# What must hold


def check(home: Home, order: list[str]) -> int:
    """How many entries have finished; raises if anything is not whole. The next start of a program does the same."""
    with contextlib.closing(sqlite3.connect(home.root / FILE_NAME)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if verdict != "ok" or orphans:
        raise SystemExit(f"integrity_check: {verdict}, foreign_key_check: {orphans}")
    with RunStore.open(home, wait_seconds=10) as store:
        if not store.writable:
            raise SystemExit(store.why_read_only)
        entries = store.queue(ended=99)
        if [entry.id for entry in entries] != order:
            raise SystemExit(f"the order is {[entry.title for entry in entries]}")
        for entry in entries:
            if entry.status not in (QueueStatus.WAITING, QueueStatus.FINISHED) or entry.claimed:
                raise SystemExit(f"{entry.title} is {entry.status}: {entry.reason}")
        for run in store.list_runs():
            if not (run.resumable or run.status is RunStatus.FINISHED) or run.status is RunStatus.FAILED:
                raise SystemExit(f"{run.name} is {run.status}: {run.reason}")
            for series in TRAINED:
                points = store.curve(run.id, series).iterations.tolist()
                if points != list(range(1, len(points) + 1)):
                    raise SystemExit(f"{series} of {run.name} has holes or doubles: {points[:20]}")
        return sum(entry.status is QueueStatus.FINISHED for entry in entries)


def outcome(home: Home) -> list[list[str]]:
    """Everything that must be equal, in the order of the queue: digests and the bytes of every curve."""
    with RunStore.open(home, writer=False) as store:
        return [
            [run.name, str(run.status), str(run.weights_sha256)]
            + [
                store.curve(run.id, series).values.tobytes().hex()
                + str(store.curve(run.id, series).iterations.tolist())
                for series in COMPARED
            ]
            for entry in store.queue(ended=99)
            for run in entry.runs
        ]


def fill(home: Home, specs: list[CohortSpec]) -> list[str]:
    with RunStore.open(home) as store:
        return [store.enqueue(spec).id for spec in specs]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--cohorts", type=int, default=6)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the moments; printed, so that a failure can be repeated"
    )
    parser.add_argument("--as", dest="kind", nargs=2, metavar=("KIND", "HOME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.kind:
        return go_on(options.kind[0], Home(Path(options.kind[1])))
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    moments, specs = random.Random(seed), cohorts(options.cohorts, options.iterations)
    begun, landed, finished_at, journeys = time.perf_counter(), Counter[str](), [], 0
    load_all()
    with tempfile.TemporaryDirectory() as folder:
        calm = Home(Path(folder) / "calm").prepare()
        os.waitpid(forked(lambda: open_builtin(BUILTIN, 0, calm) and None), 0)
        fill(calm, specs)
        started = time.perf_counter()
        if os.waitstatus_to_exitcode(os.waitpid(begin(KINDS[1], calm, new=False), 0)[1]):
            raise SystemExit("the undisturbed queue did not end well")
        alone = time.perf_counter() - started
        wanted, same = outcome(calm), True
        while sum(landed.values()) < options.kills:
            journeys += 1
            home = Home(Path(folder) / f"journey-{journeys}").prepare()
            for file in calm.data.iterdir():
                os.link(file, home.data / file.name)
            shutil.copytree(calm.cache, home.cache, dirs_exist_ok=True)  # the machine need not be measured again
            order = fill(home, specs)
            done = 0
            while done < len(specs):
                number = sum(landed.values())
                last = number >= options.kills
                kind, new = KINDS[number % 2], number % NEW_PROCESS_EVERY == NEW_PROCESS_EVERY - 1
                pid = begin(kind, home, new=new)
                until = time.monotonic() + moments.uniform(0.0, 0.3 * alone + 5.0 * new)
                while not ended(pid) and (last or time.monotonic() < until):
                    time.sleep(0.005)
                if not ended(pid):
                    os.kill(pid, signal.SIGKILL)
                status = os.waitpid(pid, 0)[1]
                done = check(home, order)
                if os.WIFSIGNALED(status):
                    landed[f"{kind}, new process" if new else kind] += 1
                    finished_at.append(done)
                elif os.waitstatus_to_exitcode(status):
                    raise SystemExit(f"the {kind} ended with {os.waitstatus_to_exitcode(status)}")
            same = same and outcome(home) == wanted
    told = {
        "seed": seed, "kills": sum(landed.values()), "landed": dict(landed), "journeys": journeys,
        "finished_at": finished_at, "cohorts": len(specs), "runs": len(wanted), "equal": same,
        "seconds_alone": round(alone, 1), "seconds": round(time.perf_counter() - begun, 1),
    }  # fmt: skip
    print(json.dumps(told))
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
