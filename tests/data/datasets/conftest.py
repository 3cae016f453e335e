"""A server of our own on this machine, from which data sets are downloaded."""

from __future__ import annotations

import http.server
import threading

import pytest

from ...waiting import HANG_SECONDS


class Server:
    """Serves files on 127.0.0.1; ``manner`` is how: whole, cut, damaged, missing or stalled."""

    def __init__(self) -> None:
        self.requests = 0
        self.files: dict[str, bytes] = {}
        self.manner = "whole"
        self.release = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        if self.manner == "missing":
            handler.send_error(404)
            return
        body = self.files[handler.path.removeprefix("/")]
        if self.manner == "damaged":
            body = b"x" + body[1:]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.manner in ("whole", "damaged"):
            handler.wfile.write(body)
            return
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        if self.manner == "stalled":
            self.release.wait(HANG_SECONDS)

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served = Server()
    yield served
    served.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "download"]
