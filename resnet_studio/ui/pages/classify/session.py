"""The work behind the Classify page: what is asked for, what is on its way, what came back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.domain.records import NamedImage, RunRecord
from resnet_studio.text import _
from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.pages.classify.results import ResultsModel
from resnet_studio.ui.pages.classify.work import (
    Demand,
    Found,
    Looked,
    NetworkCache,
    NetworkFailed,
    NetworkReady,
    find,
    look,
)
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Job
from resnet_studio.ui.widgets.protocol_choice import ProtocolChoice

_TRUST = 0.02  # of the work done before a time left is shown


class ClassifySession(QObject):
    """Finds images, then lets every chosen network see every image, in one background job at a time.

    Whatever is still missing when a job ends (images were added, a network was chosen) starts the next one.
    """

    changed = Signal()  # busy or not, progress, refused files
    status_message = Signal(str)  # a sentence worth a line in the status bar
    arrived = Signal(str)  # key of the image to look at: the first new one, else the first that was there already

    def __init__(self, services: Services, model: ResultsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._model = services, model
        self._cache = NetworkCache()
        self._finding: Job | None = None
        self._looking: Job | None = None
        self._waiting: list[Path] = []
        self._halted = False
        self._failed: dict[str, str] = {}  # run id -> sentence: not asked again until chosen anew
        self.iterations: dict[str, int] = {}  # run id -> iteration of the weights in use
        self.refused: list[str] = []  # sentences on files that were refused or could not be read
        self.notices: dict[str, str] = {}  # run id -> sentence on its network
        self.done = self.total = 0
        self._since = self._last = (0.0, 0.0)  # when, and which fraction of the work was over

    @property
    def finding(self) -> bool:
        return self._finding is not None

    @property
    def looking(self) -> bool:
        return self._looking is not None

    @property
    def busy(self) -> bool:
        return self.finding or self.looking

    @property
    def seconds_left(self) -> float | None:
        """Of what is under way, judged by the views seen so far; None as long as too little is over."""
        fraction = self._last[1]
        if not self.looking or fraction - self._since[1] < _TRUST:
            return None
        seconds = self._last[0] - self._since[0]
        return max(0.0, seconds * (1 - fraction) / (fraction - self._since[1]))

    @property
    def halted(self) -> bool:
        """Stopped by the user while something was still missing."""
        return self._halted and not self.busy and bool(self._demands())

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Files and folders; folders are searched at any depth."""
        self._halted = False
        self._waiting += paths
        self._find()

    def add_images(self, images: Sequence[Path | NamedImage]) -> None:
        """Images as they are, files included: no folder is searched."""
        self._halted = False
        known = {row.key: row.source for row in self._model.images if isinstance(row.source, NamedImage)}
        rows = []
        for image in images:
            if isinstance(image, NamedImage):
                image = _unique(image, known)
                known[image.name] = image
            rows.append(ImageRow.of(image))
        self._add(rows)

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        """The chosen networks, in the order of the columns."""
        chosen = {run.id for run in runs}
        if chosen != {run.id for run in self._model.runs}:
            self._halted = False  # another choice asks anew
        gone = self._failed.keys() - chosen
        for run_id in gone:
            del self._failed[run_id]
        self.notices = {run.id: self.notices[run.id] for run in runs if run.id in self.notices}
        self._model.set_runs(runs)
        self.look()

    def set_protocol(self, asked: ProtocolChoice) -> None:
        """Which views of an image the networks see from now on; what is under way under another one is dropped."""
        if asked == self._model.asked:
            return
        self._halted = False
        for run_id in self._failed:
            self.notices.pop(run_id, None)
        self._failed.clear()
        self._model.set_protocol(asked)
        if self._looking is not None:
            self._looking.stop()  # its end starts what is asked for now
        self.look()

    def look(self) -> None:
        """Start on what is missing, unless something is under way: its end comes back here."""
        if self._looking is None and not self._halted:
            demands = self._demands()
            if demands:
                self.done, self.total = 0, sum(demand.looks for demand in demands)
                self._since = self._last = (time.monotonic(), 0.0)
                work = look(
                    self._services.store, demands, self._cache, single_threaded=self._services.controller.training
                )
                self._looking = self._services.jobs.start(
                    work, on_item=self._on_item, on_failed=self._on_failed, on_end=self._on_look_end
                )
        self.changed.emit()

    def look_again(self) -> None:
        """Forget all results and ask again, with the newest weights."""
        self.stop()
        self._halted = False
        self._failed.clear()
        self.notices.clear()
        self._model.forget_results()
        self.look()

    def stop(self) -> None:
        """Answers within a second; what came back so far stays. Nothing happens when nothing is under way."""
        if not self.busy:
            return
        self._halted = True
        self._waiting.clear()
        for job in (self._finding, self._looking):
            if job is not None:
                job.stop()
        self.changed.emit()

    def go_on(self) -> None:
        self._halted = False
        self._failed.clear()
        self.look()

    def clear(self) -> None:
        """Away with images, results and refused files."""
        self.stop()
        self._halted = False
        self.refused.clear()
        self._model.clear()
        self.changed.emit()

    def _add(self, rows: Sequence[ImageRow]) -> None:
        """Each image once; of those that were there already the status bar speaks, for nothing else changes."""
        new = [row for row in rows if self._model.row_of(row.key) is None]
        self._model.add_records(new)
        self.look()
        if rows:
            self.arrived.emit((new or rows)[0].key)
        if rows and not new:
            many = "" if len(rows) == 1 else _(" (and {rows} more)", rows=len(rows) - 1)
            self.status_message.emit(_("Already shown: {name}{many}.", name=rows[0].name, many=many))

    def _demands(self) -> list[Demand]:
        """Images that lack the same networks, together."""
        runs = {run.id: run for run in self._model.runs}
        groups: dict[tuple[str, ...], list[Path | NamedImage]] = {}
        for image in self._model.images:
            missing = tuple(run_id for run_id in self._model.missing(image) if run_id not in self._failed)
            if missing:
                groups.setdefault(missing, []).append(image.source)
        asked = self._model.asked
        return [
            Demand(tuple(runs[run_id] for run_id in missing), tuple(images), asked)
            for missing, images in groups.items()
        ]

    def _find(self) -> None:
        if self._finding is None and self._waiting:
            paths, self._waiting = self._waiting, []
            self._finding = self._services.jobs.start(
                find(paths), on_done=self._on_found, on_failed=self._on_failed, on_end=self._on_find_end
            )
        self.changed.emit()

    def _on_found(self, found: object) -> None:
        if not isinstance(found, Found):
            return
        self._add_refused(found.refused)
        rows = [ImageRow.of(path) for path in found.images]
        if not rows:
            self.status_message.emit(_("No image was found in what you chose."))
        self._add(rows)

    def _on_find_end(self) -> None:
        self._finding = None
        self._find()

    def _on_item(self, item: object) -> None:
        if isinstance(item, Looked):
            self.done, self.total = item.done, item.total
            self._last = (time.monotonic(), item.fraction)
            broken = [result for result in item.results if result.error]
            self._add_refused(result.error for result in broken)
            self._model.remove_images(result.path for result in broken)
            self._model.add_results(result for result in item.results if not result.error)
        elif isinstance(item, NetworkReady):
            self.iterations[item.run_id] = item.iteration
            self._since = (time.monotonic(), self._last[1])  # loading says nothing about looking
            if item.notice:
                self.notices[item.run_id] = item.notice
        elif isinstance(item, NetworkFailed):
            self._failed[item.run_id] = self.notices[item.run_id] = item.sentence
            self.status_message.emit(item.sentence)
        self.changed.emit()

    def _on_failed(self, sentence: str) -> None:
        self._halted = True  # or the same failure would come again and again
        self.status_message.emit(sentence)
        self._add_refused((sentence,))

    def _on_look_end(self) -> None:
        self._looking = None
        self.look()

    def _add_refused(self, sentences: Iterable[str]) -> None:
        self.refused += [sentence for sentence in sentences if sentence not in self.refused]


def _unique(image: NamedImage, known: Mapping[str, NamedImage]) -> NamedImage:
    """Another image of the same name gets a number; the very same image stays the same, pasted later too."""
    same = next((source for source in known.values() if source.content == image.content), None)
    if same is not None:
        return same
    name, number = image.name, 1
    while name in known:
        number += 1
        name = f"{image.name} ({number})"
    return NamedImage(name, image.content)
