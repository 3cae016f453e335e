"""From another library's names to ours: every tensor that our network wants, in the shape that it wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.errors import UserError
from resnet_studio.networks.foreign.faults import refuse_bad_numbers, refuse_contradictions
from resnet_studio.networks.foreign.find_structure import FoundBlock, FoundNetwork
from resnet_studio.networks.foreign.layers import COUNTER, Leaf, LeafKind, natural
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.text import _, _n

OWN_HEAD = "head.fc"
_SHOWN = 6


class MismatchError(UserError):
    """Layers whose shapes are not those of the network; ``lines`` name each, with both shapes."""

    def __init__(self, network: str, lines: Sequence[str]) -> None:
        self.lines = tuple(lines)
        more = _("; and {lines} more", lines=len(lines) - _SHOWN) if len(lines) > _SHOWN else ""
        fit = _n("{count} layer does not fit", "{count} layers do not fit", len(lines))
        super().__init__(
            _(
                "{fit} {network}: {lines}{more}; it cannot be built.",
                fit=fit,
                network=network,
                lines="; ".join(lines[:_SHOWN]),
                more=more,
            )
        )


def renamed(plan: Blueprint, found: FoundNetwork) -> dict[str, Leaf]:
    """For each of our layers with weights the leaf that holds them."""
    layers: dict[str, Leaf] = {"stem.conv": found.stem[0], "stem.bn": found.stem[1], OWN_HEAD: found.head}
    planned = [block for stage in plan.stages for block in stage.blocks]
    for block, own in zip(found.blocks, planned, strict=True):
        layers |= _renamed_block(block, own.name)
    return layers


def _renamed_block(block: FoundBlock, name: str) -> dict[str, Leaf]:
    layers = {f"{name}.conv{i}": leaf for i, leaf in enumerate(block.convolutions, start=1)}
    layers |= {f"{name}.bn{i}": leaf for i, leaf in enumerate(block.norms, start=1)}
    if block.projection:
        layers |= dict(zip((f"{name}.projection.conv", f"{name}.projection.bn"), block.projection, strict=True))
    return layers


@dataclass
class Taken:
    """The leaves' tensors under our names, every one of the shape that the plan wants; raises MismatchError.

    ``folded``: convolutions had biases, which batch norm's means took over.
    """

    plan: Blueprint
    layers: Mapping[str, Leaf]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    folded: bool = False

    def __post_init__(self) -> None:
        wanted = wanted_shapes(self.plan)
        folded = [self._take(name, leaf) for name, leaf in self.layers.items()]
        self.folded = any(folded)
        if self.folded:
            self.changes.append(
                _("Biases before batch norm were moved into its running mean, which is the same network.")
            )
        lines = []
        for name, shape in wanted.items():
            actual = tuple(self.tensors[name].shape) if name in self.tensors else None
            if actual != shape:
                own, _unused, last = name.rpartition(".")
                leaf = self.layers.get(own)
                theirs = f"{leaf.path}.{last}" if leaf is not None else name
                shown = "nothing" if actual is None else str(actual)
                lines.append(
                    _("{theirs} should have shape {shape} and has {shown}", theirs=theirs, shape=shape, shown=shown)
                )
        if lines:
            raise MismatchError(self.plan.spec.label, lines)
        self.tensors = {name: self.tensors[name] for name in wanted}
        theirs_of = {own: leaf.path for own, leaf in self.layers.items()}
        refuse_bad_numbers(self.tensors, theirs_of)
        refuse_contradictions(self.tensors, theirs_of)

    def _take(self, name: str, leaf: Leaf) -> bool:
        """Whether a bias was folded."""
        tensors = dict(leaf.tensors)
        if leaf.kind is LeafKind.BATCH_NORM:
            channels = leaf.channels
            tensors.setdefault("weight", torch.ones(channels))
            tensors.setdefault("bias", torch.zeros(channels))
            tensors.setdefault(COUNTER, torch.tensor(0))
            counter = tensors[COUNTER].double().nan_to_num(0.0, 0.0, 0.0).clamp(0, 1 << 53)
            tensors[COUNTER] = counter.to(torch.int64).reshape(-1)[:1].sum()
        norm = self._norm_of(name) if leaf.kind is LeafKind.CONV and "bias" in tensors else None
        folded = norm is not None and self.layers[norm].channels == len(tensors["bias"])
        if norm is not None and folded:
            mean = self.layers[norm].tensors["running_mean"]
            self.tensors[f"{norm}.running_mean"] = mean - tensors.pop("bias")
        for last, tensor in tensors.items():
            self.tensors.setdefault(f"{name}.{last}", tensor)
        return folded

    def _norm_of(self, name: str) -> str | None:
        parent, _unused, last = name.rpartition(".")
        norm = f"{parent}.{last.replace('conv', 'bn')}"
        return norm if norm in self.layers else None


def wanted_shapes(plan: Blueprint) -> dict[str, tuple[int, ...]]:
    """Name and shape of everything a built network stores, by name; no memory is taken."""
    with torch.device("meta"):
        state = PlannedNetwork(plan).state_dict()
    return {name: tuple(state[name].shape) for name in sorted(state, key=natural)}
