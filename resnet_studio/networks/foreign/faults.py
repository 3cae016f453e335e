"""Numbers that no trained network has, and statistics that a file lacks: each said by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from resnet_studio.domain.errors import UserError
from resnet_studio.networks.foreign.layers import COUNTER, Leaf, LeafKind, of_kind
from resnet_studio.text import _

ON_EVERY_PATH = ("stem.", "head.")
_SHOWN = 3


def refuse_bad_numbers(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
    """Refuse what no trained network has.

    Whole numbers where there are fractions, numbers that are not finite, negative variances, and a layer of zeros alone
    that every path goes through.

    Args:
        tensors: Weights and statistics under our names.
        names: The file's own name of each layer of ``tensors``.

    Raises:
        UserError: Naming the first such layer.
    """
    for name, tensor in tensors.items():
        layer, _unused, last = name.rpartition(".")
        theirs = f"{names.get(layer, layer)}.{last}"
        if last == COUNTER:
            continue
        if not tensor.is_floating_point():
            raise UserError(
                _(
                    "{theirs} holds whole numbers ({dtype}), as quantized networks do; "
                    "choose the weights as they were trained, in floating point.",
                    theirs=theirs,
                    dtype=str(tensor.dtype).removeprefix("torch."),
                )
            )
        if not bool(torch.isfinite(tensor).all()):
            raise UserError(
                _(
                    "{theirs} holds numbers that are not finite: this network had diverged; choose another.",
                    theirs=theirs,
                )
            )
        if last == "running_var" and bool((tensor < 0).any()):
            raise UserError(
                _(
                    "{theirs} holds negative numbers, which no variance has: the file is damaged; get it again.",
                    theirs=theirs,
                )
            )
        if tensor.dim() > 1 and layer.startswith(ON_EVERY_PATH) and not bool(tensor.any()):
            raise UserError(
                _(
                    "{theirs} holds zeros alone, so that every image gets the same answer: "
                    "the file is damaged or was saved before training; choose another.",
                    theirs=theirs,
                )
            )


def missing_statistics(leaves: Sequence[Leaf]) -> str:
    """A sentence where batch norms came without what they measured; empty where they did not.

    Layers of a weight and a bias, one number a channel, about as many as there are convolutions.
    """
    lone = [leaf for leaf in leaves if leaf.kind is LeafKind.OTHER and set(leaf.tensors) == {"weight", "bias"}]
    norms = [leaf for leaf in lone if all(tensor.dim() == 1 for tensor in leaf.tensors.values())]
    convolutions = of_kind(leaves, LeafKind.CONV)
    count = len(norms) + len(of_kind(leaves, LeafKind.BATCH_NORM))
    if not norms or not convolutions or not -1 <= count - len(convolutions) <= 1:
        return ""
    names = ", ".join(leaf.path for leaf in norms[:_SHOWN]) + (_(" and more") if len(norms) > _SHOWN else "")
    return _(
        "Batch norm's statistics are missing: {norms} layers ({names}) have a weight and a bias, but no "
        "running_mean and running_var; save the network's state_dict(), not its parameters alone. With group norm, "
        "which has none, it cannot be built.",
        norms=len(norms),
        names=names,
    )
