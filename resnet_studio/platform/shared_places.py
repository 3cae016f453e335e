"""Where the history and the runs of a home lie if not in it, as the window's preferences keep it: a small file."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from resnet_studio.domain.errors import UserError
from resnet_studio.platform.outside_files import TOO_MUCH, read_regular
from resnet_studio.platform.private_folder import make_private, write_private
from resnet_studio.text import _

log = logging.getLogger(__name__)

FILE_NAME = "shared.json"
_LIMIT = 64 * 2**10  # bytes


@dataclass(frozen=True, slots=True)
class SharedPlaces:
    """``history`` is a URL and ``runs`` a folder; empty where they lie in the home."""

    history: str = ""
    runs: str = ""


def read_places(root: Path) -> SharedPlaces:
    """A file that is missing or means nothing names no places."""
    file = root / FILE_NAME
    if not file.exists():
        return SharedPlaces()
    try:
        found = json.loads(read_regular(file, _LIMIT))
        places = {name: found.get(name, "") for name in ("history", "runs")}
    except (UserError, ValueError, AttributeError, *TOO_MUCH) as error:
        log.warning("%s cannot be read: %s", file, error)
        return SharedPlaces()
    if not all(isinstance(place, str) for place in places.values()):
        log.warning("%s names no places", file)
        return SharedPlaces()
    return SharedPlaces(**{name: place.strip() for name, place in places.items()})


def write_places(root: Path, places: SharedPlaces) -> None:
    """For its owner alone: a URL may hold a password. They count from the next start on.

    Raises:
        UserError: If the file cannot be written.
    """
    file = root / FILE_NAME
    part = file.with_suffix(".part")
    try:
        make_private(root)
        write_private(part, json.dumps(asdict(places), indent=2).encode())
        part.replace(file)
    except OSError as error:
        raise UserError(_("{file} cannot be written ({why}).", file=file, why=error.strerror or error)) from None
