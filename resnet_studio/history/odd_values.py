"""Values in a history that no ResNet Studio wrote: they are read as what they are, and refused where a record is made.

A database keeps whatever somebody puts into it: a status that there is not, a date that is none, text where a number
belongs. Reading a row never fails for that, so that the other rows are read and the odd one can be named and deleted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import JSON, Enum, TypeDecorator

from resnet_studio.domain.errors import StoreError
from resnet_studio.text import _

_NONSENSE = (ValueError, LookupError, TypeError, OverflowError, RecursionError)
_LONGEST = 10_000_000  # characters of a text: notes and specifications are far shorter
_YEARS = range(1971, 9999)  # a time in any zone is one of these
_SHOWN = 60

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Odd:
    """A stored value that is none of its column's; ``stored`` is what a person can recognise it by."""

    stored: str

    def __str__(self) -> str:
        return self.stored


class OddValueError(StoreError):
    """A row cannot become a record; the text names the column and what is in it."""


class Lenient(TypeDecorator[Any]):
    """A column type whose stored values may be anything: what cannot be read is an :class:`Odd`."""

    impl: Any = JSON  # each kind names its own
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader | None:
        process = super().result_processor(dialect, coltype)
        if process is None:
            return None

        def read(stored: Any) -> Any:
            try:
                return process(stored)
            except _NONSENSE:
                return Odd(shown(stored))

        return read

    def fits(self, value: Any) -> bool:
        return not isinstance(value, Odd)


class StoredWords(Lenient):
    """A list of words, as JSON."""

    impl = JSON
    cache_ok = True

    def fits(self, value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(word, str) for word in value)


class StoredFacts(Lenient):
    """Words by words, as JSON."""

    impl = JSON
    cache_ok = True

    def fits(self, value: Any) -> bool:
        return isinstance(value, dict) and all(isinstance(word, str) for word in value.values())


class StoredEnum(Lenient):
    """An enum kept as its value in a text column, so that a new member needs no migration."""

    impl = Enum
    cache_ok = True


def shown(stored: object) -> str:
    """Short enough for a sentence."""
    text = repr(stored[:_SHOWN] if isinstance(stored, str | bytes) else stored)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def refuse_odd(row: Any, columns: Iterable[InstrumentedAttribute[Any]]) -> None:
    """Check every value of ``row``, an object or a result with these columns.

    Raises:
        OddValueError: For the first that its column cannot hold.
    """
    for attribute in columns:
        name, fits = _rule(attribute)
        value = getattr(row, name)
        if not fits(value):
            stored = str(value) if isinstance(value, Odd) else shown(value)
            raise OddValueError(_("its {column} is {stored}", column=name, stored=stored))


def column_fits(attribute: InstrumentedAttribute[Any], values: Sequence[Any]) -> bool:
    """Whether the column can hold every one of ``values``: as :func:`refuse_odd`, quick for thousands of rows."""
    _name, fits = _rule(attribute)
    for kind in set(map(type, values)):
        own: list[Any] = [value for value in values if type(value) is kind]
        if kind is str:
            own = [max(own, key=len)]
        elif kind is datetime:
            own = [min(own), max(own)]
        elif kind is float:
            own = own[:1] if all(map(math.isfinite, own)) else [math.nan]
        elif kind in (int, bool, type(None)):
            own = own[:1]
        else:
            own = list({id(value): value for value in own}.values())
        if not all(map(fits, own)):
            return False
    return True


@lru_cache(maxsize=256)
def _rule(attribute: InstrumentedAttribute[Any]) -> tuple[str, Callable[[Any], bool]]:
    """The attribute's name, and whether it can hold a value."""
    (column,) = attribute.property.columns
    kind, nullable = column.type, bool(column.nullable)
    length = getattr(getattr(kind, "impl", kind), "length", None)
    longest = 10 * length if length else _LONGEST  # SQLite does not count, so a longer one may have been kept
    own = kind.fits if isinstance(kind, Lenient) else None
    plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind  # a decorator's Python type is any object
    kinds = () if own else (float, int) if plain.python_type is float else (plain.python_type,)

    def fits(value: Any) -> bool:
        if value is None:
            return nullable
        if not (own(value) if own else isinstance(value, kinds)):
            return False
        if isinstance(value, str):
            return len(value) <= longest
        if isinstance(value, float):
            return math.isfinite(value)
        return not isinstance(value, datetime) or value.year in _YEARS

    return attribute.key, fits
