"""Class folders of every kind: sorted out, or refused with one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from resnet_studio.data.datasets import folder_layout as layouts
from resnet_studio.data.datasets.describe import describe
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home

from ...waiting import processor_time
from ..conftest import picture

posix = pytest.mark.skipif(os.name == "nt", reason="needs links and names that Windows lacks")


def scan(folder: str | Path, seed: int = 0, **more) -> layouts.Layout:
    return layouts.scan(DataSpec(source=f"folder:{folder}", seed=seed, **more))


def touch(root: Path, *names: str) -> Path:
    """Files that only their names make images: scanning opens none."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def refusal(root: Path, seed: int = 0) -> str:
    with pytest.raises(DataError) as caught:
        scan(root, seed)
    text = str(caught.value)
    assert text.count("\n") == 0
    assert text.endswith((".", ":."))
    assert str(root) in text
    return text


def names(files) -> list[str]:
    return [file.name for file in files]


def test_train_and_test(tmp_path: Path):
    touch(tmp_path, "train/dog/1.png", "train/cat/b.jpg", "train/cat/a.PNG", "test/cat/z.png", "test/dog/y.png")
    layout = scan(tmp_path)
    assert layout.class_names == ("cat", "dog")
    assert names(layout.train) == ["train/cat/a.PNG", "train/cat/b.jpg", "train/dog/1.png"]
    assert [file.label for file in layout.train] == [0, 0, 1]
    assert names(layout.test) == ["test/cat/z.png", "test/dog/y.png"]
    assert (layout.test_folder, layout.note, layout.unusable) == ("test", "", ())


def test_val_serves_as_test_set_and_test_goes_first(tmp_path: Path):
    touch(tmp_path, "train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png")
    assert scan(tmp_path).test_folder == "val"
    touch(tmp_path, "test/unlabelled.png")  # as in competitions
    assert scan(tmp_path).test_folder == "val"
    touch(tmp_path, "test/a/1.png")
    assert scan(tmp_path).test_folder == "test"


def test_one_folder_is_split_by_name_and_seed(tmp_path: Path):
    files = [f"{name}/{number:03}.png" for name in ("a", "b", "c") for number in range(50)]
    touch(tmp_path / "one", *files)
    layout = scan(tmp_path / "one")
    assert layout.test_folder == ""
    assert [sum(file.label == label for file in layout.test) for label in range(3)] == [10, 10, 10]
    assert sorted(names(layout.train) + names(layout.test)) == files
    assert "30 of 150" in layout.note
    shutil.copytree(tmp_path / "one", tmp_path / "moved")
    assert names(scan(tmp_path / "moved").test) == names(layout.test)
    other = scan(tmp_path / "one", seed=1)
    assert len(other.test) == 30
    assert names(other.test) != names(layout.test)
    touch(tmp_path / "one", "d/1.png", "d/2.png")
    assert names(scan(tmp_path / "one").test)[:30] == names(layout.test)


def test_hidden_files_other_files_and_nested_folders(tmp_path: Path):
    touch(
        tmp_path, "a/1.png", "a/2.png", "a/.DS_Store", "a/._1.png", "a/Thumbs.db", "a/notes.txt", "a/deep/er/3.png",
        "a/.cache/4.png", "b/1.png", "b/2.png", ".git/x/1.png", "__MACOSX/a/1.png", "README.md", "loose.png",
    )  # fmt: skip
    layout = scan(tmp_path)
    assert layout.class_names == ("a", "b")
    found = sorted(names(layout.train) + names(layout.test))
    assert found == ["a/1.png", "a/2.png", "a/deep/er/3.png", "b/1.png", "b/2.png"]


def test_names_of_every_script(tmp_path: Path):
    classes = sorted(["café", "猫", "Собака", "with space", "a.b", "ß", "🦊"])
    touch(tmp_path, *(f"{name}/图 {number}.png" for name in classes for number in range(2)))
    assert scan(tmp_path).class_names == tuple(classes)


@posix
def test_composed_and_decomposed_letters_are_one_class(tmp_path: Path):
    nfc, nfd = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    if (touch(tmp_path / "probe", f"{nfc}/1.png") / nfd).exists():
        pytest.skip("this disk composes names itself")
    touch(tmp_path / "set", f"train/{nfc}/1.png", "train/tea/1.png", f"test/{nfd}/1.png")
    layout = scan(tmp_path / "set")
    assert layout.class_names == (nfc, "tea")
    assert [file.label for file in layout.test] == [0]
    assert "tea" in layout.note


@posix
def test_classes_that_differ_only_in_capitals(tmp_path: Path):
    touch(tmp_path, "Cat/1.png", "cat/1.png", "dog/1.png")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this disk cannot tell them apart")
    text = refusal(tmp_path)
    assert "Cat" in text
    assert "rename one" in text


@posix
def test_a_class_name_that_is_no_text(tmp_path: Path):
    touch(tmp_path, "a/1.png", "b/1.png")
    try:
        (tmp_path / os.fsdecode(b"\xff\xfe")).mkdir()
    except OSError:
        pytest.skip("this disk takes only text")
    assert "cannot be shown" in refusal(tmp_path)


def test_missing_folder_file_and_emptiness(tmp_path: Path):
    assert "does not exist" in refusal(tmp_path / "none")
    touch(tmp_path, "file.png")
    assert "not a folder" in refusal(tmp_path / "file.png")
    (tmp_path / "empty").mkdir()
    assert "no class folders" in refusal(tmp_path / "empty")
    assert "no class folders" in refusal(touch(tmp_path / "flat", "1.png", "2.png"))


def test_a_single_class(tmp_path: Path):
    assert "a single class, “a”" in refusal(touch(tmp_path / "one", "a/1.png", "a/2.png"))
    assert "a single class" in refusal(touch(tmp_path / "two", "train/a/1.png", "test/a/1.png", "test/b/1.png"))


def test_empty_classes(tmp_path: Path):
    root = touch(tmp_path / "one", "a/1.png", "a/2.png", "b/notes.txt", "c/1.png", "c/2.png")
    (root / "d").mkdir()
    text = refusal(root)
    assert "“b” (and 1 more)" in text
    root = touch(tmp_path / "two", "train/a/1.png", "test/a/1.png")
    (root / "train" / "b").mkdir()
    assert "“b”" in refusal(root)


def test_one_image_cannot_be_split(tmp_path: Path):
    assert "single image" in refusal(touch(tmp_path, "a/1.png", "a/2.png", "b/1.png"))
    touch(tmp_path, "b/2.png")
    layout = scan(tmp_path)
    assert [file.label for file in layout.train] == [0, 1]
    assert [file.label for file in layout.test] == [0, 1]


def test_a_test_class_that_train_lacks(tmp_path: Path):
    text = refusal(touch(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/zebra/1.png"))
    assert "“zebra”" in text


def test_a_train_class_that_test_lacks_is_noted(tmp_path: Path):
    layout = scan(touch(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c", "test/b/read.me"))
    assert layout.class_names == ("a", "b")
    assert "“b”" in layout.note


def test_a_test_set_without_images(tmp_path: Path):
    assert "holds no image" in refusal(touch(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/x.txt", "test/b/x"))


def test_half_of_a_pair(tmp_path: Path):
    text = refusal(touch(tmp_path / "one", "train/a/1.png", "train/b/1.png"))
    assert "held out" in text
    assert "no class folders in train" in refusal(touch(tmp_path / "two", "test/a/1.png", "test/b/1.png"))
    assert "test or val" in refusal(touch(tmp_path / "three", "train/a/1.png", "train/b/1.png", "test/1.png"))


def test_train_may_be_a_class(tmp_path: Path):
    layout = scan(touch(tmp_path, "bus/1.png", "bus/2.png", "train/1.png", "train/2.png"))
    assert layout.class_names == ("bus", "train")


def test_a_data_draw_that_nobody_reads_is_refused(tmp_path: Path):
    touch(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/1.png")
    assert "leave it at 0" in refusal(tmp_path, seed=1)


@posix
def test_loops_and_links(tmp_path: Path):
    root = touch(tmp_path / "set", "a/1.png", "a/2.png")
    (root / "a" / "loop").symlink_to(root / "a")
    (root / "a" / "up").symlink_to(root)  # leads through set/a again, which is not entered twice
    (root / "a" / "self.png").symlink_to(root / "a" / "self.png")
    (root / "a" / "gone.png").symlink_to(root / "nowhere.png")
    os.mkfifo(root / "a" / "pipe.png")
    elsewhere = touch(tmp_path / "elsewhere", "1.png", "2.png")
    (root / "linked").symlink_to(elsewhere)
    (root / "circle").symlink_to(root / "circle")
    layout = scan(root)
    assert layout.class_names == ("a", "linked")
    unusable = dict(layout.unusable)
    assert {"a/self.png", "a/gone.png", "a/pipe.png"} <= set(unusable)
    assert unusable["a/pipe.png"] == "is not a file"
    assert sum(file.label == 1 for file in (*layout.train, *layout.test)) == 2


def test_a_folder_without_permission(tmp_path: Path, monkeypatch):
    root = touch(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    real = os.scandir

    def scandir(path: str | Path):
        if str(path) == str(root / "b"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)  # root, whom some tests run as, may read everything
    assert f"{root / 'b'} cannot be read (Permission denied)" in refusal(root)


def test_a_thousand_classes(tmp_path: Path):
    touch(tmp_path, *(f"{number:04}/{file}.png" for number in range(1000) for file in (1, 2)))
    with processor_time() as spent:
        layout = scan(tmp_path)
    assert spent.seconds < 2
    assert len(layout.class_names) == 1000
    assert layout.class_names[999] == "0999"
    assert len(layout.test) == 1000


def test_too_many_classes(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("resnet_studio.data.datasets.folder_layout.MAX_CLASSES", 2)
    assert "at most 2" in refusal(touch(tmp_path, "a/1.png", "b/1.png", "c/1.png"))


def test_the_digest_tells_changes(tmp_path: Path):
    root = touch(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    digests = [scan(root).digest, scan(root, 1).digest]
    (root / "a/1.png").write_bytes(b"longer")
    digests.append(scan(root).digest)
    os.utime(root / "a/2.png", ns=(1, 1))
    digests.append(scan(root).digest)
    (root / "b/1.png").rename(root / "b/3.png")
    digests.append(scan(root).digest)
    assert scan(root).digest == digests[-1]
    assert len({digests[0], *digests[2:]}) == 4


@pytest.mark.parametrize("layout_names", [("train/a/", "train/b/", "test/a/1.png"), ("a/", "b/")])
def test_training_images_are_held_out_by_the_draw(tmp_path: Path, layout_names: tuple[str, ...]):
    a, b, *tests = layout_names
    root = touch(tmp_path, *(f"{a}{n}.png" for n in range(40)), *(f"{b}{n}.png" for n in range(20)), *tests)
    whole = scan(root)
    total = len(whole.train)
    out = scan(root, held_out=12)
    held = scan(root, held_out=12, test_on="held-out")
    assert held.train == out.train
    assert out.test == whole.test
    assert sorted(held.test + held.train) == sorted(whole.train)
    assert len(held.test) == 12
    assert [sum(file.label == label for file in held.test) for label in (0, 1)] == [8, 4]
    assert len({whole.digest, out.digest, held.digest}) == 3
    assert scan(root, seed=3, held_out=12).train != out.train
    assert "12 training images are held out" in out.note
    with pytest.raises(DataError, match=f"cannot be held out of {total}"):
        scan(root, held_out=total)
    with pytest.raises(DataError, match="none of its"):
        scan(root, held_out=total - 1)


def test_describe_a_folder(home: Home, tmp_path: Path):
    root = touch(tmp_path / "set", *(f"{name}/{number}.png" for name in "abc" for number in range(10)))
    facts = describe(DataSpec(source=f"folder:{root}"), home)
    assert facts.class_names == ("a", "b", "c")
    assert (facts.training_images, facts.test_images, facts.ready) == (24, 6, False)
    assert facts.note
    with pytest.raises(DataError, match="does not exist"):
        describe(DataSpec(source="folder:/no/such/folder"), home)


def test_describe_what_is_not_there_yet(home: Home):
    facts = describe(DataSpec(source="builtin"), home)
    assert (len(facts.class_names), facts.training_images, facts.test_images, facts.ready) == (10, 12_000, 2_400, False)
    facts = describe(DataSpec(source="cifar10"), home)
    assert (facts.class_names[0], facts.training_images, facts.test_images, facts.ready) == (
        "airplane", 50_000, 10_000, False,
    )  # fmt: skip
    assert "data download cifar10" in facts.note


def test_a_home_in_the_folder_of_the_user(home: Home, tmp_path: Path, monkeypatch):
    touch(tmp_path, "set/a/1.png", "set/a/2.png", "set/b/1.png", "set/b/2.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert scan("~/set").root == tmp_path / "set"
    monkeypatch.chdir(tmp_path)
    assert scan("set").root == tmp_path / "set"


def test_facts_and_decoding_do_without_torch(tmp_path: Path):
    for number, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "b/2.png")):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    program = (
        "import sys; from pathlib import Path; from resnet_studio.data.datasets.describe import describe;"
        "from resnet_studio.data.images import find_images, read_image; from resnet_studio.platform.home import Home;"
        "from resnet_studio.domain.specs import DataSpec; root, home = sys.argv[1:];"
        "facts = describe(DataSpec(source='folder:' + root), Home(Path(home)));"
        "describe(DataSpec(), Home(Path(home))); describe(DataSpec(source='cifar10'), Home(Path(home)));"
        "found, _ = find_images([Path(root)]); read_image(found[0]);"
        "print(facts.training_images, len(found), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "set"), str(tmp_path / "home")],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.split() == ["2", "4", "False"]


def test_links_to_other_classes_and_to_what_holds_them(tmp_path: Path):
    root = touch(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
    link = root / "kitty"
    for target, words in (("cat", "is a link to the class “cat”"), (".", "holds the class folders themselves")):
        link.symlink_to(root / target)
        assert words in refusal(root)
        link.unlink()
    elsewhere = touch(tmp_path / "elsewhere", "emu/1.png", "emu/2.png")
    link.symlink_to(elsewhere / "emu")
    (root / "elsewhere").rename(tmp_path.parent / f"{tmp_path.name} emus")
    link.unlink()
    link.symlink_to(tmp_path.parent / f"{tmp_path.name} emus" / "emu")
    assert scan(root).class_names == ("cat", "dog", "kitty")


def test_what_lies_beside_the_classes_is_noted(tmp_path: Path):
    root = touch(tmp_path / "one", "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png", "a.png", "b.JPG", "read.me")
    assert scan(root).note.endswith("2 images lie beside the class folders of one and are not used.")
    part = [f"{part}/{name}/1.png" for part in ("train", "test") for name in ("cat", "dog")]
    root = touch(tmp_path / "two", *part, "unlabeled/1.png", "train/lost.png")
    assert scan(root).note == (
        "unlabeled beside train and test is not used. 1 image lies beside the class folders of train and is not used."
    )
    root = touch(tmp_path / "three", *part, "images/1.png", "extra/1.png", "more/1.png", "other/1.png")
    assert scan(root).note == "extra, images, more, ... beside train and test are not used."
