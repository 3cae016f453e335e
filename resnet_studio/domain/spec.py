"""The base of all specifications: frozen values that know their words, units and bounds, and when each is read.

Forms, command-line options, run files and validation messages all read these fields: ``title`` and ``description`` are
what people see; unit, whether a beginner's form shows the field, and when it is read stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from resnet_studio.text import _

Values = Mapping[str, Any]  # by field name; fields of another part of the run by their dotted name


@dataclass(frozen=True, slots=True)
class ReadWhen:
    """A field is read while another one has one of some values.

    Attributes:
        field: The other field: of the same specification, or by its dotted name (``network.block``) of the same run.
        values: One of which it must have; without any, it must be a number above zero.
        unless: None of which it may have.
    """

    field: str
    values: tuple[object, ...] = ()
    unless: tuple[object, ...] = ()

    def holds(self, values: Values) -> bool:
        """``values`` as specified or as typed; where the other field is not among them, the field counts as read."""
        if self.field not in values:
            return True
        value = values[self.field]
        if self.unless:
            return value not in self.unless
        return value in self.values if self.values else _is_positive(value)

    def __str__(self) -> str:
        """``schedule plateau``, ``a warmup_rate``."""
        return (
            _("{field} {map}", field=self.field, map=_(" or ").join(map(str, self.values)))
            if self.values
            else f"a {self.field}"
        )


@dataclass(frozen=True, slots=True)
class AllOf:
    """A field is read while each of some conditions holds."""

    conditions: tuple[ReadWhen, ...]

    def holds(self, values: Values) -> bool:
        return all(condition.holds(values) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A field is read while one of some conditions holds."""

    conditions: tuple[ReadWhen, ...]

    def holds(self, values: Values) -> bool:
        return any(condition.holds(values) for condition in self.conditions)


Condition = ReadWhen | AllOf | AnyOf
DEFAULT = object()  # the value that an unread field must have is its default
FOLLOWS = object()  # the value of an unread field follows from others; the specification says how


def _is_positive(value: object) -> bool:
    try:
        return float("".join(str(value).split())) > 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Reading:
    when: Condition
    unread: object
    refusal: str


def spec_field(
    title: str,
    text: str,
    *,
    unit: str = "",
    simple: bool = False,
    default: Any = ...,
    read_when: Condition | None = None,
    unread: object = DEFAULT,
    refusal: str = "",
    **bounds: Any,
) -> Any:
    """A field with its title, its help, its unit, its bounds and, where it is not always read, when it is.

    Args:
        title: What people see as its name.
        text: Its help, a sentence.
        unit: Of its values.
        simple: Whether a beginner's form shows it.
        default: Its value where none is given; without one it is required.
        read_when: None if it is always read.
        unread: What it must be while nobody reads it.
        refusal: The sentence for another value then, with other fields in braces; else one is made.
        bounds: As pydantic's ``Field`` takes them.
    """
    reading = None if read_when is None else _Reading(read_when, default if unread is DEFAULT else unread, refusal)
    extra: dict[str, Any] = {"unit": _(unit), "simple": simple, "reading": reading}
    return Field(default, title=_(title), description=_(text), json_schema_extra=extra, **bounds)


def _extra(info: FieldInfo) -> Mapping[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def unit_of(info: FieldInfo) -> str:
    """The unit of a field's values, often empty."""
    return str(_extra(info).get("unit", ""))


def is_simple(info: FieldInfo) -> bool:
    """Whether a beginner's form shows the field."""
    return bool(_extra(info).get("simple"))


@cache
def _readings(kind: type[BaseModel]) -> Mapping[str, _Reading]:
    """Of the fields that are not always read."""
    found = {name: _extra(info).get("reading") for name, info in kind.model_fields.items()}
    return {name: reading for name, reading in found.items() if reading is not None}


def is_read(kind: type[Spec], name: str, values: Values) -> bool:
    """Whether ``values`` leave anything to the field ``name`` of a specification: one schedule alone has milestones."""
    reading = _readings(kind).get(name)
    return reading is None or reading.when.holds(values)


def unread_values(kind: type[Spec], values: Values) -> dict[str, Any]:
    """The fields that nobody reads beside ``values``, each with what it must be then, as far as that is fixed."""
    return {
        name: reading.unread
        for name, reading in _readings(kind).items()
        if reading.unread is not FOLLOWS and not reading.when.holds(values)
    }


def readers(kind: type[Spec], name: str) -> tuple[str, ...]:
    """The fields whose reading depends on the field ``name`` alone."""
    return tuple(
        field
        for field, reading in _readings(kind).items()
        if isinstance(reading.when, ReadWhen) and reading.when.field == name
    )


class Spec(BaseModel):
    """Frozen, hashable, and strict about names: a key nobody reads is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _unread_fields_are_unset(cls, values: Any) -> Any:
        """A field that is neither given nor read is what it must be then: a cosine schedule has no milestones."""
        if not isinstance(values, Mapping):
            return values
        usual = defaults(cls)
        unread = unread_values(cls, {**usual, **values})
        return {**{name: value for name, value in unread.items() if value != usual[name]}, **values}

    def own_values(self) -> dict[str, Any]:
        """The fields by name, parts as they are."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def unread_fault(self, beside: Values | None = None) -> str:
        """Which option is set although nobody reads it, as a sentence; empty if none is.

        Args:
            beside: Other parts of the run by dotted names; without them their fields are not looked at.
        """
        values = {**self.own_values(), **(beside or {})}
        unread = unread_values(type(self), values)
        for name, reading in _readings(type(self)).items():
            if name in unread and values[name] != unread[name]:
                refusal = reading.refusal or _(
                    "{name} is read only with {when}; leave it out", name=name, when=reading.when
                )
                return _(refusal, **values)
        return ""


def defaults(kind: type[BaseModel]) -> dict[str, Any]:
    """The defaults of a specification's fields by name, without those that are made anew each time."""
    return {name: info.default for name, info in kind.model_fields.items() if info.default_factory is None}


S = TypeVar("S", bound=Spec)


def replace(spec: S, **changes: Any) -> S:
    """A validated copy with some fields changed; raises pydantic's ValidationError as the constructor does."""
    return type(spec)(**{**spec.own_values(), **changes})


def replace_and_reset(spec: S, beside: Values | None = None, **changes: Any) -> S:
    """As :func:`replace`; fields that nobody reads any more become what they must be then.

    ``beside`` has other parts of the run by dotted names, where fields depend on them.
    """
    values = {**spec.own_values(), **changes}
    return type(spec)(**{**values, **unread_values(type(spec), {**values, **(beside or {})})})
