"""What is typed to choose among runs, as conditions on a run. Parsed, never evaluated.

``deep seed`` finds runs in which both words occur; ``tag:demo status:finished depth>=32`` asks for fields of
:mod:`~resnet_studio.domain.run_fields`; ``name:/resnet-(20|56)/`` is a regular expression; a minus in front excludes;
quotes keep words together: ``tag:"night sweep"``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from resnet_studio.domain.data_sets import FOLDER
from resnet_studio.domain.nearest_words import nearest
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import FieldKind, RunField, Value, data_texts, find_field, run_fields
from resnet_studio.text import _

Test = Callable[[Value], bool]  # of the value that a run has in a field

_TOKEN = re.compile(
    r"(?P<minus>-?)"
    r"(?:(?P<key>[^\W\d][\w.-]*)(?P<sign>:(?:>=|<=|!=|>|<|=)?|>=|<=|!=|>|<|=))?"
    r'(?:/(?P<pattern>(?:\\.|[^/\\])*)/(?=\s|$)|"(?P<quoted>[^"]*)"?|(?P<bare>\S*))'
)
_SIGN = re.compile(r":?(?:>=|<=|!=|>|<|=)")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "=": operator.eq, "!=": operator.ne,
    "": operator.eq,
}  # fmt: skip
_FACTORS = {"k": 1e3, "m": 1e6, "g": 1e9}
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?")
_LONGEST_PATTERN = 200
_LEAST_OF_ID = 4  # characters of a word that may be the start of an id
_REPEAT_IN_REPEAT = re.compile(r"[*+}][^()]*\)[*+{]")  # may take for ever on a short name


@dataclass(frozen=True, slots=True)
class Condition:
    """What is wanted of one field."""

    field: RunField
    test: Test

    def holds(self, run: RunRecord) -> bool:
        return self.test(self.field.read(run))


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What a run must be to stay in a list; every test must hold.

    ``words`` are lower case and must all occur, ``unwanted`` ones must not; of the regular expressions in ``patterns``
    each must be found (True) or not. ``problem`` is a sentence, or empty.
    """

    words: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    patterns: tuple[tuple[re.Pattern[str], bool], ...] = ()
    tests: tuple[Condition, ...] = ()
    problem: str = ""

    @property
    def empty(self) -> bool:
        return not (self.words or self.unwanted or self.tests or self.patterns)

    def matches(self, run: RunRecord, haystack: Searchable) -> bool:
        """``haystack`` is :func:`searchable` of ``run``, made once per record."""
        return (
            all(word in haystack for word in self.words)
            and not any(word in haystack for word in self.unwanted)
            and all((pattern.search(haystack.text) is not None) is wanted for pattern, wanted in self.patterns)
            and all(condition.holds(run) for condition in self.tests)
        )


class FilteredRuns:
    """Runs that are filtered again with each key: what a filter reads of them is read once."""

    def __init__(self) -> None:
        self._runs: Sequence[RunRecord] = ()
        self._columns: dict[str, list[Value]] = {}
        self._texts: dict[str, tuple[RunRecord, Searchable]] = {}  # by run id
        self._haystacks: list[Searchable] | None = None

    @property
    def runs(self) -> Sequence[RunRecord]:
        """All that are filtered."""
        return self._runs

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        self._runs, self._columns, self._haystacks = runs, {}, None

    def prepare(self) -> None:
        """Read the texts that words are looked for in."""
        self._all_texts()

    def matching(self, wanted: RunFilter) -> list[RunRecord]:
        """Those that match, in their order."""
        places: Sequence[int] = range(len(self._runs))
        for condition in wanted.tests:
            values, test = self._column(condition.field), condition.test
            answers = {value: test(value) for value in {values[place] for place in places}}
            places = [place for place in places if answers[values[place]]]
        if wanted.words or wanted.unwanted or wanted.patterns:
            texts = self._all_texts()
            for word in wanted.words:
                places = [place for place in places if word in texts[place]]
            for word in wanted.unwanted:
                places = [place for place in places if word not in texts[place]]
            for pattern, found in wanted.patterns:
                places = [place for place in places if (pattern.search(texts[place].text) is not None) is found]
        return [self._runs[place] for place in places]

    def _column(self, field: RunField) -> list[Value]:
        if field.key not in self._columns:
            self._columns[field.key] = [field.read(run) for run in self._runs]
        return self._columns[field.key]

    def _all_texts(self) -> list[Searchable]:
        if self._haystacks is None:
            self._haystacks = [self._text(run) for run in self._runs]
        return self._haystacks

    def _text(self, run: RunRecord) -> Searchable:
        kept = self._texts.get(run.id)
        if kept is None or (kept[0] is not run and kept[0] != run):
            kept = self._texts[run.id] = (run, searchable(run))
        return kept[1]


class Searchable(NamedTuple):
    """What plain words are looked for in: anywhere in ``text``, lower case, or at the start of ``run_id``.

    Digits of a depth stand by chance in the middle of many ids.
    """

    text: str
    run_id: str

    def __contains__(self, word: object) -> bool:
        assert isinstance(word, str)
        return word in self.text or (len(word) >= _LEAST_OF_ID and self.run_id.startswith(word))


def searchable(run: RunRecord) -> Searchable:
    """Of one run, made once per record."""
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
        *data_texts(run),
        run.study,
    )
    return Searchable("\n".join(parts).casefold(), run.id)


class _TermError(Exception):
    """A term that cannot be read; its text is the sentence."""


def parse_filter(text: str) -> RunFilter:
    """Never fails: a term that cannot be read is left out and explained in ``problem``."""
    words: list[str] = []
    unwanted: list[str] = []
    patterns: list[tuple[re.Pattern[str], bool]] = []
    tests: list[Condition] = []
    problem = ""
    for match in _TOKEN.finditer(text):
        wanted = not match["minus"]
        try:
            term = _term(match)
        except _TermError as fault:
            problem = problem or str(fault)
            continue
        if isinstance(term, str):
            (words if wanted else unwanted).append(term)
        elif isinstance(term, re.Pattern):
            patterns.append((term, wanted))
        elif term is not None:
            tests.append(term if wanted else Condition(term.field, _negated(term.test)))
    return RunFilter(tuple(words), tuple(unwanted), tuple(patterns), tuple(tests), problem)


def _term(match: re.Match[str]) -> str | re.Pattern[str] | Condition | None:
    """A word to look for, a pattern to look for, a test of a field, or nothing yet."""
    key, sign, pattern = match["key"] or "", (match["sign"] or "").removeprefix(":"), match["pattern"]
    value = match["quoted"] if match["quoted"] is not None else match["bare"] or ""
    if not key and match["bare"] and (sign_alone := _SIGN.match(value)):
        raise _TermError(_("{sign} has no field before it; write depth>=32, without spaces.", sign=sign_alone[0]))
    if not key:
        return _compiled(pattern) if pattern is not None else value.casefold() or None
    field = find_field(key)
    if field is None:
        return _no_field(key, match)
    test = None
    if pattern is not None:
        test = _pattern_test(field, pattern, sign)
    elif not value:
        return None
    elif field.kind is FieldKind.NUMBER:
        test = _number_test(field, sign, value)
    elif field.kind is FieldKind.DATE:
        test = _date_test(field, sign, value)
    else:
        test = _text_test(field, sign, value, quoted=match["quoted"] is not None)
    return None if test is None else Condition(field, test)


def _no_field(key: str, match: re.Match[str]) -> str:
    """Paths and addresses, such as ``C:\\images`` and ``folder:/images``, are text; anything else is no field."""
    colon, value = match["sign"].startswith(":"), match[0].partition(":")[2]
    if match["sign"] == ":" and (len(key) == 1 or f"{key.casefold()}:" == FOLDER or value.startswith("//")):
        return match[0].removeprefix("-").casefold().replace('"', "")
    near = nearest(key, run_fields(), most=1, likeness=0.75)
    if near:
        raise _TermError(_("There is no field {key}; did you mean {near}?", key=key, near=near[0]))
    if colon:
        raise _TermError(
            _(
                'There is no field {key}; write depth>=32, test<10 or another field of a run, or "{key}:..." in quotes '
                "for a text.",
                key=key,
            )
        )
    raise _TermError(_("There is no field {key}; write depth>=32, test<10 or another field of a run.", key=key))


def _compiled(pattern: str) -> re.Pattern[str] | None:
    if not pattern:
        return None
    if len(pattern) > _LONGEST_PATTERN or _REPEAT_IN_REPEAT.search(pattern):
        raise _TermError(
            _("/{pattern}/ could take for ever; leave out repeats within repeats.", pattern=pattern[:_LONGEST_PATTERN])
        )
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise _TermError(
            _("/{pattern}/ is not a regular expression ({error}).", pattern=pattern, error=error.msg)
        ) from None


def _negated(test: Test) -> Test:
    return lambda value: not test(value)


def _texts(value: Value) -> tuple[str, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (str(value),)


def _pattern_test(field: RunField, pattern: str, sign: str) -> Test | None:
    if sign not in ("", "=", "!="):
        raise _TermError(
            _("A regular expression has no order; write {key}:/{pattern}/.", key=field.key, pattern=pattern)
        )
    found = _compiled(pattern)
    if found is None:
        return None
    search = found.search

    def test(value: Value) -> bool:
        return any(search(text) for text in _texts(value))

    return _negated(test) if sign == "!=" else test


def _text_test(field: RunField, sign: str, value: str, *, quoted: bool) -> Test | None:
    if sign not in ("", "=", "!="):
        raise _TermError(
            _("{key} is a word and has no order; write {key}:{value}.", key=field.key, value=value.casefold())
        )
    if value.startswith("/") and not quoted and field.key != "data":
        raise _TermError(_("The regular expression {value} has no end; close it with /.", value=value))
    wanted = value.casefold()
    if field.kind is FieldKind.WORD or sign == "=":

        def test(found: Value) -> bool:
            return any(text.casefold() == wanted for text in _texts(found))
    else:

        def test(found: Value) -> bool:
            return any(wanted in text.casefold() for text in _texts(found))

    return _negated(test) if sign == "!=" else test


def _date_test(field: RunField, sign: str, value: str) -> Test:
    """A day or a month compares as a whole: ``created>=2026-11``."""
    value = value.replace(" ", "T").upper()
    if not re.fullmatch(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d)?)?)?)?", value):
        raise _TermError(
            _("{key}:{value} is not a date; write {key}>=2026-11-30 or {key}:2026-11.", key=field.key, value=value)
        )
    compare, length = _SIGNS[sign], len(value)
    return lambda found: found is not None and compare(str(found)[:length], value)


def _number_test(field: RunField, sign: str, value: str) -> Test:
    """``20``, ``>20``, ``<=1.7M``, ``20..56``, ``20,56``. A run without the value never matches."""
    low_text, dots, high_text = value.partition("..")
    if dots and not sign:
        low, high = _number(low_text), _number(high_text)
        if low is not None and high is not None:
            return lambda found: found is not None and low <= found <= high  # type: ignore[operator]
    elif "," in value and sign in ("", "="):
        several = [_number(part) for part in value.split(",") if part]
        if several and None not in several:
            chosen = frozenset(several)
            return lambda found: found in chosen
    elif (limit := _number(value)) is not None:
        compare = _SIGNS[sign]
        return lambda found: found is not None and compare(found, limit)
    raise _TermError(
        _(
            "{key}:{value} is not understood; write {key}:20, {key}>20 or {key}:20..56.",
            key=field.key,
            value=f"{sign}{value.casefold()}",
        )
    )


def _number(text: str) -> float | None:
    text = text.strip().casefold().removesuffix("%").strip()
    factor = _FACTORS.get(text[-1:], 1.0)
    if factor != 1.0:
        text = text[:-1]
    return float(text) * factor if _NUMBER.fullmatch(text) else None
