"""Own studies: grids, rules, files, and a sentence for each fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.domain.enums import Block, Shortcut
from resnet_studio.domain.errors import SpecError, UserError
from resnet_studio.studies.grid_rules import parse_rule
from resnet_studio.studies.own_study import OwnStudy, path_of
from resnet_studio.studies.rule import LOOKS

FILE = """
schema_version = 1
name = "Depth and shortcuts"
rules = ["shortcut C only where block is bottleneck"]

[grid]
depth = [20, 56]
block = ["plain", "basic", "bottleneck"]
shortcut = ["A", "C"]
learning_rate = [0.1, 0.02]

[fixed]
iterations = 500
milestones = []
"""


def study(text: str) -> OwnStudy:
    return OwnStudy.from_toml(text)


def test_a_grid_is_every_combination_that_rules_and_nets_allow() -> None:
    plan = study(FILE).plan()
    nets = {(a.spec.network.depth, a.spec.network.block, a.spec.network.shortcut) for a in plan.arms}
    assert nets == {
        (depth, block, shortcut)
        for depth in (20, 56)
        for block, shortcut in (
            (Block.PLAIN, Shortcut.NONE),
            (Block.BASIC, Shortcut.A),
            (Block.BOTTLENECK, Shortcut.A),
            (Block.BOTTLENECK, Shortcut.C),
        )
    }
    assert len(plan.arms) == 16
    assert len(plan.left_out) == 8
    assert "depth 20, block basic, shortcut C, learning_rate 0.1: shortcut C only where" in plan.left_out[2]
    assert len({arm.label for arm in plan.arms}) == 16
    assert [len(cohort.runs) for cohort in plan.cohorts()] == [16, 16, 16]
    assert {run.recipe.iterations for run in plan.runs()} == {500}
    assert plan.key == "own/depth-and-shortcuts"
    assert plan.looks == LOOKS


def test_the_file_that_the_documentation_shows_is_a_study() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "studies.md").read_text(encoding="utf-8")
    plan = study(text.split("```toml\n")[1].split("```")[0]).plan()
    assert sorted(arm.label for arm in plan.arms) == ["ResNet-20", "ResNet-20 C", "ResNet-32", "plain-20", "plain-32"]
    assert [(plan.arm(c.higher).label, plan.arm(c.lower).label) for c in plan.comparisons] == [
        ("plain-32", "ResNet-32")
    ]


def test_the_usual_comparisons_are_the_ends_of_each_field() -> None:
    plan = study(FILE).plan()
    labels = {(plan.arm(c.higher).label, plan.arm(c.lower).label) for c in plan.comparisons}
    assert ("plain-56, learning_rate 0.1", "plain-20, learning_rate 0.1") in labels
    assert ("ResNet-20, learning_rate 0.1", "ResNet-56, learning_rate 0.1") in labels
    assert ("plain-20, learning_rate 0.1", "ResNet-20 bottleneck, learning_rate 0.1") in labels
    assert len(labels) == len(plan.comparisons)


def test_comparisons_of_ones_own() -> None:
    own = study(FILE + '[[comparisons]]\nmeasure = "test"\nhigher = {depth = 56, block = "plain", '
                       'learning_rate = 0.1}\n'
                       'lower = {depth = 20, block = "plain", learning_rate = 0.1}\n')  # fmt: skip
    (comparison,) = own.plan().comparisons
    assert comparison.question == (
        "Is the test error of plain-56, learning_rate 0.1 higher than that of plain-20, learning_rate 0.1?"
    )


def test_seeds_and_the_look_stated_beforehand() -> None:
    own = study('name = "a"\nlook = 7\n[grid]\ndepth = [8, 14]\nseed = [3, 5]\n')
    plan = own.plan()
    assert (plan.seeds, plan.looks) == ((3, 5), (7,))
    assert [cohort.runs[0].recipe.seeds for cohort in plan.cohorts()] == [(3, 3), (5, 5)]
    assert own.plan(seeds=4).seeds == (3, 5, 0, 1)


def test_fields_that_nobody_reads_make_no_second_run() -> None:
    plan = study(
        'name = "a"\n[grid]\nschedule = ["cosine", "milestones"]\nmilestones = [[100], [200]]\n'
        "[fixed]\niterations = 300\n"
    ).plan()
    assert [(str(a.spec.recipe.schedule), a.spec.recipe.milestones) for a in plan.arms] == [
        ("cosine", ()),
        ("milestones", (100,)),
        ("milestones", (200,)),
    ]


def test_other_data_and_their_classes() -> None:
    plan = study('name = "a"\n[grid]\ndepth = [8, 14]\n').plan(data="folder:/x", classes=4)
    assert {(arm.spec.data.source, arm.spec.network.classes) for arm in plan.arms} == {("folder:/x", 4)}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x =", "not valid TOML"),
        ('name = "a"', "grid: is missing"),
        ('name = "a"\n[grid]\ndpeth = [1]', "dpeth is no field of a run; did you mean depth"),
        ('name = "a"\n[grid]\ndepth = [20, 21]', "grid.depth: 21 fits into no run: depth 21 is not 6n + 2"),
        ('name = "a"\n[grid]\ndepth = [20, 21]\n[fixed]\niterations = -4',
         "fixed.iterations: must be at least 1, got -4"),
        ('name = "a"\n[grid]\ndepth = [8, 14]\n[[comparisons]]\nhigher = {depth = 8}\nlower = {depth = 14}\n'
         'measure = "x"',
         "comparison 1 measure: must be 'training' or 'test', got 'x'"),
        ('name = "a"\n[grid]\ndepth = 20', "grid.depth: must be a list, got 20"),
        ('name = "a"\n[grid]\ndepth = []', "the grid's depth has no value"),
        ('name = "a"\n[grid]\ndepth = [20, 20]', "has a value twice"),
        ('name = "a"\n[grid]\ndepth = [{a = 1}]', "depth must be numbers, texts, true or false"),
        ('name = "a"\n[grid]\nseed = [-1]', "seed must be whole numbers from 0 on"),
        ('name = "a"\nseeds = 0\n[grid]\ndepth = [20]', "seeds: must be at least 1"),
        ('name = "a"\nseeds = 3\n[grid]\nseed = [1]', "so seeds says nothing"),
        ('name = "a"\nlook = 2\n[grid]\ndepth = [20]', "look: must be at least 3"),
        ('name = "a"\n[grid]\ndepth = [20]\n[fixed]\ndepth = 8', "depth is fixed and in the grid"),
        ('name = "a"\n[grid]\ndepth = [20]\n[other]', "other: is not a field"),
        ('name = "a"\nrules = ["no C"]\n[grid]\ndepth = [20]', "“no C” is no rule; write it like"),
        ('name = "a"\nrules = ["shortcut C only where depth is 20"]\n[grid]\ndepth = [20]', "shortcut is in a rule"),
        ('name = "a"\nrules = ["depth 20 only where depth is not 20"]\n[grid]\ndepth = [20]', "no combination is left"),
        ('name = ""\n[grid]\ndepth = [20]', "name: must not be empty"),
        ('schema_version = 9\nname = "a"\n[grid]\ndepth = [20]', "newer ResNet Studio"),
        ('name = "a"\n[grid]\ndepth = [8, 14]\n[[comparisons]]\nhigher = {depth = 8}\nlower = {depth = 20}',
         "comparison 1: depth 20 fits 0 runs"),
        ('name = "a"\n[grid]\ndepth = [8, 14]\n[[comparisons]]\nhigher = {depth = 8}\nlower = {depth = 8}',
         "compares a run with itself"),
        ('name = "a"\n[grid]\ninit_seed = [1]', "init_seed is no field"),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        study(text).plan()
    assert sentence in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_too_large_a_grid_is_refused() -> None:
    rates = ", ".join(f"0.{n:03}" for n in range(1, 200))
    text = f'name = "a"\n[grid]\ndepth = [{", ".join(str(6 * n + 2) for n in range(1, 60))}]\nlearning_rate = [{rates}]'
    with pytest.raises(SpecError, match="10000"):
        study(text).plan()


@pytest.mark.parametrize("text", [FILE, 'name = "a"\nlook = 5\n[grid]\nseed = [1]\ndata = ["builtin"]'])
def test_a_file_comes_back_as_it_was(text: str) -> None:
    own = study(text)
    assert study(own.to_toml()) == own
    assert study(own.to_toml()).plan() == own.plan()


@given(
    st.lists(st.integers(1, 30).map(lambda n: 6 * n + 2), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from([0.1, 0.05, 1e-3, 2.5e-7]), min_size=1, max_size=3, unique=True),
    st.text(min_size=1, max_size=30).filter(str.strip),
)
def test_any_grid_comes_back_as_it_was(depths: list[int], rates: list[float], name: str) -> None:
    own = OwnStudy(name=name, grid={"depth": depths, "learning_rate": rates})
    assert study(own.to_toml()) == own
    assert len(own.plan().arms) == len(depths) * len(rates)


def test_rules_in_words() -> None:
    rule = parse_rule("shortcut B or C only where block is not plain and depth is 20 or 56")
    assert rule.allows({"shortcut": "A", "block": "plain", "depth": 8})
    assert rule.allows({"shortcut": "B", "block": "basic", "depth": 56})
    assert not rule.allows({"shortcut": "B", "block": "plain", "depth": 56})
    assert not rule.allows({"shortcut": "C", "block": "basic", "depth": 8})
    assert parse_rule("zero_last_gamma true only where learning_rate is 0.1").allows(
        {"zero_last_gamma": True, "learning_rate": 0.1}
    )
    with pytest.raises(UserError, match="is no rule"):
        parse_rule("shortcut C where block is plain")


def test_short_names_of_fields() -> None:
    assert path_of("data") == "data.source"
    assert path_of("depth") == "network.depth"
    assert path_of("recipe.momentum") == "recipe.momentum"
    assert path_of("data.seed") == "data.seed"
    for bad in ("recipe.init_seed", "data_seed", "name"):
        with pytest.raises(ValueError, match="no field"):
            path_of(bad)


@pytest.mark.parametrize(
    ("rule", "excluded"),
    [
        ("recipe.learning_rate 0.1 only where depth is 20", "0.1"),
        ("learning_rate 0.100 only where network.depth is 20", "0.1"),
        ("learning_rate 1e-1 or 0.020 only where depth is 20.0", "0.1 0.02"),
        ("learning_rate 0.02 only where network.depth is not 56", "0.02"),
    ],
)
def test_a_rule_is_kept_however_its_field_and_value_are_written(rule: str, excluded: str) -> None:
    text = 'name = "a"\nrules = ["{}"]\n[grid]\ndepth = [20, 56]\n{} = [0.1, 0.02, 0.5]\n'
    for name in ("learning_rate", "recipe.learning_rate"):
        plan = study(text.format(rule, f'"{name}"')).plan()
        kept = {(arm.spec.network.depth, arm.spec.recipe.learning_rate) for arm in plan.arms}
        every = {(depth, rate) for depth in (20, 56) for rate in (0.1, 0.02, 0.5)}
        assert kept == every - {(56, float(rate)) for rate in excluded.split()}


def test_a_rule_reads_small_letters_and_lists() -> None:
    own = study(
        'name = "a"\nrules = ["shortcut c only where block is Bottleneck", "zero_last_gamma True only where '
        'milestones is 100 + 200"]\n[grid]\nblock = ["basic", "bottleneck"]\nshortcut = ["A", "C"]\n'
        "zero_last_gamma = [true, false]\nmilestones = [[100, 200], [100]]\n[fixed]\niterations = 500\n"
    )
    specs = [arm.spec for arm in own.plan().arms]
    assert {spec.network.block for spec in specs if spec.network.shortcut is Shortcut.C} == {Block.BOTTLENECK}
    assert {spec.recipe.milestones for spec in specs if spec.recipe.zero_last_gamma} == {(100, 200)}


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("learning_rate 0.5 only where depth is 20", "the grid has no learning_rate 0.5, only 0.1, 0.02"),
        ("learning_rate 0.1 only where depth is 14", "the grid has no depth 14, only 20, 56"),
        ("learning_rate fast only where depth is 20", "the grid has no learning_rate fast, only 0.1, 0.02"),
        ("iterations 400 only where depth is 20", "the grid has no iterations 400, only 500"),
        ("momentum 0.9 only where depth is 20", "momentum is in a rule or comparison, but not in the grid"),
    ],
)
def test_a_rule_about_what_the_grid_does_not_have_is_refused(rule: str, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        study(f'name = "a"\nrules = ["{rule}"]\n[grid]\ndepth = [20, 56]\nlearning_rate = [0.1, 0.02]\n'
              "[fixed]\niterations = 500\n")  # fmt: skip
