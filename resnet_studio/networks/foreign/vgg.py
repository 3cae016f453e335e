"""VGG's layers recognised: 3x3 convolutions with biases, no batch norm, three fully connected layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from resnet_studio.domain.enums import Family
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.foreign.layers import Leaf, LeafKind, of_kind
from resnet_studio.text import _

# Convolutions between two max pools, Simonyan and Zisserman 2014 (arXiv:1409.1556), networks D and E.
_STAGES = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def is_vgg(leaves: Sequence[Leaf]) -> bool:
    """Convolutions in a row that narrow no image themselves, and more than one fully connected layer."""
    convolutions = of_kind(leaves, LeafKind.CONV)
    return len(convolutions) > 1 and len(of_kind(leaves, LeafKind.LINEAR)) == 3 and not _nested(convolutions)


def _nested(convolutions: Sequence[Leaf]) -> bool:
    return any(leaf.kernel != (3, 3) for leaf in convolutions)


def _in_a_row(linears: Sequence[Leaf]) -> list[Leaf]:
    """In the order in which one gives what the next one takes, whatever their names; as they are if there is none."""
    for order in itertools.permutations(linears):
        if all(after.shape[1] == before.channels for before, after in itertools.pairwise(order)):
            return list(order)
    return list(linears)


def vgg_spec(leaves: Sequence[Leaf]) -> tuple[NetworkSpec, dict[str, Leaf]]:
    """The network, and for each of our layers the leaf that holds its weights. ``leaves`` are in their order.

    Raises:
        UserError: If it is another network of that kind.
    """
    if norms := of_kind(leaves, LeafKind.BATCH_NORM):
        raise UserError(
            _(
                "It is a VGG with batch norm ({path}), and the paper's reference has none; choose weights of "
                "VGG-16 or VGG-19 without it.",
                path=norms[0].path,
            )
        )
    convolutions, linears = of_kind(leaves, LeafKind.CONV), _in_a_row(of_kind(leaves, LeafKind.LINEAR))
    depth = len(convolutions) + len(linears)
    if depth not in _STAGES:
        raise UserError(_("It is a VGG of {depth} layers; those of 16 and of 19 can be built.", depth=depth))
    width = convolutions[0].channels
    inputs, last = linears[0].shape[1], convolutions[-1].channels
    side = round((inputs / last) ** 0.5)
    if side * side * last != inputs or side < 1:
        raise UserError(
            _(
                "Layer {path} takes {inputs} numbers, which is no square map of {last} channels; it cannot be built.",
                path=linears[0].path,
                inputs=inputs,
                last=last,
            )
        )
    spec = NetworkSpec(
        family=Family.VGG,
        depth=depth,
        width=width,
        classes=linears[-1].channels,
        image_size=side * 2 ** len(_STAGES[depth]),
    )
    ours = [f"stage{s}.block{b}.conv1" for s, count in enumerate(_STAGES[depth], 1) for b in range(1, count + 1)]
    ours += ["head.fc1", "head.fc2", "head.fc"]
    return spec, dict(zip(ours, [*convolutions, *linears], strict=True))
