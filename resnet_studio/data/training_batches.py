"""Training data behind one protocol, whether all images lie decoded in memory or are decoded as they are needed.

Both give the same batches bit for bit (data without files that is resized excepted: there Pillow and torch may differ
by one level). Streaming is chosen by the recipe, or by itself where the images would take too much memory, or where
each epoch needs the originals (scale-crop-flip).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Protocol, Self

import torch
from torch import Tensor

from resnet_studio.data.augmentation import without_augmentation
from resnet_studio.data.batches import ResidentBatches, test_batches
from resnet_studio.data.datasets.describe import UNKNOWN, describe
from resnet_studio.data.datasets.folder_layout import Layout, refuse_lost_classes
from resnet_studio.data.datasets.image_folder import as_text, open_files
from resnet_studio.data.datasets.layouts import layout_of
from resnet_studio.data.datasets.registry import open_arrays, open_data
from resnet_studio.data.image_set import DataBundle
from resnet_studio.data.memory import fits
from resnet_studio.data.order import WHOLE, BatchShare
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.data.repeated_images import Repeated, repeated_images
from resnet_studio.data.streaming.batches import BatchLoader, StreamedBatches, streamed_tests, streamed_views
from resnet_studio.data.streaming.crops import SQUARE, mean_crop
from resnet_studio.data.streaming.pool import DecodingPool
from resnet_studio.data.streaming.scan import ScanResult, scan_images
from resnet_studio.data.streaming.sources import Source
from resnet_studio.domain.enums import Augmentation, Device, Loading
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.specs import DataSpec, RecipeSpec
from resnet_studio.platform.home import Home
from resnet_studio.platform.host import cores
from resnet_studio.text import _

_MOST_WORKERS = 16

Pairs = Iterator[tuple[Tensor, Tensor]]


class Batches(Protocol):
    """Training batches by iteration, counted from 1: images float32 (B, 3, S, S), labels int64 (B,)."""

    @property
    def batches_per_epoch(self) -> float: ...

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]: ...


class TrainingData(Protocol):
    """An opened data set. Used in a ``with`` block: whatever happens, its processes end with it.

    Attributes:
        loading: resident or streamed.
        checksum: Two runs with one checksum (and one way of loading) saw the same data.
        skipped: Files that could not be used: name and reason.
        repeated: What is there more than once.
    """

    loading: Loading
    class_names: tuple[str, ...]
    checksum: str
    skipped: tuple[tuple[str, str], ...]
    training_images: int
    test_images: int
    repeated: Repeated

    def preprocessing(self) -> Preprocessing:
        """Measured over the training set for the recipe's normalisation and colours, on the CPU."""

    def batches(self, preprocessing: Preprocessing, device: torch.device, share: BatchShare = WHOLE) -> Batches:
        """The recipe's training batches, or a share of each."""

    def test_batches(self, preprocessing: Preprocessing, batch_size: int, device: torch.device) -> Pairs:
        """The test set in order, a single central view each, the last batch shorter."""

    def training_views(self, preprocessing: Preprocessing, device: torch.device) -> Pairs:
        """Every training image at least once as tests see it, in a mixed order, in batches of the recipe's size."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_unused: object) -> None: ...


def open_training(
    spec: DataSpec, recipe: RecipeSpec, image_size: int, home: Home, report: Report = no_report,
    should_stop: StopCheck = never_stop, *, workers: int | None = None, beside: int = 0,
) -> TrainingData:  # fmt: skip
    """Open the data of a recipe.

    Args:
        spec: The data, and what of it is held out.
        recipe: Batches, augmentation, device and loading.
        image_size: S, height and width of what the networks see.
        home: Where the program keeps its files.
        report: Called with what is being done, from the calling thread, before this returns.
        should_stop: Called several times a second, later on too: batches that wait for images raise Stopped.
        workers: Decoding processes where images are streamed; None for a number that suits machine and device.
        beside: How many other processes of this machine hold and decode the same images at the same time.

    Raises:
        DataError: One sentence, if the data is not there, cannot be used or does not go with the recipe.
        Stopped: When ``should_stop`` says so.
    """
    if not spec.known:
        raise DataError(UNKNOWN)
    layout = layout_of(spec, home, report, should_stop)
    if not _streams(spec, recipe, image_size, layout, home, 1 + beside):
        if layout is None:
            bundle = open_data(spec, image_size, home, report, should_stop)
        else:
            bundle = open_files(layout, spec, image_size, home, report, should_stop)
        return ResidentTraining(bundle, recipe)
    source = Source.of_files(layout) if layout else Source.of_arrays(open_arrays(spec, home, report, should_stop), spec)
    crop = mean_crop(image_size) if recipe.augmentation is Augmentation.SCALE_CROP_FLIP else SQUARE
    many = _most_workers() if workers is None else workers
    scanned = scan_images(source, image_size, crop, many, home, report, should_stop)
    if layout:
        left = Counter(file.label for row, file in enumerate(layout.train) if row not in scanned.train)
        refuse_lost_classes(layout, left, len(layout.test) - len(scanned.test))
    return StreamedTraining(source, scanned, recipe, image_size, should_stop, workers, 1 + beside)


def _streams(
    spec: DataSpec, recipe: RecipeSpec, image_size: int, layout: Layout | None, home: Home, processes: int
) -> bool:
    scales = recipe.augmentation is Augmentation.SCALE_CROP_FLIP
    if recipe.loading is Loading.RESIDENT:
        if scales:
            raise DataError(
                _(
                    "Resident images are already resized, but scale-crop-flip resizes the originals anew each time; "
                    "set "
                    "loading to streamed or auto."
                )
            )
        return False
    if scales or recipe.loading is Loading.STREAMED:
        return True
    if layout:
        images = len(layout.train) + len(layout.test)
    else:
        facts = describe(spec, home)
        images = facts.training_images + facts.test_images
    cuda = recipe.device in (Device.AUTO, Device.CUDA) and torch.cuda.is_available()
    if cuda:  # a device of its own for each process
        return not fits(images, image_size, torch.cuda.get_device_properties(0).total_memory)
    return not fits(images * processes, image_size, None)


def _most_workers() -> int:
    return min(cores(), _MOST_WORKERS)


def _usual_workers(device: torch.device, processes: int) -> int:
    """Decoding processes for each of ``processes`` that train.

    On a CPU, training is so much slower than decoding that a core in four is more than enough.
    """
    most = max(1, _most_workers() // processes)
    return max(1, most // 4) if device.type == "cpu" else max(1, most - 1)


class ResidentTraining:
    """All images decoded, in memory or on the device."""

    loading = Loading.RESIDENT

    def __init__(self, bundle: DataBundle, recipe: RecipeSpec) -> None:
        self._bundle, self._recipe = bundle, recipe
        self._test = bundle.test  # where it was tested last
        self.class_names, self.checksum, self.skipped = bundle.class_names, bundle.checksum, bundle.skipped
        self.training_images, self.test_images = len(bundle.train), len(bundle.test)
        self.repeated = repeated_images(bundle.train, bundle.test)

    def preprocessing(self) -> Preprocessing:
        return Preprocessing.measure(self._bundle.train.images, self._recipe.normalisation, self._recipe.colour)

    def batches(self, preprocessing: Preprocessing, device: torch.device, share: BatchShare = WHOLE) -> ResidentBatches:
        return ResidentBatches(self._bundle.train, preprocessing, self._recipe, device=device, share=share)

    def test_batches(self, preprocessing: Preprocessing, batch_size: int, device: torch.device) -> Pairs:
        if self._test.images.device.type != device.type:
            self._test = self._bundle.test.to(device)
        return test_batches(self._test, preprocessing, batch_size=batch_size, device=device)

    def training_views(self, preprocessing: Preprocessing, device: torch.device) -> Pairs:
        plain = ResidentBatches(self._bundle.train, preprocessing, without_augmentation(self._recipe), device=device)
        return (plain.batch(number + 1) for number in range(math.ceil(plain.batches_per_epoch)))

    def close(self) -> None:
        """There is nothing to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()


class StreamedTraining:
    """Images decoded by processes, which start for the first batch and end when this is closed."""

    loading = Loading.STREAMED

    def __init__(
        self, source: Source, scanned: ScanResult, recipe: RecipeSpec, size: int, should_stop: StopCheck,
        workers: int | None, processes: int = 1,
    ) -> None:  # fmt: skip
        refused = [(source.train.name(row), why) for row, why in sorted(scanned.train.items())]
        refused += [(source.test.name(row), why) for row, why in sorted(scanned.test.items())]
        self._source = source.without(scanned.train, scanned.test)
        self._moments, self._recipe, self._size, self._should_stop = scanned.moments, recipe, size, should_stop
        self._workers, self._processes = workers, processes
        self._loader: BatchLoader | None = None
        self.class_names, self.checksum = source.class_names, scanned.checksum
        self.skipped = as_text((*source.unusable, *refused))
        self.training_images, self.test_images = len(self._source.train), len(self._source.test)
        self.repeated = scanned.repeated

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the decoding processes, while there are any."""
        return self._loader.pool.process_ids if self._loader else ()

    def preprocessing(self) -> Preprocessing:
        return Preprocessing.of(self._moments, self._recipe.normalisation, self._recipe.colour)

    def batches(self, preprocessing: Preprocessing, device: torch.device, share: BatchShare = WHOLE) -> StreamedBatches:
        return StreamedBatches(self._source.train, preprocessing, self._recipe, self._loading(device), share)

    def test_batches(self, preprocessing: Preprocessing, batch_size: int, device: torch.device) -> Pairs:
        return streamed_tests(self._source.test, preprocessing, batch_size, self._loading(device))

    def training_views(self, preprocessing: Preprocessing, device: torch.device) -> Pairs:
        return streamed_views(self._source.train, preprocessing, self._recipe, self._loading(device))

    def _loading(self, device: torch.device) -> BatchLoader:
        if self._loader is None:
            workers = _usual_workers(device, self._processes) if self._workers is None else self._workers
            pool = DecodingPool(self._source.root, self._size, workers)
            self._loader = BatchLoader(pool, self._size, device, self._should_stop)
        elif self._loader.device != device:
            raise ValueError(f"batches already go to {self._loader.device}, not to {device}")
        return self._loader

    def close(self) -> None:
        """End the decoding processes, at once."""
        if self._loader is not None:
            self._loader.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()
