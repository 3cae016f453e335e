"""Kernels in Triton of which a network of basic blocks consists, forward and backward, channels last.

A convolution's kernel also normalises what it reads and sums up what the batch norm after it needs, so that between two
convolutions nothing else passes through memory:

- *norm* (4, C) float32: scale and shift, which make the normalised value of a convolution's result, then mean and
  1 / standard deviation.
- *slope* (3, C) float32: A, B, C of A d + B y + C, the gradient of a convolution's result y where d is that of its
  normalised value.

Sums over pixels are made in a fixed order, by each program for its own pixels and by the last one to finish for all:
the same inputs give the same bits.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Sums of all programs


@triton.jit
def _is_last(counter):
    """Whether all other programs have come here before; the counter is zero again afterwards."""
    tl.debug_barrier()  # what any thread of this program has stored is seen by who comes last
    before = tl.atomic_add(counter, 1, sem="acq_rel")
    last = before == tl.num_programs(0) - 1
    if last:
        tl.store(counter, 0)
    return last


@triton.jit  # type: ignore[untyped-decorator]
def _store_sums(partial, first, second, CHANNELS: tl.constexpr):
    """Row of this program of partial (programs, 2, CHANNELS)."""
    c = tl.arange(0, CHANNELS)
    to = partial + tl.program_id(0) * (2 * CHANNELS) + c
    tl.store(to, tl.sum(first, 0))
    tl.store(to + CHANNELS, tl.sum(second, 0))


@triton.jit  # type: ignore[untyped-decorator]
def _totals(partial, CHANNELS: tl.constexpr, ROWS: tl.constexpr):
    """Both sums of partial (programs, 2, CHANNELS) over the programs, (CHANNELS,) each."""
    programs = tl.num_programs(0)
    c = tl.arange(0, 2 * CHANNELS)
    rows = tl.arange(0, ROWS)
    total = tl.zeros((ROWS, 2 * CHANNELS), dtype=tl.float32)
    for start in range(0, programs, ROWS):
        at = start + rows
        place = partial + at[:, None] * (2 * CHANNELS) + c[None, :]
        total += tl.load(place, mask=(at < programs)[:, None], other=0.0, cache_modifier=".cg")
    return tl.split(tl.trans(tl.reshape(tl.sum(total, 0), (2, CHANNELS))))


@triton.jit
def _rectified(x):
    """What is not a number stays so, as it does in torch: a training that diverged ends by its loss."""
    return tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)


@triton.jit  # type: ignore[untyped-decorator]
def _finish_norm(
    differences, squares, partial, counter, norm, gamma, beta, running_mean, running_var, pixels, momentum, epsilon,
    CHANNELS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """From differences to the running mean, and their squares, of this program's pixels: norm, running statistics."""
    _store_sums(partial, differences, squares, CHANNELS)
    if _is_last(counter):
        c = tl.arange(0, CHANNELS)
        near = tl.load(running_mean + c)
        all_differences, all_squares = _totals(partial, CHANNELS, ROWS)
        away = all_differences / pixels
        variance = _rectified(all_squares / pixels - away * away)
        mean = near + away
        deviation = 1.0 / tl.sqrt(variance + epsilon)
        scale = tl.load(gamma + c) * deviation
        tl.store(norm + c, scale)
        tl.store(norm + CHANNELS + c, tl.load(beta + c) - mean * scale)
        tl.store(norm + 2 * CHANNELS + c, mean)
        tl.store(norm + 3 * CHANNELS + c, deviation)
        tl.store(running_mean + c, near + momentum * away)
        before = tl.load(running_var + c)
        tl.store(running_var + c, before + momentum * (variance * (pixels / (pixels - 1.0)) - before))


@triton.jit  # type: ignore[untyped-decorator]
def _finish_slope(
    gradients, products, partial, counter, norm, gamma, slope, of_gamma, of_beta, pixels,
    CHANNELS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """From gradients of the normalised value, and products with it, of this program's pixels: slope, gamma and beta."""
    _store_sums(partial, gradients, products, CHANNELS)
    if _is_last(counter):
        c = tl.arange(0, CHANNELS)
        all_gradients, all_products = _totals(partial, CHANNELS, ROWS)
        tl.store(of_beta + c, all_gradients)
        tl.store(of_gamma + c, all_products)
        mean = tl.load(norm + 2 * CHANNELS + c)
        deviation = tl.load(norm + 3 * CHANNELS + c)
        a = tl.load(gamma + c) * deviation
        b = -a * deviation * all_products / pixels
        tl.store(slope + c, a)
        tl.store(slope + CHANNELS + c, b)
        tl.store(slope + 2 * CHANNELS + c, -a * all_gradients / pixels - b * mean)


# Forward


@triton.jit  # type: ignore[untyped-decorator]
def convolve(
    x, norm_x, w, y, partial, counter, norm, gamma, beta, running_mean, running_var, momentum, epsilon,
    pixels, height, width, height_x, width_x, blocks_each,
    INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, SIDE: tl.constexpr, STRIDE: tl.constexpr, NORMALISED: tl.constexpr,
    SPAN: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """y (pixels, OUTPUTS) of x (pixels of x, INPUTS) and w (OUTPUTS, SIDE, SIDE, INPUTS), and the norm of y.

    With NORMALISED, x is the result of a convolution: it is normalised by norm_x and rectified first. SPAN neighbours
    of a kernel's row, which it divides, are one product of WIDE numbers, the power of two from SPAN * INPUTS on.
    """
    j = tl.arange(0, WIDE)
    i = j % INPUTS
    o = tl.arange(0, OUTPUTS)
    near = tl.load(running_mean + o)[None, :]
    differences = tl.zeros((BLOCK, OUTPUTS), dtype=tl.float32)
    squares = tl.zeros((BLOCK, OUTPUTS), dtype=tl.float32)
    if NORMALISED:
        scale = tl.load(norm_x + i)[None, :]
        shift = tl.load(norm_x + INPUTS + i)[None, :]
    for block in range(blocks_each):
        m = (tl.program_id(0) * blocks_each + block) * BLOCK + tl.arange(0, BLOCK)
        inside = m < pixels
        column = m % width
        row = (m // width) % height
        image = m // (width * height)
        total = tl.zeros((BLOCK, OUTPUTS), dtype=tl.float32)
        for group in range(SIDE * SIDE // SPAN):
            r = row * STRIDE + group // (SIDE // SPAN) - SIDE // 2
            first = column * STRIDE + group % (SIDE // SPAN) * SPAN - SIDE // 2
            c = first[:, None] + (j // INPUTS)[None, :]
            there = (inside & (r >= 0) & (r < height_x))[:, None] & (j < SPAN * INPUTS)[None, :]
            seen = there & (c >= 0) & (c < width_x)
            at = ((image * height_x + r) * width_x + first) * INPUTS
            a = tl.load(x + at[:, None] + j[None, :], mask=seen, other=0.0)
            if NORMALISED:
                a = tl.where(seen, _rectified(a.to(tl.float32) * scale + shift), 0.0).to(x.dtype.element_ty)
            place = w + group * SPAN * INPUTS + j[:, None] + o[None, :] * (SIDE * SIDE * INPUTS)
            b = tl.load(place, mask=(j < SPAN * INPUTS)[:, None], other=0.0)
            total = tl.dot(a, b, total)
        result = total.to(y.dtype.element_ty)
        tl.store(y + m[:, None] * OUTPUTS + o[None, :], result, mask=inside[:, None])
        difference = tl.where(inside[:, None], result.to(tl.float32) - near, 0.0)
        differences += difference
        squares += difference * difference
    _finish_norm(
        differences, squares, partial, counter, norm, gamma, beta, running_mean, running_var, pixels, momentum, epsilon,
        OUTPUTS, ROWS,
    )  # fmt: skip


@triton.jit  # type: ignore[untyped-decorator]
def convolve_images(
    x, w, y, partial, counter, norm, gamma, beta, running_mean, running_var, momentum, epsilon,
    pixels, height, width, blocks_each,
    OUTPUTS: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """y (pixels, OUTPUTS) of images x (N, 3, height, width) float32 and w (OUTPUTS, 3, 3, 3), and the norm of y."""
    k = tl.arange(0, 32)  # 27 of them: kernel row, kernel column, channel
    o = tl.arange(0, OUTPUTS)
    near = tl.load(running_mean + o)[None, :]
    differences = tl.zeros((BLOCK, OUTPUTS), dtype=tl.float32)
    squares = tl.zeros((BLOCK, OUTPUTS), dtype=tl.float32)
    b = tl.load(w + k[:, None] + o[None, :] * 27, mask=(k < 27)[:, None], other=0.0)
    for block in range(blocks_each):
        m = (tl.program_id(0) * blocks_each + block) * BLOCK + tl.arange(0, BLOCK)
        inside = m < pixels
        a = _patches(x, m, inside, height, width).to(y.dtype.element_ty)
        result = tl.dot(a, b).to(y.dtype.element_ty)
        tl.store(y + m[:, None] * OUTPUTS + o[None, :], result, mask=inside[:, None])
        difference = tl.where(inside[:, None], result.to(tl.float32) - near, 0.0)
        differences += difference
        squares += difference * difference
    _finish_norm(
        differences, squares, partial, counter, norm, gamma, beta, running_mean, running_var, pixels, momentum, epsilon,
        OUTPUTS, ROWS,
    )  # fmt: skip


@triton.jit
def _patches(x, m, inside, height, width):
    """What a 3x3 kernel sees of images x (N, 3, height, width) around the pixels m: (len(m), 32), the last 5 zero."""
    k = tl.arange(0, 32)
    c = (m % width)[:, None] + ((k // 3) % 3)[None, :] - 1
    r = ((m // width) % height)[:, None] + (k // 9)[None, :] - 1
    seen = inside[:, None] & (k < 27)[None, :] & (r >= 0) & (r < height) & (c >= 0) & (c < width)
    plane = (m // (width * height))[:, None] * 3 + (k % 3)[None, :]
    return tl.load(x + (plane * height + r) * width + c, mask=seen, other=0.0)


@triton.jit  # type: ignore[untyped-decorator]
def join(
    y, norm, x, a, pixels, height, width,
    CHANNELS: tl.constexpr, SHORTCUT: tl.constexpr, INPUTS: tl.constexpr, FIRST: tl.constexpr, STRIDE: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """a (pixels, CHANNELS): the normalised y, with SHORTCUT plus x, rectified.

    x (pixels of x, INPUTS) is read at every STRIDE-th row and column and added from channel FIRST on.
    """
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = (m < pixels)[:, None]
    c = tl.arange(0, CHANNELS)
    scale = tl.load(norm + c)[None, :]
    shift = tl.load(norm + CHANNELS + c)[None, :]
    at = m[:, None] * CHANNELS + c[None, :]
    value = tl.load(y + at, mask=inside, other=0.0).to(tl.float32) * scale + shift
    if SHORTCUT:
        there = (c >= FIRST) & (c < FIRST + INPUTS)
        image = m // (width * height)
        row = (m // width) % height
        column = m % width
        place = (image * height * STRIDE + row * STRIDE) * (width * STRIDE) + column * STRIDE
        value += tl.load(
            x + place[:, None] * INPUTS + (c - FIRST)[None, :], mask=inside & there[None, :], other=0.0
        ).to(tl.float32)
    tl.store(a + at, _rectified(value).to(a.dtype.element_ty), mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def pool(a, pooled, CHANNELS: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr):
    """pooled (N, CHANNELS) float32: the mean of a (N, PIXELS, CHANNELS) over the pixels."""
    m = tl.arange(0, BLOCK)
    c = tl.arange(0, CHANNELS)
    at = (tl.program_id(0) * PIXELS + m)[:, None] * CHANNELS + c[None, :]
    values = tl.load(a + at, mask=(m < PIXELS)[:, None], other=0.0).to(tl.float32)
    tl.store(pooled + tl.program_id(0) * CHANNELS + c, tl.sum(values, 0) / PIXELS)


# Backward


@triton.jit  # type: ignore[untyped-decorator]
def _slope(slope, channels, CHANNELS: tl.constexpr):
    """A, B and C of these channels, in their shape."""
    of_d = tl.load(slope + channels)
    of_y = tl.load(slope + CHANNELS + channels)
    return of_d, of_y, tl.load(slope + 2 * CHANNELS + channels)


@triton.jit
def _result_gradient(d_y, y, at, seen, of_d, of_y, constant):
    """Gradients of a convolution's results at these places, zero where there are none."""
    d = tl.load(d_y + at, mask=seen, other=0.0).to(tl.float32)
    v = tl.load(y + at, mask=seen, other=0.0).to(tl.float32)
    return tl.where(seen, of_d * d + of_y * v + constant, 0.0).to(d_y.dtype.element_ty)


@triton.jit  # type: ignore[untyped-decorator]
def pool_gradient(
    g, a, y, norm, d, partial, counter, gamma, slope, of_gamma, of_beta, pixels, blocks_each,
    CHANNELS: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """d (pixels, CHANNELS), the gradient of y's normalised value, from g (N, CHANNELS), that of the mean of a."""
    c = tl.arange(0, CHANNELS)
    mean = tl.load(norm + 2 * CHANNELS + c)[None, :]
    deviation = tl.load(norm + 3 * CHANNELS + c)[None, :]
    gradients = tl.zeros((BLOCK, CHANNELS), dtype=tl.float32)
    products = tl.zeros((BLOCK, CHANNELS), dtype=tl.float32)
    for block in range(blocks_each):
        m = (tl.program_id(0) * blocks_each + block) * BLOCK + tl.arange(0, BLOCK)
        inside = (m < pixels)[:, None]
        at = m[:, None] * CHANNELS + c[None, :]
        of_mean = tl.load(g + (m // PIXELS)[:, None] * CHANNELS + c[None, :], mask=inside, other=0.0) / PIXELS
        passes = tl.load(a + at, mask=inside, other=0.0) > 0.0
        result = tl.where(passes, of_mean, 0.0).to(d.dtype.element_ty)
        tl.store(d + at, result, mask=inside)
        gradient = result.to(tl.float32)
        gradients += gradient
        products += gradient * ((tl.load(y + at, mask=inside, other=0.0).to(tl.float32) - mean) * deviation)
    _finish_slope(
        gradients, products, partial, counter, norm, gamma, slope, of_gamma, of_beta, pixels, CHANNELS, ROWS
    )  # fmt: skip


@triton.jit  # type: ignore[untyped-decorator]
def input_gradient(
    d_y, y, slope_y, w, shortcut, a, x, norm_x, d_x, partial, counter, gamma, slope_x, of_gamma, of_beta,
    pixels, height, width, height_y, width_y, blocks_each,
    INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, SIDE: tl.constexpr, STRIDE: tl.constexpr,
    SHORTCUT: tl.constexpr, SHORTCUT_CHANNELS: tl.constexpr, FIRST: tl.constexpr, JOINED: tl.constexpr,
    BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """d_x (pixels, INPUTS), the gradient of the normalised value of x, and the slope of x.

    x is what a convolution gave, and a what came of it and entered the convolution w (OUTPUTS, SIDE, SIDE, INPUTS),
    whose result is y: normalised, JOINED with a shortcut, rectified. d_y (pixels of y, OUTPUTS) is the gradient of y's
    normalised value. With SHORTCUT, the gradient ``shortcut`` (pixels of y, SHORTCUT_CHANNELS), its channels from FIRST
    on, comes on top: a also took the shortcut of the block that it enters.
    """
    i = tl.arange(0, INPUTS)
    o = tl.arange(0, OUTPUTS)
    of_d, of_y, constant = _slope(slope_y, o[None, :], OUTPUTS)
    mean = tl.load(norm_x + 2 * INPUTS + i)[None, :]
    deviation = tl.load(norm_x + 3 * INPUTS + i)[None, :]
    gradients = tl.zeros((BLOCK, INPUTS), dtype=tl.float32)
    products = tl.zeros((BLOCK, INPUTS), dtype=tl.float32)
    for block in range(blocks_each):
        m = (tl.program_id(0) * blocks_each + block) * BLOCK + tl.arange(0, BLOCK)
        inside = m < pixels
        column = m % width
        row = (m // width) % height
        image = m // (width * height)
        total = tl.zeros((BLOCK, INPUTS), dtype=tl.float32)
        for tap in range(SIDE * SIDE):
            r = row + SIDE // 2 - tap // SIDE
            c = column + SIDE // 2 - tap % SIDE
            seen = inside & (r >= 0) & (c >= 0)
            if STRIDE > 1:
                seen = seen & (r % STRIDE == 0) & (c % STRIDE == 0)
                r = r // STRIDE
                c = c // STRIDE
            seen = (seen & (r < height_y) & (c < width_y))[:, None]
            at = ((image * height_y + r) * width_y + c)[:, None] * OUTPUTS + o[None, :]
            d = _result_gradient(d_y, y, at, seen, of_d, of_y, constant)
            b = tl.load(w + o[:, None] * (SIDE * SIDE * INPUTS) + tap * INPUTS + i[None, :])
            total = tl.dot(d, b, total)
        at = m[:, None] * INPUTS + i[None, :]
        if SHORTCUT:
            r = row
            c = column
            seen = inside
            if STRIDE > 1:
                seen = seen & (r % STRIDE == 0) & (c % STRIDE == 0)
                r = r // STRIDE
                c = c // STRIDE
            place = ((image * height_y + r) * width_y + c)[:, None] * SHORTCUT_CHANNELS + FIRST + i[None, :]
            total += tl.load(shortcut + place, mask=seen[:, None], other=0.0).to(tl.float32)
        v = tl.load(x + at, mask=inside[:, None], other=0.0).to(tl.float32)
        if JOINED:
            passes = tl.load(a + at, mask=inside[:, None], other=0.0) > 0.0
        else:
            scale = tl.load(norm_x + i)[None, :]
            shift = tl.load(norm_x + INPUTS + i)[None, :]
            passes = inside[:, None] & (v * scale + shift > 0.0)
        result = tl.where(passes, total, 0.0).to(d_x.dtype.element_ty)
        tl.store(d_x + at, result, mask=inside[:, None])
        gradient = result.to(tl.float32)
        gradients += gradient
        products += gradient * ((v - mean) * deviation)
    _finish_slope(
        gradients, products, partial, counter, norm_x, gamma, slope_x, of_gamma, of_beta, pixels, INPUTS, ROWS
    )  # fmt: skip


@triton.jit  # type: ignore[untyped-decorator]
def weight_gradient(
    x, norm_x, d_y, y, slope_y, parts, pixels, height, width, height_x, width_x, blocks_each,
    INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, SIDE: tl.constexpr, STRIDE: tl.constexpr, NORMALISED: tl.constexpr,
    WIDE: tl.constexpr, SOME_OUTPUTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """parts (programs, OUTPUTS, SIDE, SIDE, INPUTS) float32, whose sum is the gradient of the weights.

    A program sums its own pixels, for one row of the kernel, all inputs and some outputs. WIDE is the power of two from
    SIDE * INPUTS on.
    """
    part = tl.program_id(0)
    dy = tl.program_id(1)
    j = tl.arange(0, WIDE)
    i = j % INPUTS
    o = tl.program_id(2) * SOME_OUTPUTS + tl.arange(0, SOME_OUTPUTS)
    of_d, of_y, constant = _slope(slope_y, o[:, None], OUTPUTS)
    if NORMALISED:
        scale = tl.load(norm_x + i)[None, :]
        shift = tl.load(norm_x + INPUTS + i)[None, :]
    total = tl.zeros((SOME_OUTPUTS, WIDE), dtype=tl.float32)
    for block in range(blocks_each):
        m = (part * blocks_each + block) * BLOCK + tl.arange(0, BLOCK)
        inside = m < pixels
        first = m % width * STRIDE - SIDE // 2
        r = (m // width) % height * STRIDE + dy - SIDE // 2
        image = m // (width * height)
        at = m[None, :] * OUTPUTS + o[:, None]  # (SOME_OUTPUTS, BLOCK): read as columns
        d = _result_gradient(d_y, y, at, inside[None, :], of_d, of_y, constant)
        c = first[:, None] + (j // INPUTS)[None, :]
        there = (inside & (r >= 0) & (r < height_x))[:, None] & (j < SIDE * INPUTS)[None, :]
        seen = there & (c >= 0) & (c < width_x)
        place = ((image * height_x + r) * width_x + first) * INPUTS
        a = tl.load(x + place[:, None] + j[None, :], mask=seen, other=0.0)
        if NORMALISED:
            a = tl.where(seen, _rectified(a.to(tl.float32) * scale + shift), 0.0).to(x.dtype.element_ty)
        total = tl.dot(d, a, total)
    size: tl.constexpr = SIDE * SIDE * INPUTS
    to = parts + part * (OUTPUTS * size) + o[:, None] * size + dy * SIDE * INPUTS + j[None, :]
    tl.store(to, total, mask=(j < SIDE * INPUTS)[None, :])


@triton.jit  # type: ignore[untyped-decorator]
def image_weight_gradient(
    x, d_y, y, slope_y, parts, pixels, height, width, blocks_each, OUTPUTS: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """parts (programs, OUTPUTS, 3, 3, 3) of a convolution of images x (N, 3, height, width) float32."""
    part = tl.program_id(0)
    k = tl.arange(0, 32)
    o = tl.arange(0, OUTPUTS)
    of_d, of_y, constant = _slope(slope_y, o[:, None], OUTPUTS)
    total = tl.zeros((OUTPUTS, 32), dtype=tl.float32)
    for block in range(blocks_each):
        m = (part * blocks_each + block) * BLOCK + tl.arange(0, BLOCK)
        inside = m < pixels
        at = m[None, :] * OUTPUTS + o[:, None]
        d = _result_gradient(d_y, y, at, inside[None, :], of_d, of_y, constant)
        total = tl.dot(d, _patches(x, m, inside, height, width).to(d_y.dtype.element_ty), total)
    tl.store(parts + part * (OUTPUTS * 27) + o[:, None] * 27 + k[None, :], total, mask=(k < 27)[None, :])


@triton.jit  # type: ignore[untyped-decorator]
def sum_parts(parts, out, table, COLUMNS: tl.constexpr, ROWS: tl.constexpr):
    """Sums of many tensors' parts in one go: each program those of some numbers.

    table (programs, 5) int32: where these numbers lie in the first part, how many parts there are, how far one part is
    from the next, where the sums go in ``out``, and how many numbers there are, at most COLUMNS.
    """
    mine = table + tl.program_id(0) * 5
    start = tl.load(mine)
    count = tl.load(mine + 1)
    stride = tl.load(mine + 2)
    to = tl.load(mine + 3)
    c = tl.arange(0, COLUMNS)
    there = c < tl.load(mine + 4)
    rows = tl.arange(0, ROWS)
    total = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    for first in range(0, count, ROWS):
        at = first + rows
        seen = (at < count)[:, None] & there[None, :]
        total += tl.load(parts + start + at[:, None] * stride + c[None, :], mask=seen, other=0.0)
    tl.store(out + to + c, tl.sum(total, 0), mask=there)
