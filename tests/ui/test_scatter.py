"""Any field of the ticked runs against any result."""

from __future__ import annotations

import math
from dataclasses import replace as changed
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import find_field
from resnet_studio.domain.scatter import scatter
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.ui.pages.compare.page import ComparePage
from resnet_studio.ui.pages.compare.scatter import ScatterView
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.plots.scatter_export import SUFFIXES, ScatterFigure, export_scatter

from ..waiting import thread_seconds


def record(depth: int, block: str, seed: int, error: float | None) -> RunRecord:
    network = NetworkSpec(depth=depth, block=block)
    return RunRecord(
        id=uuid4().hex, cohort_id="c" * 32, name=network.label, status=RunStatus.FINISHED, reason="",
        spec=RunSpec(network=network, recipe=RecipeSpec(init_seed=seed)), iteration=600, training_error=1.0,
        test_error=error, best_test_error=0.5, parameters=depth * 14_000, multiply_adds=depth * 10**6,
        weights_sha256="ab", created_at=datetime(2026, 1, 1, tzinfo=UTC),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC), seconds=3.0, colour="#0072B2",
    )  # fmt: skip


@pytest.fixture
def runs() -> list[RunRecord]:
    made = [record(d, b, s, d / 10 + s) for s in range(3) for d in (20, 56, 110) for b in ("plain", "basic")]
    return [*made, record(20, "basic", 9, None)]


def test_points_means_and_intervals(runs):
    found = scatter(runs, find_field("depth"), find_field("test_error"))
    assert len(found.runs) == 18
    assert found.left_out == 1
    assert [line.residual for line in found.lines] == [False, True]
    assert found.lines[0].xs == (20.0, 56.0, 110.0)
    assert [mean.mean for mean in found.lines[0].means] == pytest.approx([3.0, 6.6, 12.0])
    assert found.lines[0].means[0].high == pytest.approx(3.0 + 4.302652729911275 / 3**0.5)


def test_words_lie_beside_each_other_without_lines(runs):
    found = scatter(runs, find_field("block"), find_field("test_error"))
    assert found.words == ("basic", "plain")
    assert set(found.xs) == {0.0, 1.0}
    assert found.lines == ()


def test_the_view_draws_says_and_remembers(runs, services, qtbot):
    view = ScatterView(services.preferences, services.theme)
    qtbot.addWidget(view)
    view.resize(800, 500)
    view.show()
    qtbot.waitExposed(view)
    view.set_runs(runs, {})
    assert view.read_out.text().startswith("18 runs; lines join means")
    assert view.read_out.text().endswith("1 has no such value")
    box = view._view.getPlotItem().getViewBox()
    scene = box.mapViewToScene(QPointF(56.0, 5.6))
    place = view.nearest(scene.x(), scene.y())
    assert view.shown.runs[place].spec.network.depth == 56
    view._say(place)
    assert view.read_out.text().endswith("depth 56, test error 5.60 %")
    assert view.nearest(scene.x() + 100, scene.y() + 60) is None
    view.set_fields("parameters", "evaluated_error")
    assert view.shown.left_out == len(runs)
    view.set_fields("parameters", "test_error")
    view.log.click()
    assert view._view.getPlotItem().getAxis("bottom").logMode
    again = ScatterView(services.preferences, services.theme)
    qtbot.addWidget(again)
    assert [field.key for field in again.fields] == ["parameters", "test_error"]
    assert again.log.isChecked()


def test_axes_end_near_what_is_shown_wherever_they_were(runs, services, qtbot):
    view = ScatterView(services.preferences, services.theme)
    qtbot.addWidget(view)
    box = view._view.getPlotItem().getViewBox()
    box.setRange(xRange=(0, 5000), yRange=(0, 5000))  # dots as large as a hundred layers
    view.set_runs(runs, {})  # before it is shown
    (left, right), (low, high) = box.viewRange()
    assert (left, right) == pytest.approx((20 - 0.06 * 90, 110 + 0.06 * 90))
    wanted = scatter(runs, find_field("depth"), find_field("test_error"))
    ends = [end for line in wanted.lines for mean in line.means for end in (mean.low, mean.high)]
    assert low == pytest.approx(min(ends), abs=0.1 * (max(ends) - min(ends)))
    assert high == pytest.approx(max(ends), abs=0.1 * (max(ends) - min(ends)))
    view.log.setChecked(True)
    (left, right), _ = box.viewRange()
    edge = 0.06 * (math.log10(110) - math.log10(20))
    assert (left, right) == pytest.approx((math.log10(20) - edge, math.log10(110) + edge))
    view.log.setChecked(False)
    view.set_runs(runs[:1], {})
    (left, right), (low, high) = box.viewRange()
    assert left < 20 < right
    assert right - left < 3
    assert high - low < 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_shown_is_written(suffix, runs, services, qtbot, tmp_path, monkeypatch):
    page = ComparePage(services, page_row("compare"))
    qtbot.addWidget(page)
    page.scatter.set_runs(runs, {})
    page.scatter.set_fields("parameters", "test_error")
    page.scatter.log.setChecked(True)
    file = tmp_path / f"errors{suffix}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_given: (str(tmp_path / "errors"), ""))
    action = next(a for a in page.scatter.export.menu().actions() if suffix in a.text())
    with qtbot.waitSignal(page.message, timeout=20_000) as said:
        action.trigger()
    assert said.args == [f"Written to {file}"]
    if suffix == ".csv":
        lines = file.read_text().splitlines()
        assert lines[0] == "id,name,kind,network,seed,parameters,test_error"
        assert len(lines) == 19
        assert lines[1].endswith(",plain-20,plain,plain-20,0,280000,2.0")
    elif suffix == ".png":
        image = QImage(str(file))
        assert (image.width(), image.height()) == (2000, 1280)
        colours = {image.pixelColor(x, y).name() for x in range(0, 2000, 3) for y in range(120, 1140, 3)}
        assert "#0072b2" in colours
    else:
        assert file.stat().st_size > 2000


def test_nothing_shown_is_nothing_to_write(services, qtbot, tmp_path):
    view = ScatterView(services.preferences, services.theme)
    qtbot.addWidget(view)
    assert view.figure is None
    empty = ScatterFigure(scatter([], find_field("depth"), find_field("test_error")), *view.fields, log=False)
    with pytest.raises(UserError, match="nothing to export"):
        export_scatter(empty, tmp_path / "a.png")


def test_ten_thousand_runs_are_drawn_quickly(runs, services, qtbot):
    view = ScatterView(services.preferences, services.theme)
    qtbot.addWidget(view)
    view.resize(800, 500)
    view.show()
    many = [changed(run, id=f"{place:032x}") for place, run in enumerate(runs * 527)]
    seconds = thread_seconds(lambda: (view.set_runs(many, {}), view.grab()), 3)
    print(f"{len(many)} runs: {seconds:.3f} s")
    assert len(view.shown.runs) > 9_000
    assert seconds < 1.5  # wanted: 0.3
