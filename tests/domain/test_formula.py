"""The formulas' markup: what is read, how it is spoken, what is refused."""

from __future__ import annotations

import pytest

from resnet_studio.domain.formula import THIN, Fraction, Glyphs, Root, Row, Script, parse_formula, spoken


def test_layers_with_a_shortcut_are_read_part_by_part() -> None:
    found = parse_formula(r"a^{[l+2]} = g(z^{[l+2]} + a^{[l]})")
    first, equals = found.parts[:2]
    assert first == Script(
        Glyphs("a", italic=True),
        Row((Glyphs("["), Glyphs("l", italic=True), Glyphs("+", between=True), Glyphs("2"), Glyphs("]"))),
    )
    assert equals == Glyphs("=", between=True)
    assert spoken(found) == "a[l+2] = g(z[l+2] + a[l])"


@pytest.mark.parametrize(
    ("markup", "said"),
    [
        (r"\frac{\norm{F(x)}}{\norm{x}} = 0.31", "(‖F(x)‖) / (‖x‖) = 0.31"),
        (r"\gamma = \sqrt{\sigma^{2} + \epsilon}", "γ = √(σ² + ε)"),
        (r"x_{1}^{2}", "x1²"),
        (r"x^2_1", "x1²"),
        (r"\text{two words}", "two words"),
        ("a - 12", "a − 12"),
        ("W_{s} x + 8^{2}", "Ws x + 8²"),
        (r"m v + \gamma x,  pad(x)", "m v + γx, pad(x)"),
        ("e^{kt}", "e^(kt)"),
        ("", ""),
    ],
)
def test_each_part_is_spoken(markup: str, said: str) -> None:
    assert spoken(parse_formula(markup)) == said


def test_letters_slant_and_figures_stand() -> None:
    row = parse_formula(r"x = 2.5 \partial \mu")
    assert [(part.text, part.italic) for part in row.parts if isinstance(part, Glyphs)] == [
        ("x", True), ("=", False), ("2.5", False), (THIN, False), ("∂", False), ("μ", True),
    ]  # fmt: skip
    assert isinstance(parse_formula(r"\frac{1}{2}").parts[0], Fraction)
    assert isinstance(parse_formula(r"\sqrt{x}").parts[0], Root)


@pytest.mark.parametrize("markup", [r"\unknown", "{x", "x}", r"\frac{a}", "x^", r"\text{a", r"\text a"])
def test_what_cannot_be_read_is_refused(markup: str) -> None:
    with pytest.raises(ValueError, match=r"symbol|brace|must follow"):
        parse_formula(markup)
