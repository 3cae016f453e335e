"""kill -9 a training process at random moments, resume it, and compare the final weights bit for bit.

    python tests/benchmarks/kill_nine.py --kills 50

One twin is trained undisturbed; the same twin is killed again and again and resumed until it ends. A kill falls at a
random moment from the very start of the process on, or is aimed: at the start-up (the history is made or opened, runs
are marked), at the data being read, into a checkpoint, into a transaction, or into a whole new process of the command
line while it still imports. After each kill the database must pass SQLite's integrity check, each run must be finished
or resumable, no curve may have a hole or a point twice, and every checkpoint's row must point to a whole one. The last
line is JSON; the exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import mmap
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # tiny networks: threads that spin while waiting cost the most
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from resnet_studio.data.datasets.builtin import open_builtin
from resnet_studio.domain.data_sets import BUILTIN
from resnet_studio.domain.documents import to_toml
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec, twin
from resnet_studio.history.sqlite.storage import FILE_NAME, SqliteStorage
from resnet_studio.history.store import RunStore
from resnet_studio.networks.weights import digest
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.runner import train as trainer
from resnet_studio.training import checkpoints, loop

ROOT = Path(__file__).resolve().parents[2]
TRAINED = (Series.TRAINING_ERROR, Series.TRAINING_LOSS, Series.LEARNING_RATE, Series.SECONDS)
TESTED = (Series.TEST_ERROR, Series.TEST_LOSS)
COMPARED = (*TRAINED[:3], *TESTED)
STAGES = ("starting", "opening the history", "reading data", "training", "in a checkpoint", "in a transaction")
STARTING, OPENING, READING, TRAINING, CHECKPOINT, TRANSACTION = range(len(STAGES))
ANYWHERE, COMMAND = "anywhere", "in a new process"
AIMS: tuple[int | str, ...] = (ANYWHERE, OPENING, CHECKPOINT, TRANSACTION, READING, ANYWHERE, CHECKPOINT, TRANSACTION,
                               COMMAND, ANYWHERE)  # fmt: skip
TEST_EVERY = 23
AT_ONCE = 0.0005  # seconds between two looks at where the process is


def cohort(iterations: int) -> CohortSpec:
    recipe = RecipeSpec(
        iterations=iterations, batch_size=16, learning_rate=0.05, milestones=(iterations // 2,), test_every=TEST_EVERY,
        precision="float32", device="cpu",
    )  # fmt: skip
    return twin(RunSpec(network=NetworkSpec(depth=8, width=4, image_size=8), recipe=recipe))


class Where:
    """One byte that the trained process writes and the killing one reads: what is being done right now."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    @property
    def stage(self) -> int:
        return self._byte[0]

    @contextlib.contextmanager
    def within(self, stage: int) -> Iterator[None]:
        before = self._byte[0]
        self._byte[0] = stage
        try:
            yield
        finally:
            self._byte[0] = before

    def reset(self) -> None:
        self._byte[0] = STARTING

    def watch(self) -> None:
        """In the process that will be killed; nothing is put back."""
        real_writing, where = SqliteStorage.writing, self

        @contextlib.contextmanager
        def writing(database: SqliteStorage) -> Iterator[object]:
            with where.within(TRANSACTION), real_writing(database) as session:
                yield session

        def inside(real: Callable[..., Any], stage: int) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                with where.within(stage):
                    return real(*arguments, **options)

            return call

        SqliteStorage.writing = writing  # type: ignore[method-assign]
        SqliteStorage.open_for_writing = inside(SqliteStorage.open_for_writing, OPENING)  # type: ignore[method-assign]
        checkpoints.save = inside(checkpoints.save, CHECKPOINT)
        trainer._Checkpoints.forget = inside(trainer._Checkpoints.forget, CHECKPOINT)  # type: ignore[method-assign]
        trainer.open_training = inside(trainer.open_training, READING)
        trainer._preprocessing = inside(trainer._preprocessing, READING)
        loop.CohortLoop.run = inside(loop.CohortLoop.run, TRAINING)  # type: ignore[method-assign]


def train(home: Home, spec: CohortSpec) -> None:
    """Begin, or go on with whatever has not ended, and finish."""
    with RunStore.open(home, wait_seconds=10) as store:
        waiting = [run.id for run in store.list_runs() if run.status is not RunStatus.FINISHED]
        if waiting:
            run_cohort.resume(waiting, store, lambda event: None, checkpoint_seconds=0.05)
        elif not store.list_runs():
            run_cohort.run(spec, store, lambda event: None, checkpoint_seconds=0.05)


def forked(work: Callable[[], object]) -> int:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def wait(pid: int) -> None:
    if code := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise SystemExit(f"a training process ended with {code}")


def check(home: Home, iterations: int) -> list[int]:
    """The iteration each run's curve has reached; raises if anything is not whole."""
    database = home.root / FILE_NAME
    if not database.exists():
        return []
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if verdict != "ok" or orphans:
        raise SystemExit(f"integrity_check: {verdict}, foreign_key_check: {orphans}")
    reached = []
    with RunStore.open(home) as store:  # as the next start of the program does
        if not store.writable:
            raise SystemExit(store.why_read_only)
        for run in store.list_runs():
            if not (run.resumable or run.status is RunStatus.FINISHED):
                raise SystemExit(f"{run.name} is {run.status}")
            for series in TRAINED:
                points = store.curve(run.id, series).iterations.tolist()
                if points != list(range(1, len(points) + 1)):
                    raise SystemExit(f"{series} of {run.name} has holes or doubles: {points[:20]}")
            for series in TESTED:
                tests = store.curve(run.id, series).iterations.tolist()
                due = [i for i in range(1, iterations + 1) if i % TEST_EVERY == 0 or i == iterations]
                if tests != due[: len(tests)]:
                    raise SystemExit(f"{series} of {run.name} has holes or doubles: {tests}")
            for row in store.checkpoints(run.id):
                if digest(checkpoints.load(home.runs / row.folder).weights) != row.weights_sha256:
                    raise SystemExit(f"the row of {row.folder} has another digest")
                if row.iteration > len(points):
                    raise SystemExit(f"the checkpoint of {run.name} runs ahead of its curve")
            reached.append(len(points))
    return reached


def outcome(home: Home) -> dict[str, list[str]]:
    """Everything that must be equal: digests and the bytes of every curve."""
    with RunStore.open(home, writer=False) as store:
        return {
            run.name: [str(run.status), str(run.weights_sha256)]
            + [
                store.curve(run.id, s).values.tobytes().hex() + str(store.curve(run.id, s).iterations.tolist())
                for s in COMPARED
            ]
            for run in store.list_runs()
        }


class Killer:
    """Starts trainings and kills them, once each."""

    def __init__(self, spec: CohortSpec, moments: random.Random, run_file: Path, seconds: float) -> None:
        self._spec, self._moments, self._run_file, self._seconds = spec, moments, run_file, seconds
        self._where = Where()
        self.landed: Counter[str] = Counter()

    def kill_one(self, home: Home, aim: int | str) -> bool:
        """False if the training had ended before."""
        if aim == COMMAND:
            return self._kill_command(home)
        self._where.reset()

        def work() -> None:
            self._where.watch()
            train(home, self._spec)

        pid = forked(work)
        if aim == ANYWHERE:
            time.sleep(self._moments.uniform(0.0, self._seconds / 2))
        else:
            into_training = self._moments.uniform(0.0, self._seconds / 4) if aim in (CHECKPOINT, TRANSACTION) else 0.0
            time.sleep(into_training)
            while self._where.stage != aim and not _ended(pid):
                time.sleep(AT_ONCE)
            time.sleep(self._moments.uniform(0.0, 0.01 if aim in (OPENING, READING) else 0.003))
        stage = STAGES[self._where.stage]
        os.kill(pid, signal.SIGKILL)
        if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
            return False
        self.landed[stage] += 1
        return True

    def _kill_command(self, home: Home) -> bool:
        with RunStore.open(home, writer=False) as store:
            runs = [run.id for run in store.list_runs()]
        what = ["resume", *runs] if runs else ["train", str(self._run_file)]
        process = subprocess.Popen(
            [sys.executable, "-m", "resnet_studio", "--home", str(home.root), *what], cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(self._moments.uniform(0.0, 4.0))
        process.kill()
        if process.wait() != -signal.SIGKILL:
            return False
        self.landed[COMMAND] += 1
        return True


def _ended(pid: int) -> bool:
    """Whether the process has ended; it is not reaped."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return found is not None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=80)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the moments; printed, so that a failure can be repeated"
    )
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    spec, kills, journeys, at = cohort(options.iterations), 0, 0, []
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run_file = Path(folder) / "twin.toml"
        run_file.write_text(to_toml(spec), encoding="utf-8")
        calm = Home(Path(folder) / "calm").prepare()
        wait(forked(lambda: open_builtin(BUILTIN, 0, calm)))
        start = time.perf_counter()
        wait(forked(lambda: train(calm, spec)))
        killer = Killer(spec, random.Random(seed), run_file, time.perf_counter() - start)
        check(calm, options.iterations)
        wanted, same = outcome(calm), True
        while kills < options.kills:
            journeys += 1
            home = Home(Path(folder) / f"journey-{journeys}").prepare()
            for file in calm.data.iterdir():
                os.link(file, home.data / file.name)
            shutil.copytree(calm.cache, home.cache, dirs_exist_ok=True)  # the machine need not be measured again
            for _ in range(10):
                if not killer.kill_one(home, AIMS[kills % len(AIMS)]):
                    break  # it was faster; the journey is over
                kills += 1
                at.append(max(check(home, options.iterations), default=0))
                if kills == options.kills:
                    break
            wait(forked(lambda home=home: train(home, spec)))
            check(home, options.iterations)
            same = same and outcome(home) == wanted
    digests = {name: values[1] for name, values in wanted.items()}
    told = {"seed": seed, "kills": kills, "landed": dict(killer.landed), "journeys": journeys, "killed_at": at,
            "integrity": "ok", "equal": same, "seconds": round(time.perf_counter() - begun, 1), **digests}  # fmt: skip
    print(json.dumps(told))
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
