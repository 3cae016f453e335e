"""What it brings that networks train with their channels last in memory; every engine does, on every device."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn

from resnet_studio.domain.terms import Precision
from resnet_studio.training.precision import arithmetic

_ROUNDS = 5


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
    """Four convolutions of a CIFAR net's second stage, with batch norm and ReLU, and their input (64, 32, 16, 16)."""
    layers = [nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()) for _ in "1234"]
    stage = nn.Sequential(*layers).to(device, memory_format=layout)  # type: ignore[call-overload]
    x = torch.ones(64, 32, 16, 16, device=device).contiguous(memory_format=layout)
    return stage, x.requires_grad_()
