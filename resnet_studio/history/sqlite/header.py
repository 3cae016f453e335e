"""The first hundred bytes of a database file: one wrong bit there, and SQLite reads nothing of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from resnet_studio.history.sqlite.files import remove

_PAGE = 4096  # bytes; SQLite's own choice for a new file
_LONGEST = 2**36  # bytes; a header that asks for more is nonsense


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
