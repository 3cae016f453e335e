"""Images held out of a set: how many of each class, and which. Free of torch."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

from resnet_studio.domain.errors import DataError
from resnet_studio.domain.text_numbers import counted
from resnet_studio.text import _

TEST_SHARE = 0.2  # of each class, when a folder has no test set of its own


def drawn_names(names: Iterable[str], count: int, seed: int, purpose: str = "") -> set[str]:
    """``count`` of the names, drawn by hashes of the names alone.

    Moving a folder or copying it to another machine holds out the same files. Draws of other seeds or purposes have
    nothing in common.
    """

    def key(name: str) -> bytes:
        text = f"{purpose}{seed}/{unicodedata.normalize('NFC', name)}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    return set(sorted(names, key=key)[:count])


def shares(counts: Sequence[int], number: int, class_names: Sequence[str]) -> list[int]:
    """How many of each class to hold out: the same share of each as far as whole numbers allow.

    Args:
        counts: Training images of each class.
        number: How many to hold out in all, at least 1.
        class_names: In the order of ``counts``, for the error's sentence.

    Raises:
        DataError: If a class would have no training image left.
    """
    total = sum(counts)
    if number >= total:
        raise DataError(
            _(
                "{number} cannot be held out of {total}; set held_out below {total_2}, or to 0.",
                number=counted(number, "image", "images"),
                total=counted(total, "training image", "training images"),
                total_2=total,
            )
        )
    held = [number * count // total for count in counts]
    # What rounding left over goes to the classes that lost most by it, in the order of their names.
    by_loss = sorted(range(len(counts)), key=lambda label: -(number * counts[label] % total))
    for label in by_loss[: number - sum(held)]:
        held[label] += 1
    for name, count, out in zip(class_names, counts, held, strict=True):
        if count and out == count:
            raise DataError(
                _(
                    "With {number} held out the class “{name}” has none of its {count} left to train "
                    "on; hold out fewer.",
                    number=counted(number, "image", "images"),
                    name=name,
                    count=count,
                )
            )
    return held
