"""Named tensors as the layers they belong to: convolutions, batch norms, fully connected layers, and their paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from torch import Tensor

_COUNTERS = frozenset({"n_averaged", "step", "num_updates", "decay"})  # left by averaging and by trainers
COUNTER = "num_batches_tracked"
_NUMBER = re.compile(r"(\d+)")
_T = TypeVar("_T")


class LeafKind(StrEnum):
    CONV = "convolution"
    BATCH_NORM = "batch norm"
    LINEAR = "fully connected layer"
    OTHER = "layer of another kind"


@dataclass(frozen=True, eq=False)
class Leaf:
    """One layer of somebody's network: ``path`` is its dotted name, ``tensors`` its own by their last names."""

    path: str
    tensors: dict[str, Tensor] = field(default_factory=dict)

    @property
    def kind(self) -> LeafKind:
        weight = self.tensors.get("weight")
        names = set(self.tensors)
        if "running_mean" in names and "running_var" in names and names <= OF_LAYERS:
            return LeafKind.BATCH_NORM
        if weight is None or not names <= {"weight", "bias"}:
            return LeafKind.OTHER
        return {4: LeafKind.CONV, 2: LeafKind.LINEAR}.get(weight.dim(), LeafKind.OTHER)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensors["weight"].shape)

    @property
    def channels(self) -> int:
        """Of a batch norm, and of what leaves a convolution or a fully connected layer."""
        name = "running_mean" if self.kind is LeafKind.BATCH_NORM else "weight"
        return int(self.tensors[name].shape[0])

    @property
    def kernel(self) -> tuple[int, int]:
        return int(self.shape[2]), int(self.shape[3])


OF_LAYERS = frozenset({"weight", "bias", "running_mean", "running_var", COUNTER})


def natural(path: str) -> tuple[tuple[int, int, str], ...]:
    """Order as people count: layer2 before layer10, and parts of a path one by one."""
    parts = _NUMBER.split(path.replace(".", "\0"))
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def without_wrappers(tensors: Mapping[str, _T]) -> dict[str, _T]:
    """Names without what every one of them begins with (``module.``, ``_orig_mod.``), and no counters."""
    named = {name: tensor for name, tensor in tensors.items() if name not in _COUNTERS}
    while named:
        first = {name.partition(".")[0] for name in named}
        if len(first) != 1 or any("." not in name for name in named):
            break
        named = {name.partition(".")[2]: tensor for name, tensor in named.items()}
    return named


def leaves_of(tensors: Mapping[str, Tensor]) -> list[Leaf]:
    """The layers, in the order in which their names first come."""
    found: dict[str, Leaf] = {}
    for name, tensor in tensors.items():
        path, _, last = name.rpartition(".")
        found.setdefault(path, Leaf(path)).tensors[last] = tensor
    return list(found.values())


def of_kind(leaves: Iterable[Leaf], kind: LeafKind) -> list[Leaf]:
    return [leaf for leaf in leaves if leaf.kind is kind]
