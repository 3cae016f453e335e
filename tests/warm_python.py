"""Python processes that begin at once: forked from an interpreter in which torch and the program have been loaded.

Loading them takes two seconds of processor time, some hundred times in a run of all tests, and shows nothing that the
first time has not shown. Such a process is a child of the tests, with its own arguments, environment, folder,
descriptors and signals: whatever happens to it happens to a program. Tests of what is loaded, of interpreters' options
and of the first moments of a start use :mod:`subprocess`: of variables that are read while Python or a library is
loaded, only ``OMP_NUM_THREADS`` counts here.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import ctypes
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_SUBREAPER = 36  # of prctl: orphans among our descendants become our children
_PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
_LOADED = (
    "torch", "torch.utils.data", "scipy.special", "PySide6.QtWidgets", "pyqtgraph", "resnet_studio.app",
    "resnet_studio.cli.main", "resnet_studio.cli.commands.train", "resnet_studio.cli.commands.queue",
    "resnet_studio.runner.queue_work", "resnet_studio.runner.run_cohort", "resnet_studio.ui.main_window",
)  # fmt: skip


def can_fork() -> bool:
    return sys.platform == "linux"


class WarmProcess(subprocess.Popen[Any]):
    """``subprocess.Popen`` of ``[sys.executable, "-c", code, ...]`` or ``[sys.executable, "-m", module, ...]``.

    Signals have their usual meaning in it, whatever the tests have made of them. An ordinary process where this system
    cannot fork one so.
    """

    def _execute_child(self, *arguments: Any) -> None:
        if not can_fork():
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        asked = inspect.signature(subprocess.Popen._execute_child).bind(self, *arguments).arguments
        words = [os.fspath(word) for word in asked["args"]]
        assert words[0] == sys.executable
        assert words[1] in ("-c", "-m")
        assert asked["preexec_fn"] is None, "no function can be sent there"
        environment = os.environ if asked["env"] is None else asked["env"]
        job = {
            "kind": words[1], "text": words[2], "arguments": words[3:], "environment": dict(environment),
            "cwd": os.fspath(asked["cwd"] or Path.cwd()), "session": asked["start_new_session"],
            "cores": sorted(os.sched_getaffinity(0)),
        }  # fmt: skip
        ends = (asked["p2cread"], asked["c2pwrite"], asked["errwrite"])
        self.pid = _interpreter().fork(job, [number if end == -1 else end for number, end in enumerate(ends)])
        self._child_created = True
        self._close_pipe_fds(*(asked[name] for name in _PIPES))  # type: ignore[attr-defined]


class _Interpreter:
    """The one that forks; ends with the tests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path]))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).resolve()), str(theirs.fileno())], env=environment, cwd=ROOT,
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self._lock = threading.Lock()
        self._answers = self._socket.makefile("rb")
        self._prctl = ctypes.CDLL(None).prctl
        atexit.register(self.end)

    def fork(self, job: Mapping[str, object], descriptors: Sequence[int]) -> int:
        """The number of the new process, a child of this one."""
        text = json.dumps(job).encode()
        with self._lock:
            self._prctl(_SUBREAPER, 1, 0, 0, 0)
            try:
                head = len(text).to_bytes(8, "little")
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
                self._socket.sendmsg([head], [rights])
                self._socket.sendall(text)
                answer = self._answers.readline()
                assert answer, "the interpreter that forks has ended"
                return int(answer)
            except BaseException:  # else the next process would be given this one's number
                _STARTED.clear()
                self.end()
                raise
            finally:
                self._prctl(_SUBREAPER, 0, 0, 0, 0)

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._process.wait()


_STARTED: list[_Interpreter] = []


def _interpreter() -> _Interpreter:
    if not _STARTED:
        _STARTED.append(_Interpreter())
    return _STARTED[0]


def run_warm(
    command: Sequence[object], *, timeout: float, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """``subprocess.run`` that captures text."""
    pipe = subprocess.PIPE
    with WarmProcess(command, stdout=pipe, stderr=pipe, text=True, env=env, cwd=cwd) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


# In the interpreter that forks


def _serve(connection: socket.socket) -> dict[str, Any]:
    """Returns in each new process, with what it has to do."""
    stream = connection.makefile("rb")
    while True:
        head, descriptors, _flags, _address = socket.recv_fds(connection, 8, 3)
        if not head:
            os._exit(0)
        job = json.loads(stream.read(int.from_bytes(head, "little")))
        mine, theirs = os.pipe()
        middle = os.fork()
        if not middle:
            grandchild = os.fork()
            if grandchild:
                os.write(theirs, b"%d\n" % grandchild)
                os._exit(0)  # so that the tests, who adopt orphans, become the parent of the new process
            for descriptor in (mine, theirs):
                os.close(descriptor)
            stream.close()
            connection.detach()
            _become(job, descriptors)
            return job
        os.waitpid(middle, 0)
        connection.sendall(os.read(mine, 32))
        for descriptor in (mine, theirs, *descriptors):
            os.close(descriptor)


def _become(job: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}:
        if number < signal.SIGRTMIN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if job["session"]:
        os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, 256)
    os.sched_setaffinity(0, job["cores"])
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.modules["torch"].set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or len(job["cores"])))
    text = {"encoding": "utf-8", "closefd": False}
    sys.stdin = open(0, **text)  # noqa: SIM115 - as long as the process
    sys.stdout = sys.__stdout__ = open(1, "w", buffering=1 if os.isatty(1) else -1, **text)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, errors="backslashreplace", **text)  # noqa: SIM115


def _main() -> None:
    import gc
    import importlib
    import runpy
    import types

    for name in _LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else every process looks at all of it once more as it ends
    job = _serve(socket.socket(fileno=int(sys.argv[1])))
    if job["kind"] == "-m":
        sys.argv = [job["text"], *job["arguments"]]
        runpy.run_module(job["text"], run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *job["arguments"]]
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(job["text"], "<string>", "exec"), module.__dict__)


if __name__ == "__main__":
    _main()
