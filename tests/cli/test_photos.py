"""A downloaded set of photos on the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resnet_studio.cli.commands import data
from resnet_studio.domain import data_sets
from resnet_studio.platform.home import Home

from ..data.datasets import small_photos
from ..data.datasets.small_photos import BOATS
from .conftest import TINY, Said


def test_photos_are_listed_downloaded_shown_and_trained_on(
    at_home: Callable[..., Said], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_photos.install(BOATS.key, monkeypatch)
    monkeypatch.setattr(data, "DATA_SETS", data_sets.DATA_SETS)
    missing = at_home("data", "list", "--json").json[-1]
    assert (missing["data"], missing["image_size"], missing["present"]) == (BOATS.key, None, False)
    assert missing["training_images"] == small.row.training_images
    assert "resnet-studio data download boats-3" in at_home("train", "--data", BOATS.key).err
    line = next(line for line in at_home("data", "list").out.splitlines() if f" {BOATS.key} " in line)
    assert "many sizes" in line

    small_photos.place(small, home)
    said = at_home("data", "download", BOATS.key)
    assert (said.code, "train on it with --data boats-3" in said.out) == (0, True)
    told = at_home("data", "show", BOATS.key, "--json").json
    assert (told["present"], told["ready"], told["classes"]) == (True, False, list(BOATS.class_names))
    assert told["md5"] == {file.name: file.md5 for file in small.row.downloads}
    text = at_home("data", "show", BOATS.key).out
    assert all(words in text for words in ("many sizes", " kB", "Boats", "12", "download"))

    run = at_home("train", *TINY, "--data", BOATS.key, "--iterations", 2, "--test-every", 2, "--json").json
    run = run[0] if isinstance(run, list) else run
    assert (run["status"], run["class_names"]) == ("finished", list(BOATS.class_names))
    assert at_home("data", "show", BOATS.key, "--json").json["ready"]
    assert at_home("evaluate", "--run", run["id"], "--data", BOATS.key, "--protocol", "ten-crop").code == 0
    assert at_home("conformity", run["id"]).code == 0
    looked = at_home("inside", "responses", "--run", run["id"], "--data", BOATS.key, "--json")
    assert looked.code == 0


def test_damage_of_one_set_leaves_the_list_whole(
    at_home: Callable[..., Said], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_photos.install(BOATS.key, monkeypatch)
    monkeypatch.setattr(data, "DATA_SETS", data_sets.DATA_SETS)
    small_photos.place(small, home)
    assert at_home("data", "download", BOATS.key).code == 0
    (home.data / BOATS.key / "photos" / "boats" / "tr00.jpg").unlink()
    told = at_home("data", "list", "--json").json[-1]
    assert (told["present"], told["ready"]) == (True, False)
    assert "is damaged" in told["note"]
    assert at_home("train", *TINY, "--data", BOATS.key).code == 2
