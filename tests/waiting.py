"""Waiting for what happens, never for a time; and what work costs whatever else the machine does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

HANG_SECONDS = 150.0  # longer than any wait on a loaded machine, shorter than pytest's own limit


def wait_until(happened: Callable[[], bool], still: Callable[[], bool] = lambda: True) -> None:
    """Wait until ``happened``, which is asked seldom enough to take a fifth of the time at most.

    Args:
        still: Whether it can still happen, such as a process that has not ended.

    Raises:
        AssertionError: If it can no longer happen, or after a time that only a hang takes.
    """
    until = time.monotonic() + HANG_SECONDS
    asked = time.monotonic()
    while not happened():
        pause = max(0.01, 4 * (time.monotonic() - asked))
        assert still() or happened(), "it can no longer happen"
        assert time.monotonic() < until, "it hangs"
        time.sleep(pause)
        asked = time.monotonic()


@dataclass
class Spent:
    """Processor time, in seconds."""

    seconds: float = float("inf")


@contextmanager
def processor_time() -> Iterator[Spent]:
    """What all threads of this process spend inside: other programs do not lengthen it, waiting does not count."""
    spent, started = Spent(), time.process_time()
    yield spent
    spent.seconds = time.process_time() - started


def thread_seconds(work: Callable[[], object], times: int = 1) -> float:
    """The least processor time of this thread, in seconds, over so many calls of ``work``."""
    found = []
    for _unused in range(times):
        started = time.thread_time()
        work()
        found.append(time.thread_time() - started)
    return min(found)
