"""Types of columns that hold the same on every database, for the tables and for the migrations that make them."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import BigInteger, Double, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


def words(length: int) -> String:
    """Text of about ``length`` characters.

    SQLite does not count them, so that longer ones may be stored by now; PostgreSQL would refuse those, so there it is
    a text of any length.
    """
    return String(length).with_variant(Text(), "postgresql")


def whole() -> Integer:
    """A whole number of up to 64 bits, as SQLite's are; PostgreSQL's plain integer has 32."""
    return Integer().with_variant(BigInteger(), "postgresql")


def storable(text: str) -> str:
    """``text`` as every database can keep it: without NUL, which PostgreSQL refuses, and halves of a character."""
    if text.isascii():
        return text.replace("\0", "�")
    return text.replace("\0", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Finite(TypeDecorator[float]):
    """A number, or NULL where it is none: SQLite stores NaN as NULL, PostgreSQL would keep it and sort it last."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if isinstance(value, float) and math.isnan(value) else value

    def result_processor(self, dialect: Dialect, coltype: object) -> None:  # noqa: ARG002
        """Every driver hands out floats; who reads plain rows need not know the column's number on the server."""
        return
