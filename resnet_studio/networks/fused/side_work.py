"""Work beside the one that is waited for."""

from __future__ import annotations

import itertools
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch

_SIDE_STREAMS = 8  # of a device, which has few
_numbers = itertools.count()


def next_side_stream(device: torch.device) -> torch.cuda.Stream | None:
    """One for a network; None where there is no CUDA."""
    return _side_stream(device, next(_numbers) % _SIDE_STREAMS) if device.type == "cuda" else None


@cache
def _side_stream(device: torch.device, _number: int) -> torch.cuda.Stream:
    """Of ordinary priority: what waits for nothing gives way."""
    return torch.cuda.Stream(device)


class SideWork:
    """Work on another stream, for which the end of the block waits, whatever happened. Without one all is in turn."""

    def __init__(self, device: torch.device, side: torch.cuda.Stream | None) -> None:
        self._side, self._here = side, torch.cuda.current_stream(device) if side is not None else None

    def ready(self) -> None:
        """What is done beside next needs what was begun until now, and nothing later."""
        if self._here is not None:
            self._event = self._here.record_event()

    def beside(self) -> AbstractContextManager[object]:
        if self._side is None:
            return nullcontext()
        self._side.wait_event(self._event)
        return torch.cuda.stream(self._side)

    def __enter__(self) -> SideWork:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._here is not None and self._side is not None:
            self._here.wait_stream(self._side)
