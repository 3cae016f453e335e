"""``resnet-studio diff``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnet_studio.cli.main import run
from resnet_studio.domain.documents import to_toml
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

Captured = pytest.CaptureFixture[str]


def test_differences_are_told(capsys: Captured) -> None:
    assert run(["diff", "plain-34", "resnet-34-A"]) == 0
    out = capsys.readouterr().out
    assert "21 623 848" in out
    assert "ResNet-34 A against plain-34: 16 shortcuts added." in out


def test_json_compares_with_the_first(capsys: Captured) -> None:
    assert run(["diff", "resnet-34-A", "resnet-34-B", "resnet-34-C", "--against", "first", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [network["differences"] for network in found["networks"]] == [0, 3, 16]
    assert [network["compared_with"] for network in found["networks"]] == [None, "ResNet-34 A", "ResNet-34 A"]


def test_run_files_and_stored_runs_are_networks_too(capsys: Captured, tmp_path: Path, home: Home) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(to_toml(RunSpec(network=NetworkSpec(depth=32))), encoding="utf-8")
    with RunStore.open(home) as store:
        (stored,) = store.create_cohort(CohortSpec(runs=(RunSpec(name="kept", network=NetworkSpec(depth=26)),)))
    assert run(["--home", str(home.root), "diff", str(file), "kept", stored.id, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [network["depth"] for network in found["networks"]] == [32, 26, 26]
    assert found["networks"][1]["layers"] == {"added": 0, "missing": 6, "changed": 0}
    assert found["networks"][2]["differences"] == 0


def test_figures_are_written(capsys: Captured, tmp_path: Path) -> None:
    svg, png, small = tmp_path / "a.svg", tmp_path / "a.png", tmp_path / "b.png"
    assert run(["diff", "vgg-19", "plain-34", "resnet-34-A", "--svg", str(svg), "--png", str(png)]) == 0
    text = svg.read_text(encoding="utf-8")
    assert "7×7 conv, 64, /2" in text
    assert "ResNet-34 A against plain-34: 16 shortcuts added." in text
    assert png.read_bytes().startswith(b"\x89PNG")
    assert run(["diff", "vgg-19", "resnet-34-A", "--png", str(small), "--scale", "1", "--folded"]) == 0
    assert small.stat().st_size < png.stat().st_size


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plain-34"], "Two or three networks"),
        (["plain-34", "plain-20", "plain-56", "plain-44"], "Two or three networks"),
        (["plain-34", "alexnet"], "'alexnet' is not the name of a network"),
        (["plain-34", "resnet-21"], "choose 20 or 26"),
        (["plain-34", "nowhere.toml"], "There is no run file nowhere.toml"),
        (["plain-34", "resnet-34", "--svg", "x.pdf"], "does not end in .svg"),
        (["plain-34", "resnet-34", "--png", "no/such/folder/x.png"], "cannot be written"),
        (["plain-34", "resnet-34", "--png", "x.png", "--scale", "9"], "A scale of 9"),
        (["plain-1202", "resnet-1202", "--png", "x.png"], "too many"),
    ],
)
def test_what_cannot_be_compared_or_drawn_is_told(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["--home", str(tmp_path / "home"), "diff", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
