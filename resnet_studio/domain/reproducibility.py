"""In which fields of their records two runs, or a run and this machine, could differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resnet_studio.domain.comparison import MISSING, Difference, comparison_rows, environment_row
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _

_CHOICES = ("device", "precision", "threads", "engine")
"""What training chose for itself where its recipe left it open; a repetition is to choose the same."""


def could_differ(one: RunRecord, other: RunRecord) -> list[Difference]:
    """Every field that is not the same in both, and every one that only one of them has on record.

    A run that never started has no environment: nothing is known of it, so nothing of it is listed.
    """
    rows = comparison_rows([one, other])
    if one.environment and other.environment:
        rows += _one_sided([one.environment, other.environment])
    return rows


def not_the_same_here(run: RunRecord, here: Mapping[str, str]) -> list[Difference]:
    """Fields of the record that ``here``, what this machine would put there now, has with another value or not.

    What ``here`` does not have, such as the device, is not compared; a commit that it lacks is.
    """
    then = {key: run.environment[key] for key in ("commit", *here) if key in run.environment}
    return environment_differences(then, here) if run.environment else []


def choices(run: RunRecord) -> dict[str, str]:
    """The part of the record that a repetition has to choose again."""
    return {key: value for key, value in run.environment.items() if key in _CHOICES}


def environment_differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """Keys with different values, and keys that only one has, sorted by kind, then by name."""
    both = sorted(key for key in then.keys() & now.keys() if then[key] != now[key])
    return [environment_row(key, [then[key], now[key]]) for key in both] + _one_sided([then, now])


def _one_sided(environments: Sequence[Mapping[str, str]]) -> list[Difference]:
    keys = {key for found in environments for key in found}
    return [
        environment_row(key, [found.get(key) for found in environments])
        for key in sorted(keys)
        if any(key not in found for found in environments)
    ]


def in_words(rows: Sequence[Difference]) -> str:
    """``torch 2.10.0, now 2.15.0; program commit unknown, now 1a2b``, for a sentence; empty without rows."""
    return "; ".join(
        _("{title} {known}, now {known_2}", title=row.title, known=_known(row.values[0]), known_2=_known(row.values[1]))
        for row in rows
    )


def _known(value: str) -> str:
    return "unknown" if value == MISSING else value
