"""Channels last or first in memory: probed once per machine, then remembered, as the precision is.

On CUDA tensor cores want channels last, and cuDNN transposes what comes otherwise: nothing is probed for bfloat16 and
tf32, and for float32 channels first have to be faster by more than two probes differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from resnet_studio.domain.enums import MemoryLayout, Precision
from resnet_studio.networks.devices import device_name
from resnet_studio.platform.measured_cache import MeasuredCache
from resnet_studio.training.precision import arithmetic

_ROUNDS = 5
_FILE = "layout.json"
_IMAGES = {"cuda": 1024}  # of a probe, 64 elsewhere: a GPU would take no longer for few than for their launches
_ENOUGH = {"cuda": 0.9}  # the gain from which on channels last are taken, 1 elsewhere


def memory_format(layout: MemoryLayout) -> torch.memory_format:
    return torch.contiguous_format if layout is MemoryLayout.CHANNELS_FIRST else torch.channels_last


def choose_layout(requested: MemoryLayout, device: torch.device, precision: Precision, cache: Path) -> MemoryLayout:
    """``requested`` unless it is auto; for auto the faster one with this precision.

    From ``cache`` or a probe of half a second, channels last where tensor cores multiply. A cache that cannot be read
    or written only costs a new probe.
    """
    if requested is not MemoryLayout.AUTO:
        return requested
    if device.type == "cuda" and precision in (Precision.BFLOAT16, Precision.TF32):
        return MemoryLayout.CHANNELS_LAST
    gain = known_layout_gain(device, precision, cache)
    if gain is None:
        gain = channels_last_gain(device, precision)
        MeasuredCache(cache / _FILE).keep(_key(device, precision), round(gain, 3))
    return MemoryLayout.CHANNELS_LAST if gain >= _ENOUGH.get(device.type, 1.0) else MemoryLayout.CHANNELS_FIRST


def known_layout_gain(device: torch.device, precision: Precision, cache: Path) -> float | None:
    """How many times as fast channels last were found to be here; None if that was never probed."""
    try:
        return float(MeasuredCache(cache / _FILE).get(_key(device, precision)))
    except (ValueError, TypeError):
        return None


def _key(device: torch.device, precision: Precision) -> str:
    return f"{device_name(device)} | torch {torch.__version__} | {precision}"


def channels_last_gain(device: torch.device, precision: Precision) -> float:
    """How many times as fast a stage's convolutions run that way, forward and backward, in a probe of half a second.

    On the CPU one thread's own time counts, so that other programs do not.
    """
    if device.type != "cpu":
        return _gain(device, precision, lambda: _clock_of(device))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _gain(device, precision, time.thread_time)
    finally:
        torch.set_num_threads(threads)


def _clock_of(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()


def _gain(device: torch.device, precision: Precision, clock: Callable[[], float]) -> float:
    """Best of some rounds each, in turn; the first is a warm-up."""
    layouts = (torch.contiguous_format, torch.channels_last)
    trials = [_trial(device, layout) for layout in layouts]
    best = [float("inf"), float("inf")]
    for attempt in range(_ROUNDS + 1):
        for place, (stage, x) in enumerate(trials):
            start = clock()
            with arithmetic(device, precision):
                loss = stage(x).float().mean()
            loss.backward()
            seconds = clock() - start
            if attempt:
                best[place] = min(best[place], seconds)
    return best[0] / best[1]


def _trial(device: torch.device, layout: torch.memory_format) -> tuple[nn.Module, torch.Tensor]:
    """Four convolutions of a CIFAR net's second stage, with batch norm and ReLU, and their input (N, 32, 16, 16)."""
    layers = [nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()) for _ in "1234"]
    stage = nn.Sequential(*layers).to(device, memory_format=layout)  # type: ignore[call-overload]
    x = torch.ones(_IMAGES.get(device.type, 64), 32, 16, 16, device=device).contiguous(memory_format=layout)
    return stage, x.requires_grad_()
