"""Runs that differ in their seeds alone: mean and standard deviation of their last errors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.text_numbers import percent
from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class SeedGroup:
    """Finished runs of one specification, seeds and names aside; no two have the same seeds. Errors in percent."""

    runs: tuple[RunRecord, ...]

    @property
    def count(self) -> int:
        return len(self.runs)

    @property
    def last(self) -> tuple[float, ...]:
        """Each run's last test error, where there is one."""
        return _known(run.test_error for run in self.runs)

    @property
    def mean(self) -> float | None:
        """Of the last test errors."""
        return fmean(self.last) if self.last else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation (n - 1) of the last test errors, None below two."""
        return stdev(self.last) if len(self.last) > 1 else None

    @property
    def best(self) -> float | None:
        """The lowest test error of any run at any time; picked on the test set, so never the headline."""
        return min(_known(run.best_test_error for run in self.runs), default=None)

    @property
    def sentence(self) -> str:
        """``last 8.90 ± 0.20 % over 3 seeds (best 8.70 %)``; empty without a test error."""
        if self.mean is None:
            return ""
        best = "" if self.best is None else _(" (best {percent})", percent=percent(self.best))
        if self.deviation is None:
            return _("last {percent}, 1 seed{best}", percent=percent(self.mean), best=best)
        return _(
            "last {mean:.2f} ± {deviation:.2f} % over {last} seeds{best}",
            mean=self.mean,
            deviation=self.deviation,
            last=len(self.last),
            best=best,
        )


def _known(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None and math.isfinite(value))


def same_but_seeds(one: RunRecord, other: RunRecord) -> bool:
    """Whether two specifications are the same, seeds and names aside, and the images too as far as is known."""
    if one.spec.network != other.spec.network or one.spec.data != other.spec.data:
        return False
    seen = {found for run in (one, other) if (found := run.environment.get("data_sha256"))}
    return len(seen) < 2 and one.spec.without_seeds() == other.spec.without_seeds()


def seed_group(run: RunRecord, runs: Iterable[RunRecord]) -> SeedGroup:
    """The finished runs among ``runs`` that are ``run`` with other seeds, and ``run`` itself, whatever its state.

    Of runs with the same seeds, which are the same run twice, one counts. A run that has not finished stands alone.
    """
    if run.status is not RunStatus.FINISHED:
        return SeedGroup((run,))
    found = {run.spec.recipe.seeds: run}
    for other in runs:
        if other.status is RunStatus.FINISHED and other.id != run.id and same_but_seeds(run, other):
            found.setdefault(other.spec.recipe.seeds, other)
    return SeedGroup(tuple(found[seeds] for seeds in sorted(found)))


def seed_groups(runs: Sequence[RunRecord]) -> list[SeedGroup]:
    """Every group of two or more seeds among the finished ``runs``, in the order of their first members."""
    groups, grouped = [], set[str]()
    for run in runs:
        if run.id in grouped or run.status is not RunStatus.FINISHED:
            continue
        grouped |= {other.id for other in runs if other.id == run.id or same_but_seeds(run, other)}
        group = seed_group(run, runs)
        if group.count > 1:
            groups.append(group)
    return groups
