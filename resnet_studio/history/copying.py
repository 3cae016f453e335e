"""A whole history from one place to another, whatever database either is in, with a checksum of every table."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from resnet_studio.domain.errors import Stopped, StoreError, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.history.column_types import storable
from resnet_studio.history.odd_values import Odd
from resnet_studio.history.schema import Base
from resnet_studio.history.storage import Storage
from resnet_studio.text import _

_ROWS_AT_ONCE = 50  # of the largest kind some 256 KiB each

Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """``sha256`` is of every value of every row in the order of the keys, equal on every database."""

    name: str
    rows: int
    sha256: str


def copy_history(
    source: Storage, target: Storage, report: Report = lambda _table, _fraction: None,
    should_stop: StopCheck = never_stop,
) -> tuple[CopiedTable, ...]:  # fmt: skip
    """Copy one moment of ``source`` into ``target`` in one transaction: all of it or nothing.

    Args:
        source: Open for reading.
        target: Open for writing, and without a row.
        report: Gets the table that is copied or checked, and how much of the work (0..1) is done.
        should_stop: Ends the work with Stopped where it returns True.

    Returns:
        Every table, those that refer to others after them.

    Raises:
        UserError: If there is something in ``target``, or a value of ``source`` makes no sense.
        StoreError: If ``target`` does not hold the same afterwards.
        Stopped: If asked to stop; ``target`` is then as it was.
    """
    tables = Base.metadata.sorted_tables
    with target.reading() as there:
        if any(_count(there, table) for table in tables):
            raise UserError(_("There is a history in {where} already; name a place without one.", where=target.where))
    with source.reading() as here:
        total = 2 * sum(_count(here, table) for table in tables) or 1
        done = 0

        def step(table: Table, rows: int) -> None:
            nonlocal done
            if should_stop():
                raise Stopped
            done += rows
            report(table.name, min(done / total, 1.0))

        with target.writing() as there:
            copied = tuple(_copy(here, there, table, step) for table in tables)
            target.note_keys(there)
    with target.reading() as there:
        for one in copied:
            if _checked(there, Base.metadata.tables[one.name], step) != one:
                raise StoreError(
                    _(
                        "The table {table} in {where} is not the same as what was copied; keep the old history, and "
                        "copy it again to another place.",
                        table=one.name,
                        where=target.where,
                    )
                )
    return copied


def table_checksums(storage: Storage) -> tuple[CopiedTable, ...]:
    """Of every table, from one moment; ``storage`` is open for reading."""
    with storage.reading() as session:
        return tuple(_checked(session, table, lambda _table, _rows: None) for table in Base.metadata.sorted_tables)


def _count(session: Session, table: Table) -> int:
    return int(session.scalar(select(func.count()).select_from(table)) or 0)


def _rows(session: Session, table: Table) -> Generator[list[dict[str, Any]]]:
    """In the order of the keys, some at a time; never all of a table in memory."""
    query = select(table).order_by(*table.primary_key.columns)
    with session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}) as found:
        for part in found.mappings().partitions():
            yield [{name: _plain(table, name, value) for name, value in row.items()} for row in part]


def _plain(table: Table, name: str, value: Any) -> Any:
    if isinstance(value, Odd):
        raise UserError(
            _(
                "A row of {table} cannot be copied: its {column} is {stored}; `resnet-studio doctor` names what makes "
                "no sense, delete it first.",
                table=table.name,
                column=name,
                stored=value,
            )
        )
    return storable(value) if isinstance(value, str) and type(value) is str else value


def _copy(here: Session, there: Session, table: Table, step: Callable[[Table, int], None]) -> CopiedTable:
    def store(rows: list[dict[str, Any]]) -> None:
        there.execute(insert(table), rows)

    return _walk(here, table, step, store)


def _checked(session: Session, table: Table, step: Callable[[Table, int], None]) -> CopiedTable:
    return _walk(session, table, step, lambda _rows: None)


def _walk(
    session: Session, table: Table, step: Callable[[Table, int], None], handle: Callable[[list[dict[str, Any]]], None]
) -> CopiedTable:
    digest, count = hashlib.sha256(), 0
    with closing(_rows(session, table)) as parts:
        for rows in parts:
            handle(rows)
            _add(digest, table, rows)
            count += len(rows)
            step(table, len(rows))
    return CopiedTable(table.name, count, digest.hexdigest())


def _add(digest: Any, table: Table, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for column in table.columns:
            content = _bytes(row[column.name])
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)


def _bytes(value: Any) -> bytes:
    """A letter for the kind, then the value."""
    if value is None:
        return b"n"
    if isinstance(value, Enum):
        return b"t" + str(value.value).encode()
    if isinstance(value, bytes):
        return b"b" + value
    if isinstance(value, str):
        return b"t" + value.encode()
    if isinstance(value, int):
        return b"i" + str(value).encode()
    if isinstance(value, float):
        return b"f" + struct.pack("<d", value)
    if isinstance(value, datetime):
        return b"d" + value.isoformat().encode()
    return b"j" + json.dumps(value).encode()
