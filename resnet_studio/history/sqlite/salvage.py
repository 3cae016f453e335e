"""A damaged database is set aside under a name of its own, and what can be read of it becomes the history.

Where it has gaps, its newest sound backup fills them.

Neither alone would do: a backup knows nothing of the last hours, and what lies on a torn page is in no other place than
a backup. The swap survives a death at any moment: the new file is written beside, made durable, and renamed in one step
to a name that says "put me in place"; whoever gets the right to write next finishes that first.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from resnet_studio.history.revisions import PRESENT, Schema
from resnet_studio.history.sqlite import backups, schema_text
from resnet_studio.history.sqlite.errors import explained
from resnet_studio.history.sqlite.files import LOGS, beside, remove
from resnet_studio.history.sqlite.gather import Gathered, gather
from resnet_studio.history.sqlite.migrate import migrate
from resnet_studio.platform.files import sync
from resnet_studio.text import _, _n

log = logging.getLogger(__name__)

_NAMED_AT_MOST = 5
_READY = ".salvaged"

_PAGE = 4096  # bytes; SQLite's own choice for a new file
_LONGEST = 2**36  # bytes; a header that asks for more is nonsense


@dataclass(frozen=True, slots=True)
class Salvage:
    """What came of it: where the damaged file lies now, what was wrong, and what could be had."""

    aside: Path
    detail: str
    found: Gathered

    @property
    def sentence(self) -> str:
        found = self.found
        if not found.runs:
            kept = _("no run could be read out of it")
        else:
            kept = _n("{count} run could be read out of it", "{count} runs could be read out of it", found.runs)
        if found.backup is not None:
            if not found.from_backup:
                what = _("what was missing")
            elif found.runs:
                what = _n("{count} more run", "{count} more runs", found.from_backup)
            else:
                what = _n("{count} run", "{count} runs", found.from_backup)
            kept += _("; {what} came from the backup of {backup:%Y-%m-%d %H:%M} UTC", what=what, backup=found.backup)
        if found.incomplete:
            kept += _(", without some points of {named}", named=_named(found.incomplete))
        elif found.backup is not None:
            kept += _(", without what changed there since then")
        elif found.unreadable and found.runs:
            kept += _(", but not everything else")
        return _(
            "The history was damaged ({detail}); the file was set aside as {aside}, and {kept}. "
            "The folders of all runs are as they were.",
            detail=self.detail,
            aside=self.aside,
            kept=kept,
        )


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (_(" and {more} others", more=more) if more > 0 else "")


def set_aside(database: Path, detail: str, schema: Schema = PRESENT) -> Salvage:
    """Put what can be read in place of ``database``, and keep the damaged file beside; for the writer alone.

    Raises:
        StoreError: If the disk is full or the folder cannot be written; the damaged file is then where it was.
    """
    aside = database.with_name(f"{database.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{database.suffix}")
    partial, mended = beside(database, ".salvaging"), beside(database, ".mended")
    with explained(database):
        remove(partial)
        migrate(partial, schema)
        copy_with_sound_header(database, mended)
        schema_text.mend(mended, schema)
        found = Salvage(aside, detail, gather(mended, partial, backups.sound_copies(database)))
        remove(mended)
        for name in ("", *LOGS):
            source = beside(database, name)
            if source.exists() and name != "-shm":
                _keep(source, beside(aside, name))
        sync(partial)
        partial.rename(beside(database, _READY))
        sync(database.parent)
        finish(database)
    log.info("%s", found.sentence)  # whoever opened the history says so
    return found


def finish(database: Path) -> None:
    """Put a salvaged file in place that is ready; nothing to do without one. For the writer alone."""
    ready = beside(database, _READY)
    if not ready.exists():
        return
    with explained(database):
        for name in LOGS:  # they belong to the damaged file, and have been kept with it
            beside(database, name).unlink(missing_ok=True)
        ready.replace(database)
        sync(database.parent)


def _keep(source: Path, target: Path) -> None:
    """A second name for ``source``, or a copy where the file system knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
        sync(target)


def copy_with_sound_header(database: Path, target: Path) -> None:
    """A copy, with its log, that has the header of every history and is as long as that says.

    The header's form: https://sqlite.org/fileformat.html, section 1.3.
    """
    remove(target)
    shutil.copyfile(database, target)
    log_file = database.with_name(f"{database.name}-wal")
    if log_file.exists():
        shutil.copyfile(log_file, target.with_name(f"{target.name}-wal"))
    with target.open("rb+") as file:
        header, length = bytearray(file.read(100)), target.stat().st_size
        if len(header) < 100:
            return
        page = int.from_bytes(header[16:18], "big")
        if page not in (1, *(2**n for n in range(9, 16))):
            page = _PAGE
        size = 2**16 if page == 1 else page
        said = int.from_bytes(header[28:32], "big")
        pages = max(said, length // size) if said * size <= _LONGEST else length // size
        header[:16] = b"SQLite format 3\0"
        header[16:18] = page.to_bytes(2, "big")
        header[18:24] = bytes((2, 2, 0, 64, 32, 32))  # a log, no reserved bytes, fixed fractions
        header[28:32] = pages.to_bytes(4, "big")
        header[32:40] = bytes(8)  # what is free does not matter to who reads
        header[44:48], header[56:60] = (4).to_bytes(4, "big"), (1).to_bytes(4, "big")  # schema format, UTF-8
        header[52:56], header[64:68] = bytes(4), bytes(4)  # no automatic vacuum
        header[92:96] = header[24:28]  # the length is valid
        file.seek(0)
        file.write(header)
        file.truncate(max(length, pages * size))
