"""Networks that blocks are taken out of, one after another: opened once, with what leaves each block kept."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import zip_longest

from resnet_studio.analysis.block_outputs import Alteration, BlockOutputs
from resnet_studio.analysis.lesion import alteration_for, alterations_of, outputs_of
from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.lesion import Altered, Change, Lesion, LesionSettings
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.result import Net
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import Report, StopCheck
from resnet_studio.inference.models import RunSource
from resnet_studio.platform.home import Home
from resnet_studio.runner.inside import Question, open_subjects, records_of, refuse
from resnet_studio.text import _
from resnet_studio.training.malloc import freed_memory_kept

OnAltered = Callable[[Net, Altered], None]
OnAnswered = Callable[[tuple[AnalysisRecord, ...]], None]

_KEPT_BYTES = 2**30  # of all networks' block outputs together


class LesionBench:
    """One thread at a time measures; ``asked`` is for any thread.

    Attributes:
        asked: Changes that are made next, before what is under way goes on; whoever wants one appends it.
    """

    def __init__(self, asked: deque[Change] | None = None) -> None:
        self.asked: deque[Change] = deque() if asked is None else asked
        self._opened: Question | None = None
        self._subjects: tuple[Subject, ...] = ()
        self._images: DrawnImages | None = None
        self._outputs: tuple[BlockOutputs, ...] = ()

    def open(
        self, question: Question, store: RunSource | None, home: Home, report: Report, should_stop: StopCheck
    ) -> None:
        """Load networks and images, unless those of ``question`` are loaded.

        Raises:
            UserError, Stopped: As :func:`resnet_studio.runner.inside.look_inside`.
        """
        refuse(question)
        if self._opened is not None and _same(self._opened, question):
            return
        self._opened, self._outputs = None, ()
        self._subjects, images = open_subjects(question, store, home, report, should_stop)
        if images is None:
            raise ValueError("a lesion needs images")
        self._images = images
        share = _KEPT_BYTES // len(self._subjects)
        self._outputs = tuple(outputs_of(subject, images, share) for subject in self._subjects)
        self._opened = question

    def answer(
        self, should_stop: StopCheck, on_altered: OnAltered, on_answered: OnAnswered, progress: Progress = no_progress
    ) -> None:
        """Make the changes that were asked for, each in every network that has these blocks.

        They are made batch by batch in all networks at once, the newest first: one that is asked for meanwhile comes
        after the batch under way, and what it interrupts goes on behind it. ``on_answered`` gets the records of each
        change, one a network; ``progress`` how many images of the change under way are done.

        Raises:
            UserError: If a block cannot be taken out, or two cannot change places.
            Stopped: Between two blocks.
        """
        if self._opened is None:
            raise ValueError("nothing is open")
        while self.asked:
            change, started = self.asked.pop(), time.monotonic()
            made = [
                (subject, outputs, alteration)
                for subject, outputs in zip(self._subjects, self._outputs, strict=True)
                if (alteration := alteration_for(subject.blueprint, change)) is not None
            ]
            last: dict[Net, Altered] = {}
            with freed_memory_kept():
                for results in zip_longest(
                    *(outputs.results([alteration], should_stop=should_stop) for _subject, outputs, alteration in made)
                ):
                    for (subject, *_rest), result in zip(made, results, strict=True):
                        if result is not None:  # networks of other sizes take other batches
                            last[subject.net] = result[1]
                            on_altered(subject.net, result[1])
                    before = time.monotonic()
                    self.answer(should_stop, on_altered, on_answered, progress)
                    started += time.monotonic() - before
                    progress(sum(each.images for each in last.values()), sum(each.of for each in last.values()))
            seconds = (time.monotonic() - started) / max(len(made), 1)
            found: list[AnalysisRecord] = []
            for subject, outputs, alteration in made:
                lesion = Lesion(subject.net, outputs.error(should_stop), len(outputs.labels), (last[subject.net],))
                found += records_of(_about(self._opened, alteration), [lesion], self._images, seconds)
            on_answered(tuple(found))

    def measure(
        self,
        question: Question,
        report: Report,
        should_stop: StopCheck,
        on_altered: OnAltered,
        on_answered: OnAnswered,
    ) -> tuple[AnalysisRecord, ...]:
        """All that the settings of ``question`` name, of every network that :meth:`open` has loaded.

        What is asked for meanwhile goes first.

        Raises:
            UserError, Stopped: As :meth:`answer`.
        """
        settings = question.settings
        if self._opened is None or self._images is None or not isinstance(settings, LesionSettings):
            raise ValueError("nothing is open, or these are not the settings of a lesion")
        started, found = time.monotonic(), []
        for number, (subject, outputs) in enumerate(zip(self._subjects, self._outputs, strict=True)):
            alterations = alterations_of(subject.blueprint, settings)
            last: dict[int, Altered] = {}

            def progress(done: int, total: int, number: int = number) -> None:
                report(_(question.row.title), (number + done / total) / len(self._subjects))

            self.answer(should_stop, on_altered, on_answered)
            with freed_memory_kept():
                for place, result in outputs.results(alterations, progress=progress, should_stop=should_stop):
                    last[place] = result
                    on_altered(subject.net, result)
                    if should_stop():
                        raise Stopped
                    self.answer(should_stop, on_altered, on_answered)
            altered = tuple(last[place] for place in range(len(alterations)))
            found.append(Lesion(subject.net, outputs.error(should_stop), len(self._images), altered))
        return records_of(question, found, self._images, time.monotonic() - started)


def _about(question: Question, alteration: Alteration) -> Question:
    """The question whose answer this alteration is."""
    parts = {
        "blocks": alteration.deleted,
        "together": len(alteration.deleted) > 1 or bool(alteration.deleted and alteration.order),
        "order": alteration.order,
    }
    settings = question.settings.model_copy(update=parts)
    return dataclasses.replace(question, settings=settings)


def _same(a: Question, b: Question) -> bool:
    """Whether networks and images are the same, whatever is done to them."""
    looked_at: Sequence[tuple[object, ...]] = [
        (each.subjects, each.data, each.part, each.device, each.settings.images, each.settings.seed) for each in (a, b)
    ]
    return looked_at[0] == looked_at[1]
