"""For torch's compiler: keep what the forward pass computed anyway. Imported by partition alone, where torch has this.

A class of a module of its own, since torch's persistent cache pickles it by name into its keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import fx
from torch._functorch.partitioners import default_partition
from torch._inductor.custom_graph_pass import CustomPartitionerFn


class KeepActivations(CustomPartitionerFn):
    """Cuts a graph of forward and backward pass in two without recomputing or replacing anything."""

    def __call__(self, gm: fx.GraphModule, joint_inputs: Sequence[object], **options: Any) -> Any:
        options.pop("compiler", None)
        return default_partition(gm, joint_inputs, **options)

    def uuid(self) -> str:
        return "resnet-studio: keep activations"  # a part of the key of torch's cache
