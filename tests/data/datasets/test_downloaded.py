"""Downloaded data sets: fetched on request only, from a server of our own on this machine; verified; read whole."""

from __future__ import annotations

import importlib.util
import os
import pickle
import socket
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from resnet_studio.data.datasets import paths, readers
from resnet_studio.data.datasets.describe import describe
from resnet_studio.data.datasets.downloaded import download
from resnet_studio.data.datasets.registry import open_data
from resnet_studio.data.training_batches import open_training
from resnet_studio.domain import data_sets
from resnet_studio.domain.data_sets import DataSetRow, find_data_set
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

from . import small_sets
from .conftest import Server
from .small_sets import KEYS, TEST, TRAIN, SmallSet

SPEC = DataSpec(source="cifar10")


def serve(key: str, server: Server, monkeypatch) -> tuple[SmallSet, DataSetRow]:
    small = small_sets.make(key)
    server.files = dict(small.served)
    return small, small_sets.install(small, server.url, monkeypatch)


@pytest.fixture
def row(server: Server, monkeypatch) -> DataSetRow:
    """CIFAR-10, small."""
    return serve("cifar10", server, monkeypatch)[1]


def left_behind(home: Home, row: DataSetRow) -> list[str]:
    root = paths.data_set_folder(home, row)
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


@pytest.mark.parametrize("key", KEYS)
def test_rows_say_what_torchvision_says(key: str):
    row = find_data_set(key)
    assert row is not None
    urls = {
        "cifar10": [(datasets.CIFAR10.url, datasets.CIFAR10.tgz_md5)],
        "cifar100": [(datasets.CIFAR100.url, datasets.CIFAR100.tgz_md5)],
        "svhn": [(datasets.SVHN.split_list[part][0], datasets.SVHN.split_list[part][2]) for part in ("train", "test")],
        "fashion-mnist": [
            (f"{datasets.FashionMNIST.mirrors[0]}{name}", md5) for name, md5 in datasets.FashionMNIST.resources
        ],
        "stl10": [(datasets.STL10.url, datasets.STL10.tgz_md5)],
    }
    assert [(file.url, file.md5) for file in row.downloads] == urls[key]
    members = readers.READERS[key].members()
    assert sorted(row.files) == sorted(members or [file.name for file in row.downloads])


@pytest.mark.parametrize("key", KEYS)
def test_a_run_trains_and_is_evaluated(home: Home, server: Server, monkeypatch, tiny_run: RunSpec, key: str):
    """The same way from a data set's files to a stored error as for any other data."""
    _, row = serve(key, server, monkeypatch)
    spec = replace_spec(
        tiny_run,
        data=DataSpec(source=key),
        network=replace_spec(tiny_run.network, classes=len(row.class_names)),
        recipe=replace_spec(
            tiny_run.recipe, iterations=3, milestones=(), test_every=3, normalisation="channel-mean-std"
        ),
    )
    store = RunStore.open(home)
    try:
        with pytest.raises(DataError, match=f"resnet-studio data download {key}"):
            run_cohort.run(CohortSpec(runs=(spec,)), store, lambda event: None)
        download(row, home)
        (run,) = run_cohort.run(CohortSpec(runs=(spec,)), store, lambda event: None)
        assert (run.status, run.class_names) == (RunStatus.FINISHED, row.class_names)
        assert run.environment["training_images"] == str(TRAIN)
        found = evaluate([load(store, run)], spec.data, Protocol(), home)
        assert (found.images, found.class_names) == (TEST, row.class_names)
        assert found.top1_error == pytest.approx(run.test_error)
    finally:
        store.close()


def test_fashion_mnist_has_torchvisions_class_names():
    assert list(data_sets.FASHION_MNIST.class_names) == datasets.FashionMNIST.classes


@pytest.mark.parametrize("key", KEYS)
def test_download_verify_open(home: Home, server: Server, monkeypatch, key: str):
    small, row = serve(key, server, monkeypatch)
    spec = DataSpec(source=key)
    with pytest.raises(DataError, match=f"resnet-studio data download {key}"):
        open_data(spec, row.image_size, home)
    before = describe(spec, home)
    assert (before.ready, before.missing, before.training_images, before.test_images) == (False, True, TRAIN, TEST)
    assert server.requests == 0
    assert left_behind(home, row) == []

    reports: list[tuple[str, float | None]] = []
    download(row, home, lambda text, share: reports.append((text, share)))
    for file in row.downloads:
        shares = [share for text, share in reports if text == f"downloading {file.name}"]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
    assert left_behind(home, row) == sorted({name.partition("/")[0] for name in row.files})
    facts = describe(spec, home)
    assert (facts.ready, facts.missing, facts.note) == (True, False, "")

    bundle = open_data(spec, row.image_size, home)
    assert bundle.class_names == row.class_names == facts.class_names
    for part, opened in (("train", bundle.train), ("test", bundle.test)):
        wanted = np.broadcast_to(small.images[part], (len(opened), 3, row.image_size, row.image_size))
        assert np.array_equal(opened.images.numpy(), wanted)
        assert opened.labels.tolist() == small.labels[part]
    assert tuple(open_data(spec, 16, home).test.images.shape) == (TEST, 3, 16, 16)

    download(row, home)
    assert server.requests == len(row.downloads)


@pytest.mark.parametrize("key", KEYS)
def test_resident_and_streamed_training_see_the_same(home: Home, server: Server, monkeypatch, key: str):
    _, row = serve(key, server, monkeypatch)
    download(row, home)
    seen = []
    for loading in (Loading.RESIDENT, Loading.STREAMED):
        recipe = RecipeSpec(batch_size=8, loading=loading)
        with open_training(DataSpec(source=key), recipe, row.image_size, home, workers=0) as data:
            assert (data.training_images, data.test_images, data.class_names) == (TRAIN, TEST, row.class_names)
            seen.append(data.batches(data.preprocessing(), torch.device("cpu")).batch(3))
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1], seen[1][1])


@pytest.mark.parametrize("key", KEYS)
def test_images_can_be_held_out(home: Home, server: Server, monkeypatch, key: str):
    _, row = serve(key, server, monkeypatch)
    download(row, home)
    if 2 * len(row.class_names) > TRAIN:  # one image of a class is all there is
        with pytest.raises(DataError, match="hold out fewer"):
            describe(DataSpec(source=key, held_out=TRAIN - 1), home)
        return
    spec = DataSpec(source=key, held_out=20, seed=3, test_on="held-out")
    facts, bundle = describe(spec, home), open_data(spec, 16, home)
    assert (facts.training_images, facts.test_images) == (len(bundle.train), len(bundle.test)) == (TRAIN - 20, 20)


@pytest.mark.parametrize("key", KEYS)
def test_nothing_is_read_before_it_is_verified(home: Home, server: Server, monkeypatch, tmp_path: Path, key: str):
    """A file that runs code when it is unpickled is refused by its checksum."""
    _, row = serve(key, server, monkeypatch)
    download(row, home)
    for name in row.files:
        path = paths.data_set_folder(home, row) / name
        whole = path.read_bytes()
        path.write_bytes(pickle.dumps(_Hostile(tmp_path / "run")))
        with pytest.raises(DataError, match=f"is damaged; get it again with: resnet-studio data download {key}"):
            open_data(DataSpec(source=key), row.image_size, home)
        path.write_bytes(whole)
    assert not (tmp_path / "run").exists()
    pickle.loads(pickle.dumps(_Hostile(tmp_path / "run")))  # it would have
    assert (tmp_path / "run").exists()


class _Hostile:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self):
        return os.mkdir, (os.fspath(self._folder),)


def test_a_missing_package_is_one_sentence(home: Home, server: Server, monkeypatch):
    _, row = serve("svhn", server, monkeypatch)
    download(row, home)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "scipy" else real(name, *more))
    with pytest.raises(DataError, match="pip install scipy") as caught:
        open_data(DataSpec(source="svhn"), 32, home)
    facts = describe(DataSpec(source="svhn"), home)
    assert (facts.ready, facts.missing, facts.note) == (False, False, str(caught.value))


def test_only_the_labelled_part_of_an_archive_is_kept(home: Home, server: Server, monkeypatch):
    _, row = serve("stl10", server, monkeypatch)
    download(row, home)
    kept = sorted(path.name for path in (paths.data_set_folder(home, row) / "stl10_binary").iterdir())
    assert kept == ["test_X.bin", "test_y.bin", "train_X.bin", "train_y.bin"]


def test_whole_files_are_not_fetched_again(home: Home, server: Server, monkeypatch):
    """A download of several files that was stopped goes on with the file it was at."""
    _, row = serve("fashion-mnist", server, monkeypatch)
    second = row.downloads[1].name
    stop: list[str] = []
    with pytest.raises(Stopped):
        download(row, home, lambda text, share: stop.append(text) if second in text else None, lambda: bool(stop))
    assert left_behind(home, row) == [row.downloads[0].name]
    requests = server.requests
    download(row, home)
    assert server.requests == requests + len(row.downloads) - 1
    assert len(open_data(DataSpec(source="fashion-mnist"), 28, home).train) == TRAIN


def test_an_archive_that_is_there_already_is_unpacked(home: Home, server: Server, row: DataSetRow):
    path = paths.data_set_folder(home, row) / "cifar-10-python.tar.gz"
    path.parent.mkdir()
    path.write_bytes(server.files[path.name])
    download(row, home)
    assert server.requests == 0
    assert left_behind(home, row) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]
    assert len(open_data(SPEC, 32, home).train) == TRAIN


@pytest.mark.parametrize(
    ("manner", "words"), [("missing", "404"), ("cut", "MD5 sum|IncompleteRead"), ("damaged", "MD5 sum")]
)
def test_failed_downloads_are_one_sentence_and_leave_nothing(
    home: Home, server: Server, row: DataSetRow, manner: str, words: str
):
    server.manner = manner
    with pytest.raises(DataError, match=words) as caught:
        download(row, home)
    assert str(caught.value).endswith("try again.")
    assert left_behind(home, row) == []
    server.manner = "whole"
    download(row, home)
    assert describe(SPEC, home).ready


def test_an_unreachable_server(home: Home, server: Server, row: DataSetRow, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    row = moved(row, f"http://127.0.0.1:{port}/cifar-10-python.tar.gz")
    with pytest.raises(DataError, match=r"refused.*check the network connection and try again"):
        download(row, home)
    assert left_behind(home, row) == []


def test_an_unknown_server(home: Home, server: Server, row: DataSetRow, monkeypatch):
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    row = moved(row, "http://no-such-server.invalid/cifar-10-python.tar.gz")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DataError, match="name is not known"):
        download(row, home)


def test_a_stalled_download_stops_before_it_is_given_up(home: Home, server: Server, row: DataSetRow):
    server.manner = "stalled"
    stop = threading.Event()

    def report(text: str, share: float | None) -> None:
        if share is not None and share >= 0.45:
            stop.set()

    with pytest.raises(Stopped):
        download(row, home, report, stop.is_set)
    assert left_behind(home, row) == []


def test_a_silent_server_is_given_up(home: Home, server: Server, row: DataSetRow, monkeypatch):
    monkeypatch.setattr("resnet_studio.data.datasets.download._TIMEOUT_SECONDS", 0.3)
    server.manner = "stalled"
    with pytest.raises(DataError, match="does not answer"):
        download(row, home)
    assert left_behind(home, row) == []


def test_unpacking_stops_and_leaves_nothing(home: Home, server: Server, row: DataSetRow):
    unpacking: list[str] = []
    with pytest.raises(Stopped):
        download(
            row,
            home,
            lambda text, share: unpacking.append(text) if "unpacking" in text else None,
            lambda: bool(unpacking),
        )
    assert left_behind(home, row) == []


def test_damaged_files_are_noticed_and_mended(home: Home, server: Server, row: DataSetRow):
    download(row, home)
    path = paths.data_set_folder(home, row) / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"is damaged.*data download cifar10"):
        open_data(SPEC, 32, home)
    download(row, home)
    assert len(open_data(SPEC, 32, home).train) == TRAIN


def test_a_hostile_archive_writes_nothing_elsewhere(home: Home, server: Server, monkeypatch, tmp_path: Path):
    small, row = serve("cifar10", server, monkeypatch)
    link = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "target")
    outside = [tarfile.TarInfo(name) for name in ("../../outside", "/tmp/resnet-studio-outside", "outside")]
    for info in outside:
        info.size = 5
    others = {name: body for name, body in small.packed.items() if name != "cifar-10-batches-py/data_batch_1"}
    body = small_sets.archive(others, link, *outside)
    server.files = {row.downloads[0].name: body}
    row = replace(row, downloads=(replace(row.downloads[0], md5=small_sets.md5(body)),))
    with pytest.raises(DataError, match="lacks cifar-10-batches-py/data_batch_1"):
        download(row, home)
    assert left_behind(home, row) == []
    assert not list(tmp_path.rglob("*outside*"))
    assert not Path("/tmp/resnet-studio-outside").exists()


def test_a_full_disk_is_one_sentence(home: Home, server: Server, row: DataSetRow, monkeypatch):
    def full(*args: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extract", full)
    with pytest.raises(DataError, match="No space left on device"):
        download(row, home)
    assert left_behind(home, row) == []


def moved(row: DataSetRow, url: str) -> DataSetRow:
    return replace(row, downloads=(replace(row.downloads[0], url=url),))
