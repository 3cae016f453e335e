"""Where a history is stored: what a backend has to provide, and which backend a URL names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.platform.home import Home
from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a thorough look found.

    Attributes:
        schema: Revision of the stored schema and of the one this program writes, for people.
        problems: What is damaged, in the backend's words; empty if the history is sound.
        size_bytes: What the history takes, curves and evaluations included.
    """

    schema: str
    problems: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KeptCopies:
    """Names of what lies beside a history, oldest first: damaged histories that were set aside, and backups.

    ``elsewhere`` is a sentence where copies are not this program's to make, else empty.
    """

    set_aside: tuple[str, ...] = ()
    backups: tuple[str, ...] = ()
    elsewhere: str = ""


class Requests(Protocol):
    """Texts that programs hand to the one that may write, and its answers. Without a connection of any kind.

    Every text is taken once. A program whose own storage always lets it write needs none of this.
    """

    def post(self, text: str, seconds: float) -> str:
        """Lay ``text`` ready for that long; returns the key that its answer will have.

        Raises:
            StoreError: If it cannot be written.
        """

    def answer_to(self, key: str) -> str | None:
        """The answer, once: it is removed. None while there is none."""

    def withdraw(self, key: str) -> bool:
        """Take back what was posted; False if somebody has taken it already."""

    def take(self) -> Iterator[tuple[str, str]]:
        """For who may write: each text that waits, with its key, oldest first."""

    def answer(self, key: str, text: str) -> None:
        """Nobody may be there any more to read it."""


class NoRequests:
    """A :class:`Requests` for a storage that every program writes by itself."""

    def post(self, text: str, seconds: float) -> str:  # noqa: ARG002
        raise StoreError(_("This history can only be read here, and no other program changes it for this one."))

    def answer_to(self, key: str) -> str | None:  # noqa: ARG002
        return None

    def withdraw(self, key: str) -> bool:  # noqa: ARG002
        return False

    def take(self) -> Iterator[tuple[str, str]]:
        return iter(())

    def answer(self, key: str, text: str) -> None:
        pass


class Storage(Protocol):
    """What the history asks of a database. Every method may be called from any thread.

    Attributes:
        shared: Many programs write at once, so that one that opens it knows nothing of who trains: claims tell.
        restored: What became of a damaged history that this opening replaced, as a sentence, else empty.
        backup: The copy that was made because this opening migrated an older schema, else None.
        requests: The way to the program that may write, for those that may not.
    """

    shared: bool
    restored: str
    backup: Path | None
    requests: Requests

    @property
    def where(self) -> str:
        """What people know it by: a file, or a server and a name; never a password."""

    @property
    def writable(self) -> bool: ...

    @property
    def held_elsewhere(self) -> bool:
        """Another program has the right to write; one that trains or has a window answers :attr:`requests`."""

    @property
    def why_read_only(self) -> str:
        """A sentence; empty when writable."""

    def missing(self) -> str:
        """``is missing`` or ``is empty`` where no history was stored yet, else empty. Changes nothing."""

    def open_for_writing(self, wait_seconds: float = 0.0) -> bool:
        """Get the right to write, which one process at a time has unless ``shared``, and make or migrate the tables.

        Returns:
            False if another process has that right after ``wait_seconds``, this user has it not, or the disk is full.

        Raises:
            StoreError: If the history is newer, or cannot be written.
        """

    def give_up_writing(self) -> None:
        """The disk is full: read from now on, until :meth:`open_for_writing` succeeds."""

    def open_for_reading(self) -> None:
        """Be ready to read.

        Raises:
            StoreError: If the history is newer, cannot be read, or is older or damaged while another process writes.
        """

    def reading(self) -> AbstractContextManager[Session]:
        """One consistent view of what is stored."""

    def writing(self) -> AbstractContextManager[Session]:
        """One transaction: all of it is stored, for good, when the block ends, or nothing.

        Raises:
            StoreError: If this program may not write, or the storage fails.
            DiskFullError: If there is no room, or the server does not answer; the same transaction may be tried again.
        """

    def note_keys(self, session: Session) -> None:
        """Rows were stored with keys of another history: new ones get keys after those."""

    def inspect(self) -> Inspection:
        """Look at everything and change nothing; may take a second for each hundred megabytes.

        Raises:
            StoreError: If the history cannot be read at all, or is not one.
        """

    def kept(self) -> KeptCopies: ...

    def close(self) -> None:
        """Let go of everything; further calls do nothing."""


def _sqlite(url: str) -> Storage:
    from resnet_studio.history.sqlite.storage import SqliteStorage, file_of

    return SqliteStorage(file_of(url))


def _postgres(url: str) -> Storage:
    try:
        from resnet_studio.history.postgres.storage import PostgresStorage
    except ImportError as error:
        if error.name is None or not error.name.startswith("psycopg"):
            raise
        raise UserError(
            _(
                "A history on a server needs psycopg, which is not installed ({error}); "
                "pip install 'resnet-studio[postgres]'.",
                error=error,
            )
        ) from None
    return PostgresStorage(url)


_BACKENDS: dict[str, Callable[[str], Storage]] = {
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
    "postgresql+psycopg": _postgres,
}
_NAMED = ("sqlite:///FILE", "postgresql://USER@SERVER/DATABASE")


def default_url(home: Home) -> str:
    """Where the history of ``home`` is stored: at the place that it names, else in a file in it."""
    if home.history:
        return home.history
    from resnet_studio.history.sqlite.storage import url_in

    return url_in(home.root)


def storage_at(url: str) -> Storage:
    """The storage that ``url`` names, not opened yet; nothing is made.

    Raises:
        UserError: If no backend knows the URL's scheme, or it is incomplete.
    """
    scheme, found, _unused = url.partition(":")
    if not found or scheme not in _BACKENDS:
        known = ", ".join(_NAMED)
        raise UserError(
            _(
                "A history cannot be stored at a URL that begins with {scheme!r}; give one of {known}.",
                scheme=scheme[:20],
                known=known,
            )
        )
    return _BACKENDS[scheme](url)


def has_history(home: Home) -> bool:
    """Whether anything was ever stored for ``home``."""
    with closing(storage_at(default_url(home))) as storage:
        return not storage.missing()
