"""What was found: measured just now, or stored and found again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_studio.domain.analyses.charts import Figure
from resnet_studio.domain.analyses.records import AnalysisRecord, AnalysisSummary
from resnet_studio.domain.analyses.result import AnalysisResult, Table
from resnet_studio.domain.analyses.rows import AnalysisRow
from resnet_studio.domain.text_numbers import counted, moment
from resnet_studio.text import _, _n


@dataclass(frozen=True, eq=False)
class Shown:
    """Results of one analysis, networks side by side; ``records`` is empty while it is under way."""

    row: AnalysisRow
    results: tuple[AnalysisResult, ...]
    records: tuple[AnalysisRecord, ...] = ()

    @property
    def figure(self) -> Figure:
        return self.row.result.figure(self.results)

    @property
    def table(self) -> Table:
        return self.row.result.table(self.results)


def together(found: Sequence[AnalysisSummary], run_ids: Sequence[str]) -> list[list[AnalysisSummary]]:
    """Stored analyses of these runs alone that were measured alike, so that they go into one figure: those of most
    runs first, then the newest; each set of runs once, in the order of ``run_ids``."""
    order = {run_id: place for place, run_id in enumerate(run_ids)}
    groups: dict[str, dict[tuple[tuple[str, int], ...], AnalysisSummary]] = {}
    for each in sorted(found, key=lambda summary: summary.created_at, reverse=True):
        if not set(each.run_ids) <= set(order) or any(each.outdated):
            continue
        alike = json.dumps([each.settings, each.data, each.data_seed, each.data_sha256], sort_keys=True)
        of = tuple(zip(each.run_ids, each.iterations, strict=True))
        groups.setdefault(alike, {}).setdefault(of, each)
    listed = [sorted(group.values(), key=lambda one: order[one.run_ids[0]]) for group in groups.values()]
    return sorted(listed, key=lambda group: (-len({id for one in group for id in one.run_ids}), -_newest(group)))


def _newest(group: Sequence[AnalysisSummary]) -> float:
    return max(one.created_at.timestamp() for one in group)


def title_of(group: Sequence[AnalysisSummary]) -> str:
    """Date, images and seed, in a list to choose from."""
    newest = max(group, key=lambda one: one.created_at)
    runs = len({run_id for one in group for run_id in one.run_ids})
    return _(
        "{moment}, {images}, seed {seed}, {runs}",
        moment=moment(newest.created_at),
        images=counted(newest.images, "image", "images"),
        seed=newest.seed,
        runs=_n("{count} network", "{count} networks", max(runs, 1)),
    )
