"""What is typed into the filter field, as conditions on a run. Parsed, never evaluated.

``deep seed`` finds runs in which both words occur; ``tag:demo status:finished depth:>20`` asks for fields; a minus in
front excludes; quotes keep words together: ``tag:"night sweep"``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.models.run_columns import data_name

Test = Callable[[RunRecord], bool]

_TOKEN = re.compile(r'(?P<minus>-?)(?:(?P<key>[A-Za-z_]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<bare>\S*))')
_COMPARISON = re.compile(r"^(?P<sign>>=|<=|!=|>|<|=)?\s*(?P<number>.*)$")
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
_FACTORS = {"k": 1e3, "m": 1e6}

_TEXTS: dict[str, Callable[[RunRecord], tuple[str, ...]]] = {
    "name": lambda run: (run.name,),
    "tag": lambda run: run.tags,
    "note": lambda run: (run.note,),
    "status": lambda run: (str(run.status),),
    "block": lambda run: (str(run.spec.network.block),),
    "shortcut": lambda run: (str(run.spec.network.shortcut),),
    "data": lambda run: (run.spec.data.source, data_name(run)) if run.imported else (run.spec.data.source,),
    "study": lambda run: (run.study,),
    "id": lambda run: (run.id,),
}
_EXACT = frozenset({"block", "shortcut"})  # short words that would be found inside others
_NUMBERS: dict[str, Callable[[RunRecord], float | None]] = {
    "depth": lambda run: run.spec.network.depth,
    "seed": lambda run: None if run.imported else run.spec.recipe.init_seed,
    "iteration": lambda run: None if run.imported else run.iteration,
    "train": lambda run: run.training_error,
    "test": lambda run: run.test_error,
    "best": lambda run: run.best_test_error,
    "parameters": lambda run: run.parameters,
    "seconds": lambda run: None if run.imported else run.seconds,
}
_ALIASES = {"tags": "tag", "notes": "note", "error": "test", "params": "parameters", "iterations": "iteration"}
FIELDS = (*_TEXTS, *_NUMBERS)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """``words`` are lower case and must all occur; every test must hold; ``problem`` is a sentence, or empty."""

    words: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    problem: str = ""

    @property
    def empty(self) -> bool:
        return not (self.words or self.unwanted or self.tests)

    def matches(self, run: RunRecord, haystack: str) -> bool:
        """``haystack`` is :func:`searchable` of ``run``, made once per record."""
        return (
            all(word in haystack for word in self.words)
            and not any(word in haystack for word in self.unwanted)
            and all(test(run) for test in self.tests)
        )


def searchable(run: RunRecord) -> str:
    """All that plain words are looked for in, lower case."""
    network = run.spec.network
    kind = "residual" if network.residual else "plain"
    parts = (
        run.name,
        *run.tags,
        run.note,
        str(run.status),
        str(network.depth),
        str(network.block),
        _("shortcut {shortcut}", shortcut=network.shortcut),
        network.label,
        kind,
        run.spec.data.source,
        data_name(run),
        run.study,
        run.id,
    )
    return "\n".join(parts).casefold()


def parse_filter(text: str) -> RunFilter:
    """Never fails: a term that cannot be read is left out and explained in ``problem``."""
    words: list[str] = []
    unwanted: list[str] = []
    tests: list[Test] = []
    problem = ""
    for match in _TOKEN.finditer(text):
        key = (match["key"] or "").casefold()
        key = _ALIASES.get(key, key)
        value = match["quoted"] if match["quoted"] is not None else match["bare"]
        if key and key not in FIELDS:  # a path such as C:images, or a word with a colon: plain text
            value, key = f"{match['key']}:{value}", ""
        value = value.casefold()
        if not value:
            continue
        if not key:
            (unwanted if match["minus"] else words).append(value)
            continue
        test = _text_test(key, value) if key in _TEXTS else _number_test(key, value)
        if test is None:
            problem = problem or _(
                "{key}:{value} is not understood; write {key}:20, {key}:>20 or {key}:20..56.", key=key, value=value
            )
        else:
            tests.append(_negated(test) if match["minus"] else test)
    return RunFilter(tuple(words), tuple(unwanted), tuple(tests), problem)


def _negated(test: Test) -> Test:
    return lambda run: not test(run)


def _text_test(key: str, value: str) -> Test:
    read = _TEXTS[key]
    if key in _EXACT:
        return lambda run: any(text.casefold() == value for text in read(run))
    return lambda run: any(value in text.casefold() for text in read(run))


def _number_test(key: str, value: str) -> Test | None:
    """``20``, ``>20``, ``<=1.7M``, ``20..56``; None if it is none of these. A run without the value never matches."""
    read = _NUMBERS[key]
    low_text, dots, high_text = value.partition("..")
    if dots:
        low, high = _number(low_text), _number(high_text)
        if low is None or high is None:
            return None
        return lambda run: (found := read(run)) is not None and low <= found <= high
    match = _COMPARISON.match(value)
    limit = _number(match["number"]) if match else None
    if match is None or limit is None:
        return None
    compare = _SIGNS[match["sign"] or "="]
    return lambda run: (found := read(run)) is not None and compare(found, limit)


def _number(text: str) -> float | None:
    text = text.strip().removesuffix("%").strip()
    factor = _FACTORS.get(text[-1:], 1.0)
    if factor != 1.0:
        text = text[:-1]
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text):
        return None
    return float(text) * factor
