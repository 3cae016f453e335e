"""Memory that is freed and taken again in every step."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest
import torch

from resnet_studio.training.malloc import freed_memory_kept

PIECES, MIB = 8, 1 << 20


def faults_of_steps(steps: int) -> int:
    """Page faults while pieces of 4 MiB are taken, filled and freed; a fresh piece costs about a thousand."""

    def step() -> None:
        pieces = [torch.ones(MIB) for _ in range(PIECES)]
        assert len(pieces) == PIECES

    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    words = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(words[1]) * resource.getpagesize()


@pytest.mark.skipif(sys.platform != "linux", reason="of GNU's malloc")
def test_steps_use_the_same_memory_again_and_the_end_gives_it_back() -> None:
    with freed_memory_kept(), freed_memory_kept():
        assert faults_of_steps(20) < 20 * PIECES * 1024 // 10
        kept = resident()
    assert resident() < kept - 16 * MIB
