"""evaluate and evaluations: one run, several, an ensemble; stored with their protocol; refused in a sentence."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..waiting import HANG_SECONDS
from ..warm_python import WarmProcess
from .conftest import CLASSES, Trained

ROOT = Path(__file__).parents[2]


def runs_of(trained: Trained) -> list[str]:
    return [word for run in trained.ids for word in ("--run", run)]


def test_the_runs_own_test_images_give_its_test_error(trained: Trained, images: Path) -> None:
    for run in trained.runs:
        told = trained.say("evaluate", "--run", run["id"], "--data", f"folder:{images}", "--json").json
        assert {"run", "protocol", "data", "images", "top1_error", "top5_error", "skipped"} <= set(told)
        assert (told["run"], told["protocol"], told["images"]) == (run["id"], "single", 24)
        assert told["top1_error"] == pytest.approx(run["test_error"])
        assert told["top5_error"] == 0
        assert told["stored"] is True
        assert told["weights_sha256"] == [run["weights_sha256"]]
    table = trained.say("evaluate", "--run", run["id"], "--data", f"folder:{images}").out
    for expected in ("top-1 error", "single view", *CLASSES):
        assert expected in table


def test_two_runs_on_the_same_images_are_held_against_each_other(trained: Trained, images: Path) -> None:
    said = trained.say("evaluate", *runs_of(trained), "--data", f"folder:{images}").out
    assert "Of the same 24 test images plain-8 alone gets" in said
    assert "McNemar, exact" in said
    assert "McNemar" not in trained.say("evaluate", *runs_of(trained), "--ensemble", "--data", f"folder:{images}").out


def test_runs_are_evaluated_one_after_another_or_together(trained: Trained, images: Path, tmp_path: Path) -> None:
    words = ("--data", f"folder:{images}", "--protocol", "ten-crop", "--resize", 10, "--json")
    file = tmp_path / "seen.csv"
    each = trained.say("evaluate", *runs_of(trained), *words, "--csv", file).json
    assert [one["run"] for one in each] == trained.ids
    together = trained.say("evaluate", *runs_of(trained), *words, "--ensemble").json
    assert together["run"] is None
    assert together["runs"] == trained.ids
    assert together["member_errors"] == [one["top1_error"] for one in each]
    assert together["gain"] == pytest.approx(min(together["member_errors"]) - together["top1_error"])
    assert sum(map(sum, together["confusion"])) == 24
    assert len(together["per_class_errors"]) == 3
    with file.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 48
    for one in each:
        own = [line for line in lines if line["runs"] == one["run"]]
        assert {line["protocol"] for line in own} == {one["protocol_key"]}
        wrong = sum(line["class"] != line["predicted"] for line in own)
        assert one["top1_error"] == pytest.approx(100 * wrong / 24)
        assert all((images / line["image"]).is_file() for line in own)

    listed = trained.say("evaluations", "--json").json
    assert [one["id"] for one in listed] == [together["id"], each[1]["id"], each[0]["id"]]
    assert {one["protocol_key"] for one in listed} == {"ten-crop resize=10"}
    assert listed[0]["outdated"] == [False, False]
    mine = trained.say("evaluations", "--run", trained.ids[0], "--json").json
    assert [one["id"] for one in mine] == [together["id"], each[0]["id"]]
    table = trained.say("evaluations").out
    assert "10-crop of 10" in table
    assert "plain-8 + ResNet-8" in table
    assert "member 2" in trained.say("evaluate", *runs_of(trained), *words[:-1], "--ensemble").out


def test_several_scales_and_what_they_are_not_read_with(trained: Trained, images: Path) -> None:
    words = ("--run", trained.ids[1], "--data", f"folder:{images}")
    told = trained.say("evaluate", *words, "--protocol", "multi-scale", "--scales", "12,8", "--flip", "--json").json
    assert told["protocol_key"] == "multi-scale scales=8,12 flip"
    for bad, expected in (
        (("--protocol", "ten-times"), "choose single, centre-crop, ten-crop, multi-scale"),
        (("--scales", "8"), "multi-scale"),
        (("--protocol", "multi-scale", "--scales", "8,big"), "whole numbers"),
        (("--protocol", "multi-scale", "--scales", ","), "At least one scale"),
        (("--protocol", "multi-scale", "--resize", "9"), "resize is read only by"),
        (("--protocol", "ten-crop", "--resize", "7"), "cannot hold the crops of 8"),
        (("--ensemble",), "two runs or more"),
    ):
        said = trained.say("evaluate", *words, *bad)
        assert (said.code, said.out) == (2, ""), bad
        assert expected in said.err
        assert len(said.err.splitlines()) == 1
    assert len(trained.say("evaluations", "--json").json) == 1


def test_classify_has_the_same_protocols(trained: Trained, images: Path) -> None:
    file = images / "test" / "red" / "00.png"
    said = trained.say("classify", *runs_of(trained), file, "--protocol", "ten-crop", "--json")
    assert [(one["run"], one["views"], one["of"]) for one in said.json] == [(run, 10, 10) for run in trained.ids]


def test_what_cannot_be_stored_is_shown_all_the_same(trained: Trained, images: Path) -> None:
    with RunStore.open(Home(trained.home)) as store:
        assert store.writable
        said = trained.say("evaluate", "--run", trained.ids[0], "--data", f"folder:{images}", "--json")
    assert said.code == 0
    assert said.json["stored"] is False
    assert "Not stored: The history is in use" in said.err
    assert trained.say("evaluations", "--json").json == []
    assert "No evaluations are stored yet" in trained.say("evaluations").err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_evaluation_that_is_interrupted_stores_nothing(trained: Trained, images: Path) -> None:
    scales = ",".join(map(str, range(300, 320)))  # half a minute of work, a second to its first line
    command = [
        sys.executable, "-m", "resnet_studio", "--home", str(trained.home), "evaluate", "--run", trained.ids[1],
        "--data", f"folder:{images}", "--protocol", "multi-scale", "--scales", scales,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with WarmProcess(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert re.fullmatch(r"evaluating ResNet-8: testing \d+%, .* left\n", line)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130
    assert out == ""
    assert "not stored" in err
    assert trained.say("evaluations", "--json").json == []
