"""After the memory was not enough: which batches would have fitted, found by trying."""

from __future__ import annotations

import gc
import logging
from collections.abc import Sequence

import torch

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import RunSpec
from resnet_studio.training.engines import EagerEngine
from resnet_studio.training.machine import Machine
from resnet_studio.training.members import Member

log = logging.getLogger(__name__)

_SMALLEST = 2  # batch norm over one image of 1 x 1 has no variance


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory was not enough; torch says it of the processor's in words alone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and ("can't allocate memory" in str(error) or "out of memory" in str(error))


def batch_that_fits(specs: Sequence[RunSpec], machine: Machine, should_stop: StopCheck) -> int | None:
    """The largest of a half, a quarter, ... of the batch size with which every network of ``specs``, all in memory
    together, gets through one whole step.

    Nothing of what failed may be within reach any more, nor the exception that told of it: its frames keep tensors.

    Returns:
        None if none fits, or when asked to stop.
    """
    size = specs[0].recipe.batch_size // 2
    while size >= _SMALLEST and not should_stop():
        try:
            fits = _fits(specs, machine, size, should_stop)
        except Stopped:
            return None
        gc.collect()  # outside the except block that _fits has left
        if machine.device.type == "cuda":
            torch.cuda.empty_cache()
        if fits:
            return size
        size //= 2
    return None


def _fits(specs: Sequence[RunSpec], machine: Machine, size: int, should_stop: StopCheck) -> bool:
    try:
        engine = EagerEngine(machine.precision, should_stop)
        members = [Member("", spec, machine.device) for spec in specs]
        pixels = specs[0].network.image_size
        images = torch.zeros(size, 3, pixels, pixels, device=machine.device)
        labels = torch.zeros(size, dtype=torch.int64, device=machine.device)
        for member in members:
            engine.adopt(member)
            engine.step(member, images, labels)
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        log.info("batches of %d do not fit: %s", size, str(error))
        return False
    return True
