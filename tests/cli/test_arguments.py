"""--home may stand anywhere, and nothing else is needed to know that only the window is wanted."""

from __future__ import annotations

import pytest

from resnet_studio.cli.arguments import only_home, split_places


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ([], []),
        (["runs", "list"], ["runs", "list"]),
        (["runs", "list", "--home", "x"], ["--home", "x", "runs", "list"]),
        (["runs", "--home=x y", "list"], ["--home", "x y", "runs", "list"]),
        (["--home", "a", "runs", "--home", "b"], ["--home", "b", "runs"]),
        (["classify", "--", "--home"], ["classify", "--", "--home"]),
    ],
)
def test_home_comes_first(given: list[str], moved: list[str]) -> None:
    places, rest = split_places(given)
    assert [*places, *rest] == moved


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([], (True, None)),
        (["--home", "x"], (True, "x")),
        (["--home=x"], (True, "x")),
        (["--home"], (False, None)),
        (["--home", "x", "demo"], (False, None)),
        (["--version"], (False, None)),
    ],
)
def test_only_the_window_is_wanted(given: list[str], found: tuple[bool, str | None]) -> None:
    assert only_home(given) == found
