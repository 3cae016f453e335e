"""inside: one command an analysis, of runs and designs; JSON, CSV and figures; what is stored and shown again."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from resnet_studio.domain.analyses.rows import ANALYSES, AnalysisRow

from ..warm_python import WarmProcess
from .conftest import Trained

ROOT = Path(__file__).parents[2]
DESIGNS = ("--design", "cifar-plain-8", "--design", "resnet-8")


def runs_of(trained: Trained) -> list[str]:
    return [word for run in trained.ids for word in ("--run", run)]


def test_every_analysis_is_a_command_with_its_definition(trained: Trained) -> None:
    listed = trained.say("inside", "list", "--json").json
    assert [row["key"] for row in listed] == [row.key for row in ANALYSES]
    table = trained.say("inside", "list").out
    for row in ANALYSES:
        assert row.key in table
        said = trained.say("inside", row.key, "--help")
        assert said.code == 0
        text = " ".join(re.sub(r"[│╭╮╰╯─]", " ", said.out).split())
        assert row.definition[:40] in text
        assert "--run" in text
        assert ("--design" in text) is not row.trained


def test_signal_of_runs_and_designs(trained: Trained, images: Path, tmp_path: Path) -> None:
    found = trained.say("inside", "signal", *runs_of(trained), *DESIGNS, "--images", 12, "--seed", 2, "--json").json
    assert [one["network"] for one in found] == ["plain-8", "ResNet-8", "cifar-plain-8", "resnet-8"]
    assert [one["run"] for one in found] == [*trained.ids, None, None]
    assert [one["iteration"] for one in found] == [60, 60, 0, 0]
    assert [one["stored"] for one in found] == [True, True, False, False]
    for one in found:
        assert len(one["gains"]) == len(one["norms"]) == 3
        assert one["growth"] == pytest.approx(one["norms"][0] / one["norms"][-1])
        about = one["about"]
        assert (about["data"], about["images"], about["seed"]) == (f"folder:{images}", 12, 2)
        assert about["definition"] == ANALYSES[0].definition
    assert [one["init_seed"] for one in found] == [None, None, 2, 2]
    again = trained.say(
        "inside", "signal", *DESIGNS, "--data", f"folder:{images}", "--images", 12, "--seed", 2, "--json"
    )
    assert [one["norms"] for one in again.json] == [one["norms"] for one in found[2:]]


def test_shapes_of_shattered_and_responses(trained: Trained, images: Path) -> None:
    words = (*runs_of(trained), "--json")
    for one in trained.say("inside", "shattered", *words, "--lines", 2, "--images", 8).json:
        assert list(one["cosine"]) == ["1", "2", "4"]
        assert all(-1 <= value <= 1 for value in one["cosine"].values())
        assert [len(trace) for trace in one["traces"]] == [48, 48]
        assert [block["name"] for block in one["blocks"]] == [f"stage{stage}.block1" for stage in (1, 2, 3)]
        assert [block["layers"] for block in one["blocks"]] == [1, 3, 5]
        assert all(-1 <= value <= 1 for block in one["blocks"] for value in block["cosine"].values())
        assert one["about"]["settings"] == {"images": 8, "seed": 0, "lines": 2, "part": "test"}
    for one in trained.say("inside", "responses", *words, "--training").json:
        assert {"name", "std"} <= set(one["layers"][0])
        assert len(one["layers"]) == 7
        assert len(one["ratios"]) == 3
        assert (one["about"]["images"], one["about"]["settings"]["part"]) == (72, "training")  # all there are


def test_maps_of_a_twin(trained: Trained, tmp_path: Path) -> None:
    """Class activation maps need trained runs; the others of this kind take designs too, and say what they do not."""
    png, svg, table = tmp_path / "cam.png", tmp_path / "cam.svg", tmp_path / "cam.csv"
    words = ("--images", 4, "--png", png, "--svg", svg, "--csv", table, "--json")
    found = trained.say("inside", "cam", *runs_of(trained), *words).json
    assert [one["network"] for one in found] == ["plain-8", "ResNet-8"]
    for one in found:
        assert one["stored"]
        assert len(one["images"]) == 4
        assert len(one["randomised"]) == 5
    with Image.open(png) as picture:
        assert picture.width > 1000
    assert svg.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    with table.open(newline="", encoding="utf-8") as file:
        assert {row["network"] for row in csv.DictReader(file)} == {"plain-8", "ResNet-8"}
    assert "rank correlation" in trained.say("inside", "show", found[0]["about"]["id"]).out
    pairs = trained.say("inside", "similarity", *runs_of(trained), "--images", 8, "--batch", 4, "--json").json
    assert [one["other"]["network"] for one in pairs] == ["plain-8", "ResNet-8", "ResNet-8"]
    assert pairs[2]["about"]["runs"] == list(trained.ids)
    surface = trained.say("inside", "surface", *DESIGNS, "--side", 5, "--line", "--images", 8)
    assert "below that of guessing" in surface.out
    sharp = trained.say("inside", "sharpness", "--run", trained.ids[1], "--images", 8, "--tolerance", 0.3)
    assert "Compare networks by the relative sharpness" in " ".join(sharp.out.split())


def test_every_kept_checkpoint(trained: Trained) -> None:
    run = trained.ids[0]
    found = trained.say("inside", "signal", "--run", run, "--iteration", "all", "--images", 8, "--json").json
    iterations = [one["iteration"] for one in found]
    assert iterations == sorted(set(iterations))
    assert iterations[-1] == 60
    last = trained.say("inside", "signal", "--run", run, "--iteration", 60, "--images", 8, "--json").json
    assert last[0]["norms"] == found[-1]["norms"]
    refused = trained.say("inside", "signal", "--run", run, "--iteration", 59)
    assert refused.code == 2
    assert "no checkpoint at iteration 59" in refused.err


def test_files_and_what_is_stored(trained: Trained, tmp_path: Path) -> None:
    png, svg, table = tmp_path / "a.png", tmp_path / "a.svg", tmp_path / "a.csv"
    said = trained.say(
        "inside", "responses", *runs_of(trained), "--csv", table, "--png", png, "--svg", svg, "--images", 16
    )
    assert said.code == 0
    assert "Median response of a 3x3 layer" in said.out
    assert ANALYSES[2].definition in " ".join(said.out.split())
    with Image.open(png) as image:
        assert image.width > 1000
        assert len(image.convert("RGB").resize((60, 40)).getcolors(2400) or ()) > 20
    assert "ResNet-8, iteration 60" in svg.read_text("utf-8")
    with table.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 2 * (7 + 3)
    assert {line["network"] for line in lines} == {"plain-8", "ResNet-8"}

    trained.say("inside", "signal", "--run", trained.ids[1], "--images", 8)
    listed = trained.say("inside", "stored", "--json").json
    assert [one["analysis"] for one in listed] == ["signal", "responses", "responses"]
    assert trained.say("inside", "stored", "--run", trained.ids[0], "--json").json == [listed[2]]
    assert "ResNet-8, iteration 60" in trained.say("inside", "stored").out
    first, second = listed[2]["id"], listed[1]["id"]
    shown = trained.say("inside", "show", first[:8], second, "--json", "--csv", tmp_path / "b.csv").json
    assert [one["run"] for one in shown] == trained.ids
    assert (tmp_path / "b.csv").read_text("utf-8") == table.read_text("utf-8")
    assert "Median response" in trained.say("inside", "show", first).out
    assert trained.say("inside", "show", first, listed[0]["id"]).code == 2
    assert "no analysis" in trained.say("inside", "show", "feed").err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "name a run or a design"),
        (("--design", "plain-57"), "There is no plain-57: "),
        (("--design", "resnet-8", "--images", "1"), "--images"),
        (("--run", "nobody"), "nobody"),
        (("--design", "resnet-8", "--data", "folder:/nowhere"), "nowhere"),
        (("--design", "resnet-8", "--png", "a.gif"), ".png"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    trained: Trained, images: Path, words: tuple[str, ...], sentence: str
) -> None:
    data = () if "--data" in words else ("--data", f"folder:{images}")
    said = trained.say("inside", "signal", *words, *data)
    assert said.code == 2
    assert sentence in said.err
    assert said.out == ""
    assert trained.say("inside", "stored", "--json").json == []


@pytest.mark.parametrize("row", [row for row in ANALYSES if row.trained], ids=lambda row: row.key)
def test_a_design_where_trained_weights_are_needed_is_a_sentence(trained: Trained, row: AnalysisRow) -> None:
    said = trained.say("inside", row.key, "--design", "resnet-8")
    assert said.code == 2
    assert f"{row.key} looks at trained runs; use --run." in " ".join(said.err.split())
    assert "--design" not in trained.say("inside", row.key, "--help").out


def test_flags_take_no_value(trained: Trained) -> None:
    """Their help is that of any other flag: no value, no default."""
    for key, flag in (("lesion", "together"), ("surface", "line"), ("sharpness", "relative")):
        shown = re.sub(r"[│╭╮╰╯─]", " ", trained.say("inside", key, "--help").out)
        (line,) = [line for line in shown.splitlines() if f"--{flag} " in line]
        assert "TEXT" not in line
        assert "Default: False" not in " ".join(shown.split())


def test_designs_need_no_history(images: Path, at_home) -> None:
    said = at_home("inside", "signal", "--design", "resnet-8", "--data", f"folder:{images}", "--images", 8)
    assert said.code == 0
    assert "times in resnet-8" in said.out


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or sys.platform == "win32", reason="sends a signal")
def test_a_signal_stops_it_within_a_second_or_two(trained: Trained, images: Path) -> None:
    # many times the work that comes before the first line of progress
    words = [
        "--home", str(trained.home), "inside", "shattered", "--design", "resnet-110", "--data", f"folder:{images}",
        "--images", "24", "--lines", "12",
    ]  # fmt: skip
    command = [sys.executable, "-m", "resnet_studio", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with WarmProcess(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        try:
            assert child.stderr is not None
            assert "Shattered gradients" in child.stderr.readline()
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 130
    assert "Stopped" in err
    assert out == ""


def test_gradients_are_those_that_training_measured(trained: Trained, tmp_path: Path) -> None:
    names = {ending: tmp_path / f"found.{ending}" for ending in ("csv", "png", "svg")}
    files = [word for ending, file in names.items() for word in (f"--{ending}", file)]
    found = trained.say("inside", "gradients", *runs_of(trained), *files, "--json").json
    assert [one["run"] for one in found] == list(trained.ids)
    for one in found:
        assert one["iterations"] == [1, 26, 51]
        assert len(one["layers"]) == one["depth"] == 8
        assert (one["layers"][0], one["layers"][-1]) == ("stem.conv", "head.fc")
        for key in ("norms", "ratios"):
            assert [len(row) for row in one[key]] == [8, 8, 8]
            assert all(value > 0 for row in one[key] for value in row)
    rows = list(csv.DictReader(names["csv"].read_text("utf-8").splitlines()))
    assert len(rows) == 2 * 3 * 8
    assert float(rows[9]["gradient norm"]) == found[0]["norms"][1][1]
    with Image.open(names["png"]) as image:
        assert image.size[0] > 1000
    assert "ResNet-8" in names["svg"].read_text("utf-8")
    text = trained.say("inside", "gradients", *runs_of(trained)).out
    assert "From the last convolution to the first" in text


def test_runs_that_measured_no_layers_are_refused_by_name(trained: Trained) -> None:
    done = ("--depth", 8, "--iterations", 4, "--batch-size", 16, "--test-every", 4, "--layers-every", 0)
    assert trained.say("train", *done, "--name", "bare", "--json").code == 0
    said = trained.say("inside", "gradients", "--run", "bare")
    assert said.code == 2
    assert "bare" in said.err
    assert "no gradients by layer" in " ".join(said.err.split())


def test_what_was_found_is_kept_where_a_file_cannot_be_written(trained: Trained, images: Path, tmp_path: Path) -> None:
    before = len(trained.say("inside", "stored", "--json").json)
    said = trained.say("inside", "signal", "--run", trained.ids[0], "--data", f"folder:{images}",
                       "--csv", tmp_path / "nowhere" / "x.csv")  # fmt: skip
    assert said.code == 2
    assert "cannot be written" in said.err
    assert len(trained.say("inside", "stored", "--json").json) == before + 1
