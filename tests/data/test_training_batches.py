"""Training data: resident and streamed give the same, any number of processes too, whatever the start."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from resnet_studio.data import memory, training_batches
from resnet_studio.data.datasets import registry
from resnet_studio.data.image_set import ImageSet
from resnet_studio.data.images import read_image
from resnet_studio.data.random import epoch_order, scale_draws
from resnet_studio.data.repeated_images import repeated_images
from resnet_studio.data.streaming import scan
from resnet_studio.data.streaming.crops import CropSpec, crop_pixels, mean_crop
from resnet_studio.data.training_batches import StreamedTraining, TrainingData, open_training
from resnet_studio.domain.enums import Loading
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.specs import DataSpec, RecipeSpec, replace
from resnet_studio.platform.home import Home

from .conftest import picture
from .streaming.test_pool import alive, posix

SIZE, CPU = 16, torch.device("cpu")
SCALED = RecipeSpec(batch_size=7, augmentation="scale-crop-flip", scale_min=18, scale_max=30, data_seed=3, colour="pca")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """JPEG and PNG files of mixed sizes: 24 to train, 9 to test."""
    for number in range(33):
        part = "train" if number < 24 else "test"
        path = tmp_path / "set" / part / ("cat", "dog", "emu")[number % 3] / f"{number:02}.{('png', 'jpg')[number % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = picture(number, (6, 5))
        small.resize((19 + 3 * number, 95 - 2 * number), Image.Resampling.BICUBIC).save(path)
    return tmp_path / "set"


def opened(folder: Path | str, recipe: RecipeSpec, home: Home, workers: int = 0, **more) -> TrainingData:
    source = f"folder:{folder}" if isinstance(folder, Path) else folder
    data = {name: more.pop(name) for name in ("seed", "held_out", "test_on") if name in more}
    return open_training(DataSpec(source=source, **data), recipe, SIZE, home, workers=workers, **more)


def everything(data: TrainingData, iterations: range = range(1, 9)) -> list[torch.Tensor]:
    with data:
        preprocessing = data.preprocessing()
        batches = data.batches(preprocessing, CPU)
        pairs = [batches.batch(iteration) for iteration in iterations]
        pairs += data.test_batches(preprocessing, 4, CPU)
        pairs += data.training_views(preprocessing, CPU)
        parts = [preprocessing.mean, preprocessing.std, preprocessing.colour_values, preprocessing.colour_vectors]
        return [part for part in (*parts, *(part for pair in pairs for part in pair)) if part is not None]


def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("changes", [
    {},
    {"pad_with": "black", "colour": "pca"},
    {"augmentation": "none", "normalisation": "channel-mean-std", "colour": "pca"},
])  # fmt: skip
def test_streamed_and_resident_are_the_same(folder: Path, home: Home, changes: dict[str, str]):
    recipe = RecipeSpec(batch_size=7, data_seed=5, **changes)
    resident = opened(folder, replace(recipe, loading="resident"), home)
    streamed = opened(folder, replace(recipe, loading="streamed"), home, workers=1)
    assert (resident.loading, streamed.loading) == (Loading.RESIDENT, Loading.STREAMED)
    assert (resident.training_images, resident.test_images) == (streamed.training_images, streamed.test_images)
    assert same(everything(resident), everything(streamed))


def test_data_without_files_can_be_streamed_too(home_with_images: Home):
    found = []
    for loading, workers in (("resident", 0), ("streamed", 2)):
        recipe = RecipeSpec(batch_size=48, loading=loading)
        spec = DataSpec(held_out=600, seed=0, test_on="held-out")
        with open_training(spec, recipe, 32, home_with_images, workers=workers) as data:
            assert (data.training_images, data.test_images) == (11_400, 600)
            preprocessing = data.preprocessing()
            batches = data.batches(preprocessing, CPU)
            pairs = [*(batches.batch(number) for number in (1, 2, 300)), *data.test_batches(preprocessing, 250, CPU)]
            found.append([preprocessing.mean, *(part for pair in pairs for part in pair)])
            assert torch.cat([labels for _, labels in pairs[3:]]).bincount().tolist() == [60] * 10
    assert same(*found)


def test_any_number_of_processes_gives_identical_batches(folder: Path, home: Home):
    alone = everything(opened(folder, SCALED, home, workers=0))
    assert same(alone, everything(opened(folder, SCALED, home, workers=2)))


def test_a_scaled_batch_is_what_its_draws_say(folder: Path, home: Home):
    recipe = replace(SCALED, colour="none")
    files = sorted((folder / "train").glob("*/*"))
    centres = torch.stack([torch.from_numpy(crop_pixels(read_image(f), mean_crop(SIZE), SIZE).copy()) for f in files])
    with opened(folder, recipe, home) as data:
        preprocessing = data.preprocessing()
        assert torch.equal(preprocessing.mean, (centres.double().mean(0) / 255).float())
        batches = data.batches(preprocessing, CPU)
        assert batches.batches_per_epoch == 24 / 7
        for iteration in (1, 4, 9):  # the fourth straddles two epochs
            x, labels = batches.batch(iteration)
            for row in range(7):
                epoch, place = divmod((iteration - 1) * 7 + row, 24)
                index = epoch_order(3, epoch, 24, "cpu")[place].view(1)
                draws = scale_draws(3, torch.tensor([epoch]), index, 18, 30)
                pixels = crop_pixels(read_image(files[int(index)]), CropSpec(*(int(draw) for draw in draws)), SIZE)
                assert torch.equal(x[row], preprocessing.apply(torch.from_numpy(pixels.copy())[None])[0])
                assert ("cat", "dog", "emu")[int(labels[row])] == files[int(index)].parent.name


def test_a_batch_is_a_function_of_its_number(folder: Path, home: Home):
    with opened(folder, SCALED, home, workers=1) as data:
        preprocessing = data.preprocessing()
        wanted = {
            k: x for batches in [data.batches(preprocessing, CPU)] for k in range(1, 9) for x in [batches.batch(k)]
        }
        again = data.batches(preprocessing, CPU)
        for iteration in (5, 6, 2, 8, 8, 1):  # as after a resume, and in any order
            assert same(list(again.batch(iteration)), list(wanted[iteration]))


@pytest.mark.parametrize("loading", ["resident", "streamed"])
def test_test_images_that_are_training_images_are_counted(folder: Path, home: Home, loading: str):
    recipe = replace(SCALED, augmentation="none", colour="none", scale_min=256, scale_max=480, loading=loading)
    with opened(folder, recipe, home) as data:
        assert data.repeated == (0, 0)
    shutil.copy(folder / "train" / "cat" / "00.png", folder / "test" / "cat" / "another name.png")
    shutil.copy(folder / "train" / "cat" / "06.png", folder / "test" / "dog" / "of another class.png")
    shutil.copy(folder / "test" / "emu" / "26.png", folder / "test" / "emu" / "twice among the tests.png")
    for _time in ("looked at", "out of the cache"):
        with opened(folder, recipe, home) as data:
            assert (data.test_images, data.repeated) == (12, (2, 0))
    shutil.copy(folder / "train" / "cat" / "03.jpg", folder / "train" / "dog" / "a cat.jpg")
    shutil.copy(folder / "train" / "cat" / "03.jpg", folder / "train" / "cat" / "again.jpg")
    shutil.copy(folder / "train" / "emu" / "05.jpg", folder / "train" / "emu" / "twice in one class.jpg")
    with opened(folder, recipe, home) as data:
        assert data.repeated == (2, 3)


@pytest.mark.parametrize("loading", ["resident", "streamed"])
def test_repeated_images_of_a_set_without_files(home_with_images: Home, loading: str, monkeypatch: pytest.MonkeyPatch):
    of_all = registry.open_arrays(DataSpec(source="builtin"), home_with_images)
    of_all.test.images[5] = of_all.train.images[7]
    monkeypatch.setattr(training_batches, "open_arrays", lambda *_unused: of_all)
    monkeypatch.setattr(training_batches, "open_data", lambda *_unused: of_all)
    with opened("builtin", RecipeSpec(loading=loading), home_with_images) as data:
        assert data.repeated == (1, 0)


def test_scans_of_earlier_versions_are_made_again(folder: Path, home: Home, monkeypatch: pytest.MonkeyPatch):
    shutil.copy(folder / "train" / "cat" / "00.png", folder / "test" / "cat" / "another name.png")
    as_ever = scan.json.dumps
    with monkeypatch.context() as patch:
        patch.setattr(scan.json, "dumps", lambda value, **options: as_ever(_without(value, "repeated"), **options))
        opened(folder, SCALED, home).close()
    with opened(folder, SCALED, home) as data:
        assert data.repeated == (1, 0)


def _without(value: object, key: str) -> object:
    return {name: each for name, each in value.items() if name != key} if isinstance(value, dict) else value


def test_images_are_repeated_only_if_every_pixel_is_the_same():
    train = torch.randint(0, 256, (6, 3, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    test = train.clone()
    test[2, 1, 19, 3] ^= 1  # in a column that is not among those looked at first
    test[4, 0, 0, 0] ^= 1
    labels = torch.zeros(6, dtype=torch.int64)
    assert repeated_images(ImageSet(train, labels), ImageSet(test, labels)) == (4, 0)
    assert repeated_images(ImageSet(train[:1], labels[:1]), ImageSet(test[1:], labels[1:])) == (0, 0)
    both = ImageSet(torch.cat((train, test)), torch.cat((labels, labels + 1)))
    assert repeated_images(both, ImageSet(test[2:3], labels[:1])) == (1, 8)


def test_what_cannot_be_read_at_the_start_is_left_out_and_named(folder: Path, home: Home):
    broken = folder / "train" / "dog" / "04.png"
    broken.write_bytes(broken.read_bytes()[:200])
    (folder / "test" / "cat" / "24.png").write_bytes(b"nothing")
    kinds = [replace(SCALED, augmentation="none", colour="none", scale_min=256, scale_max=480, loading=loading)
             for loading in ("resident", "streamed")]  # fmt: skip
    resident, streamed = (opened(folder, recipe, home) for recipe in kinds)
    assert [name for name, _ in streamed.skipped] == ["train/dog/04.png", "test/cat/24.png"]
    assert streamed.skipped == resident.skipped
    assert same(everything(resident), everything(streamed))
    for number in range(24, 33):
        for path in (folder / "test").glob(f"*/{number}.*"):
            path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="None of the test images"):
        opened(folder, kinds[1], home)


def test_the_second_opening_remembers_the_first(folder: Path, home: Home):
    reports: list[str] = []
    first = opened(folder, SCALED, home, workers=1, report=lambda text, _: reports.append(text))
    assert reports[-1] == "looking at 33 images for the first time"
    reports.clear()
    second = opened(folder, SCALED, home, report=lambda text, _: reports.append(text))
    assert reports == ["looking through the folder"]
    assert second.checksum == first.checksum
    assert torch.equal(second.preprocessing().mean, first.preprocessing().mean)
    (cache,) = (home.cache / "data").iterdir()
    damaged = bytearray(cache.read_bytes())
    damaged[-1] ^= 1
    cache.write_bytes(damaged)
    assert torch.equal(opened(folder, SCALED, home).preprocessing().mean, first.preprocessing().mean)


def test_the_checksum_is_of_contents_not_of_times(folder: Path, home: Home):
    before = opened(folder, SCALED, home).checksum
    path = folder / "test" / "cat" / "24.png"
    os.utime(path, ns=(1, 1))
    assert opened(folder, SCALED, home).checksum == before
    picture(99, (40, 40)).save(path)
    assert opened(folder, SCALED, home).checksum != before


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_vanishes_while_training_is_named(folder: Path, home: Home, workers: int):
    with opened(folder, SCALED, home, workers=workers) as data:
        batches = data.batches(data.preprocessing(), CPU)
        batches.batch(1)
        for path in (folder / "train").glob("*/*"):
            path.unlink()
        with pytest.raises(DataError, match=r"train/.* could be read when the data was opened and no longer can"):
            batches.batch(20)


@posix
def test_a_stop_ends_waiting_and_processes(folder: Path, home: Home):
    stop: list[bool] = []
    with opened(folder, replace(SCALED, batch_size=4096), home, workers=2, should_stop=lambda: bool(stop)) as data:
        assert isinstance(data, StreamedTraining)
        batches = data.batches(data.preprocessing(), CPU)
        processes = data.process_ids
        stop.append(True)
        with pytest.raises(Stopped):
            batches.batch(1)
    assert len(processes) == 2
    assert not any(alive(process) for process in processes)


def test_a_stop_while_images_are_looked_at(folder: Path, home: Home):
    stops = iter([False] * 34 + [True] * 9)  # 33 while the folder is listed
    with pytest.raises(Stopped):
        opened(folder, SCALED, home, should_stop=lambda: next(stops))
    assert not (home.cache / "data").exists()


def test_auto_streams_what_is_large_or_needs_the_originals(folder: Path, home: Home, monkeypatch):
    assert opened(folder, SCALED, home).loading is Loading.STREAMED
    assert opened(folder, RecipeSpec(), home).loading is Loading.RESIDENT
    monkeypatch.setattr(memory, "physical_bytes", lambda: 33 * 3 * SIZE * SIZE * 3)
    assert opened(folder, RecipeSpec(), home).loading is Loading.STREAMED
    assert opened(folder, RecipeSpec(loading="resident"), home).loading is Loading.RESIDENT
    monkeypatch.setattr(memory, "physical_bytes", lambda: 33 * 3 * SIZE * SIZE)
    (home.data / next(home.data.glob("folder-*")).name).unlink()
    with pytest.raises(DataError, match="choose streamed loading"):
        opened(folder, RecipeSpec(loading="resident"), home)


def test_what_does_not_go_together_is_refused(folder: Path, home: Home):
    with pytest.raises(DataError, match="set loading to streamed or auto"):
        opened(folder, replace(SCALED, loading="resident"), home)
    with pytest.raises(DataError, match="choose data"):
        opened("none", RecipeSpec(), home)
    with opened(folder, SCALED, home) as data:
        data.batches(data.preprocessing(), CPU)
        with pytest.raises(ValueError, match="already go to cpu"):
            data.batches(data.preprocessing(), torch.device("meta"))


def test_resident_test_images_go_to_a_device_once(folder: Path, home: Home, monkeypatch: pytest.MonkeyPatch):
    data = opened(folder, RecipeSpec(batch_size=7, loading="resident"), home)
    there, copies, to = torch.device("meta"), [], ImageSet.to
    monkeypatch.setattr(ImageSet, "to", lambda self, device: copies.append(device) or to(self, device))
    for _ in range(3):
        batches = list(data.test_batches(data.preprocessing(), 4, there))
        assert [(len(x), x.device, y.device) for x, y in batches] == [(count, there, there) for count in (4, 4, 1)]
    assert copies == [there]


def test_copies_in_order_go_through_the_one_queue(folder: Path, home: Home, monkeypatch: pytest.MonkeyPatch):
    class Pinned:
        def is_pinned(self) -> bool:
            return True

        def to(self, device: torch.device, *, non_blocking: bool = False) -> tuple[torch.device, bool]:
            return device, non_blocking

    def beside(_device: torch.device) -> None:
        raise RuntimeError("copied beside the steps")

    monkeypatch.setattr(torch.cuda, "current_stream", beside)
    with opened(folder, SCALED, home) as data:
        batches = data.batches(data.preprocessing(), CPU)
        batches._loader._copying = torch.device("meta")  # as if there were a queue for copies
        with pytest.raises(RuntimeError, match="beside"):
            batches._loader.to_device(Pinned())
        batches.copy_in_order()
        assert batches._loader.to_device(Pinned()) == (CPU, True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_batches_are_those_of_the_cpu(folder: Path, home: Home):
    found = []
    for device in (CPU, torch.device("cuda")):
        with opened(folder, SCALED, home, workers=2) as data:
            preprocessing = data.preprocessing().to(device)
            batches = data.batches(preprocessing, device)
            pairs = [batches.batch(number) for number in range(1, 20)]
            batches.copy_in_order()
            pairs += [batches.batch(number) for number in range(20, 40)]
            pairs += data.test_batches(preprocessing, 4, device)
            found.append([part.cpu() for pair in pairs for part in pair])
    assert all((a - b).abs().max() < 1e-6 for a, b in zip(*found, strict=True))
