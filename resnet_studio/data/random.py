"""Counter-based randomness: every draw is a pure function of (seed, what it is for, which one), by integer hashing.

No generator state exists, so nothing has to be saved for a resume, a draw does not depend on what was drawn before,
and CPU and CUDA agree bit for bit: int64 products, sums and shifts wrap around alike on both. The mixing function is
the finaliser of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
"""

from __future__ import annotations

import math
from enum import IntEnum

import torch
from torch import Tensor

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


class Stream(IntEnum):
    """What a draw is for; two streams of one seed have nothing in common."""

    ORDER = 1
    CROP = 2
    SCALE = 3
    COLOUR = 4
    HELD_OUT = 5
    INSPECTION = 6


def hash_counters(seed: int, stream: int, counters: Tensor) -> Tensor:
    """64 well-mixed bits for each counter.

    Args:
        seed: Any integer; taken modulo 2**64.
        stream: Separates uses of one seed; taken modulo 2**64.
        counters: int64, any shape, any device.

    Returns:
        int64 over the whole signed range, same shape and device.
    """
    key = _mix_int((_mix_int(seed & _MASK) + stream * _GOLDEN) & _MASK)
    return _mix(counters * _signed(_GOLDEN) + _signed(key))


def epoch_order(seed: int, epoch: int, count: int, device: torch.device | str) -> Tensor:
    """The order in which ``count`` samples are visited in an epoch: a permutation of 0..count-1, int64 (count,)."""
    counters = torch.arange(count, dtype=torch.int64, device=device)
    key = _mix_int((_mix_int(seed & _MASK) ^ epoch) & _MASK)
    return torch.argsort(hash_counters(key, Stream.ORDER, counters), stable=True)


def crop_draws(seed: int, epochs: Tensor, indices: Tensor, pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Crop offset and flip of each sample in its epoch (He et al. 2015, arXiv:1512.03385, section 4.2).

    Args:
        seed: The recipe's data seed.
        epochs: int64 (B,), the epoch in which each sample is drawn, from 0.
        indices: int64 (B,), the samples' positions in the training set.
        pad: Pixels added on each side; 0 to 2**22.

    Returns:
        dy and dx, int64 (B,), uniform in 0..2*pad (off by less than 2**-22 relative for pad 4), and flip, bool (B,).
    """
    bits = _sample_bits(seed, Stream.CROP, epochs, indices)
    choices = 2 * pad + 1
    dy = (_shift(bits, 40) * choices) >> 24  # of the upper 24 bits
    dx = ((_shift(bits, 16) & 0xFFFFFF) * choices) >> 24  # of the next 24 bits
    return dy, dx, (bits & 1).bool()


def scale_draws(
    seed: int, epochs: Tensor, indices: Tensor, low: int, high: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Size, crop offset and flip of each sample in its epoch (He et al. 2015, arXiv:1512.03385, section 3.4).

    Args:
        seed: As for :func:`crop_draws`.
        epochs: Likewise, int64 (B,).
        indices: Likewise, int64 (B,).
        low: The shorter side's least length, in pixels.
        high: Its greatest length.

    Returns:
        scale, int64 (B,), uniform in low..high; y and x, int64 (B,), uniform in 0..2**24 - 1, for as much of the room
        there is; flip, bool (B,).
    """
    bits = _sample_bits(seed, Stream.SCALE, epochs, indices)
    scale = low + ((_shift(bits, 32) * (high - low + 1)) >> 32)
    more = _mix(bits + _signed(_GOLDEN))
    return scale, _shift(more, 40), _shift(more, 16) & 0xFFFFFF, (more & 1).bool()


def colour_draws(seed: int, epochs: Tensor, indices: Tensor) -> Tensor:
    """Three standard normal numbers for each sample in its epoch, float64 (B, 3).

    By the method of Box and Muller (1958), of 32 bits for each uniform number, so that the largest is 6.7. Devices
    agree to the rounding of their logarithms, roots and cosines.
    """
    bits = _sample_bits(seed, Stream.COLOUR, epochs, indices)
    first, second = _mix(bits + _signed(_GOLDEN)), _mix(bits + _signed(2 * _GOLDEN & _MASK))
    pairs = torch.stack((first, second), 1)  # (B, 2)
    radius = (-2.0 * torch.log((_shift(pairs, 32) + 1).double() * 2.0**-32)).sqrt()
    turn = (pairs & 0xFFFFFFFF).double() * (2.0**-32 * 2.0 * math.pi)
    return torch.cat((radius * turn.cos(), radius[:, :1] * turn[:, :1].sin()), 1)


def _sample_bits(seed: int, stream: Stream, epochs: Tensor, indices: Tensor) -> Tensor:
    """64 bits for each sample in its epoch."""
    return _mix(hash_counters(seed, stream, epochs) + indices * _signed(_GOLDEN))


def _signed(value: int) -> int:
    """The int64 with the bits of an unsigned ``value``."""
    return value - (1 << 64) if value >> 63 else value


def _shift(x: Tensor, places: int) -> Tensor:
    """Logical right shift: torch's own repeats the sign bit."""
    return (x >> places) & ((1 << (64 - places)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 30)) * _signed(_FIRST)
    x = (x ^ _shift(x, 27)) * _signed(_SECOND)
    return x ^ _shift(x, 31)


def _mix_int(x: int) -> int:
    """:func:`_mix` of one unsigned integer."""
    x = ((x ^ x >> 30) * _FIRST) & _MASK
    x = ((x ^ x >> 27) * _SECOND) & _MASK
    return x ^ x >> 31
