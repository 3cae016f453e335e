"""What is known of the cohort on the Train page: stored records, and what events said since. No Qt here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.events import (
    CheckpointDropped,
    CheckpointSaved,
    CohortStarted,
    CurvesCut,
    CurvesGrew,
    Event,
    NoticeGiven,
    PhaseChanged,
    ProgressMade,
    StatusChanged,
)
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.models import formats

_ENDED_BADLY = (RunStatus.DIVERGED, RunStatus.FAILED)


@dataclass
class CohortState:
    """Runs in cohort order. ``iteration`` and ``seconds`` are the cohort's; statuses and reasons each run's own.

    ``seconds`` is the sum over the members, who train by turns; it is what ``ProgressMade`` tells too.
    """

    runs: tuple[RunRecord, ...] = ()
    phase: Phase | None = None
    detail: str = ""
    fraction: float | None = None
    iteration: int = 0
    iterations: int = 0
    seconds: float = 0.0
    rate: float | None = None
    seconds_left: float | None = None
    notices: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, runs: Sequence[RunRecord]) -> CohortState:
        """As the history has it."""
        return cls(
            runs=tuple(runs),
            iteration=max((run.iteration for run in runs), default=0),
            iterations=max((run.iterations for run in runs), default=0),
            seconds=sum(run.seconds for run in runs),
        )

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.runs)

    @property
    def active(self) -> bool:
        return any(run.status.active for run in self.runs)

    def concerns(self, run_ids: Iterable[str]) -> bool:
        return not set(self.run_ids).isdisjoint(run_ids)

    def update_runs(self, runs: Iterable[RunRecord]) -> None:
        """Newer records of some of the runs: renamed, measured further, or ended."""
        newer = {run.id: run for run in runs}
        self.runs = tuple(newer.get(run.id, run) for run in self.runs)
        if not self.active:
            self.phase, self.detail, self.fraction, self.rate, self.seconds_left = None, "", None, None, None

    def apply(self, event: Event) -> bool:
        """Take in what happened; whether it concerns this cohort."""
        if isinstance(event, CurvesGrew):
            return self.concerns(chunk.run_id for chunk in event.chunks)
        if isinstance(event, StatusChanged | CheckpointSaved | CheckpointDropped | CurvesCut):
            if not self.concerns((event.run_id,)):
                return False
            if isinstance(event, StatusChanged):
                self._apply_status(event)
            return True
        if not self.concerns(event.run_ids):
            return False
        if isinstance(event, CohortStarted):
            self.iteration, self.iterations = event.iteration, event.iterations
        elif isinstance(event, PhaseChanged):
            self.phase, self.detail, self.fraction = event.phase, event.detail, event.fraction
        elif isinstance(event, ProgressMade):
            self.iteration, self.iterations, self.seconds = event.iteration, event.iterations, event.seconds
            self.rate, self.seconds_left = event.iterations_per_second, event.seconds_left
        elif isinstance(event, NoticeGiven):
            self.notices = [notice for notice in self.notices if notice != event.sentence] + [event.sentence]
        return True

    def _apply_status(self, event: StatusChanged) -> None:
        known = next(run for run in self.runs if run.id == event.run_id)
        iteration = known.iteration if event.iteration is None else event.iteration
        self.update_runs([replace(known, status=event.status, reason=event.reason, iteration=iteration)])

    @property
    def title(self) -> str:
        """Names of the runs, or how many there are."""
        names = [run.name for run in self.runs]
        return (
            " + ".join(names)
            if len(names) <= 4
            else _("{names} and {names_2} others", names=names[0], names_2=len(names) - 1)
        )

    @property
    def headline(self) -> str:
        """What the cohort is doing, in a few words."""
        if self.phase is not None:
            share = f" {self.fraction:.0%}" if self.fraction is not None else ""
            detail = f": {self.detail}" if self.detail else ""
            return f"{_(self.phase.value).capitalize()}{share}{detail}"
        if not self.runs:
            return ""
        kinds = {run.status for run in self.runs}
        if len(kinds) == 1:
            return str(kinds.pop()).capitalize()
        return ", ".join(
            f"{sum(run.status is kind for run in self.runs)} {kind}" for kind in RunStatus if kind in kinds
        ).capitalize()

    @property
    def facts(self) -> str:
        """Iteration, rate and time left, as far as they are known."""
        parts = [_("iteration {progress}", progress=formats.progress(self.iteration, self.iterations))]
        if self.rate:
            parts.append(_("{rate:.3g} it/s", rate=self.rate))
        if self.seconds >= 1:
            parts.append(_("{duration} trained", duration=formats.duration(self.seconds)))
        if self.seconds_left is not None:
            parts.append(_("{duration} left", duration=formats.duration(self.seconds_left)))
        return "  ·  ".join(parts)

    @property
    def trouble(self) -> str:
        """One sentence for each run that diverged, failed or was interrupted; empty if all is well."""
        found: dict[str, list[str]] = {}
        for run in self.runs:
            if run.status in _ENDED_BADLY or (run.status is RunStatus.INTERRUPTED and run.reason):
                text = run.reason or _(
                    "It has {status} at iteration {count}.", status=run.status, count=formats.count(run.iteration)
                )
                found.setdefault(text, []).append(run.name)
        return "\n".join(f"{', '.join(names)}: {text}" for text, names in found.items())
