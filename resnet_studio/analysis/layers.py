"""What each weighted layer of a network passes on, layer by layer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from torch import Tensor, nn

from resnet_studio.domain.blueprint import Blueprint, Layer
from resnet_studio.networks.residual import PlannedNetwork

OnLayer = Callable[[int, Tensor], None]


def layer_names(plan: Blueprint) -> tuple[str, ...]:
    """The weighted layers of the longest path, stem to head: as many as the network's depth."""
    branches = (layer for stage in plan.stages for block in stage.blocks for layer in block.branch)
    return tuple(layer.name for layer in (*plan.stem, *branches, *plan.head) if layer.kind.weighted)


def block_depths(plan: Blueprint) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The blocks' names; and how many weighted layers of the main path lie before the first block and up to each one.

    Both in the order of the forward pass; the second is longer by one, so ``[:-1]`` are the depths of the blocks'
    inputs and ``[1:]`` those of their outputs.
    """
    names, depths = [], [sum(layer.kind.weighted for layer in plan.stem)]
    for stage in plan.stages:
        for block in stage.blocks:
            names.append(block.name)
            depths.append(depths[-1] + sum(layer.kind.weighted for layer in block.branch))
    return tuple(names), tuple(depths)


@contextlib.contextmanager
def passed_on(network: PlannedNetwork, plan: Blueprint, on_layer: OnLayer) -> Iterator[None]:
    """Call ``on_layer(number, values)`` in each forward pass, numbers from 0 in the order of :func:`layer_names`.

    A layer passes on what the next one receives: after batch norm, ReLU and, behind a block's last layer, the addition
    and what follows it; the last layer passes on the logits. So plain net and residual twin have the same layers, and
    the residual net's block outputs are among them. Values are to be reduced at once: they may be overwritten.
    """
    names = layer_names(plan)
    ends = {_last_weighted(block.branch): block.name for stage in plan.stages for block in stage.blocks}
    if plan.stem:
        ends[_last_weighted(plan.stem)] = "stem"
    handles = []
    for number, name in enumerate(names):
        if name in ends or number == len(names) - 1:
            module = network.get_submodule(ends.get(name, name))
            handles.append(module.register_forward_hook(_output_hook(number, on_layer)))
        else:
            following = network.get_submodule(names[number + 1])
            handles.append(following.register_forward_pre_hook(_input_hook(number, on_layer)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _last_weighted(layers: tuple[Layer, ...]) -> str:
    return [layer.name for layer in layers if layer.kind.weighted][-1]


def _output_hook(number: int, on_layer: OnLayer) -> Callable[[nn.Module, object, Tensor], None]:
    return lambda _module, _inputs, output: on_layer(number, output)


def _input_hook(number: int, on_layer: OnLayer) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    return lambda _module, inputs: on_layer(number, inputs[0])
