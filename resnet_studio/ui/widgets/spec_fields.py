"""What the form asks, read from the specifications: one row a field, with its words, bounds and unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from pydantic.fields import FieldInfo

from resnet_studio.domain.presets import FIELD_HELP
from resnet_studio.domain.spec import is_simple, unit_of
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, Spec
from resnet_studio.domain.text_numbers import grouped
from resnet_studio.text import _

GROUPS: tuple[tuple[str, str, type[Spec]], ...] = (
    ("network", _("Network"), NetworkSpec),
    ("data", _("Data"), DataSpec),
    ("recipe", _("Recipe"), RecipeSpec),
)


LISTS = frozenset(
    f"{key}.{name}"
    for key, _title, kind in GROUPS
    for name, info in kind.model_fields.items()
    if isinstance(info.default, tuple)
)


OWN = ("name", "start_from")  # a run's own fields
FLAG = ("no", "yes")


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a RunSpec.

    Attributes:
        path: Its dotted name.
        choices: An enum's values, or no and yes; else empty.
        several: Whether it holds several numbers.
        paper: What the paper says of it, or nothing.
    """

    path: str
    group: str
    title: str
    help: str
    unit: str
    simple: bool
    choices: tuple[str, ...]
    bounds: str
    several: bool = False
    paper: str = ""


def form_fields() -> tuple[FormField, ...]:
    """Every field that people can choose; one with a single choice is no choice."""
    fields = [_field(name, "", RunSpec.model_fields[name]) for name in OWN]
    for key, _title, kind in GROUPS:
        fields += [_field(f"{key}.{name}", key, info) for name, info in kind.model_fields.items()]
    return tuple(field for field in fields if len(field.choices) != 1)


def fields_of(kind: type[Spec]) -> tuple[FormField, ...]:
    """Every field of a specification that stands alone, by its bare name."""
    return tuple(_field(name, "", info) for name, info in kind.model_fields.items())


def _field(path: str, group: str, info: FieldInfo) -> FormField:
    kind = info.annotation
    choices = tuple(str(item.value) for item in kind) if isinstance(kind, type) and issubclass(kind, Enum) else ()
    if kind is bool:
        choices = FLAG
    return FormField(
        path=path,
        group=group,
        title=info.title or path,
        help=info.description or "",
        unit=unit_of(info),
        simple=is_simple(info),
        choices=choices,
        bounds=_sentence(list(_bounds(info))),
        several=isinstance(info.default, tuple),
        paper=FIELD_HELP.get(path.removeprefix("recipe."), "") if group == "recipe" else "",
    )


def _bounds(info: FieldInfo) -> Iterator[str]:
    for limit in info.metadata:
        for name, words in (
            ("ge", _("at least")),
            ("gt", _("more than")),
            ("le", _("at most")),
            ("lt", _("less than")),
        ):
            value = getattr(limit, name, None)
            if value is not None:
                yield f"{words} {grouped(value)}"


def _sentence(limits: list[str]) -> str:
    """``More than 0, at most 10.``; empty without limits."""
    text = ", ".join(limits)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def as_text(value: object) -> str:
    """A field's value as the form shows it."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return FLAG[value]
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def typed(path: str, text: str, *, several: bool = False) -> object:
    """What a person typed, as the specification takes it: digits may be grouped; lists are split at blanks too.

    ``several``: it is a list, whatever ``path`` says.
    """
    if several or path in LISTS:
        parts = re.split(r"[,; \t]+", text)
        return tuple("".join(part.split()) for part in parts if part.strip())  # no-break blanks group digits
    if path in (*OWN, "data.source"):
        return text.strip()
    return "".join(text.split())


def values(spec: RunSpec) -> dict[str, str]:
    """Every field of ``spec`` by its dotted name, as text."""
    found = {name: as_text(getattr(spec, name)) for name in OWN}
    for key, _title, _kind in GROUPS:
        part: Spec = getattr(spec, key)
        found.update({f"{key}.{name}": as_text(getattr(part, name)) for name in type(part).model_fields})
    return found


def nested(texts: Mapping[str, str]) -> dict[str, object]:
    """Dotted names and typed texts as the mapping that a RunSpec is parsed from."""
    result: dict[str, object] = {}
    for path, text in texts.items():
        group, _unused, name = path.rpartition(".")
        place = result.setdefault(group, {}) if group else result
        assert isinstance(place, dict)
        place[name] = typed(path, text)
    return result
