"""Where one page may lead to another, without knowing it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_studio.domain.records import RunRecord
    from resnet_studio.domain.specs import CohortSpec, RunSpec
    from resnet_studio.studies.plan import StudyPlan
    from resnet_studio.ui.images.image_row import Source


class Navigator:
    """What pages may ask of the window. This one, for a page without a window, leads nowhere."""

    def design(self, spec: RunSpec | None = None) -> None:
        """Show the Design page, with ``spec`` in its form."""

    def train(self, cohort: CohortSpec) -> None:
        """Train a cohort now, or after what trains, and show it."""

    def demonstrate(self, cohort: CohortSpec) -> None:
        """Show the signal check of a cohort's networks, then train it; where something trains already, just train."""

    def show_training(self) -> None:
        """Show the Train page as it is."""

    def resume(self, run_ids: Sequence[str]) -> None:
        """Train stored runs further, now or after what trains, and show them."""

    def show_runs(self, run_ids: Sequence[str]) -> None:
        """Choose these in the table of all runs."""

    def compare(self, run_ids: Sequence[str]) -> None:
        """Lay these runs side by side."""

    def studies(self, key: str = "") -> None:
        """Show the Studies page, with the study of that key if one is named."""

    def evaluate_study(self, plan: StudyPlan) -> None:
        """Evaluate the nets of a study together where its verdicts lack that; lists reload when it is done."""

    def open_study(self, path: Path) -> None:
        """Show a study's file on the Studies page."""

    def classify(self, run_ids: Sequence[str], images: Sequence[Source] = ()) -> None:
        """Choose these networks on the Classify page, and let them see the images."""

    def look_inside(self, run_ids: Sequence[str] = (), design: RunSpec | None = None, analysis: str = "") -> None:
        """Show the Inside page with these runs, or with the signal check of a design and its counterpart.

        An ``analysis`` that is named by its key is measured at once.
        """

    def check_signal(self) -> None:
        """Show the signal check of the design in the form of the Design page, and of its counterpart."""

    def explain(self, term: str = "") -> None:
        """Open the help at a word of the glossary, by its key; without one at the keys."""

    def import_weights(self, paths: Sequence[Path] = ()) -> None:
        """Ask about each of these files of weights and import it; without files, ask which."""

    def export_weights(self, run: RunRecord) -> None:
        """Ask for a file and write the run's weights to it."""
