"""Rows, results and what measures them belong together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resnet_studio.analysis.registry import MEASURES, each
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.analyses.rows import ANALYSES, find_analysis
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.domain.errors import Stopped, UserError


def test_each_row_is_measured_by_a_module_of_its_name() -> None:
    assert set(MEASURES) == {row.key for row in ANALYSES}
    for row in ANALYSES:
        assert find_analysis(row.key) is row
        assert issubclass(row.result, AnalysisResult)
        assert issubclass(row.settings, AnalysisSettings)
        assert row.definition.endswith(".")
    assert len({row.key for row in ANALYSES}) == len({row.title for row in ANALYSES}) == len(ANALYSES)
    with pytest.raises(UserError, match="no analysis 'dream'"):
        find_analysis("dream")


def test_progress_is_of_all_networks_together(subject: Callable[..., Subject], images: DrawnImages) -> None:
    told: list[tuple[int, int]] = []

    def measure(subject: Subject, *words: object) -> SignalCheck:
        progress = words[2]
        progress(1, 4)  # type: ignore[operator]
        progress(4, 4)  # type: ignore[operator]
        return SignalCheck(subject.net, (), (), *(None,) * 2, 0.0)  # type: ignore[arg-type]

    look = each(measure)
    two = [subject(), subject("plain-8")]
    found = look(two, images, AnalysisSettings(), lambda done, total: told.append((done, total)), lambda: False)
    assert [one.net for one in found] == [one.net for one in two]
    assert told == [(1, 8), (4, 8), (5, 8), (8, 8)]
    with pytest.raises(Stopped):
        look(two, images, AnalysisSettings(), lambda done, total: None, lambda: True)


@pytest.mark.parametrize("row", ANALYSES, ids=lambda row: row.key)
def test_tables_and_figures_hold_every_network(
    subject: Callable[..., Subject], images: DrawnImages, row: object
) -> None:
    if row.trained:  # type: ignore[attr-defined]
        pytest.skip("needs trained weights")
    settings = row.settings(images=40)  # type: ignore[attr-defined]
    subjects = [subject("plain-8"), subject("resnet-8")]
    found = MEASURES[row.key](subjects, images, settings, lambda done, total: None, lambda: False)  # type: ignore[attr-defined]
    kind = row.result  # type: ignore[attr-defined]
    for table in (kind.table(found), kind.summary(found)):
        assert all(len(line) == len(table.columns) for line in table.rows)
        assert {line[0] for line in table.rows} == {one.net.label for one in found}
    figure = kind.figure(found)
    assert all(one.net.title in figure.title for one in found)
    assert figure.panels
