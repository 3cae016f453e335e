"""Layers stored in another form.

In numbered wrappers, as convolutions that see everything at once, pruned, or with their weights in factors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from resnet_studio.networks.foreign.layers import Leaf, LeafKind

_HEADS = re.compile(r"(^|\.)(fc\d*|classifier|head|linear|logits|pre_logits|last_linear|output)(\.|$)", re.IGNORECASE)

_PARAMETRISED = ".parametrizations.weight"


def as_linear(leaf: Leaf) -> Leaf:
    """A head's convolution that covers its whole map as the fully connected layer that it is; others as they are.

    Recognised by its name and its bias; it has the weights of the layer that would follow a flattened map.
    """
    if leaf.kind is not LeafKind.CONV or "bias" not in leaf.tensors or not _HEADS.search(leaf.path):
        return leaf
    height, width = leaf.kernel
    if height != width or height == 3:  # a VGG's head sees 7 x 7, and then 1 x 1
        return leaf
    return replace(leaf, tensors={**leaf.tensors, "weight": leaf.tensors["weight"].flatten(1)})


def pruned(leaf: Leaf) -> Leaf:
    """Of a layer that torch's pruning still holds as all its weights and a mask of zeros: the product."""
    tensors = dict(leaf.tensors)
    for last in ("weight", "bias"):
        whole, mask = tensors.get(f"{last}_orig"), tensors.get(f"{last}_mask")
        if whole is not None and mask is not None and whole.shape == mask.shape and last not in tensors:
            tensors[last] = whole * mask
            del tensors[f"{last}_orig"], tensors[f"{last}_mask"]
    return leaf if len(tensors) == len(leaf.tensors) else replace(leaf, tensors=tensors)


def multiplied(leaf: Leaf) -> Leaf:
    """Of a layer whose weights torch's weight or spectral norm still holds in factors: what they come to.

    Weight norm (arXiv:1602.07868): g v / |v|, a norm for each of the first dimension. Spectral norm (arXiv:1802.05957):
    the weights by their largest singular value, estimated by the vectors u and v as they are stored.
    """
    path, tensors = leaf.path, dict(leaf.tensors)
    if path.endswith(_PARAMETRISED) and "original0" in tensors:
        path, tensors = path.removesuffix(_PARAMETRISED), {
            "weight_g": tensors.pop("original0"), "weight_v": tensors.pop("original1", torch.empty(0)), **tensors
        }  # fmt: skip
    lengths, whole = tensors.get("weight_g"), tensors.get("weight_v")
    if lengths is not None and whole is not None and whole.ndim > 1 and lengths.numel() == len(whole):
        del tensors["weight_g"], tensors["weight_v"]
        norms = whole.flatten(1).norm(dim=1)
        tensors["weight"] = whole * (lengths.flatten() / norms).view(-1, *[1] * (whole.ndim - 1))
    whole, left, right = (tensors.get(f"weight_{name}") for name in ("orig", "u", "v"))
    if whole is not None and left is not None and right is not None and _fit(whole, left, right):
        del tensors["weight_orig"], tensors["weight_u"], tensors["weight_v"]
        tensors["weight"] = whole / (left @ (whole.flatten(1) @ right))
    return leaf if "weight" in leaf.tensors or "weight" not in tensors else replace(leaf, path=path, tensors=tensors)


def _fit(whole: Tensor, left: Tensor, right: Tensor) -> bool:
    return whole.ndim > 1 and left.shape == whole.shape[:1] and right.numel() == whole[:1].numel() == len(right)


def unwrapped(leaves: Sequence[Leaf]) -> tuple[Leaf, ...]:
    """Where each convolution lies in a numbered wrapper of its own inside a numbered block, the number is none.

    ``stages.0.layers.1.layer.2.convolution`` becomes ``stages.0.layers.1.layer-2.convolution``: the block that it
    belongs to is ``stages.0.layers.1``. All other leaves stay as they are.
    """
    convolutions = [leaf for leaf in leaves if leaf.kind is LeafKind.CONV]
    inner: dict[str, int] = {}
    for leaf in convolutions:
        if wrapper := _wrapper(leaf.path):
            inner[wrapper] = inner.get(wrapper, 0) + 1
    blocks = {_wrapper(wrapper) for wrapper in inner}
    wrappers = {wrapper for wrapper in inner if wrapper not in blocks and _wrapper(wrapper)}
    counted = [sum(1 for other in wrappers if _wrapper(other) == block) for block in map(_wrapper, wrappers)]
    if not wrappers or any(inner[wrapper] != 1 for wrapper in wrappers) or max(counted) < 2:
        return tuple(leaves)
    return tuple(
        replace(leaf, path=_joined(leaf.path, own)) if (own := _wrapper(leaf.path)) in wrappers else leaf
        for leaf in leaves
    )


def _wrapper(path: str) -> str:
    """The path up to the last part before the end that is a number; empty if there is none."""
    parts = path.split(".")[:-1]
    numbers = [i for i, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[: numbers[-1] + 1]) if numbers else ""


def _joined(path: str, wrapper: str) -> str:
    before, _, number = wrapper.rpartition(".")
    return f"{before}-{number}{path[len(wrapper) :]}"
