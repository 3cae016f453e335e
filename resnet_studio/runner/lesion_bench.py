"""Networks that blocks are taken out of, one after another: opened once, with what leaves each block kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from resnet_studio.analysis.block_outputs import Alteration, BlockOutputs
from resnet_studio.analysis.lesion import alterations_of, each_block, outputs_of
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.lesion import Altered, Lesion, LesionSettings
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.result import Net
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import Report, StopCheck
from resnet_studio.inference.models import RunSource
from resnet_studio.platform.home import Home
from resnet_studio.runner.inside import Question, open_subjects, records_of, refuse
from resnet_studio.text import _

OnAltered = Callable[[Net, Altered], None]

_KEPT_BYTES = 2**30  # of all networks' block outputs together


class LesionBench:
    """One thread at a time measures; :meth:`ask` is for any thread."""

    def __init__(self) -> None:
        self._opened: Question | None = None
        self._subjects: tuple[Subject, ...] = ()
        self._images: DrawnImages | None = None
        self._outputs: tuple[BlockOutputs, ...] = ()
        self._asked: deque[str] = deque()

    def ask(self, block: str) -> None:
        """Have this block taken out next, before what is under way goes on."""
        self._asked.append(block)

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

    def answer(self, should_stop: StopCheck, on_altered: OnAltered) -> None:
        """Take out the blocks that were asked for, each in every network that has it.

        Raises:
            UserError: If a block cannot be taken out.
            Stopped: Between two blocks.
        """
        while self._asked:
            block = self._asked.popleft()
            for subject, outputs in zip(self._subjects, self._outputs, strict=True):
                if block in {each.name for each in each_block(subject.blueprint)}:
                    for _place, result in outputs.results([Alteration(block, (block,))], should_stop=should_stop):
                        on_altered(subject.net, result)

    def measure(
        self, question: Question, report: Report, should_stop: StopCheck, on_altered: OnAltered
    ) -> tuple[AnalysisRecord, ...]:
        """All that the settings of ``question`` name, of every network that :meth:`open` has loaded; what is asked for
        meanwhile goes first.

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

            self.answer(should_stop, on_altered)
            for place, result in outputs.results(alterations, progress=progress, should_stop=should_stop):
                last[place] = result
                on_altered(subject.net, result)
                if should_stop():
                    raise Stopped
                self.answer(should_stop, on_altered)
            altered = tuple(last[place] for place in range(len(alterations)))
            found.append(Lesion(subject.net, outputs.error(should_stop), len(self._images), altered))
        return records_of(question, found, self._images, time.monotonic() - started)


def _same(a: Question, b: Question) -> bool:
    """Whether networks and images are the same, whatever is done to them."""
    looked_at: Sequence[tuple[object, ...]] = [
        (each.subjects, each.data, each.part, each.device, each.settings.images, each.settings.seed) for each in (a, b)
    ]
    return looked_at[0] == looked_at[1]
