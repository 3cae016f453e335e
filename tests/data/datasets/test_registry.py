"""Opening data sets: decoded, cached, refused, stopped, rebuilt."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.data.datasets import builtin, cache, image_folder, paths
from resnet_studio.data.datasets.describe import DataFacts, describe
from resnet_studio.data.datasets.registry import open_data
from resnet_studio.data.image_set import DataBundle
from resnet_studio.data.images import read_image, to_square
from resnet_studio.domain import data_sets
from resnet_studio.domain.data_sets import BUILTIN, CIFAR10, DATA_SETS
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home

from ...waiting import HANG_SECONDS, processor_time
from ..conftest import picture


@pytest.fixture
def small_builtin(monkeypatch):
    """A built-in set that takes milliseconds."""
    small = replace(BUILTIN, training_images=100, test_images=40)
    monkeypatch.setattr(data_sets, "DATA_SETS", (small, *DATA_SETS[1:]))


def count_calls(monkeypatch, module, name: str) -> list[object]:
    calls: list[object] = []
    real = getattr(module, name)

    def counted(*args, **kwargs):
        calls.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, counted)
    return calls


def same(a: DataBundle, b: DataBundle) -> bool:
    return (
        torch.equal(a.train.images, b.train.images)
        and torch.equal(a.train.labels, b.train.labels)
        and torch.equal(a.test.images, b.test.images)
        and torch.equal(a.test.labels, b.test.labels)
        and (a.class_names, a.checksum, a.skipped) == (b.class_names, b.checksum, b.skipped)
    )


def open_folder(root: Path, home: Home, size: int = 8, seed: int = 0, **more) -> DataBundle:
    return open_data(DataSpec(source=f"folder:{root}", seed=seed), size, home, **more)


def test_builtin_is_cached(home: Home, small_builtin, monkeypatch):
    drawn = count_calls(monkeypatch, builtin, "make_builtin")
    reports: list[tuple[str, float | None]] = []
    first = open_data(DataSpec(), 32, home, lambda text, share: reports.append((text, share)))
    assert reports[-1] == ("drawing images", 1.0)
    assert describe(DataSpec(), home).ready
    assert same(first, open_data(DataSpec(), 32, home))
    assert len(drawn) == 1
    other = open_data(DataSpec(seed=1), 32, home)
    assert other.checksum != first.checksum
    assert len(drawn) == 2


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "rubbish", "folder gone"])
def test_a_damaged_cache_is_rebuilt(home: Home, small_builtin, damage: str, caplog):
    first = open_data(DataSpec(), 32, home)
    path = paths.builtin_cache(home, 0)
    data = bytearray(path.read_bytes())
    data[-5000] ^= 1
    if damage == "folder gone":
        path.unlink()
        home.data.rmdir()
    else:
        contents = {"cut": data[: len(data) // 2], "flip": data, "empty": b"", "rubbish": os.urandom(5000)}
        path.write_bytes(contents[damage])
    with caplog.at_level(logging.WARNING):
        assert same(first, open_data(DataSpec(), 32, home))
    assert ("is damaged" in caplog.text) == (damage != "folder gone")
    assert same(first, cache.load(path, paths.builtin_key(DataSpec().row, 0)))


def test_a_cache_of_other_constants_is_rebuilt(home: Home, small_builtin, monkeypatch):
    open_data(DataSpec(), 32, home)
    monkeypatch.setattr(paths, "BUILTIN_VERSION", 99)
    assert not describe(DataSpec(), home).ready
    drawn = count_calls(monkeypatch, builtin, "make_builtin")
    open_data(DataSpec(), 32, home)
    assert len(drawn) == 1


def test_the_cache_is_written_whole_or_not_at_all(home: Home, small_builtin, monkeypatch, caplog):
    """A full disk costs the cache, not the training."""

    def fail(tensors, path, metadata):
        Path(path).write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "save_file", fail)
    with caplog.at_level(logging.WARNING):
        bundle = open_data(DataSpec(), 32, home)
    assert len(bundle.train) == 100
    assert "No space left" in caplog.text
    assert list(home.data.iterdir()) == []


def test_two_processes_may_fill_one_cache(home: Home, small_builtin):
    bundles: list[DataBundle] = []
    threads = [threading.Thread(target=lambda: bundles.append(open_data(DataSpec(), 32, home))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({bundle.checksum for bundle in bundles}) == 1
    assert [path.name for path in home.data.iterdir()] == ["builtin-0.safetensors"]


def test_abandoned_parts_are_swept(home: Home, small_builtin):
    old, new = home.data / "x.safetensors.1-a.part", home.data / "x.safetensors.2-b.part"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    open_data(DataSpec(), 32, home)
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize("size", [8, 24, 48])
def test_builtin_in_other_sizes(home: Home, small_builtin, size: int):
    small, native = open_data(DataSpec(), size, home), open_data(DataSpec(), 32, home)
    assert tuple(small.train.images.shape) == (100, 3, size, size)
    assert small.checksum != native.checksum
    assert (small.train.images.float().mean((2, 3)) - native.train.images.float().mean((2, 3))).abs().max() < 4


def test_a_folder_is_decoded_and_cached(home: Home, class_folders, monkeypatch):
    root = class_folders({"cat": 40, "dog": 35}, "train")
    class_folders({"cat": 5, "dog": 4}, "test")
    read = count_calls(monkeypatch, image_folder, "read_image")
    reports: list[tuple[str, float | None]] = []
    bundle = open_folder(root, home, report=lambda text, share: reports.append((text, share)))
    assert bundle.class_names == ("cat", "dog")
    assert (len(bundle.train), len(bundle.test), bundle.skipped) == (75, 9, ())
    assert torch.bincount(bundle.train.labels).tolist() == [40, 35]
    wanted = to_square(read_image(root / "train" / "dog" / "003.png"), 8)
    assert torch.equal(bundle.train.images[43], wanted)
    shares = [share for text, share in reports if text == "decoding 84 images"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(read) == 84
    assert describe(DataSpec(source=f"folder:{root}"), home) == DataFacts(("cat", "dog"), 75, 9, True, "")
    assert same(bundle, open_folder(root, home))
    assert len(read) == 84
    open_folder(root, home, size=16)
    assert len(read) == 168


def test_a_changed_folder_is_decoded_again(home: Home, class_folders):
    root = class_folders({"a": 10, "b": 10})
    first = open_folder(root, home)
    picture(999).save(root / "a" / "000.png")
    second = open_folder(root, home)
    assert first.checksum != second.checksum
    (root / "b" / "000.png").unlink()
    assert len(open_folder(root, home).train) == 15
    assert len(list(home.data.iterdir())) == 1  # a folder's cache takes the place of its older one


def test_split_draws(home: Home, class_folders):
    root = class_folders({"a": 20, "b": 20})
    first, second = open_folder(root, home), open_folder(root, home, seed=1)
    assert (len(first.train), len(first.test)) == (32, 8)
    assert first.checksum != second.checksum
    pixels = {image.numpy().tobytes() for image in first.test.images}
    assert pixels.isdisjoint(image.numpy().tobytes() for image in first.train.images)


def test_unreadable_files_are_skipped_counted_and_named(home: Home, class_folders):
    root = class_folders({"a": 6, "b": 6}, "train")
    class_folders({"a": 3, "b": 3}, "test")
    (root / "train" / "a" / "000.png").write_bytes(b"no image")
    whole = (root / "train" / "b" / "005.png").read_bytes()
    (root / "train" / "b" / "005.png").write_bytes(whole[:-40])
    (root / "test" / "a" / "001.png").write_bytes(b"")
    bundle = open_folder(root, home)
    assert (len(bundle.train), len(bundle.test)) == (10, 5)
    assert torch.bincount(bundle.train.labels).tolist() == [5, 5]
    assert [name for name, _ in bundle.skipped] == ["train/a/000.png", "train/b/005.png", "test/a/001.png"]
    assert all(reason.endswith(".") for _, reason in bundle.skipped)
    assert same(bundle, open_folder(root, home))  # they are remembered with the cache


def test_a_class_without_a_readable_image(home: Home, class_folders):
    root = class_folders({"a": 3, "b": 3}, "train")
    class_folders({"a": 2, "b": 2}, "test")
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="test images"):
        open_folder(root, home)
    for path in (root / "train" / "b").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="“b”"):
        open_folder(root, home)
    assert list(home.data.iterdir()) == []


def test_images_of_any_size_and_kind(home: Home, tmp_path: Path):
    sizes = [(8, 8), (100, 20), (3, 50), (300, 301)]
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number, size in enumerate(sizes):
            picture(number, size).save(tmp_path / "set" / name / f"{number}.jpg")
        Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(tmp_path / "set" / name / "clear.png")
        Image.fromarray(np.full((5, 5), 65535, np.uint16)).save(tmp_path / "set" / name / "deep.png")
    bundle = open_folder(tmp_path / "set", home, size=16)
    assert len(bundle.train) + len(bundle.test) == 12
    assert not bundle.skipped


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_file_names_that_are_no_text(home: Home, class_folders):
    root = class_folders({"a": 4, "b": 4})
    try:
        (root / "a" / os.fsdecode(b"bad\xff.png")).write_bytes(b"no image")
    except OSError:
        pytest.skip("this disk takes only text")
    bundle = open_folder(root, home)
    assert [name for name, _ in bundle.skipped] == ["a/bad?.png"]
    assert same(bundle, open_folder(root, home))


def test_decoding_stops_though_no_file_is_done(home: Home, class_folders, monkeypatch):
    root = class_folders({"a": 300, "b": 300})
    stops: list[bool] = []
    decoding, release, read = False, threading.Event(), image_folder.read_image

    def held(path: Path) -> Image.Image:
        assert not decoding or release.wait(HANG_SECONDS), "nobody looked at the stop"
        return read(path)

    monkeypatch.setattr(image_folder, "read_image", held)

    def report(text: str, share: float | None) -> None:
        nonlocal decoding
        decoding = text.startswith("decoding")

    def should_stop() -> bool:
        if decoding:
            stops.append(True)
        return decoding

    with pytest.raises(Stopped):
        open_folder(root, home, report=report, should_stop=should_stop)
    assert stops == [True]
    assert list(home.data.iterdir()) == []
    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("decoding"):
            thread.join(HANG_SECONDS)  # each ends after the file it is at
            assert not thread.is_alive()


def test_looking_through_a_folder_stops_too(home: Home, class_folders):
    root = class_folders({"a": 30, "b": 30})
    with pytest.raises(Stopped):
        open_folder(root, home, should_stop=iter([False] * 20 + [True]).__next__)


def test_reading_the_cache_stops_too(home: Home, small_builtin):
    open_data(DataSpec(), 32, home)
    with pytest.raises(Stopped):
        open_data(DataSpec(), 32, home, should_stop=lambda: True)
    with pytest.raises(Stopped):
        open_data(DataSpec(), 16, home, should_stop=iter([False] * 4 + [True] * 9).__next__)


def test_too_many_images_for_the_memory(home: Home, class_folders, monkeypatch):
    root = class_folders({"a": 4, "b": 4})
    monkeypatch.setattr("resnet_studio.data.memory.physical_bytes", lambda: 2000)
    with pytest.raises(DataError, match="a smaller image size"):
        open_folder(root, home)
    monkeypatch.setattr("resnet_studio.data.memory.physical_bytes", lambda: 10**9)
    assert len(open_folder(root, home).train) == 6


def test_the_checksum_tells_every_difference(home: Home, small_builtin):
    bundle = open_data(DataSpec(), 32, home)
    train, test, class_names = bundle.train, bundle.test, bundle.class_names
    assert cache.checksum(train, test, class_names) == bundle.checksum
    images, labels = train.images.clone(), train.labels.clone()
    images[50, 1, 3, 3] ^= 1
    labels[7] += 1
    others = [
        cache.checksum(type(train)(images, train.labels), test, class_names),
        cache.checksum(type(train)(train.images, labels), test, class_names),
        cache.checksum(train, test, (*class_names[1:], class_names[0])),
        cache.checksum(test, train, class_names),
    ]
    assert len({bundle.checksum, *others}) == 5


@pytest.mark.real_cifar10
@pytest.mark.slow
def test_the_real_cifar10_folder(home: Home, cifar10_folder: Path):
    spec = DataSpec(source=f"folder:{cifar10_folder}")
    facts = describe(spec, home)
    assert (facts.training_images, facts.test_images, facts.ready) == (50_000, 10_000, False)
    assert facts.class_names == CIFAR10.class_names
    first = open_data(spec, 32, home)
    assert first.checksum == "67cb17e629ab9bfe56f51b9a26ae04ee41c1b54558aebc2cf5fa3c9e8f8d5ef7"
    assert torch.bincount(first.train.labels).tolist() == [5000] * 10
    assert torch.bincount(first.test.labels).tolist() == [1000] * 10
    for channel, mean in enumerate((0.4914, 0.4822, 0.4465)):  # as often printed
        counts = torch.bincount(first.train.images[:, channel].flatten(), minlength=256)
        assert float(counts.double() @ torch.arange(256.0, dtype=torch.float64)) / counts.sum() / 255 == pytest.approx(
            mean, abs=1e-4
        )
    with processor_time() as spent:
        second = open_data(spec, 32, home)
    assert spent.seconds < 4  # a second on two free cores
    assert same(first, second)
