"""kill -9 a training process at random moments, resume it, and compare the final weights bit for bit.

    python tests/benchmarks/kill_nine.py --kills 50

One twin is trained undisturbed; the same twin is killed again and again (while data loads, in a step, in a checkpoint,
in a transaction) and resumed until it ends. After each kill the database must pass SQLite's integrity check and no
curve may have a hole or a point twice. The last line is JSON; the exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # tiny networks: threads that spin while waiting cost the most
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from resnet_studio import runner  # loaded once; each trained process is a fork of this one
from resnet_studio.data.builtin import open_builtin
from resnet_studio.domain.home import Home
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec, twin
from resnet_studio.domain.terms import RunStatus, Series
from resnet_studio.history.store import RunStore

SERIES = (Series.TRAINING_ERROR, Series.TRAINING_LOSS, Series.LEARNING_RATE, Series.TEST_ERROR, Series.TEST_LOSS)


def cohort(iterations: int) -> CohortSpec:
    recipe = RecipeSpec(
        iterations=iterations, batch_size=16, learning_rate=0.05, milestones=(iterations // 2,), test_every=23,
        precision="float32", device="cpu",
    )  # fmt: skip
    return twin(RunSpec(network=NetworkSpec(depth=8, width=4, image_size=8), recipe=recipe))


def train(home: Home, spec: CohortSpec) -> None:
    """Begin, or go on with whatever has not ended, and finish."""
    with RunStore.open(home, wait_seconds=10) as store:
        waiting = [run.id for run in store.list_runs() if run.status is not RunStatus.FINISHED]
        if waiting:
            runner.resume(waiting, store, lambda event: None, checkpoint_seconds=0.2)
        elif not store.list_runs():
            runner.run(spec, store, lambda event: None, checkpoint_seconds=0.2)


def forked(work: Callable[[], None]) -> int:
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


def check(home: Home) -> list[int]:
    """The iteration each run's curve has reached; raises if the database or a curve is not whole."""
    if not home.database.exists():
        return []
    with sqlite3.connect(home.database) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    if verdict != "ok":
        raise SystemExit(f"integrity_check: {verdict}")
    reached = []
    with RunStore.open(home, writer=False) as store:
        for run in store.list_runs():
            points = store.curve(run.id, Series.TRAINING_ERROR).iterations.tolist()
            if points != list(range(1, len(points) + 1)):
                raise SystemExit(f"the curve of {run.name} has holes or doubles: {points[:20]}")
            if (newest := store.checkpoints(run.id)) and newest[0].iteration > len(points):
                raise SystemExit(f"the checkpoint of {run.name} runs ahead of its curve")
            reached.append(len(points))
    return reached


def outcome(home: Home) -> dict[str, object]:
    """Everything that must be equal: digests and the bytes of every curve."""
    with RunStore.open(home, writer=False) as store:
        return {
            run.name: [str(run.status), run.weights_sha256]
            + [
                store.curve(run.id, s).values.tobytes().hex() + str(store.curve(run.id, s).iterations.tolist())
                for s in SERIES
            ]
            for run in store.list_runs()
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the moments; printed, so that a failure can be repeated"
    )
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    moments, spec, kills, journeys, at = random.Random(seed), cohort(options.iterations), 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        calm = Home(Path(folder) / "calm").prepare()
        wait(forked(lambda: open_builtin(0, calm) and None))
        start = time.perf_counter()
        wait(forked(lambda: train(calm, spec)))
        seconds = time.perf_counter() - start
        wanted, same = outcome(calm), True
        while kills < options.kills:
            journeys += 1
            home = Home(Path(folder) / f"journey-{journeys}").prepare()
            for file in calm.data.iterdir():
                os.link(file, home.data / file.name)
            for _ in range(10):
                pid = forked(lambda home=home: train(home, spec))
                time.sleep(moments.uniform(0.0, seconds / 2))
                os.kill(pid, signal.SIGKILL)
                if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
                    break  # it was faster; the journey is over
                kills += 1
                at.append(max(check(home), default=0))
                if kills == options.kills:
                    break
            wait(forked(lambda home=home: train(home, spec)))
            check(home)
            same = same and outcome(home) == wanted
    digests = {name: values[1] for name, values in wanted.items()}
    print(json.dumps({"seed": seed, "kills": kills, "journeys": journeys, "killed_at": at, "equal": same, **digests}))
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
