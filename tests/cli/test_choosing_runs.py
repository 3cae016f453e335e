"""Filter, groups, archive, and exports of the command line."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from .conftest import Trained


def test_the_windows_filter_lists(trained: Trained) -> None:
    plain = next(run["id"] for run in trained.runs if run["block"] == "plain")
    for text in ("block:plain", "-block:basic", "name:/^plain/", "depth<=8 kind:plain", "iterations:60 -name:resnet"):
        found = trained.say("runs", "list", "--filter", text, "--json").json
        assert [run["id"] for run in found] == [plain], text
    assert trained.say("runs", "list", "--filter", "depth>8").out == "No runs.\n"
    refused = trained.say("runs", "list", "--filter", "name:/(/")
    assert refused.code == 2
    assert "is not a regular expression" in refused.err


def test_runs_are_archived_and_taken_out_again(trained: Trained) -> None:
    first, second = trained.ids
    assert trained.say("runs", "archive", first).code == 0
    assert [run["id"] for run in trained.say("runs", "list", "--json").json] == [second]
    assert [run["id"] for run in trained.say("runs", "list", "--archived", "--json").json] == [first]
    assert trained.say("runs", "show", first[:8], "--json").json["id"] == first  # it is whole
    assert trained.say("runs", "unarchive", first).code == 0
    assert len(trained.say("runs", "list", "--json").json) == 2


def test_emptying_the_trash_says_what_it_freed(trained: Trained) -> None:
    folder = trained.home / "runs" / trained.ids[0]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size > 10_000
    trained.say("runs", "delete", trained.ids[0])
    said = trained.say("runs", "purge").out
    assert said.startswith("1 deleted run removed for ever, ")
    assert said.strip().endswith("freed")
    assert "0 bytes" not in said


def test_groups_have_mean_deviation_and_interval(trained: Trained) -> None:
    said = trained.say("compare", *trained.ids, "--group", "seed").out
    assert "plain-8" in said
    assert "95% interval of the mean" in said
    grouped = trained.say("compare", *trained.ids, "--group", "depth", "--json").json["grouped"]
    (both,) = grouped
    assert both["group"] == "depth 8"
    errors = [run["test_error"] for run in trained.runs]
    assert both["test_error"]["count"] == 2
    assert both["test_error"]["mean"] == pytest.approx(sum(errors) / 2)
    assert both["test_error"]["low"] <= both["test_error"]["mean"] <= both["test_error"]["high"]
    assert set(both["runs"]) == set(trained.ids)
    assert trained.say("compare", *trained.ids, "--group", "nonsense").code == 2


def test_a_figure_as_in_the_paper(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "figure.svg"
    drawn = trained.say("compare", *trained.ids, "--svg", file, "--as-in-paper")
    assert drawn.code == 0
    root = ElementTree.parse(file).getroot()
    words = ["".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "dashed: training, bold: test" in words
    assert {"0", "5", "10", "15", "20"} <= set(words)
    empty = sum("lie above 20 %" in word for word in words)  # of the two panels
    assert ("lie above 20 %" in drawn.err) == (empty == 2)


def test_event_files_need_a_folder_and_are_written(trained: Trained, tmp_path: Path) -> None:
    assert trained.say("runs", "export", trained.ids[0], "--format", "tensorboard").code == 2
    if importlib.util.find_spec("tensorboard") is None:
        pytest.skip("an extra")
    said = trained.say("runs", "export", *trained.ids, "--format", "tensorboard", "--output", tmp_path / "events")
    assert said.code == 0
    assert len(list((tmp_path / "events").glob("*/events.out.tfevents.*"))) == 2
