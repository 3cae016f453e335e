"""3x3 convolutions of few channels on CUDA, in bfloat16: kernels in Triton where cuDNN's leave most of a tile empty.

The CIFAR networks have 16 to 64 channels. cuDNN's tiles are at least 64 wide there, so that a convolution of 16
channels takes some times as long as its bytes need. These kernels sum in float32 as cuDNN's do, in another order; the
gradient of the weights is summed over pixels in a fixed order, so that the same inputs give the same bits.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit  # type: ignore[untyped-decorator]
def _convolve(
    x, w, y, pixels, height, width, w_out, w_tap, w_in,
    INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, FLIPPED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """y (pixels, OUTPUTS) of x (pixels, INPUTS), both channels last, stride 1, padded by 1."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = m < pixels
    column = m % width
    row = (m // width) % height
    i = tl.arange(0, INPUTS)
    o = tl.arange(0, OUTPUTS)
    total = tl.zeros((BLOCK, OUTPUTS), dtype=tl.float32)
    for tap in tl.static_range(9):
        dy = tap // 3 - 1
        dx = tap % 3 - 1
        seen = inside & (row + dy >= 0) & (row + dy < height) & (column + dx >= 0) & (column + dx < width)
        a = tl.load(x + (m + dy * width + dx)[:, None] * INPUTS + i[None, :], mask=seen[:, None], other=0.0)
        kernel_tap = 8 - tap if FLIPPED else tap
        b = tl.load(w + kernel_tap * w_tap + i[:, None] * w_in + o[None, :] * w_out)
        total = tl.dot(a, b, total)
    tl.store(y + m[:, None] * OUTPUTS + o[None, :], total.to(y.dtype.element_ty), mask=inside[:, None])


@triton.jit  # type: ignore[untyped-decorator]
def _weight_gradient(
    x, g, found, pixels, height, width, blocks_each,
    INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """found (parts, OUTPUTS, 3, 3, INPUTS) float32: each program sums its own pixels for one row of the kernel."""
    part = tl.program_id(0)
    dy = tl.program_id(1) - 1
    i = tl.arange(0, INPUTS)
    o = tl.arange(0, OUTPUTS)
    left = tl.zeros((OUTPUTS, INPUTS), dtype=tl.float32)
    middle = tl.zeros((OUTPUTS, INPUTS), dtype=tl.float32)
    right = tl.zeros((OUTPUTS, INPUTS), dtype=tl.float32)
    for block in range(blocks_each):
        m = (part * blocks_each + block) * BLOCK + tl.arange(0, BLOCK)
        inside = m < pixels
        column = m % width
        row = (m // width) % height
        rows = inside & (row + dy >= 0) & (row + dy < height)
        # (OUTPUTS, BLOCK): read as columns
        d = tl.load(g + m[None, :] * OUTPUTS + o[:, None], mask=inside[None, :], other=0.0)
        at = x + (m + dy * width)[:, None] * INPUTS + i[None, :]
        a = tl.load(at - INPUTS, mask=(rows & (column > 0))[:, None], other=0.0)
        left = tl.dot(d, a, left)
        a = tl.load(at, mask=rows[:, None], other=0.0)
        middle = tl.dot(d, a, middle)
        a = tl.load(at + INPUTS, mask=(rows & (column < width - 1))[:, None], other=0.0)
        right = tl.dot(d, a, right)
    to = found + part * (OUTPUTS * 9 * INPUTS) + o[:, None] * (9 * INPUTS) + (dy + 1) * 3 * INPUTS + i[None, :]
    tl.store(to, left)
    tl.store(to + INPUTS, middle)
    tl.store(to + 2 * INPUTS, right)


@triton.jit  # type: ignore[untyped-decorator]
def _sum_parts(found, out, parts, size, BLOCK: tl.constexpr):
    """out (size,) = sum of found (parts, size) over its rows, one after another."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for part in range(parts):
        total += tl.load(found + part * size + at, mask=at < size, other=0.0)
    tl.store(out + at, total.to(out.dtype.element_ty), mask=at < size)


# Block of pixels and warps of a program, by channels; those that were fastest on an H100 (torch 2.11), batch 128.
_FORWARD = {16: (128, 2), 32: (64, 4)}
_GRADIENT = {16: (128, 132), 32: (128, 33)}  # block of pixels, and parts into which all pixels fall
CHANNELS = frozenset(_FORWARD)
"""For which there are kernels: where they are faster than cuDNN's."""


def _run(x: Tensor, w: Tensor, *, flipped: bool = False) -> Tensor:
    """x (N, I, H, W), w (O, I, 3, 3) -> (N, O, H, W); channels last, bfloat16.

    With ``flipped``, the gradient of x from that of y: (N, O, H, W) -> (N, I, H, W).
    """
    images, inputs, height, width = x.shape
    outputs = w.shape[1] if flipped else w.shape[0]
    y = torch.empty((images, outputs, height, width), dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    pixels = images * height * width
    w_out, w_in = (w.stride(1), w.stride(0)) if flipped else (w.stride(0), w.stride(1))
    block, warps = _FORWARD[max(inputs, outputs)]
    _convolve[(triton.cdiv(pixels, block),)](
        x, w, y, pixels, height, width, w_out, w.stride(3), w_in,
        INPUTS=inputs, OUTPUTS=outputs, FLIPPED=flipped, BLOCK=block, num_warps=warps,
    )  # fmt: skip
    return y


def _gradient_of_weights(x: Tensor, g: Tensor) -> Tensor:
    """Of x (N, I, H, W) and g (N, O, H, W): (O, I, 3, 3). Channels last, bfloat16."""
    images, inputs, height, width = x.shape
    outputs = g.shape[1]
    pixels = images * height * width
    block, parts = _GRADIENT[max(inputs, outputs)]
    blocks = triton.cdiv(pixels, block)
    each = triton.cdiv(blocks, parts)
    parts = triton.cdiv(blocks, each)
    found = torch.empty((parts, outputs, 3, 3, inputs), dtype=torch.float32, device=x.device)
    _weight_gradient[(parts, 3)](
        x, g, found, pixels, height, width, each,
        INPUTS=inputs, OUTPUTS=outputs, BLOCK=block, num_warps=4, num_stages=3,
    )  # fmt: skip
    out = torch.empty((outputs, inputs, 3, 3), dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    size = outputs * 9 * inputs
    _sum_parts[(triton.cdiv(size, 256),)](found, out, parts, size, BLOCK=256, num_warps=4)
    return out


@torch.library.custom_op("resnet_studio::convolve3x3", mutates_args=())
def convolve3x3(x: Tensor, w: Tensor) -> Tensor:
    """A convolution of x (N, I, H, W) with w (O, I, 3, 3), stride 1, padded by 1: (N, O, H, W), channels last.

    Both bfloat16 on CUDA; I and O in :data:`CHANNELS`.
    """
    return _run(_last(x), _last(w))


@torch.library.custom_op("resnet_studio::convolve3x3_backward", mutates_args=())
def convolve3x3_backward(g: Tensor, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of x and w from g (N, O, H, W), that of the result."""
    g = _last(g)
    return _run(g, _last(w), flipped=True), _gradient_of_weights(_last(x), g)


@convolve3x3.register_fake
def _like_result(x: Tensor, w: Tensor) -> Tensor:
    shape = (x.shape[0], w.shape[0], x.shape[2], x.shape[3])
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


@convolve3x3_backward.register_fake
def _like_gradients(g: Tensor, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    last = torch.channels_last
    return torch.empty_like(x, memory_format=last), torch.empty_like(w, memory_format=last)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG001
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
    return torch.ops.resnet_studio.convolve3x3_backward(g, *ctx.saved_tensors)  # type: ignore[no-any-return]


convolve3x3.register_autograd(_backward, setup_context=_keep)


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
