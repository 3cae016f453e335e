"""Planned blocks by name, and a block without its branch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join
from resnet_studio.domain.enums import ZeroPadding
from resnet_studio.networks.layers import run_in_order
from resnet_studio.networks.residual import PlannedBlock, PlannedNetwork, shortcut_zero_pad


def removable(block: BlockPlan) -> bool:
    """Option A cannot drop channels, so nothing can stand in for a plain block that does."""
    return block.join is Join.PROJECTION or _width(block) >= block.input[0]


def same_shapes(a: BlockPlan, b: BlockPlan) -> bool:
    """Whether two blocks can change places."""
    return (a.input, a.output, a.stride) == (b.input, b.output, b.stride)


def _width(block: BlockPlan) -> int:
    return block.branch[-1].output[0]


@dataclass(frozen=True, slots=True, eq=False)
class NamedBlock:
    """A block of a network with its plan."""

    plan: BlockPlan
    module: PlannedBlock
    padding: ZeroPadding

    @property
    def name(self) -> str:
        return self.plan.name

    def shortcut(self, x: Tensor) -> Tensor:
        """What stands beside the branch, of the branch's input; may share memory with ``x``.

        In a plain block, which has nothing there, the identity or option A.
        """
        if self.plan.join is Join.PROJECTION:
            projected: Tensor = self.module.projection(x)
            return projected
        return shortcut_zero_pad(x, _width(self.plan), self.plan.stride, self.padding)

    def without_branch(self, x: Tensor) -> Tensor:
        """The block's output if its branch gives zero: (N, C, H, W) -> (N, C', H', W'); ``x`` stays as it is."""
        y = self.shortcut(run_in_order(self.module.before, x))
        if y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr():
            y = y.clone()  # ReLU overwrites
        return run_in_order(self.module.after, y)


def named_blocks(network: PlannedNetwork, plan: Blueprint) -> tuple[NamedBlock, ...]:
    """In the order of the forward pass."""
    pairs = zip(block_plans(plan), network.blocks, strict=True)
    return tuple(NamedBlock(each, module, plan.spec.zero_padding) for each, module in pairs)


def block_plans(plan: Blueprint) -> tuple[BlockPlan, ...]:
    """Likewise."""
    return tuple(block for stage in plan.stages for block in stage.blocks)
