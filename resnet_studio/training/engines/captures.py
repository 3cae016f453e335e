"""CUDA graphs of work, captured one after another into one pool of memory."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.networks.cuda import captures_are_over, note_failed_capture, survives_failed_captures
from resnet_studio.text import _

log = logging.getLogger(__name__)

Work = Callable[[], None]
Capture = Callable[[Work], Work]


class NoCaptureError(Exception):
    """Why nothing can be captured in this process any more."""


@cache
def first_in_line(device: torch.device, _number: int = 0) -> torch.cuda.Stream:
    """A stream of high priority: gradients of weights that fused kernels make on others wait for what is captured here.

    The same each time: memory and cuBLAS' workspaces belong to one.
    """
    return torch.cuda.Stream(device, priority=-1)


class CudaGraphs:
    """Captures work and returns its replay. Other threads may use the device meanwhile, but must not wait for it.

    The graphs share one pool of memory: that is safe as they never run at once and none reads what another wrote.
    """

    def __init__(self) -> None:
        self._pool: Any = None
        self._alive: weakref.WeakSet[torch.cuda.CUDAGraph] = weakref.WeakSet()

    def __call__(self, work: Work) -> Work:
        graph, here = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        if not self._alive or self._pool is None:  # a pool ends with the last graph that used it
            self._pool = torch.cuda.graph_pool_handle()
        try:
            with torch.cuda.graph(
                graph, pool=self._pool, stream=first_in_line(here.device), capture_error_mode="thread_local"
            ):
                work()
        except BaseException:
            self._pool = None
            raise
        finally:
            torch.cuda.set_stream(here)  # torch leaves its own stream current where the end of a capture fails
        self._alive.add(graph)
        return graph.replay


def capture_once_more(capture: Capture, work: Work) -> Work:
    """The replay of ``work``; a failed capture is tried a second time where torch survives it.

    The first try may have been disturbed by another thread.

    Raises:
        NoCaptureError: Without a try, if an earlier failure in this process forbids it.
        Exception: Whatever the last try raised.
    """
    if captures_are_over():
        raise NoCaptureError(_("an earlier capture failed, and this version of torch needs a new start of the program"))
    again = survives_failed_captures()
    while True:
        try:
            return capture(work)
        except (Stopped, UserError):
            raise
        except Exception as error:
            note_failed_capture()
            if not again or isinstance(error, torch.OutOfMemoryError):
                raise
            log.info("a capture is tried again: %s", error)
        again = False
