"""Training images held out: how many of each class. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_studio.domain.errors import DataError
from resnet_studio.domain.text_numbers import counted


def shares(counts: Sequence[int], wanted: int, class_names: Sequence[str]) -> list[int]:
    """How many of each class to hold out: the same share of each as far as whole numbers allow.

    Args:
        counts: Training images of each class.
        wanted: How many to hold out in all, at least 1.

    Raises:
        DataError: If a class would have no training image left.
    """
    total = sum(counts)
    if wanted >= total:
        raise DataError(
            f"{counted(wanted, 'image')} cannot be held out of {counted(total, 'training image')}; "
            f"set held_out below {total}, or to 0."
        )
    held = [wanted * count // total for count in counts]
    # What rounding left over goes to the classes that lost most by it, in the order of their names.
    losers = sorted(range(len(counts)), key=lambda label: -(wanted * counts[label] % total))
    for label in losers[: wanted - sum(held)]:
        held[label] += 1
    for name, count, out in zip(class_names, counts, held, strict=True):
        if count and out == count:
            raise DataError(
                f"With {counted(wanted, 'image')} held out the class “{name}” has none of its {count} left to train "
                "on; hold out fewer."
            )
    return held
