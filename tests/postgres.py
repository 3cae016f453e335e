"""A PostgreSQL server for the tests: started once a session on a socket in a temporary folder, a database a test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

NONE = "no PostgreSQL server can be started here: install Debian's postgresql package, or put initdb into the PATH"
_SETTINGS = {  # nothing of the tests has to survive a power cut
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "80",
    "shared_buffers": "32MB",
}


@cache
def programs() -> Path | None:
    """The folder of initdb and postgres, the newest there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def as_another() -> Sequence[str]:
    """What goes before a command so that it does not run as root, whom PostgreSQL refuses."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    return (setpriv, "--reuid=nobody", "--regid=nogroup", "--clear-groups") if setpriv else ()


@dataclass
class Server:
    """``folder`` holds the data and the socket; it may be read by whoever runs the server."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    _count: int = field(default=0)

    def start(self) -> None:
        """Returns when it answers."""
        place = programs()
        assert place is not None
        settings = {**_SETTINGS, "unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*as_another(), str(place / "postgres"), "-D", str(self.folder / "data"), *options],
                stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        ready = [str(place / "pg_isready"), "-q", "-h", str(self.folder)]
        for _unused in range(600):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
        raise RuntimeError((self.folder / "log").read_text(errors="replace"))

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT closes every connection, SIGQUIT is a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder))}"

    def run_sql(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Outside of any transaction; returns the rows of the last one."""
        import psycopg

        rows: list[tuple[object, ...]] = []
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                found = connection.execute(statement)  # type: ignore[arg-type]
                rows = found.fetchall() if found.description else []
        return rows

    def make_database(self, template: str = "template1") -> str:
        """Returns its name."""
        self._count += 1
        name = f"history_{os.getpid()}_{self._count}"
        self.run_sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop_database(self, name: str) -> None:
        self.run_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def running_server() -> Iterator[Server | None]:
    """None where there is none to be had."""
    place = programs()
    if place is None or (hasattr(os, "geteuid") and os.geteuid() == 0 and not as_another()):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        if as_another():
            shutil.chown(folder, "nobody", "nogroup")
        made = subprocess.run(
            [*as_another(), str(place / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "HOME": str(folder)},
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(made.stderr)
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
