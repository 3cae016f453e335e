"""``weights import``, ``weights export`` and ``train --start-from`` as people call them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.residual import build

from .conftest import CLASSES, Said, Trained

AtHome = Callable[..., Said]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A plain-PyTorch style file of ResNet-8 B for three classes."""
    spec = NetworkSpec(depth=8, width=4, image_size=8, classes=3, shortcut="B")
    file = tmp_path / "theirs.th"
    names = {f"module.{name}": tensor for name, tensor in build(blueprint(spec), 2).state_dict().items()}
    torch.save({"state_dict": names, "epoch": 9}, file)
    return file


@pytest.fixture
def class_file(tmp_path: Path) -> Path:
    file = tmp_path / "classes.txt"
    file.write_text("\n".join(CLASSES), encoding="utf-8")
    return file


def test_a_file_becomes_a_run_that_lists_shows_and_evaluates(
    at_home: AtHome, checkpoint: Path, class_file: Path, images: Path
) -> None:
    said = at_home(
        "weights", "import", checkpoint, "--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25", "--classes", class_file,
        "--image-size", 8, "--name", "theirs", "--json",
    )  # fmt: skip
    assert (said.code, said.err) == (0, "")
    run = said.json
    assert (run["name"], run["status"]) == ("theirs", "imported")
    unknown = ("data", "seed", "iteration", "iterations", "seconds")
    assert [run[name] for name in unknown] == [None] * len(unknown)
    assert (run["spec"]["recipe"], run["spec"]["data"]) == (None, None)
    assert (run["block"], run["shortcut"], run["depth"]) == ("basic", "B", 8)
    assert run["class_names"] == list(CLASSES)
    assert run["environment"]["source_file"] == "theirs.th"
    assert at_home("runs", "list", "--status", "imported", "--json").json[0]["id"] == run["id"]
    told = at_home("runs", "show", run["id"])
    assert told.code == 0
    assert "batch_size" not in told.out
    assert "64000" not in told.out
    assert "recipe, seeds, data" in told.out
    assert "0.5, 0.5, 0.5" in told.out
    assert "0.25, 0.25, 0.25" in told.out
    assert "8 x 8 pixels" in told.out
    found = at_home("evaluate", "--run", run["id"], "--data", f"folder:{images}", "--json")
    assert (found.code, found.json["images"]) == (0, 24)
    seen = at_home("classify", images / "test" / "red", "--run", run["id"], "--json")
    assert (seen.code, len(seen.json)) == (0, 8)
    assert at_home("resume", run["id"]).code == 2

    tuned = at_home(
        "train", "--start-from", "theirs", "--data", f"folder:{images}", "--iterations", 2, "--batch-size", 8,
        "--device", "cpu", "--precision", "float32", "--name", "tuned", "--json",
    )  # fmt: skip
    assert (tuned.code, tuned.json["status"]) == (0, "finished")
    assert tuned.json["spec"]["start_from"] == run["id"]
    assert tuned.json["shortcut"] == "B"


def test_without_json_it_says_what_it_found_and_assumed(at_home: AtHome, checkpoint: Path) -> None:
    said = at_home("weights", "import", checkpoint)
    assert said.code == 0
    for words in ("ResNet-8 B", "option B", "--mean and", "--classes"):
        assert words in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--image-size", "8"), "none are usual for 3 classes at 8 pixels; give --mean and --std"),
        (("--mean", "1,2"), "--mean must be three numbers"),
        (("--mean", "0.5,0.5,0.5"), "give both, or neither"),
        (("--shortcut", "A"), "their shortcut is option B"),
        (("--block", "plain"), "their shortcut is option B"),
        (("--mean-of", "nonsense"), "is not known"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    at_home: AtHome, checkpoint: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    said = at_home("weights", "import", checkpoint, *arguments)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert at_home("runs", "list", "--json").json == []


def test_a_file_that_is_none_is_refused_by_name(at_home: AtHome, tmp_path: Path) -> None:
    file = tmp_path / "notes.pth"
    file.write_text("hello", encoding="utf-8")
    said = at_home("weights", "import", file)
    assert said.code == 2
    assert said.err.startswith("notes.pth is no weights file")


@pytest.mark.parametrize("command", [("weights", "import", ""), ("weights", "export", "a run", "")])
def test_an_empty_file_name_is_called_one(command: tuple[str, ...], at_home: AtHome) -> None:
    said = at_home(*command)
    assert (said.code, said.out) == (2, "")
    assert "name of the file is empty; give the path" in said.err


def test_a_trained_run_goes_out_and_comes_back(trained: Trained, tmp_path: Path) -> None:
    run = trained.runs[1]
    file = tmp_path / "net.safetensors"
    said = trained.say("weights", "export", run["id"], file, "--json")
    assert (said.code, said.json["weights_sha256"]) == (0, run["weights_sha256"])
    back = trained.say("weights", "import", file, "--json").json
    assert back["weights_sha256"] == run["weights_sha256"]
    assert back["class_names"] == run["class_names"]
    assert back["environment"]["assumed"] == "nothing"
    assert trained.say("weights", "export", run["id"], tmp_path / "net.pth").code == 2
    refused = trained.say("weights", "export", run["id"], file, "--format", "rar")
    assert "choose safetensors, torchvision, onnx" in refused.err


def test_one_of_two_sets_of_weights_is_chosen_by_its_key(at_home: AtHome, tmp_path: Path) -> None:
    file = tmp_path / "two.pth"
    spec = NetworkSpec(depth=8, width=4, image_size=8, classes=3, shortcut="B")
    first, second = (build(blueprint(spec), seed).state_dict() for seed in (1, 2))
    torch.save({"student": first, "critic": second}, file)
    said = at_home("weights", "import", file)
    assert said.code == 2
    assert "2 sets of weights (student: 56 tensors; critic: 56 tensors of the same names and shapes" in said.err
    runs = [at_home("weights", "import", file, "--weights-key", key, "--json").json for key in ("student", "critic")]
    assert runs[0]["weights_sha256"] != runs[1]["weights_sha256"]
    assert "under critic are meant, not those under student" in runs[1]["environment"]["recognised"]
    wrong = at_home("weights", "import", file, "--weights-key", "model")
    assert (wrong.code, "they lie under student, critic" in wrong.err) == (2, True)
