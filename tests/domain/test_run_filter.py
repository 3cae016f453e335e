"""The filter's grammar, what is said of terms that cannot be read, and what may be completed."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, datetime

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.filter_completion import completions
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import EvaluatedError, RunRecord
from resnet_studio.domain.run_fields import FieldKind, find_field, run_fields
from resnet_studio.domain.run_filter import FilteredRuns, parse_filter, searchable
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, Spec


def record(depth: int, block: str = "basic", **fields: object) -> RunRecord:
    recipe = {key: fields.pop(key) for key in list(fields) if key in RecipeSpec.model_fields}
    network = NetworkSpec(depth=depth, block=block)
    spec = RunSpec(network=network, recipe=RecipeSpec(**recipe), data=DataSpec(source="cifar10"))
    run = RunRecord(
        id=f"{depth:032x}", cohort_id="c" * 32, name=network.label, status=RunStatus.FINISHED, reason="", spec=spec,
        iteration=600, training_error=1.0, test_error=depth / 10, best_test_error=0.5, parameters=depth * 1000,
        multiply_adds=1, weights_sha256="ab", created_at=datetime(2026, 11, 26, 12, tzinfo=UTC),
        updated_at=datetime(2026, 11, 26, 12, tzinfo=UTC), seconds=3.0, colour="#0072B2",
    )  # fmt: skip
    return changed(run, **fields)  # type: ignore[arg-type]


@pytest.fixture
def runs() -> list[RunRecord]:
    imported = changed(record(110), name="theirs", status=RunStatus.IMPORTED, test_error=None)
    return [
        record(20, tags=("night",)),
        record(20, "plain", init_seed=3, weight_decay=1e-3),
        record(56, tags=("night", "best of all"), zero_last_gamma=True),
        record(56, "plain", schedule="cosine", milestones=()),
        changed(imported, evaluated=(EvaluatedError(Protocol(), "cifar10", 10_000, 6.5, 0.2),)),
    ]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("name:/resnet-(20|56)/", [0, 2]),
        ("-name:/resnet/", [1, 3, 4]),
        ("name!=/resnet/", [1, 3, 4]),
        ("/^plain-\\d+$/", []),  # the searchable text has many lines
        ("/(?m)^plain-\\d+$/", [1, 3]),
        ("-/(?m)^plain-\\d+$/", [0, 2, 4]),
        ("depth>=32 block:basic", [2, 4]),
        ("depth>=32 block:basic tag:night", [2]),
        ("depth:20,56", [0, 1, 2, 3]),
        ("network.depth=20", [0, 1]),
        ("block!=plain", [0, 2, 4]),
        ("kind:plain", [1, 3]),
        ("weight_decay>1e-4", [1]),
        ("weight_decay:1e-3", [1]),
        ("schedule:cosine", [3]),
        ("weight-decay:1e-3", [1]),
        ("seed:0", [0, 2, 3]),  # of imported runs nobody knows it
        ("-seed:0", [1, 4]),
        ("zero_last_gamma:yes", [2]),
        ("evaluated<7", [4]),
        ("test:<3 depth:20", [0, 1]),
        ("created:2026-11", [0, 1, 2, 3, 4]),
        ("created<2026-11-26", []),
        ("created>=2026-11-26", [0, 1, 2, 3, 4]),
        ('tag="best of all"', [2]),
        ("tag=best", []),
        ("params>=56k", [2, 3, 4]),
        ("data:cifar depth:110", []),
        ("name:", [0, 1, 2, 3, 4]),
    ],
)
def test_terms(runs: list[RunRecord], text: str, places: list[int]) -> None:
    if text == "data:cifar depth:110":  # data of imported weights are called unknown, not by their stopgap
        runs[4] = changed(runs[4], spec=runs[4].spec.model_copy(update={"data": DataSpec(source="none")}))
    wanted = parse_filter(text)
    assert wanted.problem == ""
    assert [place for place, run in enumerate(runs) if wanted.matches(run, searchable(run))] == places
    filtered = FilteredRuns()
    filtered.set_runs(runs)
    assert filtered.matching(wanted) == [runs[place] for place in places]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name:/(/", "/(/ is not a regular expression (missing ), unterminated subpattern)."),
        ("name:/(a+)+$/", "/(a+)+$/ could take for ever; leave out repeats within repeats."),
        ("name:/res", "The regular expression /res has no end; close it with /."),
        ("block>=basic", "block is a word and has no order; write block:basic."),
        ("dept>=32", "There is no field dept; did you mean depth?"),
        ("learning_rat:0.1", "There is no field learning_rat; did you mean learning_rate?"),
        (
            "recipe.zzz:3",
            "There is no field recipe.zzz; write depth>=32, test<10 or another field of a run, or "
            '"recipe.zzz:..." in quotes for a text.',
        ),
        *(
            (
                form,
                "There is no field nosuch; write depth>=32, test<10 or another field of a run, or "
                '"nosuch:..." in quotes for a text.',
            )
            for form in ("nosuch:x", "-nosuch:x", 'nosuch:"x y"', "nosuch:/x/", "nosuch:", "nosuch:>=3")
        ),
        ("-nosuch!=3", "There is no field nosuch; write depth>=32, test<10 or another field of a run."),
        ("learning-rat:0.1", "There is no field learning-rat; did you mean learning_rate?"),
        ("größe>3", "There is no field größe; write depth>=32, test<10 or another field of a run."),
        (">=32", ">= has no field before it; write depth>=32, without spaces."),
        (":>3", ":> has no field before it; write depth>=32, without spaces."),
        ("dept:32", "There is no field dept; did you mean depth?"),
        ("zzz>3", "There is no field zzz; write depth>=32, test<10 or another field of a run."),
        ("created:yesterday", "created:YESTERDAY is not a date; write created>=2026-11-30 or created:2026-11."),
        ("depth>=x", "depth:>=x is not understood; write depth:20, depth>20 or depth:20..56."),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence_and_left_out(
    runs: list[RunRecord], text: str, sentence: str
) -> None:
    wanted = parse_filter(f"{text} plain")
    assert wanted.problem == sentence
    assert [run.name for run in runs if wanted.matches(run, searchable(run))] == ["plain-20", "plain-56"]


@pytest.mark.parametrize(
    "text", ["C:\\images", "folder:/some/images", "http://site", '"nosuch:x"', "-C:images", "-folder:/images"]
)
def test_paths_addresses_and_what_stands_in_quotes_are_text(runs: list[RunRecord], text: str) -> None:
    runs[0] = changed(runs[0], note=text.removeprefix("-").strip('"'))
    wanted = parse_filter(text)
    assert wanted.problem == ""
    assert ([run for run in runs if wanted.matches(run, searchable(run))] == runs[:1]) is not text.startswith("-")


def test_every_field_of_a_specification_can_be_asked_for(runs: list[RunRecord]) -> None:
    def leaves(kind: type[Spec]) -> int:
        parts = [info.annotation for info in kind.model_fields.values()]
        return sum(leaves(part) if isinstance(part, type) and issubclass(part, Spec) else 1 for part in parts)

    of_spec = [field for field in run_fields().values() if field.path]
    assert len(of_spec) == leaves(RunSpec) - 2  # without the version, and the name, which is a label
    for field in run_fields().values():
        for run in runs:
            value = field.read(run)
            assert isinstance(field.text(value), str)
            assert value is None or (field.kind is FieldKind.NUMBER) == isinstance(value, int | float), field.key
        assert find_field(field.key) is field
        assert field.path == "" or find_field(field.path) is field


def test_the_environment_is_asked_for_by_name(runs: list[RunRecord]) -> None:
    runs[0] = changed(runs[0], environment={"device_name": "NVIDIA H100"})
    wanted = parse_filter("environment.device_name:h100")
    assert [run for run in runs if wanted.matches(run, searchable(run))] == runs[:1]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("dep", ("depth:",)),
        ("plain -blo", ("block:",)),
        ("block:", ("block:basic", "block:plain")),
        ("-block:p", ("block:plain",)),
        ("depth>=", ("depth>=20", "depth>=56", "depth>=110")),
        ("tag:b", ('tag:"best of all"',)),
        ("name:/res", ()),
        ("nosuch:x", ()),
        ("", ()),
        ("block:plain ", ()),
    ],
)
def test_completions(runs: list[RunRecord], text: str, options: tuple[str, ...]) -> None:
    found = completions(text, len(text), runs)
    assert found.options == options
    assert text[: found.start] + text[found.start :] == text
    for option in options:
        assert parse_filter(text[: found.start] + option).problem == ""


def test_an_id_is_found_by_its_start_only() -> None:
    run = record(20, id="abcd" + "9110" * 7)
    for word, there in (("abcd", True), ("abcd9110", True), (run.id, True), ("abc", False), ("9110", False)):
        assert parse_filter(word).matches(run, searchable(run)) is there, word
        assert parse_filter(f"-{word}").matches(run, searchable(run)) is not there, word
    assert not parse_filter("/9110/").matches(run, searchable(run))
