"""One file over the network, on request only: watched, verified, stopped within a second, whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import queue
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from resnet_studio import __version__
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import Report, StopCheck
from resnet_studio.platform.files import replacing
from resnet_studio.text import _

_PIECE = 1 << 17
_POLL_SECONDS = 0.1
_TIMEOUT_SECONDS = 20.0  # without any answer from the server


def fetch(url: str, path: Path, md5: str, report: Report, should_stop: StopCheck) -> None:
    """Download ``url`` to ``path`` if its MD5 sum is ``md5``.

    Raises:
        DataError: One sentence, if the server cannot be reached, breaks off or sends something else.
        OSError: If the file cannot be written.
        Stopped: When ``should_stop`` says so. In all three cases nothing is left behind.
    """
    source, digest, done = _Source(url), hashlib.md5(usedforsecurity=False), 0
    try:
        with replacing(path) as part, part.open("wb") as file:
            report(_("connecting to {host}", host=source.host), None)
            for piece in source.pieces(should_stop):
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                share = min(1.0, done / source.length) if source.length else None
                report(_("downloading {name}", name=path.name), share)
            file.flush()
            if digest.hexdigest() != md5:
                raise DataError(
                    _(
                        "{name} arrived damaged from {host} (MD5 sum {hexdigest} instead of {md5}); try again.",
                        name=path.name,
                        host=source.host,
                        hexdigest=digest.hexdigest(),
                        md5=md5,
                    )
                )
    finally:
        source.close()


class _Source:
    """Reads in a thread of its own, because a blocked read cannot be stopped; passes pieces on through a queue."""

    def __init__(self, url: str) -> None:
        self._request = urllib.request.Request(url, headers={"User-Agent": f"resnet-studio/{__version__}"})
        self.host = self._request.host
        self.length: int | None = None
        self._pieces: queue.Queue[bytes | Exception] = queue.Queue(maxsize=16)
        self._stop = threading.Event()
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._read, name="download", daemon=True)

    def pieces(self, should_stop: StopCheck) -> Iterator[bytes]:
        """The file's bytes as they come in. Raises DataError and Stopped."""
        self._thread.start()
        while True:
            if should_stop():
                raise Stopped
            try:
                piece = self._pieces.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if isinstance(piece, Exception):
                raise DataError(
                    _(
                        "{full_url} could not be downloaded ({reason}); check the network connection and try again.",
                        full_url=self._request.full_url,
                        reason=_reason(piece),
                    )
                ) from None
            if not piece:
                return
            yield piece

    def close(self) -> None:
        """End the thread: at once if it waits for data, else (while it connects) without waiting for it."""
        self._stop.set()
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join(timeout=0.5)

    def _read(self) -> None:
        try:
            with urllib.request.urlopen(self._request, timeout=_TIMEOUT_SECONDS) as response:
                length = response.headers.get("Content-Length", "")
                self.length = int(length) if length.isdigit() else None
                with socket.fromfd(response.fileno(), socket.AF_INET, socket.SOCK_STREAM) as self._connection:
                    piece = b"-"
                    while piece and not self._stop.is_set():
                        piece = response.read1(_PIECE)
                        self._pass_on(piece)
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds the connection
            self._pass_on(error)

    def _pass_on(self, piece: bytes | Exception) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                self._pieces.put(piece, timeout=_POLL_SECONDS)
                return


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return _("the server says {code} {reason}", code=error.code, reason=error.reason)
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, socket.gaierror):
        return _("the server's name is not known")
    if isinstance(cause, TimeoutError):
        return _("the server does not answer")
    return str(getattr(cause, "strerror", None) or cause or type(error).__name__)
