"""What a study lacks, as changes of the queue: what the command line and the window add."""

from __future__ import annotations

from collections.abc import Iterable

from resnet_studio.domain.queue import QueueCommand, QueueEntry, QueueVerb
from resnet_studio.studies.stored import StoredStudy


def queue_commands(
    found: StoredStudy, entries: Iterable[QueueEntry], *, first: bool = False
) -> tuple[QueueCommand, ...]:
    """One command for each cohort that is left to train and does not wait already.

    Args:
        found: The study, with what the history has of it.
        entries: The queue; what it has is not added again.
        first: Before everything that waits. The commands then come in reverse, so that done one after another they
            leave the study's order.
    """
    waiting = {run_id for entry in entries if not entry.status.ended for run_id in entry.run_ids}
    commands = []
    for work in found.work:
        run_ids = tuple(run.id for run in work.resume)
        if work.cohort is not None:
            commands.append(QueueCommand(verb=QueueVerb.ADD, cohort=work.cohort, first=first))
        elif waiting.isdisjoint(run_ids):
            commands.append(QueueCommand(verb=QueueVerb.RESUME, run_ids=run_ids, first=first))
    return tuple(reversed(commands) if first else commands)
