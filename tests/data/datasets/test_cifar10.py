"""CIFAR-10: read as torchvision reads it; fetched only when asked, from a server of our own on this machine."""

from __future__ import annotations

import hashlib
import http.server
import io
import pickle
import socket
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from resnet_studio.data.datasets import paths
from resnet_studio.data.datasets.describe import describe
from resnet_studio.data.datasets.registry import download_cifar10, open_data
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home

SPEC = DataSpec(source="cifar10")
IMAGES = 20  # in each of the six files


class Server:
    """Serves one archive on 127.0.0.1; ``manner`` is how: whole, cut, damaged, missing, stalled or slow."""

    def __init__(self, body: bytes) -> None:
        self.requests = 0
        self.body, self.manner = body, "whole"
        self.release = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/cifar-10-python.tar.gz"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        if self.manner == "missing":
            handler.send_error(404)
            return
        body = self.body if self.manner != "damaged" else b"x" + self.body[1:]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.manner in ("whole", "damaged"):
            handler.wfile.write(body)
            return
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        if self.manner == "stalled":
            self.release.wait(20)

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def archive(files: dict[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        for info in extra:
            tar.addfile(info, io.BytesIO(b"\0" * info.size))
    return buffer.getvalue()


@pytest.fixture
def files() -> dict[str, bytes]:
    """Files of the original's form with random pixels."""
    random = np.random.default_rng(0)
    made = {}
    for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list):
        pixels = random.integers(0, 256, (IMAGES, 3072), dtype=np.uint8)
        made[name] = pickle.dumps({"data": pixels, "labels": [row % 10 for row in range(IMAGES)]})
    made["batches.meta"] = pickle.dumps({"label_names": list(paths.CIFAR10_NAMES)})
    made["readme.html"] = b"not needed"
    return made


@pytest.fixture
def server(files: dict[str, bytes], monkeypatch):
    """A server that torchvision's constants point to."""

    def md5(body: bytes) -> str:
        return hashlib.md5(body, usedforsecurity=False).hexdigest()

    served = Server(archive(files))
    monkeypatch.setattr(CIFAR10, "url", served.url)
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(served.body))
    monkeypatch.setattr(CIFAR10, "train_list", [[name, md5(files[name])] for name, _ in CIFAR10.train_list])
    monkeypatch.setattr(CIFAR10, "test_list", [[name, md5(files[name])] for name, _ in CIFAR10.test_list])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": md5(files["batches.meta"])})
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield served
    served.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "download"]


def left_behind(home: Home) -> list[str]:
    root = paths.cifar10_root(home)
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_torchvisions_own_constants_are_used():
    assert CIFAR10.url.startswith("https://www.cs.toronto.edu/")
    assert CIFAR10.tgz_md5 == "c58f30108f718f92721af3b95e74349a"
    listed = [name for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)]
    assert sorted((*listed, CIFAR10.meta["filename"])) == sorted(paths._CIFAR10_FILES)


def test_opening_never_downloads(home: Home, server: Server):
    with pytest.raises(DataError, match="resnet-studio data download cifar10"):
        open_data(SPEC, 32, home)
    assert not describe(SPEC, home).ready
    assert server.requests == 0
    assert left_behind(home) == []


def test_download_verify_unpack_open(home: Home, server: Server, files):
    reports: list[tuple[str, float | None]] = []
    download_cifar10(home, lambda text, share: reports.append((text, share)))
    assert left_behind(home) == ["cifar-10-batches-py"]
    assert "readme.html" not in [path.name for path in (paths.cifar10_root(home) / "cifar-10-batches-py").iterdir()]
    shares = [share for text, share in reports if text == "downloading cifar-10-python.tar.gz"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert describe(SPEC, home).ready

    bundle = open_data(SPEC, 32, home)
    assert (len(bundle.train), len(bundle.test)) == (5 * IMAGES, IMAGES)
    assert bundle.class_names == paths.CIFAR10_NAMES
    pixels = pickle.loads(files["data_batch_2"])["data"].reshape(-1, 3, 32, 32)
    assert torch.equal(bundle.train.images[IMAGES : 2 * IMAGES], torch.from_numpy(pixels))
    assert bundle.train.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert tuple(open_data(SPEC, 16, home).test.images.shape) == (IMAGES, 3, 16, 16)

    download_cifar10(home)
    assert server.requests == 1


def test_an_archive_that_someone_brought_is_unpacked(home: Home, server: Server):
    path = paths.cifar10_root(home) / "cifar-10-python.tar.gz"
    path.parent.mkdir()
    path.write_bytes(server.body)
    download_cifar10(home)
    assert server.requests == 0
    assert left_behind(home) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]
    assert len(open_data(SPEC, 32, home).train) == 5 * IMAGES


@pytest.mark.parametrize(
    ("manner", "words"), [("missing", "404"), ("cut", "MD5 sum|IncompleteRead"), ("damaged", "MD5 sum")]
)
def test_failed_downloads_are_one_sentence_and_leave_nothing(home: Home, server: Server, manner: str, words: str):
    server.manner = manner
    with pytest.raises(DataError, match=words) as caught:
        download_cifar10(home)
    assert str(caught.value).endswith("try again.")
    assert left_behind(home) == []
    server.manner = "whole"
    download_cifar10(home)
    assert describe(SPEC, home).ready


def test_an_unreachable_server(home: Home, server: Server, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{port}/cifar-10-python.tar.gz")
    with pytest.raises(DataError, match=r"refused.*check the network connection and try again"):
        download_cifar10(home)
    assert left_behind(home) == []


def test_an_unknown_server(home: Home, server: Server, monkeypatch):
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(CIFAR10, "url", "http://no-such-server.invalid/cifar-10-python.tar.gz")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DataError, match="name is not known"):
        download_cifar10(home)


def test_a_stalled_download_stops_within_a_second(home: Home, server: Server):
    server.manner = "stalled"
    stop = threading.Event()
    asked: list[float] = []

    def report(text: str, share: float | None) -> None:
        if share is not None and share >= 0.45 and not stop.is_set():
            asked.append(time.perf_counter())
            stop.set()

    with pytest.raises(Stopped):
        download_cifar10(home, report, stop.is_set)
    assert time.perf_counter() - asked[0] < 1
    assert left_behind(home) == []


def test_a_silent_server_is_given_up(home: Home, server: Server, monkeypatch):
    monkeypatch.setattr("resnet_studio.data.datasets.download._SILENCE_SECONDS", 0.3)
    server.manner = "stalled"
    with pytest.raises(DataError, match="does not answer"):
        download_cifar10(home)
    assert left_behind(home) == []


def test_unpacking_stops_and_leaves_nothing(home: Home, server: Server):
    unpacking: list[str] = []
    with pytest.raises(Stopped):
        download_cifar10(
            home, lambda text, share: unpacking.append(text) if "unpacking" in text else None, lambda: bool(unpacking)
        )
    assert left_behind(home) == []


def test_damaged_files_are_noticed_and_mended(home: Home, server: Server):
    download_cifar10(home)
    path = paths.cifar10_root(home) / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"is damaged.*data download cifar10"):
        open_data(SPEC, 32, home)
    download_cifar10(home)
    assert len(open_data(SPEC, 32, home).train) == 5 * IMAGES


def test_a_hostile_archive_writes_nothing_elsewhere(home: Home, server: Server, files, monkeypatch, tmp_path: Path):
    link = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "target")
    outside = [tarfile.TarInfo(name) for name in ("../../outside", "/tmp/resnet-studio-outside", "outside")]
    for info in outside:
        info.size = 5
    others = {name: body for name, body in files.items() if name != "data_batch_1"}
    server.body = archive(others, link, *outside)
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(server.body, usedforsecurity=False).hexdigest())
    with pytest.raises(DataError, match="lacks cifar-10-batches-py/data_batch_1"):
        download_cifar10(home)
    assert left_behind(home) == []
    assert not list(tmp_path.rglob("*outside*"))
    assert not Path("/tmp/resnet-studio-outside").exists()


def test_a_full_disk_is_one_sentence(home: Home, server: Server, monkeypatch):
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("resnet_studio.data.datasets.cifar10._copy", full)
    with pytest.raises(DataError, match="No space left on device"):
        download_cifar10(home)
    assert left_behind(home) == []
