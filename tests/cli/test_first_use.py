"""classify, evaluate, data, network, study and doctor on real parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio import __version__
from resnet_studio.cli.check import State
from resnet_studio.cli.check_installation import bad_qt, run_checks
from resnet_studio.cli.first_check import BARS, bars
from resnet_studio.domain.data_sets import DATA_SETS, DataSetRow
from resnet_studio.domain.specs import RunSpec, replace
from resnet_studio.domain.text_numbers import download_size
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.studies import single_cohorts

from ..databases import database_of
from .conftest import CLASSES, Said, Trained

At = Callable[..., Said]


def test_images_are_classified_by_each_run(trained: Trained, images: Path, tmp_path: Path) -> None:
    folder = images / "test" / "red"
    (tmp_path / "broken.png").write_bytes(b"no image")
    runs = [word for run in trained.ids for word in ("--run", run)]
    said = trained.say("classify", *runs, folder, tmp_path / "broken.png", "--json", "--top", 2)
    assert (said.code, said.err) == (0, "")
    *seen, broken = said.json
    assert broken["path"] == str(tmp_path / "broken.png")
    assert set(broken) == {"path", "error"}
    files = sorted(map(str, folder.iterdir()))
    assert [(one["path"], one["run"]) for one in seen] == [(file, run) for file in files for run in trained.ids]
    for one in seen:
        first, second = one["predictions"]
        assert {first["label"], second["label"]} <= set(CLASSES)
        assert 1 >= first["probability"] >= second["probability"] >= 0
    table = trained.say("classify", "--run", trained.ids[1], folder / "00.png")
    assert table.code == 0
    assert "00.png" in table.out
    assert "%" in table.out


@pytest.mark.parametrize("name", ["nothing.png", "notes.txt"])
def test_what_is_no_image_is_named(trained: Trained, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("text")
    said = trained.say("classify", "--run", trained.ids[0], tmp_path / name, "--json")
    assert said.code == 2
    assert [set(one) for one in said.json] == [{"path", "error"}]
    assert len(said.err.splitlines()) == 1


def test_data_is_described(at_home: At, images: Path) -> None:
    told = at_home("data", "show", f"folder:{images}", "--json").json
    assert (told["classes"], told["training_images"], told["test_images"]) == (list(CLASSES), 72, 24)
    builtin = at_home("data", "show", "builtin", "--json").json
    assert len(builtin["classes"]) == 10
    assert builtin["training_images"] >= 10_000
    assert (builtin["present"], builtin["download_bytes"], builtin["md5"]) == (True, 0, {})


@pytest.mark.parametrize("row", DATA_SETS, ids=lambda row: row.key)
def test_every_data_set_is_described(at_home: At, row: DataSetRow) -> None:
    told = at_home("data", "show", row.key, "--json").json
    assert (told["title"], told["classes"]) == (row.title, list(row.class_names))
    assert (told["image_size"], told["channels"]) == (row.image_size, row.channels)
    assert (told["training_images"], told["test_images"]) == (row.training_images, row.test_images)
    assert (told["download_bytes"], told["present"]) == (row.download_bytes, not row.downloads)
    assert row.key in told["path"]
    text = at_home("data", "show", row.key).out
    assert row.title in text
    assert ("download " in text) == bool(row.downloads)
    assert at_home("data", "list", "--json").json[DATA_SETS.index(row)] == told


def test_data_sets_are_listed(at_home: At) -> None:
    said = at_home("data", "list")
    assert (said.code, said.err) == (0, "")
    for row in DATA_SETS:
        line = next(line for line in said.out.splitlines() if f" {row.key} " in line)
        assert row.title in line
        assert (download_size(row.download_bytes) in line) == bool(row.downloads)


def test_a_network_is_shown_with_the_papers_row(at_home: At) -> None:
    told = at_home("network", "--depth", 56, "--block", "basic", "--shortcut", "A", "--json").json
    assert told["parameters"] == 853_018
    assert told["multiply_adds"] == pytest.approx(125.5e6, rel=1e-3)
    assert sum(layer["parameters"] for layer in told["layers"]) == 853_018
    table = at_home("network", "--depth", 56).out
    assert "853 018" in table
    assert "6.97" in table
    assert at_home("network", "--block", "plain", "--json").json["name"] == "plain-20"


def test_the_doctor_looks_at_everything(trained: Trained) -> None:
    said = trained.say("doctor", "--json")
    names = {check["name"]: check for check in said.json["checks"]}
    assert {"resnet-studio", "python", "torch", "Qt", "home", "history", "free disk", "display"} <= set(names)
    assert said.json["healthy"] == (said.code == 0)
    assert "2 runs" in names["history"]["value"]
    assert names["resnet-studio"]["value"] == __version__


def test_the_doctor_finds_a_damaged_history(home: Home) -> None:
    database_of(home).write_bytes(b"no database at all" * 100)
    (history,) = (check for check in run_checks(home) if check.name == "history")
    assert history.state is State.WRONG
    assert history.advice


def test_the_doctor_notices_a_second_program(home: Home, tiny_run: RunSpec) -> None:
    with RunStore.open(home) as store:
        assert store.writable
        (history,) = (check for check in run_checks(home) if check.name == "history")
    assert history.state is State.NOTE
    assert "in use" in history.advice


@pytest.mark.parametrize(
    ("pyside", "python", "bad"), [("6.12.0", (3, 11), True), ("6.12.0", (3, 12), False), ("6.11.3", (3, 11), False)]
)
def test_the_pair_that_aborts_is_known(pyside: str, python: tuple[int, int], bad: bool) -> None:
    assert bad_qt(pyside, python) is bad


@pytest.mark.slow
def test_the_demo_answers_its_question(at_home: At, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of the real one, with shallower nets and fewer iterations."""
    recipe = replace(single_cohorts.DEMO, iterations=60, batch_size=8, test_every=60)
    for name, number in (("SHALLOW", 8), ("DEEP", 14), ("DEMO", recipe)):
        monkeypatch.setattr(single_cohorts, name, number)
    said = at_home("demo", "--headless", "--quick", "--seed", 2, "--json")
    assert (said.code, said.err) == (0, "")
    told = said.json
    assert [one["network"] for one in told["signal"]] == ["plain-8", "ResNet-8", "plain-14", "ResNet-14"]
    assert {(one["init_seed"], one["growth"] > 0) for one in told["signal"]} == {(2, True)}
    assert [run["name"] for run in told["runs"]] == ["plain-8", "ResNet-8", "plain-14", "ResNet-14"]
    assert {(run["status"], run["iterations"], run["seed"]) for run in told["runs"]} == {("finished", 6, 2)}
    assert [(verdict["higher"], verdict["lower"]) for verdict in told["verdicts"]] == [
        ("plain-14", "plain-8"),
        ("ResNet-8", "ResNet-14"),
        ("plain-14", "ResNet-14"),
    ]
    assert {verdict["outcome"] for verdict in told["verdicts"]} == {"not-enough"}
    listed = at_home("runs", "list", "--study", "degradation", "--json").json
    assert {run["id"] for run in listed} == {run["id"] for run in told["runs"]}
    in_words = at_home("demo", "--headless", "--quick", "--seed", 3)
    assert in_words.code == 0
    next_steps = ("study run degradation-long", "inside signal --design plain-14 --design resnet-14")
    for expected in ("plain-14", "with one seed", "3 give a verdict", "runs list", "compare", *next_steps):
        assert expected in in_words.out
    before, _training, after = in_words.out.partition("Training plain-8")
    assert "From the last block to the first the gradient grows" in before
    assert any(bar in before for bar in BARS)
    assert ("To break it, train longer first" in after) is not ("inside lesion --run" in after)


def test_a_picture_of_letters_has_one_scale() -> None:
    assert bars([[1e-2, 1e2], [1.0], [0.0, math.nan]]) == ["▁█", "▅", "  "]
    assert bars([]) == []
