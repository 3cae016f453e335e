"""Analyses as JSON, tables and CSV."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_studio.cli.output import print_table
from resnet_studio.domain.analyses.records import AnalysisRecord, AnalysisSummary, how_measured
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.analyses.rows import AnalysisRow
from resnet_studio.domain.text_numbers import grouped, moment, true_minus
from resnet_studio.text import _

COLUMNS = ("id", _("analysis"), _("runs"), _("data"), _("images"), _("when"), _("weights"))


def summary_json(summary: AnalysisSummary) -> dict[str, object]:
    """One entry of ``inside stored --json``."""
    return {
        "id": summary.id,
        "analysis": summary.analysis,
        "runs": list(summary.run_ids),
        "definition": summary.definition,
        "settings": summary.settings,
        "data": summary.data or None,
        "data_seed": summary.data_seed,
        "data_sha256": summary.data_sha256 or None,
        "images": summary.images,
        "seed": summary.seed,
        "weights": list(summary.weights),
        "iterations": list(summary.iterations),
        "outdated": list(summary.outdated),
        "created_at": summary.created_at.isoformat(),
        "seconds": round(summary.seconds, 3),
    }


def record_json(record: AnalysisRecord, stored: bool) -> dict[str, object]:
    """One network's object: what was found, then how it was measured. The result's own keys win."""
    return {**record.result.to_json(), "stored": stored, "about": summary_json(record)}


def summary_row(summary: AnalysisSummary, names: dict[str, str]) -> tuple[str, ...]:
    """One line under :data:`COLUMNS`."""
    runs = [
        _("{name}, iteration {iteration}", name=names[run_id], iteration=iteration)
        for run_id, iteration in zip(summary.run_ids, summary.iterations, strict=True)
    ]
    return (
        summary.id[:8],
        summary.analysis,
        " + ".join(runs),
        summary.data,
        grouped(summary.images),
        moment(summary.created_at),
        _("older than the run's") if any(summary.outdated) else "",
    )


def show_records(row: AnalysisRow, found: Sequence[AnalysisRecord]) -> None:
    """On stdout: the finding, one line a network, and how it was measured."""
    show_results(row.result, [record.result for record in found], _(row.definition))
    for caution in row.cautions:
        print(_(caution))
    if measured := how_measured(found):
        print(measured)


def show_results(kind: type[AnalysisResult], results: Sequence[AnalysisResult], definition: str) -> None:
    """On stdout: the finding, one line a network, and what was measured."""
    table = kind.summary(results)
    print(kind.figure(results).title + ".")
    numeric = [
        name
        for place, name in enumerate(table.columns)
        if all(isinstance(line[place], int | float) for line in table.rows)
    ]
    print_table(table.columns, [[_cell(value) for value in line] for line in table.rows], right=numeric)
    print(definition)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return true_minus(f"{value:.4g}")
    return grouped(value) if isinstance(value, int) else str(value)
