"""Training on several devices of this machine: starting a process for each, and storing what the first one reports.

The processes are started and ended by torch's elastic launcher. They find one another through a file, and what they
tell one another stays on this machine. Whoever calls this keeps the history: a process that dies cannot damage it.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import torch
from torch import distributed

from resnet_studio.domain.device_shares import device_fault
from resnet_studio.domain.errors import DamagedHistoryError, Stopped, StoreError, UserError
from resnet_studio.domain.events import EventSink, StopCheck, never_stop
from resnet_studio.domain.queue import LostClaimError
from resnet_studio.domain.specs import RunSpec
from resnet_studio.networks.devices import choose_device
from resnet_studio.platform.clock import Waited
from resnet_studio.platform.python_child import safe_path
from resnet_studio.runner.device_process import device_process, single_process
from resnet_studio.runner.start import CohortStart
from resnet_studio.text import _
from resnet_studio.training.data_parallel import ANSWER_SECONDS, START_SECONDS, Meeting
from resnet_studio.training.disk_full import StoppedOnFullDisk, is_full

log = logging.getLogger(__name__)

_START: Final = "spawn"  # of a process: a fork would have our locks, threads and CUDA in it
_POLL = 0.05  # seconds between two looks at whether to stop, and at who is alive
_LAST_WORDS = 60.0  # seconds for a last checkpoint after a process has died; more while it reports
_SEEN_DEAD = 2.0  # seconds until a process that has left its peers is seen to have ended


class LostProcessError(UserError):
    """The process that trained is gone; what it had reached lies in the last checkpoint."""


def refuse_devices(specs: Sequence[RunSpec], devices: int) -> None:
    """Raises UserError if the device of ``specs`` is not there, or not so many times, or cannot share their batches."""
    device = choose_device(specs[0].recipe.device)
    if devices == 1:
        return
    for spec in specs:
        if fault := device_fault(spec, devices):
            raise UserError(_("{name}: {fault}.", name=spec.label, fault=fault))
    if not distributed.is_available() or not distributed.is_gloo_available():
        raise UserError(_("This build of torch cannot train on several devices; train on one."))
    if device.type == "cuda" and torch.cuda.device_count() < devices:
        raise UserError(
            _(
                "This machine has {count} CUDA devices, not {devices}; give --devices {count} or fewer.",
                count=torch.cuda.device_count(),
                devices=devices,
            )
        )
    if device.type not in ("cuda", "cpu"):
        raise UserError(_("This machine has one {type} device; train on one.", type=device.type))


def all_devices(spec: RunSpec) -> int:
    """How many devices of the kind that ``spec`` trains on this machine has; its processor counts as one."""
    return torch.cuda.device_count() if choose_device(spec.recipe.device).type == "cuda" else 1


def train_on_devices(
    start: CohortStart, emit: EventSink, should_stop: StopCheck = never_stop, *, devices: int,
    should_pause: StopCheck = never_stop, checkpoint_seconds: float = 30.0, show: EventSink | None = None,
    answer_seconds: float = ANSWER_SECONDS,
) -> None:  # fmt: skip
    """:func:`~resnet_studio.runner.train.train` with a process for each of so many devices.

    ``answer_seconds`` is how long a process may keep silent before it counts as lost.

    Raises:
        UserError: If the runs cannot be trained as asked, or a process is lost; the last checkpoint is then one of
            the iteration reached, unless it is the first process that is lost.
        Stopped, StoppedOnFullDisk: As ``train`` raises them.
    """
    kind = choose_device(start.spec.recipe.device).type
    with tempfile.TemporaryDirectory(prefix="resnet-studio-devices-") as folder:
        meeting = Meeting(Path(folder) / "meeting", "nccl" if kind == "cuda" else "gloo", devices, answer_seconds)
        here, there = multiprocessing.get_context(_START).Pipe()
        arguments = (meeting, pickle.dumps(start), checkpoint_seconds, there)
        del start
        with here, _processes(arguments, devices, Path(folder), kind) as started:
            there.close()
            del arguments
            _Watch(started, here, emit, show or emit, answer_seconds).until_the_end(should_stop, should_pause)


def train_in_process(
    start: CohortStart, emit: EventSink, should_stop: StopCheck = never_stop, *, device: str, beside: int = 0,
    should_pause: StopCheck = never_stop, checkpoint_seconds: float = 30.0, show: EventSink | None = None,
    answer_seconds: float = ANSWER_SECONDS,
) -> None:  # fmt: skip
    """:func:`~resnet_studio.runner.train.train` in a process of its own, on one of several devices of this machine.

    Its other arguments are those of that function; a process that says nothing for ``answer_seconds`` is lost.
    ``device`` is ``cpu``, ``mps``, or ``cuda:N`` of the GPUs that are visible here (``cpu:N`` is a name for people);
    ``beside`` so many other such processes share the machine's cores and memory.

    Raises:
        LostProcessError: If the process is gone, or silent for too long.
        UserError, Stopped, StoppedOnFullDisk: As ``train`` raises them.
    """
    context = multiprocessing.get_context(_START)
    here, there = context.Pipe()
    arguments = (pickle.dumps(start), checkpoint_seconds, beside, _visible(device), there)
    del start
    process = context.Process(target=single_process, args=arguments, name=device, daemon=False)
    with here:
        try:
            with there, safe_path():
                process.start()
            del arguments
            watch = _Watch(_Started({0: process}, {}), here, emit, show or emit, answer_seconds, device)
            watch.until_the_end(should_stop, should_pause)
        except BrokenPipeError:
            raise LostProcessError(_lost_on(device, _("it ended before it began"))) from None
        finally:
            if process.pid is not None:
                process.kill()
                process.join()


def _visible(device: str) -> str | None:
    """What ``CUDA_VISIBLE_DEVICES`` is in the process of a device; None where it does not matter."""
    kind, _unused, number = device.partition(":")
    if kind != "cuda":
        return "" if kind == "cpu" else None
    names = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return names[int(number)] if names else number


def _lost_on(device: str, reason: str) -> str:
    return _("The process on {device} is lost: {reason}.", device=device, reason=reason)


@dataclass(frozen=True, slots=True)
class _Started:
    """The processes by number, and where each writes why it failed."""

    processes: Mapping[int, BaseProcess]
    reasons: Mapping[int, str]

    def dead(self) -> list[int]:
        multiprocessing.active_children()  # notes who has ended
        return [number for number, process in self.processes.items() if process.exitcode is not None]

    def why(self, number: int) -> str:
        """A few words on how a process ended."""
        code = self.processes[number].exitcode
        if code is not None and code < 0:
            return _("it was ended by signal {name}, perhaps because memory ran out", name=signal.Signals(-code).name)
        if number not in self.reasons:
            return _("exit code {code}", code=code)
        try:
            text = Path(self.reasons[number]).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return _("exit code {code}", code=code)
        log.error("the process of device %d failed: %s", number + 1, text)
        return _error_line(text) or _("exit code {code}", code=code)


def _error_line(text: str) -> str:
    """The last line of the message in torch's file on a failed process."""
    try:
        message = json.loads(text)["message"]
        message = message["message"] if isinstance(message, dict) else message
        return str(message).strip().splitlines()[-1]
    except (ValueError, LookupError, TypeError):
        return ""


@contextmanager
def _processes(arguments: tuple[Any, ...], devices: int, folder: Path, kind: str) -> Iterator[_Started]:
    """Starts them; whatever happens, none outlives the block."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std, start_processes

    logging.getLogger("torch.distributed.elastic.multiprocessing.api").setLevel(logging.CRITICAL)  # it is told here
    before = {id(process) for process in multiprocessing.active_children()}
    with _own_signals(), safe_path():
        context = start_processes(
            name="device",
            entrypoint=device_process,
            args={number: (number, *arguments) for number in range(devices)},
            envs={number: _environment(number, devices, kind) for number in range(devices)},
            logs_specs=DefaultLogsSpecs(log_dir=str(folder), redirects=Std.ALL),
            start_method=_START,
        )
    try:
        by_pid = {p.pid: p for p in multiprocessing.active_children() if id(p) not in before}
        pids = context.pids()
        yield _Started({number: by_pid[pid] for number, pid in pids.items() if pid in by_pid}, context.error_files)
    finally:
        context.close(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def _environment(number: int, devices: int, kind: str) -> dict[str, str]:
    """Each process sees one GPU, as its only one."""
    values = {"RANK": str(number), "LOCAL_RANK": "0", "WORLD_SIZE": str(devices), "TORCHELASTIC_RUN_ID": "devices"}
    if kind == "cuda":
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        names = [name.strip() for name in visible.split(",") if name.strip()]
        values["CUDA_VISIBLE_DEVICES"] = names[number] if names else str(number)
    return values


@contextmanager
def _own_signals() -> Iterator[None]:
    """torch's launcher would raise exceptions in the main thread where this program asks for a stop."""
    name = "TORCHELASTIC_SIGNALS_TO_HANDLE"
    before, handler = os.environ.get(name), None
    number = getattr(signal, "SIGUSR2", None)
    if number is not None:
        os.environ[name] = "SIGUSR2"
        handler = signal.getsignal(number)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
        if number is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


class _Watch:
    """Stores what the first process reports, passes on what is asked of it, and sees who dies."""

    def __init__(
        self, started: _Started, connection: Connection, emit: EventSink, show: EventSink, answer_seconds: float,
        device: str = "",
    ) -> None:  # fmt: skip
        """Takes over the started processes; ``connection`` is to the first of them.

        ``emit`` and ``show`` are those of training; one that says nothing for ``answer_seconds`` is lost. ``device``
        is that of a process that trains alone: who started it goes on with what it had reached.
        """
        self._device = device
        self._started, self._connection, self._emit, self._show = started, connection, emit, show
        self._answer_seconds = answer_seconds
        self._silent, self._patience = Waited(), START_SECONDS
        self._lost = ""

    def until_the_end(self, should_stop: StopCheck, should_pause: StopCheck) -> None:
        stopped = paused = False
        while True:
            if (end := self._listen(stopped)) is not None:
                return self._finish(*end)
            if not stopped and should_stop():
                stopped = True
                self._send("stop", None)
            if should_pause() is not paused:
                paused = not paused
                self._send("pause", paused)
            self._look_at_the_others()
            if self._silent.seconds > (_LAST_WORDS if self._lost else self._patience):
                if self._lost:
                    raise UserError(self._lost)
                raise self._loss(_("it no longer answers"))

    def _listen(self, stopped: bool) -> tuple[str, str] | None:
        """How it ended, once it has."""
        try:
            if not self._connection.poll(_POLL):
                return None
            kind, value = self._connection.recv()
        except (EOFError, OSError):
            if self._lost:
                raise UserError(self._lost) from None
            if stopped:
                raise Stopped from None
            self._wait_for_a_death()
            raise self._loss(self._started.why(0)) from None
        self._silent, self._patience = Waited(), self._answer_seconds
        if kind == "emit":
            self._store(value)
        elif kind == "show":
            self._show(value)
        return value if kind == "end" else None

    def _store(self, event: Any) -> None:
        try:
            self._emit(event)
        except (DamagedHistoryError, LostClaimError):
            raise
        except (StoreError, OSError) as error:
            if not is_full(error) and not isinstance(error, StoreError):
                raise
            self._send("full" if is_full(error) else "not stored", str(error))
        else:
            self._send("stored", "")

    def _send(self, kind: str, value: object) -> None:
        try:
            self._connection.send((kind, value))
        except OSError:  # it is gone; what it still said is read first
            log.info("the process of the first device cannot be reached")

    def _look_at_the_others(self) -> None:
        if not self._lost and (dead := [number for number in self._started.dead() if number]):
            self._lost = _with_advice(self._sentence(dead[0], self._started.why(dead[0])))
            self._silent = Waited()
            self._send("lost", self._lost)

    def _wait_for_a_death(self) -> list[int]:
        waited = Waited()
        while not (dead := self._started.dead()) and waited.seconds < _SEEN_DEAD:
            time.sleep(_POLL)
        return dead

    def _finish(self, how: str, text: str) -> None:
        if how == "stopped":
            raise Stopped
        if how == "stopped on full disk":
            raise StoppedOnFullDisk(text)
        if how == "lost":
            if not self._lost and (dead := [number for number in self._wait_for_a_death() if number]):
                text = self._sentence(dead[0], self._started.why(dead[0]))
            raise UserError(self._lost or _with_advice(text))
        if how == "refused":
            raise UserError(text)
        if how == "memory":
            raise UserError(
                _(
                    "The memory of a device was not enough; set bn_images lower, or choose a smaller batch. "
                    "Checkpoints already written are kept."
                )
            )
        if how == "error":
            log.error("training on several devices failed: %s", text)
            raise RuntimeError(text.strip().splitlines()[-1])

    def _loss(self, reason: str) -> UserError:
        """Of the process that reports."""
        if self._device:
            return LostProcessError(_lost_on(self._device, reason))
        return UserError(_with_advice(self._sentence(0, reason)))

    def _sentence(self, number: int, reason: str) -> str:
        return _(
            "The process of device {number} of {devices} is lost: {reason}.",
            number=number + 1,
            devices=len(self._started.processes),
            reason=reason,
        )


def _with_advice(sentence: str) -> str:
    return _("{sentence} Resumed, training goes on from its last checkpoint.", sentence=sentence)
