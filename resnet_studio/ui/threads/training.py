"""The work of a training job: one claimed entry of the queue, to an end that is stored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from resnet_studio.domain.events import EventSink, StopCheck
from resnet_studio.runner.queue_work import Training

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore
    from resnet_studio.networks.devices import DevicesHere


def train_with_runner(
    run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck, should_pause: StopCheck
) -> None:
    """What the program's jobs do: the runner's ``resume`` also starts queued runs."""
    from resnet_studio.runner.run_cohort import resume  # torch enters here, in the job's thread

    resume(run_ids, store, emit, should_stop, should_pause=should_pause)


def training_on(device: str, beside: int) -> Training:
    """The same in a process of its own that has ``device`` alone, beside so many others that train something else."""
    return partial(_train_on, device, beside)


def _train_on(
    device: str, beside: int, run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck,
    should_pause: StopCheck,
) -> None:  # fmt: skip
    from resnet_studio.runner.one_device import train_on

    train_on(device, beside, run_ids, store, emit, should_stop, should_pause)


def find_devices() -> DevicesHere:
    """What this machine can train on; takes as long as loading torch does."""
    from resnet_studio.networks.devices import devices_here

    return devices_here()
