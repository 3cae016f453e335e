"""Downloaded sets of photos: unpacked whole or not there, and then used as a folder of images is."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.data.datasets import paths, photos
from resnet_studio.data.datasets.describe import describe, refuse_unreadable
from resnet_studio.data.datasets.downloaded import download, refuse_nothing_to_keep
from resnet_studio.data.datasets.downloaded_files import photos_folder, photos_mark
from resnet_studio.data.datasets.layouts import layout_of
from resnet_studio.data.datasets.registry import open_arrays, open_data
from resnet_studio.data.drawn_images import Part, draw_images
from resnet_studio.data.images import square_pixels
from resnet_studio.data.test_images import open_test
from resnet_studio.data.training_batches import open_training
from resnet_studio.domain.data_sets import DATA_SETS, STL10, SVHN, DataSetRow, Download
from resnet_studio.domain.enums import Loading, RunStatus
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.specs import CohortSpec, DataSpec, RecipeSpec, RunSpec
from resnet_studio.domain.specs import replace as replace_spec
from resnet_studio.history.store import RunStore
from resnet_studio.inference.evaluate import evaluate
from resnet_studio.inference.models import load
from resnet_studio.platform.home import Home
from resnet_studio.runner import run_cohort
from resnet_studio.studies.conformity.report import of_run

from . import small_photos, small_sets
from .conftest import Server
from .small_photos import BOATS, KEYS, TEST, TRAIN, SmallPhotos

SIZE = 8


def served(key: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> SmallPhotos:
    small = small_photos.install(key, monkeypatch, server.url)
    server.files = dict(small.served)
    return small


@pytest.fixture
def boats(server: Server, monkeypatch: pytest.MonkeyPatch) -> SmallPhotos:
    return served(BOATS.key, server, monkeypatch)


@pytest.fixture
def row(home: Home, boats: SmallPhotos) -> DataSetRow:
    """Of boats that were downloaded."""
    download(boats.row, home)
    return boats.row


def left_behind(home: Home, row: DataSetRow) -> list[str]:
    folder = paths.data_set_folder(home, row)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def squares(small: SmallPhotos, part: str) -> list[tuple[int, bytes]]:
    """Label and pixels at SIZE of each photo, in no order."""
    found = []
    for name, body in small.photos[part]:
        pixels = square_pixels(Image.open(io.BytesIO(body)), SIZE)
        found.append((small.row.class_names.index(name), pixels.tobytes()))
    return sorted(found)


@pytest.mark.parametrize("key", KEYS)
def test_download_unpack_open(home: Home, server: Server, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    small = served(key, server, monkeypatch)
    row, spec = small.row, DataSpec(source=key)
    before = describe(spec, home)
    assert (before.ready, before.missing) == (False, True)
    assert (before.training_images, before.test_images) == (row.training_images, row.test_images)
    assert before.obstacle == before.note != ""
    for opens in (lambda: open_data(spec, SIZE, home), lambda: open_test(spec, home), lambda: layout_of(spec, home)):
        with pytest.raises(DataError, match=f"resnet-studio data download {key}"):
            opens()
    assert server.requests == 0

    reports: list[tuple[str, float | None]] = []
    download(row, home, lambda text, share: reports.append((text, share)))
    for file in row.downloads:
        for doing in ("downloading", "unpacking") if file.packed else ("downloading",):
            shares = [share for text, share in reports if text == f"{doing} {file.name}"]
            assert shares == sorted(shares)
            assert shares[-1] == 1.0
    assert left_behind(home, row) == ["photos", "photos.json"]
    facts = describe(spec, home)
    assert (facts.ready, facts.missing, facts.obstacle, facts.class_names) == (False, False, "", row.class_names)
    assert (facts.training_images, facts.test_images) == (row.training_images, row.test_images)
    refuse_unreadable(spec, home)

    bundle = open_data(spec, SIZE, home)
    for part, opened in (("train", bundle.train), ("test", bundle.test)):
        pixels = [image.tobytes() for image in opened.images.numpy()]
        assert sorted(zip(opened.labels.tolist(), pixels, strict=True)) == squares(small, part)
    assert (bundle.class_names, bundle.skipped) == (row.class_names, ())
    assert describe(spec, home).ready
    reports.clear()
    again = open_data(spec, SIZE, home, lambda text, share: reports.append((text, share)))
    assert (again.checksum, "decoding" in str(reports)) == (bundle.checksum, False)
    download(row, home)
    assert server.requests == len(row.downloads)


@pytest.mark.parametrize("key", KEYS)
def test_a_run_trains_and_is_evaluated_on_the_originals(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch, tiny_run: RunSpec, key: str
) -> None:
    row = served(key, server, monkeypatch).row
    download(row, home)
    spec = replace_spec(
        tiny_run,
        data=DataSpec(source=key),
        network=replace_spec(tiny_run.network, classes=len(row.class_names)),
        recipe=replace_spec(
            tiny_run.recipe, iterations=3, milestones=(), test_every=3, batch_size=4, augmentation="scale-crop-flip",
            scale_min=9, scale_max=14,
        ),
    )  # fmt: skip
    with RunStore.open(home) as store:
        (run,) = run_cohort.run(CohortSpec(runs=(spec,)), store, lambda event: None)
        assert (run.status, run.class_names) == (RunStatus.FINISHED, row.class_names)
        assert run.environment["training_images"] == str(row.training_images)
        assert run.environment["loading"] == "streamed"
        network = load(store, run)
        found = evaluate([network], spec.data, Protocol(), home)
        assert (found.images, found.class_names) == (row.test_images, row.class_names)
        assert found.top1_error == pytest.approx(run.test_error)
        for protocol in (Protocol(kind="ten-crop", resize=10), Protocol(kind="multi-scale", scales=(8, 12))):
            assert evaluate([network], spec.data, protocol, home).images == row.test_images
        data = next(check for check in of_run(run).checks if check.key == "data")
        assert row.title in data.run


def test_resident_and_streamed_training_see_the_same(home: Home, row: DataSetRow) -> None:
    seen, checksums = [], []
    for loading in (Loading.RESIDENT, Loading.STREAMED):
        recipe = RecipeSpec(batch_size=4, loading=loading)
        with open_training(DataSpec(source=row.key), recipe, SIZE, home, workers=0) as data:
            assert data.loading is loading
            assert (data.training_images, data.test_images) == (row.training_images, row.test_images)
            checksums.append(data.checksum)
            seen.append(data.batches(data.preprocessing(), torch.device("cpu")).batch(3))
    assert all(checksums)
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1], seen[1][1])


def test_few_photos_are_resident_by_themselves(home: Home, row: DataSetRow) -> None:
    recipe = RecipeSpec(batch_size=4, loading="auto", device="cpu")
    with open_training(DataSpec(source=row.key), recipe, SIZE, home, workers=0) as data:
        assert data.loading is Loading.RESIDENT


def test_photos_can_be_held_out(home: Home, row: DataSetRow) -> None:
    whole = open_data(DataSpec(source=row.key), SIZE, home)
    held = DataSpec(source=row.key, held_out=3, seed=5)
    bundle, facts = open_data(held, SIZE, home), describe(held, home)
    assert (facts.training_images, facts.test_images) == (len(bundle.train), len(bundle.test)) == (9, 6)
    assert Counter(bundle.train.labels.tolist()) == {0: TRAIN - 1, 1: TRAIN - 1, 2: TRAIN - 1}
    assert torch.equal(bundle.test.images, whole.test.images)
    tested = replace_spec(held, test_on="held-out")
    left = {image.numpy().tobytes() for image in whole.train.images} - {
        image.numpy().tobytes() for image in bundle.train.images
    }
    assert {image.numpy().tobytes() for image in open_data(tested, SIZE, home).test.images} == left
    images = open_test(tested, home)
    assert len(images) == describe(tested, home).test_images == 3
    assert {images.square(n, images.read(n).image, SIZE).tobytes() for n in range(3)} == left
    other = open_data(replace_spec(held, seed=6), SIZE, home)
    assert not torch.equal(other.train.images, bundle.train.images)
    with pytest.raises(DataError, match="set held_out below 12"):
        describe(DataSpec(source=row.key, held_out=12), home)


def test_as_many_can_be_held_out_before_the_download(home: Home, boats: SmallPhotos) -> None:
    facts = describe(DataSpec(source=BOATS.key, held_out=3, test_on="held-out"), home)
    assert (facts.training_images, facts.test_images) == (9, 3)


def test_test_images_have_the_size_they_came_in(home: Home, boats: SmallPhotos, row: DataSetRow) -> None:
    images = open_test(DataSpec(source=row.key), home)
    own = {Image.open(io.BytesIO(body)).size for _unused, body in boats.photos["test"]}
    assert {images.read(n).image.size for n in range(len(images))} == own
    assert len(own) > 1
    assert images.labels.tolist() == sorted(TEST * [0, 1, 2])
    assert images.named(images.names[4]).size == images.read(4).image.size


def test_images_are_drawn_by_a_seed(home: Home, row: DataSetRow) -> None:
    drawn = draw_images(DataSpec(source=row.key), 4, 7, {SIZE, 16}, home, Part.TRAINING)
    assert (len(drawn), drawn.class_names) == (4, row.class_names)
    assert tuple(drawn.pixels[16].shape) == (4, 3, 16, 16)
    assert all(name.startswith("boats/tr") for name in drawn.names)


def test_a_photo_that_cannot_be_read_is_left_out_and_named(home: Home, row: DataSetRow) -> None:
    path = photos_folder(paths.data_set_folder(home, row)) / "boats" / "tr01.jpg"
    path.write_bytes(bytes(path.stat().st_size))
    bundle = open_data(DataSpec(source=row.key), SIZE, home)
    assert len(bundle.train) == row.training_images - 1
    assert [name for name, _reason in bundle.skipped] == ["boats/tr01.jpg"]


@pytest.mark.parametrize("harm", ["removed", "cut", "added", "list", "nothing left"])
def test_damage_is_one_sentence_and_mended_by_the_download(
    home: Home, server: Server, boats: SmallPhotos, row: DataSetRow, harm: str
) -> None:
    folder = paths.data_set_folder(home, row)
    root = photos_folder(folder)
    victim = root / "boats" / "tr03.jpg"
    if harm == "removed":
        victim.unlink()
    elif harm == "cut":
        victim.write_bytes(victim.read_bytes()[:-1])
    elif harm == "added":
        (root / "boats" / "more.jpg").write_bytes(b"more")
    elif harm == "list":
        text = (root / "split.json").read_text("utf-8")
        (root / "split.json").write_text(text.replace("canoe", "kanoo"), "utf-8")
    else:
        root.rename(folder / "elsewhere")
    spec = DataSpec(source=row.key)
    wanted = r"cannot be read \(No such file" if harm == "nothing left" else f"is damaged.*data download {row.key}"
    for opens in (lambda: open_data(spec, SIZE, home), lambda: open_test(spec, home)):
        with pytest.raises(DataError, match=wanted):
            opens()
    facts = describe(spec, home)
    assert (facts.ready, facts.missing, facts.training_images) == (False, False, row.training_images)
    assert facts.obstacle == facts.note != ""
    if harm == "list":  # of the same size: only its reader notices
        (root / "split.json").unlink()
    requests = server.requests
    download(row, home)
    assert server.requests == requests + len(row.downloads)
    assert len(open_data(spec, SIZE, home).train) == row.training_images


def test_what_leaves_and_systems_put_beside_photos_is_passed_over(home: Home, row: DataSetRow) -> None:
    (photos_folder(paths.data_set_folder(home, row)) / "boats" / ".DS_Store").write_bytes(b"x")
    assert len(open_data(DataSpec(source=row.key), SIZE, home).train) == row.training_images


@pytest.mark.parametrize("mark", ["gone", "rubbish", "a number", "of another archive"])
def test_a_folder_without_its_mark_is_not_there(home: Home, server: Server, row: DataSetRow, mark: str) -> None:
    path = photos_mark(paths.data_set_folder(home, row))
    if mark == "gone":
        path.unlink()
    elif mark == "of another archive":
        written = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**written, "downloads": dict.fromkeys(written["downloads"], "0" * 32)}))
    else:
        path.write_text({"rubbish": "{", "a number": "3"}[mark])
    assert describe(DataSpec(source=row.key), home).missing
    requests = server.requests
    download(row, home)
    assert server.requests == requests + len(row.downloads)
    assert len(open_data(DataSpec(source=row.key), SIZE, home).train) == row.training_images


@pytest.mark.parametrize("at", ["downloading", "unpacking"])
def test_a_download_stops_and_leaves_nothing_that_counts(
    home: Home, server: Server, boats: SmallPhotos, at: str
) -> None:
    seen: list[str] = []
    with pytest.raises(Stopped):
        download(
            boats.row, home, lambda text, share: seen.append(text) if text.startswith(at) else None, lambda: bool(seen)
        )
    left = left_behind(home, boats.row)
    assert left == ([] if at == "downloading" else ["boats.tar.gz", "photos", "split.json"])
    assert describe(DataSpec(source=BOATS.key), home).missing
    requests = server.requests
    download(boats.row, home)
    assert server.requests - requests == (2 if at == "downloading" else 0)
    assert left_behind(home, boats.row) == ["photos", "photos.json"]
    assert len(open_data(DataSpec(source=BOATS.key), SIZE, home).train) == 12


def test_a_full_disk_gets_its_space_back(home: Home, boats: SmallPhotos, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_unused: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("resnet_studio.data.datasets.downloaded.write_mark", full)
        with pytest.raises(DataError, match=r"cannot be stored in .*No space left on device"):
            download(boats.row, home)
    assert left_behind(home, boats.row) == ["boats.tar.gz", "split.json"]
    assert describe(DataSpec(source=BOATS.key), home).missing
    download(boats.row, home)
    assert not describe(DataSpec(source=BOATS.key), home).missing


def test_a_damaged_archive_is_refused_before_it_is_unpacked(home: Home, server: Server, boats: SmallPhotos) -> None:
    server.manner = "damaged"
    with pytest.raises(DataError, match="MD5 sum"):
        download(boats.row, home)
    assert left_behind(home, boats.row) == []


def test_an_archive_that_is_there_already_is_unpacked(home: Home, server: Server, boats: SmallPhotos) -> None:
    small_photos.place(boats, home)
    download(boats.row, home)
    assert server.requests == 0
    assert left_behind(home, boats.row) == ["photos", "photos.json"]


def test_what_was_left_half_unpacked_is_removed_first_and_that_stops_too(home: Home, boats: SmallPhotos) -> None:
    small_photos.place(boats, home)
    root = photos_folder(paths.data_set_folder(home, boats.row))
    (root / "boats").mkdir(parents=True)
    (root / "boats" / "old.jpg").write_bytes(b"old")
    seen: list[str] = []
    with pytest.raises(Stopped):
        download(
            boats.row, home, lambda text, _share: seen.append(text) if "removing" in text else None, lambda: bool(seen)
        )
    assert describe(DataSpec(source=BOATS.key), home).missing
    download(boats.row, home)
    assert not (root / "boats" / "old.jpg").exists()
    assert len(open_data(DataSpec(source=BOATS.key), SIZE, home).train) == 12


def test_opening_is_watched_and_stops(home: Home, row: DataSetRow) -> None:
    spec = DataSpec(source=row.key)
    reports: list[tuple[str, float | None]] = []
    open_data(spec, SIZE, home, lambda text, share: reports.append((text, share)))
    assert ("looking through the folder", None) in reports
    assert ("decoding 18 images", 1.0) in reports
    with pytest.raises(Stopped):
        open_data(spec, 16, home, should_stop=lambda: True)
    with pytest.raises(Stopped):
        open_test(spec, home, should_stop=lambda: True)


def hostile(kind: str, target: Path) -> tarfile.TarInfo:
    info = tarfile.TarInfo({"above": "../../outside.jpg", "absolute": f"{target}/outside.jpg"}.get(kind, "outside.jpg"))
    info.size = 5 if kind in ("above", "absolute") else 0
    if kind in ("symbolic link", "hard link"):
        info.type = tarfile.SYMTYPE if kind == "symbolic link" else tarfile.LNKTYPE
        info.linkname = str(target / "target")
    elif kind == "device":
        info.type = tarfile.CHRTYPE
    return info


@pytest.mark.parametrize("kind", ["above", "absolute", "symbolic link", "hard link", "device"])
def test_a_hostile_archive_writes_nothing_elsewhere(
    home: Home, server: Server, boats: SmallPhotos, tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    body = small_sets.archive({"boats/a.jpg": b"a"}, hostile(kind, place))
    server.files["boats.tar.gz"] = body
    first, *others = boats.row.downloads
    row = replace(boats.row, downloads=(replace(first, md5=small_sets.md5(body)), *others))
    if kind == "above":
        with pytest.raises(DataError, match=r"does not belong below its folder.*nothing of it was kept"):
            download(row, home)
        assert left_behind(home, row) == ["boats.tar.gz", "split.json"]
    else:
        download(row, home)
        root = photos_folder(paths.data_set_folder(home, row))
        kept = {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}
        inside = {f"{place}/outside.jpg".lstrip("/")} if kind == "absolute" else set()
        assert kept == {"boats/a.jpg", "split.json"} | inside
    assert list(place.iterdir()) == []
    outside = [path for path in tmp_path.rglob("*outside*") if photos_folder(paths.data_set_folder(home, row)) not in
               path.parents]  # fmt: skip
    assert outside == []


def test_every_archive_says_what_is_kept_of_it() -> None:
    for row in DATA_SETS:
        refuse_nothing_to_keep(row)


@pytest.mark.parametrize(
    "row",
    [
        replace(SVHN, downloads=(Download("http://x.invalid/train.tar.gz", "0" * 32),)),
        replace(SVHN, downloads=(Download("http://x.invalid/train.TGZ", "0" * 32),)),
        replace(BOATS, downloads=(Download("http://x.invalid/boats.zip", "0" * 32),)),
    ],
    ids=["no members", "no members of a .tgz", "no archive that is known"],
)
def test_nothing_is_fetched_of_which_nothing_would_be_kept(home: Home, row: DataSetRow) -> None:
    with pytest.raises(ValueError, match=f"{row.key}"):
        download(row, home)
    assert left_behind(home, row) == []


def test_arrays_and_files_are_told_apart(home: Home, row: DataSetRow) -> None:
    assert layout_of(DataSpec(), home) is None
    assert layout_of(DataSpec(source=STL10.key), home) is None
    layout = layout_of(DataSpec(source=row.key), home)
    assert layout is not None
    assert [file.label for file in layout.train] == sorted(file.label for file in layout.train)
    with pytest.raises(ValueError, match="no data set of arrays"):
        open_arrays(DataSpec(source=row.key), home)


def test_every_row_of_photos_has_its_reader() -> None:
    assert set(photos.PHOTO_READERS) == {row.key for row in DATA_SETS if row.photos}


@pytest.mark.parametrize(
    ("name", "label", "sentence"), [("boats/gone.jpg", 0, "boats/gone.jpg is missing"), ("boats/tr00.jpg", 3, "label")]
)
def test_a_list_that_does_not_fit_is_damage(
    home: Home, row: DataSetRow, monkeypatch: pytest.MonkeyPatch, name: str, label: int, sentence: str
) -> None:
    monkeypatch.setitem(photos.PHOTO_READERS, row.key, lambda _root: ([(name, label)], []))
    with pytest.raises(DataError, match=f"is damaged.*{sentence}"):
        open_data(DataSpec(source=row.key), SIZE, home)


def test_names_of_any_script_are_read(
    home: Home, server: Server, boats: SmallPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_class, body), *_others = boats.photos["train"]
    packed = small_sets.archive({"boats/Ünïcode 船.jpg": body, "boats/t.jpg": body})
    server.files["boats.tar.gz"] = packed
    first, second = boats.row.downloads
    row = replace(boats.row, downloads=(replace(first, md5=small_sets.md5(packed)), second))
    monkeypatch.setattr("resnet_studio.domain.data_sets.DATA_SETS", (*DATA_SETS, row))
    read = [(f"boats/{name}", label) for label, name in enumerate(("Ünïcode 船.jpg", "t.jpg", "t.jpg"))]
    monkeypatch.setitem(photos.PHOTO_READERS, row.key, lambda _root: (read, read))
    download(row, home)
    assert np.array_equal(open_data(DataSpec(source=row.key), SIZE, home).train.labels.numpy(), [0, 1, 2])
