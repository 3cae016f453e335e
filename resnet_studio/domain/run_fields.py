"""Every fact of a run that lists filter, group, draw and show by, each under one short key.

Results and labels stand here; the fields of network, recipe and data come from the specifications, so that a new one is
a field here too.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, Union, get_args, get_origin

from resnet_studio.domain.comparison import Quantity, result
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.spec import Spec, unit_of
from resnet_studio.domain.specs import RunSpec
from resnet_studio.domain.text_numbers import duration, grouped, moment, percent
from resnet_studio.text import _

Value = float | str | tuple[str, ...] | None


class FieldKind(StrEnum):
    """number: compared by size. word: one of a few, matched whole. text: matched in part. date: by its beginning."""

    NUMBER = "number"
    WORD = "word"
    TEXT = "text"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class RunField:
    """One fact.

    Attributes:
        key: As it is typed into a filter.
        title: What people see.
        read: Of a run; None where it has none, or nobody knows it (what an imported run was trained with).
        path: Dotted name in the run's specification, empty for other facts.
        is_result: Measured by training or evaluation, not chosen beforehand.
    """

    key: str
    title: str
    kind: FieldKind
    read: Callable[[RunRecord], Value]
    unit: str = ""
    path: str = ""
    is_result: bool = False

    def text(self, value: Value) -> str:
        """A value as people read it."""
        if value is None:
            return _("not known")
        if isinstance(value, tuple):
            return ", ".join(value)
        if isinstance(value, str):
            return moment_text(value) if self.kind is FieldKind.DATE else value
        if self.is_result and self.unit == "%":
            return percent(value)
        if self.key == "seconds":
            return duration(value)
        return grouped(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:g}"

    @property
    def label(self) -> str:
        """With its unit, for an axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def moment_text(stored: str) -> str:
    return stored.replace("T", " ")


_RESULTS: tuple[tuple[str, str, str, Quantity], ...] = (
    ("training_error", _("Training error"), "%", Quantity.TRAINING_ERROR),
    ("test_error", _("Test error"), "%", Quantity.TEST_ERROR),
    ("evaluated_error", _("Evaluated error"), "%", Quantity.EVALUATED_ERROR),
    ("best_test_error", _("Best test error"), "%", Quantity.BEST_TEST_ERROR),
    ("iteration", _("Iteration"), "", Quantity.ITERATION),
    ("seconds", _("Training time"), "s", Quantity.SECONDS),
)
_COUNTS: tuple[tuple[str, str, Quantity], ...] = (
    ("parameters", _("Parameters"), Quantity.PARAMETERS),
    ("multiply_adds", _("Multiply-adds"), Quantity.MULTIPLY_ADDS),
)


def data_texts(run: RunRecord) -> tuple[str, ...]:
    """The data's source; of an imported run also the words that stand for it."""
    source = run.spec.data.source
    return (source, _("data {not_known}", not_known=_("not known"))) if run.imported else (source,)


def _own() -> Iterator[RunField]:
    text, word = FieldKind.TEXT, FieldKind.WORD
    yield RunField("name", _("Name"), text, lambda run: run.name)
    yield RunField("tag", _("Tag"), text, lambda run: run.tags)
    yield RunField("note", _("Note"), text, lambda run: run.note)
    yield RunField("status", _("Status"), text, lambda run: str(run.status))
    yield RunField("study", _("Study"), text, lambda run: run.study)
    yield RunField("id", "Id", text, lambda run: run.id)
    yield RunField("cohort", _("Cohort"), text, lambda run: run.cohort_id)
    yield RunField("kind", _("Kind"), word, lambda run: "residual" if run.residual else "plain")
    yield RunField("label", _("Network"), text, lambda run: run.spec.network.label)
    yield RunField("created", _("Created"), FieldKind.DATE, lambda run: moment(run.created_at).replace(" ", "T"))
    for key, title, unit, quantity in _RESULTS:
        yield RunField(key, title, FieldKind.NUMBER, _reader_of_result(quantity), unit, is_result=True)
    for key, title, quantity in _COUNTS:
        yield RunField(key, title, FieldKind.NUMBER, _reader_of_result(quantity))


def _reader_of_result(quantity: Quantity) -> Callable[[RunRecord], Value]:
    if quantity in (Quantity.TRAINING_ERROR, Quantity.TEST_ERROR, Quantity.BEST_TEST_ERROR, Quantity.PARAMETERS):
        return attrgetter(str(quantity))  # a list of thousands is read with each key
    return lambda run: result(run, quantity)


def _leaves(kind: type[Spec], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, info in kind.model_fields.items():
        part = info.annotation
        if isinstance(part, type) and issubclass(part, Spec):
            yield from _leaves(part, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in ("schema_version", "name"):
            yield f"{prefix}{name}", info


def _kind_of(annotation: Any) -> FieldKind:
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    if annotation is bool or (isinstance(annotation, type) and issubclass(annotation, Enum)):
        return FieldKind.WORD
    return FieldKind.NUMBER if annotation in (int, float) else FieldKind.TEXT


def _spec_reader(path: str) -> Callable[[RunRecord], Value]:
    get = attrgetter(f"spec.{path}")

    def read(run: RunRecord) -> Value:
        if not run.knows(path):
            return None
        value = get(run)
        if value is True or value is False:
            return "yes" if value else "no"
        if isinstance(value, tuple):
            return ", ".join(map(str, value))
        if isinstance(value, str):  # words of an enum are texts
            return str.__str__(value)
        return value  # type: ignore[no-any-return]

    return read


_DATA = "data.source"
_SHORT = {_DATA: "data", "data.seed": "data_draw"}


def _of_spec() -> Iterator[RunField]:
    for path, info in _leaves(RunSpec):
        key = _SHORT.get(path, path.rpartition(".")[2])
        read = data_texts if path == _DATA else _spec_reader(path)
        kind = FieldKind.TEXT if path == _DATA else _kind_of(info.annotation)
        yield RunField(key, info.title or key, kind, read, unit_of(info), path)


@cache
def run_fields() -> Mapping[str, RunField]:
    """Every field by its key: results and labels first, then the specification's in its order."""
    return {found.key: found for found in (*_own(), *_of_spec())}


_ALIASES = {
    "tags": "tag", "notes": "note", "train": "training_error", "test": "test_error", "error": "test_error",
    "best": "best_test_error", "evaluated": "evaluated_error", "params": "parameters", "seed": "init_seed",
    "time": "seconds", "lr": "learning_rate", "batch": "batch_size",
}  # fmt: skip
_ENVIRONMENT = "environment."


def find_field(key: str) -> RunField | None:
    """By its key, a short name for it, its dotted name in a run file, or ``environment.NAME``; None for no field."""
    key = key.casefold().replace("-", "_")
    key = _ALIASES.get(key, key)
    fields = run_fields()
    if key in fields:
        return fields[key]
    if key.startswith(_ENVIRONMENT) and key != _ENVIRONMENT:
        name = key.removeprefix(_ENVIRONMENT)
        return RunField(key, name.replace("_", " "), FieldKind.TEXT, lambda run: run.environment.get(name))
    return next((found for found in fields.values() if found.path == key), None)
