"""Requests to the program that may write, as files in a folder beside the database.

SQLite before 3.51.3 may damage its log where two processes write at once, so a second one never does: it lays a file
here and waits for another with the answer. A file appears whole, and is taken by being renamed, so no request is
answered twice. One that outlived its time, or whose writer died over it, is swept.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from resnet_studio.domain.errors import DiskFullError, StoreError, UserError
from resnet_studio.history.sqlite.errors import is_full
from resnet_studio.platform.outside_files import read_regular, reason
from resnet_studio.platform.private_folder import make_private, write_private
from resnet_studio.text import _

log = logging.getLogger(__name__)

_LIMIT = 2 * 2**20  # bytes of one request
_KEPT_SECONDS = 300.0  # answers that nobody fetched


class FileRequests:
    """A :class:`resnet_studio.history.storage.Requests`; the folder is made when something is posted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def post(self, text: str, seconds: float) -> str:
        key = f"{time.time_ns():020}-{token_hex(8)}"  # names sort by time
        until = time.time() + seconds
        part = self._folder / f"{key}.part"
        try:
            make_private(self._folder)
            write_private(part, json.dumps({"until": until, "text": text}).encode())
            part.replace(self._file(key, "request"))
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            if is_full(error, part):
                raise DiskFullError(
                    _("The disk of {folder} is full; free some space, then try again.", folder=self._folder.parent)
                ) from None
            raise StoreError(
                _(
                    "Nothing can be handed to the program that holds the history: {folder} cannot be written ({why}).",
                    folder=self._folder,
                    why=reason(error),
                )
            ) from None
        return key

    def answer_to(self, key: str) -> str | None:
        file = self._file(key, "answer")
        if not file.exists():
            return None
        try:
            text = read_regular(file, _LIMIT).decode("utf-8", "replace")
        except UserError:
            return None
        with suppress(OSError):
            file.unlink()
        return text

    def withdraw(self, key: str) -> bool:
        try:
            self._file(key, "request").unlink()
        except OSError:
            return False
        return True

    def take(self) -> Iterator[tuple[str, str]]:
        for file in self._waiting():
            taken = file.with_suffix(".taken")
            try:
                file.rename(taken)
            except OSError:  # withdrawn
                continue
            try:
                found = json.loads(read_regular(taken, _LIMIT))
                until, text = float(found["until"]), str(found["text"])
            except (UserError, ValueError, KeyError, TypeError, RecursionError) as error:
                log.warning("%s is no request: %s", file, error)
                until, text = 0.0, ""
            with suppress(OSError):
                taken.unlink()
            if time.time() <= until:
                yield file.stem, text

    def answer(self, key: str, text: str) -> None:
        part = self._folder / f"{key}.part"
        try:
            write_private(part, text.encode())
            part.replace(self._file(key, "answer"))
        except OSError as error:
            log.info("request %s could not be answered: %s", key, error)

    def _file(self, key: str, kind: str) -> Path:
        return self._folder / f"{key}.{kind}"

    def _waiting(self) -> list[Path]:
        """Oldest first; what is left of others goes."""
        try:
            with os.scandir(self._folder) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError:
            return []
        for name in names:
            if not name.endswith(".request"):
                file = self._folder / name
                with suppress(OSError):
                    if time.time() - file.lstat().st_mtime > _KEPT_SECONDS:
                        file.unlink()
        return [self._folder / name for name in names if name.endswith(".request")]
