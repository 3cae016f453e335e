"""Own studies: a grid over any fields with rules, as TOML and worked out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import tomli_w
from pydantic import Field, field_validator, model_validator

from resnet_studio.domain.documents import parse, toml_values
from resnet_studio.domain.enums import Block
from resnet_studio.domain.errors import SpecError, UserError
from resnet_studio.domain.nearest_words import nearest
from resnet_studio.domain.spec import Spec, unread_values
from resnet_studio.domain.specs import MAX_SEED, SCHEMA_VERSION, SEEDS, DataSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.domain.word_lists import any_of
from resnet_studio.studies.grid_rules import GridRule, as_word, parse_rule, resolved
from resnet_studio.studies.plan import Arm, Comparison, Measure, StudyPlan
from resnet_studio.studies.rule import LEAST_SEEDS, LOOKS
from resnet_studio.text import _, _n

KEY_PREFIX = "own/"  # of the name under which runs of own studies are stored
MOST_COMBINATIONS = 10_000
_CROSSED = ("network.depth", "network.block")
SEED = "seed"  # of the grid: initial weights and sample order
_SHORT = {"data": "data.source"}
_PARTS: dict[str, type[Spec]] = {"network": NetworkSpec, "recipe": RecipeSpec, "data": DataSpec}
Value = Any  # a number, a text, true or false; or a list of numbers where one field holds several


def own_key(name: str) -> str:
    """Under which the runs of a study of that name are stored."""
    return KEY_PREFIX + (re.sub(r"[^\w]+", "-", name.lower()).strip("-") or "study")


class OwnComparison(Spec):
    """A claim: runs of the first values have a higher error than those of the second."""

    higher: dict[str, Value] = Field(min_length=1)
    lower: dict[str, Value] = Field(min_length=1)
    question: str = Field("", max_length=500)
    measure: Literal["training", "test"] = "training"


class OwnStudy(Spec):
    """What a study's file holds.

    Attributes:
        seeds: How many; or the grid has ``seed`` with a list of them.
        look: The one number of seeds at which is looked, stated beforehand; left out: 3, 5 and 10.
        grid: Field -> its values. A field is named as on the command line with underscores (``depth``,
            ``learning_rate``, ``data``), or wholly (``recipe.learning_rate``).
        fixed: Field -> its value in every run.
        rules: Such as ``shortcut C only where block is bottleneck``.
        comparisons: Empty: first against last value of each field, all else equal; see :func:`_usual_comparisons`.
    """

    schema_version: int = Field(SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION)
    name: str = Field(min_length=1, max_length=80)
    question: str = Field("", max_length=500)
    seeds: int = Field(3, ge=1, le=1000)
    look: int | None = Field(None, ge=LEAST_SEEDS, le=1000)
    rules: tuple[str, ...] = Field((), max_length=100)
    grid: dict[str, list[Value]] = Field(min_length=1)
    fixed: dict[str, Value] = Field(default_factory=dict)
    comparisons: tuple[OwnComparison, ...] = Field((), max_length=100)

    @field_validator("rules")
    @classmethod
    def _rules_can_be_read(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            try:
                parse_rule(rule)
            except UserError as error:
                raise ValueError(error.sentence) from None
        return rules

    @field_validator("fixed")
    @classmethod
    def _fixed_are_values(cls, fixed: dict[str, Value]) -> dict[str, Value]:
        for name, value in fixed.items():
            _refuse_no_value(name, value)
        return fixed

    @field_validator("grid")
    @classmethod
    def _grid_has_values(cls, grid: dict[str, list[Value]]) -> dict[str, list[Value]]:
        for name, values in grid.items():
            for value in values:
                _refuse_no_value(name, value)
        return grid

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for name, values in self.grid.items():
            if not values:
                raise ValueError(_("the grid's {name} has no value; give a list of at least one", name=name))
            if len({as_word(value) for value in values}) < len(values):
                raise ValueError(_("the grid's {name} has a value twice; each counts once", name=name))
            if name == SEED and not all(_is_seed(value) for value in values):
                raise ValueError(_("the grid's seed must be whole numbers from 0 on, got {values}", values=values))
        axes = {path_of(name): name for name in self.grid if name != SEED}
        for name in self.fixed:
            if path_of(name) in axes:
                raise ValueError(_("{name} is fixed and in the grid; leave one of them out", name=name))
        if SEED in self.grid and "seeds" in self.model_fields_set:
            raise ValueError(_("the grid names the seeds, so seeds says nothing; leave one of them out"))
        named = (field for rule in map(parse_rule, self.rules) for field in rule.fields)
        compared = (field for c in self.comparisons for side in (c.higher, c.lower) for field in side)
        for name in itertools.chain(named, compared):
            if path_of(name) not in axes and path_of(name) not in {path_of(each) for each in self.fixed}:
                raise ValueError(_("{name} is in a rule or comparison, but not in the grid", name=name))
        self._parsed()
        return self

    @property
    def key(self) -> str:
        """Under which the runs are stored."""
        return own_key(self.name)

    def to_toml(self) -> str:
        """Only what says something: what is as usual is left out."""
        values = self.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        return tomli_w.dumps({"schema_version": self.schema_version, **values})

    @classmethod
    def from_toml(cls, text: str) -> OwnStudy:
        """Raises SpecError, with one sentence for each fault, for text that is not TOML or no study."""
        values = toml_values(text)
        if "grid" not in values:
            raise SpecError({"grid": _("is missing; a study's file has a [grid] of fields with lists of values")})
        try:
            return parse(cls, values)
        except SpecError as error:
            raise SpecError({_counted_from_one(name): text for name, text in error.fields.items()}) from None

    def plan(self, *, data: str | None = None, classes: int | None = None, seeds: int | None = None) -> StudyPlan:
        """Every combination worked out.

        Args:
            data: Other images than the file's.
            classes: Of the data, where the file does not give them.
            seeds: How many; the file's come first.

        Raises:
            SpecError: Naming the value of the grid that fits into no run, or that nothing is left.
        """
        combinations, left_out = self._combinations(data, classes)
        arms = _arms(combinations)
        numbers = [int(value) for value in self.grid.get(SEED, ()) if isinstance(value, int)]
        plan = StudyPlan(
            key=self.key,
            title=self.name,
            question=self.question or _("What do {fields} change?", fields=_(" and ").join(self._axes())),
            arms=arms,
            comparisons=self._comparisons(arms, [values for values, _unused in combinations]),
            seeds=tuple(numbers) or tuple(range(self.seeds)),
            looks=LOOKS if self.look is None else (self.look,),
            left_out=left_out,
        )
        return plan if seeds is None else plan.with_seeds(seeds)

    def _parsed(self) -> list[GridRule]:
        """The rules by the dotted names of their fields.

        Raises:
            ValueError: For a value that neither the grid nor what is fixed has.
        """
        there: dict[str, list[Value]] = {path_of(name): values for name, values in self.grid.items() if name != SEED}
        there |= {path_of(name): [value] for name, value in self.fixed.items()}
        return [resolved(parse_rule(rule), path_of, there) for rule in self.rules]

    def _axes(self) -> list[str]:
        return [name for name in self.grid if name != SEED]

    def _combinations(
        self, data: str | None, classes: int | None
    ) -> tuple[list[tuple[dict[str, Any], RunSpec]], tuple[str, ...]]:
        """Values and run of each, and those left out with the reason."""
        axes = self._axes()
        size = 1
        for name in axes:
            size *= len(self.grid[name])
        if size > MOST_COMBINATIONS:
            raise SpecError(
                {
                    "grid": _(
                        "makes {size} combinations; {most} are the most, so give fewer values",
                        size=size,
                        most=MOST_COMBINATIONS,
                    )
                }
            )
        rules = self._parsed()
        found: dict[RunSpec, dict[str, Any]] = {}
        left_out: list[str] = []
        faults: dict[tuple[str, str], tuple[str, str]] = {}  # of a value: the field and what is wrong with it
        used: set[tuple[str, str]] = set()
        for values in itertools.product(*(self.grid[name] for name in axes)):
            chosen = dict(zip(axes, values, strict=True))
            words = {(name, as_word(value)) for name, value in chosen.items()}
            by_path = {path_of(name): value for name, value in {**self.fixed, **chosen}.items()}
            broken = next((rule for rule in rules if not rule.allows(by_path)), None)
            if broken is not None:
                used |= words
                left_out.append(_("{values}: {rule}", values=_in_words(chosen), rule=broken.text))
                continue
            kept = _read_values({**self.fixed, **chosen}, chosen)
            try:
                spec = _run({**self.fixed, **chosen} if kept is None else kept, data, classes)
            except SpecError as error:
                field, fault = next(iter(error.fields.items()))
                left_out.append(_("{values}: {fault}", values=_in_words(chosen), fault=fault))
                for word in words:
                    faults.setdefault(word, (field, fault))
                continue
            used |= words
            found.setdefault(spec, {name: value for name, value in chosen.items() if kept is None or name in kept})
        lost = next((each for each in faults if each not in used), None)
        if lost is not None:
            field, fault = faults[lost]
            fixed = {path_of(name): name for name in self.fixed}
            if not found and field in fixed:  # no value of the grid is to blame
                raise SpecError({f"fixed.{fixed[field]}": fault})
            reason = _("{word} fits into no run: {fault}", word=lost[1], fault=fault)
            raise SpecError({f"grid.{lost[0]}": reason})
        if not found:
            raise SpecError({"grid": _("no combination is left; the rules refuse all of them")})
        return [(values, spec) for spec, values in found.items()], tuple(left_out)

    def _comparisons(self, arms: Sequence[Arm], values: Sequence[Mapping[str, Any]]) -> tuple[Comparison, ...]:
        if not self.comparisons:
            return tuple(_usual_comparisons(self._axes(), self.grid, arms, values))
        made = []
        for place, own in enumerate(self.comparisons):
            sides = [_chosen(arms, values, self.fixed, side, place) for side in (own.higher, own.lower)]
            if sides[0] == sides[1]:
                raise SpecError({_comparison(place): _("compares a run with itself; give it another value")})
            measure = Measure.TRAINING if own.measure == "training" else Measure.TEST
            question = own.question or _question(measure, *sides)
            made.append(Comparison(question, sides[0].key, sides[1].key, measure))
        return tuple(made)


def _comparison(place: int) -> str:
    """As people count them; ``place`` is from 0 on."""
    return _("comparison {number}", number=place + 1)


def _counted_from_one(name: str) -> str:
    return re.sub(r"^comparisons\.(\d+)\.?", lambda found: f"{_comparison(int(found[1]))} ", name).rstrip()


def path_of(name: str) -> str:
    """The dotted name of a field, ``recipe.learning_rate``, for a short one.

    Raises:
        ValueError: For a name that no field has, with the nearest ones.
    """
    if name in _SHORT:
        return _SHORT[name]
    part, _dot, field = name.rpartition(".")
    if part in _PARTS and field in _PARTS[part].model_fields and field not in SEEDS:
        return name
    known = _short_names()
    if name in known:
        return known[name]
    near = nearest(name, [*known, *_SHORT, SEED])
    raise ValueError(
        _("{name} is no field of a run; did you mean {near}?", name=name, near=any_of(near))
        if near
        else _("{name} is no field of a run", name=name)
    )


def _short_names() -> dict[str, str]:
    """Fields of network and recipe, and those of the data whose names say which they are."""
    fields = {f"{part}.{field}" for part, kind in _PARTS.items() for field in kind.model_fields}
    return {path.partition(".")[2]: path for path in sorted(fields) if path != "data.seed" and not path.endswith(SEEDS)}


def _refuse_no_value(name: str, value: object) -> None:
    """Raises ValueError for what no field can be."""
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, bool | int | float | str) for part in parts):
        raise ValueError(_("{name} must be numbers, texts, true or false, got {value!r}", name=name, value=value))


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEED


def _read_values(values: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    """``values`` without those of the grid that a run of this kind does not read; None if it reads them all.

    A plain net reads no shortcut, a cosine schedule no milestones.
    """
    by_path = {path_of(name): value for name, value in values.items()}
    unread = set()
    if by_path.get("network.block") == Block.PLAIN:
        unread.add("network.shortcut")
    for part, kind in _PARTS.items():
        own = {path.partition(".")[2]: value for path, value in by_path.items() if path.startswith(f"{part}.")}
        beside = {f"network.{field}": value for field, value in own.items()} if part == "network" else by_path
        usual = {name: info.default for name, info in kind.model_fields.items() if info.default_factory is None}
        unread |= {f"{part}.{name}" for name in unread_values(kind, {**usual, **own, **beside})}
    unread -= {path_of(name) for name in values if name not in chosen}
    kept = {name: value for name, value in values.items() if path_of(name) not in unread}
    return None if len(kept) == len(values) else kept


def _run(values: Mapping[str, Any], data: str | None, classes: int | None) -> RunSpec:
    nested: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
    for name, value in values.items():
        part, _dot, field = path_of(name).partition(".")
        nested[part][field] = value
    if data is not None:
        nested["data"]["source"] = data
    if classes is not None:
        nested["network"].setdefault("classes", classes)
    return parse(RunSpec, nested)


def _in_words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {as_word(value)}" for name, value in values.items())


def _arms(combinations: Sequence[tuple[Mapping[str, Any], RunSpec]]) -> tuple[Arm, ...]:
    """Named by their networks where that tells them apart, else by their values too."""
    labels = [spec.network.label for _values, spec in combinations]
    arms = []
    for (values, spec), label in zip(combinations, labels, strict=True):
        if labels.count(label) > 1:
            others = {name: value for name, value in values.items() if not path_of(name).startswith("network.")}
            spec = spec.model_copy(update={"name": f"{label}, {_in_words(others or values)}"[:200]})
        arms.append(Arm(_in_words(values), spec))
    return tuple(arms)


def _chosen(
    arms: Sequence[Arm], values: Sequence[Mapping[str, Any]], fixed: Mapping[str, Any], side: Mapping[str, Any],
    place: int,
) -> Arm:  # fmt: skip
    wanted = {path_of(name): as_word(value) for name, value in side.items()}
    found = []
    for arm, own in zip(arms, values, strict=True):
        has = {path_of(name): as_word(value) for name, value in {**fixed, **own}.items()}
        if all(has.get(path) == word for path, word in wanted.items()):
            found.append(arm)
    if len(found) == 1:
        return found[0]
    raise SpecError(
        {
            _comparison(place): _n(
                "{side} fits {count} run of the grid, not one",
                "{side} fits {count} runs of the grid, not one; give more of its fields",
                len(found),
                side=_in_words(side),
            )
        }
    )


def _usual_comparisons(
    axes: Sequence[str], grid: Mapping[str, Sequence[Any]], arms: Sequence[Arm], values: Sequence[Mapping[str, Any]]
) -> Iterator[Comparison]:
    """First against last value of each field, all else equal.

    At every depth and block, of other fields at their first values alone, for every comparison more costs seeds. Deeper
    plain nets, and plain nets, are held to be worse.
    """
    both = list(zip(arms, values, strict=True))
    crossed = [name for name in axes if path_of(name) in _CROSSED]
    for axis in axes:
        if len(grid[axis]) < 2:
            continue
        firsts = {name: as_word(grid[name][0]) for name in axes if name != axis and name not in crossed}
        first, last = as_word(grid[axis][0]), as_word(grid[axis][-1])
        for one, own in both:
            if axis not in own or as_word(own[axis]) != first:
                continue
            if any(name in own and as_word(own[name]) != word for name, word in firsts.items()):
                continue
            for other, theirs in both:
                if axis in theirs and as_word(theirs[axis]) == last and _same_but(axis, own, theirs):
                    higher, lower = _by_custom(axis, one, other)
                    yield Comparison(_question(Measure.TRAINING, higher, lower), higher.key, lower.key)


def _same_but(axis: str, own: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """A field that one of them does not read counts as equal."""
    return all(as_word(own[name]) == as_word(theirs[name]) for name in own.keys() & theirs.keys() if name != axis)


def _by_custom(axis: str, first: Arm, last: Arm) -> tuple[Arm, Arm]:
    path, nets = path_of(axis), (first.spec.network, last.spec.network)
    if path == "network.depth":
        shallow, deep = (first, last) if nets[0].depth < nets[1].depth else (last, first)
        return (shallow, deep) if deep.spec.network.residual else (deep, shallow)
    if nets[0].residual and not nets[1].residual:
        return last, first
    return first, last


def _question(measure: Measure, higher: Arm, lower: Arm) -> str:
    return _(
        "Is the {measure} of {higher} higher than that of {lower}?",
        measure=_(measure.value),
        higher=higher.label,
        lower=lower.label,
    )
