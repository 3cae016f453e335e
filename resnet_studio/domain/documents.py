"""Specifications as TOML and JSON text, and validation failures as sentences."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

import tomli_w
from pydantic import BaseModel, ValidationError

from resnet_studio.domain.errors import NewerSpecError, SpecError
from resnet_studio.domain.records import NOT_KNOWN, RunRecord
from resnet_studio.domain.specs import SCHEMA_VERSION, CohortSpec, RunSpec, Spec
from resnet_studio.domain.text_numbers import grouped
from resnet_studio.text import _

S = TypeVar("S", bound=Spec)

_MOST_DOTS = 100  # in a line, those of decimal numbers left out
_DECIMAL = re.compile(r"(?<![\w.\-])[+-]?\d[\d_]*\.\d[\d_]*(?:[eE][+-]?\d+)?(?![\w.\-])")

_SENTENCES = {
    "missing": _("is missing"),
    "extra_forbidden": _("is not a field of this specification; check its spelling"),
    "greater_than_equal": _("must be at least {ge}, got {input}"),
    "greater_than": _("must be greater than {gt}, got {input}"),
    "less_than_equal": _("must be at most {le}, got {input}"),
    "less_than": _("must be less than {lt}, got {input}"),
    "int_parsing": _("must be a whole number, got {input}"),
    "int_type": _("must be a whole number, got {input}"),
    "int_from_float": _("must be a whole number, got {input}"),
    "float_parsing": _("must be a number, got {input}"),
    "float_type": _("must be a number, got {input}"),
    "finite_number": _("must be a finite number, got {input}"),
    "string_type": _("must be text, got {input}"),
    "list_type": _("must be a list, got {input}"),
    "tuple_type": _("must be a list, got {input}"),
    "dict_type": _("must be a table of names and values, got {input}"),
    "string_too_long": _("must have at most {max_length} characters"),
    "too_long": _("must have at most {max_length} parts, got {actual_length}"),
    "string_too_short": _("must not be empty"),
    "enum": _("must be {expected}, got {input}"),
    "literal_error": _("must be {expected}, got {input}"),
}


def sentences(error: ValidationError) -> dict[str, str]:
    """One sentence per field at fault, keyed by its dotted name; ``""`` for the whole specification."""
    found: dict[str, str] = {}
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        context = {name: _grouped(value) for name, value in problem.get("ctx", {}).items()}
        context["input"] = _shown(problem["input"])
        kind = problem["type"]
        if kind == "value_error":
            text = str(context["error"])
        elif kind in _SENTENCES:
            text = _(_SENTENCES[kind], **context)
        else:
            text = problem["msg"]
        found.setdefault(name, text)
    return found


def _grouped(value: object) -> object:
    """Whole numbers of five digits and more; ``1202`` is a net's name too."""
    return grouped(value) if isinstance(value, int) and abs(value) >= 10_000 else value


def _shown(value: object) -> str:
    try:
        if isinstance(value, int):
            return str(_grouped(value))[:80]
        return repr(value[:80] if isinstance(value, str) else value)[:80]
    except (RecursionError, ValueError):  # nested without end; thousands of digits
        return "..."


def parse(kind: type[S], values: Mapping[str, Any]) -> S:
    """Validate plain values.

    Raises:
        SpecError: With a sentence for each field at fault; a NewerSpecError if a newer program wrote them.
    """
    version = values.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise NewerSpecError(
            {
                "schema_version": _(
                    "written by a newer ResNet Studio (schema {version}); this one reads {schema_version}",
                    version=version,
                    schema_version=SCHEMA_VERSION,
                )
            }
        )
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise SpecError(sentences(error)) from None


def to_json(spec: BaseModel) -> str:
    return spec.model_dump_json()


def from_json(kind: type[S], text: str) -> S:
    """Raises SpecError for text that is not JSON or not a valid ``kind``."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError({"": _("not valid JSON: {error}", error=error)}) from None
    if not isinstance(values, dict):
        raise SpecError({"": _("must be a JSON object")})
    return parse(kind, values)


def to_toml(spec: BaseModel) -> str:
    return tomli_w.dumps(spec.model_dump(mode="json"))


def run_toml(run: RunRecord) -> str:
    """The specification of a stored run; of an imported one only what is known, the rest is left to be filled in."""
    if not run.imported:
        return to_toml(run.spec)
    known = run.spec.model_dump(mode="json", include={"schema_version", "name", "network"})
    return _(
        "# Trained elsewhere: recipe, seeds and data are {not_known}.\n{dumps}",
        not_known=NOT_KNOWN,
        dumps=tomli_w.dumps(known),
    )


def from_toml(kind: type[S], text: str) -> S:
    """Raises SpecError for text that is not TOML or not a valid ``kind``."""
    return parse(kind, toml_values(text))


def toml_values(text: str) -> dict[str, Any]:
    """Raises SpecError for text that is not TOML, or that nobody writes: Python's parser takes hours for some."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    if any(_DECIMAL.sub("", line).count(".") > _MOST_DOTS for line in lines):
        raise SpecError({"": _("not valid TOML: a line has more than {dots} dots", dots=_MOST_DOTS)})
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError({"": _("not valid TOML: {error}", error=error)}) from None


def cohort_from_toml(text: str) -> CohortSpec:
    """A run file holds either one run or, under ``[[runs]]``, a cohort."""
    values = toml_values(text)
    if "runs" in values:
        return parse(CohortSpec, values)
    return CohortSpec(runs=(parse(RunSpec, values),))
