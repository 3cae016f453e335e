"""What stands below a figure in a file, where nothing else says how it came about."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_studio.domain.analyses.records import AnalysisSummary, how_measured
from resnet_studio.domain.analyses.rows import AnalysisRow
from resnet_studio.text import _


def caption(row: AnalysisRow, found: Sequence[AnalysisSummary]) -> str:
    """The definition, what it does not say, and with which images and seed ``found`` was measured; without any, not."""
    return " ".join(filter(None, [_(row.definition), *map(_, row.cautions), how_measured(found) if found else ""]))
