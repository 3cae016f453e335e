"""End a training at each single step of a checkpoint: no row may ever point to one that is not whole.

    python tests/benchmarks/power_cut.py

A checkpoint is made of file operations (folders made, files written and fsynced, renamed, removed) and transactions
(its row, the rows of old ones). A twin is trained once for each of them and each way to fail: an OSError, a file that
was half written, and the end of the process in that instant. After each, every row must point to a checkpoint whose
files have the digests they should, and the resumed twin must end with the bits of one that nobody disturbed. What a
row points to must also have been fsynced, name by name, before the row was written: that is what survives a power cut.
The last line is JSON; the exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CheckpointSaved
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, twin
from resnet_studio.history.sqlite import storage as _storage  # noqa: F401 - once for all that are forked
from resnet_studio.history.store import RunStore
from resnet_studio.networks.weights import digest
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.training import checkpoints
from resnet_studio.training.disk_full import StorageLostError

WAYS = ("error", "torn", "end")
FROM = 5  # the checkpoint that is disturbed: the twin's first that makes an older one superfluous
ENDED = 9


def draw(root: Path) -> Path:
    generator = np.random.default_rng(0)
    for part, count in (("train", 8), ("test", 4)):
        for name in ("one", "two"):
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{index}.png")
    return root


def cohort(images: Path) -> CohortSpec:
    recipe = RecipeSpec(
        iterations=4, batch_size=4, learning_rate=0.05, milestones=(), test_every=2, precision="float32", device="cpu",
        engine="eager",
    )  # fmt: skip
    network = NetworkSpec(depth=8, width=2, image_size=8, classes=2)
    return twin(RunSpec(network=network, recipe=recipe, data=DataSpec(source=f"folder:{images}")))


class Steps:
    """Watches what checkpoints are made of, and ends it after the ``fail_at``-th step (counted from 1) ``way``."""

    def __init__(self, runs: Path, fail_at: int, way: str) -> None:
        self._runs, self._fail_at, self._way = str(runs), fail_at, way
        self.count, self.saved, self.names = 0, 0, []
        self.synced: set[str] = set()
        self.not_durable: list[str] = []
        self._inside = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        put_back: list[tuple[Any, str, Any]] = []

        def replace(owner: Any, name: str, made: Callable[[Any], Any]) -> None:
            real = getattr(owner, name)
            put_back.append((owner, name, real))
            setattr(owner, name, made(real))

        replace(checkpoints, "save", self._save)
        replace(os, "fsync", self._fsync)
        for name in ("mkdir", "rename", "unlink", "rmdir"):
            replace(os, name, lambda real, name=name: self._file_step(name, real))
        replace(checkpoints, "write_private", self._write)
        for name in ("add_checkpoint", "drop_checkpoint"):
            replace(RunStore, name, lambda real, name=name: self._row_step(name, real))
        try:
            yield
        finally:
            for owner, name, real in put_back:
                setattr(owner, name, real)

    def look(self, event: object) -> None:
        self.saved += isinstance(event, CheckpointSaved)

    def _step(self, name: str, target: str = "") -> None:
        if self.saved < FROM - 1:
            return
        self.count += 1
        self.names.append(f"{name} {Path(target).name}".strip())
        if self.count == self._fail_at:
            if self._way == "end":
                os._exit(ENDED)
            raise OSError(errno.EIO, f"refused after {self.names[-1]}")

    def _save(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def save(*arguments: Any) -> Any:
            found = real(*arguments)
            folder = found[0]
            for path in (*folder.iterdir(), folder, folder.parent, folder.parent.parent, folder.parent.parent.parent):
                if str(path) not in self.synced:
                    self.not_durable.append(str(path))
            return found

        return save

    def _fsync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def fsync(handle: int) -> None:
            real(handle)
            path = str(Path(f"/proc/self/fd/{handle}").readlink())
            self.synced.add(path)
            if path.startswith(self._runs):
                self._step("fsync", path)

        return fsync

    def _file_step(self, name: str, real: Callable[..., None]) -> Callable[..., None]:
        def step(path: Any, *rest: Any, **options: Any) -> None:
            real(path, *rest, **options)
            place = str(path)
            inside = place.startswith(self._runs)
            if inside and name == "rename":
                new = str(rest[0])
                self.synced = {new + p[len(place) :] if p.startswith(place) else p for p in self.synced}
                self.synced.discard(str(Path(new).parent))  # its entry is another now
            elif inside and name == "mkdir":
                self.synced.discard(str(Path(place).parent))
            if inside or "dir_fd" in options:
                self._step(name, place)

        return step

    def _write(self, real: Callable[[Path, bytes], None]) -> Callable[[Path, bytes], None]:
        def write_private(path: Path, content: bytes) -> None:
            torn = self._way == "torn" and self.count + 1 == self._fail_at
            real(path, content[: len(content) // 2] if torn else content)
            self.synced.discard(str(path))
            self._step("write", str(path))

        return write_private

    def _row_step(self, name: str, real: Callable[..., None]) -> Callable[..., None]:
        def step(store: RunStore, *arguments: Any) -> None:
            real(store, *arguments)
            self._step(name)

        return step


def train(home: Home, spec: CohortSpec, fail_at: int = 0, way: str = "error") -> Steps:
    """Begin, or go on with what has not ended."""
    steps = Steps(home.runs, fail_at, way)
    with RunStore.open(home, wait_seconds=10) as store, steps.watching():
        waiting = [run.id for run in store.list_runs() if run.status is not RunStatus.FINISHED]
        with contextlib.suppress(OSError, StorageLostError):  # what was raised on purpose, or its sentence
            if waiting:
                run_cohort.resume(waiting, store, steps.look, checkpoint_seconds=0.0)
            elif not store.list_runs():
                run_cohort.run(spec, store, steps.look, checkpoint_seconds=0.0)
    return steps


def check(home: Home) -> int:
    """How many rows point to a whole checkpoint; raises if one does not."""
    rows = 0
    with RunStore.open(home, writer=False) as store:
        for run in store.list_runs():
            found = store.checkpoints(run.id)
            if len(found) < 2:
                raise SystemExit(f"{run.name} lost a checkpoint: {found}")
            for row in found:
                if digest(checkpoints.load(home.runs / row.folder).weights) != row.weights_sha256:
                    raise SystemExit(f"the row of {row.folder} has another digest")
                rows += 1
    return rows


def outcome(home: Home) -> list[object]:
    with RunStore.open(home, writer=False) as store:
        return [
            [run.name, str(run.status), run.weights_sha256]
            + [store.curve(run.id, s).values.tobytes().hex() for s in (Series.TRAINING_LOSS, Series.TEST_LOSS)]
            + [store.curve(run.id, Series.TRAINING_LOSS).iterations.tolist()]
            for run in store.list_runs()
        ]


def forked(work: Callable[[], dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    """Exit code and answer of ``work`` in a process of its own."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(read)
            answer = json.dumps(work()).encode()
            with os.fdopen(write, "wb") as stream:
                stream.write(answer)
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        said = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code, json.loads(said or b"{}")


def attempt(home: Home, spec: CohortSpec, fail_at: int, way: str) -> dict[str, Any]:
    code, told = forked(lambda: vars_of(train(home, spec, fail_at, way)))
    if code not in (0, ENDED):
        raise SystemExit(f"step {fail_at}, {way}: the training process ended with {code}")
    code, rows = forked(lambda: {"rows": check(home)})
    if code:
        raise SystemExit(f"step {fail_at}, {way}: a row points to a checkpoint that is not whole")
    code, _ = forked(lambda: vars_of(train(home, spec)))
    code2, end = forked(lambda: {"rows": check(home), "outcome": outcome(home)})
    if code or code2:
        raise SystemExit(f"step {fail_at}, {way}: it could not be resumed")
    return {**told, "checked": rows["rows"], "outcome": end["outcome"]}


def vars_of(steps: Steps) -> dict[str, Any]:
    return {"steps": steps.count, "names": steps.names, "not_durable": steps.not_durable}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="each step once, the ways to fail in turn")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        images = draw(Path(folder) / "images")
        spec = cohort(images)
        calm = Home(Path(folder) / "calm").prepare()
        told = attempt(calm, spec, 0, "error")
        # One checkpoint of one member; the rest of the training repeats it.
        names: list[str] = told["names"]
        last = names.index("drop_checkpoint") + 1
        while last < len(names) and not names[last].startswith("mkdir"):
            last += 1
        attempts, same, checked, durable = 0, True, 0, not told["not_durable"]
        for step in range(1, last + 1):
            for way in WAYS[step % len(WAYS) :][:1] if quick else WAYS:
                if way == "torn" and not names[step - 1].startswith("write"):
                    way = "end"
                home = Home(Path(folder) / f"home-{step}-{way}").prepare()
                shutil.copytree(calm.cache, home.cache, dirs_exist_ok=True)  # the machine need not be measured again
                found = attempt(home, spec, step, way)
                attempts += 1
                checked += found["checked"]
                same = same and found["outcome"] == told["outcome"]
                durable = durable and not found.get("not_durable")
    answer = {
        "steps": names[:last], "attempts": attempts, "rows_checked": checked, "fsynced_before_row": durable,
        "not_durable": told["not_durable"][:5], "equal": same,
    }  # fmt: skip
    print(json.dumps(answer))
    return 0 if same and durable else 1


if __name__ == "__main__":
    raise SystemExit(main())
