"""What was found: measured just now, or stored and found again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_studio.domain.analyses.charts import Figure
from resnet_studio.domain.analyses.records import AnalysisRecord, AnalysisSummary
from resnet_studio.domain.analyses.result import AnalysisResult, Table
from resnet_studio.domain.analyses.rows import AnalysisRow, find_analysis
from resnet_studio.domain.analyses.settings import EVERY, NEWEST
from resnet_studio.domain.text_numbers import counted, moment
from resnet_studio.text import _
from resnet_studio.ui.analyses.subjects import Chosen


@dataclass(frozen=True, eq=False)
class Shown:
    """Results of one analysis, networks side by side; ``records`` is empty while it is under way."""

    row: AnalysisRow
    results: tuple[AnalysisResult, ...]
    records: tuple[AnalysisRecord, ...] = ()

    @classmethod
    def of(cls, row: AnalysisRow, records: Sequence[AnalysisRecord]) -> Shown:
        """Of finished records, parts of one whole together."""
        return cls(row, row.result.merged([record.result for record in records]), tuple(records))

    @property
    def figure(self) -> Figure:
        return self.row.result.figure(self.results)

    @property
    def table(self) -> Table:
        return self.row.result.table(self.results)


def together(found: Sequence[AnalysisSummary], chosen: Chosen) -> list[list[AnalysisSummary]]:
    """Stored analyses of the chosen runs, checkpoints and images alone that go into one figure.

    They were measured alike. Those of most runs come first, then the newest; each set of networks once, in the order of
    the runs.
    """
    order = {run.id: place for place, run in enumerate(chosen.runs)}
    groups: dict[str, dict[str, AnalysisSummary]] = {}
    for each in sorted(found, key=lambda summary: summary.created_at, reverse=True):
        if not set(each.run_ids) <= set(order) or not _chosen(each, chosen):
            continue
        row = find_analysis(each.analysis)
        parts = {name: value for name, value in each.settings.items() if name in row.parts}
        same = {name: value for name, value in each.settings.items() if name not in row.parts}
        alike = json.dumps([same, each.data, each.data_seed, each.data_sha256], sort_keys=True)
        of = json.dumps([each.run_ids, each.iterations, parts], sort_keys=True)
        groups.setdefault(alike, {}).setdefault(of, each)
    listed = [
        sorted(group.values(), key=lambda one: (order[one.run_ids[0]], one.iterations, one.created_at))
        for group in groups.values()
    ]
    return sorted(listed, key=lambda group: (-len({id for one in group for id in one.run_ids}), -_newest(group)))


def _chosen(summary: AnalysisSummary, chosen: Chosen) -> bool:
    """Whether it is about the chosen checkpoints and part of the images."""
    part = summary.settings.get("part")
    if not find_analysis(summary.analysis).builds and part is not None and (part == "training") != chosen.training:
        return False
    if chosen.checkpoints == NEWEST:
        return not any(summary.outdated)
    return chosen.checkpoints == EVERY or set(summary.iterations) == {int(chosen.checkpoints)}


def _newest(group: Sequence[AnalysisSummary]) -> float:
    return max(one.created_at.timestamp() for one in group)


def title_of(group: Sequence[AnalysisSummary]) -> str:
    """Date, images, seed and networks, in a list to choose from."""
    newest = max(group, key=lambda one: one.created_at)
    runs = len({run_id for one in group for run_id in one.run_ids})
    records = [one for one in group if isinstance(one, AnalysisRecord)]  # summaries know runs alone
    designs = len({net for one in records for net in one.result.nets if not net.trained})
    counts = [
        counted(runs, "run", "runs") if runs else "",
        counted(designs, "untrained design", "untrained designs") if designs else "",
    ]
    return _(
        "{moment}, {images}, seed {seed}, {networks}",
        moment=moment(newest.created_at),
        images=counted(newest.images, "image", "images"),
        seed=newest.seed,
        networks=", ".join(filter(None, counts)),
    )
