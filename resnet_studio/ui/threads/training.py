"""The work of a training job: one claimed entry of the queue, to an end that is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from resnet_studio.domain.events import EventSink, StopCheck

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore


def train_with_runner(
    run_ids: Sequence[str], store: RunStore, emit: EventSink, should_stop: StopCheck, should_pause: StopCheck
) -> None:
    """What the program's jobs do: the runner's ``resume`` also starts queued runs."""
    from resnet_studio.runner.run_cohort import resume  # torch enters here, in the job's thread

    resume(run_ids, store, emit, should_stop, should_pause=should_pause)
