"""Blocks of several networks on one axis: each stands under its own name, whatever the networks' depths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_NAMED = 3  # so many blocks have their names below the axis; of more those that begin a stage


@dataclass(frozen=True, slots=True)
class BlockAxis:
    """``names`` from left to right, at the places 1, 2, ..."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, networks: Iterable[Sequence[str]], *, backward: bool = False) -> BlockAxis:
        """The blocks of all networks in the order of the forward pass, or ``backward``: each name once."""
        names = {name for network in networks for name in network}
        return cls(tuple(sorted(names, key=part_place, reverse=backward)))

    def places(self, names: Sequence[str]) -> npt.NDArray[np.float64]:
        """Where these blocks stand, (len(names),), from 1."""
        known = {name: place for place, name in enumerate(self.names, start=1)}
        return np.array([known[name] for name in names], np.float64)

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Names of few blocks, of many those that begin a stage."""
        stages = [name.partition(".")[0] for name in self.names]
        return tuple(
            (place + 1.0, name)
            for place, name in enumerate(self.names)
            if len(self.names) <= _NAMED or stages.index(stages[place]) == place
        )


def block_place(block: str) -> tuple[int, ...]:
    """To sort by: ``stage2.block10`` comes after ``stage2.block9``."""
    return tuple(int("".join(filter(str.isdecimal, part)) or 0) for part in block.split("."))


def part_place(part: str) -> tuple[int, tuple[int, ...], str]:
    """Likewise for every part of a network: the stem comes first, the head last."""
    return {"stem": 0, "head": 2}.get(part.partition(".")[0], 1), block_place(part), part
