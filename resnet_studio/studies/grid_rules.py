"""Rules of a grid in words: ``shortcut C only where block is bottleneck``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

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
        """``values`` of one combination, by the names that the rule uses: dotted ones, once it is resolved."""
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


def resolved(rule: GridRule, path_of: Callable[[str], str], there: Mapping[str, Sequence[object]]) -> GridRule:
    """The rule with the dotted names of its fields and the words of the values that they can have.

    Args:
        rule: As it was written.
        path_of: The dotted name of a field, for any of its names.
        there: The values of each field, by its dotted name.

    Raises:
        ValueError: For a value that a field does not have.
    """

    def words(name: str, written: Sequence[str]) -> tuple[str, ...]:
        return tuple(_word_of(rule, name, word, there[path_of(name)]) for word in written)

    conditions = tuple(
        replace(each, field=path_of(each.field), values=words(each.field, each.values)) for each in rule.conditions
    )
    return replace(rule, field=path_of(rule.field), values=words(rule.field, rule.values), conditions=conditions)


def _word_of(rule: GridRule, name: str, written: str, values: Sequence[object]) -> str:
    """Of the value that is meant: ``0.100`` and ``1e-1`` are 0.1, ``c`` is C where no value is spelled so."""
    for means in (_is_spelled, _is_same):
        for value in values:
            if means(written, value):
                return as_word(value)
    raise ValueError(
        _(
            "“{rule}”: the grid has no {name} {value}, only {values}",
            rule=rule.text,
            name=name,
            value=written,
            values=", ".join(map(as_word, values)),
        )
    )


def _is_spelled(written: str, value: object) -> bool:
    return written == as_word(value)


def _is_same(written: str, value: object) -> bool:
    if isinstance(value, bool):
        return written.lower() == as_word(value)
    if isinstance(value, list | tuple):
        parts = written.split("+")
        return len(parts) == len(value) and all(map(_is_same, parts, value))
    if isinstance(value, int | float):
        try:
            return float(written) == value
        except ValueError:
            return False
    return written.casefold() == str(value).casefold()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in re.split(r"\s+or\s+|,", text) if (word := part.strip()))


def as_word(value: object) -> str:
    """A value of a grid as a rule writes it: ``0.1``, ``true``, ``bottleneck``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "+".join(map(as_word, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
