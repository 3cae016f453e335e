"""inside lesion, construct and paths: break a net, build the paper's deeper one and train on from it, count paths."""

from __future__ import annotations

from math import comb
from pathlib import Path

import pytest

from resnet_studio.domain.errors import StoreError

from .conftest import Trained


def of_kind(trained: Trained, residual: bool) -> dict[str, object]:
    return next(run for run in trained.runs if run["name"].startswith("ResNet") is residual)


def test_a_lesion_of_nothing_is_the_stored_test_error(trained: Trained, images: Path) -> None:
    words = [word for run in trained.ids for word in ("--run", run)]
    found = trained.say("inside", "lesion", *words, "--data", f"folder:{images}", "--json").json
    assert [one["run"] for one in found] == trained.ids
    for one, run in zip(found, trained.runs, strict=True):
        assert (one["images"], one["stored"]) == (24, True)
        assert one["error"] == pytest.approx(run["test_error"], abs=1e-5)  # stored as float32
        assert [block["name"] for block in one["blocks"]] == ["stage1.block1", "stage2.block1", "stage3.block1"]
        for block in one["blocks"]:
            assert 0 <= block["low"] <= block["error"] <= block["high"] <= 100
            assert block["images"] == block["of"] == 24


def test_chosen_blocks_go_together_and_an_unknown_one_is_named(trained: Trained, images: Path) -> None:
    words = ("inside", "lesion", "--run", trained.ids[0], "--data", f"folder:{images}")
    both = "stage1.block1,stage3.block1"
    (found,) = trained.say(*words, "--blocks", both, "--together", "--json").json
    (block,) = found["blocks"]
    assert block["deleted"] == both.split(",")
    refused = trained.say(*words, "--blocks", "stage1.block9", "--json")
    assert refused.code == 2
    assert "stage1.block9" in refused.err
    text = trained.say(*words).out
    assert "median" in text
    assert "interval" in text


def test_the_deeper_net_says_the_same_and_can_be_trained_on(trained: Trained, images: Path) -> None:
    plain = of_kind(trained, residual=False)
    data = ("--data", f"folder:{images}")
    (built,) = trained.say("inside", "construct", "--run", plain["id"], "--depth", 14, "--json").json
    assert (built["run"], built["difference"], built["changed"], built["deeper"]) == (plain["id"], 0.0, 0, "plain-14")
    assert [block["distance"] for block in built["added"]] == [0.0, 0.0, 0.0]
    new = built["new_run"]
    (again,) = trained.say("inside", "show", trained.say("inside", "stored", "--json").json[0]["id"], "--json").json
    assert again["new_run"] == new
    errors = [trained.say("evaluate", "--run", run, *data, "--json").json["top1_error"] for run in (plain["id"], new)]
    assert errors[0] == errors[1]
    record = trained.say("runs", "show", new, "--json").json
    assert record["name"] == f"{plain['name']} as plain-14"
    shown = " ".join(trained.say("runs", "show", new).out.split())
    assert f"none; built from run {plain['id']} at iteration 60" in shown
    options = ("--iterations", 3, "--batch-size", 8, "--test-every", 3, "--milestones", "", "--json")
    on = trained.say("train", "--start-from", new, *data, *options).json
    (lesion,) = trained.say("inside", "lesion", "--run", on["id"], *data, "--json").json
    assert len(lesion["blocks"]) == 6


def test_the_same_construction_is_one_run(trained: Trained) -> None:
    plain = of_kind(trained, residual=False)

    def built(*words: object) -> str:
        (found,) = trained.say("inside", "construct", "--run", plain["id"], *words, "--json").json
        assert found["stored"]
        return str(found["new_run"])

    first = built("--depth", 14)
    assert built("--depth", 14) == first
    others = {built("--depth", 20), built("--depth", 14, "--images", 20), built("--depth", 14, "--seed", 1)}
    assert len({first, *others}) == 4
    trained.say("runs", "delete", first)
    assert built("--depth", 14) not in {first, *others}


def test_a_deeper_net_that_cannot_be_stored_is_a_failure(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_words: object, **_more: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr("resnet_studio.runner.keep_constructed.keep_constructed", full)
    plain = of_kind(trained, residual=False)
    said = trained.say("inside", "construct", "--run", plain["id"], "--depth", 14, "--json")
    (found,) = said.json
    assert (said.code, found["stored"], found["new_run"]) == (2, False, None)
    assert "The deeper net is not stored: The disk is full." in " ".join(said.err.split())
    assert trained.say("inside", "stored", "--json").json == []


def test_what_cannot_be_built_is_a_sentence(trained: Trained) -> None:
    residual = of_kind(trained, residual=True)
    refused = trained.say("inside", "construct", "--run", residual["id"], "--depth", 14)
    assert refused.code == 2
    assert "choose a plain net" in refused.err


def test_paths_need_no_run(trained: Trained, images: Path, tmp_path: Path) -> None:
    file, drawing = tmp_path / "paths.csv", tmp_path / "paths.svg"
    plain, residual = trained.say(
        "inside", "paths", "--design", "plain-14", "--design", "resnet-14", "--data", f"folder:{images}",
        "--images", 4, "--paths", 1, "--csv", file, "--svg", drawing, "--json",
    ).json  # fmt: skip
    assert [(each["blocks"], each["paths"], each["share"]) for each in plain["lengths"]] == [(6, 1, 1.0)]
    assert {each["blocks"]: each["paths"] for each in residual["lengths"]} == {k: comb(6, k) for k in range(7)}
    assert sum(each["share"] for each in residual["lengths"]) == pytest.approx(1.0)
    assert len(file.read_text(encoding="utf-8").splitlines()) == 1 + 1 + 7
    assert drawing.read_text(encoding="utf-8").lstrip().startswith("<?xml")
