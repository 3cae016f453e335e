"""What the other fields of a network become when a person changes one of them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from resnet_studio.domain.enums import Block, Branch, Family
from resnet_studio.domain.network_spec import NetworkSpec, depths, stages_of
from resnet_studio.domain.spec_changes import changed_values

_CIFAR_DEPTHS = (8, 14, 20, 32, 44, 56, 110, 1202)
_CIFAR_BOTTLENECK_DEPTHS = (11, 20, 29, 38, 47, 56, 110, 164, 1001)
_WITH_BLOCK = ("block", "branch", "shortcut", "stride_place", "zero_padding")


def followed(spec: NetworkSpec, name: str, value: object) -> NetworkSpec | None:
    """``spec`` with the field ``name`` changed and what follows from it; None if that makes no network.

    A new family brings all its own but the number of classes; a new block the nearest depth that it has; a depth that
    the present block has leaves it.
    """
    asked: dict[str, object] = {name: value}
    if name == "family":
        asked["classes"] = spec.classes
    elif name == "depth" and str(value).isdecimal() and stages_of(spec.family, spec.branch, int(str(value))):
        asked |= {kept: getattr(spec, kept) for kept in _WITH_BLOCK}
    values = changed_values(spec, asked)
    if name in ("block", "branch"):
        if spec.stages:
            values.pop("depth", None)
        else:
            branch = _branch(spec, name, str(value))
            known = depths(spec.family, branch)
            if spec.depth not in known:
                values["depth"] = min(known, key=lambda depth: abs(depth - spec.depth))
    try:
        return NetworkSpec.model_validate(values)
    except ValidationError:
        return None


def _branch(spec: NetworkSpec, name: str, value: str) -> Branch:
    return Branch(value) if name == "branch" or value != Block.PLAIN else spec.branch


def proposed_depths(spec: NetworkSpec) -> tuple[int, ...]:
    """The depths that people choose most, of the family and the block."""
    if spec.family is not Family.CIFAR:
        return depths(spec.family, spec.branch)
    return _CIFAR_BOTTLENECK_DEPTHS if spec.branch is Branch.BOTTLENECK else _CIFAR_DEPTHS


def offered(spec: NetworkSpec) -> Mapping[str, tuple[str, ...]]:
    """Which values of the network's choices make sense beside the others; fields that are not named have all theirs."""
    if spec.family is Family.VGG:
        return {"block": ("plain",), "branch": ("single",), "stem": ("none",), "shortcut": ("none",)}
    return {
        "block": tuple(block.value for block in Block),
        "branch": tuple(branch.value for branch in Branch),
        "stem": ("3x3", "7x7"),
        "shortcut": ("A", "B", "C") if spec.residual else ("none",),
    }
