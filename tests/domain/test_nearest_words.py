"""What may have been meant by a word that is not known."""

from __future__ import annotations

import pytest

from resnet_studio.domain.nearest_words import nearest

KNOWN = ("cifar10", "cifar100", "fashion-mnist", "food-101")


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("CIFAR-10", ["cifar10"]),
        ("food101", ["food-101"]),
        ("Fashion MNIST", ["fashion-mnist"]),
        ("cifar1", ["cifar10", "cifar100"]),
        ("imagenet", []),
        ("", []),
    ],
)
def test_near_words_are_found(word: str, found: list[str]) -> None:
    assert list(nearest(word, KNOWN)) == found


def test_as_many_are_named_as_are_asked_for() -> None:
    assert len(nearest("cifar1", KNOWN, most=1)) == 1
    assert list(nearest("cifar1", KNOWN, likeness=0.95)) == []
