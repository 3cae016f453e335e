"""Watches what the program does with damaged input: code that is run, files that are touched, time that it takes."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resnet_studio.__main__ import start
from resnet_studio.cli.check_storage import storage_checks
from resnet_studio.platform.home import Home

LONGEST = 5.0  # seconds that an answer may take
GIVE_UP = 60  # seconds after which an answer that does not come is counted as slow and left
_INNER = ("Traceback (most recent call last)", "Something went wrong inside")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = (
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.utime",
    "shutil.rmtree",
    "shutil.move",
)
_BELOW = ("os.remove", "os.rmdir", "os.rename", "os.mkdir")  # may name a folder by a descriptor
_RUNS = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn", "ctypes.dlopen/marker")


class TookTooLongError(BaseException):
    """No answer came; a BaseException, so that nothing on the way takes it for damage."""


@dataclass
class Answer:
    """What came of one command: its exit code (None if it was left), what it printed, and how long it took."""

    code: int | None
    out: str
    err: str
    seconds: float
    inner: str = ""


@dataclass
class Watch:
    """An audit hook over this process; ``outside`` and ``ran`` hold what should not have been.

    Args:
        allowed: Folders in which the program may write.
    """

    allowed: Sequence[Path]
    on: bool = False
    outside: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._roots = tuple(os.path.realpath(folder) + os.sep for folder in self.allowed)
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, mode, flags = arguments
            written = (isinstance(flags, int) and flags & _WRITING) or any(c in "wax+" for c in mode or "")
            if written and isinstance(path, str | bytes):
                self._note(event, path)
        elif event in _CHANGES:
            base = next((one for one in reversed(arguments[1:]) if isinstance(one, int) and one >= 0), None)
            folder = "" if base is None or event not in _BELOW else _folder(base)
            for path in arguments[:2]:
                if isinstance(path, str | bytes | os.PathLike):
                    self._note(event, os.path.join(folder, os.fsdecode(path)))  # noqa: PTH118 - may be absolute
        elif event in _RUNS or (event == "subprocess.Popen" and not _own(arguments)):
            self.ran.append(f"{event} {arguments!r}"[:300])

    def _note(self, event: str, path: str | bytes) -> None:
        real = os.path.realpath(os.fsdecode(path))
        if event == "os.mkdir" and os.path.isdir(real):  # noqa: PTH112 - it is there, so nothing comes of it
            return
        if real != os.devnull and not (real + os.sep).startswith(self._roots):
            self.outside.append(f"{event} {real}")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        self.on = True
        try:
            yield
        finally:
            self.on = False


def _folder(descriptor: int) -> str:
    """Of an open folder, which shutil.rmtree names by its descriptor."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    except OSError:
        return ""


def _own(arguments: tuple[Any, ...]) -> bool:
    """Processes that the program starts itself: its own decoders and probes, isolated, and questions to the system."""
    line = arguments[1] if len(arguments) > 1 else ()
    words = [os.fsdecode(word) for word in line] if isinstance(line, list | tuple) else []
    return bool(words) and (
        words[0] == sys.executable or Path(words[0]).name in ("git", "lscpu", "sysctl", "nvidia-smi")
    )


def ask(watch: Watch, arguments: Sequence[str]) -> Answer:
    """One command in this process, through the program's own beginning."""
    out, err = io.StringIO(), io.StringIO()
    before = time.perf_counter()
    code: int | None = None
    inner = ""
    old = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(GIVE_UP)
    faulthandler.dump_traceback_later(2 * GIVE_UP, exit=True)  # in native code no signal arrives
    try:
        with watch.watching(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = _look_at_storage(arguments) if "doctor" in arguments else start(list(arguments))
    except TookTooLongError:
        pass
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        inner = traceback.format_exc()
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, old)
    return _judged(Answer(code, out.getvalue(), err.getvalue(), time.perf_counter() - before, inner))


def _look_at_storage(arguments: Sequence[str]) -> int:
    """What ``doctor`` does with the home; its other half measures this machine, which takes longer."""
    for check in storage_checks(Home(Path(arguments[1]))):
        print(check.name, check.value)
    return 0


def _give_up(_number: int, _frame: object) -> None:
    raise TookTooLongError


def ask_process(arguments: Sequence[str], folder: Path) -> Answer:
    """The same in a process of its own, started in ``folder``."""
    before = time.perf_counter()
    command = [sys.executable, "-P", "-m", "resnet_studio", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=GIVE_UP, env=environment, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return Answer(None, "", "", time.perf_counter() - before)
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    inner = f"died of signal {-done.returncode}" if done.returncode < 0 else ""
    return _judged(Answer(done.returncode, out, err, time.perf_counter() - before, inner))


def _judged(answer: Answer) -> Answer:
    if not answer.inner and answer.code is not None and any(words in answer.err for words in _INNER):
        answer.inner = answer.err
    return answer
