"""What a storage says of a session to those who work in it, in ``Session.info``."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

WRITES = "writes"
"""Rows that are read are going to be changed: others must wait for them."""

PERHAPS_STORED = "perhaps_stored"
"""A connection was lost while this thread stored something: that may be there, and is stored again."""

Query = TypeVar("Query", bound=Select[Any])


def locked(session: Session, query: Query, row: type[Any]) -> Query:
    """``query`` of rows of one table, which in a transaction that writes nobody else changes until its end.

    SQLite has one writer and no such locks; there the query stays what it is.
    """
    return query.with_for_update(of=row) if session.info.get(WRITES) else query
