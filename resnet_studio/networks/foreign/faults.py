"""Numbers that no trained network has, and statistics that a file lacks: each said by its name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from resnet_studio.domain.errors import UserError
from resnet_studio.networks.foreign.layers import COUNTER, Leaf, LeafKind, of_kind
from resnet_studio.text import _

ON_EVERY_PATH = ("stem.", "head.")
_NOTHING = 1e-30  # what is no larger is zero to every layer that follows
_MOST = 1e20  # far above any weight, mean or variance of a trained network
_EVEN = 1e-3  # by which variances differ that were never anything but what batch norm starts with
_DEAD = 6.0  # deviations above its mean that a batch norm's output never reaches
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
        largest = _largest(tensor)
        if not math.isfinite(largest):
            raise UserError(
                _(
                    "{theirs} holds numbers that are not finite: this network had diverged; choose another.",
                    theirs=theirs,
                )
            )
        if largest > _MOST:
            raise UserError(
                _(
                    "{theirs} holds numbers above 1e20, which no trained network has: the file is damaged; get it "
                    "again.",
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
        if last == "weight" and layer.startswith(ON_EVERY_PATH) and _vanishes(tensor):
            raise UserError(
                _(
                    "{theirs} holds zeros alone, so that every image gets the same answer: "
                    "the file is damaged or was saved before training; choose another.",
                    theirs=theirs,
                )
            )


def refuse_contradictions(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
    """Refuse a convolution of zeros whose batch norm saw something, and the reverse.

    Of nothing but zeros batch norm stores the same variance in every channel: what is left of the 1 that it starts
    with. A last batch norm whose weight is zero is none of this, and neither is a convolution that sees zeros alone.

    Args:
        tensors: As for :func:`refuse_bad_numbers`.
        names: The same.

    Raises:
        UserError: Naming the first such layer.
    """
    for name, variance in tensors.items():
        norm, _unused, last = name.rpartition(".")
        block, _unused, own = norm.rpartition(".")
        layer = f"{block}.{own.replace('bn', 'conv')}"
        weight = tensors.get(f"{layer}.weight")
        if last != "running_var" or layer == norm or weight is None or weight.shape[0] != len(variance):
            continue
        largest = float(variance.max())
        if _vanishes(weight) and largest > _NOTHING and largest - float(variance.min()) > _EVEN * largest:
            raise UserError(
                _(
                    "{weight} holds zeros alone, but by {variance} it did not in training: the file is damaged; get it "
                    "again.",
                    weight=f"{names.get(layer, layer)}.weight",
                    variance=f"{names.get(norm, norm)}.running_var",
                )
            )
        if _vanishes(variance) and not _vanishes(weight) and not _dead(tensors, block, own):
            raise UserError(
                _(
                    "{variance} holds zeros alone, as if every image had given {weight} the same: the file is damaged; "
                    "get it again.",
                    weight=names.get(layer, layer),
                    variance=f"{names.get(norm, norm)}.running_var",
                )
            )


def _vanishes(tensor: Tensor) -> bool:
    return _largest(tensor) <= _NOTHING


def _largest(tensor: Tensor) -> float:
    """Without its sign; not finite if any number is not. In one pass that stores nothing: VGG has 138 million."""
    low, high = torch.aminmax(tensor)
    return max(abs(float(low)), abs(float(high)))


def _dead(tensors: Mapping[str, Tensor], block: str, norm: str) -> bool:
    """Whether the batch norm before ``norm`` in its block, if there is one, gives nothing that a ReLU lets through."""
    number = norm.removeprefix("bn")
    before = f"{block}.bn{int(number) - 1}" if number.isdigit() else ""
    weight, bias = tensors.get(f"{before}.weight"), tensors.get(f"{before}.bias")
    return weight is not None and bias is not None and bool((bias + _DEAD * weight.abs() <= 0).all())


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
