"""Figures of the machine, held against each other."""

from __future__ import annotations

import mmap

from resnet_studio.platform.memory import available_bytes, physical_bytes, process_bytes


def test_parts_are_smaller_than_the_whole() -> None:
    whole = physical_bytes()
    assert 2**28 < whole < 2**50
    assert 0 < available_bytes() <= whole
    assert 2**20 < process_bytes() < whole


def test_what_the_process_takes_is_seen() -> None:
    before = process_bytes()
    with mmap.mmap(-1, 2**26) as block:  # fresh from the system, whatever the allocator has kept
        block.write(b"x" * 2**26)
        assert process_bytes() - before > 2**25
