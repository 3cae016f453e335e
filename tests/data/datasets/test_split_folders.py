"""Folders that people have: parts of a data set in every spelling, what boxes and tools put in, what is no data set."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from resnet_studio.data.datasets.folder_layout import scan
from resnet_studio.data.datasets.split_folders import Part, part_of
from resnet_studio.data.images import find_images
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.specs import DataSpec

CLASSES = ("cat", "dog", "fox")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def in_classes(part: str, count: int, classes: Iterable[str] = CLASSES) -> list[str]:
    return [f"{part}/{name}/{number}.png" for name in classes for number in range(count)]


def layout_of(root: Path):
    return scan(DataSpec(source=f"folder:{root}"))


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        layout_of(root)
    assert "\n" not in caught.value.sentence
    return caught.value.sentence


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "valid"), ("train", "validation"), ("train", "dev"), ("train", "eval"), ("Train", "Test"),
        ("TRAIN", "TEST"), ("Training", "Testing"), ("TRAINING", "VALIDATION"), ("train_set", "test_set"),
        ("training_set", "test_set"), ("trainset", "testset"), ("train-images", "val-images"), ("traindata", "valdata"),
        ("seg_train", "seg_test"), ("train2017", "val2017"), ("01_train", "02_val"), ("data_train", "data_eval"),
        ("train", "evaluation"), ("train", "holdout"), ("train", "hold.out-heldout"), ("training", "development"),
        ("ＴＲＡＩＮ", "ｔｅｓｔ"), ("images_train", "images_test"), ("pets_train", "pets_test"), ("trainval", "test"),
        ("Pets Train", "Pets Valid"), ("train (1)", "test (1)"),
    ],
)  # fmt: skip
def test_parts_are_never_classes(tmp_path: Path, train: str, test: str):
    if test == "hold.out-heldout":
        test = "heldout"
    touch(tmp_path, *in_classes(train, 4), *in_classes(test, 2))
    layout = layout_of(tmp_path)
    assert layout.class_names == CLASSES
    assert (len(layout.train), len(layout.test)) == (12, 6)
    assert layout.test_folder == test
    assert {file.name.split("/")[0] for file in layout.test} == {test}


def test_what_names_say():
    assert part_of("Pets_TRAIN-set") == (Part.TRAIN, ("pets",))
    assert part_of("seg_test") == (Part.TEST, ())
    assert part_of("terrain") == (None, ("terrain",))
    assert part_of("trains")[0] is None, "a class of vehicles"
    assert part_of("train_test")[0] is None
    assert part_of("2017") == (None, ())


def test_test_is_preferred_and_the_other_is_named(tmp_path: Path):
    layout = layout_of(touch(tmp_path, *in_classes("train", 4), *in_classes("valid", 2), *in_classes("Test", 1)))
    assert (layout.test_folder, len(layout.test)) == ("Test", 3)
    assert layout.note == "Tested on Test; valid is not used."


def test_parts_nested_in_folders_of_their_own_name(tmp_path: Path):
    touch(
        tmp_path, *in_classes("seg_train/seg_train", 4), *in_classes("seg_test/seg_test", 2), "seg_pred/seg_pred/1.png"
    )
    layout = layout_of(tmp_path)
    assert layout.class_names == CLASSES
    assert (len(layout.train), len(layout.test), layout.test_folder) == (12, 6, "seg_test/seg_test")


def test_two_that_could_be_meant(tmp_path: Path):
    touch(tmp_path, *in_classes("train", 2), *in_classes("Training", 2), *in_classes("val", 2))
    assert "Training and train" in refusal(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_one_folder_under_both_names(tmp_path: Path):
    touch(tmp_path, *in_classes("train", 2))
    (tmp_path / "test").symlink_to(tmp_path / "train")
    assert "are the same folder" in refusal(tmp_path)


@pytest.mark.parametrize(
    "names",
    [("lernen", "pruefen"), ("A", "B"), ("fold1", "fold2"), ("my_part", "yours", "theirs"), ("x", "validation")],
)
def test_unusual_names_with_the_same_folders_are_asked_about(tmp_path: Path, names: tuple[str, ...]):
    touch(tmp_path, *(file for name in names for file in in_classes(name, 2)))
    text = refusal(tmp_path)
    assert "train" in text
    assert str(tmp_path) in text


def test_ten_folds(tmp_path: Path):
    touch(tmp_path, *(file for number in range(10) for file in in_classes(f"fold{number}", 1)))
    assert "look like parts" in refusal(tmp_path)


def test_classes_of_several_folders_stay_classes(tmp_path: Path):
    touch(tmp_path, "animals/cat/1.png", "animals/dog/1.png", "vehicles/bus/1.png", "vehicles/van/1.png")
    assert layout_of(tmp_path).class_names == ("animals", "vehicles")
    many = [f"person{number}/{side}/1.png" for number in range(9) for side in ("left", "right")]
    assert len(layout_of(touch(tmp_path / "many", *many)).class_names) == 9
    touch(tmp_path / "one", "bus/1.png", "bus/2.png", "train/ICE/1.png", "train/2.png")
    assert layout_of(tmp_path / "one").class_names == ("bus", "train")


@pytest.mark.parametrize(
    "names", [("train", "test1"), ("train", "test"), ("Training", "valid"), ("train", "val", "more")]
)
def test_parts_without_class_folders(tmp_path: Path, names: tuple[str, ...]):
    touch(tmp_path, *(f"{name}/{number}.jpg" for name in names for number in range(3)))
    assert "hold no class folders" in refusal(tmp_path)


def test_half_a_pair_beside_something_else(tmp_path: Path):
    touch(tmp_path, *in_classes("train", 2), "sample/1.png", "sample/2.png")
    assert f"name {tmp_path / 'train'} itself" in refusal(tmp_path)


@pytest.mark.parametrize("classes", [("cat", "dog"), ("bottle", "cable", "capsule")])
def test_parts_inside_each_class(tmp_path: Path, classes: tuple[str, ...]):
    touch(tmp_path, *(f"{name}/{part}/{n}.png" for name in classes for part in ("train", "test") for n in range(3)))
    text = refusal(tmp_path)
    assert "of its own" in text
    assert "outermost" in text


def test_a_folder_of_data_sets(tmp_path: Path):
    touch(tmp_path, *in_classes("one/train", 2), *in_classes("one/val", 2), *in_classes("two/train", 2), "three/1.png")
    assert f"{tmp_path / 'one'} has a training and a test set of its own" in refusal(tmp_path)


def test_a_folder_around_the_data_set(tmp_path: Path):
    touch(tmp_path, *in_classes("pets/pets", 3))
    assert f"name {tmp_path / 'pets' / 'pets'}, which holds several" in refusal(tmp_path)
    assert layout_of(tmp_path / "pets" / "pets").class_names == CLASSES
    touch(tmp_path / "wrapped", *in_classes("data/train", 2), *in_classes("data/test", 2))
    assert f"name {tmp_path / 'wrapped' / 'data'}" in refusal(tmp_path / "wrapped")


def test_a_single_class_stays_one(tmp_path: Path):
    assert "a single class, “cat”" in refusal(touch(tmp_path, "cat/1.png", "cat/2.png"))


@pytest.mark.parametrize(
    "names", [("images", "annotations"), ("images", "labels"), ("img", "masks"), ("images", "ground_truth", "masks")]
)
def test_labels_that_are_files(tmp_path: Path, names: tuple[str, ...]):
    touch(tmp_path, *(f"{name}/{number}.png" for name in names for number in range(3)))
    assert "whose labels are files" in refusal(tmp_path)


@pytest.mark.parametrize("names", [("images", "masks"), ("img", "labels"), ("images", "masks", "trimaps")])
def test_labels_that_are_files_in_each_part(tmp_path: Path, names: tuple[str, ...]):
    for part in ("train", "test"):
        touch(tmp_path, *(f"{part}/{name}/{number}.png" for name in names for number in range(3)))
    assert "whose labels are files" in refusal(tmp_path)


@pytest.mark.parametrize(
    "junk",
    [
        "@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", ".@__thumb", "@__thumb", "$RECYCLE.BIN",
        "System Volume Information", "lost+found", "__MACOSX", ".ipynb_checkpoints", ".thumbnails", "__pycache__",
        "RECYCLER", ".Trash-1000", ".Spotlight-V100", ".git", "~snapshot", "@tmp",
    ],
)  # fmt: skip
def test_what_systems_and_tools_put_in(tmp_path: Path, junk: str):
    touch(tmp_path, *in_classes(".", 6))
    inside = [tmp_path / junk / "0.png", tmp_path / "cat" / junk / "0.png" / "SYNOPHOTO_THUMB_M.png"]
    for file in inside:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    layout = layout_of(tmp_path)
    assert layout.class_names == CLASSES
    assert len(layout.train) + len(layout.test) == 18
    assert len(find_images([tmp_path])[0]) == 18
