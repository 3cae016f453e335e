"""What may follow in a filter that is being typed: names of fields, and the values that runs have there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import FieldKind, find_field, run_fields

MOST = 12
_LAST = re.compile(r'(?:^|(?<=\s))-?(?P<term>(?:[^\s"]|"[^"]*"?)*)$')
_ASKED = re.compile(r"(?P<key>[A-Za-z_][\w.]*)(?P<sign>:(?:>=|<=|!=|>|<|=)?|>=|<=|!=|>|<|=)(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class Completion:
    """``options`` each replace what stands from ``start`` up to the cursor."""

    start: int
    options: tuple[str, ...]


def completions(text: str, cursor: int, runs: Iterable[RunRecord]) -> Completion:
    """What the term before the cursor may become: ``dep`` a field, ``block:b`` a value that a run has."""
    before = text[:cursor]
    match = _LAST.search(before)
    term = match["term"] if match else ""
    start = cursor - len(term)
    asked = _ASKED.fullmatch(term)
    if asked is None:
        word = term.casefold()
        keys = [key for key in run_fields() if word and key.startswith(word)]
        keys += [key for key in run_fields() if word and len(word) > 2 and word in key and key not in keys]
        return Completion(start, tuple(f"{key}:" for key in keys[:MOST]))
    field = find_field(asked["key"])
    typed = asked["value"].strip('"').casefold()
    if field is None or typed.startswith("/"):
        return Completion(start, ())
    counts: Counter[str] = Counter()
    for run in runs:
        value = field.read(run)
        if field.kind is FieldKind.NUMBER and isinstance(value, int | float):
            counts[f"{value:.15g}"] += 1
        elif isinstance(value, tuple):
            counts.update(value)
        elif isinstance(value, str) and value and "\n" not in value:
            counts[value] += 1
    found = [value for value, _count in counts.most_common() if value.casefold().startswith(typed)]
    found += [value for value, _count in counts.most_common() if typed in value.casefold() and value not in found]
    found = [value for value in found if value.casefold() != typed and '"' not in value]
    head = f"{asked['key']}{asked['sign']}"
    return Completion(start, tuple(f'{head}"{value}"' if " " in value else f"{head}{value}" for value in found[:MOST]))
