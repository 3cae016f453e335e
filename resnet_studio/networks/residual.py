"""Plain and residual networks: y = F(x), and y = F(x) + x.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015 (arXiv:1512.03385). F is a block's branch of
weighted layers (Figures 2 and 5), x what enters the block, and the functions below are all the ways in which a block
joins the two (section 3.3). Every layer, name and number comes from the blueprint, so the diagram cannot lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join
from resnet_studio.domain.enums import ZeroPadding
from resnet_studio.networks.initialisation import initialise
from resnet_studio.networks.layers import Chain, add_layers, run_in_order


def join_plain(y: Tensor, _x: Tensor) -> Tensor:
    """No shortcut: a plain block passes on F(x) alone."""
    return y


def join_identity(y: Tensor, x: Tensor) -> Tensor:
    """Equation 1, y = F(x) + x: nothing to learn, nothing to compute but the sum."""
    return y + x


def join_zero_padding(y: Tensor, x: Tensor, stride: int, padding: ZeroPadding) -> Tensor:
    """Option A, where F(x) is wider and smaller than x: y = F(x) + x with zeros for the new channels."""
    return y + shortcut_zero_pad(x, y.shape[1], stride, padding)


def join_projection(y: Tensor, x: Tensor, projection: Callable[[Tensor], Tensor]) -> Tensor:
    """Equation 2, y = F(x) + W x, W a 1x1 convolution: where dimensions change (option B), or everywhere (C)."""
    return y + projection(x)


def shortcut_zero_pad(x: Tensor, width: int, stride: int, padding: ZeroPadding = ZeroPadding.END) -> Tensor:
    """Match a wider stage without weights: option A, He et al. 2015 (arXiv:1512.03385), section 4.1.

    Args:
        x: Block input, shape (N, C, H, W).
        width: Channels wanted, at least C; the new ones are zero.
        stride: 1 or 2; rows and columns are skipped, not averaged.
        padding: The new channels come last, or half of them (rounded down) first.

    Returns:
        Shape (N, width, ceil(H / stride), ceil(W / stride)).

    Raises:
        ValueError: If ``width`` is smaller than C.
    """
    if width < x.shape[1]:
        raise ValueError(f"width must be at least {x.shape[1]} channels, got {width}")
    x = x[:, :, ::stride, ::stride]  # (N, C, h, w)
    new = width - x.shape[1]
    first = new // 2 if padding is ZeroPadding.BOTH else 0
    return F.pad(x, (0, 0, 0, 0, first, new - first))  # (N, width, h, w)


class PlannedBlock(nn.Module):
    """One block, as Figure 2 draws it. Shapes (N, C, H, W) -> (N, C', H', W')."""

    def __init__(self, plan: BlockPlan, padding: ZeroPadding) -> None:
        super().__init__()
        self.before = add_layers(self, plan.before)  # none but in pre-activation blocks that project
        self.branch = add_layers(self, plan.branch)
        self.after = add_layers(self, plan.after)
        self._join: Callable[[Tensor, Tensor], Tensor]
        if plan.join is Join.PROJECTION:
            self.projection = Chain(plan.projection)
            self._join = partial(join_projection, projection=self.projection)
        elif plan.join is Join.ZERO_PAD:
            self._join = partial(join_zero_padding, stride=plan.stride, padding=padding)
        else:
            self._join = {Join.NONE: join_plain, Join.IDENTITY: join_identity}[plan.join]

    def forward(self, x: Tensor) -> Tensor:
        x = run_in_order(self.before, x)
        y = run_in_order(self.branch, x)  # F(x)
        y = self._join(y, x)  # F(x) + x
        return run_in_order(self.after, y)  # ReLU


class PlannedNetwork(nn.Module):
    """Stem, stages of blocks, head. Images (N, 3, H, W) float32 -> logits (N, classes).

    Any H and W will do where the head pools globally; VGG wants the blueprint's own.
    """

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        self.stem = Chain(plan.stem)
        self._stages: list[nn.Module] = []
        for stage in plan.stages:
            module = nn.Sequential()
            for block in stage.blocks:
                module.add_module(block.name.rpartition(".")[2], PlannedBlock(block, plan.spec.zero_padding))
            self.add_module(stage.name, module)
            self._stages.append(module)
        self.head = Chain(plan.head)

    @property
    def blocks(self) -> Iterable[PlannedBlock]:
        """In the order of the forward pass."""
        return (module for module in self.modules() if isinstance(module, PlannedBlock))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self._stages:
            x = stage(x)
        logits: Tensor = self.head(x)
        return logits


def build(plan: Blueprint, init_seed: int) -> PlannedNetwork:
    """The network of ``plan``: float32, on the CPU, in training mode, weights a function of (seed, layer name)."""
    with torch.device("cpu"):
        network = PlannedNetwork(plan)
    initialise(network, init_seed)
    return network
