"""Figures and CSV files: valid, the right size, and readable back."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace as with_fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_studio.domain.comparison import (
    Quantity,
    comparison_csv,
    comparison_rows,
    deltas,
    display_names,
    summary_csv,
    twin_gaps,
)
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.grouping import ALL_BUT_SEEDS
from resnet_studio.domain.records import Curve
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui.plots.curve_data import XAxis
from resnet_studio.ui.plots.export import FigureStyle, export_figure
from resnet_studio.ui.plots.panels import PANELS, PlotOptions, grouped_runs

ERRORS = (Series.TRAINING_ERROR, Series.TEST_ERROR)


@pytest.fixture
def compared(home: Home, tiny_twin: CohortSpec):
    """A stored twin with curves of 600 iterations, one value not a number."""
    with RunStore.open(home) as store:
        runs = store.create_cohort(tiny_twin)
        chunks = []
        for run, level in zip(runs, (60.0, 40.0), strict=True):
            values = np.full(600, level, np.float32) + np.arange(600, dtype=np.float32) / 7
            values[10] = np.nan
            chunks.append(CurveChunk(run.id, Series.TRAINING_ERROR, 1, values))
            chunks.append(CurveChunk(run.id, Series.TEST_ERROR, 100, values[99::100] + 2, 100))
            chunks.append(CurveChunk(run.id, Series.SECONDS, 1, np.arange(600, dtype=np.float32)))
        store.append_chunks(chunks)
        runs = [store.get(run.id) for run in runs]
        yield runs, store.curves([run.id for run in runs], list(Series))


@pytest.mark.parametrize("options", [PlotOptions(), PlotOptions(log=True, window=1), PlotOptions(XAxis.TIME)])
def test_figures_are_valid_files(compared, tmp_path: Path, options, qapp):
    runs, curves = compared
    with Image.open(export_figure(curves, runs, tmp_path / "figure.png", options)) as image:
        assert image.size == (2000, 1280)
        colours = {colour for _, colour in image.convert("RGB").getcolors(1_000_000)}
        wanted = tuple(int(runs[0].colour[i : i + 2], 16) for i in (1, 3, 5))
        assert any(sum(abs(a - b) for a, b in zip(colour, wanted, strict=True)) < 30 for colour in colours)
    root = ElementTree.parse(export_figure(curves, runs, tmp_path / "figure.SVG", options)).getroot()
    assert root.tag.endswith("svg")
    assert root.get("viewBox") == "0 0 1000 640"
    words = " ".join(root.itertext())
    assert all(run.name in words for run in runs)
    assert sum(element.tag.endswith("polyline") for element in root.iter()) >= 4


def test_runs_without_points_and_other_panels_can_be_drawn(compared, tmp_path: Path, qapp):
    runs, curves = compared
    assert export_figure({}, runs, tmp_path / "empty.png").stat().st_size > 1000
    for panel in PANELS:
        root = ElementTree.parse(export_figure(curves, runs, tmp_path / "panel.svg", panel=panel)).getroot()
        assert panel.axis_title in " ".join(root.itertext())


def test_a_million_points_are_thinned_in_the_file(compared, tmp_path: Path, qapp):
    runs, curves = compared
    long = np.random.default_rng(0).normal(50, 10, 1_000_000).astype(np.float32)
    key = (runs[0].id, Series.TRAINING_ERROR)
    curves[key] = with_fields(curves[key], iterations=np.arange(1, 1_000_001), values=long)
    assert export_figure(curves, runs, tmp_path / "long.svg").stat().st_size < 500_000


def test_figures_refuse_what_they_cannot_do(compared, tmp_path: Path, qapp):
    runs, curves = compared
    with pytest.raises(UserError, match=r"\.png, \.svg or \.pdf"):
        export_figure(curves, runs, tmp_path / "figure.jpg")
    with pytest.raises(UserError, match="no runs"):
        export_figure(curves, [], tmp_path / "figure.png")
    with pytest.raises(UserError, match="cannot be written"):
        export_figure(curves, runs, tmp_path / "missing" / "figure.png")


def test_figures_need_no_display(compared, tmp_path: Path):
    """A process with neither an application nor a display, as the command line is on a server."""
    runs, _ = compared
    code = (
        "import sys; from pathlib import Path; from resnet_studio.platform.home import Home;"
        "from resnet_studio.history.store import RunStore; from resnet_studio.ui.plots.export import export_figure;"
        "store = RunStore.open(Home(Path(sys.argv[1])), writer=False); runs = store.list_runs();"
        "from resnet_studio.domain.series import Series; curves = store.curves([r.id for r in runs], list(Series));"
        "export_figure(curves, runs, Path(sys.argv[2])); assert 'torch' not in sys.modules"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    target = tmp_path / "headless.png"
    command = [sys.executable, "-c", code, str(tmp_path / "home"), str(target)]
    subprocess.run(command, env=environment, check=True, timeout=60, cwd=Path(__file__).parents[2])
    with Image.open(target) as image:
        assert image.size == (2000, 1280)
    assert len(runs) == 2


def test_csv_reads_back_equal(compared):
    runs, curves = compared
    chosen = {key: curve for key, curve in curves.items() if key[1] in ERRORS}
    rows = list(csv.DictReader(io.StringIO(comparison_csv(runs, chosen))))
    for (run_id, series), curve in chosen.items():
        mine = [row for row in rows if (row["run"], row["series"]) == (run_id, series)]
        assert [int(row["iteration"]) for row in mine] == curve.iterations.tolist()
        np.testing.assert_array_equal(np.array([row["value"] for row in mine], dtype=np.float32), curve.values)


def test_only_differing_fields_are_listed(compared):
    runs, _ = compared
    assert [row.field for row in comparison_rows(runs)] == ["network.block", "network.shortcut"]
    assert [row.values for row in comparison_rows(runs)] == [("plain", "basic"), ("none", "A")]
    assert [row.title for row in comparison_rows(runs)] == ["Block", "Shortcut"]
    assert comparison_rows(runs[:1]) == []
    other = with_fields(
        runs[0],
        spec=replace(runs[0].spec, recipe=replace(runs[0].spec.recipe, learning_rate=0.2, milestones=())),
        environment={"device": "cuda", "data_sha256": "a" * 64},
    )
    rows = {row.field: row.values for row in comparison_rows([runs[0], other])}
    assert rows == {"recipe.learning_rate": ("0.05", "0.2"), "recipe.milestones": ("8", "none")}
    third = with_fields(other, environment={"device": "cpu", "data_sha256": "b" * 64})
    rows = {row.field: row.values for row in comparison_rows([runs[0], other, third])}
    assert rows["environment.device"] == ("–", "cuda", "cpu")
    assert rows["environment.data_sha256"] == ("–", "a" * 12, "b" * 12)


def test_deltas_and_twins(compared):
    runs, _ = compared
    plain, residual = runs
    apart = deltas(runs, residual)
    assert apart[residual.id][Quantity.TEST_ERROR] == 0
    assert apart[plain.id][Quantity.TEST_ERROR] == pytest.approx(20)
    assert deltas([with_fields(plain, test_error=None)], residual)[plain.id][Quantity.TEST_ERROR] is None
    [gap] = twin_gaps(runs)
    assert gap.depth == 8
    assert "20.0 percentage points above its twin ResNet-8's" in gap.sentence
    assert twin_gaps([plain, with_fields(residual, cohort_id="another")]) == []
    [unmeasured] = twin_gaps(
        [with_fields(run, training_error=None, test_error=None) for run in runs],
    )
    assert "without errors yet" in unmeasured.sentence


def test_summary_has_one_line_a_run(compared):
    runs, _ = compared
    rows = list(csv.DictReader(io.StringIO(summary_csv(runs, runs[1]))))
    assert [row["name"] for row in rows] == [run.name for run in runs]
    assert float(rows[0]["test_error_delta"]) == pytest.approx(20)
    assert rows[0]["network.block"] == "plain"


def test_equal_names_are_told_apart(compared):
    runs, _ = compared
    same = [runs[0], with_fields(runs[1], name=runs[0].name)]
    assert len(set(display_names(same).values())) == 2
    assert display_names(runs)[runs[0].id] == runs[0].name
    reseeded = replace(runs[0].spec, recipe=replace(runs[0].spec.recipe, init_seed=3))
    seeds = display_names([runs[0], with_fields(same[1], spec=reseeded)])
    assert list(seeds.values()) == ["plain-8 · seed 0", "plain-8 · seed 3"]


def test_summary_has_no_float32_noise(compared):
    runs, _ = compared
    noisy = with_fields(runs[0], test_error=float(np.float32(89.458336)))
    [row] = csv.DictReader(io.StringIO(summary_csv([noisy])))
    assert row["test_error"] == "89.458336"
    assert float(np.float32(row["test_error"])) == noisy.test_error
    assert row["parameters"] == str(noisy.parameters)


def test_runs_at_different_iterations_are_compared_where_both_have_been(compared):
    plain, residual = (with_fields(run, iteration=count) for run, count in zip(compared[0], (100, 60), strict=True))
    iterations = np.arange(1, 101)
    curves = {
        (plain.id, Series.TRAINING_ERROR): Curve(
            plain.id, Series.TRAINING_ERROR, iterations, np.where(iterations <= 60, 70, 5).astype(np.float32)
        ),
        (residual.id, Series.TRAINING_ERROR): Curve(
            residual.id, Series.TRAINING_ERROR, iterations[:60], np.full(60, residual.training_error, np.float32)
        ),
    }
    wanted = pytest.approx(70 - residual.training_error, abs=1e-4)
    assert deltas([plain], residual, curves)[plain.id][Quantity.TRAINING_ERROR] == wanted
    [gap] = twin_gaps([plain, residual], curves)
    assert gap.training == wanted
    assert "at iteration 60, the last that both have reached" in gap.sentence


@pytest.mark.parametrize("count", [2, 12])
def test_the_legend_of_a_figure_lies_above_the_plot_area(compared, tmp_path: Path, qapp, count):
    runs, curves = compared
    many = [with_fields(runs[i % 2], id=f"run{i}", name=f"a run with a longer name {i}") for i in range(count)]
    copied = {
        (run.id, series): with_fields(curve, run_id=run.id)
        for i, run in enumerate(many)
        for (run_id, series), curve in curves.items()
        if run_id == runs[i % 2].id
    }
    root = ElementTree.parse(export_figure(copied, many, tmp_path / "figure.svg")).getroot()
    words = [element for element in root.iter() if element.tag.endswith("text")]
    names = [float(text.get("y")) for text in words if "longer name" in "".join(text.itertext())]
    lines = [element.get("points").split() for element in root.iter() if element.tag.endswith("polyline")]
    heights = [float(point.split(",")[1]) for line in lines if len(line) > 2 for point in line]  # curves alone
    assert len(names) == count
    assert heights
    assert max(names) < min(heights)


def _texts(path: Path) -> list[str]:
    root = ElementTree.parse(path).getroot()
    return ["".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_as_in_the_paper_has_the_axes_and_lines_of_figure_6(compared, tmp_path: Path, qapp):
    runs, curves = compared
    own = export_figure(curves, runs, tmp_path / "own.svg")
    paper = export_figure(curves, runs, tmp_path / "paper.svg", style=FigureStyle.PAPER)
    words = _texts(paper)
    assert {"0", "5", "10", "15", "20"} <= set(words)
    assert "dashed: training, bold: test" in words
    assert {run.name for run in runs} <= set(words)  # Figure 6 names its nets
    assert "bold: test, thin: training" in _texts(own)


def test_long_runs_of_the_paper_count_ten_thousands(compared, tmp_path: Path, qapp):
    runs, _curves = compared
    long = np.arange(1, 64_001)
    curves = {
        (run.id, Series.TRAINING_ERROR): Curve(run.id, Series.TRAINING_ERROR, long, np.full(64_000, 8.0, np.float32))
        for run in runs
    }
    words = _texts(export_figure(curves, runs, tmp_path / "paper.svg", style=FigureStyle.PAPER))
    assert "iter. (1e4)" in words
    assert {"2", "4", "6"} <= set(words)


@pytest.mark.parametrize(("error", "said"), [(60.0, True), (8.0, False)])
def test_errors_above_the_papers_axis_are_no_empty_picture_without_a_word(
    compared, tmp_path: Path, qapp, error: float, said: bool
):
    runs, _curves = compared
    curves = {
        (run.id, series): Curve(run.id, series, np.arange(1, 9), np.full(8, error, np.float32))
        for run in runs
        for series in (Series.TRAINING_ERROR, Series.TEST_ERROR)
    }
    words = " ".join(_texts(export_figure(curves, runs, tmp_path / "paper.svg", style=FigureStyle.PAPER)))
    assert ("lie above 20 %" in words) == said


def test_groups_are_exported_as_mean_and_band(compared, tmp_path: Path, qapp):
    runs, curves = compared
    seeds = [runs[0], with_fields(runs[0], id="f" * 32, name="again")]
    copied = {
        (seed.id, series): Curve(seed.id, series, curves[runs[0].id, series].iterations, values + shift)
        for shift, seed in enumerate(seeds)
        for series in (Series.TRAINING_ERROR, Series.TEST_ERROR)
        if len(values := curves[runs[0].id, series].values)
    }
    spec = seeds[1].spec
    seeds[1] = with_fields(
        seeds[1], spec=spec.model_copy(update={"recipe": spec.recipe.with_seeds(7, 7)}), status=RunStatus.FINISHED
    )
    seeds[0] = with_fields(seeds[0], status=RunStatus.FINISHED)
    plotted = grouped_runs(seeds, ALL_BUT_SEEDS)
    assert [len(run.members) for run in plotted] == [2]
    words = _texts(export_figure(copied, seeds, tmp_path / "groups.svg", plotted=plotted))
    assert plotted[0].name in words
    assert "band: one standard deviation of the runs" in words
    svg = (tmp_path / "groups.svg").read_text()
    assert 'fill-opacity="0.1' in svg  # the band


def test_as_in_the_paper_plain_and_residual_nets_have_a_panel_each(compared, tmp_path: Path, qapp):
    runs, curves = compared
    assert {run.residual for run in runs} == {False, True}
    both = _texts(export_figure(curves, runs, tmp_path / "both.svg", style=FigureStyle.PAPER))
    alone = [run for run in runs if run.residual]
    one = _texts(export_figure(curves, alone, tmp_path / "one.svg", style=FigureStyle.PAPER))
    assert both.count("20") >= 2 * one.count("20") > 0  # an axis each: nets of one depth have one colour
    assert both.count("dashed: training, bold: test") == 2
    assert one.count("dashed: training, bold: test") == 1
