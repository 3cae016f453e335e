"""A storage that refuses who has lost a claim."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from resnet_studio.domain.queue import Claim
from resnet_studio.history.queue.claims import hold
from resnet_studio.history.storage import Inspection, KeptCopies, Storage


class FencedStorage:
    """A storage whose every transaction begins with the fence of a claim, locked.

    See :class:`resnet_studio.history.storage.Storage`.
    """

    def __init__(self, storage: Storage, claim: Claim) -> None:
        self._storage, self._claim = storage, claim
        self.shared = storage.shared
        self.restored, self.backup, self.requests = storage.restored, storage.backup, storage.requests

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Raises LostClaimError, and nothing is stored, if somebody else has the entry."""
        with self._storage.writing() as session:
            hold(session, self._claim)
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._storage.reading() as session:
            yield session

    @property
    def where(self) -> str:
        return self._storage.where

    @property
    def writable(self) -> bool:
        return self._storage.writable

    @property
    def held_elsewhere(self) -> bool:
        return self._storage.held_elsewhere

    @property
    def why_read_only(self) -> str:
        return self._storage.why_read_only

    def missing(self) -> str:
        return self._storage.missing()

    def open_for_writing(self, wait_seconds: float = 0.0) -> bool:
        return self._storage.open_for_writing(wait_seconds)

    def give_up_writing(self) -> None:
        self._storage.give_up_writing()

    def open_for_reading(self) -> None:
        self._storage.open_for_reading()

    def note_keys(self, session: Session) -> None:
        self._storage.note_keys(session)

    def inspect(self) -> Inspection:
        return self._storage.inspect()

    def kept(self) -> KeptCopies:
        return self._storage.kept()

    def close(self) -> None:
        """Does nothing: the storage is another store's."""
