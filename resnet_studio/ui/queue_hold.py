"""What of the queue may begin here: all that waits, or what a person has started alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from resnet_studio.domain.queue import QueueStatus
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.domain.queue import Claim, QueueEntry, Worker
    from resnet_studio.history.store import RunStore
    from resnet_studio.ui.training_slots import TrainingSlots


class QueueHold:
    """Claims what may begin, in order. While it is ``held``, nothing begins by itself."""

    def __init__(self, store: RunStore) -> None:
        self.held = False
        self._store = store
        self._started: list[str] = []  # entries that a person started while the queue was held
        self._passed_over: set[str] = set()  # entries of which it was said that no device chosen here trains them

    def start(self, entries: Sequence[QueueEntry]) -> None:
        """A person has started these: they begin although the queue is held."""
        self._started += [entry.id for entry in entries]

    def forget_started(self) -> None:
        self._started.clear()

    def forget_passed_over(self) -> None:
        """Other devices were chosen."""
        self._passed_over.clear()

    def may_begin(self, entries: Sequence[QueueEntry]) -> bool:
        return bool(self._started) if self.held else any(entry.status is QueueStatus.WAITING for entry in entries)

    def claim(
        self, worker: Worker, entries: Sequence[QueueEntry], find_kinds: Callable[[], tuple[str, ...] | None]
    ) -> Claim | None:
        """The next entry that may begin on ``worker``; None where there is none.

        ``find_kinds`` says what this machine can train on, None as long as that is not known: of a history that others
        share, nothing else is begun by itself.
        """
        while self.held and self._started:
            anything = replace(worker, kinds=())  # a person has chosen it
            if (claim := self._store.claim(anything, self._started.pop(0))) is not None:
                return claim
        if self.held or not self.may_begin(entries):
            return None
        self._started.clear()
        if not worker.kinds and self._store.shared:
            kinds = find_kinds()
            if kinds is None:
                return None
            worker = replace(worker, kinds=kinds)
        return self._store.claim(worker)

    def passed_over(self, entries: Sequence[QueueEntry], slots: TrainingSlots) -> Iterator[str]:
        """A sentence on each entry that asks for a device that is not chosen, once; a shared one is for others."""
        if self.held or self._store.shared:
            return
        for entry in entries:
            waits = entry.status is QueueStatus.WAITING and entry.id not in self._passed_over
            if waits and slots.lacks(entry.needs):
                self._passed_over.add(entry.id)
                yield _(
                    "{title} waits for {needs}, on which this window does not train: choose otherwise under "
                    "Training, Train on.",
                    title=entry.title,
                    needs=entry.needs,
                )
