"""What a decoding process does: reads image files, crops them, and sends pixels back through a pipe.

Started by :mod:`resnet_studio.data.streaming.pool`; it loads Pillow and NumPy but not torch, keeps nothing between two
tasks, and ends when its input ends: at the latest when the program that started it has ended, in whatever way. Messages
are a JSON head and a body of bytes, each with its length.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_studio.data.images import read_image
from resnet_studio.data.streaming.crops import CropSpec, crop_pixels
from resnet_studio.domain.errors import DataError
from resnet_studio.text import _

Pixels = npt.NDArray[np.uint8]
_LENGTHS = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True)
class Task:
    """A few images to decode.

    Attributes:
        names: Files below the root; only for messages where ``raw`` has the pixels.
        crops: One for each.
        raw: Images that need no decoding, uint8 (n, 3, H, W), or None.
        scan: The reply has the sums over the images and the files' sha256, not the pixels.
    """

    names: Sequence[str]
    crops: Sequence[CropSpec]
    raw: Pixels | None = None
    scan: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What one task found out besides pixels.

    Attributes:
        errors: Why an image could not be read, by its position in the task.
        hashes: sha256 of each file, hex (scan of files).
        sums: int64 (3, S, S), the sum of the readable images (scan).
        products: int64 (3, 3), sums over all their pixels of one colour times another (scan).
    """

    errors: dict[int, str] = field(default_factory=dict)
    hashes: tuple[str, ...] = ()
    sums: npt.NDArray[np.int64] | None = None
    products: npt.NDArray[np.int64] | None = None


def perform(root: Path, size: int, task: Task, into: Pixels | None) -> Reply:
    """Decode and crop the images of ``task``; the pixels go ``into`` (n, 3, size, size), black where unreadable."""
    errors: dict[int, str] = {}
    hashes: list[str] = []
    sums = np.zeros((3, size, size), np.int64)
    products = np.zeros((3, 3), np.int64)
    for row, (name, crop) in enumerate(zip(task.names, task.crops, strict=True)):
        pixels, digest = None, ""
        try:
            if task.raw is not None:
                image = Image.fromarray(np.ascontiguousarray(task.raw[row].transpose(1, 2, 0)))
            elif task.scan:
                content = _content(root / name)
                digest = hashlib.sha256(content).hexdigest()
                image = read_image(content, crop.enough, Path(name).name)
            else:
                image = read_image(root / name, crop.enough)
            pixels = crop_pixels(image, crop, size)
        except DataError as error:
            errors[row] = str(error)
        hashes.append(digest)
        if into is not None:
            into[row] = 0 if pixels is None else pixels
        elif pixels is not None:
            sums += pixels
            flat = pixels.reshape(3, -1).astype(np.float64)
            products += (flat @ flat.T).astype(np.int64)  # exact: far below 2**53
    if task.scan:
        return Reply(errors, tuple(hashes), sums, products)
    return Reply(errors)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            _("{name} cannot be opened ({strerror}); check the file.", name=path.name, strerror=error.strerror or error)
        ) from None


def serve(root: Path, size: int) -> None:
    """PendingReply tasks from standard input on standard output until the input ends."""
    source, replies = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a decoder's library prints must not get between the replies, nor fill a terminal.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        while (request := receive(source)) is not None:
            head, body = request
            task = _task(head, body)
            count = 0 if task.scan else len(task.names)
            pixels = np.empty((count, 3, size, size), np.uint8)
            reply = perform(root, size, task, None if task.scan else pixels)
            head = {"errors": list(reply.errors.items()), "hashes": reply.hashes}
            if reply.sums is None or reply.products is None:
                send(replies, head, pixels)
            else:
                send(replies, head, np.concatenate((reply.sums.reshape(-1), reply.products.reshape(-1))))
    except (BrokenPipeError, EOFError):
        pass  # the other side has ended
    os._exit(0)  # no more writing: the pipe may be gone


def _task(head: dict[str, Any], body: bytes) -> Task:
    raw = np.frombuffer(body, np.uint8).reshape(head["shape"]) if head["shape"] else None
    return Task(head["names"], [CropSpec(*crop) for crop in head["crops"]], raw, head["scan"])


def send(stream: IO[bytes], head: dict[str, Any], body: npt.NDArray[Any] | None = None) -> None:
    """Raises OSError (BrokenPipeError) when the other side has ended."""
    text = json.dumps(head).encode()  # ASCII: file names that are no text survive
    data = None if body is None else np.ascontiguousarray(body).reshape(-1).view(np.uint8)
    stream.write(_LENGTHS.pack(len(text), 0 if data is None else len(data)) + text)
    if data is not None and len(data):
        stream.write(data.data)
    stream.flush()


def receive(stream: IO[bytes], into: npt.NDArray[Any] | None = None) -> tuple[dict[str, Any], bytes] | None:
    """The next message on ``stream``; None where it ends.

    ``into`` is contiguous memory for the body, which must have its size; the body returned is then empty.

    Raises:
        EOFError: If the stream ends within a message.
    """
    start = stream.read(_LENGTHS.size)
    if not start:
        return None
    if len(start) < _LENGTHS.size:
        raise EOFError
    head_bytes, body_bytes = _LENGTHS.unpack(start)
    head = json.loads(_exactly(stream, head_bytes))
    if into is None:
        return head, _exactly(stream, body_bytes)
    if body_bytes != into.nbytes:
        raise ValueError(f"{into.nbytes} bytes were expected, {body_bytes} came")
    view = into.reshape(-1).view(np.uint8).data
    done = 0
    while done < body_bytes:
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        done += count
    return head, b""


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
