"""Rough needs of a training, for people to plan with: counted, not measured."""

from __future__ import annotations

from resnet_studio.domain.blueprint import Blueprint, LayerKind, Shape

FLOAT = 4  # bytes of a float32
COPIES = 3  # weights, gradients and momentum


def _elements(shape: Shape) -> int:
    channels, height, width = shape
    return channels * height * width


def training_bytes(plan: Blueprint, batch_size: int) -> int:
    """Bytes that training one network holds, in float32: what the backward pass needs, weights, gradients, momentum.

    Kept for the backward pass: each convolution's output (batch norm reads it again) and each ReLU's. Libraries add
    working memory of their own, and the data set is extra: an estimate from below.
    """
    kept = sum(_elements(layer.output) for layer in plan.layers if layer.kind in (LayerKind.CONV, LayerKind.RELU))
    return FLOAT * (COPIES * plan.parameters + batch_size * (kept + _elements(plan.input)))
