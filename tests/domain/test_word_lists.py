"""Lists as people write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from resnet_studio.domain.word_lists import all_of, any_of


@pytest.mark.parametrize(("listed", "word"), [(any_of, "or"), (all_of, "and")])
def test_several_words_become_one_part_of_a_sentence(listed: Callable[[Iterable[str]], str], word: str) -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b"], iter("abc"))] == [
        "", "a", f"a {word} b", f"a, b {word} c",
    ]  # fmt: skip
