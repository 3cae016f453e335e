"""Images decoded and cut by threads, in order, a bounded number ahead of who takes them."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np

from resnet_studio.data.images import note
from resnet_studio.data.test_images import TestSet
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.inference.views import Cut, Pixels, Square, whole

_MAX_THREADS = 16
_AT_ONCE = 16  # images by one thread, which looks at the stop event between two of them
_PART_BYTES = 16 * 2**20  # of cut images that one thread makes at once
_CHUNK_BYTES = 96 * 2**20  # of cut images that go through the networks together
_POLL_SECONDS = 0.2
_USUAL_ASPECT = 1.5


@dataclass(frozen=True, slots=True)
class CutImage:
    """One test image: its cuts, or the reason why it has none; ``note`` as :func:`resnet_studio.data.images.note`."""

    index: int
    cuts: dict[Cut, Pixels] = field(default_factory=dict)
    sha256: bytes = b""
    problem: str = ""
    note: str = ""

    @property
    def bytes(self) -> int:
        return sum(pixels.nbytes for pixels in self.cuts.values())


def cut(test: TestSet, index: int, cuts: Sequence[Cut]) -> CutImage:
    """Decode one image and make every cut of it."""
    try:
        found = test.read(index)
        made = {
            each: np.ascontiguousarray(
                test.square(index, found.image, each.size)
                if isinstance(each, Square)
                else whole(found.image, each.size)
            )
            for each in cuts
        }
    except DataError as error:
        return CutImage(index, problem=str(error))
    return CutImage(index, made, found.sha256, note=note(found.image))


def chunks(
    test: TestSet, cuts: Sequence[Cut], should_stop: StopCheck, *, most: int
) -> Iterator[tuple[list[CutImage], list[CutImage]]]:
    """Every image of ``test`` in order, in chunks of at most ``most`` readable ones.

    Yields:
        The readable images of a chunk, and the unreadable ones met meanwhile. Chunks are smaller where images are
        large, except for squares, whose number matters to who compares errors with training's.

    Raises:
        Stopped: When asked to stop, within a fraction of a second.
    """
    limit = _CHUNK_BYTES if not all(isinstance(each, Square) for each in cuts) else None
    good: list[CutImage] = []
    bad: list[CutImage] = []
    held = 0
    for image in _in_order(len(test), lambda index: cut(test, index, cuts), _part(cuts), should_stop):
        if image.problem:
            bad.append(image)
            continue
        good.append(image)
        held += image.bytes
        if len(good) == most or (limit is not None and held >= limit):
            yield good, bad
            good, bad, held = [], [], 0
    if good or bad:
        yield good, bad


def _part(cuts: Sequence[Cut]) -> int:
    each = sum(3 * one.size**2 * (1 if isinstance(one, Square) else _USUAL_ASPECT) for one in cuts)
    return max(1, min(_AT_ONCE, int(_PART_BYTES / each)))


def _in_order(count: int, make: Callable[[int], CutImage], part: int, should_stop: StopCheck) -> Iterator[CutImage]:
    """``make(0)``, ``make(1)`` ... by several threads, some parts ahead."""
    stop = threading.Event()
    threads = min(os.cpu_count() or 1, _MAX_THREADS)
    pool = ThreadPoolExecutor(threads, "decoding")

    def work(rows: range) -> list[CutImage]:
        made = []
        for row in rows:
            if stop.is_set():
                break
            made.append(make(row))
        return made

    waiting: deque[Future[list[CutImage]]] = deque()
    starts = iter(range(0, count, part))
    try:
        while True:
            while len(waiting) < threads + 2 and (start := next(starts, None)) is not None:
                waiting.append(pool.submit(work, range(start, min(start + part, count))))
            if not waiting:
                return
            while not wait([waiting[0]], _POLL_SECONDS).done:
                if should_stop():
                    raise Stopped
            yield from waiting.popleft().result()
    finally:
        stop.set()
        # Not waited for: each thread ends with the image it is at, and one huge image may take more than a second.
        pool.shutdown(wait=False, cancel_futures=True)
