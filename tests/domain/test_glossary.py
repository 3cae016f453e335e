"""The glossary holds together, and what people read elsewhere is read from it."""

from __future__ import annotations

import ast
import re

import pytest

from resnet_studio.domain.formula import in_line
from resnet_studio.domain.glossary import (
    FIELD_TERMS,
    TERMS,
    choices,
    find_term,
    matching,
    short,
    terms_in,
)
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec

from .. import text_rules

SUMMARIES = (  # what popular summaries of the paper speak of
    "main path", "shortcut", "skip connection", "residual block", "plain net", "identity mapping", "degradation",
    "bottleneck", "batch norm", "vanishing gradients", "option a", "projection",
)  # fmt: skip


def test_keys_are_their_own_and_lead_to_terms() -> None:
    keys = [term.key for term in TERMS]
    assert len(set(keys)) == len(keys)
    for term in TERMS:
        assert set(term.see) < set(keys), term.key
        assert term.text.endswith("."), term.key
        assert term.where, term.key
    assert {key for terms in FIELD_TERMS.values() for key in terms} < set(keys)
    with pytest.raises(KeyError):
        find_term("nothing")


def test_terms_are_found_in_a_text_as_words_of_their_own() -> None:
    assert [term.key for term in terms_in("Gradients, batch norm and a SKIP CONNECTION; lossless")] == [
        "shortcut", "batch-norm", "gradient"
    ]  # fmt: skip
    assert terms_in("nothing of it") == ()


def test_every_field_that_a_term_explains_exists() -> None:
    fields = {f"network.{name}" for name in NetworkSpec.model_fields} | {f"recipe.{n}" for n in RecipeSpec.model_fields}
    assert set(FIELD_TERMS) < fields
    machine = {"loading", "precision", "layout", "engine", "exact", "device", "layers_every"}
    without = {f"recipe.{name}" for name in machine} | {"network.family", "network.image_size"}
    assert fields - set(FIELD_TERMS) == without


@pytest.mark.parametrize("word", SUMMARIES)
def test_the_words_of_the_summaries_are_found_by_name(word: str) -> None:
    first = matching(word)[0]
    assert word in " ".join((first.name, *first.also)).lower()


def test_a_search_needs_every_word_and_an_empty_one_finds_all() -> None:
    assert matching("") == TERMS
    assert matching("no such word") == ()
    assert [term.key for term in matching("SKIP connection")] == ["shortcut"]


def test_formulas_are_set_in_line() -> None:
    formula = find_term("residual-block").formulas[1]
    assert in_line(formula) == "a[l+2] = g(z[l+2] + a[l])"
    for term in TERMS:
        for each in term.formulas:
            assert not re.search(r"[{}^]", in_line(each)), each


def test_the_numbers_of_the_bottlenecks_formula_are_right() -> None:
    formula = in_line(find_term("bottleneck").formulas[1])
    sums = [part.split(" = ") for part in formula.split(", ")]
    for left, right in sums:
        made = eval(left.replace("²", "**2").replace("·", "*"), {"__builtins__": {}})
        assert f"{made:,}".replace(",", " ") == right


def test_field_help_reads_the_glossary() -> None:
    block = NetworkSpec.model_fields["block"].description
    assert block == choices(plain="plain-net", basic="basic-block", bottleneck="bottleneck", single="single-block")
    assert (NetworkSpec.model_fields["shortcut"].description or "").startswith(f"A: {short('option-a')}. B: ")
    form = RecipeSpec.model_fields["momentum_form"].description or ""
    assert all(find_term(key).formula in form for key in ("momentum", "momentum-authors"))


def test_no_other_text_repeats_its_sentences() -> None:
    texts = [text for term in TERMS for text in (term.text, term.short) if len(text) > 20]
    looked_at = 0
    for file, tree in text_rules.modules():
        if file.name == "glossary.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and text_rules.called(node) in text_rules.FUNCTIONS:
                shown = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                looked_at += len(shown)
                assert not [text for text in texts for one in shown if text in one], file
    assert looked_at > 1000
