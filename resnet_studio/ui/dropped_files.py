"""What comes in by hand, by where it goes: weights to their import, studies to Studies, all else to Classify."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.studies.study_file import is_study_name
from resnet_studio.ui.weights.import_weights import are_weights


@dataclass(frozen=True, slots=True)
class SortedFiles:
    """Files by their names; ``others`` are images, folders, and what is no image and will be named."""

    weights: tuple[Path, ...]
    studies: tuple[Path, ...]
    others: tuple[Path, ...]


def sort_files(paths: Iterable[Path]) -> SortedFiles:
    """In the order given."""
    paths = tuple(paths)
    weights = tuple(path for path in paths if are_weights(path))
    studies = tuple(path for path in paths if path not in weights and is_study_name(path.name))
    return SortedFiles(weights, studies, tuple(path for path in paths if path not in (*weights, *studies)))
