"""recipes and train --recipe: the paper's recipes; and what is refused before anything is said."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resnet_studio.domain.presets import FIELD_HELP, PRESETS
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from .conftest import TINY, Said, Trained, draw_folder

At = Callable[..., Said]


def test_recipes_are_listed_with_their_sources(at_home: At) -> None:
    said = at_home("recipes", "--json")
    assert [recipe["key"] for recipe in said.json] == [preset.key for preset in PRESETS]
    imagenet = at_home("recipes", "imagenet", "--json").json
    assert imagenet == said.json[-1]
    assert imagenet["source"] == "section 3.4"
    assert imagenet["fields"]["iterations"] == {"value": 600_000, "paper": FIELD_HELP["iterations"]}
    assert "milestones" not in imagenet["fields"]


def test_recipes_are_shown_to_people(at_home: At) -> None:
    listed, one = at_home("recipes").out, at_home("recipes", "cifar10-110").out
    assert all(preset.key in listed for preset in PRESETS)
    assert "section 3.4" in listed
    assert "32000, 48000" in listed
    assert "below 80 %" in " ".join(one.split())
    assert at_home("recipes", "nonsense").code == 2


def asked(at_home: At, *arguments: object) -> dict[str, Any]:
    said = at_home("train", *arguments, "--dry-run", "--json")
    assert said.code == 0, said.err
    run: dict[str, Any] = said.json["runs"][0]
    return run


def test_a_recipe_is_trained_by_and_options_change_it(at_home: At) -> None:
    recipe = asked(at_home, "--recipe", "cifar10-110", "--depth", 110, "--batch-size", 64, "--seed", 5)["recipe"]
    assert (recipe["warmup_rate"], recipe["momentum_form"], recipe["bn_statistics"]) == (0.01, "authors", "recomputed")
    assert (recipe["batch_size"], recipe["init_seed"], recipe["data_seed"]) == (64, 5, 5)
    cosine = asked(at_home, "--recipe", "cifar10", "--schedule", "cosine")["recipe"]
    assert (cosine["schedule"], cosine["milestones"]) == ("cosine", [])


def test_the_imagenet_recipe_brings_its_family(at_home: At) -> None:
    run = asked(at_home, "--recipe", "imagenet", "--depth", 50, "--shortcut", "B")
    assert (run["network"]["family"], run["network"]["block"], run["network"]["image_size"]) == (
        "imagenet", "bottleneck", 224,
    )  # fmt: skip
    assert (run["recipe"]["schedule"], run["recipe"]["scale_max"], run["recipe"]["colour"]) == ("plateau", 480, "pca")
    assert asked(at_home, "--recipe", "imagenet", "--family", "vgg", "--depth", 19)["network"]["family"] == "vgg"


def test_a_recipe_changes_the_runs_of_a_file(at_home: At, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    at_home("train", *TINY, "--name", "mine", "--label-smoothing", 0.1, "--dry-run", "--save", file)
    run = asked(at_home, file, "--recipe", "cifar10")
    assert (run["name"], run["network"]["depth"], run["recipe"]["label_smoothing"]) == ("mine", 8, 0.0)


def test_an_unknown_recipe_is_refused(at_home: At) -> None:
    said = at_home("train", "--recipe", "cifar100", "--dry-run")
    assert (said.code, said.out) == (2, "")
    assert "choose cifar10, cifar10-110 or imagenet" in said.err


def test_an_ended_run_is_refused_before_anything_is_said(original: Trained) -> None:
    said = original.say("resume", original.ids[0])
    assert (said.code, said.out) == (2, "")
    assert "is finished; only a run that has not ended can go on" in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to another process")
def test_a_signal_while_torch_is_loaded_stops_the_runs(images: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "resnet_studio", "--home", home, "train", *TINY, "--data", f"folder:{images}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Training ")
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped at iteration 0; resume with:" in complaint
    with RunStore.open(Home(home)) as store:
        (run,) = store.list_runs()
    assert (run.status, run.iteration) == ("stopped", 0)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [("train/red", "None of the training images of the class “red”"), ("test/*", "None of the test images")],
)
def test_a_folder_of_unreadable_images_is_refused_before_anything_is_stored(
    at_home: At, tmp_path: Path, broken: str, complaint: str
) -> None:
    folder = draw_folder(tmp_path / "set", train=3, test=1)
    for file in folder.glob(f"{broken}/*.png"):
        file.write_bytes(b"no image")
    said = at_home("train", *TINY, "--data", f"folder:{folder}")
    assert (said.code, said.out) == (2, "")
    assert complaint in said.err
    assert at_home("runs", "list", "--json").json == []
    (folder / "train" / "red" / "00.png").write_bytes((folder / "train" / "dark" / "00.png").read_bytes())
    (folder / "test" / "red" / "00.png").write_bytes((folder / "train" / "dark" / "00.png").read_bytes())
    assert at_home("train", *TINY, "--data", f"folder:{folder}", "--dry-run").code == 0, "one is enough"
