"""What a decoding process does: reads image files, cuts them, and sends pixels back through a pipe.

Started with ``python -c`` by :mod:`resnet_studio.data.streaming.pool`; it loads Pillow and NumPy but never torch, keeps
nothing between two tasks, and ends when its input ends: that is, at the latest, when the program that started it is
gone, however it went.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_studio.data.images import read_image
from resnet_studio.data.streaming import messages
from resnet_studio.data.streaming.crops import Cut, cut_pixels
from resnet_studio.domain.errors import DataError

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Task:
    """A few images to decode.

    Attributes:
        names: Files below the root; only for messages where ``raw`` has the pixels.
        cuts: One for each.
        raw: Images that need no decoding, uint8 (n, 3, H, W), or None.
        survey: Wanted are the sums over the images and the files' sha256, not the pixels.
    """

    names: Sequence[str]
    cuts: Sequence[Cut]
    raw: Pixels | None = None
    survey: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Attributes:
    errors: Why an image could not be read, by its position in the task.
    hashes: sha256 of each file, hex (survey of files).
    sums: int64 (3, S, S), the sum of the readable images (survey).
    products: int64 (3, 3), sums over all their pixels of one colour times another (survey).
    """

    errors: dict[int, str] = field(default_factory=dict)
    hashes: tuple[str, ...] = ()
    sums: npt.NDArray[np.int64] | None = None
    products: npt.NDArray[np.int64] | None = None


def perform(root: Path, size: int, task: Task, into: Pixels | None) -> Reply:
    """Decode and cut the images of ``task``; the pixels go ``into`` (n, 3, size, size), black where unreadable."""
    errors: dict[int, str] = {}
    hashes: list[str] = []
    sums = np.zeros((3, size, size), np.int64)
    products = np.zeros((3, 3), np.int64)
    for row, (name, cut) in enumerate(zip(task.names, task.cuts, strict=True)):
        pixels, digest = None, ""
        try:
            if task.raw is not None:
                image = Image.fromarray(np.ascontiguousarray(task.raw[row].transpose(1, 2, 0)))
            elif task.survey:
                content = _content(root / name)
                digest = hashlib.sha256(content).hexdigest()
                image = read_image(content, cut.enough, Path(name).name)
            else:
                image = read_image(root / name, cut.enough)
            pixels = cut_pixels(image, cut, size)
        except DataError as error:
            errors[row] = str(error)
        hashes.append(digest)
        if into is not None:
            into[row] = 0 if pixels is None else pixels
        elif pixels is not None:
            sums += pixels
            flat = pixels.reshape(3, -1).astype(np.float64)
            products += (flat @ flat.T).astype(np.int64)  # exact: far below 2**53
    if task.survey:
        return Reply(errors, tuple(hashes), sums, products)
    return Reply(errors)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be opened ({error.strerror or error}); check the file.") from None


def serve(root: Path, size: int) -> None:
    """Answer tasks from standard input on standard output until the input ends."""
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a decoder's library prints must not get between the answers, nor fill a terminal.
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        while (asked := messages.receive(source)) is not None:
            head, body = asked
            task = _task(head, body)
            count = 0 if task.survey else len(task.names)
            pixels = np.empty((count, 3, size, size), np.uint8)
            reply = perform(root, size, task, None if task.survey else pixels)
            head = {"errors": list(reply.errors.items()), "hashes": reply.hashes}
            if reply.sums is None or reply.products is None:
                messages.send(answers, head, pixels)
            else:
                messages.send(answers, head, np.concatenate((reply.sums.reshape(-1), reply.products.reshape(-1))))
    except (BrokenPipeError, EOFError):
        pass  # the other side is gone
    os._exit(0)  # no more writing: the pipe may be gone


def _task(head: dict[str, Any], body: bytes) -> Task:
    raw = np.frombuffer(body, np.uint8).reshape(head["shape"]) if head["shape"] else None
    return Task(head["names"], [Cut(*cut) for cut in head["cuts"]], raw, head["survey"])
