"""The lessons' rows, and their sentences: chosen by the values, also where an experiment comes out otherwise."""

from __future__ import annotations

import dataclasses
import string
from datetime import UTC, datetime

import numpy as np
import pytest

from resnet_studio.domain.analyses.construct import AddedBlock, Construction
from resnet_studio.domain.analyses.lesion import Altered, Lesion
from resnet_studio.domain.analyses.paths import Paths, PathsOfLength
from resnet_studio.domain.analyses.responses import BlockResponse, Responses
from resnet_studio.domain.analyses.result import Net
from resnet_studio.domain.analyses.rows import find_analysis
from resnet_studio.domain.analyses.shattered import Shattered
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import RunStatus, Shortcut
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.formula import parse_formula, spoken
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import RunSpec
from resnet_studio.studies.learning import Stand
from resnet_studio.studies.lessons import inside_words, prices, race_words
from resnet_studio.studies.lessons.claims import CLAIMS
from resnet_studio.studies.lessons.cohorts import ROLES, LessonSizes, race
from resnet_studio.studies.lessons.race_words import RaceEnd
from resnet_studio.studies.lessons.rows import LESSONS, Measure, Predict, Race, TrainOn, find_step
from resnet_studio.studies.single_cohorts import plain, residual
from resnet_studio.studies.training_on import Pair, training_on, training_on_words

SIZES = LessonSizes()
STEPS = [step for lesson in LESSONS for step in lesson.steps]
PLAIN, RESIDUAL = Net("plain-56", 56, False), Net("ResNet-56", 56, True)


def stand(place: int, error: float) -> Stand:
    spec = RunSpec(network=SIZES.networks[place], recipe=SIZES.recipe)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    run = RunRecord(
        id=str(place), cohort_id="c", name=spec.network.label, status=RunStatus.FINISHED, reason="", spec=spec,
        iteration=250, training_error=error, test_error=None, best_test_error=None, parameters=1, multiply_adds=1,
        weights_sha256="a", created_at=now, updated_at=now, seconds=1.0, colour="#000000",
    )  # fmt: skip
    return Stand(run, run.name, error, 50)


def end(shallow: float, deep: float, residual_: float, tests: tuple[float, float, float] | None = None) -> RaceEnd:
    return RaceEnd(stand(0, shallow), stand(1, deep), stand(2, residual_), tests or (None, None, None))


# Rows


def test_five_lessons_lead_from_the_prediction_to_the_claims() -> None:
    assert len(LESSONS) == 5
    keys = [step.key for step in STEPS]
    assert len(set(keys)) == len(keys)
    order = ["predict", "signal", "shattered", "race", "lesion", "construct", "train_on", "block", "prices", "claims"]
    assert [key for key in keys if key in order] == order
    assert [type(STEPS[place].experiment) for place in (0, 3)] == [Predict, Race]
    for lesson in LESSONS:
        for place, step in enumerate(lesson.steps):
            assert find_step(step.key) == (lesson, place)
    with pytest.raises(KeyError):
        find_step("none")


def test_texts_have_the_fields_that_there_are_and_formulas_can_be_read() -> None:
    known = set(SIZES.fields)
    for step in STEPS:
        for text in (*step.text, step.todo, *(row.words for row in step.formulas)):
            named = {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}
            assert named <= known, (step.key, named - known)
            assert text.format_map(SIZES.fields)
        for row in step.formulas:
            assert spoken(parse_formula(row.markup))
        if isinstance(step.experiment, Measure):
            assert find_analysis(step.experiment.analysis)
    assert any(isinstance(step.experiment, TrainOn) for step in STEPS)


def test_the_race_is_one_cohort_and_training_on_sees_the_same_batches() -> None:
    cohort = race(SIZES, 3)
    assert [run.network for run in cohort.runs] == list(SIZES.networks)
    assert {run.recipe.seeds for run in cohort.runs} == {(3, 3)}
    assert len(ROLES) == len(cohort.runs)
    pair = Pair(SIZES.shallow, "a" * 8, plain(56), "b" * 8)
    first, second = training_on(pair, SIZES.recipe, SIZES.data, SIZES.further)
    assert (first.runs[0].start_from, second.runs[0].start_from) == ("a" * 8, "b" * 8)
    assert first.runs[0].recipe == second.runs[0].recipe
    assert first.runs[0].recipe.iterations == SIZES.further


# The race


def test_degradation_is_said_where_it_was_measured_and_its_opposite_where_it_was_not() -> None:
    depth, shortcut, caution = race_words.race_words(end(55.0, 80.0, 50.0))
    assert "More depth made it worse" in depth
    assert "25.0 points above" in depth
    assert "30.0 points below" in shortcut
    assert "one seed" in caution
    depth, shortcut, _caution = race_words.race_words(end(60.0, 40.0, 70.0))
    assert "More depth did not hurt" in depth
    assert "did not help" in shortcut
    depth, shortcut, _caution = race_words.race_words(end(60.0, 60.4, 60.2))
    assert "no clear difference" in depth
    assert "no clear difference" in shortcut
    depth, shortcut, _caution = race_words.race_words(end(90.0, 89.9, 90.1))
    assert "says nothing of depth" in depth
    assert "still guess" in shortcut


def test_a_prediction_is_held_against_each_pair() -> None:
    measured = end(55.0, 80.0, 40.0)
    said = race_words.prediction_words({"shallow": 60.0, "deep": 70.0, "residual": 30.0}, measured.stands, ROLES)
    assert "3 of 3" in said[0]
    said = race_words.prediction_words({"shallow": 60.0, "deep": 40.0, "residual": 50.0}, measured.stands, ROLES)
    assert "1 of 3" in said[0]
    assert "plain-56 below plain-20: it came otherwise" in said[0]
    said = race_words.prediction_words({"shallow": 50.0, "deep": 50.0}, end(55.0, 55.2, 40.0).stands, ROLES)
    assert "plain-20 level with plain-56: so it came. 1 of 1 right" in said[0]
    said = race_words.prediction_words({"shallow": 50.0, "deep": 70.0}, end(55.0, 55.2, 40.0).stands, ROLES)
    assert "no clear difference. 0 of 1" in said[0]
    assert race_words.prediction_words({"deep": 40.0}, measured.stands, ROLES) == ()


def test_overfitting_is_named_only_where_it_is() -> None:
    assert "not the cause" in race_words.overfitting_words(end(55.0, 80.0, 50.0, (60.0, 82.0, 51.0)))[-1]
    assert "looks like" in race_words.overfitting_words(end(55.0, 30.0, 50.0, (60.0, 70.0, 51.0)))[-1]
    assert "better on both" in race_words.overfitting_words(end(55.0, 30.0, 50.0, (60.0, 40.0, 51.0)))[-1]
    assert "do not differ" in race_words.overfitting_words(end(55.0, 55.0, 50.0, (60.0, 40.0, 51.0)))[-1]
    assert "no test error" in race_words.overfitting_words(end(55.0, 30.0, 50.0))[0]


def test_a_pair_is_trained_on_only_from_the_weights_that_it_was_built_from() -> None:
    shallow = stand(0, 40.0).run
    weights = {"constructed_from": "0 at iteration 250", "constructed_from_weights": "a"}
    built = dataclasses.replace(stand(1, 40.0).run, status=RunStatus.IMPORTED, environment=weights)
    assert Pair.of(shallow, built) == Pair(SIZES.shallow, "0", SIZES.deep, "1")
    for pair in (
        (dataclasses.replace(shallow, deleted=True), built),
        (shallow, dataclasses.replace(built, deleted=True)),
        (dataclasses.replace(shallow, weights_sha256="b"), built),
        (shallow, dataclasses.replace(built, environment={})),
    ):
        with pytest.raises(UserError, match="build it again"):
            Pair.of(*pair)
    with pytest.raises(UserError, match=r"data of .* are not known"):
        Pair.of(dataclasses.replace(shallow, status=RunStatus.IMPORTED), built)


def test_errors_are_not_compared_before_they_are_there() -> None:
    assert "come with the race" in race_words.too_early(begun=False)[0]
    assert "not over" in race_words.too_early(begun=True)[0]


def test_training_on_says_whether_what_was_built_is_kept() -> None:
    kept = training_on_words(stand(0, 40.0), stand(1, 40.3), stand(1, 80.0))
    assert "SGD kept it" in kept[0]
    assert "not capacity" in kept[1]
    assert "did not keep it" in training_on_words(stand(0, 40.0), stand(1, 60.0), None)[0]
    better = training_on_words(stand(0, 40.0), stand(1, 30.0), stand(1, 20.0))
    assert "made more of it" in better[0]
    assert "capacity" not in better[1]


# Inside


def signal(net: Net, norms: list[float], gains: list[float]) -> SignalCheck:
    names = tuple(f"stage1.block{n}" for n in range(1, len(norms) + 1))
    return SignalCheck(net, names, tuple(range(3, 3 + 2 * len(norms), 2)), np.array(norms), np.array(gains), 2.3)


def test_the_saying_of_vanishing_gradients_is_held_against_the_growth() -> None:
    kind = signal(RESIDUAL, [12.0, 1.0], [0.97, 1.2])
    grown = inside_words.signal_words([signal(PLAIN, [3000.0, 1.0], [1.5, 1.4]), kind], None)
    assert "grows 3 000 times" in grown[0]
    assert "grow towards the input" in grown[2]
    assert "250 times as much as with shortcuts" in grown[2]
    assert "the gain of 1 of 2 blocks is below 1" in grown[3]
    shrunk = inside_words.signal_words(
        [signal(PLAIN, [0.01, 1.0], [0.5, 0.4]), signal(RESIDUAL, [2.0, 1.0], [1.1, 1.2])], None
    )
    assert "shrinks to 0.0100" in shrunk[0]
    assert "they do." in shrunk[2]
    assert "so it is here" in shrunk[3]
    level = inside_words.signal_words([signal(PLAIN, [1.1, 1.0], [1.0, 1.0])], None)
    assert "they do not." in level[1]
    lost = inside_words.signal_words([signal(PLAIN, [float("nan"), 1.0], [1.0, 1.0])], None)
    assert "could not be followed" in lost[0]


def shattered(net: Net, cosine: float) -> Shattered:
    return Shattered(net, {1: cosine, 2: cosine / 2, 4: 0.0}, np.full((1, 3), cosine), np.zeros((1, 48)))


def test_shattering_is_said_where_the_cosines_part() -> None:
    said = inside_words.shattered_words([shattered(PLAIN, 0.01), shattered(RESIDUAL, 0.5)], None)
    assert "looks like noise" in said[0]
    assert "hardly in the plain one" in said[2]
    said = inside_words.shattered_words([shattered(PLAIN, 0.4), shattered(RESIDUAL, 0.42)], None)
    assert "no clear difference" in said[2]


def lesion(net: Net, whole: float, rises: list[float]) -> Lesion:
    blocks = tuple(
        Altered(f"stage1.block{n}", (), (), whole + rise, 0, 0, whole, 0, 0, 1.0, 100, 100)
        for n, rise in enumerate(rises, 1)
    )
    return Lesion(net, whole, 100, blocks)


def test_what_a_missing_block_costs_decides_what_is_said_of_it() -> None:
    said = inside_words.lesion_words([lesion(PLAIN, 40.0, [30.0, 45.0]), lesion(RESIDUAL, 40.0, [0.5, 2.0])], None)
    assert "1 of 2 blocks, each alone, raise it by less than a point" in said[1]
    assert "adds a correction" in said[2]
    said = inside_words.lesion_words([lesion(PLAIN, 40.0, [3.0, 4.0]), lesion(RESIDUAL, 40.0, [20.0, 30.0])], None)
    assert "does not bear the loss" in said[2]
    said = inside_words.lesion_words([lesion(PLAIN, 88.0, [0.5, 1.0]), lesion(RESIDUAL, 40.0, [0.5, 2.0])], None)
    assert "little to lose" in said[0]
    assert len(said) == 2


def test_paths_are_counted_in_words() -> None:
    lengths = (
        PathsOfLength(0, 1, 1.0, 0.5, 1.0, 0.5),
        PathsOfLength(1, 2, 1.0, 0.5, 1.0, 0.5),
        PathsOfLength(2, 1, 0.0, 0.0, 0.0, 0.0),
    )
    said = inside_words.paths_words([Paths(RESIDUAL, lengths, (), 1.0, 2, 5)], None)
    assert "4 paths of 0 to 2 branches" in said[0]
    assert "next to nothing" in said[1]
    one = (PathsOfLength(9, 1, 1.0, 1.0, 1.0, 1.0),)
    assert "one path" in inside_words.paths_words([Paths(PLAIN, one, (), 1.0, 2, 5)], None)[0]


def test_the_argument_is_drawn_only_from_an_exact_copy() -> None:
    made = Construction(Net("plain-20", 20, False), "plain-56", 0.0, 0, 1000, (AddedBlock("stage1.block4", 0.0),))
    race_end = end(55.0, 80.0, 50.0)
    said = inside_words.construction_words([made], race_end)
    assert "Difference 0" in said[0]
    assert "ended at 80.0 %" in said[1]
    assert "found a better one" in inside_words.construction_words([made], end(55.0, 40.0, 50.0))[1]
    rounding = dataclasses.replace(made, difference=1e-6)
    assert "rounding" in inside_words.construction_words([rounding], None)[0]
    wrong = inside_words.construction_words([dataclasses.replace(made, difference=3.0, changed=7)], race_end)
    assert len(wrong) == 1
    assert "not exact" in wrong[0]


def test_a_block_is_described_by_its_own_numbers() -> None:
    small, large = BlockResponse("stage1.block1", 3.0, 10.0), BlockResponse("stage2.block1", 20.0, 10.0)
    assert spoken(parse_formula(inside_words.block_formula(small))) == "(‖F(x)‖) / (‖x‖) = (3) / (10) = 0.30"
    assert "mostly x" in inside_words.block_words(small)
    assert "outweighs" in inside_words.block_words(large)
    assert "less than what passes" in inside_words.block_words(BlockResponse("b", 7.0, 10.0))
    assert "Nothing enters" in inside_words.block_words(BlockResponse("b", 7.0, 0.0))
    (said,) = inside_words.responses_words([Responses(RESIDUAL, (), (small, large))], None)
    assert "In 1 of them" in said


# Prices and claims


def test_prices_are_those_of_the_blueprints() -> None:
    table = prices.shortcut_prices(56)
    counts = [row[1].replace("\u202f", "") for row in table.rows]
    plans = [plain(56), *(residual(56, option) for option in (Shortcut.A, Shortcut.B, Shortcut.C))]
    assert counts == [str(blueprint(network).parameters) for network in plans]
    assert counts == ["853018", "853018", "855770", "900858"]
    said = prices.shortcut_words(56)
    assert "costs nothing" in said[0]
    assert "2\u202f752" in said[1]
    blocks = [row[2].replace("\u202f", "") for row in prices.block_prices().rows]
    assert blocks == ["73984", "70400", "1180672"]
    assert "16 times" in prices.block_words()


def test_claims_are_of_both_kinds() -> None:
    assert {claim.paper for claim in CLAIMS} == {True, False}
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.why for claim in CLAIMS)
