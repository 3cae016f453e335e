"""What every command is handed: the home folder, and the history in it."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from resnet_studio.cli.output import hint
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.platform.crash_trace import write_crash_traces
from resnet_studio.platform.home import Home, without_password
from resnet_studio.platform.training_speed import KnownSpeeds, with_runs

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore


@dataclass(frozen=True, slots=True)
class Session:
    """What one command works with: the home, and what was given to choose it.

    ``chosen``, ``history`` and ``runs`` are what ``--home``, ``--history`` and ``--runs`` gave, so that hints can
    repeat it; of a URL without its password.
    """

    home: Home
    chosen: str | None = None
    history: str | None = None
    runs: str | None = None

    def reader(self) -> RunStore:
        """Runs left running by a program that died are first marked as interrupted, unless somebody is writing."""
        from resnet_studio.history.store import open_history

        store = open_history(self.home, writer=False)
        runs = store.list_runs()  # which also finds those that cannot be read
        if not store.shared and any(run.status.active for run in runs):
            with contextlib.suppress(UserError):
                open_history(self.home).close()
        return _with_notices(store)

    def writer(self) -> RunStore:
        """Where another program holds the history, the first write raises StoreError."""
        from resnet_studio.history.store import open_history

        store = open_history(self.home)
        write_crash_traces(self.home)
        return _with_notices(store)

    def known_speeds(self, runs: Iterable[RunRecord]) -> KnownSpeeds:
        """How fast this machine was found to be, measured or by ``runs``, the newest first."""
        from resnet_studio.training.speed_cache import known_speeds

        return with_runs(known_speeds(self.home.cache), runs)

    def command(self, *arguments: str) -> str:
        """A command line to copy."""
        given = {"--home": self.chosen, "--history": self.history, "--runs": self.runs}
        places = [word for option, value in given.items() if value for word in (option, without_password(value))]
        return shlex.join(["resnet-studio", *places, *arguments])


def _with_notices(store: RunStore) -> RunStore:
    """What was wrong with the history is printed on stderr, whatever the command."""
    for sentence in store.notices:
        hint(sentence)
    return store


def session(context: typer.Context) -> Session:
    found = context.obj
    if not isinstance(found, Session):
        raise TypeError(f"the command line's context must hold a Session, got {type(found).__name__}")
    return found


def find_all(store: RunStore, texts: Sequence[str]) -> list[RunRecord]:
    """The runs that the texts name, each once; raises UserError for one that names none or several."""
    return list({run.id: run for run in (store.find(text) for text in texts)}.values())


def ids(runs: Iterable[RunRecord]) -> list[str]:
    return [run.id for run in runs]
