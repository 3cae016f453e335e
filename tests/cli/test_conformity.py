"""conformity, and what runs show, runs export and compare say of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from resnet_studio.domain.documents import cohort_from_toml

from .conftest import TINY, Said, Trained

At = Callable[..., Said]


def test_a_stored_run_is_held_against_the_paper(trained: Trained) -> None:
    told = trained.say("conformity", trained.ids[1], "--json").json
    assert (told["id"], told["yardstick"]) == (trained.ids[1], "CIFAR-10, section 4.2")
    checks = {check["key"]: check for check in told["checks"]}
    assert (checks["batch_size"]["state"], checks["batch_size"]["run"]) == ("differs", "16 images")
    assert checks["iterations"]["run"] == "60 iterations"
    assert checks["precision"]["run"] == "float32"
    assert checks["data"]["state"] == "differs"
    assert told["paper"] == []
    assert told["result"]["seeds"] == 1
    shown = trained.say("conformity", trained.ids[1]).out
    assert told["summary"] in shown
    assert "✓ conforms" in shown
    assert "≠ differs" in shown
    only = trained.say("conformity", trained.ids[1], "--differences").out
    assert "✓ conforms" not in only
    assert "16 images" in only


def test_a_run_file_is_held_against_the_paper_before_it_trains(at_home: At, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    assert at_home("train", "--depth", 20, "--batch-size", 64, "--dry-run", "--save", file).code == 0
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Held against CIFAR-10, section 4.2.\n")
    assert "# Batch: 64 images (paper: 128 images)" in text
    assert cohort_from_toml(text).runs[0].recipe.batch_size == 64
    told = at_home("conformity", file, "--json").json
    assert told["paper"][0]["top1"] == 8.75
    assert told["result"] is None
    assert {c["state"] for c in told["checks"] if c["key"] in ("batch_size", "data")} == {"differs"}
    missing = at_home("conformity", tmp_path / "none.toml")
    assert missing.code == 2
    assert "There is no run file" in missing.err


def test_runs_show_and_exports_tell_it(trained: Trained, tmp_path: Path) -> None:
    shown = trained.say("runs", "show", trained.ids[0], "--json").json["conformity"]
    alone, _ = trained.say("conformity", *trained.ids, "--json").json
    assert shown == {key: value for key, value in alone.items() if key not in ("id", "name")}
    text = trained.say("runs", "show", trained.ids[0]).out
    assert shown["summary"] in text
    assert "the last one (best" in text
    assert trained.say("runs", "export", trained.ids[0], "--json").json[0]["conformity"] == shown
    rows = list(csv.DictReader(io.StringIO(trained.say("runs", "export", *trained.ids, "--conformity").out)))
    assert {row["run"] for row in rows} == set(trained.ids)
    assert len(rows) == 2 * len(shown["checks"])
    refused = trained.say("runs", "export", *trained.ids, "--conformity", "--json")
    assert (refused.code, refused.out) == (2, "")


def test_a_comparison_leads_with_last_errors_and_means(trained: Trained, tmp_path: Path) -> None:
    spec = tmp_path / "again.toml"
    data = trained.runs[1]["data"]
    arguments = (*TINY, "--data", data, "--iterations", 60, "--test-every", 30)
    again = trained.say("train", *arguments, "--seed", 4, "--json", "--save", spec).json
    told = trained.say("compare", trained.ids[1], again["id"], "--json").json
    (group,) = told["groups"]
    assert set(group["runs"]) == {trained.ids[1], again["id"]}
    errors = [trained.runs[1]["test_error"], again["test_error"]]
    assert abs(group["mean_test_error"] - sum(errors) / 2) < 1e-9
    assert set(told["conformity"]) == set(group["runs"])
    table = trained.say("compare", trained.ids[1], again["id"]).out
    assert table.index("test error, last") < table.index("(best test error)")
    assert "over 2 seeds" in table
    assert "over 2 seeds" in trained.say("runs", "show", again["id"]).out
    file, svg, png = (tmp_path / name for name in ("table.csv", "figure.svg", "figure.png"))
    trained.say("compare", trained.ids[1], again["id"], "--table", file, "--svg", svg, "--png", png)
    summary = told["conformity"][again["id"]]["summary"]
    assert summary in "".join(ElementTree.parse(svg).getroot().itertext())
    with Image.open(png) as image:
        assert summary in image.info["Description"]
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert {row["seeds"] for row in rows} == {"2"}
    assert all(row["conformity"].startswith("Conforms in ") for row in rows)
    assert float(rows[0]["mean_test_error"]) == group["mean_test_error"]
