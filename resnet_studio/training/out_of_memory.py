"""After the memory was not enough: which batches would have fitted, found by trying."""

from __future__ import annotations

import gc
import logging
from collections.abc import Sequence

import torch

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import RunSpec, replace
from resnet_studio.networks.cuda import free_cached_memory
from resnet_studio.training.engines.eager import EagerEngine
from resnet_studio.training.member import Member
from resnet_studio.training.setup import Machine

log = logging.getLogger(__name__)

# Of torch's allocators on Linux and Windows; the rest is all that oneDNN says when it gets no memory.
_WORDS = (
    "can't allocate memory", "out of memory", "not enough memory", "could not create a primitive",
    "could not execute a primitive", "could not create a memory object",
)  # fmt: skip
_SMALLEST = 2  # batch norm over one image of 1 x 1 has no variance


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory was not enough; torch says it of the processor's in words alone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def batch_that_fits(
    specs: Sequence[RunSpec], machine: Machine, resident_bytes: int, should_stop: StopCheck
) -> int | None:
    """The largest part of the batch with which every network of ``specs`` gets through one whole step.

    It is a half, a quarter, ... of the images that pass together (the batch, or batch norm's share of it), with all
    networks in memory together; tried with a quarter more, for tests and for what is fragmented.

    Nothing of what failed may be within reach any more, nor the exception itself: its frames keep tensors.

    Args:
        specs: The runs of a cohort.
        machine: Its device, precision and engine.
        resident_bytes: What the images take that lie on the device while it trains.
        should_stop: Ends the search where it returns True.

    Returns:
        None if none fits, or when asked to stop.
    """
    size = specs[0].recipe.pass_size // 2
    specs = [replace(spec, recipe=replace(spec.recipe, bn_images=0)) for spec in specs]
    while size >= _SMALLEST and not should_stop():
        try:
            fits = _fits(specs, machine, size + size // 4, resident_bytes, should_stop)
        except Stopped:
            return None
        gc.collect()  # outside the except block that _fits has left
        free_cached_memory(machine.device)
        if fits:
            return size
        size //= 2
    return None


def _fits(specs: Sequence[RunSpec], machine: Machine, size: int, resident_bytes: int, should_stop: StopCheck) -> bool:
    try:
        resident = torch.zeros(resident_bytes, dtype=torch.uint8, device=machine.device)
        engine = EagerEngine(machine.precision, should_stop)
        members = [Member("", spec, machine.device, machine.layout) for spec in specs]
        pixels = specs[0].network.image_size
        images = torch.zeros(size, 3, pixels, pixels, device=machine.device)
        labels = torch.zeros(size, dtype=torch.int64, device=machine.device)
        for member in members:
            engine.adopt(member)
            engine.step(member, images, labels)
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
        del resident
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        log.info("batches of %d do not fit: %s", size, str(error))
        return False
    return True
