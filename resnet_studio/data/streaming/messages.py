"""Messages between the program and its decoding processes: a JSON head and a body of bytes, each with its length."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_LENGTHS = struct.Struct("<QQ")


def send(stream: IO[bytes], head: dict[str, Any], body: npt.NDArray[Any] | None = None) -> None:
    """Raises OSError (BrokenPipeError) when nobody listens any more."""
    text = json.dumps(head).encode()  # ASCII: file names that are no text survive
    data = None if body is None else np.ascontiguousarray(body).reshape(-1).view(np.uint8)
    stream.write(_LENGTHS.pack(len(text), 0 if data is None else len(data)) + text)
    if data is not None and len(data):
        stream.write(data.data)
    stream.flush()


def receive(stream: IO[bytes], into: npt.NDArray[Any] | None = None) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None where the stream ends.

    Args:
        into: Contiguous memory for the body, which must have its size; the body returned is then empty.

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
