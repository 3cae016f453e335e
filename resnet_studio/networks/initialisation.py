"""Initial weights as a function of (seed, layer name) alone, so that twins agree wherever their shapes do."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import torch
from torch import Tensor, nn


def standard_normal(seed: int, name: str, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers, float32 on the CPU; the same on every machine.

    Philox, a counter-based generator keyed by the SHA-256 of seed and name, feeds the Box-Muller transform in float64.
    """
    key = np.frombuffer(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16], dtype=np.uint64)
    count = math.prod(shape)
    half = (count + 1) // 2
    uniform = np.random.Generator(np.random.Philox(key=key)).random(2 * half)
    radius = np.sqrt(-2.0 * np.log1p(-uniform[:half]))
    angle = 2.0 * math.pi * uniform[half:]
    values = np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))[:count]
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


@torch.no_grad()
def initialise(network: nn.Module, seed: int) -> None:
    """He initialisation (He et al. 2015, arXiv:1502.01852): normal, variance 2 / fan-in; batch norm 1 and 0."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = module.weight
            fan_in = math.prod(weight.shape[1:])
            weight.copy_(standard_normal(seed, f"{name}.weight", tuple(weight.shape)) * math.sqrt(2.0 / fan_in))
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
