"""Rules of a grid in words: ``shortcut C only where block is bottleneck``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from resnet_studio.domain.errors import UserError
from resnet_studio.text import _

_RULE = re.compile(r"(?P<field>[\w.]+)\s+(?P<values>.+?)\s+only\s+where\s+(?P<where>.+)")
_CONDITION = re.compile(r"(?P<field>[\w.]+)\s+is\s+(?P<no>not\s+)?(?P<values>.+)")


@dataclass(frozen=True, slots=True)
class Condition:
    """``block is bottleneck or basic``, ``depth is not 20``."""

    field: str
    values: tuple[str, ...]
    negated: bool = False

    def holds(self, values: Mapping[str, object]) -> bool:
        return (as_word(values.get(self.field)) in self.values) is not self.negated


@dataclass(frozen=True, slots=True)
class GridRule:
    """Some values of a field are only combined with what every condition allows.

    Attributes:
        text: As it was written.
    """

    text: str
    field: str
    values: tuple[str, ...]
    conditions: tuple[Condition, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of every field in it."""
        return (self.field, *(condition.field for condition in self.conditions))

    def allows(self, values: Mapping[str, object]) -> bool:
        """``values`` of one combination, by the names that the rule uses."""
        if as_word(values.get(self.field)) not in self.values:
            return True
        return all(condition.holds(values) for condition in self.conditions)


def parse_rule(text: str) -> GridRule:
    """Raises UserError for words that are no rule."""
    found = _RULE.fullmatch(" ".join(text.split()))
    parts = [] if found is None else [_CONDITION.fullmatch(part) for part in re.split(r"\s+and\s+", found["where"])]
    if found is None or not parts or None in parts:
        raise UserError(
            _(
                "“{text}” is no rule; write it like “shortcut C only where block is bottleneck”, with “or” between "
                "values and “and” between conditions.",
                text=text,
            )
        )
    conditions = tuple(
        Condition(part["field"], _words(part["values"]), part["no"] is not None) for part in parts if part is not None
    )
    return GridRule(text, found["field"], _words(found["values"]), conditions)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in re.split(r"\s+or\s+|,", text) if (word := part.strip()))


def as_word(value: object) -> str:
    """A value of a grid as a rule writes it: ``0.1``, ``true``, ``bottleneck``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "+".join(map(as_word, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
