"""The networks that the gallery's studies compare, by the keys that comparisons name."""

from __future__ import annotations

from resnet_studio.domain.enums import Activation, Block, Branch, Family, Shortcut, Stem
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.studies.single_cohorts import plain, residual


def kinds(depths: tuple[int, ...], *, plain_nets: bool = True, residual_nets: bool = True) -> dict[str, NetworkSpec]:
    """``plain-20``, ``resnet-20``: of section 4.2."""
    nets = {f"plain-{depth}": plain(depth) for depth in depths} if plain_nets else {}
    return nets | ({f"resnet-{depth}": residual(depth) for depth in depths} if residual_nets else {})


def imagenet(depth: int, block: Block, shortcut: Shortcut, *, small: bool) -> NetworkSpec:
    """Of Table 1; small: with a quarter of the filters and a stem for images of 32 pixels."""
    if not small:
        return NetworkSpec(family=Family.IMAGENET, depth=depth, block=block, shortcut=shortcut)
    return NetworkSpec(
        family=Family.IMAGENET, depth=depth, block=block, shortcut=shortcut, stem=Stem.SMALL, image_size=32, width=16,
        classes=10,
    )  # fmt: skip


def table_2(*, small: bool) -> dict[str, NetworkSpec]:
    blocks = (("plain", Block.PLAIN, Shortcut.NONE), ("resnet", Block.BASIC, Shortcut.A))
    return {
        f"{name}-{depth}": imagenet(depth, block, s, small=small) for name, block, s in blocks for depth in (18, 34)
    }


def options(*, small: bool) -> dict[str, NetworkSpec]:
    nets = {"plain": imagenet(34, Block.PLAIN, Shortcut.NONE, small=small)}
    return nets | {
        str(option): imagenet(34, Block.BASIC, option, small=small) for option in (Shortcut.A, Shortcut.B, Shortcut.C)
    }


def bottlenecks(depths: tuple[int, ...], *, small: bool) -> dict[str, NetworkSpec]:
    return {
        str(depth): imagenet(depth, Block.BASIC if depth < 50 else Block.BOTTLENECK, Shortcut.B, small=small)
        for depth in depths
    }


def branches() -> dict[str, NetworkSpec]:
    """Nets of 20 layers whose shortcuts go around one, two or three of them, and the plain net of single layers."""
    return {
        "plain": NetworkSpec(depth=20, block=Block.PLAIN, branch=Branch.SINGLE, shortcut=Shortcut.NONE),
        "one": NetworkSpec(depth=20, block=Block.SINGLE, shortcut=Shortcut.A),
        "two": residual(20),
        "three": NetworkSpec(depth=20, block=Block.BOTTLENECK, shortcut=Shortcut.A),
    }


def activations(depths: tuple[int, ...]) -> dict[str, NetworkSpec]:
    pre = {f"pre-{depth}": NetworkSpec(depth=depth, activation=Activation.PRE) for depth in depths}
    return {f"post-{depth}": residual(depth) for depth in depths} | pre
