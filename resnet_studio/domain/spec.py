"""The base of all specifications: frozen values that know their words, units and bounds.

Forms, command-line options, run files and validation messages all read these fields: ``title`` and ``description`` are
what people see, ``json_schema_extra`` holds the unit, and ``simple`` marks what a beginner's form shows.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field


def shown(title: str, text: str, *, unit: str = "", simple: bool = False, default: Any = ..., **bounds: Any) -> Any:
    """A field with its title, its help, its unit and its bounds."""
    return Field(default, title=title, description=text, json_schema_extra={"unit": unit, "simple": simple}, **bounds)


class Spec(BaseModel):
    """Frozen, hashable, and strict about names: a key nobody reads is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


S = TypeVar("S", bound=Spec)


def replace(spec: S, **changes: Any) -> S:
    """A validated copy with some fields changed; raises pydantic's ValidationError as the constructor does."""
    values = {name: getattr(spec, name) for name in type(spec).model_fields}
    return type(spec)(**{**values, **changes})
