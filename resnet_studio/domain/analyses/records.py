"""Stored analyses: what was measured, of what, when, and how it was defined then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.text_numbers import duration, grouped
from resnet_studio.text import _


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSummary:
    """A stored analysis without its result, for lists.

    Attributes:
        analysis: The key of its row.
        run_ids: The runs it is about, in its order; untrained designs beside them are in the result alone.
        definition: The row's sentence when it was measured.
        settings: The chosen ones, by name.
        data: As the data specification has it; empty where no images were looked at, and so are the next three.
        data_sha256: Over the pixels and labels of the images, in their order.
        images: How many.
        seed: Drew the images, and the weights of untrained designs.
        weights: SHA-256 of each run's weights.
        iterations: Of the checkpoint of each run.
        outdated: For each run, whether it has other weights by now.
        seconds: What it took.
    """

    id: str
    analysis: str
    run_ids: tuple[str, ...]
    definition: str
    settings: dict[str, Any]
    data: str
    data_seed: int
    data_sha256: str
    images: int
    seed: int
    weights: tuple[str, ...]
    iterations: tuple[int, ...]
    created_at: datetime
    seconds: float
    outdated: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalysisRecord(AnalysisSummary):
    """The same with its result."""

    result: AnalysisResult


def how_measured(found: Sequence[AnalysisSummary]) -> str:
    """With which images, which seed, and how long it took; empty where no images were looked at."""
    first = found[0]
    if not first.images:
        return ""
    words = {
        "images": grouped(first.images),
        "data": first.data,
        "seed": first.seed,
        "duration": duration(sum(each.seconds for each in found)),
    }
    if first.settings.get("part") == "training":
        return _("{images} images of {data} (training), seed {seed}; {duration}.", **words)
    return _("{images} images of {data} (test), seed {seed}; {duration}.", **words)
