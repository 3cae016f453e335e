"""The script of an array job of Slurm whose every task is one worker, and handing it to Slurm."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.domain.errors import UserError
from resnet_studio.text import _

_TIME = re.compile(r"([0-9]+-)?[0-9]+(:[0-9]{1,2}){0,2}")  # as sbatch takes it
_GIVEN_ELSEWHERE = (("--array", "-a", "--workers"), ("--time", "-t", "--time"))
"""sbatch takes the last of several, so that as a further option each would hold against what was asked for by name."""
_SHORTEST = 4  # characters of a long option, as sbatch understands it
_TERM_SECONDS = 60  # for the last checkpoint, before the time is over
_SUBMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ArrayJob:
    """A script of Slurm that starts workers, each a task of one array job.

    ``time`` of each worker as sbatch takes it; ``gpus`` of each, 0 for none; ``options`` of sbatch, each with its
    dashes; ``log`` with Slurm's own ``%A`` and ``%a``; ``command`` is what a task runs.
    """

    workers: int
    time: str
    command: Sequence[str]
    gpus: int = 1
    options: Sequence[str] = ()
    log: str = "resnet-studio-worker-%A-%a.log"

    def script(self) -> str:
        """The whole text of it.

        Raises:
            UserError: If the time or an option is not one of sbatch's.
        """
        if not _TIME.fullmatch(self.time):
            raise UserError(
                _("{time!r} is no time of Slurm; give minutes, HOURS:MINUTES:SECONDS or DAYS-HOURS.", time=self.time)
            )
        for option in self.options:
            if not option.startswith("-") or not option.isprintable():
                raise UserError(
                    _("{option!r} is no option of sbatch; give one such as --partition=gpu.", option=option)
                )
            self._refuse_given_elsewhere(option)
        directives = [
            "--job-name=resnet-studio",
            f"--array=1-{self.workers}",
            f"--time={self.time}",
            *([f"--gpus={self.gpus}"] if self.gpus else []),
            "--requeue",
            "--open-mode=append",
            f"--signal=B:TERM@{_TERM_SECONDS}",
            f"--output={self.log}",
            *self.options,
        ]
        lines = ["#!/bin/sh", *(f"#SBATCH {directive}" for directive in directives), f"exec {shlex.join(self.command)}"]
        return "\n".join(lines) + "\n"

    def _refuse_given_elsewhere(self, option: str) -> None:
        name, *value = re.split(r"[=\s]", option, maxsplit=1)
        for long, short, own in _GIVEN_ELSEWHERE:
            meant = (len(name) >= _SHORTEST and long.startswith(name)) or (name[:2] == short)
            if meant and not re.fullmatch(rf"1-{self.workers}%\d+", "".join(value)):  # so many at once: no other way
                raise UserError(_("Give {own} rather than {option} among sbatch's options.", own=own, option=option))


def submit(script: Path) -> str:
    """Hand the script to Slurm; returns what Slurm says.

    Raises:
        UserError: If there is no Slurm here, or it refuses the job.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise UserError(
            _("There is no sbatch on this machine; hand {script} to Slurm where there is one.", script=script)
        )
    try:
        done = subprocess.run(
            [sbatch, str(script)], capture_output=True, text=True, check=False, timeout=_SUBMIT_SECONDS,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(_("sbatch did not take {script}: {error}.", script=script, error=error)) from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or _("exit code {code}", code=done.returncode)
        raise UserError(_("Slurm refused {script}: {said}", script=script, said=said))
    return done.stdout.strip()
