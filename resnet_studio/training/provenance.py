"""Which program, on what, gives a run its bits: versions, the commit of a checkout, a digest of the sources."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import resnet_studio

_PACKAGE = Path(resnet_studio.__file__).parent
_PACKAGES = ("data", "domain", "networks", "runner", "training")  # whose code the bits depend on
_GIT_SECONDS = 5
_VERSION = re.compile(r"^__version__ *(?:: *str *)?= *['\"]([^'\"]+)['\"]", re.MULTILINE)


@cache
def program() -> dict[str, str]:
    """``resnet_studio`` (version), ``program_sha256``, and in a checkout ``commit``.

    The digest is over the sources that the bits depend on, wherever they are installed. A commit whose sources were
    changed since says so, where git is at hand to tell.
    """
    found = {"resnet_studio": resnet_studio.__version__, "program_sha256": digest(_PACKAGE)}
    if known := commit(_PACKAGE.parent):
        found["commit"] = known
    return found


def here() -> dict[str, str]:
    """What a run's record would say of this machine now, as far as it is known without loading torch."""
    found = {**program(), "python": platform.python_version(), "platform": platform.platform(terse=True)}
    return found | {package: known for package in ("torch", "torchvision") if (known := version(package))}


def version(package: str) -> str:
    """As ``package.__version__`` says it; empty if it is not installed.

    With the build (``2.15.0+cu132``), which the installed metadata leave out; the package is not loaded.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    try:
        text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
        if found := _VERSION.search(text):
            return found[1]
        return importlib.metadata.version(package)
    except (OSError, UnicodeDecodeError, importlib.metadata.PackageNotFoundError):
        return ""


def digest(package: Path) -> str:
    """SHA-256 over the names and bytes of the sources that the bits depend on."""
    found = hashlib.sha256()
    for file in sorted(file for name in _PACKAGES for file in (package / name).rglob("*.py")):
        content = file.read_bytes()
        found.update(f"{file.relative_to(package).as_posix()} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()


def commit(checkout: Path) -> str:
    """The commit that ``checkout`` stands at, `` with changes`` if its sources were changed since; empty without one.

    The commit is read from git's files; git itself is only asked for changes, where it is installed.
    """
    folder = _git_folder(checkout / ".git")
    if folder is None:
        return ""
    found = _head(folder)
    return f"{found} with changes" if found and _changed(checkout) else found


def _git_folder(place: Path) -> Path | None:
    """``place`` itself, or where the file at it points to (a work tree beside the repository)."""
    if place.is_dir():
        return place
    try:
        kind, _, path = place.read_text(encoding="utf-8").strip().partition(": ")
    except (OSError, UnicodeDecodeError):
        return None
    return (place.parent / path).resolve() if kind == "gitdir" else None


def _head(folder: Path) -> str:
    try:
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        common = folder
        if (folder / "commondir").is_file():
            common = (folder / (folder / "commondir").read_text(encoding="utf-8").strip()).resolve()
        if (common / name).is_file():
            return (common / name).read_text(encoding="utf-8").strip()
        for line in (common / "packed-refs").read_text(encoding="utf-8").splitlines():
            if line.endswith(f" {name}"):
                return line.partition(" ")[0]
    except (OSError, UnicodeDecodeError):
        return ""
    return ""


def _changed(checkout: Path) -> bool:
    git = shutil.which("git")
    if git is None:
        return False
    command = [git, "-C", str(checkout), "status", "--porcelain", "--", _PACKAGE.name]
    try:
        said = subprocess.run(command, capture_output=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and bool(said.stdout.strip())
