"""A database file and what SQLite keeps beside it."""

from __future__ import annotations

from pathlib import Path

LOGS = ("-wal", "-shm")


def beside(database: Path, ending: str) -> Path:
    return database.with_name(f"{database.name}{ending}")


def remove(database: Path) -> None:
    """With its log."""
    for ending in ("", *LOGS):
        beside(database, ending).unlink(missing_ok=True)
