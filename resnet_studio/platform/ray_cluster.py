"""Workers in a Ray cluster, each a task that runs one command; and whether the cluster lets in anybody at all."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from resnet_studio.domain.errors import UserError
from resnet_studio.platform.outside_files import reason
from resnet_studio.platform.python_child import module_command, program_command
from resnet_studio.text import _, _n

OLDEST = (2, 52)  # the first release whose clusters can ask for a token
_ADDRESS = re.compile(r"(?P<host>[^\s:/]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_REACH_SECONDS = 5.0
_STATUS_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_SAID = 300  # characters


@dataclass(slots=True)
class RayWorker:
    """A task, as far as is known of it.

    Attributes:
        number: From 1.
        host: The machine on which it was placed, empty while it waits for a free one.
        process: The worker's process id there.
        code: Exit code of the worker, negative for a signal; None where it is not known.
        said: Why it ended, where something went wrong.
        stopped: It ended as it was asked to.
    """

    number: int
    host: str = ""
    process: int = 0
    ended: bool = False
    code: int | None = None
    said: str = ""
    stopped: bool = False

    @property
    def wrong(self) -> bool:
        return self.ended and not self.stopped and self.code != 0

    def trains(self, owner: str) -> bool:
        """Whether ``owner``, of an entry of the queue, is the name under which it works."""
        return bool(self.host) and owner.startswith(f"{self.host}:{self.process}:")


def refuse_unguarded(address: str) -> None:
    """Ask the cluster at ``address`` without a token, which it has to refuse, and with one.

    The environment of this process takes part in Ray with its token from then on.

    Raises:
        UserError: If Ray is not here, nobody answers, the cluster lets in anybody, or does not let in this user.
    """
    _refuse_old()
    _refuse_silent(address)
    code, said = _status(address, "disabled")
    if code == 0:
        raise UserError(
            _(
                "The Ray cluster at {address} lets in anybody who reaches it, to run any program on its machines "
                "(CVE-2025-62593): start all of it anew with RAY_AUTH_MODE=token and a token.",
                address=address,
            )
        )
    if "AuthenticationError" not in said:
        raise _unusable(address, said)
    code, said = _status(address, "token")
    if code and "uthentication" in said:  # or Ray breaks off, in its loader of tokens, as there is none
        raise UserError(
            _(
                "The Ray cluster at {address} does not take the token of this machine: give the cluster's in "
                "RAY_AUTH_TOKEN, in a file that RAY_AUTH_TOKEN_PATH names, or in ~/.ray/auth_token.",
                address=address,
            )
        )
    if code:
        raise _unusable(address, said)
    os.environ["RAY_AUTH_MODE"] = "token"


def _unusable(address: str, said: str) -> UserError:
    last = _short(said.strip().rpartition("\n")[2])
    return UserError(_("There is no Ray cluster that can be used at {address}: {said}", address=address, said=last))


def _refuse_old() -> None:
    install = 'pip install "resnet-studio[cluster]"'
    if importlib.util.find_spec("ray") is None:
        raise UserError(_("Ray is not installed here: {install}", install=install))
    there = version("ray")
    if tuple(int(part) for part in re.findall(r"[0-9]+", there)[:2]) < OLDEST:
        raise UserError(
            _(
                "Ray {there} is too old, as its clusters ask for no token; take {least} or newer: {install}",
                there=there,
                least=".".join(map(str, OLDEST)),
                install=install,
            )
        )


def _refuse_silent(address: str) -> None:
    """At once, where Ray itself would try for long."""
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65_535:
        raise UserError(
            _("{address!r} is no address of a Ray cluster; give HOST:PORT, as ray start printed it.", address=address)
        )
    try:
        socket.create_connection((match["host"].strip("[]"), int(match["port"])), _REACH_SECONDS).close()
    except OSError as error:
        raise UserError(_("No Ray cluster answers at {address} ({why}).", address=address, why=reason(error))) from None


def _status(address: str, mode: str) -> tuple[int, str]:
    """Exit code and complaints of ``ray status``, in a process of its own, as Ray reads its mode once."""
    command = module_command("ray.scripts.scripts", "status", "--address", address)
    environment = {**os.environ, "RAY_AUTH_MODE": mode}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_STATUS_SECONDS, env=environment,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, done.stderr


def room(nodes: Sequence[Mapping[str, Any]], *, gpus: int, cores: int) -> int:
    """How many workers of so many GPUs and cores each the machines can have at once, with nothing else on them."""
    found = 0
    for resources in _resources(nodes):
        shares = [resources.get("CPU", 0) // cores] + ([resources.get("GPU", 0) // gpus] if gpus else [])
        found += int(min(shares))
    return found


def lack_of_room(nodes: Sequence[Mapping[str, Any]], count: int, *, gpus: int, cores: int) -> str:
    """Why there is no room for so many workers, empty where there is."""
    there = int(sum(resources.get("GPU", 0) for resources in _resources(nodes)))
    if there < count * gpus:
        return _(
            "The cluster has {there} for {count} workers: start fewer, let more machines join, or give --device cpu.",
            there=_n("{count} GPU", "{count} GPUs", there),
            count=count,
        )
    most = room(nodes, gpus=gpus, cores=cores)
    if most < count:
        return _(
            "The machines of the cluster have room for {most} of {count} workers with {cores} each: start fewer, let "
            "more machines join, or give each less with --cores.",
            most=most,
            count=count,
            cores=_n("{count} core", "{count} cores", cores),
        )
    return ""


def cores_of_each(nodes: Sequence[Mapping[str, Any]], *, gpus: int) -> int:
    """A GPU's share of the cores of its machine, where that is least; 1 for workers without a GPU."""
    shares = [
        resources.get("CPU", 0) * gpus // resources["GPU"]
        for resources in _resources(nodes)
        if gpus and resources.get("GPU", 0) >= gpus
    ]
    return max(1, int(min(shares, default=1)))


def _resources(nodes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, float]]:
    return [node["Resources"] for node in nodes if node["Alive"]]


class RayCluster:
    """The connection to a cluster, and the workers placed from here; they end with it.

    Attributes:
        nodes: The machines, as Ray lists them.
        workers: All that were asked for.
    """

    def __init__(self, address: str) -> None:
        """Connect, from a machine of the cluster, as :func:`refuse_unguarded` allows.

        Raises:
            UserError: If Ray does not connect.
        """
        import ray  # takes a second

        self._ray = ray
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # of many kinds
            raise UserError(
                _(
                    "The Ray cluster at {address} cannot be used from here: {said} Workers are started on one of its "
                    "machines.",
                    address=address,
                    said=_sentence(error),
                )
            ) from None
        self.nodes: list[Mapping[str, Any]] = ray.nodes()
        self.workers: list[RayWorker] = []
        self._tasks: dict[Any, RayWorker] = {}

    @property
    def only_here(self) -> bool:
        """This machine is all of it."""
        return {node["NodeManagerHostname"] for node in self.nodes if node["Alive"]} <= {socket.gethostname()}

    def place(self, count: int, words: Sequence[str], *, gpus: int, cores: int) -> None:
        """Ask for workers, each of which runs this program with ``words`` on the machine that Ray chooses.

        Raises:
            UserError: If the cluster could never have so many at once.
        """
        if fault := lack_of_room(self.nodes, count, gpus=gpus, cores=cores):
            raise UserError(fault)
        task = self._ray.remote(serve).options(
            num_gpus=gpus, num_cpus=cores, max_retries=0, num_returns="streaming", name="resnet-studio work"
        )
        for number in range(1, count + 1):
            self.workers.append(RayWorker(number))
            self._tasks[task.remote(tuple(words))] = self.workers[-1]

    def look(self, seconds: float) -> None:
        """Learn what happened to the workers, for at most so long."""
        if not self._tasks:
            return
        ready, _rest = self._ray.wait(list(self._tasks), timeout=seconds)
        for task in ready:
            self._hear(task, self._tasks[task])

    def _hear(self, task: Any, worker: RayWorker) -> None:
        try:
            kind, *found = self._ray.get(next(task))
        except StopIteration:
            worker.ended = True
        except self._ray.exceptions.TaskCancelledError:
            worker.ended = worker.stopped = True
        except Exception as error:  # whatever else Ray, or the start of the worker, ended with
            worker.ended, worker.said = True, _sentence(error)
        else:
            if kind == "placed":
                worker.host, worker.process = found
                return
            worker.ended, (worker.code, worker.said) = True, found
        del self._tasks[task]

    def stop(self) -> None:
        """Ask all workers to end with a checkpoint; :meth:`look` learns when they have. Called once."""
        for task in self._tasks:
            self._ray.cancel(task)

    def close(self) -> None:
        """Workers that are left end at once."""
        self._ray.shutdown()


def serve(words: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """In a process of Ray's: run this program with ``words``, and stop it with a checkpoint when the task is cancelled.

    Yields:
        ``placed``, the machine's name and the process id; then ``ended``, the exit code and the last line on stderr.
    """
    # A cancelled task is interrupted, which does nothing where Ray was started with that signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(program_command(*words), stdin=subprocess.DEVNULL, stderr=errors)
        try:
            yield "placed", socket.gethostname(), child.pid
            while child.poll() is None:
                time.sleep(_LOOK_SECONDS)  # Ray interrupts what is not waiting in the system
        finally:
            if child.poll() is None:
                with suppress(OSError):
                    child.terminate()
                child.wait()
            signal.signal(signal.SIGINT, before or signal.SIG_DFL)
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines() or [""]
        print(*lines, sep="\n", file=sys.stderr, flush=True)  # for Ray's log
        yield "ended", child.returncode, lines[-1] if child.returncode else ""


def _short(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _SAID else f"{text[:_SAID]}…"


def _sentence(error: Exception) -> str:
    """Ray's own words, of which the first line says most."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    text = _short(lines[0] if lines else type(error).__name__)
    return text if text.endswith((".", "…")) else f"{text}."
