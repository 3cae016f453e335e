"""The two kinds of error: the user's, shown as one sentence, and ours, which is any other exception."""

from __future__ import annotations

from collections.abc import Mapping


class UserError(Exception):
    """Something the user can put right. Its text is one sentence: what, why, and what to do."""

    @property
    def sentence(self) -> str:
        return str(self)


class SpecError(UserError):
    """A specification that cannot be used.

    Attributes:
        fields: One sentence per field, keyed by its dotted name (``"network.depth"``); ``""`` holds what concerns
            the whole specification.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__("; ".join(f"{name}: {text}" if name else text for name, text in self.fields.items()))


class NewerSpecError(SpecError):
    """One of a form that only a newer program knows."""


class DataError(UserError):
    """Images that cannot be used: a folder that is missing, empty or unreadable."""


class StoreError(UserError):
    """A history that cannot be opened or written: newer schema, damaged file, full disk, held by another program."""


class DiskFullError(StoreError):
    """No space was left for something that should have been stored; what was stored before is safe."""


class HistoryAwayError(DiskFullError):
    """The server that keeps the history does not answer, or another program holds what was to be changed.

    As with a full disk nothing was stored of what was to be, what was stored before is safe, and who waits may try the
    same again.
    """


class ServerFullError(HistoryAwayError):
    """No space was left on the disk of the server that keeps the history."""


class DamagedHistoryError(StoreError):
    """A history whose file is damaged. Who may write sets it aside and keeps what can be read.

    Attributes:
        detail: What is wrong with it, in SQLite's words or ours.
    """

    def __init__(self, sentence: str, detail: str) -> None:
        self.detail = detail
        super().__init__(sentence)


class CheckpointError(UserError):
    """A checkpoint that is missing or damaged."""


class Stopped(Exception):  # noqa: N818 - not an error
    """Long work was asked to stop and did; what it had done so far is safe. Not an error."""
