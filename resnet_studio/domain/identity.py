"""Whether two sequences hold the very same objects: what was made of a long list is then still right."""

from __future__ import annotations

import operator
from collections.abc import Sequence


def same_objects(one: Sequence[object], other: Sequence[object]) -> bool:
    """In the same order; equal objects that are two do not count as the same."""
    return len(one) == len(other) and all(map(operator.is_, one, other))
