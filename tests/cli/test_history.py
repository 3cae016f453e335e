"""runs and compare: the history through the command line."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .conftest import Trained


def test_the_list_is_newest_first_and_filtered(trained: Trained) -> None:
    assert {run["id"] for run in trained.say("runs", "list", "--json").json} == set(trained.ids)
    assert trained.say("runs", "list", "--status", "failed", "--json").json == []
    table = trained.say("runs", "list").out
    for run in trained.runs:
        assert run["id"][:8] in table
        assert run["name"] in table
    assert trained.say("runs", "list", "--status", "failed").out == "No runs.\n"


def test_an_empty_history_says_what_to_do(tmp_path: Path) -> None:
    empty = Trained(tmp_path / "home", [])
    assert "resnet-studio demo" in empty.say("runs", "list").out
    assert empty.say("runs", "list", "--json").json == []


def test_a_run_is_shown_by_prefix_and_by_name(trained: Trained) -> None:
    run = trained.runs[1]
    for text in (run["id"], run["id"][:9], run["name"]):
        shown = trained.say("runs", "show", text, "--json").json
        assert {key: shown[key] for key in run} == run
    assert shown["checkpoints"][0]["weights_sha256"] == run["weights_sha256"]
    told = trained.say("runs", "show", run["id"]).out
    assert run["weights_sha256"] in told
    assert "depth = 8" in told


def test_deleted_runs_come_back(trained: Trained) -> None:
    first, second = trained.ids
    assert trained.say("runs", "delete", first).code == 0
    assert [run["id"] for run in trained.say("runs", "list", "--json").json] == [second]
    assert [run["id"] for run in trained.say("runs", "list", "--deleted", "--json").json] == [first]
    assert trained.say("runs", "restore", first[:8]).code == 0
    assert len(trained.say("runs", "list", "--json").json) == 2
    assert trained.say("runs", "restore", first).code == 2


def test_purged_runs_are_gone_with_their_files(trained: Trained) -> None:
    first, second = trained.ids
    trained.say("runs", "delete", first)
    assert trained.say("runs", "purge", "--older-than", 1).out.startswith("0 deleted runs")
    assert trained.say("runs", "purge").out.startswith("1 deleted run ")
    assert trained.say("runs", "restore", first).code == 2
    assert not (trained.home / "runs" / first).exists()
    assert (trained.home / "runs" / second).exists()


def test_curves_are_exported_as_csv_and_json(trained: Trained, tmp_path: Path) -> None:
    text = trained.say("runs", "export", *trained.ids).out
    rows = list(csv.DictReader(io.StringIO(text)))
    training = [row for row in rows if row["run"] == trained.ids[0] and row["series"] == "training_error"]
    assert [int(row["iteration"]) for row in training] == list(range(1, 61))
    told = trained.say("runs", "export", trained.ids[0], "--json").json[0]
    assert told["run"]["id"] == trained.ids[0]
    values = [float(row["value"]) for row in training]
    assert told["curves"]["training_error"]["values"] == pytest.approx(values, rel=1e-6)
    file = tmp_path / "curves.csv"
    assert trained.say("runs", "export", *trained.ids, "--output", file).out == ""
    assert file.read_text() == text
    trained.say("runs", "export", trained.ids[0], "--json", "--output", tmp_path / "curves.json")
    assert json.loads((tmp_path / "curves.json").read_text())[0] == told


def test_a_comparison_tells_differences_and_the_gap(trained: Trained) -> None:
    plain, residual = trained.ids
    told = trained.say("compare", plain, residual, "--json").json
    assert told["baseline"] == plain
    assert [run["id"] for run in told["runs"]] == [plain, residual]
    assert {row["field"]: row["values"] for row in told["differences"]} == {
        "network.block": {plain: "plain", residual: "basic"},
        "network.shortcut": {plain: "none", residual: "A"},
    }
    gap = trained.runs[1]["train_error"] - trained.runs[0]["train_error"]
    assert told["deltas"][residual]["training_error"] == pytest.approx(gap)
    assert told["twins"][0]["training"] == pytest.approx(-gap)
    table = trained.say("compare", plain, residual).out
    assert "training error" in table
    assert told["twins"][0]["sentence"] in table


def test_a_comparison_is_written_as_csv_and_as_figures(trained: Trained, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("csv", "svg", "png")}
    table = tmp_path / "table.csv"
    said = trained.say(
        "compare", *trained.ids, "--csv", files["csv"], "--svg", files["svg"], "--png", files["png"], "--table", table
    )
    assert (said.code, said.err) == (0, "")
    assert files["csv"].read_text() == trained.say("runs", "export", *trained.ids).out
    assert ET.parse(files["svg"]).getroot().tag.endswith("svg")
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert [row["run"] for row in csv.DictReader(io.StringIO(table.read_text()))] == trained.ids


def test_a_comparison_needs_two_runs(trained: Trained) -> None:
    said = trained.say("compare", trained.ids[0], trained.ids[0][:8])
    assert (said.code, said.out) == (2, "")
    wrong = trained.say("compare", *trained.ids, "--svg", "figure.txt")
    assert (wrong.code, wrong.err) == (2, "figure.txt does not end in .svg; choose figure.svg.\n")
