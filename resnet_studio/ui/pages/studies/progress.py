"""How far the chosen study is: runs that are done, what trains, and what waits."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QProgressBar, QWidget

from resnet_studio.domain.queue import QueueEntry
from resnet_studio.studies.stored import StoredStudy
from resnet_studio.text import _, _n
from resnet_studio.ui.pages.studies.answers import text_label
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column


class StudyProgress(QWidget):
    """A sentence, and a bar while something is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.label = text_label("", "study_progress_label", role="muted")
        self.bar = named(QProgressBar(textVisible=False), "study_progress", accessible=_("Progress of the study"))
        self.bar.setRange(0, 1000)
        in_column(self.label, self.bar, of=self, margins=0, spacing=8)

    def show_looking(self, looking: bool) -> None:
        """Nothing is known of the study yet."""
        self.label.setText(_("Looking…") if looking else "")
        self.bar.hide()

    def show_found(self, found: StoredStudy, entries: Sequence[QueueEntry]) -> None:
        """``entries``: those of the study in the queue that have not ended."""
        parts = [_n("{done} of {count} run is done", "{done} of {count} runs are done", found.all, done=found.done)]
        training = [entry for entry in entries if entry.claimed]
        parts += [
            _("training: iteration {iteration} of {iterations}", iteration=each.iteration, iterations=each.iterations)
            for each in training
        ]
        if waiting := len(entries) - len(training):
            parts.append(_n("{count} cohort waits in the queue", "{count} cohorts wait in the queue", waiting))
        if found.lacking:
            parts.append(
                _n("{count} evaluation of all nets together is still to come",
                   "{count} evaluations of all nets together are still to come", len(found.lacking))
            )  # fmt: skip
        self.label.setText("  ·  ".join(parts))
        begun = [run for entry in entries for run in entry.runs if run.resumable or run.status.active]
        share = found.done + sum(min(run.iteration / run.iterations, 1.0) for run in begun)
        self.bar.setValue(min(1000, int(1000 * share / max(found.all, 1))))
        self.bar.setVisible(bool(entries) or 0 < found.done < found.all)
