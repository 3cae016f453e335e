"""Where the tests find the database in which a home's history lies, and a way to it past the program."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from resnet_studio.history.sqlite.storage import FILE_NAME
from resnet_studio.platform.home import Home

on_a_file = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""For a test of what is true of a file alone."""

on_a_server = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


def database_of(home: Home) -> Path:
    return home.root / FILE_NAME


def run_sql(home: Home, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Values stand for ``?``."""
    if home.history:
        import psycopg

        with psycopg.connect(home.history) as server:
            found = server.execute(statement.replace("%", "%%").replace("?", "%s"), values)  # type: ignore[arg-type]
            return found.fetchall() if found.description else []
    with closing(sqlite3.connect(database_of(home))) as connection, connection:
        return connection.execute(statement, values).fetchall()


def on_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
